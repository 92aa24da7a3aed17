"""The price book: what plans cost, read from a document and valid once built (semantics 1).

What belongs here: the model of one book, its JSON Schema, its errors, and what several books must not do to each other.
What does not: files, and what a price costs (`rating/pricing.py`).
"""

from rating.pricebook.commitment import Commit
from rating.pricebook.conditions import When
from rating.pricebook.meters import Aggregation, Meter, Rounding
from rating.pricebook.model import Account, ModelName, Plan, Price, PriceBook, Tier
from rating.pricebook.parse import parse_price_book
from rating.pricebook.schema import price_book_schema
from rating.pricebook.succession import PriceSpan, check_succession, effective_books, price_spans

__all__ = [
    "Account",
    "Aggregation",
    "Commit",
    "Meter",
    "ModelName",
    "Plan",
    "Price",
    "PriceBook",
    "PriceSpan",
    "Rounding",
    "Tier",
    "When",
    "check_succession",
    "effective_books",
    "parse_price_book",
    "price_book_schema",
    "price_spans",
]
