"""Messages posted to a web address, signed as Standard Webhooks says (https://www.standardwebhooks.com).

What belongs here: signing and posting. What does not: what a message says (`messages.py`), and trying again.

The standard library posts it: one request, no redirect followed, nothing pooled and no setting of the machine obeyed, so
that what was signed goes where the settings say and nowhere else. That is less than what a library would have to be told not
to do.
"""

import base64
import binascii
import hashlib
import hmac
import http.client
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from gateways.channels import ChannelError, DeliveryError, Message, within

SECRET_VARIABLE: Final = "METERBOOK_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable
PREFIX: Final = "whsec_"
# What the standard asks of a secret, in bytes.
SHORTEST, LONGEST = 24, 64
MEND: Final = f'make one with `echo "{PREFIX}$(openssl rand -base64 32)"` and give it in {SECRET_VARIABLE}'


def signing_keys(written: str) -> list[bytes]:
    """The keys of a secret as it is written: `whsec_` and base64; several with blanks between while one replaces another.

    Raises:
        ChannelError: there is none, or it is none.
    """
    keys = []
    for part in written.split():
        try:
            key = base64.b64decode(part.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not part.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
            raise ChannelError(f"the secret of the webhook is not {PREFIX} and {SHORTEST} to {LONGEST} bytes; {MEND}")
        keys.append(key)
    if not keys:
        raise ChannelError(f"the webhook has no secret to sign with; {MEND}")
    return keys


def signatures(keys: Sequence[bytes], message_id: str, timestamp: str, body: bytes) -> str:
    """The header `webhook-signature`: one for each key, over id, time and body."""
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    made = (base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys)
    return " ".join(f"v1,{signature}" for signature in made)


class Webhook:
    """Posts messages to one address."""

    def __init__(self, url: str, keys: Sequence[bytes], timeout_seconds: float = 10) -> None:
        parts = urlsplit(url)
        self._kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port = parts.hostname or "", parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._keys, self._timeout = list(keys), timeout_seconds

    def send(self, message: Message) -> None:
        """Post it; an answer of 2xx says that it was taken."""
        within(self._timeout, lambda: self._post(message))

    def _post(self, message: Message) -> None:
        timestamp = str(int(message.sent_at.timestamp()))
        headers = {
            "content-type": "application/json",
            "user-agent": "meterbook",
            "webhook-id": message.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signatures(self._keys, message.id, timestamp, message.body),
            "connection": "close",
        }
        connection = self._kind(self._host, self._port, timeout=self._timeout)
        try:
            connection.request("POST", self._target, message.body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise DeliveryError(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if not http.HTTPStatus.OK <= status < http.HTTPStatus.MULTIPLE_CHOICES:
            raise DeliveryError(f"answered {status}")
