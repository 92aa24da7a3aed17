"""Messages mailed through any SMTP server.

What belongs here: the mail and its way to the server. What does not: what a message says (`messages.py`), and trying again.
"""

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from gateways.channels import DeliveryError, Message, PartlyTakenError, within

PASSWORD_VARIABLE: Final = "METERBOOK_SMTP_PASSWORD"  # noqa: S105 - the name of the variable


@dataclass(frozen=True)
class Server:
    """Where mail is handed over. `security` is `starttls`, `tls` or `none`; without a `user` nobody logs in."""

    host: str
    port: int
    security: str
    user: str = ""
    password: str = ""
    timeout_seconds: float = 10
    trusted: ssl.SSLContext | None = None


class Mail:
    """Mails messages from one sender to some addresses, and to the account's own where that is wanted."""

    def __init__(self, server: Server, sender: str, to: Sequence[str], *, to_account: bool = False) -> None:
        self._server, self._sender, self._to, self._to_account = server, sender, tuple(to), to_account

    def send(self, message: Message) -> None:
        """Hand it over to those who have it not; the server has it when it has taken it for all. To nobody, nothing is sent."""
        to = [address for address in self._addresses(message) if address not in message.taken_by]
        if to:
            within(self._server.timeout_seconds, lambda: self._hand_over(message, to))

    def _addresses(self, message: Message) -> list[str]:
        own = message.address.strip()
        # An account's address is whatever its record says: what is no single address is none.
        is_one = self._to_account and "@" in own and not any(mark in own for mark in " \r\n\t,;<>")
        return list(dict.fromkeys((*self._to, *([own] if is_one else []))))

    def _mail(self, message: Message, to: Sequence[str]) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = ", ".join(to)
        mail["Subject"] = " ".join(message.subject.split())
        mail["Date"] = format_datetime(message.sent_at)
        # The same whenever it is sent again: mail programs show a repeat once.
        mail["Message-ID"] = f"<{message.id}@{self._sender.rpartition('@')[2].strip('> ')}>"
        mail.set_content(message.text, cte="quoted-printable")
        return mail

    def _hand_over(self, message: Message, to: Sequence[str]) -> None:
        try:
            mail = self._mail(message, self._addresses(message))
            with self._connect() as server:
                if self._server.security == "starttls":
                    server.starttls(context=self._context())
                if self._server.user:
                    server.login(self._server.user, self._server.password)
                refused = server.send_message(mail, to_addrs=to)
        except (OSError, ValueError) as error:  # every error of smtplib is an OSError
            raise DeliveryError(f"{type(error).__name__}: {error}") from error
        if refused:
            raise PartlyTakenError(_said(refused), [address for address in to if address not in refused])

    def _connect(self) -> smtplib.SMTP:
        where, limit = (self._server.host, self._server.port), self._server.timeout_seconds
        if self._server.security == "tls":
            return smtplib.SMTP_SSL(*where, timeout=limit, context=self._context())
        return smtplib.SMTP(*where, timeout=limit)

    def _context(self) -> ssl.SSLContext:
        return self._server.trusted or ssl.create_default_context()


def _said(refused: Mapping[str, tuple[int, bytes]]) -> str:
    answers = (
        f"{address} ({code} {text.decode(errors='replace')})" for address, (code, text) in sorted(refused.items())
    )
    return f"refused: {', '.join(answers)}"
