"""Where a request to a URI is sent (RFC 3263 section 4): from names to addresses, as questions and answers."""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softphone.sip.events import Address
from softphone.sip.local import default_port
from softphone.sip.matching import wanted_transport
from softphone.sip.reach import is_address, over
from softphone.sip.uri import SipUri

if TYPE_CHECKING:
    import random

MAX_ADDRESSES = 16
"""Addresses tried for one URI; more is a name server gone mad."""
MAX_TARGETS = 8
"""Hosts of SRV records looked up for one URI."""
SERVICES = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}
"""Services of NAPTR records (RFC 3263 section 4.1)."""
_PREFIX = {"UDP": "_sip._udp", "TCP": "_sip._tcp", "TLS": "_sips._tcp"}


@dataclass(frozen=True, slots=True)
class Question:
    """One for the name server."""

    kind: str
    """NAPTR, SRV or HOST."""
    name: str


@dataclass(frozen=True, slots=True)
class Naptr:
    """What a NAPTR record says (RFC 3403), as far as SIP reads it."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """What an SRV record says (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


Answer = Sequence[Naptr] | Sequence[Srv] | Sequence[str]
"""Records of the kind asked for; of HOST the addresses, the best first. Empty: there are none."""


def locate(
    uri: SipUri, *, transports: Sequence[str], preferred: str = "UDP", rng: "random.Random | None" = None
) -> Generator[Question, Answer, list[Address]]:
    """Find where a request to *uri* goes: yields questions, takes answers, returns addresses, the first to be tried first.

    Args:
        uri: the target, or the topmost Route.
        transports: what we can send over, in upper case.
        preferred: what is taken where neither URI nor DNS says anything.
        rng: for the weights of SRV records; None: the heaviest first.
    """
    host = uri.params.get("maddr") or uri.host  # section 4: the TARGET
    host = host.strip("[]")
    transport = wanted_transport(uri)
    if uri.port is not None or is_address(host):
        # Sections 4.1 and 4.2: a port or an address leaves nothing to SRV and NAPTR.
        transport = transport or preferred
        return _spread((yield from _hosts(host)), uri.port, transport)
    if "." not in host:  # localhost, or a name of the local network: no domain
        transport = transport or preferred
        return _spread((yield from _hosts(host)), None, transport)
    ways = yield from _ways(host, transport, [each for each in transports if _fits(each, uri)], preferred)
    addresses: list[Address] = []
    targets = 0
    for way, name in ways:
        for record in in_order(
            [each for each in (yield Question("SRV", name)) if isinstance(each, Srv)], rng
        ):
            if record.target in ("", "."):
                continue  # RFC 2782: the service is decidedly not there
            targets += 1
            if targets <= MAX_TARGETS:
                addresses += _spread((yield from _hosts(record.target)), record.port, way)
    if not addresses:
        addresses = _spread((yield from _hosts(host)), None, transport or preferred)
    return list(dict.fromkeys(addresses))[:MAX_ADDRESSES]


def in_order(records: Iterable[Srv], rng: "random.Random | None") -> list[Srv]:
    """*records* in the order that they are to be tried in (RFC 2782): by priority, among equals drawn by weight."""
    left = sorted(records, key=lambda each: (each.priority, each.weight != 0))
    ordered: list[Srv] = []
    while left:
        equals = [each for each in left if each.priority == left[0].priority]
        chosen = max(equals, key=lambda each: each.weight) if rng is None else _drawn(equals, rng)
        left.remove(chosen)
        ordered.append(chosen)
    return ordered


def _drawn(equals: list[Srv], rng: "random.Random") -> Srv:
    drawn, so_far = rng.randint(0, sum(each.weight for each in equals)), 0
    for each in equals:
        so_far += each.weight
        if so_far >= drawn:
            return each
    return equals[-1]


def _ways(
    host: str, transport: str | None, transports: Sequence[str], preferred: str
) -> Generator[Question, Answer, list[tuple[str, str]]]:
    """Transports with the name that SRV is asked for, the best first (section 4.1)."""
    if transport is not None:
        return [(transport, f"{_PREFIX[transport]}.{host}")] if transport in _PREFIX else []
    answers = yield Question("NAPTR", host)
    usable = [
        (each.order, each.preference, SERVICES[each.service.upper()], each.replacement.rstrip("."))
        for each in answers
        if isinstance(each, Naptr) and each.flags.lower() == "s" and each.service.upper() in SERVICES
    ]
    found = [(way, name) for _, _, way, name in sorted(usable) if way in transports and name]
    if found:
        return found
    wanted = sorted(transports, key=lambda each: each != preferred)
    return [(each, f"{_PREFIX[each]}.{host}") for each in wanted if each in _PREFIX]


def _hosts(host: str) -> Generator[Question, Answer, list[str]]:
    if is_address(host):
        return [host]
    return [each for each in (yield Question("HOST", host.rstrip("."))) if isinstance(each, str)]


def _spread(hosts: Sequence[str], port: int | None, transport: str) -> list[Address]:
    return [over(host, default_port(transport) if port is None else port, transport) for host in hosts]


def _fits(transport: str, uri: SipUri) -> bool:
    return uri.scheme != "sips" or transport == "TLS"
