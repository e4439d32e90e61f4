"""Session description (RFC 8866): `SessionDescription.parse` and `bytes` are a pair.

What real peers get wrong is taken (bare LF, blank lines, a missing s= or t=, letters nobody knows); what a
line means is only looked at where a call needs it. Lines without a field of their own are kept in `other` and
written back in the order of RFC 8866 section 5, so a description that was parsed once is stable.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from softphone.sdp.errors import LocalSdpError, SdpParseError

MAX_DESCRIPTION_BYTES = 32_768
MAX_LINES = 1_000
MAX_MEDIA = 32

# RFC 8866 section 5: the order of lines. t, r and z belong together and keep the order they came in.
_SESSION_RANK = {letter: rank for rank, letters in enumerate([*"osiuepcb", "trz", "k"]) for letter in letters}
_MEDIA_RANK = {letter: rank for rank, letter in enumerate("icbk")}
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_PORT = re.compile(r"([0-9]{1,5})(?:/([0-9]{1,5}))?")
_BANDWIDTH = re.compile(r"([^:\s]+):\s*([0-9]{1,12})\s*")

Line = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """o= line: who described the session, and which version of it this is (RFC 8866 section 5.2)."""

    username: str
    session_id: int
    version: int
    address_type: str
    host: str

    @classmethod
    def parse(cls, value: str) -> "Origin":
        """Read the value of an o= line; an empty user name is taken as "-".

        Raises:
            SdpParseError: if fields are missing or the two numbers are none.
        """
        fields = _fields(value)
        if len(fields) == 5:
            fields.insert(0, "-")
        if len(fields) != 6 or not (_INTEGER.fullmatch(fields[1]) and _INTEGER.fullmatch(fields[2])):
            raise SdpParseError(
                f"o= wants user, two numbers, net type, address type and host, got {value[:80]!r}"
            )
        return cls(fields[0], int(fields[1]), int(fields[2]), fields[4], fields[5])

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} IN {self.address_type} {self.host}"


@dataclass(frozen=True, slots=True)
class Connection:
    """c= line: where media goes (RFC 8866 section 5.7)."""

    address_type: str
    host: str
    suffix: str = ""
    """What follows the address after a slash: time to live and number of addresses of a multicast group."""

    @classmethod
    def parse(cls, value: str) -> "Connection":
        """Read the value of a c= line.

        Raises:
            SdpParseError: if it has not three fields, or the net type is not IN.
        """
        fields = _fields(value)
        if len(fields) != 3 or fields[0].upper() != "IN":
            raise SdpParseError(f"c= wants IN, address type and host, got {value[:80]!r}")
        host, _, suffix = fields[2].partition("/")
        if not host:
            raise SdpParseError(f"c= wants a host, got {value[:80]!r}")
        return cls(fields[1], host, suffix)

    @classmethod
    def to_host(cls, host: str) -> "Connection":
        """Name *host*, an IPv4 or IPv6 address or a domain name (taken as IPv4)."""
        return cls("IP6" if ":" in host else "IP4", host)

    @property
    def is_unspecified(self) -> bool:
        """Whether the address is 0.0.0.0 or ::, which asks for no media at all (RFC 3264 section 8.4)."""
        return not self.host.strip("0.:")

    def __str__(self) -> str:
        return f"IN {self.address_type} {self.host}" + (f"/{self.suffix}" if self.suffix else "")


@dataclass(frozen=True, slots=True)
class Attribute:
    """a= line: a property ("a=sendrecv", value None) or a value ("a=ptime:20") (RFC 8866 section 5.13)."""

    name: str
    value: str | None = None

    @classmethod
    def parse(cls, value: str) -> "Attribute":
        """Read the value of an a= line; any text is one."""
        name, colon, rest = value.partition(":")
        return cls(name, rest if colon else None)

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}:{self.value}"


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """b= line: a limit; AS is in kilobits per second with all headers (RFC 8866 section 5.8)."""

    kind: str
    value: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """m= line and the lines that follow it (RFC 8866 section 5.14)."""

    kind: str
    """ "audio", "video", ..."""
    port: int
    """0 refuses the stream (RFC 3264 section 6)."""
    protocol: str
    formats: tuple[str, ...]
    """RTP payload types in order of preference, as written."""
    port_count: int = 1
    connection: Connection | None = None
    bandwidths: tuple[Bandwidth, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    other: tuple[Line, ...] = ()
    """Lines of this section that have no field, as (letter, value)."""

    @classmethod
    def parse(cls, value: str) -> "MediaDescription":
        """Read the value of an m= line.

        Raises:
            SdpParseError: if fields are missing or the port is none.
        """
        fields = _fields(value)
        port = _PORT.fullmatch(fields[1]) if len(fields) >= 3 else None
        if port is None or int(port[1]) > 65_535:
            raise SdpParseError(f"m= wants a kind, a port, a protocol and formats, got {value[:80]!r}")
        return cls(fields[0], int(port[1]), fields[2], tuple(fields[3:]), int(port[2] or 1))

    def values(self, name: str) -> list[str]:
        """Return the values of every attribute *name*, in order."""
        return _values(self.attributes, name)

    def __str__(self) -> str:
        port = f"{self.port}/{self.port_count}" if self.port_count != 1 else str(self.port)
        return " ".join((self.kind, port, self.protocol, *self.formats))


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description."""

    origin: Origin
    name: str = "-"
    connection: Connection | None = None
    bandwidths: tuple[Bandwidth, ...] = ()
    timing: str = "0 0"
    attributes: tuple[Attribute, ...] = ()
    media: tuple[MediaDescription, ...] = ()
    other: tuple[Line, ...] = ()
    """Lines of the session section that have no field, as (letter, value)."""

    @classmethod
    def parse(cls, data: bytes) -> "SessionDescription":
        """Read a whole body.

        Raises:
            SdpParseError: if *data* is no session description, or larger than the bounds of this module.
        """
        lines = list(_lines(data))
        if not lines or lines[0][0] != "v" or lines[0][1].strip(" \t") != "0":
            raise SdpParseError("a description starts with v=0")
        starts = [index for index, (letter, _) in enumerate(lines) if letter == "m"]
        if len(starts) > MAX_MEDIA:
            raise SdpParseError(f"at most {MAX_MEDIA} m= lines, got {len(starts)}")
        session = _parse_session(lines[1 : starts[0] if starts else None])
        sections = pairwise([*starts, len(lines)])
        media = (_parse_media(lines[start:end]) for start, end in sections)
        return replace(session, media=tuple(media))

    def values(self, name: str) -> list[str]:
        """Return the values of every session attribute *name*, in order."""
        return _values(self.attributes, name)

    def __bytes__(self) -> bytes:
        lines = [("o", str(self.origin)), ("s", self.name)]
        lines += [("c", str(self.connection))] if self.connection else []
        lines += [("b", str(limit)) for limit in self.bandwidths]
        lines += [("t", self.timing), *self.other]
        lines = [("v", "0"), *_ranked(lines, _SESSION_RANK), *(("a", str(each)) for each in self.attributes)]
        for media in self.media:
            section = [("c", str(media.connection))] if media.connection else []
            section += [("b", str(limit)) for limit in media.bandwidths]
            lines += [("m", str(media)), *_ranked([*section, *media.other], _MEDIA_RANK)]
            lines += [("a", str(each)) for each in media.attributes]
        text = "".join(f"{letter}={value}\r\n" for letter, value in lines)
        if text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
            raise LocalSdpError("a field of a description holds no line break and no NUL")
        return text.encode("utf-8", "surrogateescape")


