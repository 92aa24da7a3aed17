"""Goal: a bad price book is refused whole, and every message names file, path, reason and mend (semantics 1)."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rating.errors import PriceBookError
from rating.pricebook import PriceBook, check_succession, effective_books, parse_price_book
from rating.pricing import compile_prices
from tests.rating.reference import Document

FILE = "prices/2026-11.yaml"
GOOD: Document = {
    "version": "2026-11",
    "effective_from": "2026-11-01T00:00:00Z",
    "currency": "EUR",
    "meters": {
        "cpu": {"unit": "vCPU-hour", "aggregation": "time_weighted", "max_gap": "10 min", "series": ["socket"]},
        "memory": {"unit": "GB-hour", "aggregation": "time_weighted", "max_gap": "600 s", "factor": "0.000001024"},
        "network": {"unit": "GB", "aggregation": "sum", "title": "Traffic"},
        "resold": {"unit": "EUR", "aggregation": "sum", "value": "amount"},
    },
    "plans": {
        "standard": {
            "prices": [
                {
                    "id": "cpu",
                    "meter": "cpu",
                    "model": "graduated",
                    "tiers": [{"up_to": "1000", "unit_price": "0.012", "flat_fee": "5"}, {"unit_price": "0.010"}],
                },
                {
                    "id": "network",
                    "meter": "network",
                    "model": "unit",
                    "accumulate": "resource",
                    "included": "1000",
                    "unit_price": {"EUR": "0.01", "USD": "0.011"},
                    "maximum": {"EUR": "50.00", "USD": "55.00"},
                },
            ]
        }
    },
}


def parse(document: object) -> PriceBook:
    return parse_price_book(document, FILE)


def problems(change: Callable[[Document], object]) -> list[str]:
    """What is wrong with the good book after a change."""
    document = deepcopy(GOOD)
    change(document)
    with pytest.raises(PriceBookError) as caught:
        parse(document)
    assert all(f"{FILE}: {problem}" in str(caught.value) for problem in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def put(path: str, value: object) -> Callable[[Document], object]:
    """A change: set what lies at a path."""
    return lambda document: _parent(document, path).__setitem__(_last(path), value)


def put_all(path: str, **values: object) -> Callable[[Document], object]:
    """A change: set several keys of what lies at a path."""
    return lambda document: _parent(document, f"{path}.any").update(values)


def drop(path: str) -> Callable[[Document], object]:
    """A change: take away what lies at a path."""
    return lambda document: _parent(document, path).__delitem__(_last(path))


def _steps(path: str) -> list[str | int]:
    return [int(step) if step.isdigit() else step for step in path.split(".")]


def _last(path: str) -> Any:  # noqa: ANN401 (a key or a position)
    return _steps(path)[-1]


def _parent(document: Document, path: str) -> Document:
    part: Any = document
    for step in _steps(path)[:-1]:
        part = part[step]
    found: Document = part
    return found


CPU, NETWORK, STANDARD = "plans.standard.prices.0", "plans.standard.prices.1", "plans.standard.prices"
FEE = "plans.standard.recurring"
DISCOUNT, SURCHARGE = "plans.standard.discount", "plans.standard.surcharge"

STEPS = [{"up_to": "10", "flat_fee": "5"}, {"flat_fee": "9"}]
STAIRS: Document = {"id": "cpu", "meter": "cpu", "model": "stairstep", "tiers": STEPS}
PACKAGE: Document = {"id": "cpu", "meter": "cpu", "model": "package", "package_size": "10", "package_price": "1"}
DYNAMIC: Document = {"id": "cpu", "meter": "resold", "model": "dynamic", "multiplier": "1.2"}
VOLUME_TIERS = [{"up_to": "10", "unit_price": "2", "flat_fee": "5"}, {"unit_price": "1"}]
VOLUME: Document = {"id": "cpu", "meter": "cpu", "model": "volume", "tiers": VOLUME_TIERS}

UNIT: Document = {"id": "n", "meter": "network", "model": "unit", "unit_price": "1"}
UNIT_PRICE_OF_CPU: Document = {"id": "cpu", "meter": "cpu", "model": "unit", "unit_price": "1"}
COMMIT = {"quantity": "1000", "per": "period", "unit_price": "0.009"}

# What is changed; the path, a word of the reason and a word of the mend that the message must hold.
POOL = {"meter": "cpu", "quantity": "1"}
BAD = {
    "no version": (drop("version"), "version", "is missing", "name the book"),
    "a version that is a number": (put("version", 2026), "version", "2026 is not text", "in quotes"),
    "no time": (drop("effective_from"), "effective_from", "is missing", "2026-11-01T00:00:00Z"),
    "a time without a zone": (put("effective_from", "2026-11-01T00:00:00"), "effective_from", "no time zone", "Z"),
    "a time that is none": (put("effective_from", "soon"), "effective_from", "'soon' is not a time", "write it like"),
    "a time off the quarter hour": (
        put("effective_from", "2026-11-01T00:07:00Z"),
        "effective_from",
        "off the quarter hour",
        ":15",
    ),
    "a currency that is none": (put("currency", "EURO"), "currency", "'EURO' is not a currency", "ISO 4217"),
    "a currency in small letters": (put("currency", "eur"), "currency", "'eur' is not a currency", "capital letters"),
    "no meters": (drop("meters"), "meters", "is missing", "list what is measured"),
    "meters as a list": (put("meters", []), "meters", "is not a mapping", "keys and values"),
    "a meter without a unit": (drop("meters.cpu.unit"), "meters.cpu.unit", "is missing", "unit: GB-hour"),
    "a gauge without max_gap": (drop("meters.cpu.max_gap"), "meters.cpu.max_gap", "is missing", "max_gap: 10 min"),
    "max_gap longer than a day": (
        put("meters.cpu.max_gap", "25 h"),
        "meters.cpu.max_gap",
        "longer than a day",
        "one day",
    ),
    "max_gap in weeks": (put("meters.cpu.max_gap", "1 week"), "meters.cpu.max_gap", "not a length of time", "10 min"),
    "max_gap without a unit": (put("meters.cpu.max_gap", 600), "meters.cpu.max_gap", "not a length of time", "10 min"),
    "max_gap of a sum": (
        put("meters.network.max_gap", "10 min"),
        "meters.network.max_gap",
        "no meaning",
        "leave it out",
    ),
    "a factor of a sum": (put("meters.network.factor", "2"), "meters.network.factor", "no meaning", "time_weighted"),
    "a factor of zero": (put("meters.cpu.factor", "0"), "meters.cpu.factor", "makes every quantity 0", "leave it out"),
    "a factor that is too fine": (
        put("meters.cpu.factor", "0.0000000001"),
        "meters.cpu.factor",
        "finer than the 9 decimals",
        "time_unit",
    ),
    "a factor as a float": (put("meters.memory.factor", 1.024e-6), "meters.memory.factor", "binary float", "quotes"),
    "a dimension twice": (put("meters.cpu.series", ["a", "a"]), "meters.cpu.series", "twice", "once"),
    "an aggregation of nobody": (
        put("meters.cpu.aggregation", "median"),
        "meters.cpu.aggregation",
        "'median' is not a known aggregation",
        "'time_weighted'",
    ),
    "a meter with a colon": (
        put("meters.a:b", {"unit": "x", "aggregation": "sum"}),
        "meters.a:b",
        "not a name",
        "letters",
    ),
    "plans as nothing": (put("plans", None), "plans", "is not a mapping", "keys and values"),
    "a plan without prices": (put("plans.pro", {}), "plans.pro.prices", "is missing", "list the prices"),
    "prices as a mapping": (put(STANDARD, {"a": 1}), STANDARD, "is not a list", "begin with '-'"),
    "a discount of more than all": (put(DISCOUNT, "100.1"), DISCOUNT, "100.1 is too large", "100 at most"),
    "a discount as a number": (put(DISCOUNT, 10), DISCOUNT, "10 is not in quotes", '"10"'),
    "a discount below nothing": (put(DISCOUNT, "-1"), DISCOUNT, "-1 is negative", "no negative numbers"),
    "a surcharge too fine": (put(SURCHARGE, "0.0000000001"), SURCHARGE, "finer than the 9 decimals", "9 decimals"),
    "a surcharge that is a slip": (put(SURCHARGE, "1001"), SURCHARGE, "1001 is too large", "1000 at most"),
    "a plan with both": (
        put_all("plans.standard", discount="1", surcharge="2"),
        SURCHARGE,
        "stands beside a discount",
        "one of the two",
    ),
    "an account with both": (
        put("accounts", {"acme": {"discount": "1", "surcharge": "2"}}),
        "accounts.acme.surcharge",
        "stands beside a discount",
        "one of",
    ),
    "a slip in agreed terms": (
        put("accounts", {"acme": {"disount": "1"}}),
        "accounts.acme.disount",
        "unknown key",
        "discount?",
    ),
    "a pool of each resource": (
        put(
            CPU,
            {"id": "c", "meter": "cpu", "model": "unit", "unit_price": "1", "accumulate": "resource", "pooled": POOL},
        ),
        f"{CPU}.pooled",
        "has no meaning for accumulate resource",
        "use included",
    ),
    "a pool of a meter that is not there": (
        put(CPU, {"id": "c", "meter": "cpu", "model": "unit", "unit_price": "1", "pooled": {**POOL, "meter": "gpu"}}),
        f"{CPU}.pooled.meter",
        "no meter 'gpu'",
        "use a meter of this book",
    ),
    "a pool without a quantity": (
        put(CPU, {"id": "c", "meter": "cpu", "model": "unit", "unit_price": "1", "pooled": {"meter": "cpu"}}),
        f"{CPU}.pooled.quantity",
        "is missing",
        "say how much",
    ),
    "a minimum of each resource": (
        put(f"{NETWORK}.minimum", {"EUR": "1", "USD": "1"}),
        f"{NETWORK}.minimum",
        "accumulate by resource",
        "accumulate by account",
    ),
    "a minimum that misses a currency": (
        put(
            NETWORK,
            {"id": "n", "meter": "network", "model": "unit", "unit_price": {"EUR": "1", "USD": "1"}, "minimum": "1"},
        ),
        f"{NETWORK}.minimum",
        "has no amount in USD",
        "add USD",
    ),
    "a minimum above the maximum": (
        put_all(CPU, minimum="5.01", maximum="5"),
        f"{CPU}.minimum",
        "5.01 EUR is above the maximum, 5",
        "lower it, or raise the maximum",
    ),
    "a minimum above the maximum in one currency, written in two ways": (
        put(CPU, {**UNIT_PRICE_OF_CPU, "minimum": {"EUR": "6"}, "maximum": "5.999"}),
        f"{CPU}.minimum",
        "6 EUR is above the maximum, 5.999",
        "lower it, or raise the maximum",
    ),
    "a minimum above the maximum, agreed with an account": (
        put("accounts", {"acme": {"prices": {"standard": [{**UNIT_PRICE_OF_CPU, "minimum": "2", "maximum": "1"}]}}}),
        "accounts.acme.prices.standard.0.minimum",
        "2 EUR is above the maximum, 1",
        "lower it, or raise the maximum",
    ),
    "a pool and a commitment": (
        put(NETWORK, {**UNIT, "pooled": POOL, "commit": COMMIT}),
        f"{NETWORK}.pooled",
        "no pool",
        "leave one of them out",
    ),
    "a commitment of each resource": (
        put(NETWORK, {**UNIT, "accumulate": "resource", "commit": COMMIT}),
        f"{NETWORK}.commit",
        "accumulate by resource",
        "accumulate by account",
    ),
    "a commitment beside a minimum": (
        put_all(CPU, commit=COMMIT, minimum="5"),
        f"{CPU}.minimum",
        "stands beside a commitment",
        "one of the two",
    ),
    "a commitment beside a maximum": (
        put_all(CPU, commit=COMMIT, maximum="5"),
        f"{CPU}.maximum",
        "stands beside a commitment",
        "minimum in place of commit",
    ),
    "a commitment of amounts of money": (
        put(CPU, {"id": "cpu", "meter": "resold", "model": "dynamic", "multiplier": "1", "commit": COMMIT}),
        f"{CPU}.commit",
        "dynamic prices amounts of money",
        "minimum",
    ),
    "a commitment that is too dear": (
        put(f"{CPU}.commit", {**COMMIT, "quantity": "1000000000000", "unit_price": "1"}),
        f"{CPU}.commit",
        "comes to 1000000000000, which is too large",
        "below 1000000000000",
    ),
    "a commitment of nothing": (
        put(f"{CPU}.commit", {**COMMIT, "quantity": "0"}),
        f"{CPU}.commit.quantity",
        "0 is not a size",
        "above 0",
    ),
    "a commitment by the day": (
        put(f"{CPU}.commit", {**COMMIT, "per": "day"}),
        f"{CPU}.commit.per",
        "'day' is not a known per",
        "'hour' or 'period'",
    ),
    "a price of tiers in parts that is held back": (
        put(f"{CPU}.book", "close"),
        f"{CPU}.book",
        "does not belong to model",
        "use model: volume or stairstep",
    ),
    "a price that is booked some day": (
        put(f"{CPU}.book", "yearly"),
        f"{CPU}.book",
        "'yearly' is not a known book",
        "'close'",
    ),
    "a commitment for no time": (
        put(f"{CPU}.commit", {"quantity": "1", "unit_price": "1"}),
        f"{CPU}.commit.per",
        "is missing",
        "per: period",
    ),
    "a commitment that misses a currency": (
        put(
            NETWORK,
            {**UNIT, "unit_price": {"EUR": "1", "USD": "1"}, "commit": COMMIT},
        ),
        f"{NETWORK}.commit.unit_price",
        "has no amount in USD",
        "add USD",
    ),
    "a grace of more than four weeks": (put("grace", "29 days"), "grace", "longer than 28 days", "give less"),
    "a grace that is no time": (put("grace", "soon"), "grace", "'soon' is not a length of time", "10 min"),
    "a fee of nothing": (put(FEE, {}), f"{FEE}.amount", "is missing", 'amount: "5.00"'),
    "a fee as a number": (put(FEE, {"amount": 5}), f"{FEE}.amount", "5 is not in quotes", '"5"'),
    "a fee below nothing": (put(FEE, {"amount": "-5"}), f"{FEE}.amount", "-5 is negative", "give-back"),
    "a fee by the week": (put(FEE, {"amount": "5", "interval": "week"}), f"{FEE}.interval", "'week' is not", "'month'"),
    "a fee now and then": (put(FEE, {"amount": "5", "bill": "never"}), f"{FEE}.bill", "'never' is not", "'advance'"),
    "a fee with the id of a price": (
        put(FEE, {"amount": {"EUR": "5", "USD": "6"}, "id": "cpu"}),
        f"{FEE}.id",
        "'cpu' is the id of a price",
        "of its own",
    ),
    "a fee in fewer currencies than the prices": (
        put(FEE, {"amount": "5"}),
        f"{FEE}.amount",
        "no amount in USD",
        "add USD",
    ),
    "a price of another meter": (put(f"{CPU}.meter", "gpu"), f"{CPU}.meter", "no meter 'gpu'", "cpu, memory, network"),
    "a price without a model": (drop(f"{CPU}.model"), f"{CPU}.model", "is missing", "stairstep, package or dynamic"),
    "an accumulation of later": (
        put(f"{CPU}.accumulate", "parent"),
        f"{CPU}.accumulate",
        "accumulate parent is not supported yet",
        "'resource'",
    ),
    "a model of nobody": (put(f"{CPU}.model", "auction"), f"{CPU}.model", "'auction' is not a known model", "'unit'"),
    "accumulate by zone": (
        put(f"{CPU}.accumulate", "zone"),
        f"{CPU}.accumulate",
        "not a known accumulate",
        "'resource'",
    ),
    "two prices of one id": (put(f"{NETWORK}.id", "cpu"), f"{NETWORK}.id", "stands already in prices[0]", "its own id"),
    "two prices of one meter": (
        put(f"{NETWORK}.meter", "cpu"),
        f"{NETWORK}.meter",
        "is priced already by plans.standard.prices[0]",
        "price a meter once",
    ),
    "a price as text": (put(CPU, "0.012"), CPU, "is not a mapping", "keys and values"),
    "a float price": (put(f"{NETWORK}.unit_price", 0.01), f"{NETWORK}.unit_price", "0.01 is a binary float", '"0.01"'),
    "an integer price": (put(f"{NETWORK}.unit_price", 1), f"{NETWORK}.unit_price", "1 is not in quotes", '"1"'),
    "a price that is yes": (
        put(f"{NETWORK}.unit_price", value=True),
        f"{NETWORK}.unit_price",
        "not a number",
        '"0.012"',
    ),
    "a price with a comma": (put(f"{NETWORK}.unit_price", "0,01"), f"{NETWORK}.unit_price", "not a decimal", "point"),
    "a price with an exponent": (
        put(f"{NETWORK}.unit_price", "1e-3"),
        f"{NETWORK}.unit_price",
        "not a decimal",
        "digits",
    ),
    "a price that is not a number": (put(f"{NETWORK}.unit_price", "NaN"), f"{NETWORK}.unit_price", "not a decimal", ""),
    "a negative price": (put(f"{NETWORK}.unit_price", "-1"), f"{NETWORK}.unit_price", "-1 is negative", "grant"),
    "a price of a million": (
        put(f"{NETWORK}.unit_price", "1000000"),
        f"{NETWORK}.unit_price",
        "too large",
        "below 1000000",
    ),
    "a price that is too fine": (
        put(f"{NETWORK}.unit_price", "0.0000000001"),
        f"{NETWORK}.unit_price",
        "0.0000000001 is finer than the 9 decimals",
        "larger unit",
    ),
    "no currency in the map": (put(f"{NETWORK}.unit_price", {}), f"{NETWORK}.unit_price", "is empty", "EUR"),
    "a currency in the map that is none": (
        put(f"{NETWORK}.unit_price", {"XYZ": "1"}),
        f"{NETWORK}.unit_price",
        "'XYZ' is not a currency",
        "ISO 4217",
    ),
    "a cap that misses a currency": (
        put(f"{NETWORK}.maximum", "50"),
        f"{NETWORK}.maximum",
        "has no amount in USD",
        "add USD",
    ),
    "a cap of a billion billions": (
        put(f"{NETWORK}.maximum", "1000000000000"),
        f"{NETWORK}.maximum",
        "too large",
        "below",
    ),
    "included as a float": (put(f"{NETWORK}.included", 1000.0), f"{NETWORK}.included", "binary float", '"1000.0"'),
    "included of 1e15": (put(f"{NETWORK}.included", "1" + "0" * 15), f"{NETWORK}.included", "too large", "below"),
    "a unit price without a price": (
        drop(f"{NETWORK}.unit_price"),
        f"{NETWORK}.unit_price",
        "is missing",
        "unit price",
    ),
    "a unit price with tiers": (
        put(f"{NETWORK}.tiers", [{"unit_price": {"EUR": "1", "USD": "1"}}]),
        f"{NETWORK}.tiers",
        "does not belong to model unit",
        "model: graduated",
    ),
    "tiers that are missing": (drop(f"{CPU}.tiers"), f"{CPU}.tiers", "is missing", "graduated price needs it"),
    "no tier at all": (put(f"{CPU}.tiers", []), f"{CPU}.tiers", "is empty", "at least one tier"),
    "tiers that fall": (
        put(
            f"{CPU}.tiers",
            [{"up_to": "1000", "unit_price": "1"}, {"up_to": "999", "unit_price": "1"}, {"unit_price": "1"}],
        ),
        f"{CPU}.tiers.1.up_to",
        "999 is not above 1000",
        "rising order",
    ),
    "tiers that stand still": (
        put(
            f"{CPU}.tiers",
            [{"up_to": "5", "unit_price": "1"}, {"up_to": "5.0", "unit_price": "1"}, {"unit_price": "1"}],
        ),
        f"{CPU}.tiers.1.up_to",
        "5.0 is not above 5",
        "rising order",
    ),
    "a first tier up to zero": (put(f"{CPU}.tiers.0.up_to", "0"), f"{CPU}.tiers.0.up_to", "0 is not above 0", "rising"),
    "a last tier that ends": (
        put(f"{CPU}.tiers.1.up_to", "2000"),
        f"{CPU}.tiers.1.up_to",
        "the last tier ends",
        "leave up_to",
    ),
    "a tier without end in the middle": (
        put(f"{CPU}.tiers.0.up_to", None),
        f"{CPU}.tiers.0.up_to",
        "only the last tier",
        "an up_to",
    ),
    "a tier without a price": (
        drop(f"{CPU}.tiers.1.unit_price"),
        f"{CPU}.tiers.1.unit_price",
        "is missing",
        "a tier of a graduated price needs it",
    ),
    "tiers of a volume price that are missing": (
        put(CPU, {"id": "cpu", "meter": "cpu", "model": "volume"}),
        f"{CPU}.tiers",
        "is missing",
        "volume price needs it",
    ),
    "a volume tier without a price": (
        put(CPU, {"id": "cpu", "meter": "cpu", "model": "volume", "tiers": [{"flat_fee": "1"}]}),
        f"{CPU}.tiers.0.unit_price",
        "is missing",
        'unit_price: "0.012"',
    ),
    "stairs with a unit price beside tiers": (
        put(CPU, {**STAIRS, "unit_price": "1"}),
        f"{CPU}.unit_price",
        "does not belong to model stairstep",
        "model: unit",
    ),
    "a step of stairs without a fee": (
        put(CPU, {**STAIRS, "tiers": [{"up_to": "10"}, {"flat_fee": "9"}]}),
        f"{CPU}.tiers.0.flat_fee",
        "is missing",
        'a tier of a stairstep price needs it, in quotes: flat_fee: "0.012"',
    ),
    "a step of stairs with a unit price": (
        put(CPU, {**STAIRS, "tiers": [{"flat_fee": "9", "unit_price": "1"}]}),
        f"{CPU}.tiers.0.unit_price",
        "does not belong to model stairstep",
        "use model: graduated or volume",
    ),
    "stairs that fall": (
        put(CPU, {**STAIRS, "tiers": [{"up_to": "0", "flat_fee": "1"}, {"flat_fee": "9"}]}),
        f"{CPU}.tiers.0.up_to",
        "0 is not above 0",
        "rising order",
    ),
    "a step of stairs that misses a currency": (
        put(CPU, {**STAIRS, "tiers": [{"up_to": "1", "flat_fee": {"EUR": "1", "USD": "2"}}, {"flat_fee": "9"}]}),
        f"{CPU}.tiers.1.flat_fee",
        "has no amount in USD",
        "add USD",
    ),
    "a package without a size": (
        put(CPU, {**PACKAGE, "package_size": None}),
        f"{CPU}.package_size",
        "is missing",
        "a package price needs it",
    ),
    "a package without a price": (
        put(CPU, {**PACKAGE, "package_price": None}),
        f"{CPU}.package_price",
        "is missing",
        "a package price needs it",
    ),
    "a package of zero": (
        put(CPU, {**PACKAGE, "package_size": "0"}),
        f"{CPU}.package_size",
        "holds nothing",
        'package_size: "100"',
    ),
    "a package as a number": (
        put(CPU, {**PACKAGE, "package_size": 10}),
        f"{CPU}.package_size",
        "not in quotes",
        '"10"',
    ),
    "a package price as a float": (
        put(CPU, {**PACKAGE, "package_price": 1.5}),
        f"{CPU}.package_price",
        "binary float",
        '"1.5"',
    ),
    "a package price of 1e12": (
        put(CPU, {**PACKAGE, "package_price": "1000000000000"}),
        f"{CPU}.package_price",
        "too large",
        "below",
    ),
    "a package with tiers": (
        put(CPU, {**PACKAGE, "tiers": [{"unit_price": "1"}]}),
        f"{CPU}.tiers",
        "does not belong to model package",
        "model: graduated or volume or stairstep",
    ),
    "a package with a unit price": (
        put(CPU, {**PACKAGE, "unit_price": "1"}),
        f"{CPU}.unit_price",
        "does not belong to model package",
        "model: unit",
    ),
    "a package whose cap misses a currency": (
        put(CPU, {**PACKAGE, "package_price": {"EUR": "1", "USD": "1"}, "maximum": "5"}),
        f"{CPU}.maximum",
        "has no amount in USD",
        "add USD",
    ),
    "a package size on a unit price": (
        put(f"{NETWORK}.package_size", "10"),
        f"{NETWORK}.package_size",
        "does not belong to model unit",
        "model: package",
    ),
    "a dynamic price without a multiplier": (
        put(CPU, {**DYNAMIC, "multiplier": None}),
        f"{CPU}.multiplier",
        "is missing",
        "a dynamic price needs it",
    ),
    "a multiplier as a float": (
        put(CPU, {**DYNAMIC, "multiplier": 1.2}),
        f"{CPU}.multiplier",
        "binary float",
        '"1.2"',
    ),
    "a multiplier of a unit price": (
        put(f"{NETWORK}.multiplier", "1.2"),
        f"{NETWORK}.multiplier",
        "does not belong to model unit",
        "model: dynamic",
    ),
    "a dynamic price of quantities": (
        put(CPU, {**DYNAMIC, "meter": "memory"}),
        f"{CPU}.model",
        "meter 'memory' has quantities",
        "add value: amount to the meter",
    ),
    "a unit price of amounts": (
        put("meters.network.value", "amount"),
        f"{NETWORK}.model",
        "meter 'network' has amounts of money",
        "model: dynamic",
    ),
    "a unit of something else": (
        put(f"{NETWORK}.unit", "TB-hour"),
        f"{NETWORK}.unit",
        "'TB-hour' does not fit 'GB', the unit of the meter",
        "leave it out to price each GB",
    ),
    "a unit that cannot be read": (put(f"{CPU}.unit", "vCPU^2"), f"{CPU}.unit", "'vCPU^2' cannot be read", "same kind"),
    "a cap of the account on tiers of the account": (
        put(f"{CPU}.account_maximum", "5"),
        f"{CPU}.account_maximum",
        "has no meaning for accumulate account",
        "use maximum",
    ),
    "a cap of the account that misses a currency": (
        put(f"{NETWORK}.account_maximum", "5"),
        f"{NETWORK}.account_maximum",
        "has no amount in USD",
        "add USD",
    ),
    "the value of nobody": (put("meters.cpu.value", "mass"), "meters.cpu.value", "not a known value", "'amount'"),
    "a fee as a float": (put(f"{CPU}.tiers.0.flat_fee", 5.5), f"{CPU}.tiers.0.flat_fee", "binary float", '"5.5"'),
    "a key with a slip": (put(f"{NETWORK}.acumulate", "account"), f"{NETWORK}.acumulate", "unknown key", "accumulate?"),
    "a key of nobody": (put("colour", "red"), "colour", "unknown key 'colour'", "leave it out"),
}
LATER = ("allowance", "scope")


def shown(path: str) -> str:
    """The path as a message shows it: numbers in brackets."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in _steps(path)).removeprefix(".")


