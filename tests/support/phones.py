"""Call managers and strangers on a network in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from support.sip_peers import ALICE, BOB, Address, make_endpoint, uri_of
from support.virtual_link import Line, VirtualNetwork

from softphone.call.events import Ended, Established, IncomingCall, PeerHungUp
from softphone.call.manager import RESULT_TYPE, CallManager
from softphone.sdp import Capability, LocalMedia
from softphone.sip.endpoint import SipEndpoint
from softphone.sip.events import ByeReceived
from softphone.sip.message import Request, Response, parse_message
from softphone.sip.uri import NameAddr

OPUS = Capability("opus", 48_000, 2, fmtp="maxaveragebitrate=16000")
PCMU = Capability("PCMU", 8_000, 1, 0)
ACCEPT = ("application/sdp", RESULT_TYPE)


def media(address: Address, *capabilities: Capability, **changes: Any) -> LocalMedia:
    base = LocalMedia(
        host=address[0],
        port=7000,
        rtcp_port=7001,
        session_id=int(address[0][-1]),
        ptime_ms=20,
        capabilities=capabilities or (OPUS, PCMU),
    )
    return replace(base, **changes)


class Phone:
    """One call manager; answers what comes in unless told otherwise."""

    def __init__(
        self,
        net: VirtualNetwork,
        name: str,
        address: Address,
        *,
        accept: tuple[str, ...] = ACCEPT,
        answers: bool = True,
        result: bytes = b"",
        local: LocalMedia | None = None,
        **options: Any,
    ) -> None:
        self.net = net
        self.address = address
        self.answers = answers
        self.result = result
        self.media = local or media(address)
        endpoint = make_endpoint(name, address, accept=accept, **options)
        self.manager = CallManager(endpoint, identity=NameAddr(uri_of(name, address)))
        self.events = net.attach(address, self.manager, self._on_event)

    def call(self, to: Phone, **options: Any) -> int:
        options.setdefault("destination", to.address)
        target = uri_of("callee", to.address)
        number = self.manager.place(target, options.pop("media", self.media), now=self.net.now, **options)
        self.net.pump()
        return number

    def hang_up(self, result: bytes = b"") -> None:
        self.manager.hang_up(self.number, result=result, now=self.net.now)
        self.net.pump()

    @property
    def number(self) -> int:
        """Of the first call."""
        return 1

    @property
    def ended(self) -> Ended:
        (event,) = (event for event in self.events if isinstance(event, Ended))
        return event

    @property
    def established(self) -> Established:
        (event,) = (event for event in self.events if isinstance(event, Established))
        return event

    @property
    def info(self) -> Any:
        return self.manager.info(self.number)

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    def ending(self) -> tuple[str, str, int | None]:
        return self.ended.outcome.value, self.ended.ended_by, self.ended.sip_status

    def requests(self, method: str) -> list[Request]:
        """What was sent, each message once."""
        found = [parse_message(sent.data) for sent in self.net.sent(self.address, method)]
        unique = {(message.cseq.number, message.body): message for message in found}
        return [message for message in unique.values() if isinstance(message, Request)]

    def _on_event(self, event: Any) -> None:
        now = self.net.now
        if isinstance(event, IncomingCall) and self.answers:
            self.manager.accept(event.call, self.media, now=now)
        elif isinstance(event, PeerHungUp):
            self.manager.answer_bye(event.call, self.result, now=now)


class Stranger:
    """A SIP endpoint that is none of ours: it says what a test makes it say."""

    def __init__(
        self,
        net: VirtualNetwork,
        name: str,
        address: Address,
        *,
        on_event: Callable[[SipEndpoint, Any, float], None] | None = None,
        **options: Any,
    ) -> None:
        self.net = net
        self.address = address
        self.endpoint = make_endpoint(name, address, **options)

        def tell(event: Any) -> None:
            if on_event is not None:
                on_event(self.endpoint, event, net.now)
            if isinstance(event, ByeReceived):
                self.endpoint.answer_bye(event.leg, now=net.now)

        self.events = net.attach(address, self.endpoint, tell)

    def call(self, to: Phone, body: bytes, **options: Any) -> int:
        leg = self.endpoint.invite(
            uri_of("callee", to.address),
            from_=NameAddr(uri_of("stranger", self.address)),
            body=body,
            destination=to.address,
            now=self.net.now,
            **options,
        )
        self.net.pump()
        return leg

    def within_dialog(self, to: Phone, method: str, cseq: int, body: bytes = b"", **headers: str) -> None:
        """Send a request in the dialog of the first INVITE, past the endpoint."""
        invite = next(self._messages(self.address, "INVITE"))
        accepted = next(self._messages(to.address, "SIP/2.0 200"))
        request = Request(method, str(invite.uri), invite.headers.copy(), body)
        request.headers.set("To", accepted.headers.get("To") or "")
        request.headers.set("CSeq", f"{cseq} {method}")
        branch = f"z9hG4bK-{method}-{cseq}"
        request.headers.set("Via", f"SIP/2.0/UDP {self.address[0]}:{self.address[1]};branch={branch}")
        for name, value in headers.items():
            request.headers.set(name.replace("_", "-"), value)
        if not body:
            request.headers.remove("Content-Type")
        self.net.inject(bytes(request), self.address, to.address)

    def answers(self, phone: Phone, cseq: str) -> list[Response]:
        """What *phone* answered to a request."""
        found = (message for message in self._messages(phone.address, "SIP/2.0") if str(message.cseq) == cseq)
        return [message for message in found if isinstance(message, Response)]

    def _messages(self, source: Address, prefix: str) -> Iterator[Any]:
        return (parse_message(sent.data) for sent in self.net.sent(source, prefix))


class Pair:
    """Alice, who calls, and Bob."""

    def __init__(
        self,
        *,
        alice: dict[str, Any] | None = None,
        bob: dict[str, Any] | None = None,
        line: Line | None = None,
        seed: int = 0,
    ) -> None:
        self.net = VirtualNetwork(line=line, seed=seed)
        self.alice = Phone(self.net, "alice", ALICE, **(alice or {}))
        self.bob = Phone(self.net, "bob", BOB, **(bob or {}))

    def talk(self, **options: Any) -> None:
        """Let Alice call and Bob answer."""
        self.alice.call(self.bob, **options)
        self.net.run_for(1.0)
        assert "Established" in self.alice.names()