def _parse_session(lines: list[Line]) -> SessionDescription:
    origin: Origin | None = None
    name: str | None = None
    timing: str | None = None
    connection: Connection | None = None
    bandwidths: list[Bandwidth] = []
    attributes: list[Attribute] = []
    other: list[Line] = []
    for letter, value in lines:
        if letter == "o" and origin is None:
            origin = Origin.parse(value)
        elif letter == "s" and name is None:
            name = value
        elif letter == "t" and timing is None:
            timing = value
        elif letter == "c" and connection is None:
            connection = Connection.parse(value)
        elif letter == "b" and (limit := _BANDWIDTH.fullmatch(value)):
            bandwidths.append(Bandwidth(limit[1], int(limit[2])))
        elif letter == "a":
            attributes.append(Attribute.parse(value))
        elif letter in "vos":
            raise SdpParseError(f"one {letter}= line, got another: {value[:80]!r}")
        else:
            other.append((letter, value))
    if origin is None:
        raise SdpParseError("a description has an o= line, got none")
    return SessionDescription(
        origin=origin,
        name="-" if name is None else name,
        connection=connection,
        bandwidths=tuple(bandwidths),
        timing="0 0" if timing is None else timing,
        attributes=tuple(attributes),
        other=tuple(_ranked(other, _SESSION_RANK)),
    )


def _parse_media(lines: list[Line]) -> MediaDescription:
    connection: Connection | None = None
    bandwidths: list[Bandwidth] = []
    attributes: list[Attribute] = []
    other: list[Line] = []
    for letter, value in lines[1:]:
        if letter == "c" and connection is None:
            connection = Connection.parse(value)
        elif letter == "b" and (limit := _BANDWIDTH.fullmatch(value)):
            bandwidths.append(Bandwidth(limit[1], int(limit[2])))
        elif letter == "a":
            attributes.append(Attribute.parse(value))
        else:
            other.append((letter, value))
    return replace(
        MediaDescription.parse(lines[0][1]),
        connection=connection,
        bandwidths=tuple(bandwidths),
        attributes=tuple(attributes),
        other=tuple(_ranked(other, _MEDIA_RANK)),
    )


def _lines(data: bytes) -> Iterator[Line]:
    """Split a body into (letter, value), within the bounds."""
    if len(data) > MAX_DESCRIPTION_BYTES:
        raise SdpParseError(f"a description of at most {MAX_DESCRIPTION_BYTES} bytes, got {len(data)}")
    text = data.decode("utf-8", "surrogateescape")
    raw = text.split("\n")  # RFC 8866 section 5: a single newline SHOULD be accepted, too
    if len(raw) > MAX_LINES:
        raise SdpParseError(f"a description of at most {MAX_LINES} lines, got {len(raw)}")
    for number, line in enumerate(raw, 1):
        line = line.rstrip("\r")
        if not line.strip(" \t"):
            continue
        if len(line) < 2 or line[1] != "=" or "\r" in line or "\0" in line:
            raise SdpParseError(f"line {number} wants the form x=value, got {line[:80]!r}")
        yield line[0], line[2:]


def _ranked(lines: Iterable[Line], ranks: dict[str, int]) -> list[Line]:
    """Put *lines* in the order of the RFC; letters it does not know come last."""
    return sorted(lines, key=lambda line: ranks.get(line[0], len(ranks)))


def _fields(value: str) -> list[str]:
    return [field for field in value.replace("\t", " ").split(" ") if field]


def _values(attributes: tuple[Attribute, ...], name: str) -> list[str]:
    # RFC 8866 section 6: attribute names are case-sensitive; peers are not, so neither are we.
    return [each.value or "" for each in attributes if each.name.lower() == name]
