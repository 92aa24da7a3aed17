"""The price book on disk and in the lake: read, checked against what stands, and kept as it was read.

What belongs here: YAML and JSON, and which books hold as of a run. What does not: what a book may say
(`rating/pricebook/`).
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl
import yaml

from rating.errors import PriceBookError, Problem
from rating.pricebook import PriceBook, check_succession, effective_books, parse_price_book
from resources.lake import Lake
from resources.strict_yaml import without_repeated_keys
from resources.writer import Step


class _StrictLoader(yaml.SafeLoader):
    """YAML without keys that stand twice."""

    construct_mapping = without_repeated_keys(yaml.SafeLoader)


def read_price_book(path: Path) -> PriceBook:
    """Read and check a price book file.

    Raises:
        PriceBookError: with the file, the path of each field that is wrong, what is wrong and how to mend it.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError:
        problem = Problem("file", "not found", "write it there, or set price_book in meterbook.toml")
        raise PriceBookError(str(path), [problem]) from None
    except OSError as error:
        problem = Problem("file", f"cannot be read ({error.strerror})", "make it a file that this user may read")
        raise PriceBookError(str(path), [problem]) from error
    except (yaml.YAMLError, ValueError) as error:  # a date that is none, and text that is not UTF-8, are ValueErrors
        what = " ".join(str(error).split())
        raise PriceBookError(str(path), [Problem("file", f"is not YAML ({what})", "mend that line")]) from error
    return parse_price_book(document, str(path))


def books_as_of(lake: Lake, run: int) -> list[PriceBook]:
    """The price books that hold as of a run, as they came; of two for one version the newer counts.

    A step that knows the state of the reference data (`reference_mark`) reads them when that has moved.
    """
    mark = lake.memo.get(("reference", run))
    if mark is None:
        return _read_books(lake, run)
    if ("books", mark) not in lake.memo:
        lake.memo["books", mark] = _read_books(lake, run)
    return list(lake.memo["books", mark])


def _read_books(lake: Lake, run: int) -> list[PriceBook]:
    rows = lake.frame("steps/reference/price_books_now", {"run": run}).unique(
        "version", keep="last", maintain_order=True
    )
    documents = dict(zip(rows["version"], rows["document"], strict=True))
    return [parse_price_book(json.loads(document), f"price book {name}") for name, document in documents.items()]


INVOICED: Final = "lies in a period that has an issued invoice"


def take_price_book(
    step: Step,
    path: Path,
    first_open: Callable[[], datetime | None],
    *,
    because: str = INVOICED,
    puts_right: bool = False,
) -> PriceBook | None:
    """Take the book at `path` if it is new; returns it, or None where it says what stands already.

    The book is refused whole, and the one in force stays, if it is wrong in itself, does not fit the books before it,
    or would change prices of before `first_open` (asked for where the book is new; `because` says why not), or if a
    rerating has replaced it; a rerating `puts_right` what stands, whatever it is.
    """
    book = read_price_book(path)
    document = as_document(book)
    standing = books_as_of(step.lake, step.run)
    if any(_same(document, other) for other in effective_books(standing)):
        return None
    others = [other for other in standing if other.version != book.version]
    check_succession([*others, book], str(path))
    _check_replaced(book, standing, path)
    if not puts_right:
        _check_not_put_right(step, document, path)
    _check_open(book, standing, path, first_open(), because)
    row = {
        "version": book.version,
        "effective_from": book.effective_from,
        "file": path.name,
        "sha256": hashlib.sha256(document.encode()).hexdigest(),
        "document": document,
    }
    frame = pl.DataFrame([row], schema_overrides={"effective_from": pl.Datetime("us", "UTC")})
    step.append("price_books", frame)
    return book


def _check_replaced(book: PriceBook, standing: Sequence[PriceBook], path: Path) -> None:
    """A book that replaces one, by its version or its start, is held to what that one said of its meters too."""
    for other in standing:
        if book.version == other.version or book.effective_from == other.effective_from:
            before = {
                "version": f"{other.version} as it stands",
                "effective_from": book.effective_from - timedelta(days=1),
            }
            check_succession([other.model_copy(update=before), book], str(path))


def _same(document: str, other: PriceBook) -> bool:
    return document == as_document(other)


def as_document(book: PriceBook) -> str:
    """A book as the lake keeps it."""
    return json.dumps(book.model_dump(mode="json", exclude_none=True), sort_keys=True)


def _check_not_put_right(step: Step, document: str, path: Path) -> None:
    """The file may still say what a rerating put right: it must not come back by itself."""
    replaced = step.lake.frame("steps/reference/books_put_right", {"run": step.run})
    for reason in replaced.filter(pl.col("document") == document)["reason"]:
        mend = "replace the file by the book that was taken then; to go back to this one, `meterbook rerate` by it"
        raise PriceBookError(str(path), [Problem("version", f"is what a rerating put right ({reason})", mend)])


def _check_open(
    book: PriceBook, standing: Sequence[PriceBook], path: Path, first_open: datetime | None, because: str
) -> None:
    """A book may not change a period that has an issued invoice (semantics 1)."""
    replaced = [other.effective_from for other in standing if other.version == book.version]
    changed_from = min([book.effective_from, *replaced])
    if first_open is not None and changed_from < first_open:
        what = f"{changed_from.isoformat()} {because}"
        mend = f"let it begin at {first_open.isoformat()} or later"
        raise PriceBookError(str(path), [Problem("effective_from", what, mend)])
