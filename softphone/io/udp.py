"""UDP sockets of the shells: bound with one clear error, ICMP errors read back (RFC 3261 section 18.4)."""

import asyncio
import errno
import socket
import struct
import sys
from typing import TypeAlias

from softphone.errors import EnvironmentProblem, UnreachableError

Address: TypeAlias = tuple[str, int]

# linux/in.h, linux/in6.h and linux/errqueue.h; the socket module does not name them.
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_ORIGIN_ICMP = 2
_ORIGIN_ICMP6 = 3
# RFC 3261 section 18.4: unreachable and parameter problem count, source quench and TTL exceeded do not.
_ICMP_FATAL = {_ORIGIN_ICMP: (3, 12), _ORIGIN_ICMP6: (1, 4)}

HAS_ERROR_QUEUE = sys.platform == "linux"
ERRORS_PER_DRAIN = 64


def bind_udp(host: str, port: int, *, purpose: str = "SIP") -> socket.socket:
    """A non-blocking UDP socket on *host* and *port* (0: any free one); the address is not shared.

    Raises:
        EnvironmentProblem: the port is in use, or the address is not this machine's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise EnvironmentProblem(
            f"{purpose} wants an address of this machine, got {host!r} ({error.strerror}): "
            f"use 127.0.0.1, 0.0.0.0 or a name that resolves"
        ) from error
    family, _, _, _, address = found[0]
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:  # no IPv6 here, or too many files are open
        raise EnvironmentProblem(why_not_bound(error, host, port, f"{purpose} wants UDP")) from error
    try:
        sock.setblocking(False)
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        if family == socket.AF_INET6:
            # A dual-stack socket would put ::ffff:192.0.2.1 into Via and SDP.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise EnvironmentProblem(why_not_bound(error, host, port, f"{purpose} wants UDP")) from error
    return sock


def listen_sip(host: str, port: int, *, backlog: int | None = 128) -> socket.socket:
    """A TCP socket on *host* and *port* (0: any free one) that listens; with a *backlog* of None it only holds the port.

    Raises:
        EnvironmentProblem: the port is in use, or the address is not this machine's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise EnvironmentProblem(why_not_bound(error, host, port, "SIP wants TCP")) from error
    try:
        sock.setblocking(False)
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        if backlog is not None:
            sock.listen(backlog)
    except OSError as error:
        sock.close()
        raise EnvironmentProblem(why_not_bound(error, host, port, "SIP wants TCP")) from error
    return sock


def why_not_bound(error: OSError, host: str, port: int, wants: str) -> str:
    """What to tell whom *host* and *port* were refused.

    Args:
        wants: who wants a port of what, "--serve wants TCP".
    """
    match error.errno:
        case errno.EADDRINUSE:
            got = "which is in use: choose another port, or stop the program that has it"
        case errno.EADDRNOTAVAIL:
            got = f"but this machine has no address {host}: use one it has"
        case errno.EACCES:
            got = "which is reserved: choose a port above 1023"
        case _:
            got = f"got {error.strerror}: choose another port or address"
    return f"{wants} port {port} on {host}, {got}"


def why_refused(error: Exception, addr: tuple[object, ...]) -> str:
    """What to tell whose datagram to *addr* came to nothing."""
    host = f"[{addr[0]}]" if ":" in str(addr[0]) else addr[0]
    where = f"{host}:{addr[1]}"
    match getattr(error, "errno", None):
        case errno.ECONNREFUSED:
            return f"connection refused: nobody takes UDP at {where}"
        case errno.ENETUNREACH | errno.EHOSTUNREACH:
            return f"no route to {where}: check the address and the network connection"
        case errno.EMSGSIZE:
            return f"too large for a datagram to {where}: try --transport tcp"
    return f"{where} cannot be reached: {getattr(error, 'strerror', None) or error}"


def address_of(sock: socket.socket) -> Address:
    """The address *sock* is bound to."""
    host, port = sock.getsockname()[:2]
    return str(host), int(port)


def enable_error_queue(sock: socket.socket) -> None:
    """Have the kernel keep each ICMP error with the destination it was about (Linux; elsewhere nothing)."""
    if HAS_ERROR_QUEUE:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def take_unreachable(sock: socket.socket) -> list[Address]:
    """Empty the error queue of *sock*: the destinations that ICMP says cannot be reached."""
    unreachable: list[Address] = []
    if sys.platform == "linux":
        for _ in range(ERRORS_PER_DRAIN):
            try:
                _, ancillary, _, address = sock.recvmsg(0, 256, socket.MSG_ERRQUEUE)
            except OSError:  # BlockingIOError: the queue is empty
                break
            for level, kind, data in ancillary:
                if (level, kind) in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
                    _, origin, icmp_type, *_ = _EXTENDED_ERROR.unpack_from(data)
                    if icmp_type in _ICMP_FATAL.get(origin, ()):
                        unreachable.append((address[0], address[1]))
    return unreachable


def is_numeric(host: str) -> bool:
    """Whether *host* is an IPv4 or IPv6 address, so that no name needs looking up."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        return False
    return True


async def resolve(host: str, port: int, *, family: int = socket.AF_UNSPEC) -> Address:
    """The numeric address of *host*, looked up without holding up the loop; IPv4 where there are both.

    Raises:
        UnreachableError: the name does not resolve.
    """
    if is_numeric(host):
        return host, port
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(
            f"no address found for the host name {host!r}: check its spelling and the name server"
        ) from error
    # Sorted by address selection a name like localhost gives ::1 first, where few SIP agents listen.
    chosen = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return str(chosen[4][0]), port


def local_host_towards(remote: Address) -> str:
    """Which of this machine's addresses a packet to *remote* would carry; nothing is sent.

    Raises:
        UnreachableError: there is no route.
    """
    family = socket.AF_INET6 if ":" in remote[0] else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(remote)
            return str(probe.getsockname()[0])
    except OSError as error:
        raise UnreachableError(
            f"no route to {remote[0]} ({error.strerror}): check the network connection"
        ) from error
