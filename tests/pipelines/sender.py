"""A process of its own that sends alerts, and dies where its test says: after the receiver has one, before it is recorded.

`python -m tests.pipelines.sender PROJECT URL SENDS` dies with its so-manieth send (0: never).
"""

import os
import signal
import sys
from pathlib import Path

from assets.deliveries import deliver
from gateways.channels import Channel, Message
from gateways.webhook import Webhook, signing_keys
from resources.project import Project
from resources.settings import load_settings
from tests.gateways.receivers import SECRET


class Mortal:
    """Sends, and is killed right after it did so for the last time."""

    def __init__(self, channel: Channel, sends: int) -> None:
        self._channel, self._left = channel, sends

    def send(self, message: Message) -> None:
        """Send; the last time, nobody hears of it."""
        self._channel.send(message)
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main(directory: str, url: str, sends: str) -> None:
    """Send what is due."""
    with Project.open(load_settings(Path(directory))) as project:
        deliver(project, {"webhook": Mortal(Webhook(url, signing_keys(SECRET)), int(sends))}, 60)


if __name__ == "__main__":
    main(*sys.argv[1:])
