"""Requests and responses: bytes to message and back (RFC 3261 sections 7 and 25.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from softphone.sip.errors import LocalSipError, SipParseError
from softphone.sip.grammar import clipped, has_bare_control, is_token, parse_uint
from softphone.sip.headers import COMPACT_NAMES, CSeq, Headers, Via
from softphone.sip.uri import NameAddr, SipUri

MAX_MESSAGE_BYTES = 65535
MAX_HEADER_LINES = 256
MAX_LIST_VALUES = 128
VERSION = "SIP/2.0"
# The methods of RFC 3261 and its extensions; another one with a wrong CSeq gets 501 instead of 400.
KNOWN_METHODS = frozenset(
    (
        *("ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY"),
        *("OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE"),
    )
)

_FOLD = re.compile("\r\n[ \t]+")
# What a reason phrase must not hold and a terminal must not get; surrogates stand for broken UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")
_SIP_VERSION = re.compile("SIP/[0-9]+\\.[0-9]+", re.IGNORECASE)
_CALL_ID = re.compile("[!-~]+")
_NO_END = "headers must end with an empty line, got the end of the message"
_CONTENT_LENGTH_COMPACT = COMPACT_NAMES["Content-Length"]


class _Fields:
    """What requests and responses have in common: their headers, taken apart on first use."""

    __slots__ = ()
    headers: Headers

    @property
    def call_id(self) -> str:
        """Call-ID, compared byte by byte."""
        return self.headers.parsed("Call-ID", _parse_call_id)

    @property
    def cseq(self) -> CSeq:
        """CSeq."""
        return self.headers.parsed("CSeq", _parse_cseq)

    @property
    def from_(self) -> NameAddr:
        """From."""
        return self.headers.parsed("From", _parse_from)

    @property
    def to(self) -> NameAddr:
        """To."""
        return self.headers.parsed("To", _parse_to)

    @property
    def vias(self) -> tuple[Via, ...]:
        """All Via values, top first; never empty."""
        return self.headers.parsed("Via", _parse_vias)

    @property
    def via(self) -> Via:
        """The top Via."""
        return self.vias[0]

    @property
    def contacts(self) -> tuple[NameAddr, ...]:
        """All Contact values; empty without Contact, and for the `*` of a REGISTER."""
        return self.headers.parsed("Contact", _parse_contacts)

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    @property
    def routes(self) -> tuple[NameAddr, ...]:
        """All Route values, in order."""
        return self.headers.parsed("Route", _parse_routes)

    @property
    def record_routes(self) -> tuple[NameAddr, ...]:
        """All Record-Route values, in order."""
        return self.headers.parsed("Record-Route", _parse_routes)

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards; None if absent, as from elements older than RFC 3261."""
        return self.headers.parsed("Max-Forwards", _parse_max_forwards)


@dataclass(slots=True)
class Request(_Fields):
    """A request; `bytes()` of it is what goes on the wire."""

    method: str
    uri: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def __bytes__(self) -> bytes:
        return self.to_bytes()

    def to_bytes(self, *, compact: bool = False) -> bytes:
        """Serialise, Content-Length set from the body; *compact* writes the short header names.

        Raises:
            LocalSipError: if method or URI would not make a request line.
        """
        if not is_token(self.method) or not self.uri or not self.uri.isprintable() or " " in self.uri:
            raise LocalSipError(f"cannot send request {clipped(self.method)} to {clipped(self.uri)}")
        return _serialise(f"{self.method} {self.uri} {VERSION}", self.headers, self.body, compact)


@dataclass(slots=True)
class Response(_Fields):
    """A response; `bytes()` of it is what goes on the wire.

    A *reason* that was parsed holds U+FFFD for control characters and for bytes that are not UTF-8.
    """

    status: int
    reason: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def __bytes__(self) -> bytes:
        return self.to_bytes()

    def to_bytes(self, *, compact: bool = False) -> bytes:
        """Serialise, Content-Length set from the body; *compact* writes the short header names.

        Raises:
            LocalSipError: if status or reason would not make a status line.
        """
        if not 100 <= self.status <= 699 or "\r" in self.reason or "\n" in self.reason:
            raise LocalSipError(f"cannot send response {self.status} {clipped(self.reason)}")
        return _serialise(f"{VERSION} {self.status} {self.reason}", self.headers, self.body, compact)


