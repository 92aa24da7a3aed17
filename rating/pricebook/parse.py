"""From a document to a price book, or to a list of everything that is wrong with it (semantics 1).

What belongs here: turning pydantic's errors into problems with a path and a mend. What does not: the
rules themselves (`fields.py`, `model.py`) and reading files.

How a loader of YAML must behave: it hands over mappings, lists, text, numbers, times and nothing else
(PyYAML's `SafeLoader` does). It must not turn a float into a Decimal or into text: a price that is written
without quotes arrives here as a float and is refused by name. It must refuse a key that stands twice in
one mapping, because the first of the two would be lost before it comes here. A document that went through
`PriceBook.model_dump(mode="json")` or `json` comes back the same.
"""

import difflib
from collections.abc import Iterator
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rating.errors import PriceBookError, Problem
from rating.pricebook.commitment import Commit
from rating.pricebook.conditions import When
from rating.pricebook.meters import Meter, Rounding
from rating.pricebook.model import Account, Plan, Price, PriceBook, Tier
from rating.pricebook.pending import PENDING_KEYS, PENDING_VALUES
from rating.pricebook.pooled import Pooled
from rating.pricebook.terms import Recurring

TOP: Final = "(top)"
_PENDING: Final = "leave it out until it is"
_KNOWN_KEYS: Final = sorted(
    {
        key
        for part in (Account, Commit, Meter, Plan, Pooled, Price, PriceBook, Recurring, Rounding, Tier, When)
        for key in part.model_fields
    }
)

_MISSING: Final = {
    "version": 'name the book: version: "2026-11"',
    "effective_from": "say from when it holds: effective_from: 2026-11-01T00:00:00Z",
    "currency": "give the currency of the book: currency: EUR",
    "meters": "list what is measured: meters: {cpu: {unit: vCPU-hour, aggregation: sum}}",
    "plans": "list the plans: plans: {standard: {prices: [...]}}",
    "prices": "list the prices of the plan: prices: [...]",
    "unit": "name the unit: unit: GB-hour",
    "aggregation": "say how records are summed: aggregation: sum, or time_weighted for example",
    "unit_price": 'give the price of one unit in quotes: unit_price: "0.012"',
    "id": "give the price a name of its own in its plan: id: cpu",
    "meter": "name the meter that it prices: meter: cpu",
    "amount": 'give what a period costs, in quotes: amount: "5.00"',
    "quantity": 'say how much, in quotes: quantity: "1000"',
    "per": "give it: per: period (a commitment may be per hour, a rounding per record or per slice as well)",
    "model": "say how the quantity is priced: model: unit, graduated, volume, stairstep, package or dynamic",
}
_SHAPES: Final = {
    "tuple_type": ("is not a list", "write a list: [...] or lines that begin with '-'"),
    "list_type": ("is not a list", "write a list: [...] or lines that begin with '-'"),
    "dict_type": ("is not a mapping", "write keys and values: {...} or lines of 'key: value'"),
    "model_type": ("is not a mapping", "write keys and values: {...} or lines of 'key: value'"),
}


def parse_price_book(document: object, file: str) -> PriceBook:
    """Read a price book from a loaded document; a bad one is refused whole, with every problem in it."""
    if not isinstance(document, dict):
        found = "nothing" if document is None else f"a {type(document).__name__}"
        mend = "write a mapping with version, effective_from, currency, meters and plans"
        raise PriceBookError(file, [Problem(TOP, f"the file holds {found}", mend)])
    try:
        return PriceBook.model_validate(document)
    except ValidationError as error:
        problems = [problem for details in error.errors() for problem in _problems(details)]
        raise PriceBookError(file, problems) from None


def _problems(details: ErrorDetails) -> Iterator[Problem]:
    """Turn one error of pydantic into problems that say how to mend them."""
    path, context = _path(details["loc"]), details.get("ctx", {})
    if details["type"] == "meterbook_problems":
        for problem in context["problems"]:
            yield Problem(_joined(path, problem.path), problem.what, problem.mend)
    else:
        what, mend = _explain(details, context)
        yield Problem(path or TOP, what, mend)


def _explain(details: ErrorDetails, context: dict[str, Any]) -> tuple[str, str]:
    """Say what is wrong and how to mend it."""
    kind, name = details["type"], str(details["loc"][-1]) if details["loc"] else ""
    if kind == "meterbook":
        return context["what"], context["mend"]
    if kind == "missing":
        return "is missing", _MISSING.get(name, "give it")
    if kind == "extra_forbidden":
        return _unknown_key(name)
    if kind == "literal_error":
        return _unknown_value(name, details["input"], context["expected"])
    if kind in _SHAPES:
        return _SHAPES[kind]
    return f"{details['input']!r} does not fit: {details['msg']}", "see the example price book"


def _unknown_key(name: str) -> tuple[str, str]:
    if name in PENDING_KEYS:
        return f"{name} is not supported yet", _PENDING
    close = difflib.get_close_matches(name, _KNOWN_KEYS, n=1)
    return f"unknown key {name!r}", f"did you mean {close[0]}?" if close else "leave it out"


def _unknown_value(name: str, value: object, expected: str) -> tuple[str, str]:
    if isinstance(value, str) and value in PENDING_VALUES.get(name, ()):
        return f"{name} {value} is not supported yet", f"use {expected}"
    return f"{value!r} is not a known {name}", f"use {expected}"


def _path(location: tuple[int | str, ...]) -> str:
    """Write a location as people do: plans.standard.prices[0].meter."""
    path = ""
    for step in location:
        path = f"{path}[{step}]" if isinstance(step, int) else _joined(path, step)
    return path.removesuffix(".[key]")


def _joined(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step