@pytest.mark.parametrize(("change", "path", "what", "mend"), BAD.values(), ids=BAD)
def test_each_mistake_is_named(change: Callable[[Document], object], path: str, what: str, mend: str) -> None:
    [problem] = [text for text in problems(change) if text.startswith(f"{shown(path)}: ")]
    reason, _, advice = problem.removeprefix(f"{shown(path)}: ").rpartition("; ")
    assert what in reason
    assert mend in problem.removeprefix(f"{shown(path)}: ")
    assert advice


@pytest.mark.parametrize("key", LATER)
def test_keys_of_later_work_are_refused_by_name(key: str) -> None:
    assert problems(put(f"{CPU}.{key}", "x")) == [
        f"{shown(CPU)}.{key}: {key} is not supported yet; leave it out until it is"
    ]


@pytest.mark.parametrize(
    ("document", "found"),
    [(None, "nothing"), ([], "a list"), ("text", "a str"), (3, "a int")],
    ids=["empty", "list", "text", "number"],
)
def test_a_file_without_a_mapping_is_refused(document: object, found: str) -> None:
    with pytest.raises(PriceBookError, match=rf"{FILE}: \(top\): the file holds {found}; write a mapping"):
        parse(document)


def test_all_problems_are_listed_at_once() -> None:
    def change(document: Document) -> None:
        put("currency", "XXX")(document)
        put(f"{CPU}.tiers.0.unit_price", 0.1)(document)
        put(f"{NETWORK}.where", {})(document)

    assert [problem.split(":")[0] for problem in problems(change)] == [
        "currency",
        "plans.standard.prices[0].tiers[0].unit_price",
        "plans.standard.prices[1].where",
    ]


