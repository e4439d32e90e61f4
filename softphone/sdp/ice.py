"""What descriptions say of ICE (RFC 8839 section 5)."""

import re
from collections.abc import Iterator
from ipaddress import ip_address

from softphone.sdp.description import Attribute, Connection, MediaDescription, SessionDescription
from softphone.sdp.media import Ice

MAX_CANDIDATES = 64
"""Of one stream that are looked at."""
DISCARD_PORT = 9
"""Where a peer points that will tell its candidates later (RFC 8840 section 4.1)."""

_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
# RFC 8839 section 5.1: foundation, component, transport, priority, address, port, "typ", type, and extensions.
_CANDIDATE = re.compile(
    r"[A-Za-z0-9+/]{1,32} [0-9]{1,3} [A-Za-z-]{1,16} [0-9]{1,10} (\S{1,255}) ([0-9]{1,5}) typ [a-z]{1,16}(?: [ -~]{1,500})?"
)


def ice_of(description: SessionDescription, media: MediaDescription) -> Ice | None:
    """Read what the peer says of ICE for *media*; None: it does none, or somebody between us has changed its address."""
    ufrag, password = (
        next((value.strip() for value in (*media.values(name), *description.values(name))), "")
        for name in ("ice-ufrag", "ice-pwd")
    )
    if not (_UFRAG.fullmatch(ufrag) and _PASSWORD.fullmatch(password)):
        return None
    found = [value.strip() for value in media.values("candidate")[:MAX_CANDIDATES]]
    candidates = [value for value in found if _CANDIDATE.fullmatch(value)]
    if candidates and _is_mismatch(media, media.connection or description.connection, candidates):
        return None
    return Ice(ufrag, password, tuple(candidates), lite=bool(description.values("ice-lite")))


def ice_lines(ice: Ice | None) -> Iterator[Attribute]:
    """Write *ice* as lines of a stream."""
    if ice is None:
        return
    yield Attribute("ice-ufrag", ice.ufrag)
    yield Attribute("ice-pwd", ice.password)
    yield Attribute("ice-options", "ice2")  # RFC 8839 section 5.6: we do ICE as RFC 8445 has it
    for each in ice.candidates:
        yield Attribute("candidate", each)


def ice_session_lines(ice: Ice | None) -> Iterator[Attribute]:
    """Write what *ice* says of the whole session (RFC 8839 section 5.3)."""
    if ice is not None and ice.lite:
        yield Attribute("ice-lite")


def _is_mismatch(media: MediaDescription, connection: Connection | None, candidates: list[str]) -> bool:
    """Whether the address of *media* is none of its candidates: a gateway has put its own there (RFC 8839 section 4.2.5)."""
    if connection is None or connection.is_unspecified or media.port == DISCARD_PORT:
        return False
    default = _written(connection.host), media.port
    return all(
        (match := _CANDIDATE.fullmatch(each)) is None or (_written(match[1]), int(match[2])) != default
        for each in candidates
    )


def _written(host: str) -> str:
    """*host* in the one way in which it is compared."""
    try:
        return str(ip_address(host))
    except ValueError:
        return host.lower()
