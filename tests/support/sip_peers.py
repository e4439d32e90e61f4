"""SIP endpoints and scripted peers for tests in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from softphone.sip.endpoint import SipEndpoint
from softphone.sip.headers import Headers
from softphone.sip.message import Request, Response, parse_message
from softphone.sip.uri import NameAddr, SipUri
from softphone.stun import is_stun

Address = tuple[str, int]

ALICE: Address = ("192.0.2.1", 5060)
BOB: Address = ("192.0.2.2", 5060)
OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"
ANSWER = b"v=0\r\no=- 2 2 IN IP4 192.0.2.2\r\n"


class CountingIds:
    """Ids that are the same in every run."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._numbers = itertools.count(1)

    def branch(self) -> str:
        return f"z9hG4bK-{self._name}-{next(self._numbers)}"

    def tag(self) -> str:
        return f"{self._name}-tag-{next(self._numbers)}"

    def call_id(self) -> str:
        return f"{self._name}-call-{next(self._numbers)}"

    def nonce(self) -> str:
        return f"{self._name}-nonce-{next(self._numbers)}"


def make_endpoint(name: str, address: Address, **options: Any) -> SipEndpoint:
    """An endpoint named sip:name@host:port."""
    options.setdefault("accept", ("application/sdp",))
    options.setdefault("ids", CountingIds(name))
    return SipEndpoint(
        contact=uri_of(name, address),
        via_address=address,
        user_agent="test",
        **options,
    )


def uri_of(name: str, address: Address) -> SipUri:
    return SipUri("sip", name, host=address[0], port=address[1])


ALICE_NAME = NameAddr(uri_of("alice", ALICE))
BOB_URI = uri_of("bob", BOB)


def answer_to(request: Request, status: int, *, tag: str = "peer", **headers: str) -> Response:
    """A plain answer to *request*; keyword arguments are headers, "_" for "-"."""
    fields = Headers()
    for via in request.headers.get_all("Via"):
        fields.add("Via", via)
    for name in ("From", "Call-ID", "CSeq"):
        fields.add(name, request.headers.get(name) or "")
    to = request.headers.get("To") or ""
    fields.add("To", to if "tag=" in to or status == 100 else f"{to};tag={tag}")
    for name, value in headers.items():
        fields.add(name.replace("_", "-"), value)
    return Response(status, "Scripted", fields)


class ScriptedPeer:
    """A peer that says what a test tells it to, and remembers what it heard.

    *script* is called with each message and the time; what it returns (messages or bytes) is sent back to
    where the message came from. `send` says something unasked.
    """

    def __init__(self, script: Callable[[Request | Response, float], list[Any] | None] | None = None) -> None:
        self.heard: list[tuple[float, Request | Response]] = []
        self.script = script
        self._outbox: list[tuple[bytes, Address]] = []

    def send(self, message: Request | Response | bytes, destination: Address) -> None:
        self._outbox.append((bytes(message), destination))

    def methods(self) -> list[str]:
        """What was heard, in order: methods, and status codes as text."""
        return [m.method if isinstance(m, Request) else str(m.status) for _, m in self.heard]

    def times(self, method: str) -> list[float]:
        """When requests of *method* were heard."""
        return [at for at, m in self.heard if isinstance(m, Request) and m.method == method]

    def requests(self, method: str) -> list[Request]:
        return [m for _, m in self.heard if isinstance(m, Request) and m.method == method]

    def responses(self, method: str) -> list[Response]:
        """Answers heard to requests of *method*."""
        return [m for _, m in self.heard if isinstance(m, Response) and m.cseq.method == method]

    def receive_datagram(self, data: bytes, addr: Address, *, now: float) -> None:
        if is_stun(data) or not data.strip(b"\r\n"):
            return  # keep-alives
        message = parse_message(data)
        self.heard.append((now, message))
        for answer in (self.script(message, now) if self.script else None) or ():
            self.send(answer, addr)

    def datagrams_to_send(self, *, now: float) -> list[tuple[bytes, Address]]:
        outbox, self._outbox = self._outbox, []
        return outbox

    def handle_timeout(self, *, now: float) -> None:
        raise AssertionError("a scripted peer has no timers")

    def next_timeout(self) -> float | None:
        return None

    def next_event(self) -> None:
        return None
