"""The tables and views of the lake, made and kept up to date from `sql/schema` and `sql/views`.

What belongs here: applying those files once each, in order, and knowing which were. What does not: what is in them.
"""

import hashlib

from resources.errors import LakeError
from resources.lake import Lake
from resources.lock import writer_lock
from resources.statements import files_of
from resources.writer import transaction


def migrate(lake: Lake) -> list[str]:
    """Apply what is new: each schema file once, in the order of its number; each view when its text changed.

    Safe to run again, and from two processes at once. Returns the names of what was applied.

    Raises:
        LakeError: a schema file that was applied has another text now; write a new numbered file instead.
    """
    with writer_lock(lake.catalog), lake.default():
        lake.run_statement("steps/migrations/create_table")
        known = dict(lake.run_statement("steps/migrations/applied").fetchall())
        return [name for name in _wanted() if _apply(lake, name, known.get(name))]


def _wanted() -> list[str]:
    return [f"{folder}/{path.stem}" for folder in ("schema", "views") for path in files_of(folder)]


def _apply(lake: Lake, name: str, known_sha256: str | None) -> bool:
    folder, _, stem = name.partition("/")
    text = next(path for path in files_of(folder) if path.stem == stem).read_text(encoding="utf-8")
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    if sha256 == known_sha256:
        return False
    if folder == "schema" and known_sha256 is not None:
        message = f"sql/{name}.sql was changed after it was applied to this lake; put the change in a new numbered file"
        raise LakeError(message)
    with transaction(lake):
        lake.connection.execute(text)
        lake.run_statement("steps/migrations/record", {"name": name, "sha256": sha256})
    return True
