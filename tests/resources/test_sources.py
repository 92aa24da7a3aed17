"""Files of every format, whole and broken: read, or failed with an error that says what to do (semantics 2)."""

import gzip
import io
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resources.errors import ResourceError
from resources.sources import sources
from tests.resources.worlds import EVENT, World, event, lines

HEADER = "event_id,timestamp,account_id,resource_id,meter,quantity"
AT = datetime(2026, 10, 15, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One project for many files: each test lands files and records of names of its own."""
    made = World(tmp_path_factory.mktemp("worlds") / "world")
    yield made
    made.project.close()


def csv(*rows: str, header: str = HEADER, end: str = "\n") -> bytes:
    return "".join(f"{line}{end}" for line in (header, *rows)).encode()


def row(name: str, quantity: object = 1) -> str:
    return f"{name},2026-10-15T10:00:00Z,acme,r1,requests,{quantity}"


def parquet(path: Path, **columns: pl.Series | pl.Expr) -> bytes:
    """A Parquet file of one row or more with these columns in place of a good record's."""
    rows = max((len(values) for values in columns.values() if isinstance(values, pl.Series)), default=1)
    frame = pl.DataFrame({name: [value] * rows for name, value in {**EVENT, "timestamp": AT, "quantity": 1.0}.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.with_columns(**columns).write_parquet(path)
    return path.read_bytes()


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


def backwards(line: str) -> str:
    return ",".join(reversed(line.split(",")))


# --- whole files

GOOD: dict[str, Callable[[str], bytes]] = {
    "plain.csv": lambda name: csv(row(name)),
    "crlf.csv": lambda name: csv(row(name), end="\r\n"),
    "bom.csv": lambda name: b"\xef\xbb\xbf" + csv(row(name)),
    "UPPER.CSV": lambda name: csv(row(name)),
    "more columns.csv": lambda name: csv(f"x,{row(name)},y", header=f",{HEADER},row"),
    "other order.csv": lambda name: csv(backwards(row(name)), header=backwards(HEADER)),
    "blank lines.csv": lambda name: csv("", row(name), "", ""),
    "zipped.csv.gz": lambda name: gzip.compress(csv(row(name))),
    "zipped.csv.zst": lambda name: zstd(csv(row(name))),
    "plain.ndjson": lambda name: lines(event(event_id=name)),
    "plain.jsonl": lambda name: lines(event(event_id=name)),
    "plain.json": lambda name: lines(event(event_id=name)),
    "array.json": lambda name: lines([event(event_id=name)]),
    "no line end.json": lambda name: lines([event(event_id=name)]).rstrip(),
    "bom.ndjson": lambda name: b"\xef\xbb\xbf" + lines(event(event_id=name)),
    "crlf.ndjson": lambda name: b"\r\n" + lines(event(event_id=name)).replace(b"\n", b"\r\n") + b"\n",
    "zipped.ndjson.gz": lambda name: gzip.compress(lines(event(event_id=name))),
    "zipped.ndjson.ZST": lambda name: zstd(lines(event(event_id=name))),
    "sp ace 'quote' \"q\" [x] {a,b}* ünï 日本 😀.csv": lambda name: csv(row(name)),
    "folder='x'/sub/acc=1/quantity=7.csv": lambda name: csv(row(name)),
}  # fmt: skip


def test_every_format_and_name(shared: World, tmp_path: Path) -> None:
    names = {f"good-{place}": name for place, name in enumerate(GOOD)}
    for event_id, name in names.items():
        shared.land(name, GOOD[name](event_id))
    in_parquet = ["plain.parquet", "account_id=beta/x.parquet", "[1] it's.parquet"]
    for name in in_parquet:
        shared.land(name, parquet(tmp_path / "one.parquet", event_id=pl.lit(name)))
    shared.run()
    files = shared.files()
    assert {name: files[name]["error"] for name in (*GOOD, *in_parquet)} == dict.fromkeys((*GOOD, *in_parquet))
    names |= {name: name for name in in_parquet}
    taken = dict(shared.query("select event_id, account_id || ' ' || file from usage_events"))
    assert {name: taken.get(name) for name in names} == {event_id: f"acme {name}" for event_id, name in names.items()}


def test_files_without_a_record(shared: World, tmp_path: Path) -> None:
    contents = {
        "header only.csv": csv(), "no records.parquet": b"", "blank.ndjson": b"\n\r\n\n", "empty array.json": b"[]\n",
        "header only.csv.gz": gzip.compress(csv(end="\r\n")),
    }  # fmt: skip
    pl.DataFrame(schema={**dict.fromkeys(EVENT, pl.String), "timestamp": pl.Datetime("us")}).write_parquet(
        tmp_path / "n.parquet"
    )
    contents["no records.parquet"] = (tmp_path / "n.parquet").read_bytes()
    for name, content in contents.items():
        shared.land(name, content)
    shared.run()
    assert {name: (shared.file(name)["status"], shared.file(name)["records"]) for name in contents} == dict.fromkeys(
        contents, ("taken", 0)
    )


# --- files that cannot be read whole: what the error must say

WHOLE = csv(*(row(f"x{number}", number) for number in range(20_000)))
MANY = lines(*(event(event_id=f"y{number}") for number in range(2_000)))

BROKEN: dict[str, tuple[bytes, str]] = {
    "empty.csv": (b"", "the file is empty"),
    "empty.ndjson": (b"", "the file is empty"),
    "empty.parquet": (b"", "cannot be read"),
    "empty.csv.gz": (gzip.compress(b""), "the file is empty"),
    "nothing.csv.gz": (b"", "the file is empty"),
    "cut.csv": (WHOLE[: len(WHOLE) // 2 - 3], "the last line does not end"),
    "cut in quotes.csv": (csv(row("q1"), 'q2,"2026') + b"10,", "the last line does not end"),
    "open quote.csv": (csv(row("q1"), 'q2,"2026', row("q3"), row("q4")), "in line 3 a quote opens that does not close"),
    "cut.ndjson": (MANY[: len(MANY) // 2 - 3], "the last line does not end"),
    "cut.csv.gz": (gzip.compress(WHOLE)[:-2000], "Truncated compressed stream"),
    "tail.csv.gz": (gzip.compress(WHOLE)[:-3], "Truncated compressed stream"),
    "sum.csv.gz": (gzip.compress(WHOLE)[:-8] + bytes(8), "incorrect data check"),
    "cut inside.csv.gz": (gzip.compress(WHOLE[: len(WHOLE) // 2 - 3]), "the last line does not end"),
    "cut.csv.zst": (zstd(WHOLE)[:-2000], "Truncated compressed stream"),
    "cut.ndjson.gz": (gzip.compress(MANY)[:-200], "Truncated compressed stream"),
    "no gzip.csv.gz": (WHOLE, "cannot be read"),
    "no parquet.parquet": (WHOLE, "cannot be read"),
    "mixed line ends.csv": (csv(row("m1")) + csv(row("m3"), header=row("m2"), end="\r\n") + b"x\n", "CRLF and LF"),
    "no header.csv": (b"\n" + csv(row("n1")), "its first line is empty"),
    "two columns of a name.csv": (csv("x," + row("n2"), header=f"Meter,{HEADER}"), "column 'Meter' stands twice"),
    "no utf-8.csv": (csv(row("n3")).decode().encode("utf-16"), "UTF-8"),
    "our name.csv": (csv("1," + row("n7"), header=f"Landed_row,{HEADER}"), "column 'Landed_row' has a name that we need"),
    "semicolons.csv": (csv(row("n4")).replace(b",", b";"), "column 'event_id' is missing"),
    "other names.csv": (csv(row("n5"), header=HEADER.replace("meter", "Meter")), "column 'meter' is missing"),
    "sheet.xlsx": (b"PK", "its ending tells no format"),
    "no ending": (csv(row("n6")), "its ending tells no format"),
    "parquet.parquet.gz": (gzip.compress(b"PAR1"), "its ending tells no format"),
}  # fmt: skip


def test_broken_files_fail_whole_and_the_rest_is_taken(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    for name, (content, _) in BROKEN.items():
        world.land(name, content)
    cut = parquet(tmp_path / "p.parquet", quantity=pl.Series([float(number) for number in range(5000)]))
    world.land("cut.parquet", cut[: len(cut) // 2])
    world.land("damaged.parquet", cut[:400] + bytes(600) + cut[1000:])
    world.land("in folders/good.csv", csv(row("good")))
    report = world.run()
    expected = {name: said for name, (_, said) in BROKEN.items()} | {
        "cut.parquet": "cannot be read",
        "damaged.parquet": "cannot be read",
    }
    errors = {name: found["error"] or "" for name, found in world.files().items()}
    assert [name for name, said in expected.items() if said not in errors[name]] == [], errors
    assert world.accepted() == ["good"]
    assert world.refused() == []
    assert set(report["failed_files"]) == {f"usage_records/{name}" for name in expected}
    assert all("\n" not in error and len(error) < 400 for error in errors.values()), errors
    before = len(world.query("from ingested_files"))
    world.run()
    assert len(world.query("from ingested_files")) == before, "a file that failed is tried again when it changes"
    for name in ("cut.csv", "empty.parquet"):
        assert world.take(name, WHOLE if name.endswith("csv") else parquet(tmp_path / "q.parquet"))["status"] == "taken"


def test_a_parquet_page_that_is_damaged_in_a_column_that_nobody_reads(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    values = pl.Series([f"{number * 7919 % 10007}" for number in range(20_000)])
    content = parquet(tmp_path / "p.parquet", note=values, event_id=values, quantity=pl.lit("x"))
    world.land("a.parquet", content)
    place = pq.ParquetFile(tmp_path / "p.parquet").metadata.row_group(0).column(6).data_page_offset
    world.land("b.parquet", content[: place + 40] + bytes(3000) + content[place + 3040 :])
    world.land("c.csv", csv(row("good")))
    world.run()
    assert {name: found["status"] for name, found in world.files().items()} == {
        "a.parquet": "taken", "b.parquet": "failed", "c.csv": "taken",
    }  # fmt: skip
    assert world.accepted() == ["good"]


@pytest.mark.parametrize("seed", [1, 2])
def test_parquet_that_is_damaged_anywhere_never_ends_the_run(tmp_path: Path, seed: int) -> None:
    """DuckDB raises many kinds of errors here, also its bare `Error`: each is the file's fault, and named as such."""
    world = World(tmp_path / "world")
    chance = random.Random(seed)  # noqa: S311 - no secret
    values = pl.Series([f"{number * 7919 % 10007}" for number in range(3000)])
    whole = bytearray(parquet(tmp_path / "p.parquet", event_id=values))
    for number in range(8):
        damaged = whole.copy()
        for _ in range(chance.choice([1, 3, 20])):
            place = chance.randrange(4, len(damaged))
            damaged[place : place + 8] = chance.randbytes(len(damaged[place : place + 8]))
        world.land(f"{number}.parquet", bytes(damaged))
    world.land("good.csv", csv(row("good")))
    world.run()
    files = world.files()
    assert len(files) == 9
    assert {found["status"] for found in files.values()} == {"taken", "failed"}
    assert "good" in world.accepted()


# --- bad lines in a good file

CSV_LINES = {
    "too few": "few,2026-10-15T10:00:00Z,acme",
    "too many": row("many") + ",1,2",
    "quote": 'quo"ted,"2026"x,acme,r1,requests,1',
    "no utf-8": "utf,2026-10-15T10:00:00Z,ac\udcffme,r1,requests,1",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_bad_lines_of_csv_are_refused_with_their_line(tmp_path: Path, end: str) -> None:
    world = World(tmp_path / "world")
    quoted = f'"a,""b""",2026-10-15T10:00:00Z,acme,"r{end}1",requests,1'
    rows = [row("first"), quoted, *CSV_LINES.values(), row("last")]
    content = "".join(f"{line}{end}" for line in (HEADER, *rows)).encode(errors="surrogateescape")
    found = world.take("a.csv", content)
    assert (found["status"], found["records"], found["accepted"], found["refused"]) == ("taken", 7, 3, 4)
    assert world.accepted() == ['a,"b"', "first", "last"]
    assert world.refused() == [("a.csv", line, "unreadable") for line in (4, 5, 6, 7)]
    kept = dict(zip(CSV_LINES, world.records(), strict=True))
    assert kept.pop("no utf-8").startswith("utf,2026")
    assert kept == {name: line for name, line in CSV_LINES.items() if name != "no utf-8"}
    assert world.query("select resource_id from usage_events where event_id like 'a%'") == [(f"r{end}1",)]


def test_bad_lines_of_json_are_refused_with_their_line(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    good = [event(event_id=name) for name in "abcd"]
    bad = [
        "{'event_id': 'x'}",
        '{"event_id": "x"',
        "oops",
        '"text"',
        "17",
        "null",
        json.dumps(good[0]) * 2,
        "\x01\x02",
        '{"a":"C:\\x01"}',
    ]
    content = lines(good[0], *bad, [good[1], 5, good[2]], good[3]) + b'{"event_id": "\xff"}\n'
    found = world.take("a.ndjson", content)
    assert (found["records"], found["accepted"], found["refused"]) == (15, 4, 11)
    assert world.accepted() == ["a", "b", "c", "d"]
    assert [(line, reason) for _, line, reason in world.refused()] == [
        *((line, "unreadable") for line in range(2, 11)), (12, "timestamp_unreadable"), (13, "unreadable"),
    ]  # fmt: skip
    assert set(bad) <= set(world.records())


def test_numbers_of_json_are_taken_as_they_are_written(shared: World) -> None:
    numbers = {
        "12345678901.1234567895": "12345678901.123456790", "123456789012.000000001": "123456789012.000000001",
        "0.10": "0.1", "1e3": "1000", "0.30000000000000004": "0.3", "-0.0000000004": "0",
    }  # fmt: skip
    raw = [
        json.dumps(event(event_id=f"j{place}", note="x 12345678901234567890", quantity=...), default=lambda _: 0)
        for place in range(6)
    ]
    texts = [text.replace('"quantity": 0', f'"quantity": {number}') for text, number in zip(raw, numbers, strict=True)]
    shared.land("numbers.ndjson", lines(*texts[:4], f"[{texts[4]},{texts[5]}]"))
    shared.run()
    found = shared.query("select quantity from usage_events where event_id like 'j_' order by event_id")
    assert [value for (value,) in found] == [Decimal(number) for number in numbers.values()]


# --- columns of odd types

ODD: dict[str, tuple[dict[str, Any], object]] = {
    "decimal": ({"quantity": pl.Series(["1.0000000005"]).cast(pl.Decimal(38, 18))}, "1.000000001"),
    "large decimal": ({"quantity": pl.Series([f"{10**30}"]).cast(pl.Decimal(38, 0))}, "out_of_range"),
    "whole": ({"quantity": pl.Series([-128], dtype=pl.Int8), "meter": pl.lit("balance")}, "-128"),
    "largest whole": ({"quantity": pl.Series([2**64 - 1], dtype=pl.UInt64)}, "out_of_range"),
    "float32": ({"quantity": pl.Series([0.5], dtype=pl.Float32)}, "0.5"),
    "large float": ({"quantity": pl.Series([123456789012.3])}, "123456789012.300003052"),
    "NaN": ({"quantity": pl.Series([float("nan")])}, "quantity_unreadable"),
    "huge": ({"quantity": pl.Series([1e300])}, "out_of_range"),
    "text": ({"quantity": pl.Series([" 1.5e0 "])}, "1.5"),
    "truth": ({"quantity": pl.Series([True])}, "quantity_unreadable"),
    "null": ({"quantity": pl.Series([None], dtype=pl.Null)}, "quantity_missing"),
    "time without zone": ({"timestamp": pl.Series([datetime(2026, 10, 15, 10)])}, "1"),  # noqa: DTZ001 - what is tried
    "nanoseconds": ({"timestamp": pl.Series([AT]).cast(pl.Datetime("ns", "UTC"))}, "1"),
    "other zone": ({"timestamp": pl.Series([AT]).dt.convert_time_zone("Asia/Kathmandu")}, "1"),
    "date": ({"timestamp": pl.Series([date(2026, 10, 15)])}, "1"),
    "text time": ({"timestamp": pl.Series(["2026-10-15T10:00Z"])}, "1"),
    "epoch": ({"timestamp": pl.Series([1791979200])}, "timestamp_unreadable"),
    "numbered account": ({"account_id": pl.Series([7])}, "unknown_account"),
    "dictionary": ({"account_id": pl.Series(["acme"], dtype=pl.Categorical)}, "1"),
    "dimensions as text": ({"dimensions": pl.Series(['{"b":"1","a":"2"}'])}, "1"),
    "dimensions as structure": ({"dimensions": pl.Series([{"b": "1", "a": "2"}])}, "1"),
    "dimensions nested": ({"dimensions": pl.Series([{"b": {"a": "2"}}])}, "dimensions_not_flat"),
    "dimensions as number": ({"dimensions": pl.Series([1])}, "dimensions_not_flat"),
    "bytes beside": (
        {"file": pl.Series([b"\xff"]), "row": pl.Series([[1]]), "quantity": pl.lit("x")}, "quantity_unreadable",
    ),
    "our names beside": ({"filename": pl.Series([1]), "source": pl.Series([2]), "reason": pl.Series([3])}, "1"),
}  # fmt: skip


def test_columns_of_odd_types(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    for name, (columns, _) in ODD.items():
        world.land(f"{name}.parquet", parquet(tmp_path / "one.parquet", event_id=pl.lit(name), **columns))
    world.run()
    assert [found["error"] for found in world.files().values() if found["error"]] == []
    found = {
        str(name): str(quantity.normalize())
        for name, quantity in world.query("select event_id, quantity from usage_events")
    }
    found |= {name.removesuffix(".parquet"): reason for name, _, reason in world.refused()}
    expected = {
        name: said if "_" in str(said) else str(Decimal(str(said)).normalize()) for name, (_, said) in ODD.items()
    }
    assert found == expected
    named = world.query(
        "select dimensions from usage_events where event_id like 'dimensions as%' and event_id not like '%number'"
    )
    assert named == [('{"a":"2","b":"1"}',)] * 2
    assert len(world.records()) == len(world.refused())


def test_a_file_does_not_change_what_another_says(shared: World, tmp_path: Path) -> None:
    """Parquet files of several types are not read as one table: a decimal beside a float would become a float."""
    exact = pl.Series(["12345678901.123456789"]).cast(pl.Decimal(38, 9))
    shared.land("t1.parquet", parquet(tmp_path / "p.parquet", event_id=pl.lit("t1"), quantity=exact))
    shared.land("t2.parquet", parquet(tmp_path / "p.parquet", event_id=pl.lit("t2"), quantity=pl.Series([0.5])))
    missing = pl.read_parquet(io.BytesIO(parquet(tmp_path / "p.parquet"))).drop("quantity")
    missing.write_parquet(tmp_path / "m.parquet")
    shared.land("t3.parquet", (tmp_path / "m.parquet").read_bytes())
    shared.land("t4.csv", csv("t4", header="event_id"))
    shared.land("t5.csv", csv(row("t5")))
    shared.run()
    assert shared.query("select quantity from usage_events where event_id = 't1'") == [
        (Decimal("12345678901.123456789"),)
    ]
    assert "column 'quantity' is missing" in shared.file("t3.parquet")["error"]
    assert "column 'timestamp' is missing" in shared.file("t4.csv")["error"]
    assert shared.counts("t5.csv") == (1, 0, 0, 0)


# --- CloudEvents and wide rows


def cloud_event(name: str, **changes: object) -> dict[str, Any]:
    data = {"resource_id": "r1", "meter": "requests", "quantity": "1.5", "dimensions": {"b": "1", "a": "2"}}
    whole = {
        "specversion": "1.0",
        "id": name,
        "source": "/s",
        "type": "usage",
        "subject": "acme",
        "time": "2026-10-15T10:00:00Z",
    }
    return {key: value for key, value in {**whole, "data": data, **changes}.items() if value is not None}


def test_cloudevents_single_and_batched(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    events: dict[str, tuple[dict[str, object], str | None]] = {
        "good": ({}, None),
        "account in the data": ({"subject": None, "data": {**cloud_event("x")["data"], "account_id": "beta"}}, None),
        "number": ({"data": {**cloud_event("x")["data"], "quantity": 1.5}}, None),
        "old": ({"specversion": "0.3"}, "specversion_unsupported"),
        "no version": ({"specversion": None}, "specversion_unsupported"),
        "no type": ({"type": None}, "no_cloudevent"),
        "no source": ({"source": None}, "no_cloudevent"),
        "no time": ({"time": None}, "timestamp_unreadable"),
        "no data": ({"data": None}, "resource_missing"),
        "data as text": ({"data": "text"}, "resource_missing"),
        "no account": ({"subject": None}, "unknown_account"),
        "nested": ({"data": {**cloud_event("x")["data"], "dimensions": {"a": {}}}}, "dimensions_not_flat"),
    }
    made = [cloud_event(name, **changes) for name, (changes, _) in events.items()]
    world.take(
        "a.json", lines(made[0], made[1:5], *made[5:-1], [made[-1]], cloud_event("x", id=None)), source="cloudevents"
    )
    accepted = {str(name).removeprefix("/s#"): None for name in world.accepted()}
    refused = {list(events)[place - 1]: reason for _, place, reason in world.refused() if place <= len(events)}
    assert accepted | refused == {name: reason for name, (_, reason) in events.items()}
    assert world.reasons()[-1] == "event_id_missing"
    assert set(world.accepted("(quantity, dimensions)")) == {(Decimal("1.5"), '{"a":"2","b":"1"}')}


GAUGES = ["cpu", "disk_io", "memory", "network_in", "network_out"]


def wide(**changes: object) -> dict[str, object]:
    numbers = dict.fromkeys(
        ("cores", "memory_kib", "disk_read_kibs", "disk_write_kibs", "net_rx_kibs", "net_tx_kibs"), 0.25
    )
    return {"timestamp": "2026-10-15T10:00:00Z", "vm": "vm-1", "account_id": "acme", **numbers, **changes}


def test_wide_rows_make_a_record_a_gauge(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    sum_of_two = wide(vm="vm-2", disk_read_kibs="0.0000000005", disk_write_kibs="0.0000000005", storage_gb=40)
    rows = [
        wide(), sum_of_two, wide(),
        wide(vm="vm-3", cores=None, disk_read_kibs="x", net_rx_kibs=float("inf"), memory_kib=-1),
        wide(vm=None), wide(vm="vm-4", timestamp=None), wide(account_id="late", vm="vm-5"),
    ]  # fmt: skip
    world.take("a.ndjson", lines(*rows), source="vm_samples")
    assert world.counts("a.ndjson") == (5 + 6 + 1, 5, 4 + 5 + 5 + 5, 0)
    assert world.query("select meter from usage_events where resource_id = 'vm-1' order by all") == [
        (name,) for name in GAUGES
    ]
    assert world.query("select quantity from usage_events where resource_id = 'vm-2' and meter = 'disk_io'") == [
        (Decimal("2e-9"),)
    ]
    by_row = {place: sorted({reason for _, at, reason in world.refused() if at == place}) for place in (4, 5, 6, 7)}
    assert by_row == {
        4: ["negative", "quantity_missing", "quantity_unreadable"], 5: ["event_id_missing"],
        6: ["timestamp_unreadable"], 7: ["unknown_account"],
    }  # fmt: skip
    world.add_accounts("late")
    world.run()
    assert world.query("select count(*) from usage_events where resource_id = 'vm-5'") == [(5,)]


def test_a_source_with_a_column_declared_wrongly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.sql").write_text("-- column: event_id texte\nselect 1\n", encoding="utf-8")
    monkeypatch.setattr("resources.sources.files_of", lambda _: [tmp_path / "mine.sql"])
    with pytest.raises(ResourceError, match=r"mine\.sql: a column is declared as"):
        sources()
