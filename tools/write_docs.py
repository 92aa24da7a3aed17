"""Writes what is made from the code: the reference of the price book, and its JSON Schema for editors.

What belongs here: which files are written. What does not: what they say (`tools/price_book_reference.py`,
`rating/pricebook/schema.py`).
"""

import json
from pathlib import Path
from typing import Final

from rating.pricebook import price_book_schema
from tools.price_book_reference import price_book_reference

ROOT: Final = Path(__file__).resolve().parents[1]


def written_files() -> dict[str, str]:
    """Every file that is made from the code, by its path in the repository."""
    return {
        "docs/pricebook.md": price_book_reference(),
        "pricebook/schema.json": json.dumps(price_book_schema(), indent=2) + "\n",
    }


if __name__ == "__main__":
    for name, text in written_files().items():
        (ROOT / name).write_text(text, encoding="utf-8")
        print(f"wrote {name}")
