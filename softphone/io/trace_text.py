"""The text of a trace: SIP messages whole, a line for each RTP or RTCP header (docs/trace.md). What is written can be read back.

An entry begins with its time; the lines of a message stand below it, indented, so that no peer can write a line that looks like an
entry. Characters that would steer a terminal, and backslashes, are written as ``\\xNN`` and ``\\\\``.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from softphone.capture.pcap_writer import Endpoint

MAGIC = "# softphone trace 1"
MAX_LINE = 80_000
"""Characters; a longer line is none of a trace."""
MAX_LINES = 4096
"""Of one message; no message that is taken has more."""
SIP, RTP, RTCP, SHORT, STUN, DTLS, OTHER = "sip", "rtp", "rtcp", "short-rtp", "stun", "dtls", "other"
RTP_HEADER_BYTES = 12
_INDENT = "    "
_NO_HOST = "0.0.0.0"
_HEADER = struct.Struct("!BBHII")
_RTCP_NAMES = {
    200: "SR", 201: "RR", 202: "SDES", 203: "BYE", 204: "APP", 205: "RTPFB", 206: "PSFB", 207: "XR",
}  # fmt: skip
_MAX_RTCP_NAMES = 8
_ADDRESS = r"(\S{1,300}):(\d{1,5})"
_ENTRY = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([a-z-]{3,10}) (?:(udp|tcp|tls) )?"
    rf"{_ADDRESS} ([<>]) {_ADDRESS} (.*)"
)
_LENGTH = re.compile(r"(\d{1,5}) bytes(?:, packed into (\d{1,5}))?")
_RTP_FIELDS = re.compile(
    r"(\d{1,5}) bytes, PT (\d{1,3}), seq (\d{1,5}), ts (\d{1,10}), SSRC 0x([0-9a-f]{8})(, marker)?"
)
_ESCAPED = re.compile(rb"\\(?:\\|x([0-9a-f]{2}))")


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """What was sent or taken at one moment."""

    at: float
    """Seconds since 1970."""
    kind: str
    """``sip``, or what a datagram at a media socket looks like."""
    sent: bool
    local: Endpoint
    remote: Endpoint
    data: bytes
    """The SIP message; else the beginning of the datagram, a header at least."""
    length: int
    """On the wire."""
    transport: str = "udp"

    @property
    def source(self) -> Endpoint:
        """Where it came from."""
        return self.local if self.sent else self.remote

    @property
    def destination(self) -> Endpoint:
        """Where it went."""
        return self.remote if self.sent else self.local


def media_kind(data: bytes) -> str:
    """What a datagram at a media socket is, by its first bytes (RFC 7983 section 7, RFC 5761 section 4)."""
    first = data[0] if data else 0
    if first >= 0xC0:
        return SHORT
    if first >= 0x80:
        return RTCP if len(data) > 1 and 192 <= data[1] <= 223 else RTP
    if 20 <= first <= 63:
        return DTLS
    return STUN if first < 4 and len(data) >= 20 else OTHER


def written(entry: TraceEntry) -> str:
    """*entry* as lines, the last of which ends."""
    start = f"{_stamp(entry.at)} {entry.kind} "
    if entry.kind == SIP:
        start += f"{entry.transport} "
    start += f"{_shown(entry.local)} {'>' if entry.sent else '<'} {_shown(entry.remote)} "
    if entry.kind != SIP:
        return f"{start}{entry.length} bytes{_fields(entry)}\n"
    if not entry.data.strip(b"\r\n\0"):
        return f"{start}{entry.length} bytes, keep-alive\n"
    packed = "" if entry.length == len(entry.data) else f", packed into {entry.length}"
    lines = "\n".join(_INDENT + _escaped(line) for line in entry.data.split(b"\r\n"))
    return f"{start}{len(entry.data)} bytes{packed}\n{lines}\n\n"


def entries(lines: Iterable[str]) -> Iterator[TraceEntry]:
    """The entries of a trace's *lines*; what is none is passed over, never raised."""
    pending: TraceEntry | None = None
    body: list[str] = []
    for line in lines:
        text = line[:MAX_LINE].rstrip("\r\n")
        if pending is not None and (text.startswith(_INDENT) or not text) and len(body) < MAX_LINES:
            body.append(text[len(_INDENT) :])
            continue
        if pending is not None:
            yield _with_message(pending, body)
            pending = None
        found = _parsed(text)
        if found is None:
            continue
        if found.kind == SIP:
            pending, body = found, []
        else:
            yield found
    if pending is not None:
        yield _with_message(pending, body)


