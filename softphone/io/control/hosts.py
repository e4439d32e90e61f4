"""Who is meant and who asks: the Host and Origin of a request (RFC 9110 section 7.2, RFC 6454 section 7).

A page of another site can make a browser connect to this machine. It cannot choose the Origin that the browser then
sends; and where its name has been made to stand for our address (DNS rebinding), the browser still sends that name as
Host.
"""

import ipaddress
import re
from collections.abc import Collection

from softphone.io.control.http import Refusal, Request

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?")


def check_host(request: Request, own: str, names: Collection[str]) -> None:
    """Refuse a request for anybody else.

    Args:
        own: the address of this machine that the connection came in on.
        names: host names that are ours besides ``localhost``, in lower case.

    Raises:
        Refusal: 400 without a Host, 403 with another's.
    """
    host = request.headers.get("host")
    if host is None:
        raise Refusal(400, "wanted a Host header")
    match = _HOST.fullmatch(host)
    if match is None:
        raise Refusal(403, "wanted this machine's address or name as Host")
    name = match.group(1).lower()
    if name == "localhost" or name in names or _is_own(name.strip("[]"), own):
        return
    raise Refusal(
        403,
        "wanted this machine's address as Host: to serve it by a name, too, start it with --serve-name NAME",
    )


def check_origin(request: Request, scheme: str) -> None:
    """Refuse a request that a page of another origin has a browser make; without an Origin it is no browser's.

    Args:
        scheme: ``http`` or ``https``, which the page came by.

    Raises:
        Refusal: 403.
    """
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{scheme}://{request.headers['host']}":
        raise Refusal(403, "wanted a request of this server's own page, got one of another origin")


def _is_own(name: str, own: str) -> bool:
    try:
        address = _plain(ipaddress.ip_address(name))
        return address.is_loopback or address == _plain(ipaddress.ip_address(own.partition("%")[0]))
    except ValueError:
        return False


def _plain(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    mapped = None if isinstance(address, ipaddress.IPv4Address) else address.ipv4_mapped
    return address if mapped is None else mapped
