"""A month and a bit of two accounts, with everything that makes an amount hard to follow: what the tests of answers ask about.

What belongs here: the project, what lands in it, and its bills. What does not: any expectation.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from assets.invoices import issue
from pipelines.hourly import run_hourly
from resources.clock import FixedClock
from resources.project import Project
from resources.settings import Settings
from tests.pipelines.tiny import land, make_of

CLOCK = FixedClock(datetime(2026, 12, 5, tzinfo=UTC))
NOVEMBER = datetime(2026, 11, 1, 6, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 6, tzinfo=UTC)
BOOK = """
version: "2026-09"
effective_from: 2026-09-01T00:00:00Z
currency: EUR
meters:
  cpu: {title: Compute, unit: vCPU-hour, aggregation: time_weighted, max_gap: 10 min}
  requests: {title: Requests, unit: request, aggregation: sum}
  storage: {title: Storage, unit: GB, aggregation: sum}
  traffic: {title: Traffic, unit: GB, aggregation: sum}
plans:
  standard:
    prices:
      - {id: cpu, meter: cpu, model: unit, unit_price: "0.04"}
      - id: requests
        meter: requests
        model: graduated
        included: "10"
        tiers: [{up_to: "100", unit_price: "0.02"}, {unit_price: "0.0123", flat_fee: "0.5"}]
      - {id: storage, meter: storage, model: unit, unit_price: "1", accumulate: resource, maximum: "10", account_maximum: "12"}
      - {id: traffic, meter: traffic, model: unit, unit_price: "0.05", maximum: "3.00", accumulate: resource}
"""
SECOND_BOOK = (
    BOOK.replace('"2026-09"', '"2026-10b"').replace("2026-09-01T00", "2026-10-20T00").replace("0.0123", "0.011")
)
ACCOUNTS = """account_id,effective_from,name,currency,time_zone,tax_rate,mode
first,2026-09-01T00:00:00Z,First,EUR,UTC,19,prepaid
second,2026-09-01T00:00:00Z,Second,EUR,Europe/Berlin,7,postpaid
"""
SUBSCRIPTIONS = """subscription_id,account_id,plan,effective_from
s-first,first,standard,2026-09-01T00:00:00Z
s-second,second,standard,2026-09-01T00:00:00Z
"""
GRANTS = """grant_id,account_id,kind,amount,currency,priority,effective_at,expires_at,receipt
welcome,first,promotional,1.50,EUR,1,2026-10-01T00:00:00Z,2026-10-31T12:00:00Z,
top-up,first,paid,0.70,EUR,2,2026-10-01T00:00:00Z,,R-1
"""
RECORDS = """event_id,timestamp,account_id,resource_id,meter,quantity
1,2026-10-05T00:00:00Z,first,vm,cpu,4
2,2026-10-05T00:05:00Z,first,vm,cpu,2
3,2026-10-05T08:00:00Z,first,site,requests,60
4,2026-10-19T08:00:00Z,first,site,requests,100
5,2026-10-21T08:00:00Z,first,site,requests,33.3
6,2026-10-06T08:10:00Z,first,site,traffic,40
7,2026-10-06T08:20:00Z,first,site,traffic,30.5
8,2026-10-07T08:00:00Z,first,vm,traffic,10
9,2026-10-07T08:00:00Z,second,site-b,requests,20
10,2026-10-31T22:30:00Z,second,site-b,requests,30
11,2026-10-31T23:30:00Z,second,site-b,requests,30
12,2026-10-08T08:00:00Z,first,disk-a,storage,10.5
13,2026-10-08T09:00:00Z,first,disk-b,storage,7.25
"""
LATE = """event_id,timestamp,account_id,resource_id,meter,quantity
l1,2026-10-05T09:00:00Z,first,site,requests,7.7
l2,2026-10-06T08:30:00Z,first,site,traffic,3
l3,2026-10-07T09:00:00Z,first,vm,traffic,60
l4,2026-11-02T08:00:00Z,first,site,requests,50
l6,2026-10-08T07:00:00Z,first,disk-c,storage,0.125
l5,2026-10-05T00:02:00Z,first,vm,cpu,3
"""


def make(directory: Path) -> Settings:
    """A project with October landed."""
    reference = {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS, "grants": GRANTS}
    settings = make_of(directory, BOOK, reference)
    land(settings, "usage_records/october.csv", RECORDS)
    return settings


def make_invoiced(directory: Path) -> Settings:
    """Two books; October billed and issued; late records of it in November, which is billed and issued too."""
    settings = make(directory)
    with Project.open(settings, CLOCK) as project:
        run_hourly(project, datetime(2026, 10, 10, tzinfo=UTC))
        (directory / "prices.yaml").write_text(SECOND_BOOK, encoding="utf-8")
        run_hourly(project, NOVEMBER)
        issue(project, "october", "2026-10")
        land(settings, "usage_records/late.csv", LATE)
        run_hourly(project, DECEMBER + timedelta(hours=1))
        issue(project, "november", "2026-11")
    return settings
