"""The SQL of the project: one statement a file under `sql/`, read once.

What belongs here: finding and reading those files. What does not: running them (`lake.py`) or building SQL from text.
"""

from functools import cache
from pathlib import Path

SQL_FOLDER = Path(__file__).parents[1] / "sql"


@cache
def statement(name: str) -> str:
    """The text of `sql/<name>.sql`, as in `statement("steps/charges/usage_touched")`."""
    return (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def files_of(folder: str) -> list[Path]:
    """The SQL files of one folder of `sql/`, in the order of their names."""
    return sorted((SQL_FOLDER / folder).glob("*.sql"))
