"""Dialogs: what two user agents remember of each other (RFC 3261 section 12)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from softphone.sip.message import Request, Response
from softphone.sip.uri import NameAddr, SipUri

MAX_ROUTES = 32
"""Route entries kept of one Record-Route; more is an attack or a loop."""


def as_request_uri(uri: SipUri) -> SipUri:
    """Return *uri* without what a Request-URI must not hold (RFC 3261 section 19.1.1)."""
    if not uri.headers and "method" not in uri.params:
        return uri
    return replace(uri, headers=(), params={k: v for k, v in uri.params.items() if k != "method"})


@dataclass(frozen=True, slots=True)
class Path:
    """How a request travels: its Request-URI, its Route values, and the URI of the first hop."""

    request_uri: SipUri
    routes: tuple[str, ...]
    next_hop: SipUri


def path_to(target: SipUri, route_set: Sequence[NameAddr]) -> Path:
    """Return the path to *target* through *route_set* (RFC 3261 section 12.2.1.1)."""
    if not route_set:
        uri = as_request_uri(target)
        return Path(uri, (), uri)
    first = route_set[0].uri
    if "lr" in first.params:
        return Path(as_request_uri(target), tuple(str(route) for route in route_set), first)
    # A strict router wants itself in the Request-URI and the target at the end of the route.
    rest = tuple(str(route) for route in route_set[1:])
    uri = as_request_uri(first)
    return Path(uri, (*rest, str(NameAddr(target))), uri)


@dataclass(slots=True)
class Dialog:
    """One dialog, seen from our end."""

    call_id: str
    local: NameAddr
    """Our URI, with our tag."""
    remote: NameAddr
    """The peer's URI, with the peer's tag if it gave one (RFC 2543 peers may not)."""
    remote_target: SipUri
    """Where the peer wants requests sent: the URI of its newest Contact."""
    route_set: tuple[NameAddr, ...]
    local_cseq: int
    remote_cseq: int | None = None
    """Highest CSeq number the peer has used; None before its first request."""

    @classmethod
    def from_response(cls, request: Request, response: Response) -> Self:
        """Return the caller's dialog that *response* to our INVITE *request* creates (section 12.1.2)."""
        contact = response.contact
        return cls(
            call_id=request.call_id,
            local=request.from_,
            remote=response.to,
            # A 2xx without Contact breaks section 13.2.2.4; the URI we called still names the peer.
            remote_target=contact.uri if contact is not None else SipUri.parse(request.uri),
            route_set=tuple(reversed(response.record_routes[:MAX_ROUTES])),
            local_cseq=request.cseq.number,
        )

    @classmethod
    def from_request(cls, request: Request, *, local_tag: str) -> Self:
        """Return the callee's dialog that the INVITE *request* creates (section 12.1.1)."""
        contact = request.contact
        return cls(
            call_id=request.call_id,
            local=request.to.with_tag(local_tag),
            remote=request.from_,
            remote_target=contact.uri if contact is not None else request.from_.uri,
            route_set=request.record_routes[:MAX_ROUTES],
            local_cseq=0,
            remote_cseq=request.cseq.number,
        )

    @property
    def path(self) -> Path:
        """How our next request in this dialog travels."""
        return path_to(self.remote_target, self.route_set)

    def next_cseq(self) -> int:
        """Count the local CSeq up and return it."""
        self.local_cseq += 1
        return self.local_cseq

    def takes_cseq(self, number: int) -> bool:
        """Note the CSeq *number* of a request of the peer; False if it is out of order (section 12.2.2)."""
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def refresh_target(self, message: Request | Response) -> None:
        """Take the Contact of a target refresh: a re-INVITE or the 2xx to ours (section 12.2)."""
        contact = message.contact
        if contact is not None:
            self.remote_target = contact.uri
