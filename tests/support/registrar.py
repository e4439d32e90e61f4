"""A registrar and stateless proxy as small as can be, in virtual time or on a UDP socket (RFC 3261 sections 10.3, 16.11)."""

from __future__ import annotations

import hashlib
import itertools
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from support.sip_peers import Address

from softphone.sip.auth import Challenger
from softphone.sip.auth_server import DigestServer, Verdict
from softphone.sip.headers import Headers
from softphone.sip.message import Request, Response, parse_message
from softphone.sip.uri import NameAddr


@dataclass
class Binding:
    contact: str
    expires_at: float
    source: Address


@dataclass
class Registrar:
    """Keeps bindings; takes requests to a user on to all, here the newest, of them.

    `answers` are given to the next REGISTERs in place of doing what they ask: (status, headers), or None for silence.
    """

    address: Address
    users: dict[str, str] | None = None
    """With passwords; None: nobody is asked for one."""
    min_expires: int = 0
    max_expires: int = 3600
    next_nonce: bool = False
    answers: list[tuple[int, dict[str, str]] | None] = field(default_factory=list)
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    """By user."""
    registers: list[tuple[float, Request, int]] = field(default_factory=list)
    """When, what was asked, and the status of the answer; 0: none was given."""
    sources: set[Address] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._outbox: list[tuple[bytes, Address]] = []
        self._answered: dict[str, bytes] = {}
        numbers = itertools.count(1)
        challenger = Challenger("home", self.users or {}, methods=("REGISTER", "INVITE"))
        self._digest = DigestServer(challenger, make_nonce=lambda: f"nonce{next(numbers)}")

    def contacts(self, user: str) -> list[str]:
        return [binding.contact for binding in self.bindings.get(user, [])]

    def statuses(self) -> list[int]:
        return [status for _, _, status in self.registers]

    def times(self) -> list[float]:
        return [at for at, _, _ in self.registers]

    def receive_datagram(self, data: bytes, addr: Any, *, now: float) -> None:
        if not data.strip() or data[0] < 4:
            return  # keep-alives: line ends, or STUN (RFC 5626 section 4.4)
        message = parse_message(data)
        if isinstance(message, Response):
            message.headers.set("Via", ", ".join(message.headers.get_all("Via")[1:]))
            again = parse_message(bytes(message))
            self._send(
                again, (again.via.received or again.via.host, again.via.rport or again.via.port or 5060)
            )
        elif message.method == "REGISTER":
            self.sources.add(addr)
            if (before := self._answered.get(message.via.branch or "")) is not None:
                self._outbox.append((before, addr))  # section 17.2.2
                return
            self._register(message, addr, now)
        else:
            self._forward(message, addr, now)

    def _register(self, request: Request, source: Address, now: float) -> None:
        said = self.answers.pop(0) if self.answers else (0, {})
        if said is None:
            self.registers.append((now, request, 0))
            return
        status, headers = said
        more: list[tuple[str, str]] = list(headers.items())
        if not status:
            status, more = self._bind(request, source, now)
        self.registers.append((now, request, status))
        self._answer(request, source, status, more)

    def _bind(self, request: Request, source: Address, now: float) -> tuple[int, list[tuple[str, str]]]:
        if self.users is not None:
            verdict = self._digest.check(request, now=now)
            if verdict in (Verdict.MISSING, Verdict.STALE):
                return 401, self._digest.challenges(stale=verdict is Verdict.STALE, now=now)
            if verdict is Verdict.WRONG:
                return 403, []
        user = request.to.uri.user or ""
        bindings = [one for one in self.bindings.get(user, []) if one.expires_at > now]
        for contact in request.contacts:
            wanted = int(contact.params.get("expires") or request.headers.get("Expires") or 3600)
            if 0 < wanted < self.min_expires:
                return 423, [("Min-Expires", str(self.min_expires))]
            uri = str(contact.uri)
            bindings = [one for one in bindings if one.contact != uri]
            if wanted:
                bindings.append(Binding(uri, now + min(wanted, self.max_expires), source))
        self.bindings[user] = bindings
        more = [("Contact", f"<{one.contact}>;expires={round(one.expires_at - now)}") for one in bindings]
        if self.next_nonce:
            challenge = self._digest.challenges(stale=False, now=now)[0][1]
            more.append(
                ("Authentication-Info", f'nextnonce="{challenge.split("nonce=")[1].split(chr(34))[1]}"')
            )
        return 200, more

    def _forward(self, request: Request, source: Address, now: float) -> None:
        if self.users is not None and request.method == "INVITE" and request.to.tag is None:
            verdict = self._digest.check(request, now=now)
            if verdict is not Verdict.ACCEPTED:
                self._answer(request, source, 401, self._digest.challenges(stale=False, now=now))
                return
        user = NameAddr.parse(f"<{request.uri}>").uri.user or ""
        bindings = self.bindings.get(user)
        if not bindings:
            if request.method != "ACK":
                self._answer(request, source, 404, [])
            return
        binding = bindings[-1]
        # Section 16.11: without state the branch is made of what came.
        branch = hashlib.sha256((request.via.branch or "").encode()).hexdigest()[:16]
        vias = [_seen(request, source), *request.headers.get_all("Via")[1:]]
        host, port = self.address
        request.headers.set("Via", ", ".join([f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK{branch}", *vias]))
        onward = Request(request.method, binding.contact, request.headers, request.body)
        self._send(onward, binding.source)

    def _answer(self, request: Request, source: Address, status: int, headers: list[tuple[str, str]]) -> None:
        if request.method == "ACK":
            return
        fields = Headers()
        fields.add("Via", ", ".join([_seen(request, source), *request.headers.get_all("Via")[1:]]))
        for name in ("From", "Call-ID", "CSeq"):
            fields.add(name, request.headers.get(name) or "")
        fields.add("To", f"{request.headers.get('To')};tag=registrar")
        for name, value in headers:
            fields.add(name, value)
        response = Response(status, "Said", fields)
        if request.method == "REGISTER":
            self._answered[request.via.branch or ""] = bytes(response)
        self._send(response, source)

    def _send(self, message: Request | Response, destination: Address) -> None:
        self._outbox.append((bytes(message), destination))

    def datagrams_to_send(self, *, now: float) -> list[tuple[bytes, Address]]:
        outbox, self._outbox = self._outbox, []
        return outbox

    def handle_timeout(self, *, now: float) -> None:
        raise AssertionError("a registrar has no timers")

    def next_timeout(self) -> float | None:
        return None

    def next_event(self) -> None:
        return None


def _seen(request: Request, source: Address) -> str:
    """The top Via, with where it came from (RFC 3581 section 4)."""
    return str(request.via.with_params(received=source[0], rport=str(source[1])))


class RunningRegistrar:
    """A `Registrar` on a UDP socket of 127.0.0.1, in a thread, from the beginning to the end of its context."""

    def __init__(self, **options: Any) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.core = Registrar(self.socket.getsockname(), **options)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def host(self) -> str:
        """HOST:PORT."""
        return "{}:{}".format(*self.core.address)

    def __enter__(self) -> RunningRegistrar:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.socket.close()

    def wait_for(self, condition: Any, *, timeout_s: float = 10) -> None:
        """Wait until *condition* of the core holds."""
        end = time.monotonic() + timeout_s
        while not condition(self.core):
            assert time.monotonic() < end, (self.core.bindings, self.core.statuses())
            time.sleep(0.02)

    def _run(self) -> None:
        while not self._over.is_set():
            if not select.select([self.socket], [], [], 0.05)[0]:
                continue
            data, addr = self.socket.recvfrom(65_536)
            self.core.receive_datagram(data, addr, now=time.monotonic())
            for out, destination in self.core.datagrams_to_send(now=time.monotonic()):
                self.socket.sendto(out, destination)
