"""What all parts of a price book share."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Frozen, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
