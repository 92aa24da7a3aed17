"""The columns of raw files in the types that a source declares: text, number, time, map (dimensions) and json.

What belongs here: one SQL expression per type, for whatever type a file has. What does not: reading files
(`raw_files.py`), and the exact conversions themselves (`sql/macros/`).
"""

from collections.abc import Mapping

EXACT_TYPES = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
# JSON events: as they came, and with long numbers as text (`sql/steps/ingest/landed_json.sql`).
EVENT, EXACT_EVENT = "landed_event", "landed_exact"


def quoted_name(name: str) -> str:
    """A column's name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def converted(name: str, wanted: str, kinds: Mapping[str, str]) -> str:
    """The expression for a column of `landed` in the type wanted; `kinds` has the types that `landed` has."""
    if EVENT in kinds:
        event = f"coalesce({EXACT_EVENT}, {EVENT})" if wanted in ("number", "json") else EVENT
        value, kind = f"({event} -> '$.{name}')", "JSON"
    elif name in kinds:
        value, kind = quoted_name(name), kinds[name]
    else:
        value, kind = "null::varchar", "VARCHAR"
    return f"{_CONVERSIONS[wanted](value, kind)} as {quoted_name(name)}"


def as_it_came(kinds: Mapping[str, str], row: str) -> str:
    """The expression for a row of `landed` as JSON text; decimals as text, since JSON would make floats of them."""
    if EVENT in kinds:
        return f"{row}.{EVENT}::varchar"
    members = []
    for name in [name for name in kinds if name not in ("landed_file", "landed_row")]:
        key = name.replace("'", "''")
        cast = "::varchar" if kinds[name].startswith("DECIMAL") else ""
        members.append(f"'{key}', {row}.{quoted_name(name)}{cast}")
    return f"json_object({', '.join(members)})::varchar"


def _text(name: str, kind: str) -> str:
    return f"({name} ->> '$')" if kind == "JSON" else f"{name}::varchar"


def _number(name: str, kind: str) -> str:
    if kind in ("DOUBLE", "FLOAT"):
        return f"exact_of_double({name}::double)"
    if kind in EXACT_TYPES or kind.startswith("DECIMAL"):
        return f"exact_of_number({name})"
    return f"exact_of_text({_text(name, kind)})"


def _time(name: str, kind: str) -> str:
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return f"try_cast({name} as timestamptz)"
    return f"instant_of_text({_text(name, kind)})" if kind in ("VARCHAR", "JSON") else "null::timestamptz"


def _map(name: str, kind: str) -> str:
    return f"canonical_dimensions({name if kind == 'VARCHAR' else f'to_json({name})::varchar'})"


def _json(name: str, kind: str) -> str:
    if kind == "VARCHAR":
        return f"case when json_valid({name}) then {name}::json end"
    return name if kind == "JSON" else f"to_json({name})"


_CONVERSIONS = {"text": _text, "number": _number, "time": _time, "map": _map, "json": _json}
