"""A small deterministic world whose books are hard to get right, as the files in which it lands.

What belongs here: accounts, plans, credit, machines and records, and the hour in which each file arrives. What does not:
how runs take them (`runs.py`) and what is compared (`books.py`). Nothing of the product is imported.

In the two days around the end of October 2026: account-wide tiers are crossed, caps reached, a promotion expires in
between, paid lots run out, an account lives in a half-hour zone, prices change at :30, a plan at :15, machines are
resized, deleted and handed over, files and records repeat, conflicting copies lie in one file, and records come late.
"""

import csv
import io
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

START: Final = datetime(2026, 10, 30, 18, tzinfo=UTC)
HOURS: Final = 40
HOUR: Final = timedelta(hours=1)
END: Final = START + HOURS * HOUR
ACCOUNTS: Final = tuple(f"account-{number:02d}" for number in range(12))
ZONES: Final = {"account-03": "Asia/Kolkata", "account-07": "Europe/Berlin", "account-09": "America/St_Johns"}
CURRENCIES: Final = {"account-05": "USD"}
MACHINES: Final = 30
# Machines that stop for good; the first one says so with a last sample of zero.
DELETED: Final = {4: 11, 17: 23}
RESIZED: Final = {2: 9, 13: 21}
# A machine that another account takes over.
HANDED_OVER: Final = {20: (15, "account-01")}

METERS: Final = """
meters:
  cpu:         {unit: vCPU-hour, aggregation: time_weighted, max_gap: 30 min}
  memory:      {unit: GB-hour, aggregation: time_weighted, max_gap: 30 min, factor: "0.000001024"}
  disk_io:     {unit: GB, aggregation: time_weighted, max_gap: 30 min, factor: "0.000001024", time_unit: 1 second}
  network_in:  {unit: GB, aggregation: time_weighted, max_gap: 30 min, factor: "0.000001024", time_unit: 1 second}
  network_out: {unit: GB, aggregation: time_weighted, max_gap: 30 min, factor: "0.000001024", time_unit: 1 second}
  requests:    {unit: request, aggregation: sum, allow_negative: true}
"""
BOOK: Final = """
version: "{version}"
effective_from: {effective_from}
currency: EUR
{meters}
plans:
  standard:
    prices:
      - id: cpu
        meter: cpu
        model: graduated
        tiers:
          - {{up_to: "70", unit_price: {{EUR: "{cpu}", USD: "{cpu}1"}}}}
          - {{up_to: "220", unit_price: {{EUR: "0.0113", USD: "0.0123"}}, flat_fee: {{EUR: "0.25", USD: "0.30"}}}}
          - {{unit_price: {{EUR: "0.0097", USD: "0.0107"}}}}
      - {{id: memory, meter: memory, model: unit, unit_price: {{EUR: "0.001825", USD: "0.002"}}, included: "20"}}
      - id: disk
        meter: disk_io
        model: graduated
        accumulate: resource
        included: "0.5"
        maximum: {{EUR: "0.40", USD: "0.45"}}
        tiers:
          - {{up_to: "5", unit_price: {{EUR: "0.02", USD: "0.022"}}}}
          - {{unit_price: {{EUR: "0.015", USD: "0.017"}}}}
      - {{id: in, meter: network_in, model: unit, unit_price: {{EUR: "0", USD: "0"}}}}
      - id: out
        meter: network_out
        model: graduated
        included: "3"
        maximum: {{EUR: "{cap}", USD: "3.10"}}
        tiers:
          - {{up_to: "10", unit_price: {{EUR: "0.09", USD: "0.1"}}}}
          - {{unit_price: {{EUR: "0.07", USD: "0.08"}}}}
      - {{id: requests, meter: requests, model: unit, unit_price: {{EUR: "0.0007", USD: "0.0008"}}}}
  large:
    prices:
      - {{id: cpu, meter: cpu, model: unit, unit_price: {{EUR: "0.0091", USD: "0.0099"}}, maximum: {{EUR: "2.00", USD: "2"}}}}
      - {{id: memory, meter: memory, model: unit, unit_price: {{EUR: "0.0015", USD: "0.0016"}}}}
      - {{id: out, meter: network_out, model: unit, unit_price: {{EUR: "0.05", USD: "0.06"}}}}
"""
# The second book changes two prices at half past nine.
BOOKS: Final = (
    BOOK.format(version="2026-10", effective_from="2026-10-01T00:00:00Z", meters=METERS, cpu="0.0125", cap="3.00"),
    BOOK.format(version="2026-10b", effective_from="2026-10-31T09:30:00Z", meters=METERS, cpu="0.0121", cap="2.40"),
)


@dataclass(frozen=True)
class File:
    """A file as it lands: in which source's folder, under which name, and after how many hours."""

    source: str
    name: str
    content: bytes
    arrives: int = 0


