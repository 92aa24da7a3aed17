"""Looks for what pip cannot install: the libraries that draw PDFs, and with --tests a browser and a PostgreSQL server.

Missing on Debian as root, they are installed; otherwise one message says what to type. Only the standard library is
used here, because this runs before anything is installed.
"""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def loads(*file_names: str) -> bool:
    """Whether the system's loader finds the library under one of these names (Linux, macOS)."""
    for file_name in file_names:
        with suppress(OSError):
            ctypes.CDLL(file_name)
            return True
    return False


@dataclass(frozen=True)
class Need:
    """One thing that must be on the machine, how to see it, and what Debian calls it."""

    title: str
    is_there: Callable[[], bool]
    debian_package: str


LIBRARIES = (
    Need("Pango", lambda: loads("libpango-1.0.so.0", "libpango-1.0.dylib"), "libpango-1.0-0"),
    Need("PangoFT2", lambda: loads("libpangoft2-1.0.so.0", "libpangoft2-1.0.dylib"), "libpangoft2-1.0-0"),
    Need("HarfBuzz", lambda: loads("libharfbuzz.so.0", "libharfbuzz.0.dylib"), "libharfbuzz0b"),
    # WeasyPrint works without this one, but then an invoice takes three times as long.
    Need(
        "HarfBuzz subset",
        lambda: loads("libharfbuzz-subset.so.0", "libharfbuzz-subset.0.dylib"),
        "libharfbuzz-subset0",
    ),
    Need(
        "Python's ensurepip", lambda: importlib.util.find_spec("ensurepip") is not None, f"python{PYTHON_VERSION}-venv"
    ),
)
BROWSER = Need("a browser (Chromium)", lambda: any(map(shutil.which, BROWSERS)), "chromium")
POSTGRES = Need("a PostgreSQL server", lambda: postgres_program("initdb") is not None, "postgresql")
FOR_TESTS = (BROWSER, POSTGRES)
SKIPPED = {BROWSER: "the test of the UI", POSTGRES: "tests of the catalog in PostgreSQL"}


def postgres_program(name: str) -> Path | None:
    """Where a program of PostgreSQL is: on the path, or where Debian puts the server's, which is not on it."""
    found = shutil.which(name)
    if found:
        return Path(found)
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    return max(versions, key=lambda path: int(path.parts[-3]), default=None)


def system_ids() -> list[str]:
    """What the system calls itself and what it is like, nearest first: ['ubuntu', 'debian']; empty if unknown."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    return f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".replace('"', "").split()


def what_to_type(missing: list[Need]) -> str:
    """Return the command that installs the missing things on this system, as far as we know it."""
    systems = system_ids()
    if "debian" in systems:
        packages = " ".join(need.debian_package for need in missing)
        return f"sudo apt-get update && sudo apt-get install --yes {packages}"
    pango, browser, server = any(need not in FOR_TESTS for need in missing), BROWSER in missing, POSTGRES in missing
    if sys.platform == "darwin":
        return f"brew install{' pango' * pango}{' postgresql' * server}{' --cask chromium' * browser}"
    if "fedora" in systems or "rhel" in systems:
        names = f"{' pango harfbuzz' * pango}{' postgresql-server postgresql' * server}{' chromium' * browser}"
        return f"sudo dnf install{names}"
    return "the package manager of your system, for these"


def install_on_debian(missing: list[Need]) -> None:
    """Install as root; what goes wrong is shown as apt says it, and seen when we look a second time."""
    packages = [need.debian_package for need in missing]
    print("Installing " + " ".join(packages), flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", "--quiet=2", *command], env=environment, check=False, stdout=subprocess.DEVNULL)


def main(arguments: list[str]) -> int:
    """Return the exit code: 0 if all is there, or if only something is missing without which tests skip."""
    needs = list(FOR_TESTS if "--tests" in arguments else LIBRARIES)
    missing = [need for need in needs if not need.is_there()]
    # Ubuntu's package of Chromium is a pointer to another installer, so the browser is for Debian itself only.
    installable = [need for need in missing if "debian" in (system_ids()[:1] if need is BROWSER else system_ids())]
    if installable and os.geteuid() == 0 and shutil.which("apt-get"):
        install_on_debian(installable)
        missing = [need for need in missing if not need.is_there()]
    if not missing:
        return 0
    print("Missing: " + ", ".join(need.title for need in missing), file=sys.stderr)
    print("Type:    " + what_to_type(missing), file=sys.stderr)
    if all(need in FOR_TESTS for need in missing):
        print(f"Without it skip: {', '.join(SKIPPED[need] for need in missing)}.", file=sys.stderr)
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
