"""Real receivers on this machine: a web server and a mail server that can be told to misbehave.

What belongs here: servers and their bad manners. What does not: what is expected of those who send to them.
"""

import base64
import hashlib
import hmac
import json
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
Manners = Callable[["Request"], str]


@dataclass
class Request:
    """One request as it came: how many came before it, its headers (small letters) and its body."""

    number: int
    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The id of the message."""
        return self.headers["webhook-id"]

    @property
    def account(self) -> str:
        """The account that it is about."""
        return str(json.loads(self.body)["data"]["account_id"])

    def is_signed(self, secret: str = SECRET) -> bool:
        """Verify it as a receiver would who has read the standard and nothing of ours."""
        key = base64.b64decode(secret.split("_", 1)[1])
        content = f"{self.id}.{self.headers['webhook-timestamp']}.{self.body.decode()}"
        expected = base64.b64encode(hmac.new(key, content.encode(), hashlib.sha256).digest()).decode()
        sent = (part.split(",", 1) for part in self.headers["webhook-signature"].split(" "))
        return any(version == "v1" and hmac.compare_digest(value, expected) for version, value in sent)


@dataclass
class WebReceiver:
    """What came in, whatever was answered; `manners` says how the next request is answered."""

    manners: Manners = lambda _request: "200"
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    def taken(self) -> list[Request]:
        """Each message once, as it first came: what a receiver has that knows repeats by their id."""
        return list({request.id: request for request in reversed(self.requests)}.values())[::-1]


def _answer(receiver: WebReceiver, connection: socket.socket) -> None:
    with connection, connection.makefile("rb") as stream:
        line = stream.readline().decode()
        if not line:
            return
        headers = {}
        while (header := stream.readline().decode().strip()) != "":
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", "0")))
        request = Request(len(receiver.requests), line.strip(), headers, body)
        manner = receiver.manners(request)
        if manner != "refuse":
            receiver.requests.append(request)
        if manner == "hang":
            receiver.released.wait(300)
        elif manner == "trickle":
            while not receiver.released.wait(0.05):
                connection.sendall(b"H")
        elif manner == "drop":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif manner == "half":
            connection.sendall(b"HTTP/1.1 2")
        elif manner.isdigit():
            more = "location: /elsewhere\r\n" if manner.startswith("3") else ""
            connection.sendall(f"HTTP/1.1 {manner} Answer\r\n{more}content-length: 2\r\n\r\nok".encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads, allow_reuse_address, block_on_close = True, True, False

    def handle_error(self, _request: Any, _address: Any) -> None:  # noqa: ANN401 - as it is declared
        """A sender that gave up is no fault of the server."""


@contextmanager
def _serving(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            handle(self.request)

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextmanager
def web_receiver(manners: Manners | None = None) -> Iterator[WebReceiver]:
    """A web server at `url` for as long as the block takes."""
    receiver = WebReceiver(manners or (lambda _request: "200"))
    with _serving(lambda connection: _answer(receiver, connection)) as port:
        receiver.url = f"http://127.0.0.1:{port}/alerts?from=meterbook"
        try:
            yield receiver
        finally:
            receiver.released.set()


@dataclass
class MailReceiver:
    """A mail server: `manners` has what it answers to a command (the first word, or the whole line) instead of what is right.

    `drop` closes the connection, `hang` waits; everything else is the answer. `mails` has what was taken.
    """

    manners: dict[str, str] = field(default_factory=dict)
    mails: list[tuple[str, list[str], str]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    port: int = 0
    certificate: ssl.SSLContext | None = None
    released: threading.Event = field(default_factory=threading.Event)


@dataclass
class _Talk:
    """One conversation of a mail server: an answer a command, until somebody leaves."""

    receiver: MailReceiver
    connection: socket.socket
    sender: str = ""
    to: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stream = self.connection.makefile("rwb")

    def run(self) -> None:
        """Greet, and answer."""
        self._say(self.receiver.manners.get("GREETING", "220 here"))
        while line := self.stream.readline().decode().strip():
            command = line.split(":")[0].split(" ")[0].upper()
            manner = self.receiver.manners.get(line, self.receiver.manners.get(command, ""))
            if manner == "hang":
                self.receiver.released.wait(300)
            if manner in {"drop", "hang"} or (not manner and not self._obey(command, line)):
                break
            if manner:
                self._say(manner)
        self.connection.close()

    def _obey(self, command: str, line: str) -> bool:
        """Do as told; returns whether the conversation goes on."""
        known = {"EHLO": self._greet, "STARTTLS": self._hide, "AUTH": self._let_in, "DATA": self._take}
        if command in known:
            return known[command](line)
        if command == "MAIL":
            self.sender, self.to = line.split(":", 1)[1].split(" ", maxsplit=1)[0], []
        elif command == "RCPT":
            self.to.append(line.split(":", 1)[1])
        self._say("221 bye" if command == "QUIT" else "250 fine")
        return command != "QUIT"

    def _greet(self, _line: str) -> bool:
        offers_tls = self.receiver.certificate is not None and not isinstance(self.connection, ssl.SSLSocket)
        for words in ("here", *(["STARTTLS"] if offers_tls else [])):
            self._say(f"250-{words}")
        self._say("250 AUTH PLAIN")
        return True

    def _hide(self, _line: str) -> bool:
        if self.receiver.certificate is None:
            self._say("502 no")
            return True
        self._say("220 go on")
        self.connection = self.receiver.certificate.wrap_socket(self.connection, server_side=True)
        self.stream = self.connection.makefile("rwb")
        return True

    def _let_in(self, line: str) -> bool:
        self.receiver.logins.append(base64.b64decode(line.split(" ")[2]).decode().replace("\0", "|"))
        self._say("235 welcome")
        return True

    def _take(self, _line: str) -> bool:
        self._say("354 go on")
        lines = []
        while (text := self.stream.readline().decode().rstrip("\r\n")) != ".":
            lines.append(text)
        self.receiver.mails.append((self.sender, self.to, "\n".join(lines)))
        if self.receiver.manners.get("TAKEN") == "drop":
            return False
        self._say("250 taken")
        return True

    def _say(self, words: str) -> None:
        self.stream.write(words.encode() + b"\r\n")
        self.stream.flush()


@contextmanager
def mail_receiver(
    manners: dict[str, str] | None = None, certificate: ssl.SSLContext | None = None
) -> Iterator[MailReceiver]:
    """A mail server at `port` for as long as the block takes."""
    receiver = MailReceiver(manners or {}, certificate=certificate)
    with _serving(lambda connection: _Talk(receiver, connection).run()) as port:
        receiver.port = port
        try:
            yield receiver
        finally:
            receiver.released.set()
