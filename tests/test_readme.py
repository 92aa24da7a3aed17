"""Every command in the README runs, in the order in which it stands there, in an empty folder."""

import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.command import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line]
RECORDS = """event_id,timestamp,account_id,resource_id,meter,quantity
night-1,2026-10-01T01:00:00Z,acme,vm-1,backup,12.5
night-2,2026-10-01T02:00:00Z,acme,vm-2,backup,3
night-3,2026-10-01T02:30:00Z,nobody,vm-3,backup,3
"""


def test_every_meterbook_command_runs_in_order(tmp_path: Path) -> None:
    (tmp_path / "records.csv").write_text(RECORDS, encoding="utf-8")
    meterbook = str(Path(sys.executable).with_name("meterbook"))
    for command in COMMANDS:
        words = shlex.split(command.replace("INV-2026", f"INV-{datetime.now(UTC).year}"))
        if words[0] == "make":
            continue
        done = subprocess.run(
            [meterbook if words[0] == "meterbook" else words[0], *words[1:]],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make")])
def test_make_targets_exist(command: str) -> None:
    assert re.search(rf"^{command.split()[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_command_is_in_the_readme_or_the_changelog() -> None:
    text = README + (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    groups = {"": app} | {f"{group.name} ": group.typer_instance for group in app.registered_groups}
    names = [
        prefix + (command.name or command.callback.__name__.replace("_", "-"))
        for prefix, group in groups.items()
        if group
        for command in group.registered_commands
        if command.callback
    ]
    assert {"void-grant", "export beancount"} <= set(names)
    assert not [name for name in names if not re.search(rf"\b{name}\b", text)]


def test_pictures_are_there() -> None:
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / picture).stat().st_size > 10_000, picture
