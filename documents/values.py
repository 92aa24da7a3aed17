"""The kinds of value a stored document holds: numbers, words and periods, each valid once read.

Here belongs what is true of every kind of document; what an invoice is made of is in `invoice.py`.
"""

from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

# Control characters, and those that turn the direction of the text around them: nobody sees them, they spoil what is
# copied out of the PDF, and a customer's name could make an amount read backwards.
UNPRINTABLE = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
WHITE_SPACE = dict.fromkeys(map(ord, "\t\r\n"), " ")


def _decimal_of_text(value: object) -> Decimal:
    """Read a number, which is stored as text: a float has lost digits before it came here."""
    if not isinstance(value, str):
        raise ValueError(f"must be a decimal number in quotes, not {value!r}")  # noqa: TRY004 - pydantic collects these
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"must be a decimal number, not {value!r}")
    return number


def _printable(text: str) -> str:
    return text.translate({**UNPRINTABLE, **WHITE_SPACE}).strip()


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


Number = Annotated[Decimal, BeforeValidator(_decimal_of_text)]
Words = Annotated[str, AfterValidator(_printable)]
Text = Annotated[Words, AfterValidator(_not_empty)]
Month = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]


class Part(BaseModel):
    """A frozen part of a document. Unknown keys are let pass: a document may carry more than a template shows."""

    model_config = ConfigDict(frozen=True, extra="ignore")
