"""The webhook against a real server: signed so that others can verify it, and never taken for sent when it was not."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateways.channels import ChannelError, DeliveryError, Message
from gateways.webhook import Webhook, signatures, signing_keys
from tests.gateways.receivers import SECRET, web_receiver

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
MESSAGE = Message("alert_1", "acme", "subject", "text", '{"data":{"account_id":"acmé"}}'.encode(), "", AT)


def test_what_is_posted_is_signed() -> None:
    with web_receiver() as receiver:
        Webhook(receiver.url, signing_keys(SECRET)).send(MESSAGE)
    (request,) = receiver.requests
    assert request.line == "POST /alerts?from=meterbook HTTP/1.1"
    assert request.body == MESSAGE.body
    assert request.headers["content-type"] == "application/json"
    assert (request.id, request.headers["webhook-timestamp"]) == ("alert_1", str(int(AT.timestamp())))
    assert request.is_signed()
    request.body += b" "
    assert not request.is_signed(), "what was changed on the way is seen"


def test_the_example_of_the_standard() -> None:
    """From the specification of Standard Webhooks and its reference implementations."""
    keys = signing_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signatures(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_example_of_our_documentation() -> None:
    """What `docs/alerts.md` gives to receivers, run as it stands there."""
    text = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(text.partition("```python\n")[2].partition("```")[0], names)  # noqa: S102 - our own
    with web_receiver() as receiver:
        Webhook(receiver.url, signing_keys(SECRET)).send(MESSAGE)
    (request,) = receiver.requests
    assert names["is_ours"](request.headers, request.body, SECRET)
    assert not names["is_ours"](request.headers, request.body + b" ", SECRET)


def test_two_secrets_sign_while_one_replaces_the_other() -> None:
    other = "whsec_" + base64.b64encode(b"x" * 24).decode()
    with web_receiver() as receiver:
        Webhook(receiver.url, signing_keys(f"{other} {SECRET}")).send(MESSAGE)
    (request,) = receiver.requests
    assert request.is_signed(SECRET)
    assert request.is_signed(other)
    assert not request.is_signed("whsec_" + base64.b64encode(b"y" * 24).decode())


@pytest.mark.parametrize("manner", ["500", "404", "410", "302", "drop", "half", "refuse"])
def test_what_was_not_taken_is_told(manner: str) -> None:
    with web_receiver(lambda _request: manner) as receiver, pytest.raises(DeliveryError):
        Webhook(receiver.url, signing_keys(SECRET)).send(MESSAGE)
    assert len(receiver.requests) <= 1, "no redirect is followed, and nothing is tried again here"


@pytest.mark.parametrize("manner", ["200", "201", "204"])
def test_what_was_taken(manner: str) -> None:
    with web_receiver(lambda _request: manner) as receiver:
        Webhook(receiver.url, signing_keys(SECRET)).send(MESSAGE)


@pytest.mark.parametrize("manner", ["hang", "trickle"])
def test_a_receiver_that_does_not_come_to_an_end_is_left(manner: str) -> None:
    with web_receiver(lambda _request: manner) as receiver, pytest.raises(DeliveryError, match=r"no answer|[Tt]imeout"):
        Webhook(receiver.url, signing_keys(SECRET), timeout_seconds=0.3).send(MESSAGE)


def test_nobody_is_there() -> None:
    with web_receiver() as receiver:
        pass
    with pytest.raises(DeliveryError, match="Connection"):
        Webhook(receiver.url, signing_keys(SECRET)).send(MESSAGE)


def test_https_asks_for_a_certificate() -> None:
    with web_receiver() as receiver, pytest.raises(DeliveryError, match="SSL"):
        Webhook(receiver.url.replace("http:", "https:"), signing_keys(SECRET)).send(MESSAGE)


@pytest.mark.parametrize("secret", ["", "  ", "whsec_", "whsec_AAAA", "whsec_!!", "A" * 40, "whsec_" + "A" * 200])
def test_no_secret(secret: str) -> None:
    with pytest.raises(ChannelError, match=r"METERBOOK_WEBHOOK_SECRET"):
        signing_keys(secret)
