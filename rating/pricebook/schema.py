"""The JSON Schema of a price book, with which editors complete and check a book as it is typed.

What belongs here: the schema of the whole book, and those rules between its keys that a table of `model.py` says. What
does not: single values (`shapes.py`). The schema refuses no book that is written as `docs/pricebook.md` says; what it
cannot say (tiers rise, a price's meter is in the book) is refused when the book is loaded.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from rating.pricebook.booking import BOOKED
from rating.pricebook.meters import KEYS_OF_AGGREGATION, NEEDED_BY_AGGREGATION, Aggregation
from rating.pricebook.model import KEYS_OF_MODEL, KEYS_OF_TIER, ModelName, PriceBook

_OF_AN_AGGREGATION: Final = frozenset(key for keys in KEYS_OF_AGGREGATION.values() for key in keys)
_OF_A_MODEL: Final = frozenset(key for keys in KEYS_OF_MODEL.values() for key in keys)


class _Generator(GenerateJsonSchema):
    """Pydantic's own, less what an editor should not offer: empty keys, and a title that repeats the key."""

    # The newest dialect that editors agree on.
    schema_dialect = "http://json-schema.org/draft-07/schema#"

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """A key that may be left out is left out, not written as null."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """A default of nothing is none."""
        return (
            self.generate_inner(schema["schema"]) if schema.get("default") is None else super().default_schema(schema)
        )

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A mapping by name: a key that is no name is refused."""
        keys, values = self.generate_inner(schema["keys_schema"]), self.generate_inner(schema["values_schema"])
        return {"type": "object", "propertyNames": keys, "additionalProperties": values}

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - a default may be of any type
        """Write a length of time as a price book does."""
        if isinstance(dft, timedelta):
            return f"{dft // timedelta(minutes=1)} min"
        return super().encode_default(dft)

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's
        """The key is title enough."""
        return False


def price_book_schema() -> dict[str, Any]:
    """The JSON Schema of a price book."""
    schema = PriceBook.model_json_schema(schema_generator=_Generator)
    parts = schema["$defs"]
    parts["Meter"]["allOf"] = [
        {"if": _key_is("aggregation", name), "then": _aggregation_rule(name)} for name in KEYS_OF_AGGREGATION
    ]
    parts["Price"]["allOf"] = [{"if": _key_is("model", model), "then": _model_rule(model)} for model in KEYS_OF_MODEL]
    parts["Price"]["allOf"].append({"if": _key_is("accumulate", "resource"), "else": _without({"account_maximum"})})
    parts["Price"]["allOf"].append({"if": _key_is("accumulate", "resource"), "then": _without({"pooled"})})
    parts["Price"]["properties"]["tiers"]["minItems"] = 1
    return {"$schema": _Generator.schema_dialect, **schema}


def _aggregation_rule(name: Aggregation) -> dict[str, Any]:
    """A meter has the keys of its aggregation and none that only others have."""
    needed = NEEDED_BY_AGGREGATION.get(name, {})
    others = _without(_OF_AN_AGGREGATION - set(KEYS_OF_AGGREGATION[name]))
    return {"required": list(needed), **others} if needed else others


def _model_rule(model: ModelName) -> dict[str, Any]:
    """A price has the keys of its model and none that only others have, and so do its tiers."""
    own = KEYS_OF_MODEL[model]
    rule: dict[str, Any] = {
        "required": list(own),
        **_without(_OF_A_MODEL - set(own) | (set() if model in BOOKED else {"book"})),
    }
    if model in KEYS_OF_TIER:
        of_stairs = _without({"unit_price"}) if model == "stairstep" else {}
        rule["properties"]["tiers"] = {"items": {"required": list(KEYS_OF_TIER[model]), **of_stairs}}
    return rule


def _key_is(key: str, value: str) -> dict[str, Any]:
    return {"properties": {key: {"const": value}}, "required": [key]}


def _without(keys: Iterable[str]) -> dict[str, Any]:
    return {"properties": dict.fromkeys(sorted(keys), False)}
