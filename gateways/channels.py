"""What a channel of alerts is: one method that sends one message, or says why it did not.

What belongs here: the protocol, a message, and how long sending may take. What does not: any channel, and which messages
are due, in which order (`assets/deliveries.py`).
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rating.errors import MeterbookError


class DeliveryError(MeterbookError):
    """A message was not taken, as far as we know; it is sent again with the same id."""


class PartlyTakenError(DeliveryError):
    """Some addresses have it (`taken_by`), and others refused it, who are tried again."""

    def __init__(self, message: str, taken_by: Sequence[str]) -> None:
        super().__init__(message)
        self.taken_by = tuple(taken_by)


class ChannelError(MeterbookError):
    """A channel that cannot work as it is set up; the message says what to do."""


@dataclass(frozen=True)
class Message:
    """One alert as it is sent. `id` and `body` are the same whenever it is sent again; `sent_at` is when it is sent now.

    `taken_by` are the addresses that have it already.
    """

    id: str
    account_id: str
    subject: str
    text: str
    body: bytes
    address: str
    sent_at: datetime
    taken_by: tuple[str, ...] = ()


class Channel(Protocol):
    """A way to tell somebody."""

    def send(self, message: Message) -> None:
        """Send a message; when this returns, the receiver has it.

        Raises:
            PartlyTakenError: some of the receivers have it.
            DeliveryError: the receiver did not say that it has it. It may have it all the same.
        """
        ...


def within(seconds: float, work: Callable[[], None]) -> None:
    """Let `work` take no longer than this, whatever it waits for: a name, a handshake, an answer that comes byte by byte.

    Time limits of sockets are for each read, so a receiver that trickles would hold us for ever. What does not come back in
    time is left behind in its thread, which ends with the process.

    Raises:
        DeliveryError: it took longer, or could not do it.
    """
    outcome: list[BaseException | None] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again where it can be seen
            outcome.append(error)
        else:
            outcome.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise DeliveryError(f"no answer within {seconds:g} seconds")
    if outcome[0] is not None:
        raise outcome[0]