def test_a_good_book_is_read_and_frozen() -> None:
    good = parse(GOOD)
    memory = good.meters["memory"]
    assert (memory.factor, memory.max_gap_microseconds) == (Decimal("0.000001024"), 600_000_000)
    assert (memory.time_unit_microseconds, memory.title) == (3_600_000_000, None)
    assert good.effective_from == datetime(2026, 11, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="frozen"):
        good.version = "other"  # type: ignore[misc]


def test_a_book_comes_back_from_json_the_same() -> None:
    good = parse(GOOD)
    assert parse(json.loads(json.dumps(good.model_dump(mode="json")))) == good
    assert parse(json.loads(json.dumps(GOOD))) == good


@pytest.mark.parametrize("price", [STAIRS, PACKAGE, VOLUME, DYNAMIC], ids=lambda price: price["model"])
def test_every_model_comes_back_from_json_the_same(price: Document) -> None:
    document = deepcopy(GOOD)
    put(CPU, price)(document)
    good = parse(document)
    assert parse(json.loads(json.dumps(good.model_dump(mode="json")))) == good
    dumped = good.model_dump(mode="json", exclude_none=True)
    assert parse(dumped) == good
    assert dumped["plans"]["standard"]["prices"][0].keys() == {*price, "accumulate", "included"}


