"""A small reader of JSON Schema (draft 7): as much of it as our schema uses.

What belongs here: saying where a document does not fit. A keyword that it does not know is an error, so that no rule of
the schema goes unread.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

Schema = dict[str, Any]
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
SAYS_NOTHING = {"$schema", "$defs", "title", "description", "default"}


def misfits(schema: Schema, document: object) -> list[str]:
    """The paths at which a document does not fit a schema, each with the keyword that it breaks."""
    return list(_Reader(schema["$defs"]).read(schema, document, "(top)"))


class _Reader:
    def __init__(self, parts: dict[str, Schema]) -> None:
        self.parts = parts

    def read(self, schema: Schema | bool, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401, FBT001 - any document
        if isinstance(schema, bool):
            yield from [] if schema else [f"{path}: may not be there"]
            return
        for keyword in schema.keys() - SAYS_NOTHING - {"then", "else"}:
            yield from KEYWORDS[keyword](self, schema, value, path)

    def reference(self, schema: Schema, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401
        yield from self.read(self.parts[schema["$ref"].removeprefix("#/$defs/")], value, path)

    def kind(self, schema: Schema, value: object, path: str) -> Iterator[str]:
        if not isinstance(value, TYPES[schema["type"]]):
            yield f"{path}: type"

    def constant(self, schema: Schema, value: object, path: str) -> Iterator[str]:
        if value not in schema.get("enum", [schema.get("const")]):
            yield f"{path}: enum"

    def pattern(self, schema: Schema, value: object, path: str) -> Iterator[str]:
        if isinstance(value, str) and not re.search(schema["pattern"], value):
            yield f"{path}: pattern"

    def least(self, schema: Schema, value: object, path: str) -> Iterator[str]:
        if isinstance(value, int) and value < schema["minimum"]:
            yield f"{path}: minimum"

    def size(self, schema: Schema, value: object, path: str) -> Iterator[str]:
        least: int = schema.get("minItems", 0) or schema.get("minProperties", 0)
        if isinstance(value, (list, dict)) and len(value) < least:
            yield f"{path}: too few"

    def required(self, schema: Schema, value: object, path: str) -> Iterator[str]:
        if isinstance(value, dict):
            yield from (f"{path}.{key}: required" for key in schema["required"] if key not in value)

    def members(self, schema: Schema, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401
        known = schema["properties"]
        for key in known.keys() & value.keys() if isinstance(value, dict) else ():
            yield from self.read(known[key], value[key], f"{path}.{key}")

    def other_members(self, schema: Schema, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401
        for key in value.keys() - schema.get("properties", {}).keys() if isinstance(value, dict) else ():
            yield from self.read(schema["additionalProperties"], value[key], f"{path}.{key}")

    def names(self, schema: Schema, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401
        for key in value if isinstance(value, dict) else ():
            yield from self.read(schema["propertyNames"], key, f"{path}.{key}")

    def items(self, schema: Schema, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401
        for position, item in enumerate(value if isinstance(value, list) else ()):
            yield from self.read(schema["items"], item, f"{path}.{position}")

    def every(self, schema: Schema, value: object, path: str) -> Iterator[str]:
        for part in schema["allOf"]:
            yield from self.read(part, value, path)

    def some(self, schema: Schema, value: object, path: str) -> Iterator[str]:
        if all(list(self.read(part, value, path)) for part in schema["anyOf"]):
            yield f"{path}: anyOf"

    def condition(self, schema: Schema, value: object, path: str) -> Iterator[str]:
        branch = "else" if list(self.read(schema["if"], value, path)) else "then"
        yield from self.read(schema.get(branch, True), value, path)


KEYWORDS: dict[str, Callable[[_Reader, Schema, Any, str], Iterator[str]]] = {
    "$ref": _Reader.reference,
    "type": _Reader.kind,
    "enum": _Reader.constant,
    "const": _Reader.constant,
    "pattern": _Reader.pattern,
    "minimum": _Reader.least,
    "minItems": _Reader.size,
    "minProperties": _Reader.size,
    "required": _Reader.required,
    "properties": _Reader.members,
    "additionalProperties": _Reader.other_members,
    "propertyNames": _Reader.names,
    "items": _Reader.items,
    "allOf": _Reader.every,
    "anyOf": _Reader.some,
    "if": _Reader.condition,
}