@dataclass(frozen=True, repr=False)
class World:
    """All that lands: reference data and usage."""

    facts: tuple[File, ...]
    usage: tuple[File, ...]

    def __repr__(self) -> str:
        return f"<World of {len(self.facts)} and {len(self.usage)} files>"

    def arrived(self, hours: int) -> Iterator[File]:
        """Usage files that are there once so many hours are over."""
        return (file for file in self.usage if file.arrives <= hours)


def text(instant: datetime) -> str:
    """An instant as files state it."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def make(hours: int = HOURS, machines: int = MACHINES) -> World:
    """The world, or a shorter one with fewer machines: always the same for the same arguments."""
    return World(tuple(facts()), (*_samples(hours, machines), *_records(hours, machines)))


def facts() -> Iterator[File]:
    """Accounts, subscriptions and grants; a file each, so that each may come late."""
    yield _csv("accounts", "accounts", _accounts())
    yield _csv("subscriptions", "first", _subscriptions())
    yield _csv("subscriptions", "changes", _changes())
    yield _csv("grants", "promotions", _promotions())
    yield _csv("grants", "paid", _paid())


def by_row(file: File) -> Iterator[File]:
    """The rows of a CSV file as files of their own."""
    header, *rows = file.content.decode().splitlines()
    for number, row in enumerate(rows):
        yield File(file.source, f"{number:02d}-{file.name}", f"{header}\n{row}\n".encode(), file.arrives)


def _csv(source: str, name: str, rows: Iterable[Mapping[str, str]], arrives: int = 0) -> File:
    written = list(rows)
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, fieldnames=list(written[0]))
    writer.writeheader()
    writer.writerows(written)
    return File(source, f"{name}.csv", buffer.getvalue().encode(), arrives)


def _accounts() -> Iterator[dict[str, str]]:
    for number, account in enumerate(ACCOUNTS):
        mode = "postpaid" if number % 3 == 2 else "prepaid"
        yield {
            "account_id": account, "effective_from": "2026-10-01T00:00:00Z", "name": account.title(),
            "currency": CURRENCIES.get(account, "EUR"), "time_zone": ZONES.get(account, "UTC"), "mode": mode,
            "tax_rate": "19",
        }  # fmt: skip


def _subscriptions() -> Iterator[dict[str, str]]:
    for account in ACCOUNTS:
        yield {
            "subscription_id": f"s-{account}", "account_id": account, "service_id": "", "plan": "standard",
            "effective_from": "2026-10-01T00:00:00Z",
        }  # fmt: skip


def _changes() -> Iterator[dict[str, str]]:
    """A change of plan at a quarter past two, one that is taken back, and a service with a plan of its own."""
    for account, service, plan, change in (
        ("account-02", "", "large", START + timedelta(hours=20, minutes=15)),
        ("account-03", "", "large", START + timedelta(hours=12)),
        ("account-03", "", "standard", START + timedelta(hours=25, minutes=45)),
        ("account-06", "shop", "large", START + timedelta(hours=5, minutes=30)),
    ):
        yield {
            "subscription_id": f"s-{account}{service and '-'}{service}", "account_id": account, "service_id": service,
            "plan": plan, "effective_from": text(change),
        }  # fmt: skip


def _grant(
    grant_id: str, kind: str, amount: str, priority: int, starts: datetime, ends: datetime | None
) -> dict[str, str]:
    account = grant_id.split(":", maxsplit=1)[0]
    paid = kind == "paid"
    return {
        "grant_id": grant_id, "account_id": account, "kind": kind, "amount": amount,
        "currency": CURRENCIES.get(account, "EUR"), "priority": str(priority), "effective_at": text(starts),
        "expires_at": text(ends) if ends else "", "receipt": f"R-{grant_id}" if paid else "",
        "tax_paid": "0.38" if paid else "0",
    }  # fmt: skip


def _promotions() -> Iterator[dict[str, str]]:
    """A promotion ends in the middle for every second account, one at ten past; one lasts two hours and is not used up."""
    for number, account in enumerate(ACCOUNTS):
        if number % 2 == 0:
            ends = START + timedelta(hours=14 + number, minutes=10 if number == 4 else 0)
            yield _grant(f"{account}:welcome", "promotional", "6.00", 10, START - HOUR, ends)
        if number % 3 == 0:
            starts = START + timedelta(hours=8, minutes=40)
            yield _grant(f"{account}:outage", "promotional", "2.00", 10, starts, starts + 2 * HOUR)


def _paid() -> Iterator[dict[str, str]]:
    """Paid credit that runs out, that ends, and that comes when the account is in debt; every fourth account has none."""
    for number, account in enumerate(ACCOUNTS):
        if number % 4 != 3:
            yield _grant(f"{account}:first", "paid", "3.00", 20, START - HOUR, None)
        if number % 5 == 0:
            yield _grant(f"{account}:voucher", "paid", "4.00", 20, START, START + 18 * HOUR)
        if number % 3 == 1:
            yield _grant(f"{account}:second", "paid", "2.50", 15, START + timedelta(hours=27, minutes=20), None)


def _owner(machine: int, hour: int) -> str:
    since, account = HANDED_OVER.get(machine, (HOURS, ""))
    return account if hour >= since else ACCOUNTS[machine * 7 % len(ACCOUNTS)]


def _sample_rows(hours: int, machines: int) -> Iterator[dict[str, object]]:
    """Samples every twenty minutes or so, with a gap here and there."""
    chance = random.Random(2026)  # noqa: S311 - a world that is always the same
    for hour in range(hours):
        for machine in range(machines):
            last = DELETED.get(machine, hours)
            for third in range(3):
                load, jitter, gap = chance.random(), chance.randrange(0, 240), chance.random() < 0.02
                if hour > last or gap or (hour == last and third):
                    continue
                ended = hour == last and machine == min(DELETED)
                cores = 0 if ended else (1 + machine % 4) * (2 if hour >= RESIZED.get(machine, hours) else 1)
                yield {
                    "timestamp": START + hour * HOUR + timedelta(minutes=20 * third, seconds=jitter),
                    "vm": f"vm-{machine:02d}", "account_id": _owner(machine, hour), "cores": float(cores),
                    "service_id": "shop" if machine % 5 == 0 else "",
                    "memory_kib": cores * 4.0 * 1048576, "disk_read_kibs": round(load * 90 * cores, 3),
                    "disk_write_kibs": round(load * 33.3 * cores, 3), "net_rx_kibs": round(load * 50, 2),
                    "net_tx_kibs": 0.0 if ended else round(20 + load * 260, 2),
                }  # fmt: skip


def _samples(hours: int, machines: int) -> Iterator[File]:
    """A file every three hours; a tenth of the machines' samples comes up to a day late; two files come twice."""
    rows = pl.DataFrame(list(_sample_rows(hours, machines))).with_row_index("number")
    hour = (pl.col("timestamp") - START).dt.total_hours()
    late = pl.col("number") % 11 == 0
    place = rows.with_columns(
        span=pl.when(late).then((hour + 4 + (pl.col("number") * 7) % 20) // 3).otherwise(hour // 3), late=late
    )
    for (span, is_late), group in place.sort("span", "late", "timestamp", "vm").group_by(
        "span", "late", maintain_order=True
    ):
        content = io.BytesIO()
        group.drop("number", "span", "late").write_parquet(content)
        arrives = min(int(str(span)) * 3 + 3, hours)
        name = f"{'late' if is_late else 'span'}-{int(str(span)):02d}.parquet"
        yield File("vm_samples", name, content.getvalue(), arrives)
        if int(str(span)) in (2, 5):
            yield File("vm_samples", f"again/{name}", content.getvalue(), min(arrives + 4, hours))


def _record_rows(hours: int, machines: int) -> list[tuple[int, dict[str, str]]]:
    """Requests with the hour in which each record lands; some are given back."""
    chance = random.Random(11)  # noqa: S311 - a world that is always the same
    rows = []
    for hour in range(hours):
        for machine in range(0, machines, 2):
            moment = START + hour * HOUR + timedelta(seconds=chance.randrange(3600))
            amount = chance.randrange(1, 400) - (300 if chance.random() < 0.1 else 0)
            delay = chance.randrange(1, 30) if chance.random() < 0.06 else 0
            row = {
                "event_id": f"r-{machine}-{hour}", "timestamp": text(moment), "account_id": _owner(machine, hour),
                "resource_id": f"vm-{machine:02d}", "meter": "requests", "quantity": f"{amount}.{machine}",
                "dimensions": json.dumps({"region": "eu" if machine % 4 else "us"}),
            }  # fmt: skip
            rows.append((min(hour + delay, hours - 1), row))
    return rows


def _records(hours: int, machines: int) -> Iterator[File]:
    """A file every four hours, lines of JSON and CSV in turn, with repeats, conflicting copies and records to refuse."""
    landed: dict[int, list[dict[str, str]]] = {}
    for hour, row in _record_rows(hours, machines):
        landed.setdefault(hour // 4, []).append(row)
    spans = sorted(landed)
    for span in spans:
        rows = landed[span]
        # The last file's first records once more, word for word.
        repeated = landed[span - 1][:3] if span - 1 in landed else []
        # Copies that say something else lie in one file with the first of them, before and after.
        conflicting = [{**rows[1], "quantity": "9999"}, {**rows[1], "quantity": "8888"}]
        refused = [
            {**rows[0], "event_id": f"bad-{span}", "meter": "unheard"},
            {**rows[0], "event_id": f"x-{span}", "quantity": "many"},
        ]
        every = [*rows, *repeated, *conflicting, *refused]
        arrives = min(span * 4 + 4, hours)
        if span % 2:
            yield _csv("usage_records", f"records-{span:02d}", every, arrives)
        else:
            content = "".join(json.dumps({**row, "dimensions": json.loads(row["dimensions"])}) + "\n" for row in every)
            yield File("usage_records", f"lines/records-{span:02d}.ndjson", content.encode(), arrives)
