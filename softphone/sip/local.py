"""What we say of ourselves, and the messages made from it (RFC 3261 sections 8.1.1 and 8.2.6)."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from softphone.sip.dialog import Dialog, Path, path_to
from softphone.sip.errors import SipParseError
from softphone.sip.events import Address
from softphone.sip.grammar import format_host_port
from softphone.sip.headers import CSeq, Headers, Via
from softphone.sip.message import Request, Response
from softphone.sip.reach import SECURE, UNRELIABLE, Reach, over, routes_of, transport_of
from softphone.sip.style import SipStyle
from softphone.sip.timers import Timers
from softphone.sip.uri import NameAddr, SipUri

ALLOW = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY")
"""Methods we serve."""
SUPPORTED = ("100rel", "timer", "replaces", "norefersub")
"""Option tags we support (RFC 3262, 4028, 3891, 4488)."""
TARGETED = ("INVITE", "OPTIONS", "UPDATE", "REFER", "NOTIFY")
"""Requests that say where we are: those that make a dialog or refresh its target (RFC 3261 section 12.2, RFC 3311, 3515, 6665)."""
DEFAULT_PORT = 5060
SECURE_PORT = 5061
MAX_FORWARDS = 70


def default_port(transport: str) -> int:
    """Where *transport* is served if nothing else is said (section 18.2.1)."""
    return SECURE_PORT if transport in SECURE else DEFAULT_PORT


REASONS: Mapping[int, str] = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}
"""Reason phrases of RFC 3261 section 21."""


class IdSource(Protocol):
    """Where the unguessable parts of messages come from (RFC 3261 sections 8.1.1.4, 8.1.1.7 and 19.3)."""

    def branch(self) -> str:
        """Return a new Via branch, "z9hG4bK" first."""

    def tag(self) -> str:
        """Return a new tag for From or To."""

    def call_id(self) -> str:
        """Return a new Call-ID."""

    def nonce(self) -> str:
        """Return a new nonce, or cnonce, for digest authentication."""


@dataclass(frozen=True, slots=True)
class LocalAgent:
    """Our names, habits and timers."""

    contact: SipUri
    via_address: Address
    ids: IdSource
    timers: Timers
    user_agent: str
    accept: tuple[str, ...]
    """Media types we take as the body of an INVITE and of what follows it."""
    supported: tuple[str, ...] = SUPPORTED
    """Option tags we support."""
    transport: str = "UDP"
    """That of `via_address`."""
    style: SipStyle = SipStyle()
    reach: Reach = field(default_factory=Reach)

    def sent_by(self, transport: str) -> tuple[str, int]:
        """Where answers come back to over *transport* (section 18.1.1)."""
        host, port = self.reach.others.get(transport, (self.via_address[0], self.via_address[1]))
        return (host if self.reach.moved is None else self.reach.moved), port

    def sends_over(self, transport: str) -> bool:
        """Whether we have *transport*."""
        return transport == self.transport or transport in self.reach.others

    def timers_for(self, peer: Address) -> Timers:
        """The timers of a transaction with *peer*."""
        if len(peer) == 2:
            return self.timers
        return replace(self.timers, reliable=transport_of(peer) not in UNRELIABLE)

    def contact_for(self, peer: Address, *, secure: bool = False) -> SipUri:
        """Where *peer* reaches us; *secure*: as the peer of a sips URI must (section 8.1.1.8)."""
        transport = self.transport if len(peer) == 2 else transport_of(peer)
        host, port = self.sent_by(transport)
        if transport == self.transport:
            host, port = self.reach.moved or self.contact.host, self.contact.port or port
        if (seen := self.reach.seen.get(peer)) is not None:
            host, port = seen
        elif self.reach.public_host is not None:
            host = self.reach.public_host
        scheme = "sips" if secure else self.contact.scheme
        params = dict(self.contact.params)
        if transport != self.transport and not (secure and transport in SECURE):
            params["transport"] = transport.lower()
        if (scheme, host, port, params) == (
            self.contact.scheme,
            self.contact.host,
            self.contact.port,
            self.contact.params,
        ):
            return self.contact
        return replace(self.contact, scheme=scheme, host=host, port=port, params=params)

    def address(self, request: Request, peer: Address) -> None:
        """Write into Via and Contact of *request* where *peer* finds us; both have the default until then (section 18.1.1)."""
        transport, via = self.transport if len(peer) == 2 else transport_of(peer), request.via
        if len(peer) == 3 or via.transport != transport:
            host, port = self.sent_by(transport)
            params = {name: value for name, value in via.params.items() if name != "alias"}
            if transport not in UNRELIABLE:
                params["alias"] = None  # RFC 5923 section 5: requests of the peer may use the connection, too
            rest = request.headers.get_all("Via")[1:]
            request.headers.set("Via", ", ".join([str(Via(transport, host, port, params)), *rest]))
        contacts = request.headers.get_all("Contact")
        if not contacts or request.method == "REGISTER":  # which names old ones, too, and has chosen its own
            return
        wanted = self.contact_for(peer, secure=request.uri.lower().startswith("sips:"))
        if wanted is not self.contact or contacts != [str(NameAddr(wanted))]:
            there = [
                str(replace(each, uri=wanted)) if self._is_own_contact(each.uri) else str(each)
                for each in request.contacts
            ]
            if there != contacts:
                request.headers.set("Contact", ", ".join(there))

    def _is_own_contact(self, uri: SipUri) -> bool:
        """Whether *uri* is one that `contact_for` makes."""
        if uri.user != self.contact.user or uri.scheme not in ("sip", "sips"):
            return False
        hosts = [
            self.contact.host,
            self.reach.moved,
            self.reach.public_host,
            *(host for host, _ in self.reach.others.values()),
        ]
        return uri.host in hosts or any(uri.host == host for host, _ in self.reach.seen.values())

    def render(self, message: Request | Response) -> bytes:
        """Return *message* as it goes on the wire."""
        return message.to_bytes(compact=self.style.is_compact)

    def via(self) -> str:
        """Return a new top Via; it asks for the source port to answer to (RFC 3581 section 3)."""
        host = format_host_port(*self.sent_by(self.transport))
        return f"SIP/2.0/{self.transport} {host};branch={self.ids.branch()};rport"

    def is_own_via(self, via: Via) -> bool:
        """Whether *via*, the top one of a response, is one of ours (section 18.1.2)."""
        port = default_port(via.transport) if via.port is None else via.port
        own = self.sent_by(via.transport)
        hosts = (own[0].lower(), self.via_address[0].lower())  # of a request that left before we moved
        return via.host.lower() in hosts and port == own[1]

    def request(
        self,
        method: str,
        path: Path,
        *,
        from_: NameAddr,
        to: NameAddr,
        call_id: str,
        cseq: int,
        body: bytes = b"",
        content_type: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> Request:
        """Return a request with a new branch (section 8.1.1)."""
        if self.reach.route and not path.routes and to.tag is None:
            path = path_to(path.request_uri, routes_of(self.reach.route))  # section 8.1.2
        fields = Headers()
        fields.add("Via", self.via())
        fields.add("Max-Forwards", str(MAX_FORWARDS))
        for route in path.routes:
            fields.add("Route", route)
        fields.add("From", str(from_))
        fields.add("To", str(to))
        fields.add("Call-ID", call_id)
        fields.add("CSeq", str(CSeq(cseq, method)))
        if method in TARGETED:
            fields.add("Contact", str(NameAddr(self.contact)))
        if method == "INVITE" and not self.style.is_compact:
            fields.add("Allow", ", ".join(ALLOW))
            fields.add("Supported", ", ".join(self.supported))
        if method in ("INVITE", "OPTIONS"):
            if self.style.says_what_it_accepts:
                fields.add("Accept", ", ".join(self.accept))
            if not self.style.is_compact:
                fields.add("User-Agent", self.user_agent)
        self._finish(fields, body, content_type, headers)
        return Request(method, str(path.request_uri), fields, body)

    def repeated(self, request: Request, *, cseq: int) -> Request:
        """Return *request* as a new one: next CSeq, new branch (section 22.2), same everything else."""
        headers = request.headers.copy()
        headers.set("Via", self.via())
        headers.set("CSeq", str(CSeq(cseq, request.method)))
        return Request(request.method, request.uri, headers, request.body)

    def ack_for_acceptance(self, invite: Request, dialog: Dialog) -> Request:
        """Return the ACK of a 2xx to *invite*, which travels by itself (section 13.2.2.4)."""
        # Section 22.1: it carries the credentials of its INVITE, for it cannot be challenged.
        credentials = [
            (name, value)
            for name in ("Authorization", "Proxy-Authorization")
            for value in invite.headers.get_all(name)
        ]
        return self.request(
            "ACK",
            dialog.path,
            from_=dialog.local,
            to=dialog.remote,
            call_id=dialog.call_id,
            cseq=invite.cseq.number,
            headers=credentials,
        )

    def hop_request(self, method: str, invite: Request, *, to: str) -> Request:
        """Return the CANCEL of *invite*, or the ACK of its refusal: same branch and route (9.1, 17.1.1.3)."""
        headers = Headers()
        headers.add("Via", invite.headers.get_all("Via")[0])
        headers.add("Max-Forwards", str(MAX_FORWARDS))
        for route in invite.headers.get_all("Route"):
            headers.add("Route", route)
        headers.add("From", invite.headers.get("From") or "")
        headers.add("To", to)
        headers.add("Call-ID", invite.call_id)
        headers.add("CSeq", str(CSeq(invite.cseq.number, method)))
        return Request(method, invite.uri, headers)

    def ack_for_refusal(self, invite: Request, response: Response) -> bytes:
        """Return the ACK of a final answer other than 2xx; its To is the answer's (section 17.1.1.3)."""
        return self.render(self.hop_request("ACK", invite, to=response.headers.get("To") or ""))

    def trying(self, request: Request) -> bytes:
        """Return the 100 to *request*."""
        return self.render(self.response(request, 100))

    def response(
        self,
        request: Request,
        status: int,
        reason: str | None = None,
        *,
        to_tag: str = "",
        body: bytes = b"",
        content_type: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> Response:
        """Return an answer to *request*, which may be only partly understood (section 8.2.6)."""
        fields = Headers()
        for via in request.headers.get_all("Via"):
            fields.add("Via", via)
        for name in ("From", "To", "Call-ID", "CSeq"):
            value = self._to(request, status, to_tag) if name == "To" else request.headers.get(name)
            if value is not None:
                fields.add(name, value)
        if status == 100 and (timestamp := request.headers.get("Timestamp")):
            fields.add("Timestamp", timestamp)
        elif request.method == "INVITE" and 100 < status < 300:
            # Section 12.1.1: what makes a dialog copies Record-Route and says where we are.
            for route in request.headers.get_all("Record-Route"):
                fields.add("Record-Route", route)
            fields.add("Contact", str(NameAddr(self._contact_in_answer(request))))
        elif request.method in TARGETED and request.method != "OPTIONS" and 200 <= status < 300:
            fields.add("Contact", str(NameAddr(self._contact_in_answer(request))))
        if request.method in ("INVITE", "OPTIONS") and 200 <= status < 300:
            # The answer to OPTIONS says what we can do in any style: that is what it is for (section 11.2).
            asked = request.method == "OPTIONS"
            if asked or not self.style.is_compact:
                fields.add("Allow", ", ".join(ALLOW))
            if asked or self.style.says_what_it_accepts:
                fields.add("Accept", ", ".join(self.accept))
            if asked or not self.style.is_compact:
                fields.add("Supported", ", ".join(self.supported))
        if request.method in ("INVITE", "OPTIONS") and status >= 200 and not self.style.is_compact:
            fields.add("Server", self.user_agent)
        self._finish(fields, body, content_type, headers)
        return Response(status, REASONS.get(status, "Unknown") if reason is None else reason, fields, body)

    def stateless_tag(self, request: Request) -> str:
        """Return the To tag of an answer that is not remembered: the same each time (section 8.2.7)."""
        via = (request.headers.get("Via") or "").encode("utf-8", "surrogateescape")
        return hashlib.sha256(via).hexdigest()[:12]

    def _contact_in_answer(self, request: Request) -> SipUri:
        via = request.via  # as it was stamped on arrival
        peer = over(via.received or via.host, via.rport or via.port or DEFAULT_PORT, via.transport)
        if not self.sends_over(via.transport):
            return self.contact
        return self.contact_for(peer, secure=request.uri.lower().startswith("sips:"))

    @staticmethod
    def _to(request: Request, status: int, to_tag: str) -> str | None:
        text = request.headers.get("To")
        if text is None or status == 100 or not to_tag:
            return text
        try:
            to = NameAddr.parse(text)
        except SipParseError:
            return text
        # The peer's own text is kept: some compare it byte by byte.
        return text if to.tag is not None else f"{text};tag={to_tag}"

    @staticmethod
    def _finish(
        fields: Headers, body: bytes, content_type: str | None, headers: Iterable[tuple[str, str]]
    ) -> None:
        for name, value in headers:
            fields.add(name, value)
        if body and content_type is not None:
            fields.add("Content-Type", content_type)