@pytest.mark.parametrize("price", [STAIRS, PACKAGE, VOLUME, DYNAMIC], ids=lambda price: price["model"])
def test_an_amount_with_its_currency_is_the_same_price(price: Document) -> None:
    def named(amounts: Document) -> Document:
        money = {"unit_price", "flat_fee", "package_price", "multiplier"}
        return {key: {"EUR": value} if key in money else value for key, value in amounts.items()}

    named_price = named(price)
    if "tiers" in price:
        named_price["tiers"] = [named(tier) for tier in price["tiers"]]
    first = deepcopy(GOOD)
    put(CPU, price)(first)
    prices = compile_prices([parse(first), later(price=put(CPU, named_price))])
    assert prices.filter(price_id="cpu").select("version", "currency", "model").rows() == [
        ("2026-11", "EUR", price["model"])
    ]


def test_a_time_in_another_zone_is_the_same_instant() -> None:
    zone = {**GOOD, "effective_from": "2026-11-01T05:30:00+05:30"}
    assert parse(zone).effective_from == parse(GOOD).effective_from


def later(**changes: Callable[[Document], object]) -> PriceBook:
    """The book of a month later, changed."""
    document = deepcopy(GOOD) | {"version": "2026-12", "effective_from": "2026-12-01T00:00:00Z"}
    for change in changes.values():
        change(document)
    return parse(document)


