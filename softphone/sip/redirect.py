"""Where else an INVITE may go: redirects (RFC 3261 section 8.1.3.4), and more addresses of a host (RFC 3263 section 4.3)."""

from dataclasses import dataclass, field, replace

from softphone.sip.dialog import as_request_uri
from softphone.sip.events import Address
from softphone.sip.local import default_port
from softphone.sip.matching import wanted_transport
from softphone.sip.message import Response
from softphone.sip.reach import SECURE, over
from softphone.sip.uri import SipUri

MAX_TARGETS = 5
"""So many targets that redirects name are tried in one call."""
UNAVAILABLE, GLOBAL_FAILURE = 503, 600
FOLLOWED = frozenset({300, 301, 302})
"""Not 305, that would let a callee choose our proxy, and not 380, whose Contact is no target (sections 21.3.4, 21.3.5)."""


def destination_of(uri: SipUri, *, secure: bool = False) -> Address:
    """Return where a request to *uri* is sent; the host may be a name, which the shell looks up.

    Args:
        uri: the target.
        secure: it goes over TLS where it does not say over what.
    """
    transport = wanted_transport(uri) or (SECURE[0] if secure else "UDP")
    return over(uri.host, default_port(transport) if uri.port is None else uri.port, transport)


def contacts_of(response: Response) -> list[SipUri]:
    """Return the SIP targets that *response* names, the most wanted first (section 8.1.3.4)."""

    def preference(value: str | None) -> float:
        try:
            return min(max(float(value or "1"), 0.0), 1.0)
        except ValueError:
            return 0.0

    usable = [
        each
        for each in response.contacts
        if each.uri.scheme in ("sip", "sips") and each.uri.params.get("method") in (None, "INVITE")
    ]
    ordered = sorted(usable, key=lambda each: -preference(each.params.get("q")))
    return [replace(as_request_uri(each.uri), headers=()) for each in ordered]


@dataclass(slots=True, eq=False)
class Search:
    """The places that one INVITE has been sent to, and may yet be."""

    target: SipUri
    addresses: list[Address]
    """More ways to the target."""
    fixed: bool = False
    """Whether an outbound proxy takes all, whatever the target is."""
    secure: bool = False
    """Whether the call was placed over TLS, which no redirect takes from it: its offer may hold keys (RFC 4568 section 7)."""
    realms: frozenset[str] = frozenset()
    """Protection spaces that have challenged us before a redirect led away."""
    waiting: list[SipUri] = field(default_factory=list)
    """Targets that redirects have named."""
    seen: list[SipUri] = field(default_factory=list)
    """Targets that were named, so that none is tried twice (loops); the one that was called first is the first."""
    chosen: Address | SipUri | None = None
    """Where it goes next: another address of the target, or another target."""

    def choose(self, status: int, response: Response | None) -> bool:
        """Choose where to go after *status*, by *response* or of our own making; False if there is nowhere."""
        self.chosen = None
        if self.addresses and (response is None or status == UNAVAILABLE):
            self.chosen = self.addresses.pop(0)
        elif (response is not None and self.learn(response)) or (self.waiting and status < GLOBAL_FAILURE):
            self.chosen = self.target = self.waiting.pop(0)
            self.addresses.clear()
        return self.chosen is not None

    def learn(self, response: Response) -> bool:
        """Take the targets of a redirect; False if *response* is none that is followed, or names nothing new."""
        if response.status not in FOLLOWED:
            return False
        self.seen = self.seen or [self.target]
        fresh: list[SipUri] = []
        for uri in contacts_of(response):
            if self._is_safe(uri) and not any(uri.matches(each) for each in (*self.seen, *fresh)):
                fresh.append(uri)
        fresh = fresh[: MAX_TARGETS + 1 - len(self.seen)]
        self.seen += fresh
        # What the newest redirect names is nearer to the callee than what an older one left.
        self.waiting[:0] = fresh
        return bool(fresh)

    def knows(self, uri: SipUri) -> bool:
        """Whether *uri* is at the host that was called first: one whom the credentials are meant for."""
        first = self.seen[0] if self.seen else self.target
        return self.fixed or uri.host.lower() == first.host.lower()

    def _is_safe(self, uri: SipUri) -> bool:
        """Whether *uri* protects the call as well as what was called first (sections 8.1.3.4 and 26.2.2)."""
        if self.seen[0].scheme == "sips":
            return uri.scheme == "sips"
        if uri.scheme == "sips" and self.fixed and not self.secure:
            return False  # the proxy that takes all is not reached by TLS
        return self.fixed or not self.secure or wanted_transport(uri) in (None, *SECURE)