def parse_message(data: bytes) -> Request | Response:
    """Parse one datagram.

    The headers that route and match a message (Via, From, To, Call-ID, CSeq, Contact, Route, Record-Route,
    Max-Forwards, Content-Length) are checked here, so that the properties of what is returned never raise.

    Raises:
        SipParseError: for anything that is not one message; with `partial` where it is to be answered.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise SipParseError(f"message must be at most {MAX_MESSAGE_BYTES} bytes, got {len(data)}", status=513)
    # RFC 3261 section 7.5: line ends before the start line are ignored.
    data = data.lstrip(b"\r\n")
    end = data.find(b"\r\n\r\n")
    head = str(data if end < 0 else data[:end], "utf-8", "surrogateescape")
    if not head:
        raise SipParseError("datagram holds no message, only line ends (keep-alive)")
    # None: there is no end of the headers, hence no body either.
    rest = None if end < 0 else data[end + 4 :]
    lines = (_FOLD.sub(" ", head) if "\r\n " in head or "\r\n\t" in head else head).split("\r\n")
    if head[:4].upper() == "SIP/":
        return _parse_response(lines, rest)
    return _parse_request(lines, rest)


def _parse_request(lines: list[str], rest: bytes | None) -> Request:
    # RFC 3261 section 7.1: single spaces only, and none in the URI.
    method, _, remainder = lines[0].partition(" ")
    uri, _, version = remainder.rpartition(" ")
    try:
        if not is_token(method):
            raise SipParseError(f"request must start with a method, got {clipped(method)}")
        if not _SIP_VERSION.fullmatch(version):
            raise SipParseError(f"request line must end with {VERSION}, got {clipped(version)}")
        if version[4:] != "2.0":
            raise SipParseError(f"version must be {VERSION}, got {clipped(version)}", status=505)
        # RFC 3261 section 19.1.1: a Request-URI has no headers.
        if SipUri.parse(uri).headers:
            raise SipParseError(f"Request-URI must not have headers, got {clipped(uri)}")
        if rest is None:
            raise SipParseError(_NO_END)
        headers = _parse_headers(lines)
        request = Request(method, uri, headers)
        _check_fields(request)
        if request.cseq.method != method:
            raise SipParseError(
                f"method of CSeq must be {clipped(method)}, got {clipped(request.cseq.method)}",
                status=400 if method in KNOWN_METHODS else 501,
            )
        request.body = _take_body(headers, rest)
    except SipParseError as error:
        # Without an end of the headers, the last line may be cut.
        partial = _partial_request(method, uri, lines[:-1] if rest is None else lines)
        raise SipParseError(str(error), status=error.status, partial=partial) from error
    return request


def _parse_response(lines: list[str], rest: bytes | None) -> Response:
    version, _, remainder = lines[0].partition(" ")
    code, _, reason = remainder.partition(" ")
    if rest is None:
        raise SipParseError(_NO_END)
    if version[4:] != "2.0":
        raise SipParseError(f"version must be {VERSION}, got {clipped(version)}")
    # RFC 3261 section 7.2: three digits, first digit 1 to 6.
    if len(code) != 3 or not 100 <= parse_uint(code, "status code") <= 699:
        raise SipParseError(f"status code must be in 100..699, got {clipped(code)}")
    headers = _parse_headers(lines)
    response = Response(int(code), _UNPRINTABLE.sub("\ufffd", reason), headers)
    _check_fields(response)
    response.body = _take_body(headers, rest)
    return response


def _parse_headers(lines: list[str]) -> Headers:
    if len(lines) > MAX_HEADER_LINES + 1:
        raise SipParseError(f"message must have at most {MAX_HEADER_LINES} headers, got {len(lines) - 1}")
    # RFC 3261 section 25.1: lines end with CR LF, and only a quoted pair may hold a control character.
    for line in lines:
        if has_bare_control(line):
            raise SipParseError(f"a line must not hold control characters, got {clipped(line)}")
    return Headers.from_lines(lines[1:])


def _check_fields(message: Request | Response) -> None:
    """Parse what routes and matches a message, so that it is there and its properties do not raise."""
    _ = (message.vias, message.from_, message.to, message.call_id, message.cseq, message.max_forwards)
    _ = (message.contacts, message.routes, message.record_routes)


def _take_body(headers: Headers, rest: bytes) -> bytes:
    lengths = headers.get_all("Content-Length")
    if not lengths:
        # RFC 3261 section 18.3: over UDP, a missing Content-Length means all of the datagram.
        return rest
    if len(lengths) > 1:
        raise SipParseError(f"Content-Length must come once, got {len(lengths)}")
    length = parse_uint(lengths[0], "Content-Length")
    # RFC 3261 section 18.3: too few bytes are an error, more are discarded.
    if length > len(rest):
        raise SipParseError(f"body must have Content-Length {length} bytes, got {len(rest)}")
    return rest[:length]


def _partial_request(method: str, uri: str, lines: list[str]) -> Request | None:
    # RFC 3261 section 17.1.1.3: an ACK is never answered.
    if method == "ACK" or not is_token(method):
        return None
    request = Request(method, uri, Headers.from_lines(lines[1 : MAX_HEADER_LINES + 1], skip_bad=True))
    try:
        _ = request.vias
    except SipParseError:
        return request if _make_vias_readable(request.headers) else None
    return request


def _make_vias_readable(headers: Headers) -> bool:
    """Keep the Via values that parse, the top one without its empty parameters; False if that fails."""
    vias: list[Via] = []
    for text in headers.get_all("Via")[:MAX_LIST_VALUES]:
        try:
            vias.append(Via.parse(text if vias else ";".join(filter(str.strip, text.split(";")))))
        except SipParseError:
            if not vias:
                return False
    headers.remove("Via")
    for via in reversed(vias):
        headers.prepend("Via", str(via))
    return bool(vias)


def _serialise(start_line: str, headers: Headers, body: bytes, compact: bool) -> bytes:
    lines = [start_line]
    # RFC 3261 section 7.3.1: the space behind the colon is a recommendation.
    colon = ":" if compact else ": "
    for name, value in headers.items():
        if name != "Content-Length":
            lines.append(f"{COMPACT_NAMES.get(name, name) if compact else name}{colon}{value}")
    length = _CONTENT_LENGTH_COMPACT if compact else "Content-Length"
    lines.append(f"{length}{colon}{len(body)}\r\n\r\n")
    try:
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body
    except UnicodeEncodeError as error:
        raise LocalSipError(f"cannot send the character {clipped(error.object[error.start])}") from error


def _one(values: list[str], name: str) -> str:
    if len(values) != 1:
        raise SipParseError(
            f"{name} must come once, got {len(values)}" if values else f"Missing {name} header field"
        )
    return values[0]


def _bounded(values: list[str], name: str) -> list[str]:
    if len(values) > MAX_LIST_VALUES:
        raise SipParseError(f"{name} must have at most {MAX_LIST_VALUES} values, got {len(values)}")
    return values


def _parse_vias(values: list[str]) -> tuple[Via, ...]:
    if not values:
        raise SipParseError("Missing Via header field")
    return tuple([Via.parse(value) for value in _bounded(values, "Via")])


def _parse_call_id(values: list[str]) -> str:
    call_id = _one(values, "Call-ID")
    if not _CALL_ID.fullmatch(call_id):
        raise SipParseError(f"Call-ID must be one word, got {clipped(call_id)}")
    return call_id


def _parse_cseq(values: list[str]) -> CSeq:
    return CSeq.parse(_one(values, "CSeq"))


def _parse_from(values: list[str]) -> NameAddr:
    return _address(_one(values, "From"), "From")


def _parse_to(values: list[str]) -> NameAddr:
    return _address(_one(values, "To"), "To")


def _parse_contacts(values: list[str]) -> tuple[NameAddr, ...]:
    return () if values == ["*"] else _addresses(values, "Contact")


def _parse_routes(values: list[str]) -> tuple[NameAddr, ...]:
    return _addresses(values, "Route")


def _addresses(values: list[str], name: str) -> tuple[NameAddr, ...]:
    return tuple([_address(value, name) for value in _bounded(values, name)])


def _address(text: str, name: str) -> NameAddr:
    try:
        return NameAddr.parse(text)
    except SipParseError as error:
        raise SipParseError(f"{name}: {error}") from error


def _parse_max_forwards(values: list[str]) -> int | None:
    return parse_uint(_one(values, "Max-Forwards"), "Max-Forwards", maximum=255) if values else None
