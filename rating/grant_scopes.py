"""What a grant of credit may pay for: its scope, as it is written and as it is kept (semantics 4).

What belongs here: reading a scope. What does not: which charges it allows (`credit_scopes.py`).
"""

import json
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

EXAMPLE: Final = '{"meters": ["cpu"], "dimensions": {"region": "eu"}}'
Name = Annotated[str, StringConstraints(min_length=1)]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]


class GrantScope(BaseModel):
    """All parts that are given must fit a charge: its meter, its plan, its price, and the dimensions of its usage."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    meters: Names | None = None
    """The credit pays for these meters alone."""
    plans: Names | None = None
    """The credit pays for these plans alone, their recurring fees included."""
    prices: Names | None = None
    """The credit pays for prices with these ids alone."""
    dimensions: Annotated[dict[Name, str], Field(min_length=1)] | None = None
    """The credit pays for usage with these dimensions alone."""


def read_scope(text: str) -> GrantScope:
    """Read a scope as it is written.

    Raises:
        pydantic.ValidationError: it is no JSON, or no scope.
    """
    return GrantScope.model_validate_json(text)


def canonical_scope(text: str | None) -> str | None:
    """A scope with its keys and names in order, each once; empty for none, null where it cannot be read."""
    if text is None or not text.strip():
        return text and ""
    try:
        scope = read_scope(text)
    except ValidationError:
        return None
    parts = scope.model_dump(exclude_none=True)
    ordered = {key: sorted(set(part)) if isinstance(part, tuple) else part for key, part in parts.items()}
    return json.dumps(ordered, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if ordered else ""
