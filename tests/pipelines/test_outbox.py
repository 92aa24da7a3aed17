"""Goal: what waits is what did not get through, however it is kept; what is always refused blocks for some days."""

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from assets.deliveries import LEAST_ATTEMPTS, MOST_FAILURES, deliver, observations
from assets.outbox import OutboxError, Row, due, give_up, keep_waiting, lacks_cache, queued, waiting
from gateways.channels import Channel
from gateways.mail import Mail, Server
from pipelines.checks import WATCHES, Window
from resources.lake import Lake
from resources.project import Project
from resources.rebuild import rebuild_caches
from resources.writer import record
from tests.gateways.receivers import mail_receiver
from tests.pipelines import tiny
from tests.pipelines.test_deliveries import MovingClock, Notebook, store

CHECKS = {check.name: check for check in WATCHES}
EVERYTHING = Window(0, 10**9)


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def project(tmp_path: Path, clock: MovingClock) -> Iterator[Project]:
    with Project.open(tiny.make(tmp_path / "project"), clock) as opened:
        yield opened


def open_by_hand(lake: Lake) -> set[tuple[str, str, int]]:
    """Of every alert and channel that did not get through: how often it was tried. All rows there are, one by one."""
    attempts: dict[tuple[str, str], int] = {}
    for alert, channels in lake.connection.execute("select alert_id, channels from alerts").fetchall():
        attempts |= {(alert, channel): 0 for channel in channels.split(",") if channel}
    over = set()
    for alert, channel, outcome in lake.connection.execute(
        "select alert_id, channel, outcome from deliveries"
    ).fetchall():
        attempts[alert, channel] += outcome != "given_up"
        over |= {(alert, channel)} if outcome != "failed" else set()
    return {(*key, tried) for key, tried in attempts.items() if key not in over}


def seen(lake: Lake) -> set[tuple[str, str, int]]:
    return set(waiting(lake).select("alert_id", "channel", "attempts").iter_rows())


def test_what_is_kept_is_what_the_facts_say(project: Project, clock: MovingClock) -> None:
    chance, number = random.Random(7), 0  # noqa: S311 - the same each time
    web, mail = Notebook(), Notebook()
    for _ in range(18):
        work = chance.choice(["store", "store", "deliver", "deliver", "give up", "forget", "keep"])
        if work == "store":
            number += 1
            store(
                project,
                [(account, number) for account in chance.sample("abcd", 2)],
                chance.choice(["webhook", "webhook,mail"]),
            )
        elif work == "deliver":
            web.fails, mail.fails = set(chance.sample("abcd", 2)), set(chance.sample("abcd", 1))
            deliver(project, {"webhook": web, "mail": mail}, 60)
        elif work == "give up" and seen(project.lake):
            give_up(project, [chance.choice(sorted(seen(project.lake)))[0]], None, "no use", "me")
        elif work == "forget":
            record(project.lake, "deliveries", "test", lambda step: step.delete("steps/rebuild/delete_waiting_alerts"))
        else:
            keep_waiting(project.lake)
        clock.instant += timedelta(minutes=chance.randrange(3))
        assert seen(project.lake) == open_by_hand(project.lake)
    keep_waiting(project.lake)
    assert CHECKS["waiting_kept"].find(project, EVERYTHING).is_empty()
    assert seen(project.lake) == open_by_hand(project.lake) != set()
    before = waiting(project.lake).sort("alert_id", "channel")
    rebuild_caches(project.lake)
    assert waiting(project.lake).sort("alert_id", "channel").equals(before), "the same from the facts"


def test_what_is_over_is_not_read_again(project: Project) -> None:
    channel = Notebook(fails={"b"})
    store(project, [("a", 1), ("b", 1)])
    deliver(project, {"webhook": channel}, 60)
    store(project, [("c", 1)])
    lake = project.lake.connection
    since = "(select max(alert_run) from waiting_alerts)"
    lake.execute("begin")
    lake.execute(f"delete from deliveries where run <= {since}")
    lake.execute(f"delete from alerts where run < {since}")
    lake.execute("delete from deliveries where alert_id = 'a-1'")
    lake.execute("update alerts set channels = '' where alert_id = 'a-1'")
    assert seen(project.lake) == {("b-1", "webhook", 1), ("c-1", "webhook", 0)}
    lake.execute("rollback")


def test_a_message_that_is_always_refused_is_given_up(project: Project, clock: MovingClock) -> None:
    channel = Notebook(fails={"a"})
    store(project, [("a", 1), ("a", 2)])
    deliver(project, {"webhook": channel}, 60)
    clock.instant += timedelta(days=4)
    assert deliver(project, {"webhook": channel}, 60)["given_up"] == [], "nobody tried meanwhile"
    given_up: list[Row] = []
    for _ in range(LEAST_ATTEMPTS - 2):
        assert not given_up
        clock.instant += timedelta(hours=1)
        given_up = deliver(project, {"webhook": channel}, 60)["given_up"]
    channel.fails.clear()
    (row,) = given_up
    assert (row["alert_id"], row["attempt"], row["reason"]) == ("a-1", LEAST_ATTEMPTS, "tried for 3 days")
    assert [one.metadata["error"].value for one in observations(given_up)] == ["as told"]
    assert deliver(project, {"webhook": channel}, 60)["delivered"] == 1
    assert channel.sent == ["a-2"], "the account goes on"
    assert CHECKS["alerts_get_through"].find(project, EVERYTHING)["alert_id"].to_list() == ["a-1"]
    view = "select alert_id, delivered_to, given_up_on from books.alerts order by alert_id"
    assert project.lake.connection.execute(view).fetchall() == [("a-1", "", "webhook"), ("a-2", "webhook", "")]


