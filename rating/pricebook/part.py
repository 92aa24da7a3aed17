"""What all parts of a price book share.

What belongs here: how parts behave. What does not: any part.
"""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of a book: frozen, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
