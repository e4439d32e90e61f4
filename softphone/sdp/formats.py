"""What the lines of a stream say: payload types (RFC 8866 section 6.6, RFC 3551), direction, times, RTCP."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address

from softphone.sdp.description import Connection, MediaDescription, SessionDescription
from softphone.sdp.errors import Incompatible
from softphone.sdp.media import FLOWS

TELEPHONE_EVENT = "telephone-event"
COMFORT_NOISE = "CN"
VOIP_METRICS = "voip-metrics"
SHORT_RTP_VERSION = "1"
MAX_FORMATS = 64
"""Formats of one m= line that are looked at; there are 128 payload types, and no phone has half of them."""

# RFC 3551 section 6, table 4: the audio types that need no rtpmap.
STATIC: dict[int, tuple[str, int, int]] = {
    0: ("PCMU", 8_000, 1),
    3: ("GSM", 8_000, 1),
    4: ("G723", 8_000, 1),
    5: ("DVI4", 8_000, 1),
    6: ("DVI4", 16_000, 1),
    7: ("LPC", 8_000, 1),
    8: ("PCMA", 8_000, 1),
    9: ("G722", 8_000, 1),
    10: ("L16", 44_100, 2),
    11: ("L16", 44_100, 1),
    12: ("QCELP", 8_000, 1),
    13: ("CN", 8_000, 1),
    14: ("MPA", 90_000, 1),
    15: ("G728", 8_000, 1),
    16: ("DVI4", 11_025, 1),
    17: ("DVI4", 22_050, 1),
    18: ("G729", 8_000, 1),
}
_BROADCAST = IPv4Address("255.255.255.255")
_RTPMAP = re.compile(r"\s*([0-9]{1,3})\s+([^\s/]+)\s*/\s*([0-9]{1,7})(?:\s*/\s*([0-9]{1,3}))?\s*")
_FMTP = re.compile(r"\s*([0-9]{1,3})\s+(.*)", re.DOTALL)
_MILLISECONDS = re.compile(r"\s*([0-9]{1,4})(?:\.[0-9]*)?\s*")
_RTCP = re.compile(r"\s*([0-9]{1,5})(?:\s+IN\s+\S+\s+(\S+))?\s*")


@dataclass(frozen=True, slots=True)
class Format:
    """One payload type of an m= line, explained."""

    payload_type: int
    name: str
    clock_rate_hz: int
    channels: int
    fmtp: Mapping[str, str]

    @property
    def key(self) -> tuple[str, int, int]:
        """What makes two formats the same codec."""
        return self.name.lower(), self.clock_rate_hz, self.channels

    @property
    def is_dtmf(self) -> bool:
        """Whether these are telephone events, no codec."""
        return self.name.lower() == TELEPHONE_EVENT

    @property
    def is_noise(self) -> bool:
        """Whether this is comfort noise, no codec (RFC 3389)."""
        return self.name.upper() == COMFORT_NOISE

    @property
    def is_codec(self) -> bool:
        """Whether speech can be sent in it."""
        return not (self.is_dtmf or self.is_noise)

    def __str__(self) -> str:
        return f"{self.name}/{self.clock_rate_hz}" + (f"/{self.channels}" if self.channels > 1 else "")


def formats_of(media: MediaDescription, known: Mapping[int, Format] | None = None) -> Iterator[Format]:
    """Explain the payload types of *media* by its rtpmaps, else RFC 3551, else *known*; skip the others."""
    maps = {
        int(match[1]): match
        for value in media.values("rtpmap")
        if (match := _RTPMAP.fullmatch(value)) and int(match[3]) > 0
    }
    fmtps: dict[int, dict[str, str]] = {}
    for value in media.values("fmtp"):
        if match := _FMTP.fullmatch(value):
            fmtps.setdefault(int(match[1]), {}).update(parse_fmtp(match[2]))
    for text in dict.fromkeys(media.formats[:MAX_FORMATS]):
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) < 128):
            continue
        number = int(text)
        fmtp = fmtps.get(number, {})
        if found := maps.get(number):
            yield Format(number, found[2], int(found[3]), int(found[4] or 1), fmtp)
        elif number in STATIC:
            yield Format(number, *STATIC[number], fmtp)
        elif known and number in known:
            yield replace(known[number], fmtp=fmtp)


def parse_fmtp(text: str) -> dict[str, str]:
    """Read "a=1; b" as {"a": "1", "b": ""}; names come in lower case."""
    parameters = (item.partition("=") for item in text.split(";") if item.strip())
    return {name.strip().lower(): value.strip() for name, _, value in parameters}


def flows_of(description: SessionDescription, media: MediaDescription) -> tuple[bool, bool]:
    """Return whether the peer sends and whether it receives."""
    names = [each.name.lower() for each in (*media.attributes, *description.attributes)]
    sends, receives = FLOWS[next((name for name in names if name in FLOWS), "sendrecv")]
    if connection_of(description, media).is_unspecified:
        receives = False  # RFC 3264 section 8.4: hold as RFC 2543 wrote it
    return sends, receives


def milliseconds_of(description: SessionDescription, media: MediaDescription, name: str) -> int | None:
    """Read a=ptime or a=maxptime; one of the session counts where the media has none."""
    for value in (*media.values(name), *description.values(name)):
        match = _MILLISECONDS.fullmatch(value)
        if match and int(match[1]) > 0:
            return int(match[1])
    return None


def takes_short_rtp(media: MediaDescription) -> bool:
    """Whether *media* has a=x-rtp-short with the version we know (docs/rtp-short.md)."""
    return any(SHORT_RTP_VERSION in value.split() for value in media.values("x-rtp-short"))


def takes_reduced_rtcp(media: MediaDescription) -> bool:
    """Whether *media* has a=rtcp-rsize (RFC 5506 section 5)."""
    return bool(media.values("rtcp-rsize"))


def takes_rtcp_mux(media: MediaDescription) -> bool:
    """Whether *media* has a=rtcp-mux (RFC 5761 section 5.1.1)."""
    return bool(media.values("rtcp-mux"))


def takes_voip_metrics(description: SessionDescription, media: MediaDescription) -> bool:
    """Whether *media*, else the whole session, asks for VoIP metrics in RTCP (RFC 3611 section 5.1)."""
    values = media.values("rtcp-xr") or description.values("rtcp-xr")
    return any(VOIP_METRICS in value.lower().split() for value in values)


def rtcp_bandwidth_of(description: SessionDescription, media: MediaDescription) -> tuple[int, int] | None:
    """Read b=RS and b=RR in bit/s (RFC 3556); those of the media count before those of the session."""
    limits = {each.kind: each.value for each in (*description.bandwidths, *media.bandwidths)}
    return (limits["RS"], limits["RR"]) if "RS" in limits and "RR" in limits else None


def connection_of(description: SessionDescription, media: MediaDescription) -> Connection:
    """Find the c= line that counts for *media*.

    Raises:
        Incompatible: if there is none.
    """
    connection = media.connection or description.connection
    if connection is None:
        raise Incompatible("address of the stream", wanted="a c= line", got="none")
    return connection


def target_of(connection: Connection, *, like: str) -> str:
    """Return the address in *connection* as the system writes it, if media can be sent there from *like*.

    A name would have to be looked up for each packet, and a group is nothing that one peer may point us at.

    Raises:
        Incompatible: if it is no address of one host in the family of *like*.
    """
    family = "IPv6" if ":" in like else "IPv4"
    try:
        address = ip_address(connection.host)
    except ValueError:
        address = None
    # A zone, as in fe80::1%eth0, means nothing outside the peer's machine, and may be any text.
    if (
        address is None
        or "%" in connection.host
        or address.is_multicast
        or address == _BROADCAST
        or family != f"IPv{address.version}"
    ):
        got = ascii(connection.host[:60])[1:-1]
        raise Incompatible("address of the stream", wanted=f"an {family} address of one host", got=got)
    return str(address)


def rtcp_of(media: MediaDescription, connection: Connection, *, like: str) -> tuple[str, int]:
    """Say where RTCP of *media* goes: as a=rtcp says, else one port up (RFC 3605 section 2.1).

    Raises:
        Incompatible: as `target_of`.
    """
    match = next((match for value in media.values("rtcp") if (match := _RTCP.fullmatch(value))), None)
    if match is None or not 0 < int(match[1]) <= 65_535:
        return target_of(connection, like=like), min(media.port + 1, 65_535)
    return target_of(Connection.to_host(match[2]) if match[2] else connection, like=like), int(match[1])
