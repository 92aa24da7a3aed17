"""The jobs: which assets and checks run together.

What belongs here: selections, and the jobs of upkeep and of alerts. What does not: when they run (`schedules.py`).
"""

import os
from typing import Final

import dagster as dg

from assets.deliveries import channels_of, deliver, observations
from pipelines.checks import blocking_checks, nightly_checks
from resources.project_source import ProjectSource
from resources.upkeep import upkeep

# In the order of the data. One run of these is one run of the books.
HOURLY: Final = ("price_book", "accounts", "usage_events", "usage_hourly", "charges", "ledger_entries", "alerts")
MONTHLY: Final = ("invoices", "invoice_documents")
BLOCKING_CHECKS: Final = blocking_checks()
NIGHTLY_CHECKS: Final = nightly_checks()


def _with_checks(*names: str) -> dg.AssetSelection:
    """The assets with the checks that block; the nightly ones look at more than a run has to wait for."""
    return dg.AssetSelection.assets(*names) - dg.AssetSelection.checks(*NIGHTLY_CHECKS)


hourly_billing: Final = dg.define_asset_job(
    "hourly_billing",
    selection=_with_checks(*HOURLY),
    description="Take what landed, close the hours up to now, and bring charges and ledger up to them.",
)
monthly_drafts: Final = dg.define_asset_job(
    "monthly_drafts",
    selection=_with_checks(*MONTHLY),
    description="Draft a month's invoices from the books as they are, and print those that are issued.",
)
nightly_proof: Final = dg.define_asset_job(
    "nightly_proof",
    selection=dg.AssetSelection.checks(*NIGHTLY_CHECKS),
    description="Check all books, not only what the last run wrote.",
)


@dg.op(out=dg.Out(dg.Nothing), description="Flush, merge, expire and delete what is due, in small bites.")
def keep_lake_small(context: dg.OpExecutionContext, project: dg.ResourceParam[ProjectSource]) -> None:
    """Run the lake's upkeep and show what it did."""
    with project.open() as opened:
        context.add_output_metadata(upkeep(opened))


@dg.job(name="upkeep", description="Keep the lake fast and small; the books stay the same.")
def lake_upkeep() -> None:
    """One bite after the other, safe beside runs and readers."""
    keep_lake_small()


@dg.op(out=dg.Out(dg.Nothing), description="Send the alerts that are due, each account's in their order.")
def send_alerts(context: dg.OpExecutionContext, project: dg.ResourceParam[ProjectSource]) -> None:
    """Send what is due, for no longer than the settings allow, and show what got through."""
    with project.open() as opened:
        chosen = opened.settings.alerts
        report = deliver(opened, channels_of(chosen, os.environ), chosen.deliver_seconds)
        for observation in observations(report["given_up"]):
            context.log_event(observation)
        context.add_output_metadata({**report, "given_up": len(report["given_up"])})


@dg.job(name="alert_delivery", description="Send alerts to the webhook and by mail; the books do not wait for it.")
def alert_delivery() -> None:
    """Beside the hourly run, so that a receiver that hangs holds up nobody."""
    send_alerts()


JOBS: Final = (hourly_billing, monthly_drafts, nightly_proof, lake_upkeep, alert_delivery)
