"""The tables and views of the lake, made and kept up to date from `sql/schema` and `sql/views`.

What belongs here: applying those files once each, in order, and knowing which were. What does not: what is in them.
"""

import hashlib
from collections.abc import Iterable

from resources.errors import LakeError
from resources.lake import Lake
from resources.lock import writer_lock
from resources.statements import files_of
from resources.writer import transaction


def migrate(lake: Lake) -> list[str]:
    """Apply what is new: each schema file once, in the order of its number; each view when its text changed.

    All of it is one commit: a lake is up to date or as it was, and a new one is made in a third of the time. Safe to run
    again, and from two processes at once. Returns the names of what was applied.

    Raises:
        LakeError: a schema file that was applied has another text now; write a new numbered file instead.
    """
    with writer_lock(lake), lake.default():
        lake.run_statement("steps/migrations/create_table")
        known = dict(lake.run_statement("steps/migrations/applied").fetchall())
        new = {name: text for name, text in _wanted().items() if known.get(name) != _sha256(text)}
        _refuse_changed(known.keys() & new.keys())
        if new:
            with transaction(lake):
                for name, text in new.items():
                    lake.connection.execute(text)
                    lake.run_statement("steps/migrations/record", {"name": name, "sha256": _sha256(text)})
        return list(new)


def _wanted() -> dict[str, str]:
    """The text of each file by its name, in the order in which they are applied."""
    files = [(f"{folder}/{path.stem}", path) for folder in ("schema", "views") for path in files_of(folder)]
    return {name: path.read_text(encoding="utf-8") for name, path in files}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _refuse_changed(names: Iterable[str]) -> None:
    for name in sorted(names):
        if name.startswith("schema/"):
            message = (
                f"sql/{name}.sql was changed after it was applied to this lake; put the change in a new numbered file"
            )
            raise LakeError(message)
