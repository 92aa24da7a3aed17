"""What the demonstration says when it is done: what late data moved, what was refused, what to look at next.

What belongs here: words and figures for a person. What does not: the demonstration itself (`demo.py`).
"""

from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipelines.demo import Story
from pipelines.status import status_of
from resources.project import Project
from resources.settings import Settings


def summarize(settings: Settings, story: Story) -> RenderableType:
    """The summary of a told story."""
    with Project.open(settings, read_only=True) as project:
        sections = status_of(project)
    parts: list[RenderableType] = [Text(f"\n{story.runs} hourly runs billed the cloud.\n", style="bold")]
    parts += [_late(story), _refused(sections["Records"]), _invoices(story), _next(settings, story)]
    return Group(*parts)


def _late(story: Story) -> RenderableType:
    table = Table("came late", "records", "charges moved", "by", title="What late data moved", title_justify="left")
    for batch, report in story.late:
        moved = ", ".join(
            f"{amount:.2f} {currency}" for currency, amount in _moved(report["charges"]["late_charged"]).items()
        )
        table.add_row(
            batch.shows, f"{report['usage_events']['late']:,}", f"{report['charges']['late_charges']:,}", moved
        )
    return table


def _moved(charged: dict[str, str]) -> dict[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in charged.items()}


def _refused(records: list[tuple[str, str]]) -> RenderableType:
    table = Table("reason", "records", title="What was refused (kept, with its reason)", title_justify="left")
    for name, value in records:
        if name.startswith("  "):
            table.add_row(name.strip(), value)
    return table


def _invoices(story: Story) -> RenderableType:
    table = Table("month", "invoices", "due", title="Invoices", title_justify="left")
    for period, report in story.issued.items():
        due = ", ".join(f"{Decimal(amount):,.2f} {currency}" for currency, amount in report["due"].items())
        table.add_row(period, f"{report['issued']} issued, {report['held_back']} held back", due)
    due = ", ".join(f"{Decimal(amount):,.2f} {currency}" for currency, amount in story.drafts["due"].items())
    table.add_row("next", f"{story.drafts['drafts']} drafts, with what came late for issued ones", due)
    return table


def _next(settings: Settings, story: Story) -> RenderableType:
    place = settings.directory.name
    last = max(story.issued) if story.issued else ""
    numbers = story.issued[last].get("numbers", "").split(" ")[0] if last else "INVOICE"
    return Text.from_markup(
        "\n[bold]Look at next[/]\n"
        f"  make ui                                    the days, checks and invoices in Dagster\n"
        f"  open {place}/documents/{numbers}.pdf   an invoice\n"
        f"  meterbook -C {place} status                the books at a glance\n"
        f"  meterbook -C {place} verify {numbers}   prove it from its records\n"
        f"  meterbook -C {place} sql -c 'from balances'\n"
    )