SUCCESSORS = {
    "another unit": (put("meters.cpu.unit", "core-hour"), "meters.cpu.unit", "use a new meter"),
    "another aggregation": (
        put("meters.network", {"unit": "GB", "aggregation": "time_weighted", "max_gap": "1 min"}),
        "meters.network.aggregation",
        "use a new meter",
    ),
    "another gap": (put("meters.cpu.max_gap", "1 h"), "meters.cpu.max_gap", "use a new meter"),
    "another window": (put("meters.network.window", "period"), "meters.network.window", "use a new meter"),
    "a rounding": (
        put("meters.network.rounding", {"mode": "ceil", "per": "slice"}),
        "meters.network.rounding",
        "use a new meter",
    ),
    "other series": (put("meters.cpu.series", ["core"]), "meters.cpu.series", "use a new meter"),
    "another meter for a price id": (put(f"{CPU}.meter", "memory"), f"{shown(CPU)}.meter", "use a new price id"),
    "another way to accumulate": (
        put(f"{CPU}.accumulate", "resource"),
        f"{shown(CPU)}.accumulate",
        "use a new price id",
    ),
    "a fee of a price's id": (
        put("plans.standard", {"prices": [], "recurring": {"id": "cpu", "amount": "5.00"}}),
        "plans.standard.recurring.id",
        "an id of its own",
    ),
    "the same version": (put("version", "2026-11"), "version", "its own version"),
}


