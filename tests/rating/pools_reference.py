"""Pooled allowances the slow way: a book-keeping of events, one after another, in `decimal`.

It imports the slow world and nothing of the engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from tests.rating.reference import ZERO, Document, total_cost
from tests.rating.worlds import Subscription, Use, World, in_unit, month

Scope = tuple[Any, ...]
Key = tuple[str, str, str, str, str, datetime]


@dataclass(frozen=True)
class Joining:
    """A resource joins the pool of a scope."""

    at: datetime
    row: Subscription
    price_id: str
    meter: str
    service_id: str
    resource_id: str


def charges_with_pools(world: World, uses: Sequence[Use]) -> dict[Key, Decimal]:
    """What each use costs, less what each joining gives back, by the key of the charge."""
    joinings = _joinings(world, uses)
    events: list[tuple[Any, Joining | Use]] = [(_place(joining), joining) for joining in joinings]
    events += [((use.slice_start, 1, *found[0][1:]), use) for use in uses if (found := world.situation(use))]
    events.sort(key=lambda event: event[0])
    quantities: dict[Scope, Decimal] = {}
    amounts: dict[Key, Decimal] = {}
    for place, event in events:
        if isinstance(event, Joining):
            before = [one for _, one in events[: _index(events, place)] if isinstance(one, Joining)]
            _join(world, event, before, quantities, amounts)
        else:
            _use(world, event, [one for one in joinings if one.at <= event.slice_start], quantities, amounts)
    return amounts


def _index(events: list[Any], place: Any) -> int:  # noqa: ANN401 - what sorts
    return next(number for number, (other, _) in enumerate(events) if other == place)


def _place(joining: Joining) -> tuple[Any, ...]:
    return joining.at, 0, joining.service_id, joining.resource_id, joining.row.plan, joining.price_id, joining.meter


def _joinings(world: World, uses: Sequence[Use]) -> list[Joining]:
    """Who joins what: the first use that counts, of each resource in each scope."""
    first: dict[Scope, Joining] = {}
    for use in sorted(uses, key=lambda one: (one.slice_start, one.service_id)):
        row = world.subscription(use.account_id, use.service_id, use.slice_start)
        if row is None or not use.quantity:
            continue
        start, _ = month(use.slice_start, row.time_zone)
        for price in world.prices(row, use.slice_start):
            if use.meter in _pool_meters(world, row, price["id"]):
                found = Joining(use.slice_start, row, price["id"], use.meter, use.service_id, use.resource_id)
                key = (use.account_id, row.subscription_id, row.plan, price["id"], start, use.meter, use.resource_id)
                first.setdefault(key, found)
    return list(first.values())


def _pool_meters(world: World, row: Subscription, price_id: str) -> set[str]:
    """By which meters the versions of a price pool."""
    versions = [price for document in world.books for price in document["plans"][row.plan]["prices"]]
    return {price["pooled"]["meter"] for price in versions if price["id"] == price_id and "pooled" in price}


def _scope(row: Subscription, price_id: str, at: datetime) -> Scope:
    return row.account_id, row.subscription_id, row.plan, price_id, month(at, row.time_zone)[0]


def _pool(world: World, price: Document, scope: Scope, joined: Sequence[Joining]) -> Decimal:
    """What those who joined bring to a version of the price."""
    if "pooled" not in price:
        return ZERO
    brought = [
        Decimal(price["pooled"]["quantity"]) * left / whole
        for one in joined
        if (_scope(one.row, one.price_id, one.at), one.meter) == (scope, price["pooled"]["meter"])
        for left, whole in [_left(world, one)]
    ]
    return sum((one.quantize(Decimal("1e-9"), ROUND_HALF_EVEN) for one in brought), ZERO)


def _left(world: World, joining: Joining) -> tuple[int, int]:
    """The seconds from joining on in which the price is in force in the period, and those of the period."""
    start, end = month(joining.at, joining.row.time_zone)
    since = world.share(joining.row, joining.price_id, joining.at, end)[0]
    return since, int((end - start).total_seconds())


def _cost(world: World, row: Subscription, price: Document, at: datetime, quantity: Decimal, pool: Decimal) -> Decimal:
    start, end = month(at, row.time_zone)
    inside, whole = world.share(row, price["id"], start, end)
    included = (Decimal(price.get("included", "0")) * inside / whole).quantize(Decimal("1e-9"), ROUND_HALF_EVEN)
    maximum = price.get("maximum")
    if maximum is not None:
        maximum = (Decimal(maximum) * inside / whole).quantize(Decimal("1e-18"), ROUND_HALF_EVEN)
    return total_cost(price, in_unit(quantity, price.get("unit"), start, end), included + pool, maximum)


def _join(
    world: World,
    event: Joining,
    before: Sequence[Joining],
    quantities: dict[Scope, Decimal],
    amounts: dict[Key, Decimal],
) -> None:
    scope = _scope(event.row, event.price_id, event.at)
    price = next(price for price in world.prices(event.row, event.at) if price["id"] == event.price_id)
    used = quantities.get(scope, ZERO)
    pools = (_pool(world, price, scope, joined) for joined in (before, [*before, event]))
    less, more = (_cost(world, event.row, price, event.at, used, pool) for pool in pools)
    key = (event.row.account_id, event.service_id, event.resource_id, price["meter"], "{}", event.at)
    if more != less:
        amounts[key] = amounts.get(key, ZERO) + more - less


def _use(
    world: World, use: Use, joined: Sequence[Joining], quantities: dict[Scope, Decimal], amounts: dict[Key, Decimal]
) -> None:
    found = world.situation(use)
    row = world.subscription(use.account_id, use.service_id, use.slice_start)
    assert found is not None
    assert row is not None
    price = found[3]
    scope = _scope(row, price["id"], use.slice_start)
    own = (*scope, use.resource_id) if price.get("accumulate") == "resource" else scope
    before = quantities.get(own, ZERO)
    after = quantities[own] = before + use.quantity
    pool = _pool(world, price, scope, joined)
    more, less = (_cost(world, row, price, use.slice_start, quantity, pool) for quantity in (after, before))
    amounts[use.key] = amounts.get(use.key, ZERO) + more - less
