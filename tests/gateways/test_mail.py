"""Mail through a real server: handed over whole, or told that it was not."""

import shutil
import ssl
import subprocess
from datetime import UTC, datetime
from email import message_from_string
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from gateways.channels import DeliveryError, Message
from gateways.mail import Mail, Server
from tests.gateways.receivers import MailReceiver, mail_receiver

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
MESSAGE = Message("alert_1", "acme", "acme: über\nBcc: x@example.com", "Fällig.\n", b"{}", "a@acme.example", AT)
LOGIN: dict[str, Any] = {"user": "u", "password": "p"}


def mail(receiver: MailReceiver, *, to_account: bool = False, **options: Any) -> Mail:  # noqa: ANN401 - of a server
    given: dict[str, Any] = {"security": "none", "timeout_seconds": 5, **options}
    server = Server("127.0.0.1", receiver.port, **given)
    return Mail(server, "Billing <billing@example.com>", ["ops@example.com"], to_account=to_account)


def test_a_mail_as_it_arrives() -> None:
    with mail_receiver() as receiver:
        mail(receiver, to_account=True).send(MESSAGE)
    ((sender, to, text),) = receiver.mails
    assert (sender, to) == ("<billing@example.com>", ["<ops@example.com>", "<a@acme.example>"])
    arrived = message_from_string(text)
    assert str(make_header(decode_header(arrived["Subject"]))) == "acme: über Bcc: x@example.com"
    assert (arrived["Message-ID"], arrived["Bcc"]) == ("<alert_1@example.com>", None)
    assert arrived["Date"] == "Sun, 01 Nov 2026 12:00:00 +0000"
    body = arrived.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode().rstrip("\n") == "Fällig."


@pytest.mark.parametrize("address", ["", "nobody", "a@b,c@d", "a@b\r\nRCPT TO:<c@d>", "A <a@b>"])
def test_what_is_no_address_is_none(address: str) -> None:
    message = Message("alert_1", "acme", "s", "t", b"{}", address, AT)
    with mail_receiver() as receiver:
        mail(receiver, to_account=True).send(message)
        Mail(Server("127.0.0.1", receiver.port, "none"), "b@example.com", [], to_account=True).send(message)
    assert [to for _, to, _ in receiver.mails] == [["<ops@example.com>"]]


BAD_MANNERS = {
    "no greeting": {"GREETING": "554 go away"},
    "refused sender": {"MAIL": "451 later"},
    "refused receiver": {"RCPT": "550 unknown"},
    "full": {"DATA": "452 full"},
    "dropped at once": {"EHLO": "drop", "HELO": "drop"},
    "dropped before the text": {"DATA": "drop"},
    "dropped before it says that it has it": {"TAKEN": "drop"},
}


@pytest.mark.parametrize("manners", BAD_MANNERS.values(), ids=BAD_MANNERS.keys())
def test_what_was_not_taken_is_told(manners: dict[str, str]) -> None:
    with mail_receiver(manners) as receiver, pytest.raises(DeliveryError):
        mail(receiver).send(MESSAGE)


def test_a_server_that_hangs_is_left() -> None:
    with (
        mail_receiver({"DATA": "hang"}) as receiver,
        pytest.raises(DeliveryError, match=r"no answer|Timeout|timed out"),
    ):
        mail(receiver, timeout_seconds=0.3).send(MESSAGE)


def test_nothing_is_sent_in_the_clear_where_tls_is_asked_for() -> None:
    with mail_receiver() as receiver, pytest.raises(DeliveryError, match="STARTTLS"):
        mail(receiver, security="starttls", **LOGIN).send(MESSAGE)
    assert (receiver.mails, receiver.logins) == ([], [])


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine, with its key, made for these tests."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    made = tmp_path_factory.mktemp("certificate") / "server.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        f"{made}.key",
        *subject,
    ]
    subprocess.run([*command, "-out", str(made)], check=True, capture_output=True)
    return made


def test_over_tls_with_a_password(certificate: Path) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, f"{certificate}.key")
    trusted = ssl.create_default_context(cafile=certificate)
    options = {"security": "starttls", **LOGIN}
    with mail_receiver(certificate=serving) as receiver:
        mail(receiver, **options, trusted=trusted).send(MESSAGE)
        assert receiver.logins == ["|u|p"]
        assert len(receiver.mails) == 1
        with pytest.raises(DeliveryError, match="CERTIFICATE_VERIFY_FAILED"):
            mail(receiver, **options).send(MESSAGE)
        assert (len(receiver.logins), len(receiver.mails)) == (1, 1), "an unknown server is told nothing"
