"""What `docs/pricebook.md` says of the keys of a price book: made from its schema, so that it cannot drift.

What belongs here: tables of keys, and which functions the template `pricebook.md.j2` gets. What does not: prose (the
template), worked examples (`worked_examples.py`), and what a key means (its docstring in `rating/pricebook/model.py`).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rating.pricebook import price_book_schema
from rating.pricebook.meters import KEYS_OF_AGGREGATION, NEEDED_BY_AGGREGATION, Aggregation
from rating.pricebook.model import KEYS_OF_MODEL, KEYS_OF_TIER
from tools.worked_examples import accumulated, worked

# The keys that are needed where another key has a certain value, by that value.
NEEDED: Final[dict[str, Mapping[Any, tuple[str, ...]]]] = {
    "Meter": {name: tuple(keys) for name, keys in NEEDED_BY_AGGREGATION.items()},
    "Price": KEYS_OF_MODEL,
    "Tier": KEYS_OF_TIER,
}
# The parts whose names are not what one of them is called.
CALLED: Final = {"Commit": "commitment", "Recurring": "recurring fee"}


def price_book_reference() -> str:
    """The text of `docs/pricebook.md`."""
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 - Markdown
    values = {"keys": _keys, "worked": worked, "accumulated": accumulated, "keys_of": _keys_of}
    return environment.get_template("pricebook.md.j2").render(values)


def _keys(part: str) -> str:
    """The table of the keys of one part of a book."""
    schema = price_book_schema()
    model = schema["$defs"].get(part, schema)
    rows = ["| key | what it is | if left out | meaning |", "|---|---|---|---|"]
    for key, shape in model["properties"].items():
        absent = "*needed*" if key in model.get("required", ()) else _default(part, key, shape)
        rows.append(f"| `{key}` | {_kind(shape)} | {absent} | {shape['description']} |")
    return "\n".join(rows)


def _keys_of(aggregation: Aggregation) -> str:
    """The keys of an aggregation that not all have."""
    return _either(KEYS_OF_AGGREGATION[aggregation], "and")


def _kind(shape: dict[str, Any]) -> str:
    """What is written for a key, in a few words."""
    if "title" in shape:
        return str(shape["title"])
    if choices := shape.get("enum") or [shape[key] for key in ("const",) if key in shape]:
        return _either(choices, "or")
    if "$ref" in shape:
        part = str(shape["$ref"]).rpartition("/")[2]
        return CALLED.get(part, part.lower())
    if shape["type"] == "array":
        return f"list of {_kind(shape['items'])}{'' if 'enum' in shape['items'] else 's'}"
    if shape["type"] == "object":
        many = f"{_kind(shape['additionalProperties'])} by name"
        return (
            many.replace("list of", "lists of") if many.startswith("list of") else many.replace(" by name", "s by name")
        )
    return {"boolean": "`true` or `false`", "integer": "whole number"}[shape["type"]]


def _default(part: str, key: str, shape: dict[str, Any]) -> str:
    """What holds where a key is left out."""
    needing = [name for name, keys in NEEDED.get(part, {}).items() if key in keys]
    if needing:
        return f"needed for {_either(needing, 'and')}"
    default = shape.get("default")
    return f"`{default if isinstance(default, str) else json.dumps(default)}`" if default not in (None, []) else "none"


def _either(words: Sequence[str], last: str) -> str:
    """Join words as a sentence does: a, b and c."""
    *first, final = (f"`{word}`" for word in words)
    return f"{', '.join(first)} {last} {final}" if first else final
