"""Accounts, subscriptions and grants: every reason to refuse a row, and landing that can be repeated (semantics 1)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from resources.errors import ReferenceDataError, UnreadableFileError
from resources.landing import LandedFile
from resources.reference import take_or_refuse
from resources.reference_kinds import MENDS
from resources.reference_rows import read_rows
from resources.writer import record
from tests.real.landing import write_rows
from tests.resources.worlds import ACCOUNT, World, event, lines

SUBSCRIPTION = {
    "subscription_id": "s1",
    "account_id": "acme",
    "plan": "standard",
    "effective_from": "2026-10-01T00:00:00Z",
}
GRANT = {
    "grant_id": "g1", "account_id": "acme", "kind": "promotional", "amount": "10.00", "currency": "EUR",
    "effective_at": "2026-10-01T00:00:00Z",
}  # fmt: skip
PAID = {**GRANT, "kind": "paid", "receipt": "R-1", "tax_paid": "1.90"}
CORRECTION = {
    "event_id": "e", "source": "usage_records", "timestamp": "", "action": "replace", "quantity": "1.5",
    "reason": "the meter was wrong", "by": "support",
}  # fmt: skip
ALERT_RULE = {"rule_id": "r1", "account_id": "acme", "kind": "below", "threshold": "20.00"}
BUDGET = {**ALERT_RULE, "kind": "budget_percent", "threshold": "80", "amount": "100.00"}
GOOD = {
    "accounts": {**ACCOUNT, "account_id": "new"}, "subscriptions": SUBSCRIPTION, "grants": GRANT,
    "corrections": CORRECTION, "alert_rules": ALERT_RULE,
}  # fmt: skip

Row = dict[str, Any]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("METERBOOK_THREADS", "1")
    made = World(tmp_path / "world")
    made.has_accounts = True
    yield made
    made.project.close()


def land(world: World, kind: str, *rows: Row, name: str = "rows.csv") -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    write_rows(world.landing / kind / name, [{name: row.get(name, "") for name in names} for row in rows])


def file_row(world: World, kind: str, name: str = "rows.csv") -> Row:
    found = world.project.lake.connection.execute(
        "select * from ingested_files where source = $kind and file = $name order by run desc",
        {"kind": kind, "name": name},
    ).pl()
    row = found.row(0, named=True)
    assert row["records"] == row["accepted"] + row["duplicates"] + row["refused"] + row["skipped"], row
    return row


def refusals(world: World) -> list[tuple[int, str]]:
    found = world.query(
        'select "row", split_part(reason, \':\', 1) from rejected_events order by run, source, file, "row"'
    )
    return [(int(place), str(reason)) for place, reason in found]


# --- every reason, with what in a good row brings it about

REASONS: list[tuple[str, str, Row]] = [
    ("accounts", "account_id_missing", {"account_id": ""}),
    ("accounts", "name_missing", {"name": " "}),
    ("accounts", "effective_from_unreadable", {"effective_from": "soon"}),
    ("accounts", "effective_from_unreadable", {"effective_from": ""}),
    ("accounts", "effective_from_off_quarter_hour", {"effective_from": "2026-10-01T00:05:00Z"}),
    ("accounts", "effective_from_off_quarter_hour", {"effective_from": "2026-10-01T00:15:00.000001Z"}),
    ("accounts", "currency_unknown", {"currency": "EURO"}),
    ("accounts", "currency_unknown", {"currency": ""}),
    ("accounts", "time_zone_unknown", {"time_zone": "CEST"}),
    ("accounts", "time_zone_unknown", {"time_zone": "Factory"}),
    ("accounts", "mode_unknown", {"mode": "monthly"}),
    ("accounts", "tax_rate_unreadable", {"tax_rate": "19 %"}),
    ("accounts", "tax_rate_unreadable", {"tax_rate": "-1"}),
    ("accounts", "tax_rate_unreadable", {"tax_rate": "100"}),
    ("accounts", "tax_rate_unreadable", {"tax_rate": "19.12345"}),
    ("accounts", "void_unreadable", {"void": "perhaps"}),
    ("accounts", "currency_changed", {"account_id": "acme", "currency": "USD"}),
    ("accounts", "time_zone_changed", {"account_id": "acme", "time_zone": "Europe/Berlin"}),
    ("subscriptions", "id_missing", {"subscription_id": ""}),
    ("subscriptions", "account_id_missing", {"account_id": ""}),
    ("subscriptions", "effective_from_unreadable", {"effective_from": "2026-02-30"}),
    ("subscriptions", "effective_from_off_quarter_hour", {"effective_from": "2026-10-01T00:00:01Z"}),
    ("subscriptions", "unknown_account", {"account_id": "nobody"}),
    ("subscriptions", "void_unreadable", {"void": "yes"}),
    ("grants", "id_missing", {"grant_id": ""}),
    ("grants", "account_id_missing", {"account_id": ""}),
    ("grants", "kind_unknown", {"kind": "gift"}),
    ("grants", "kind_unknown", {"kind": ""}),
    ("grants", "amount_unreadable", {"amount": "1,000.00"}),
    ("grants", "amount_unreadable", {"amount": "0"}),
    ("grants", "amount_unreadable", {"amount": "-5"}),
    ("grants", "amount_unreadable", {"amount": "1e3"}),
    ("grants", "amount_unreadable", {"amount": "10000000000000"}),
    ("grants", "amount_unreadable", {"amount": f"0.{'0' * 18}1"}),
    ("grants", "priority_unreadable", {"priority": "high"}),
    ("grants", "effective_at_unreadable", {"effective_at": ""}),
    ("grants", "expires_at_unreadable", {"expires_at": "never"}),
    ("grants", "expires_before_it_starts", {"expires_at": "2026-10-01T00:00:00Z"}),
    ("grants", "receipt_missing", {**PAID, "receipt": ""}),
    ("grants", "tax_paid_unreadable", {**PAID, "tax_paid": "-1"}),
    ("grants", "unknown_account", {"account_id": "nobody"}),
    ("grants", "currency_differs", {"currency": "USD"}),
    ("grants", "currency_differs", {"currency": ""}),
    ("grants", "void_unreadable", {"void": "2"}),
    ("grants", "void_without_reason", {"void": "true"}),
    ("grants", "scope_unreadable", {"scope": "cpu"}),
    ("grants", "scope_unreadable", {"scope": '{"meters": []}'}),
    ("grants", "scope_unreadable", {"scope": '{"meters": "cpu"}'}),
    ("grants", "scope_unreadable", {"scope": '{"meter": ["cpu"]}'}),
    ("grants", "scope_unreadable", {"scope": '{"dimensions": {"region": 1}}'}),
    ("grants", "every_unknown", {"kind": "recurring"}),
    ("grants", "every_unknown", {"kind": "recurring", "every": "week"}),
    ("grants", "every_unknown", {"every": "month"}),
    ("grants", "roll_over_unreadable", {"kind": "recurring", "every": "month", "roll_over": "-1"}),
    ("grants", "roll_over_unreadable", {"kind": "recurring", "every": "month", "roll_over": "all"}),
    ("grants", "roll_over_unreadable", {"roll_over": "5"}),
    ("accounts", "overdraft_limit_unreadable", {"overdraft_limit": "-1"}),
    ("accounts", "overdraft_limit_unreadable", {"overdraft_limit": "much"}),
    ("corrections", "id_missing", {"event_id": ""}),
    ("corrections", "source_unknown", {"source": "nowhere"}),
    ("corrections", "timestamp_unreadable", {"timestamp": "yesterday"}),
    ("corrections", "action_unknown", {"action": "delete"}),
    ("corrections", "action_unknown", {"action": ""}),
    ("corrections", "quantity_unreadable", {"quantity": ""}),
    ("corrections", "quantity_unreadable", {"quantity": "-1"}),
    ("corrections", "quantity_unreadable", {"quantity": "1.0000000001"}),
    ("corrections", "quantity_unreadable", {"quantity": "1000000000000"}),
    ("corrections", "quantity_unexpected", {"action": "void"}),
    ("corrections", "quantity_unexpected", {"action": "restore"}),
    ("corrections", "reason_missing", {"reason": ""}),
    ("corrections", "by_missing", {"by": " "}),
    ("alert_rules", "id_missing", {"rule_id": ""}),
    ("alert_rules", "account_id_missing", {"account_id": ""}),
    ("alert_rules", "unknown_account", {"account_id": "nobody"}),
    ("alert_rules", "alert_kind_unknown", {"kind": "suspend"}),
    ("alert_rules", "threshold_unreadable", {"threshold": ""}),
    ("alert_rules", "threshold_unreadable", {"threshold": "much"}),
    ("alert_rules", "threshold_unreadable", {"threshold": "-10000000000000"}),
    ("alert_rules", "threshold_unreadable", {"kind": "top_up_percent", "threshold": "90.1"}),
    ("alert_rules", "threshold_unreadable", {"kind": "hours_left", "threshold": "0"}),
    ("alert_rules", "threshold_unreadable", {"kind": "hours_left", "threshold": "-1"}),
    ("alert_rules", "threshold_unreadable", {**BUDGET, "threshold": "1001"}),
    ("alert_rules", "budget_unreadable", {**BUDGET, "amount": "0"}),
    ("alert_rules", "budget_unreadable", {**BUDGET, "amount": "10000000000000"}),
    ("alert_rules", "budget_unreadable", {"amount": "5"}),
    ("alert_rules", "void_unreadable", {"void": "perhaps"}),
]


def test_every_reason_to_refuse_a_row(world: World) -> None:
    for kind, good in GOOD.items():
        cases = [(reason, changes) for of, reason, changes in REASONS if of == kind]
        identity = next(iter(good))
        rows = [{**good, identity: f"{good[identity]}{place}", **changes} for place, (_, changes) in enumerate(cases)]
        land(world, kind, *rows, {**good, identity: "last"})
    world.run()
    found: dict[str, list[str]] = {}
    for kind, place, reason in world.query('select source, "row", reason from rejected_events order by source, "row"'):
        assert place == len(found.setdefault(kind, [])) + 1
        code, mend = reason.split(": ", 1)
        assert mend == MENDS[code]
        found[kind].append(code)
    assert found == {kind: [reason for of, reason, _ in REASONS if of == kind] for kind in GOOD}
    for kind in GOOD:
        assert (file_row(world, kind)["accepted"], file_row(world, kind)["refused"]) == (1, len(found[kind]))
    tried = {reason for _, reason, _ in REASONS} | {"conflict", "repeated_id"}
    assert tried == set(MENDS), "the two others have tests of their own"


def test_a_command_says_what_is_wrong_and_what_to_do(world: World) -> None:
    lake = world.project.lake
    with pytest.raises(ReferenceDataError) as raised:
        record(lake, "reference", "grant", lambda step: take_or_refuse(step, "grants", {**PAID, "receipt": ""}))
    assert str(raised.value) == "grant g1: receipt missing; a paid grant names the receipt on which its tax was paid"
    assert world.query("from grants") == []
    taken = record(lake, "reference", "grant", lambda step: take_or_refuse(step, "grants", PAID))
    assert taken.added.height == 1
    again = record(lake, "reference", "grant", lambda step: take_or_refuse(step, "grants", PAID))
    assert (again.added.height, again.refused.height) == (0, 0)


# --- formats


def test_csv_yaml_and_json_say_the_same(world: World) -> None:
    row = {"account_id": "c", "effective_from": "2026-10-01T00:00:00Z", "name": 'Acme: "ü", Ltd', "currency": "EUR"}
    address, rate = ["1 Road", "Town"], "7.50"
    land(world, "accounts", {**row, "address": "; ".join(address), "tax_rate": rate}, name="a.csv")
    as_yaml = yaml.safe_dump([{**row, "account_id": "y", "address": address, "email": None}], allow_unicode=True)
    (world.landing / "accounts" / "b.yaml").write_text(
        f"# by hand\n{as_yaml}  tax_rate: {rate}\n  void: ~\n", encoding="utf-8"
    )
    as_json = json.dumps({**row, "account_id": "j", "address": address, "void": False, "email": None})
    (world.landing / "accounts" / "c.ndjson").write_text(f'{as_json[:-1]}, "tax_rate": {rate}}}\n\n', encoding="utf-8")
    world.run()
    assert refusals(world) == []
    rows = world.query("select * exclude (account_id, run) from accounts where account_id in ('c', 'y', 'j')")
    assert len(rows) == 3
    assert len(set(rows)) == 1
    assert str(rows[0][4]) == "1 Road; Town" or "1 Road; Town" in rows[0]


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty.csv": (b"", "the file is empty"),
    "cut.csv": (b"account_id,name\nacme,Ac", "the last line does not end"),
    "few.csv": (b"account_id,name\nacme,Acme\nbeta\n", "line 3 has 1 fields, the header has 2"),
    "many.csv": (b"account_id,name\nacme,Acme,Ltd\n", "line 2 has 3 fields, the header has 2"),
    "quote.csv": (b'account_id,name\nacme,"Acme" Ltd\n', "line 2 is not CSV"),
    "open.csv": (b'account_id,name\nacme,"Acme\nbeta,Beta\n', "is not CSV"),
    "twice.csv": (b"account_id,name,name\nacme,Acme,Acme\n", "column 'name' stands twice"),
    "unknown.csv": (b"account_id,timezone\nacme,UTC\n", "row 1 has 'timezone', which is not known here; known are account_id"),
    "latin.csv": (b"account_id,name\nacme,caf\xe9\n", "it is not text in UTF-8"),
    "bad.ndjson": (b'{"account_id": "acme"}\n{"account_id": }\n', "line 2 is not JSON"),
    "list.ndjson": (b"[1]\n", "line 1 is no object"),
    "nested.ndjson": (b'{"account_id": "acme", "name": {"first": "A"}}\n', "name of row 1 is neither text nor a list"),
    "bad.yaml": (b"- account_id: [\n", "it is not YAML"),
    "twice.yaml": (b"- account_id: a\n  account_id: b\n", "account_id stands twice in the mapping at line 1"),
    "mapping.yaml": (b"accounts: []\n", "it holds no list of mappings"),
    "comment.yaml": (b"# nothing\n", "it holds no list of mappings"),
    "sheet.xlsx": (b"PK\n", "its ending tells no format"),
    "rows.parquet": (b"PAR1\n", "its ending tells no format"),
}  # fmt: skip


def test_a_file_that_cannot_be_read_fails_whole_and_the_rest_is_taken(world: World) -> None:
    for name, (content, _) in BROKEN.items():
        world.land(name, content, source="accounts")
    land(world, "accounts", GOOD["accounts"], name="zz good.csv")
    (world.landing / "accounts" / "memory.csv").symlink_to("/proc/self/mem")
    world.run()
    errors = {name: file_row(world, "accounts", name)["error"] or "" for name in BROKEN}
    assert [name for name, (_, said) in BROKEN.items() if said not in errors[name]] == [], errors
    assert "cannot be read (Input/output error)" in file_row(world, "accounts", "memory.csv")["error"]
    assert file_row(world, "accounts", "zz good.csv")["accepted"] == 1
    assert world.reference["failed_files"].keys() == {f"accounts/{name}" for name in (*BROKEN, "memory.csv")}
    assert world.query("select count(*) from accounts") == [(3,)]
    before = world.query("from ingested_files")
    world.run()
    assert world.query("from ingested_files") == before


def test_an_empty_column_that_is_not_known_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("account_id,parent,name\na,,A\n\nb,,B\n", encoding="utf-8")
    frame = read_rows(LandedFile("accounts", "a.csv", path, path.stat().st_size, 0), ["account_id", "name", "email"])
    assert frame.rows() == [("a", "A", None, 1), ("b", "B", None, 2)]
    assert frame.schema["email"] == pl.String
    path.write_text("account_id,parent,name\na,b,A\n", encoding="utf-8")
    with pytest.raises(UnreadableFileError, match="'parent'"):
        read_rows(LandedFile("accounts", "a.csv", path, path.stat().st_size, 0), ["account_id", "name"])


# --- landing again, and changes


def test_landing_twice_changes_nothing(world: World) -> None:
    for name in ("a.csv", "b.csv"):
        for kind, row in GOOD.items():
            land(world, kind, row, row, {**row, next(iter(row)): name}, name=name)
    world.run()
    tables = ("accounts", "subscriptions", "grants")
    before = {table: world.query(f"from {table}") for table in tables}
    assert [file_row(world, "grants", name)["accepted"] for name in ("a.csv", "b.csv")] == [2, 1]
    assert [file_row(world, "grants", name)["duplicates"] for name in ("a.csv", "b.csv")] == [1, 2]
    for kind, row in GOOD.items():
        land(world, kind, row, {**row, next(iter(row)): "b.csv"}, name="c.csv")
    world.run()
    assert {table: world.query(f"from {table}") for table in tables} == before
    assert (file_row(world, "grants", "c.csv")["accepted"], file_row(world, "grants", "c.csv")["duplicates"]) == (0, 2)


def test_content_that_was_taken_is_skipped_so_it_does_not_come_back(world: World) -> None:
    for name, customer in (("a.csv", "Old name"), ("b.csv", "New name"), ("c.csv", "Old name")):
        land(world, "accounts", {**ACCOUNT, "name": customer}, name=name)
        world.run()
    assert world.query("select name from accounts where account_id = 'acme' order by run desc limit 1") == [
        ("New name",)
    ]
    assert file_row(world, "accounts", "c.csv")["skipped"] == 1


def test_changes_are_effective_dated(world: World) -> None:
    later = {"effective_from": "2026-10-10T00:15:00+02:00"}
    land(world, "accounts", {**ACCOUNT, "email": "a@b.c", **later})
    land(world, "subscriptions", SUBSCRIPTION, {**SUBSCRIPTION, "plan": "", **later})
    world.run()
    assert refusals(world) == []
    assert world.query("select effective_from::varchar, plan from subscriptions order by all") == [
        ("2026-10-01 00:00:00+00", "standard"), ("2026-10-09 22:15:00+00", None),
    ]  # fmt: skip
    assert world.query("select count(*) from accounts where account_id = 'acme'") == [(2,)]


def test_rows_of_one_identity_that_differ_are_refused(world: World) -> None:
    land(
        world,
        "subscriptions",
        SUBSCRIPTION,
        {**SUBSCRIPTION, "plan": "other"},
        {**SUBSCRIPTION, "subscription_id": "s2"},
        SUBSCRIPTION,
    )
    land(world, "grants", GRANT, {**GRANT, "amount": "x"})
    world.run()
    found = world.query("select source, \"row\", split_part(reason, ':', 1) from rejected_events order by all")
    assert found == [
        ("grants", 2, "amount_unreadable"), *(("subscriptions", place, "repeated_id") for place in (1, 2, 4)),
    ]  # fmt: skip
    assert world.query("select subscription_id from subscriptions") == [("s2",)]
    assert file_row(world, "subscriptions")["refused"] == 3
    assert world.query("select count(*) from grants") == [(1,)], "a row that is refused anyway takes no other along"


def test_a_grant_does_not_change_but_may_be_voided(world: World) -> None:
    land(world, "grants", GRANT, {**GRANT, "grant_id": "g2"}, name="a.csv")
    world.run()
    land(
        world,
        "grants",
        {**GRANT, "amount": "11"},
        {**GRANT, "grant_id": "g2", "void": "true", "reason": "mistake"},
        name="b.csv",
    )
    world.run()
    assert refusals(world) == [(1, "conflict")]
    assert world.query("select grant_id, amount::double, void, reason from grants order by run, grant_id") == [
        ("g1", 10.0, False, ""), ("g2", 10.0, False, ""), ("g2", 10.0, True, "mistake"),
    ]  # fmt: skip


def test_accounts_of_one_landing_are_known_to_its_subscriptions(world: World) -> None:
    """Many accounts are staged as a file before their subscriptions are judged, few are not."""
    names = [f"customer-{number:03}" for number in range(150)]
    land(world, "accounts", *({**ACCOUNT, "account_id": name} for name in names))
    land(world, "subscriptions", *({**SUBSCRIPTION, "subscription_id": name, "account_id": name} for name in names))
    land(world, "grants", *({**GRANT, "grant_id": name, "account_id": name} for name in names))
    world.run()
    assert refusals(world) == []
    assert world.query("select count(*) from subscriptions union all select count(*) from grants") == [(150,), (150,)]


def test_rows_whose_account_lands_later_are_taken_then(world: World) -> None:
    late = {"account_id": "late"}
    land(world, "subscriptions", {**SUBSCRIPTION, **late})
    land(world, "grants", {**GRANT, **late}, {**GRANT, **late, "grant_id": "g2", "currency": "USD"})
    world.run()
    assert refusals(world) == [(1, "unknown_account"), (2, "unknown_account"), (1, "unknown_account")]
    world.run()
    assert len(refusals(world)) == 3, "nothing changed, so nothing is written"
    world.add_accounts("late")
    world.run()
    assert refusals(world)[3:] == [(1, "accepted"), (2, "currency_differs"), (1, "accepted")]
    assert world.query("select grant_id, amount::double from grants") == [("g1", 10.0)]
    assert world.query("select plan from subscriptions where account_id = 'late'") == [("standard",)]
    world.run()
    assert len(refusals(world)) == 6
    assert file_row(world, "grants")["refused"] == 2, "counted when it was judged first"


def test_a_refused_row_is_kept_as_it_came(world: World) -> None:
    land(world, "grants", {**GRANT, "amount": " 1,5 ", "reason": 'a "b"'})
    world.run()
    ((text,),) = world.query("select record from rejected_events")
    kept = {name: value for name, value in json.loads(text).items() if value is not None}
    assert kept == {**GRANT, "amount": " 1,5 ", "reason": 'a "b"'}


def test_a_file_that_changes_while_it_is_read_is_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    land(world, "accounts", GOOD["accounts"])
    path = world.landing / "accounts" / "rows.csv"
    whole = path.read_bytes()

    def read_and_change(file: LandedFile, columns: list[str]) -> pl.DataFrame:
        frame = read_rows(file, columns)
        path.write_bytes(whole + whole.splitlines(keepends=True)[1].replace(b"new", b"newer"))
        return frame

    with monkeypatch.context() as patched:
        patched.setattr("resources.reference_files.read_rows", read_and_change)
        world.run()
    assert "changed while it was read" in file_row(world, "accounts")["error"]
    world.run()
    assert world.query("select account_id from accounts where account_id like 'new%' order by all") == [
        ("new",),
        ("newer",),
    ]


def test_usage_of_an_account_that_lands_in_the_same_run_is_taken(world: World) -> None:
    world.add_accounts("fresh")
    world.take("a.ndjson", lines(event(account_id="fresh")))
    assert world.accepted("account_id") == ["fresh"]
