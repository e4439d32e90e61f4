"""The sockets that SIP of one process goes through, and where that sends its requests."""

import logging
import socket
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from softphone.config import AccountOptions
from softphone.errors import EnvironmentProblem, UnreachableError, UsageError
from softphone.io.dns import SystemNames, find
from softphone.io.udp import bind_udp, listen_sip, local_host_towards
from softphone.sip.events import Address
from softphone.sip.matching import wanted_transport
from softphone.sip.reach import transport_of
from softphone.sip.uri import SipUri

if TYPE_CHECKING:
    import random
    import ssl

    from softphone.io.sip_streams import SipStreams
    from softphone.io.sip_tls import TlsTerms

EPHEMERAL_TRIES = 8
"""Ports tried until one is free for UDP and TCP alike."""
UNSPECIFIED = ("0.0.0.0", "::", "")
SOMEWHERE = {False: ("192.0.2.1", 9), True: ("2001:db8::1", 9)}
"""Addresses of documentation (RFC 5737, RFC 3849), to ask the system which of ours faces the world."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class SipSockets:
    """What is open, and under which addresses others find it."""

    transport: str
    """The main one, in upper case."""
    host: str
    """Ours, as it goes into SIP and SDP."""
    port: int
    """Of the main transport."""
    udp: socket.socket | None
    streams: "SipStreams"
    others: dict[str, tuple[str, int]]
    """By transport: where else we are reached."""
    reserved: socket.socket | None = None
    """Holds the port that a caller over TLS names in Contact, so that no two have the same; nobody listens at it."""

    def discard(self) -> None:
        """Close all of it, where no driver has taken it over."""
        self.streams.close()
        if self.udp is not None:
            self.udp.close()
        self.close()

    def close(self) -> None:
        """Close what no driver closes."""
        if self.reserved is not None:
            self.reserved.close()


async def destinations_of(
    uri: SipUri,
    account: AccountOptions,
    *,
    family: int = socket.AF_UNSPEC,
    rng: "random.Random | None" = None,
) -> list[Address]:
    """Where a request to *uri* is sent, the first address to be tried first: the proxy's, where there is one (RFC 3263).

    Raises:
        UnreachableError: no address is found.
    """
    target = hop_towards(uri, account)
    transports = ("UDP",) if account.sip_dictionary else ("UDP", "TCP", "TLS")
    preferred = (account.transport or "udp").upper()
    if account.transport is not None and wanted_transport(target) is None:
        target = replace(target, params={**target.params, "transport": account.transport})
    names = SystemNames(family=family)
    return await find(target, names, transports=transports, preferred=preferred, rng=rng)


def hop_towards(uri: SipUri, account: AccountOptions) -> SipUri:
    """The URI whose address a request to *uri* is sent to."""
    return SipUri.parse(account.proxy_uri) if account.proxy is not None else uri


def outbound_route(account: AccountOptions) -> tuple[str, ...]:
    """Route values that requests start with (RFC 3261 section 8.1.2); the proxy is taken for a loose router."""
    if account.proxy is None:
        return ()
    proxy = SipUri.parse(account.proxy_uri)
    return (f"<{replace(proxy, params={**proxy.params, 'lr': None})}>",)


async def open_sip_sockets(
    listen: tuple[str, int], account: AccountOptions, *, transport: str, answers: bool
) -> SipSockets:
    """Open what *transport* needs.

    Args:
        listen: address to bind.
        transport: the main one, in upper case.
        answers: whether this process is to be called; a caller needs no certificate.

    Raises:
        EnvironmentProblem: the address cannot be bound.
        UsageError: a certificate cannot be used.
    """
    if account.sip_dictionary and transport != "UDP":
        raise UsageError(f"--sip-dictionary packs datagrams: it does not go with {transport}")
    from softphone.io.sip_streams import SipStreams
    from softphone.io.sip_tls import TlsTerms, server_context

    terms = TlsTerms(ca=account.tls_ca, insecure=account.tls_insecure)
    if account.sip_cert is not None:
        terms.shown = (account.sip_cert, account.sip_key)
        server_context(account.sip_cert, account.sip_key)  # what is wrong with it is said now
    if transport == "TLS":
        terms.client()  # what is wrong with files is said now
        return await _open_tls(listen, account, terms, answers=answers)
    udp = None
    for attempt in range(EPHEMERAL_TRIES):
        udp = bind_udp(*listen)
        bound, port = udp.getsockname()[:2]
        streams = SipStreams(terms, local_host=None if bound in UNSPECIFIED else bound)
        host = _shown_host(bound)
        try:
            await streams.listen(bound, port, "TCP")  # RFC 3261 section 18.2.1: the same port
        except EnvironmentProblem as error:
            if listen[1] == 0 and attempt + 1 < EPHEMERAL_TRIES:
                udp.close()
                continue
            if transport == "TCP":
                udp.close()
                raise
            _log.warning("calls come and go by UDP alone: %s", error)
            return SipSockets("UDP", host, port, udp, streams, {})
        return SipSockets(transport, host, port, udp, streams, {"TCP": (host, port)})
    raise AssertionError("the last attempt returns or raises")


async def _open_tls(
    listen: tuple[str, int], account: AccountOptions, terms: "TlsTerms", *, answers: bool
) -> SipSockets:
    from softphone.io.sip_streams import SipStreams
    from softphone.io.sip_tls import server_context

    if account.sip_cert is not None:
        terms.server = server_context(account.sip_cert, account.sip_key)
    elif answers:
        terms.server = _made_context(listen[0], is_registered=account.registrar is not None)
    if terms.server is None:
        reserved = listen_sip(*listen, backlog=None)
        bound, port = reserved.getsockname()[:2]
        streams = SipStreams(terms, local_host=None if bound in UNSPECIFIED else bound)
        return SipSockets("TLS", _shown_host(bound), port, None, streams, {}, reserved)
    streams = SipStreams(terms, local_host=None if listen[0] in UNSPECIFIED else listen[0])
    bound, port = await streams.listen(*listen, "TLS")
    return SipSockets("TLS", _shown_host(bound), port, None, streams, {})


def _made_context(host: str, *, is_registered: bool) -> "ssl.SSLContext | None":
    """What is shown with a certificate made for it; None where none can be made and none is needed.

    Raises:
        EnvironmentProblem: it is needed and cannot be made.
    """
    from softphone.io.sip_tls import made_certificate, server_context

    with tempfile.TemporaryDirectory(prefix="softphone-") as folder:
        names = tuple(dict.fromkeys(("localhost", "127.0.0.1", "::1", _shown_host(host))))
        try:
            return server_context(*made_certificate(Path(folder), names))
        except EnvironmentProblem as error:
            if not is_registered:
                raise
            _log.info("calls come by the connection to the registrar alone: %s", error)
            return None


def _shown_host(bound: str) -> str:
    return bound if bound not in UNSPECIFIED else _outward_host(":" in bound)


def _outward_host(ipv6: bool) -> str:
    try:
        return local_host_towards(SOMEWHERE[ipv6])
    except UnreachableError:
        return "::1" if ipv6 else "127.0.0.1"


def main_transport(account: AccountOptions, destinations: list[Address]) -> str:
    """What this process speaks, in upper case: what it was told to, else what the first address wants."""
    if account.transport is not None:
        return account.transport.upper()
    return transport_of(destinations[0]) if destinations else "UDP"
