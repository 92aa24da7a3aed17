"""What the tables of `meterbook.toml` share.

What belongs here: how a table is read. What does not: which tables there are (`settings.py`, `alert_settings.py`).
"""

from pydantic import BaseModel, ConfigDict


def number_as_text(value: object) -> object:
    """Refuse a float: `19.1` in TOML is a binary float, and rates are exact (design 5, rule 1)."""
    if isinstance(value, float):
        raise ValueError(f'write it in quotes: "{value}"')  # noqa: TRY004 - pydantic takes no TypeError
    return value


class Section(BaseModel):
    """A table of the file: frozen, and without room for a mistyped key."""

    model_config = ConfigDict(extra="forbid", frozen=True)