def _with_message(entry: TraceEntry, body: list[str]) -> TraceEntry:
    # The blank line behind an entry is none of the message's.
    lines = body[:-1] if body and not body[-1] else body
    data = b"\r\n".join(_unescaped(line) for line in lines)
    return replace(entry, data=data)


def _parsed(text: str) -> TraceEntry | None:
    match = _ENTRY.fullmatch(text)
    if match is None:
        return None
    stamp, kind, transport, host, port, direction, far_host, far_port, rest = match.groups()
    try:
        at = datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return None
    length = _LENGTH.match(rest)
    local, remote = (host.strip("[]"), int(port)), (far_host.strip("[]"), int(far_port))
    if length is None or max(local[1], remote[1]) > 65_535 or (kind == SIP) != (transport is not None):
        return None
    data = b""
    if kind == RTP:
        fields = _RTP_FIELDS.fullmatch(rest)
        if fields is None:
            return None
        payload_type, number, timestamp = (int(fields[i]) for i in (2, 3, 4))
        if payload_type > 127 or number > 0xFFFF or timestamp > 0xFFFFFFFF:
            return None
        second = payload_type | (0x80 if fields[6] else 0)
        data = _HEADER.pack(0x80, second, number, timestamp, int(fields[5], 16))
    return TraceEntry(
        at, kind, direction == ">", local, remote, data, int(length[2] or length[1]), transport or "udp"
    )


def _fields(entry: TraceEntry) -> str:
    data = entry.data
    if entry.kind == RTP and len(data) >= RTP_HEADER_BYTES:
        _, second, number, timestamp, ssrc = _HEADER.unpack_from(data)
        marker = ", marker" if second > 0x7F else ""
        return f", PT {second & 0x7F}, seq {number}, ts {timestamp}, SSRC 0x{ssrc:08x}{marker}"
    if entry.kind == RTCP and len(data) >= 8:
        return f", {' '.join(_rtcp_names(data))}, SSRC 0x{data[4:8].hex()}"
    return ""


def _rtcp_names(data: bytes) -> list[str]:
    """Of the packets of a compound; of an encrypted one only the first can be read (RFC 3711 section 3.4)."""
    names: list[str] = []
    at = 0
    while at + 4 <= len(data) and len(names) < _MAX_RTCP_NAMES:
        if data[at] >> 6 != 2 or not 192 <= data[at + 1] <= 223:
            break
        names.append(_RTCP_NAMES.get(data[at + 1], f"type {data[at + 1]}"))
        at += 4 + 4 * (data[at + 2] << 8 | data[at + 3])
    return names


def _stamp(at: float) -> str:
    seconds, microseconds = divmod(round(at * 1e6), 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{microseconds:06d}Z"


def _shown(endpoint: Endpoint) -> str:
    host, port = endpoint[0] or _NO_HOST, endpoint[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _escaped(line: bytes) -> str:
    text = line.decode("utf-8", "surrogateescape")
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(
        "\\\\"
        if char == "\\"
        else char
        if char.isprintable() or char == "\t"
        else "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
        for char in text
    )


def _unescaped(text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    return _ESCAPED.sub(lambda found: b"\\" if found[1] is None else bytes.fromhex(found[1].decode()), data)
