"""Every alert arrives in the end, once in effect, in order for each account, whatever the receiver does and whoever dies."""

import itertools
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.deliveries import MOST_FAILURES, deliver, pause_after
from assets.outbox import queued
from gateways.channels import Channel, DeliveryError, Message
from gateways.mail import Mail, Server
from gateways.webhook import Webhook, signing_keys
from resources.lock import alone
from resources.project import Project
from resources.writer import Step, record
from tests.gateways.receivers import SECRET, Request, mail_receiver, web_receiver
from tests.pipelines import tiny

ROOT = Path(__file__).parents[2]
START = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class MovingClock:
    """A clock that a test moves."""

    instant: datetime = START

    def now(self) -> datetime:
        return self.instant


@dataclass
class Notebook:
    """A channel that writes down what it is sent, or fails for some."""

    fails: set[str] = field(default_factory=set)
    sent: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.tried.append(message.id)
        if self.fails & {message.account_id, "all"}:
            raise DeliveryError("as told")
        self.sent.append(message.id)


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def project(tmp_path: Path, clock: MovingClock) -> Iterator[Project]:
    with Project.open(tiny.make(tmp_path / "project"), clock) as opened:
        yield opened


def store(project: Project, alerts: list[tuple[str, int]], channels: str = "webhook") -> list[str]:
    """Store alerts (account, number) in one run, as the step does; returns their ids."""
    rows: list[dict[str, object]] = [
        {
            "alert_id": f"{account}-{number}", "account_id": account, "rule_id": "r", "kind": "below", "period": "",
            "state": "raised" if number % 2 else "cleared", "reason": "crossed" if number % 2 else "recovered",
            "turn": number, "place": place, "currency": "EUR", "hour": START, "channels": channels,
        }
        for place, (account, number) in enumerate(alerts, 1)
    ]  # fmt: skip
    money = dict.fromkeys(("value", "threshold", "setting"), pl.lit(1).cast(pl.Decimal(38, 18)))
    frame = pl.DataFrame(rows).with_columns(**money)

    def add(step: Step) -> None:
        step.append("alerts", frame)

    record(project.lake, "alerts", "test", add)
    return [str(row["alert_id"]) for row in rows]


def rounds(project: Project, clock: MovingClock, channels: dict[str, Channel], until: datetime) -> None:
    """Send again and again, a minute apart."""
    while clock.instant < until:
        deliver(project, channels, 60)
        clock.instant += timedelta(minutes=1)


def in_order(ids: list[str]) -> bool:
    """Whether the alerts of each account rise."""
    split = sorted(
        (account, place, int(number)) for place, id_ in enumerate(ids) for account, number in [id_.split("-")]
    )
    return all(left[2] < right[2] for left, right in itertools.pairwise(split) if left[0] == right[0])


def test_sent_once_and_recorded(project: Project) -> None:
    channel = Notebook()
    ids = store(project, [("a", 1), ("b", 1), ("a", 2)])
    assert deliver(project, {"webhook": channel}, 60) == {"delivered": 3, "failed": 0, "given_up": [], "busy": False}
    assert deliver(project, {"webhook": channel}, 60) == {"delivered": 0, "failed": 0, "given_up": [], "busy": False}
    assert sorted(channel.tried) == sorted(ids)
    assert in_order(channel.sent)


def test_an_account_that_fails_holds_up_no_other(project: Project, clock: MovingClock) -> None:
    channel = Notebook(fails={"a"})
    store(project, [("a", 1), ("a", 2), ("b", 1)])
    store(project, [("b", 2), ("a", 3)])
    deliver(project, {"webhook": channel}, 60)
    assert (channel.tried, channel.sent) == (["a-1", "b-1", "b-2"], ["b-1", "b-2"])
    deliver(project, {"webhook": channel}, 60)
    assert len(channel.tried) == 3, "not before its time"
    channel.fails.clear()
    clock.instant += timedelta(seconds=30)
    deliver(project, {"webhook": channel}, 60)
    assert channel.sent == ["b-1", "b-2", "a-1", "a-2", "a-3"]


def test_a_channel_that_fails_holds_up_no_other(project: Project) -> None:
    web, mail = Notebook(fails={"all"}), Notebook()
    ids = store(project, [(f"account{number}", 1) for number in range(30)], "webhook,mail")
    assert deliver(project, {"webhook": web, "mail": mail}, 60)["delivered"] == 30
    assert sorted(mail.sent) == sorted(ids)
    assert len(web.tried) == MOST_FAILURES, "a receiver that is down is not asked for each account"


def test_pauses_grow_to_an_hour(project: Project, clock: MovingClock) -> None:
    seconds = [pause_after(attempt).total_seconds() for attempt in (1, 2, 3, 7, 8, 9, 10**6)]
    assert seconds == [30, 60, 120, 1920, 3600, 3600, 3600]
    channel = Notebook(fails={"a"})
    store(project, [("a", 1)])
    rounds(project, clock, {"webhook": channel}, START + timedelta(hours=3))
    assert 8 <= len(channel.tried) <= 11
    clock.instant -= timedelta(days=400)
    channel.fails.clear()
    deliver(project, {"webhook": channel}, 60)
    assert channel.sent == ["a-1"], "a clock that was wrong keeps nothing back"


