"""Commands about a project as a whole: init, demo, backup, restore, upkeep.

What belongs here: options, progress and closing words. What does not: the work (`resources/`, `pipelines/demo.py`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from pipelines.command.application import LAKE, State, app, console, is_terminal, opened, readable_errors, settings

START = "Start"


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[str, float], None]]:
    """A bar on a terminal: call it with words and the share that is done. Elsewhere nothing is printed."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not is_terminal()) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda words, share: progress.update(task, description=words, completed=share)


@app.command(rich_help_panel=START)
def init(directory: Annotated[Path, typer.Argument(metavar="DIR", help="An empty or new directory.")]) -> None:
    """Make a new project: commented settings, an example price book, a landing folder."""
    from resources.starter import create_dagster_home, write_project  # noqa: PLC0415 - Dagster takes seconds to import

    with readable_errors():
        write_project(directory)
        State.directory = directory
        create_dagster_home(settings().dagster_home)
    with opened():
        pass
    console.print(f"A project is in {directory}. Next: edit meterbook.toml and pricebook.yaml there, land records,")
    console.print(f"and run `meterbook -C {directory} run --until now`.")


@app.command(rich_help_panel=START)
def demo(
    accounts: Annotated[int, typer.Option(help="How many accounts the cloud has.")] = 60,
    machines: Annotated[int, typer.Option(help="How many machines.")] = 400,
    days: Annotated[int, typer.Option(help="How many days from 28 September 2026 on.")] = 35,
) -> None:
    """Bill a small synthetic cloud for five weeks, from landed files to invoices. It goes into -C DIR, or ./demo."""
    from pipelines import demo as story  # noqa: PLC0415 - the same
    from pipelines.demo_summary import summarize  # noqa: PLC0415
    from pipelines.in_process import HourlyRuns  # noqa: PLC0415
    from pipelines.synthetic import Cloud  # noqa: PLC0415
    from resources.clock import FixedClock  # noqa: PLC0415

    directory = (State.directory or Path("demo")).resolve()
    cloud = Cloud(accounts=accounts, machines=machines, days=days)
    with readable_errors(), progress_bar("preparing") as bar:
        prepared = story.prepare(directory, cloud)
        with HourlyRuns(prepared, flushed=False) as runs:
            told = story.tell(prepared, cloud, lambda until, now: runs.run(until, FixedClock(now)), runs, bar)
            summary = summarize(prepared, told)
    console.print(summary)


@app.command(rich_help_panel=LAKE)
def backup(
    target: Annotated[Path, typer.Argument(help="A folder; again into the same one copies only what is new.")],
) -> None:
    """Back up the lake and the project's files, while runs go on."""
    from resources.backup import backup as take_backup  # noqa: PLC0415

    with readable_errors(), progress_bar("copying") as bar:
        report = take_backup(settings(), target, lambda done, total: bar("copying", done / max(total, 1)))
    console.print(f"backed up to {target}: {', '.join(f'{value} {name}' for name, value in report.items())}")


@app.command(rich_help_panel=LAKE)
def restore(
    source: Annotated[Path, typer.Argument(help="A folder that `meterbook backup` wrote.")],
) -> None:
    """Restore a backup into the project of -C DIR, whose lake must be empty. Every file is checked."""
    from resources.backup import restore as take_back  # noqa: PLC0415
    from resources.backup import restore_settings  # noqa: PLC0415
    from resources.settings import FILE_NAME  # noqa: PLC0415

    with readable_errors(), progress_bar("checking and copying") as bar:
        directory = State.directory or Path.cwd()
        if not (directory / FILE_NAME).exists():
            restore_settings(source, directory)
        report = take_back(source, settings(), lambda done, total: bar("checking and copying", done / max(total, 1)))
    console.print(f"restored from {source}: {', '.join(f'{value} {name}' for name, value in report.items())}")


@app.command(rich_help_panel=LAKE)
def upkeep() -> None:
    """Keep the lake fast and small: flush, merge, expire and delete what is due. Scheduled daily; safe beside runs."""
    from resources.upkeep import upkeep as keep  # noqa: PLC0415

    with opened() as project:
        report = keep(project)
    console.print(", ".join(f"{name} {value}" for name, value in report.items()))
