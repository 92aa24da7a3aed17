"""Goal: a person who opens Dagster finds the graph, a day with its numbers, and an invoice with its picture.

    SCREENSHOTS_OF=demo make test ARGS=tests/pipelines/test_ui.py

looks at that project instead of a small one, and writes the pictures of the README to docs/images/.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from assets.invoices import issue
from pipelines.in_process import HourlyRuns
from pipelines.jobs import HOURLY, MONTHLY
from resources.project import Project
from resources.settings import Settings, load_settings
from tests.pipelines import tiny

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = """
--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync
--no-first-run
""".split()
IMAGES = ROOT / "docs" / "images"
CHOSEN = os.environ.get("SCREENSHOTS_OF")
PATIENCE = 60.0

pytestmark = [
    pytest.mark.ui,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM} (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A project with some days run and the invoices of a month: the chosen one, else a small one."""
    if CHOSEN:
        return load_settings(Path(CHOSEN))
    small = tiny.make(tmp_path_factory.mktemp("ui") / "project")
    with HourlyRuns(small, tiny.CLOCK, flushed=False) as runs:
        for number in range(3):
            tiny.land_day(small, tiny.FIRST_DAY + number * tiny.DAY)
            runs.run(tiny.FIRST_DAY + (number + 1) * tiny.DAY)
        issue(runs.project, "issue", tiny.PERIOD)
        runs.draft(tiny.PERIOD)
    return small


@pytest.fixture(scope="module")
def newest(settings: Settings) -> dict[str, str]:
    """The last day of each hourly asset that was run, and the last month of which invoices are issued."""
    with Project.open(settings) as project:
        row = project.lake.connection.execute("select max(period) from invoices").fetchone()
    assert row is not None
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        days = {name: max(instance.get_materialized_partitions(dg.AssetKey(name))) for name in HOURLY}
    return {**days, **dict.fromkeys(MONTHLY, f"{row[0]}-01")}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def address(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where Dagster answers: a webserver of our own, ended with this module."""
    port = free_port()
    environment = {
        **os.environ,
        "METERBOOK_DIRECTORY": str(settings.directory),
        "DAGSTER_HOME": str(settings.dagster_home),
    }
    command = [sys.executable, "-m", "dagster_webserver", "--host", "127.0.0.1", "--port", str(port)]
    log = tmp_path_factory.mktemp("log") / "webserver.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [*command, "--module-name", "pipelines.definitions"],
            cwd=ROOT, env=environment, stdout=output, stderr=output,
        ) as server,
    ):  # fmt: skip
        try:
            wait_for(f"http://127.0.0.1:{port}/server_info", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 3 * PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own server
                return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"the webserver did not answer: {log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def page(address: str, newest: dict[str, str]) -> Iterator[Page]:
    """A browser's page. Playwright keeps an event loop open, so all that Dagster does here is done before."""
    del address, newest
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        opened = browser.new_page(viewport={"width": 1440, "height": 900})
        opened.set_default_timeout(PATIENCE * 1000)
        expect.set_options(timeout=PATIENCE * 1000)
        yield opened
        browser.close()


def keep(page: Page, name: str) -> None:
    """Write a picture of the README, where asked to."""
    if CHOSEN:
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(timedelta(seconds=2).total_seconds() * 1000)
        IMAGES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=IMAGES / f"{name}.png")


def test_the_graph(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 2400, "height": 700})
    page.goto(f"{address}/asset-groups")
    expect(page.get_by_text("invoicing").first).to_be_visible()
    page.get_by_text("Hide navigation").click()
    page.keyboard.press("Alt+KeyE")  # shows what is in the groups
    for name in (*HOURLY, *MONTHLY):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    keep(page, "graph")
    page.set_viewport_size({"width": 1440, "height": 900})


def test_a_day(page: Page, address: str, newest: dict[str, str]) -> None:
    day = newest["usage_events"]
    page.goto(f"{address}/assets/usage_events?view=partitions&partition={day}")
    expect(page.get_by_text("hourly_billing").first).to_be_visible()
    for label in ("records taken", "late", "duplicate", "refused"):
        expect(page.get_by_role("cell", name=label, exact=True).first).to_be_visible()
    keep(page, "day")
    if not CHOSEN:
        expect(page.get_by_role("row").filter(has_text="records taken").first).to_contain_text("51")
    page.goto(f"{address}/assets/charges?view=partitions&partition={day}")
    expect(page.get_by_text("accounts charged").first).to_be_visible()
    expect(page.get_by_text("charged, EUR").first).to_be_visible()
    keep(page, "charges")


def test_the_checks(page: Page, address: str) -> None:
    page.goto(f"{address}/assets/charges?view=checks")
    page.get_by_text("charges_sum_to_total_cost", exact=True).first.click()
    expect(page.get_by_text("Passed").first).to_be_visible()
    expect(page.get_by_text("offending rows").first).to_be_visible()
    keep(page, "checks")


def test_an_invoice(page: Page, address: str, newest: dict[str, str]) -> None:
    month = newest["invoices"]
    page.goto(f"{address}/assets/invoices?view=partitions&partition={month}")
    expect(page.get_by_text("INV-").first).to_be_visible()
    keep(page, "invoices")
    page.goto(f"{address}/assets/invoice_documents?view=partitions&partition={month}")
    page.get_by_text("[Show Markdown]").click()
    picture = page.locator('img[src^="data:image/png"]')
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 500
    if CHOSEN:
        page.set_viewport_size({"width": 1440, "height": 1600})  # the dialog shows the page whole
        page.wait_for_timeout(500)
        picture.screenshot(path=IMAGES / "invoice.png")
