"""A small cloud that does not exist: what `make demo` bills, the same bytes on every machine and at every try.

Here belongs what a provider's collectors and staff would put into the landing folder: accounts, subscriptions,
grants, five-minute samples of machines, backup records, and the ordinary dirt among them (repeats, malformed rows,
late files). Reading any of it does not belong here, so nothing in this package imports an asset, a source or a price:
a test may compare what was planted with what ingest found.

    cloud = Cloud()
    land_reference(cloud, landing)
    for day in days(cloud):
        land_day(cloud, day, landing)
    for batch in late_batches(cloud):      # each says when it `lands_at`
        land_late(cloud, landing, batch.name)
"""

from pipelines.synthetic.cloud import Cloud, days
from pipelines.synthetic.fleet import machines
from pipelines.synthetic.landing import land_day, land_hour, land_late, land_reference
from pipelines.synthetic.lateness import LateBatch, late_batches
from pipelines.synthetic.manifest import LandedFile, Manifest
from pipelines.synthetic.reference import accounts, grants, subscriptions
from pipelines.synthetic.samples import samples

__all__ = [
    "Cloud",
    "LandedFile",
    "LateBatch",
    "Manifest",
    "accounts",
    "days",
    "grants",
    "land_day",
    "land_hour",
    "land_late",
    "land_reference",
    "late_batches",
    "machines",
    "samples",
    "subscriptions",
]
