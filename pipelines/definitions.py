"""All that Dagster runs, put together in one place that tests and production share.

What belongs here: `build_defs`. What does not: opening anything; each step opens its project itself.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

import dagster as dg

from assets.accounts import accounts
from assets.alerts import alerts
from assets.charges import charges
from assets.invoice_documents import invoice_documents
from assets.invoices import invoices
from assets.ledger_entries import ledger_entries
from assets.partitions import FIRST_DAY, days_from, months_from
from assets.price_book import price_book
from assets.usage_events import usage_events
from assets.usage_hourly import usage_hourly
from pipelines.jobs import BLOCKING_CHECKS, JOBS, NIGHTLY_CHECKS
from pipelines.schedules import SCHEDULES
from pipelines.sensors import SENSORS
from resources.project_source import ProjectResource
from resources.settings import SettingsError, load_settings

# Catch-up is one run over all its days: the steps are vectorized and need no loop (design 6).
CATCH_UP: Final = dg.BackfillPolicy.single_run()
ASSETS: Final = (
    price_book, accounts, usage_events, usage_hourly, charges, ledger_entries, alerts, invoices, invoice_documents,
)  # fmt: skip


def build_defs(resources: Mapping[str, object] | None = None, first_day: date = FIRST_DAY) -> dg.Definitions:
    """The definitions; `resources` go over the ones of production, `first_day` is where the partitions begin."""
    # Given here and not in the decorator of each asset, which warns that it is young.
    caught_up = [asset.with_attributes(backfill_policy=CATCH_UP) for asset in ASSETS]

    def begin(spec: dg.AssetSpec) -> dg.AssetSpec:
        if isinstance(spec.partitions_def, dg.DailyPartitionsDefinition):
            return spec.replace_attributes(partitions_def=days_from(first_day))
        if isinstance(spec.partitions_def, dg.MonthlyPartitionsDefinition):
            return spec.replace_attributes(partitions_def=months_from(first_day))
        return spec

    return dg.Definitions(
        assets=dg.map_asset_specs(begin, caught_up),
        asset_checks=[*BLOCKING_CHECKS, *NIGHTLY_CHECKS],
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources={"project": ProjectResource(), **(resources or {})},
        # The steps come one after the other and each takes a moment: a process for each would cost more than its work.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster-webserver --module-name pipelines.definitions` and `dagster dev` load.

    It is called when Dagster loads the definitions, not when the module is imported. Without a project they load too;
    each step then says what is missing.
    """
    try:
        return build_defs(first_day=load_settings().first_day)
    except SettingsError:
        return build_defs()