def test_within_its_days_it_is_tried_again(project: Project, clock: MovingClock) -> None:
    channel = Notebook(fails={"a"})
    store(project, [("a", 1)])
    for _ in range(LEAST_ATTEMPTS + 2):
        deliver(project, {"webhook": channel}, 60)
        clock.instant += timedelta(hours=5)
    assert len(channel.tried) > LEAST_ATTEMPTS
    assert seen(project.lake) == {("a-1", "webhook", len(channel.tried))}
    assert not CHECKS["alerts_get_through"].find(project, EVERYTHING).is_empty(), "tried for hours"


def test_giving_up_by_hand(project: Project) -> None:
    channel = Notebook(fails={"a"})
    store(project, [("a", 1), ("a", 2)], "webhook,mail")
    deliver(project, {"webhook": channel}, 60)
    behind = queued(project.lake).filter(alert_id="a-2")["behind"].to_list()
    assert behind == ["a-1", "a-1"]
    with pytest.raises(OutboxError, match="alert b-1 does not wait; `meterbook alerts`"):
        give_up(project, ["a-1", "b-1"], None, "gone", "me")
    assert give_up(project, ["a-1"], "webhook", "gone", "me") == 1
    with pytest.raises(OutboxError, match="does not wait on channel webhook"):
        give_up(project, ["a-1"], "webhook", "gone", "me")
    channel.fails.clear()
    deliver(project, {"webhook": channel}, 60)
    assert channel.sent == ["a-2"]
    assert give_up(project, ["a-1", "a-2"], None, "no mail here", "me") == 2
    assert seen(project.lake) == set()
    kept = project.lake.connection.execute(
        "select channel, reason, \"by\" from deliveries where outcome = 'given_up' order by all"
    )
    assert kept.fetchall() == [("mail", "no mail here", "me")] * 2 + [("webhook", "gone", "me")]
    assert CHECKS["alerts_get_through"].find(project, EVERYTHING).is_empty(), "a person knows"


def test_mail_that_some_refuse_is_sent_to_these_again(project: Project, clock: MovingClock) -> None:
    ops, shut = "o@example.com", "shut@example.com"
    store(project, [("first", 1)], "mail")
    with mail_receiver({f"rcpt TO:<{shut}>": "450 later"}) as receiver:
        server = Server("127.0.0.1", receiver.port, "none", timeout_seconds=5)
        channels: dict[str, Channel] = {"mail": Mail(server, "b@example.com", [ops, shut])}
        assert deliver(project, channels, 60)["delivered"] == 0
        (row,) = queued(project.lake).iter_rows(named=True)
        assert (row["taken_by"], row["error"]) == (ops, f"refused: {shut} (450 later)")
        store(project, [("first", 2)], "mail")
        deliver(project, channels, 60)
        assert [to for _, to, _ in receiver.mails] == [[f"<{ops}>"]] * 2, "the later one does not wait"
        clock.instant += timedelta(minutes=1)
        assert deliver(project, channels, 60)["failed"] == 2, "refused again"
        receiver.manners.clear()
        clock.instant += timedelta(minutes=5)
        assert deliver(project, channels, 60)["delivered"] == 2
    assert [to for _, to, _ in receiver.mails] == [[f"<{ops}>"]] * 2 + [[f"<{shut}>"]] * 2
    assert "To: o@example.com, shut@example.com" in receiver.mails[-1][2]


def test_many_wait(project: Project) -> None:
    """So many that they are kept in a file of their own, not in the catalog."""
    store(project, [(f"account{number}", 1) for number in range(130)], "webhook,mail")
    deliver(project, {"webhook": Notebook(fails={"all"})}, 60)
    assert not lacks_cache(project.lake)
    assert seen(project.lake) == open_by_hand(project.lake)
    assert len(seen(project.lake)) == 260
    keep_waiting(project.lake)
    assert deliver(project, {"webhook": Notebook()}, 60)["delivered"] == 130 - MOST_FAILURES, (
        "not those that failed just now"
    )
    assert seen(project.lake) == open_by_hand(project.lake)


def test_an_empty_outbox_is_kept_once(project: Project) -> None:
    assert not lacks_cache(project.lake)
    deliver(project, {"webhook": Notebook()}, 60)
    store(project, [("a", 1)])
    assert lacks_cache(project.lake)
    deliver(project, {"webhook": Notebook()}, 60)
    assert not lacks_cache(project.lake)
    assert json.dumps(due(project, [])) == "[]"