def test_what_no_channel_was_there_for_is_not_sent_later(project: Project) -> None:
    store(project, [("a", 1)], "")
    store(project, [("a", 2)], "mail")
    channel = Notebook()
    deliver(project, {"webhook": channel}, 60)
    assert channel.tried == []


def test_an_hour_of_faults(project: Project, clock: MovingClock) -> None:
    """An hour in which the receiver answers 500, hangs, drops connections and takes what it says it did not."""
    chance, end = random.Random(4), START + timedelta(hours=1)  # noqa: S311 - the same faults each time

    def manners(_request: Request) -> str:
        if clock.instant >= end:
            return "200"
        return chance.choice(
            ["500", "500", "500", "drop", "half", "refuse", "200", "hang" if chance.random() < 0.1 else "503"]
        )

    ids: list[str] = []
    with web_receiver(manners) as receiver:
        channels: dict[str, Channel] = {"webhook": Webhook(receiver.url, signing_keys(SECRET), 0.5)}
        for number in (1, 2, 3):
            ids += store(project, [(f"account{account}", number) for account in range(6)])
            rounds(project, clock, channels, START + timedelta(minutes=15 * number))
        rounds(project, clock, channels, end + timedelta(hours=1, minutes=5))
        assert sorted(request.id for request in receiver.taken()) == sorted(ids)
        assert in_order([request.id for request in receiver.taken()])
        assert len(receiver.requests) > len(ids), "some were sent again"
        assert all(request.is_signed() for request in receiver.requests)
        bodies: dict[str, set[bytes]] = {}
        for request in receiver.requests:
            bodies.setdefault(request.id, set()).add(request.body)
        assert all(len(said) == 1 for said in bodies.values()), "what is sent again says the same"
    assert queued(project.lake).is_empty()


def test_a_receiver_that_hangs_takes_no_more_than_the_time_there_is(project: Project) -> None:
    store(project, [(f"account{number}", 1) for number in range(40)])
    time_passed = iter(range(0, 10_000, 5))
    channel = Notebook()
    report = deliver(project, {"webhook": channel}, 60, monotonic=lambda: float(next(time_passed)))
    assert 0 < report["delivered"] < 12
    assert deliver(project, {"webhook": channel}, 60)["delivered"] == 40 - report["delivered"]


def test_the_books_are_written_while_a_receiver_hangs(project: Project) -> None:
    store(project, [("a", 1)])
    with web_receiver(lambda _request: "hang") as receiver:
        channel = Webhook(receiver.url, signing_keys(SECRET), 300)
        other = Project.open(project.settings, project.clock)
        sending = threading.Thread(target=deliver, args=(other, {"webhook": channel}, 60))
        sending.start()
        while not receiver.requests:
            time.sleep(0.01)
        tiny.bill(project, tiny.FIRST_DAY + tiny.HOUR)
        assert sending.is_alive(), "the run was over while the receiver still hung"
        assert deliver(project, {"webhook": channel}, 60)["busy"], "two do not send at once"
        receiver.released.set()
        sending.join()
        other.close()


def test_two_senders_do_not_send_at_once(project: Project) -> None:
    store(project, [("a", 1)])
    channel = Notebook()
    with alone(project.lake, "deliver") as is_alone:
        assert is_alone
        assert deliver(project, {"webhook": channel}, 60)["busy"]
    assert not channel.tried
    assert deliver(project, {"webhook": channel}, 60)["delivered"] == 1


def test_killed_between_send_and_record(project: Project) -> None:
    ids = store(project, [("a", 1), ("a", 2), ("b", 1), ("b", 2)])
    with web_receiver() as receiver:
        for sends in (1, 2, 3, 0):
            words = [
                sys.executable,
                "-m",
                "tests.pipelines.sender",
                str(project.settings.directory),
                receiver.url,
                str(sends),
            ]
            done = subprocess.run(words, cwd=ROOT, check=False, timeout=300)
            assert done.returncode == (-signal.SIGKILL if sends else 0)
        assert sorted(request.id for request in receiver.taken()) == sorted(ids)
        assert in_order([request.id for request in receiver.taken()])
        assert len(receiver.requests) == 1 + 2 + 3 + 4, "what was not recorded is sent again"
    assert deliver(project, {"webhook": Notebook()}, 60)["delivered"] == 0


def test_mail_arrives_in_the_end(project: Project, clock: MovingClock) -> None:
    store(project, [("first", 1), ("second", 1)], "mail")
    store(project, [("first", 2)], "mail")
    with mail_receiver({"RCPT": "450 later"}) as receiver:
        channels: dict[str, Channel] = {
            "mail": Mail(
                Server("127.0.0.1", receiver.port, "none", timeout_seconds=5), "b@example.com", ["o@example.com"]
            )
        }
        for manners in ({"RCPT": "450 later"}, {"MAIL": "drop"}, {"TAKEN": "drop"}, {"GREETING": "421 busy"}, {}):
            receiver.manners = manners
            deliver(project, channels, 60)
            clock.instant += timedelta(hours=1)
    subjects = [text.split("Message-ID: <", 1)[1].split("@")[0] for _, _, text in receiver.mails]
    assert sorted(set(subjects)) == ["first-1", "first-2", "second-1"]
    assert in_order([id_ for id_ in dict.fromkeys(subjects) if id_.startswith("first")])
