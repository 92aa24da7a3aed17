"""What becomes of records: accepted, duplicate, refused with a reason, judged again (semantics 2)."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.resources.worlds import BOOK, NOW, World, event, lines

SOON, LATER = "2026-10-15T12:05:00Z", "2026-10-15T12:05:00.000001Z"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "world")
    yield made
    made.project.close()


def test_a_nul_in_a_text_is_a_character(world: World) -> None:
    assert world.take("x.ndjson", lines(event(service_id="a\0b", event_id="e\0")))["accepted"] == 1
    assert world.accepted("service_id") == ["a\0b"]


# --- judging one record: what is changed in a good one, and the reason to refuse it (None: it is accepted)

CASES: list[tuple[str, dict[str, Any], str | None]] = [
    ("good", {}, None),
    ("id missing", {"event_id": None}, "event_id_missing"),
    ("id empty", {"event_id": ""}, "event_id_missing"),
    ("id null", {"event_id": ...}, "event_id_missing"),
    ("id a number", {"event_id": 7}, None),
    ("resource missing", {"resource_id": None}, "resource_missing"),
    ("account unknown", {"account_id": "nobody"}, "unknown_account"),
    ("account missing", {"account_id": None}, "unknown_account"),
    ("account of another case", {"account_id": "Acme"}, "unknown_account"),
    ("meter unknown", {"meter": "nothing"}, "unknown_meter"),
    ("meter missing", {"meter": None}, "unknown_meter"),
    ("time missing", {"timestamp": None}, "timestamp_unreadable"),
    ("time no time", {"timestamp": "noon"}, "timestamp_unreadable"),
    ("time epoch seconds", {"timestamp": 1791979200}, "timestamp_unreadable"),
    ("time without end", {"timestamp": "infinity"}, "timestamp_unreadable"),
    ("time without beginning", {"timestamp": "-infinity"}, "timestamp_unreadable"),
    ("time before Christ", {"timestamp": "0044-03-15 (BC)"}, "timestamp_unreadable"),
    ("time before 1970", {"timestamp": "1969-12-31T23:59:59Z"}, "timestamp_unreadable"),
    ("time in 1970", {"timestamp": "1970-01-01T00:00:00Z"}, None),
    ("time of another zone", {"timestamp": "2026-10-15T14:04:59+02:00"}, None),
    ("five minutes ahead", {"timestamp": SOON}, None),
    ("more than five minutes ahead", {"timestamp": LATER}, "future"),
    ("far ahead", {"timestamp": "9999-12-31T00:00:00Z"}, "future"),
    ("quantity missing", {"quantity": None}, "quantity_missing"),
    ("quantity empty", {"quantity": ""}, "quantity_missing"),
    ("quantity null", {"quantity": ...}, "quantity_missing"),
    ("quantity text", {"quantity": "many"}, "quantity_unreadable"),
    ("quantity true", {"quantity": True}, "quantity_unreadable"),
    ("quantity a list", {"quantity": [1]}, "quantity_unreadable"),
    ("quantity NaN", {"quantity": float("nan")}, "quantity_unreadable"),
    ("quantity Infinity", {"quantity": float("inf")}, "quantity_unreadable"),
    ("quantity 1e12", {"quantity": 10**12}, "out_of_range"),
    ("quantity 1e40", {"quantity": 1e40}, "out_of_range"),
    ("quantity -1e40", {"quantity": "-1e40"}, "out_of_range"),
    ("quantity just below 1e12", {"quantity": "999999999999.999999999"}, None),
    ("quantity rounded up to 1e12", {"quantity": "999999999999.9999999995"}, "out_of_range"),
    ("quantity 0", {"quantity": 0}, None),
    ("quantity below 0", {"quantity": "-0.000000001"}, "negative"),
    ("quantity rounded to 0", {"quantity": "-0.0000000004"}, None),
    ("quantity below 0 where it may be", {"quantity": -5, "meter": "balance"}, None),
    ("amount text", {"amount": "much"}, "amount_unreadable"),
    ("amount 1e12", {"amount": "1e12"}, "out_of_range"),
    ("amount", {"amount": "0.10"}, None),
    ("amount below 0 of a quantity", {"amount": "-0.10"}, None),
    ("amount missing", {"meter": "resold"}, "amount_missing"),
    ("amount of money", {"meter": "resold", "amount": "0"}, None),
    ("amount below 0", {"meter": "resold", "amount": "-0.10"}, "negative"),
    ("amount below 0 where it may be", {"meter": "returned", "amount": "-0.10"}, None),
    ("amount below 0 of nobody", {"meter": "returned", "amount": "-1", "account_id": "nobody"}, "unknown_account"),
    ("dimensions", {"dimensions": {"zone": "a"}}, None),
    ("dimensions null", {"dimensions": ...}, None),
    ("dimensions nested", {"dimensions": {"zone": {"a": "b"}}}, "dimensions_not_flat"),
    ("dimensions a number in it", {"dimensions": {"zone": 1}}, "dimensions_not_flat"),
    ("dimensions a null in it", {"dimensions": {"zone": None}}, "dimensions_not_flat"),
    ("dimensions a list", {"dimensions": ["zone"]}, "dimensions_not_flat"),
    ("dimensions text", {"dimensions": "zone=a"}, "dimensions_not_flat"),
    ("key that nobody knows", {"colour": "red"}, None),
]  # fmt: skip


def case_record(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """A record of a case: its resource is its name, so that it is found again; `...` stands for null."""
    record = event(**{"event_id": name, "resource_id": name, **changes})
    return {key: None if value is ... else value for key, value in record.items()}


def test_each_reason_to_refuse(world: World) -> None:
    row = world.take("cases.ndjson", lines(*(case_record(name, changes) for name, changes, _ in CASES)))
    found = dict.fromkeys(world.accepted("resource_id")) | {
        CASES[place - 1][0]: reason for _, place, reason in world.refused()
    }  # fmt: skip
    assert found == {name: reason for name, _, reason in CASES}
    refused = sum(reason is not None for _, _, reason in CASES)
    assert (row["status"], row["records"], row["refused"]) == ("taken", len(CASES), refused)


def test_a_refused_record_is_kept_as_it_came(world: World) -> None:
    odd = '{"quantity": 1.50, "note": "a \\"b\\"",   "event_id": 7, "n": 12345678901234567890.123456789}'
    world.take("odd.ndjson", lines(odd))
    assert world.records() == [odd]
    world.take(
        "odd.csv", b'event_id,timestamp,account_id,resource_id,meter,quantity,file,row\n1,x,"a,b",r,m,1.50,f,"2\n3"\n'
    )
    columns = {
        "event_id": "1",
        "timestamp": "x",
        "account_id": "a,b",
        "resource_id": "r",
        "meter": "m",
        "quantity": "1.50",
    }
    assert json.loads(world.records()[-1]) == columns | {"file": "f", "row": "2\n3"}


def test_what_is_accepted_says_the_same_however_it_is_written(world: World) -> None:
    world.take(
        "same.ndjson",
        lines(
            event(event_id="a", quantity="1.50", dimensions={"b": "1", "a": "2"}),
            event(event_id="a", quantity=1.5, dimensions={"a": "2", "b": "1"}, timestamp="2026-10-15T12:00+02:00"),
            event(event_id="a", quantity="1.5000000001", dimensions={"a": "2", "b": "1"}, service_id=""),
        ),
    )
    assert world.counts("same.ndjson") == (1, 2, 0, 0)
    assert world.query("select quantity, dimensions, service_id, amount from usage_events") == [
        (Decimal("1.500000000"), '{"a":"2","b":"1"}', "", None)
    ]


# --- copies: the first counts, the same again is a duplicate, something else is a conflict


def test_copies_in_one_file(world: World) -> None:
    world.take(
        "copies.ndjson",
        lines(
            event(event_id="a"), event(event_id="a"), event(event_id="a", quantity="2"), event(event_id="a"),
            event(event_id="a", timestamp="2026-10-15T10:00:00.000001Z"), event(event_id="b"),
            event(event_id="a", account_id="beta"), event(event_id="a", dimensions={"k": "v"}), event(event_id="a", amount=1),
        ),
    )  # fmt: skip
    assert world.counts("copies.ndjson") == (3, 2, 4, 0)
    assert world.refused() == [("copies.ndjson", row, "conflict") for row in (3, 7, 8, 9)]
    assert len(world.records()) == 4


def test_a_copy_whose_first_was_refused_is_the_first(world: World) -> None:
    world.take("a.ndjson", lines(event(quantity="x"), event(quantity="2"), event(quantity="3")))
    assert world.counts("a.ndjson") == (1, 0, 2, 0)
    assert world.quantity() == 2


def test_copies_in_files_of_one_run_are_taken_in_the_order_of_names(world: World) -> None:
    for name, quantity in (("b.ndjson", 2), ("a.csv", 1), ("c.ndjson", 1), ("a/b.ndjson", 4)):
        record = event(quantity=str(quantity))
        text = f"{','.join(record)}\n{','.join(record.values())}\n".encode()
        world.land(name, text if name.endswith("csv") else lines(record, record))
    world.run()
    assert world.quantity() == 1
    outcomes = {name: world.counts(name) for name in world.files()}
    assert outcomes == {
        "a.csv": (1, 0, 0, 0),
        "a/b.ndjson": (0, 0, 2, 0),
        "b.ndjson": (0, 0, 2, 0),
        "c.ndjson": (0, 2, 0, 0),
    }


def test_what_an_earlier_run_accepted_stays(world: World) -> None:
    world.take("z.ndjson", lines(event(quantity="1")))
    world.take("a.ndjson", lines(event(quantity="2"), event(quantity="1"), event(event_id="new")))
    assert world.counts("a.ndjson") == (1, 1, 1, 0)
    assert world.accepted("(event_id, file)") == [("e1", "z.ndjson"), ("new", "a.ndjson")]


def test_an_identity_belongs_to_its_source(world: World) -> None:
    world.land("a.ndjson", lines(event(event_id="s#1")))
    cloud = {
        "specversion": "1.0",
        "id": "1",
        "source": "s",
        "type": "t",
        "subject": "acme",
        "time": event()["timestamp"],
    }
    world.land("a.ndjson", lines(cloud | {"data": event(quantity="9")}), source="cloudevents")
    world.run()
    assert world.accepted("(source, event_id)") == [("cloudevents", "s#1"), ("usage_records", "s#1")]


# --- what can pass is judged again every run


def test_an_unknown_account_that_lands_later(world: World) -> None:
    unknown = lines(event(account_id="late"), event(account_id="late"), event(account_id="late", quantity="2"))
    world.take("a.ndjson", unknown)
    assert world.reasons() == ["unknown_account"] * 3
    world.run()
    assert len(world.records()) == 3, "nothing changed, so nothing is written"
    world.add_accounts("late")
    assert world.run()["accepted_on_second_look"] == 1
    assert world.refused() == [("a.ndjson", 1, "accepted"), ("a.ndjson", 2, "duplicate"), ("a.ndjson", 3, "conflict")]
    assert world.accepted('(event_id, file, "row")') == [("e1", "a.ndjson", 1)]
    assert world.run()["accepted_on_second_look"] == 0
    assert world.counts("a.ndjson") == (0, 0, 3, 0), "counted when it was judged first"


def test_an_unknown_meter_that_a_later_book_brings(world: World) -> None:
    world.take("a.ndjson", lines(event(meter="new"), event(event_id="e2", meter="new", account_id="late")))
    book = BOOK.replace('"2026-10"', '"2026-10b"').replace("2026-10-01", "2026-10-02")
    new = book.replace("meters:", "meters:\n  new: {unit: GB, aggregation: sum}")
    world.project.settings.price_book.write_text(new, encoding="utf-8")
    world.has_book = False
    world.run()
    assert world.accepted() == ["e1"]
    assert world.reasons() == ["accepted", "unknown_account"]


def test_nothing_is_judged_again_that_must_come_out_the_same(world: World) -> None:
    world.take("a.ndjson", lines(event(account_id="late"), event(event_id="e2", meter="new")))
    judged = "select count(*) from pending"
    world.run()
    assert world.query(judged) == [(0,)]
    world.add_accounts("other")
    world.run()
    assert world.query(judged) == [(2,)]
    assert world.reasons() == ["unknown_account", "unknown_meter"]
    world.take("b.ndjson", lines(event(event_id="e3", account_id="later")))
    assert world.query(judged) == [(2,)], "the newest was refused with all that is known"


def test_a_run_that_ends_before_it_judges_again_leaves_that_to_the_next(world: World) -> None:
    world.take("a.ndjson", lines(event(account_id="late")))
    world.add_accounts("late")
    world.land("b.ndjson", lines(event(event_id="e2")))
    world.project.lake.watch = end_with_the_first_files
    with pytest.raises(InterruptedError):
        world.run()
    assert world.accepted() == ["e2"]
    world.project.lake.watch = lambda _step, _moment: None
    assert world.run()["accepted_on_second_look"] == 1
    assert world.accepted() == ["e1", "e2"]


def end_with_the_first_files(step: str, moment: str) -> None:
    """What a kill does after the files of a source are taken."""
    if (step, moment) == ("usage_events", "committed"):
        raise InterruptedError


def test_a_record_of_the_future_when_its_time_has_come(world: World) -> None:
    world.take("a.ndjson", lines(event(timestamp=(NOW + timedelta(hours=2)).isoformat())))
    world.wait(timedelta(minutes=114))
    world.run()
    assert world.reasons() == ["future"]
    world.wait(timedelta(minutes=1))
    world.run()
    assert world.reasons() == ["accepted"]
    assert world.accepted("epoch(timestamp)") == [(NOW + timedelta(hours=2)).timestamp()]


def test_a_copy_that_came_meanwhile_is_the_first(world: World) -> None:
    world.take("a.ndjson", lines(event(account_id="late")))
    world.add_accounts("late")
    world.take("b.ndjson", lines(event(account_id="late", quantity="5")))
    assert world.quantity() == 5
    assert world.reasons() == ["conflict"]


def test_records_of_a_file_that_was_replaced_wait_too(world: World) -> None:
    world.take("a.ndjson", lines(event(event_id="old", account_id="late"), event(event_id="both", account_id="late")))
    world.take(
        "a.ndjson",
        lines(event(event_id="new", account_id="late"), event(event_id="both", account_id="late", quantity="3")),
    )
    assert world.counts("a.ndjson") == (0, 0, 2, 0)
    world.add_accounts("late")
    world.run()
    assert world.accepted() == ["both", "new", "old"]
    assert sorted(world.reasons()) == ["accepted", "accepted", "accepted", "conflict"]


def test_an_account_with_a_voided_row_stays_known(world: World) -> None:
    header = "account_id,effective_from,name,currency,void\n"
    rows = "acme,2026-10-05T00:00:00Z,Acme renamed,EUR,{}\nbeta,2026-10-01T00:00:00Z,Beta,EUR,{}\n"
    world.has_accounts = True
    (world.landing / "accounts" / "b.csv").write_text(header + rows.format("false", "false"), encoding="utf-8")
    world.run()
    (world.landing / "accounts" / "b.csv").unlink()
    (world.landing / "accounts" / "c.csv").write_text(header + rows.format("true", "true"), encoding="utf-8")
    world.take("a.ndjson", lines(event(), event(event_id="e2", account_id="beta")))
    assert world.accepted() == ["e1"]
    assert world.reasons() == ["unknown_account"]


# --- any split into files and runs gives the same accepted set, if conflicts lie in one file

ROWS = st.builds(
    event,
    event_id=st.sampled_from(["a", "b", "c", "d", ""]),
    timestamp=st.sampled_from(
        ["2026-10-15T10:00:00Z", "2026-10-15T10:30:00Z", "2026-10-14T10:00:00Z", "x", "2030-01-01"]
    ),
    account_id=st.sampled_from(["acme", "acme", "beta", "nobody"]),
    quantity=st.sampled_from(["1", "1", "1.0", "-1", "x"]),
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data(), rows=st.lists(ROWS, min_size=1, max_size=12))
def test_any_split_gives_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, rows: list[dict[str, str]]
) -> None:
    # Copies of an identity that differ go into one file, in the order in which they came.
    identities = sorted({(row["event_id"], row["timestamp"]) for row in rows})
    files = data.draw(st.integers(1, 4), label="files")
    file_of = {identity: data.draw(st.integers(0, files - 1), label="file") for identity in identities}
    parts: list[list[dict[str, str]]] = [[] for _ in range(files)]
    for row in rows:
        parts[file_of[row["event_id"], row["timestamp"]]].append(row)
    order = data.draw(st.permutations(range(files)), label="order")
    runs = data.draw(st.lists(st.booleans(), min_size=files, max_size=files), label="run after each")

    whole, split = (World(tmp_path_factory.mktemp("worlds")) for _ in range(2))
    whole.take("all.ndjson", lines(*rows))
    for place, run_now in zip(order, runs, strict=True):
        split.land(f"{place}.ndjson", lines(*parts[place]) or b"\n")
        if run_now:
            split.run()
    split.run()
    columns = "(event_id, timestamp, account_id, quantity)"
    assert split.accepted(columns) == whole.accepted(columns)
    assert sorted(split.reasons()) == sorted(whole.reasons())
    assert sum(row["records"] for row in split.files().values()) == len(rows)
    for made in (whole, split):
        made.project.close()