@pytest.mark.parametrize(("change", "path", "mend"), SUCCESSORS.values(), ids=SUCCESSORS)
def test_what_a_later_book_must_not_change(change: Callable[[Document], object], path: str, mend: str) -> None:
    with pytest.raises(PriceBookError) as caught:
        check_succession([parse(GOOD), later(change=change)], FILE)
    [problem] = caught.value.problems
    assert (problem.path, mend in problem.mend) == (path, True)


def test_a_price_does_not_take_the_id_of_a_fee_of_before() -> None:
    """What the fee comes to would count towards the price's minimum."""
    fee_before = deepcopy(GOOD)
    fee_before["plans"]["standard"] = {"prices": [], "recurring": {"id": "cpu", "amount": "5.00"}}
    with pytest.raises(PriceBookError) as caught:
        check_succession([parse(fee_before), later()], FILE)
    [problem] = caught.value.problems
    assert (problem.path, problem.mend) == (f"{shown(CPU)}.id", "use a new price id")


def in_between(change: Callable[[Document], object]) -> PriceBook:
    """A book between the first and those of December: the first one with a change."""
    document = deepcopy(GOOD) | {"version": "between", "effective_from": "2026-11-15T00:00:00Z"}
    change(document)
    return parse(document)


LEFT_OUT: dict[str, tuple[Callable[[Document], object], Callable[[Document], object], str, str]] = {
    "a price with another meter": (drop(CPU), put(f"{CPU}.meter", "memory"), f"{shown(CPU)}.meter", "new price id"),
    "a price that accumulates otherwise": (
        drop(CPU), put(f"{CPU}.accumulate", "resource"), f"{shown(CPU)}.accumulate", "new price id",
    ),
    "a meter with another unit": (
        drop("meters.resold"), put("meters.resold.unit", "USD"), "meters.resold.unit", "new meter",
    ),
    "a price as a fee": (
        drop(CPU),
        put("plans.standard", {"prices": [], "recurring": {"id": "cpu", "amount": "5.00"}}),
        "plans.standard.recurring.id", "an id of its own",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("leave_out", "change", "path", "mend"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_a_book_in_between_leaves_out_does_not_come_back_as_something_else(
    leave_out: Callable[[Document], object], change: Callable[[Document], object], path: str, mend: str
) -> None:
    """Charges are known by plan and price id, and records by meter, whatever a book in between leaves out."""
    books = [parse(GOOD), in_between(leave_out), later(change=change)]
    with pytest.raises(PriceBookError) as caught:
        check_succession(books, FILE)
    assert [(problem.path, mend in problem.mend) for problem in caught.value.problems] == [(path, True)]
    assert "in version '2026-11'" in caught.value.problems[0].what


def test_what_a_book_in_between_leaves_out_may_come_back_as_it_was() -> None:
    check_succession([parse(GOOD), in_between(drop(CPU)), later()], FILE)


def test_a_minimum_may_be_the_maximum() -> None:
    document = deepcopy(GOOD)
    put_all(CPU, minimum={"EUR": "5.00"}, maximum="5")(document)
    put(f"{CPU}.tiers", [{"unit_price": "1"}])(document)
    assert parse(document).plans["standard"].prices[0].maximum is not None


def test_prices_may_change() -> None:
    check_succession([parse(GOOD), later(price=put(f"{CPU}.tiers.0.unit_price", "1"))], FILE)


def test_of_two_books_of_one_time_the_later_given_holds() -> None:
    mended = parse({**deepcopy(GOOD), "version": "2026-11 mended"})
    assert [one.version for one in effective_books([parse(GOOD), mended])] == ["2026-11 mended"]


def test_a_definition_that_stays_keeps_its_version_and_one_that_comes_back_gets_a_new_one() -> None:
    december = later(price=put(f"{CPU}.tiers.0.unit_price", "1"))
    january = parse({**deepcopy(GOOD), "version": "2027-01", "effective_from": "2027-01-01T00:00:00Z"})
    prices = compile_prices([january, parse(GOOD), december])
    spans = prices.filter(currency="EUR").select("price_id", "version", "effective_from", "effective_to").rows()
    november, new_year = parse(GOOD).effective_from, january.effective_from
    assert spans == [
        ("cpu", "2026-11", november, december.effective_from),
        ("cpu", "2026-12", december.effective_from, new_year),
        ("cpu", "2027-01", new_year, None),
        ("network", "2026-11", november, None),
    ]


def test_a_price_that_a_book_leaves_out_ends() -> None:
    prices = compile_prices([parse(GOOD), later(price=drop(NETWORK))])
    ends = prices.filter(price_id="network").select("currency", "effective_to").rows()
    end = parse(GOOD).effective_from + timedelta(days=30)
    assert ends == [("EUR", end), ("USD", end)]
