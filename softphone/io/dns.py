"""Name servers: asked for NAPTR and SRV with dnspython, where it is installed, and for addresses through the system."""

import asyncio
import logging
import random
import socket
from collections.abc import Sequence
from typing import Any, Protocol

from softphone.errors import UnreachableError
from softphone.sip.events import Address
from softphone.sip.location import Answer, Naptr, Question, Srv, locate
from softphone.sip.uri import SipUri

PATIENCE_S = 3.0
"""For one question of NAPTR or SRV; a server that does not know them leaves the host's address."""

_log = logging.getLogger(__name__)


class NameServer(Protocol):
    """Who answers questions."""

    async def answer(self, question: Question) -> Answer:
        """The records asked for; none where there are none.

        Raises:
            UnreachableError: the host has no address.
        """


class SystemNames:
    """The name server of this system.

    Args:
        family: of the addresses wanted, `socket.AF_INET` or `AF_INET6`; AF_UNSPEC: both, IPv4 first.
        server: host and port of another name server than the system's, for NAPTR and SRV.
    """

    def __init__(self, *, family: int = socket.AF_UNSPEC, server: tuple[str, int] | None = None) -> None:
        self._family = family
        self._server = server
        self._resolver: Any = None

    async def answer(self, question: Question) -> Answer:
        """The records asked for."""
        if question.kind == "HOST":
            return await self._hosts(question.name)
        resolver = self._dnspython()
        if resolver is None:
            return ()
        import dns.exception

        try:
            found = await resolver.resolve(question.name, question.kind, lifetime=PATIENCE_S, search=False)
        except (dns.exception.DNSException, OSError, ValueError) as error:
            _log.debug("no %s of %s: %s", question.kind, question.name, type(error).__name__)
            return ()
        return _records(question.kind, found)

    async def _hosts(self, name: str) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(name, None, family=self._family, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            raise UnreachableError(
                f"no address found for the host name {name!r}: check its spelling and the name server"
            ) from None
        # Sorted by address selection a name like localhost gives ::1 first, where few SIP agents listen.
        chosen = sorted(found, key=lambda entry: entry[0] != socket.AF_INET)
        return list(dict.fromkeys(str(entry[4][0]) for entry in chosen))

    def _dnspython(self) -> Any:
        if self._resolver is None:
            try:
                import dns.asyncresolver
                import dns.exception
            except ImportError:
                _log.info("the name server is asked for no NAPTR and SRV: pip install 'softphone[dns]'")
                return None
            try:
                self._resolver = dns.asyncresolver.Resolver(configure=self._server is None)
            except dns.exception.DNSException:  # a system without a name server
                return None
            if self._server is not None:
                self._resolver.nameservers, self._resolver.port = [self._server[0]], self._server[1]
        return self._resolver


async def find(
    uri: SipUri,
    names: NameServer,
    *,
    transports: Sequence[str],
    preferred: str = "UDP",
    rng: random.Random | None = None,
) -> list[Address]:
    """Where a request to *uri* is sent, the first address to be tried first (RFC 3263).

    Raises:
        UnreachableError: there is no address.
    """
    search = locate(uri, transports=transports, preferred=preferred, rng=rng)
    addresses: list[Address] = []
    missing: UnreachableError | None = None
    try:
        question = next(search)
        while True:
            try:
                answer = await names.answer(question)
            except UnreachableError as error:
                missing, answer = error, ()
            question = search.send(answer)
    except StopIteration as found:
        addresses = found.value
    if not addresses:
        raise missing or UnreachableError(f"no address found for {uri}: check its spelling")
    return addresses


def _records(kind: str, found: Any) -> Answer:
    if kind == "SRV":
        return [
            Srv(each.priority, each.weight, each.port, each.target.to_text(omit_final_dot=True))
            for each in found
        ]
    return [
        Naptr(
            each.order,
            each.preference,
            each.flags.decode("ascii", "replace"),
            each.service.decode("ascii", "replace"),
            each.replacement.to_text(omit_final_dot=True),
        )
        for each in found
    ]
