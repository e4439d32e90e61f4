"""The listening socket, and what people call the addresses it can be reached at."""

import ipaddress
import os
import socket
from collections.abc import Sequence

from softphone.errors import EnvironmentProblem, UnreachableError, UsageError
from softphone.io.udp import local_host_towards, why_not_bound

BACKLOG = 64
_SEND_BUFFER = 64 << 10
"""What the kernel keeps for one that does not read; more would only make levels old."""
_ELSEWHERE = (("192.0.2.1", 9), ("2001:db8::1", 9))
"""Documentation addresses (RFC 5737, RFC 3849): the way there is the way to any other network; nothing is sent."""


def listen_tcp(host: str, port: int, *, allow_lan: bool) -> socket.socket:
    """A non-blocking socket that listens on *host* and *port* (0: any free one).

    Raises:
        UsageError: *host* turns out to be beyond loopback, without *allow_lan*.
        EnvironmentProblem: the port is in use, or the address is not this machine's.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise EnvironmentProblem(
            f"--serve wants an address of this machine, got {host!r}: use 127.0.0.1, or 0.0.0.0 with --allow-lan"
        ) from error
    # A name like localhost gives ::1 first on some systems, and a QR code has no room to try both.
    family, _, protocol, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    if not allow_lan and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        raise UsageError(
            f"--serve {host} is {address[0]}, which others on the network reach: add --allow-lan"
        )
    try:
        # asyncio switches Nagle's algorithm off only where it can see that it is TCP.
        sock = socket.socket(family, socket.SOCK_STREAM, protocol)
    except OSError as error:
        raise _not_bound(error, host, port) from error
    try:
        sock.setblocking(False)
        if os.name == "posix":
            sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # connections in TIME_WAIT do not count
        else:
            sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", 0), 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)  # accepted ones inherit it
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _not_bound(error, host, port) from error
    return sock


def reachable_hosts(bound: str, names: Sequence[str]) -> list[str]:
    """Return what a browser can be told to ask for, the most useful first: as it stands in a URL.

    Args:
        bound: the address that is listened on; 0.0.0.0 and :: are all of them.
        names: host names that stand for this machine.
    """
    address = ipaddress.ip_address(bound.partition("%")[0])
    if not address.is_unspecified:
        host = f"[{bound}]" if address.version == 6 else bound
        return [host, *names] if address.is_loopback else [*names, host]
    hosts = [*names]
    for elsewhere in _ELSEWHERE if address.version == 6 else _ELSEWHERE[:1]:
        try:
            own = local_host_towards(elsewhere)
        except UnreachableError:
            continue
        hosts.append(f"[{own}]" if ":" in own else own)
    return [*hosts, "127.0.0.1"]


def _not_bound(error: OSError, host: str, port: int) -> EnvironmentProblem:
    return EnvironmentProblem(why_not_bound(error, host, port, "--serve wants TCP"))
