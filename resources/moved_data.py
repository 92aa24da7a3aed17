"""A lake whose folder was moved: the catalog names its data folder by its full path, and the settings name another.

What belongs here: telling a move from a mistake. What does not: opening the lake (`lake.py`).
"""

from pathlib import Path
from typing import Final

import duckdb

from resources.errors import LakeError
from resources.statements import statement

# How DuckLake refuses to open a catalog with another data folder.
REFUSAL: Final = "does not match existing data path"


def follow_moved_data(connection: duckdb.DuckDBPyConnection, data: Path, *, read_only: bool) -> None:
    """Accept `data` as the folder of the attached lake if every file is there, and let the catalog name it.

    Raises:
        LakeError: files are missing: the setting is wrong, or the folder was not moved along.
    """
    rows = connection.execute(statement("steps/lake/data_files")).fetchall()
    missing = [name for (name,) in rows if not (data / name).is_file()]
    if missing:
        (known,) = connection.execute(statement("steps/lake/data_path")).fetchone() or ("",)
        message = (
            f"{len(missing)} of the lake's {len(rows)} files are not in {data} ({missing[0]} is the first); its "
            f"catalog says they are in {known}: move them, or set lake.data to where they are"
        )
        raise LakeError(message)
    if not read_only:
        connection.execute(statement("steps/lake/set_data_path"), {"data_path": f"{data}/"})
