"""The application that all commands belong to, and what they share.

What belongs here: the project that a command works on, errors turned into text, and ways to read times. What does not:
any command.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rating.errors import MeterbookError
from resources.project import Project
from resources.settings import Settings, load_settings

app = typer.Typer(
    help="Meter, rate, credit and invoice the use of a cloud: exact, converging, explainable.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)
console = Console()
complaints = Console(stderr=True)

FACTS = "Facts"
BOOKS = "Books"
INVOICES = "Invoices"
LAKE = "Lake"


class State:
    """What the options before the command say."""

    directory: Path | None = None


@app.callback()
def main(
    directory: Annotated[
        Path | None,
        typer.Option("-C", "--directory", metavar="DIR", help="The project's directory, where meterbook.toml is."),
    ] = None,
) -> None:
    """Meter, rate, credit and invoice the use of a cloud: exact, converging, explainable."""
    State.directory = directory


def settings() -> Settings:
    """The settings of the project that the command works on."""
    return load_settings(State.directory)


@contextmanager
def opened(*, read_only: bool = False) -> Iterator[Project]:
    """The project, open; its errors end the command with their text, not with a traceback."""
    with readable_errors(), Project.open(settings(), read_only=read_only) as project:
        yield project


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn our errors into text that says what to do. Any other error is a fault of ours and keeps its traceback."""
    try:
        yield
    except MeterbookError as error:
        complaints.print(f"[bold red]error:[/] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def instant(text: str) -> datetime:
    """Read a time such as 2026-11-01T00:00Z; without a zone it is UTC, without a time it is midnight."""
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError:
        message = f"{text!r} is not a time; write it like 2026-11-01T00:00Z"
        raise typer.BadParameter(message) from None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def hour(text: str) -> datetime:
    """Read the end of an hour; `now` is the hour that has closed last."""
    value = datetime.now(UTC) if text == "now" else instant(text)
    whole = value.replace(minute=0, second=0, microsecond=0)
    if text != "now" and whole != value:
        message = f"{text!r} is not a whole hour; hours close at :00"
        raise typer.BadParameter(message)
    if whole > datetime.now(UTC):
        message = f"{text!r} is not over yet; an hour is closed when it is"
        raise typer.BadParameter(message)
    return whole


def day(text: str) -> date:
    """Read a day such as 2026-11-01."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is not a day; write it like 2026-11-01"
        raise typer.BadParameter(message) from None


def month(text: str) -> str:
    """Read a month such as 2026-10."""
    try:
        return datetime.strptime(text, "%Y-%m").strftime("%Y-%m")  # noqa: DTZ007 - a month has no zone
    except ValueError:
        message = f"{text!r} is not a month; write it like 2026-10"
        raise typer.BadParameter(message) from None


def is_terminal() -> bool:
    """Whether a person watches."""
    return sys.stdout.isatty()
