"""The little HTTP that a page and its WebSocket need (RFC 9110, RFC 9112): one GET per connection, answered and closed.

Sans-I/O. Requests are taken strictly: what two readers could take for two different things is refused.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

MAX_HEAD = 16 << 10
"""Bytes of a request line and its headers; a browser's cookies of other programs on localhost come along."""
MAX_HEADERS = 64

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 section 5.5
_VERSION = re.compile(rb"HTTP/\d\.\d")  # RFC 9112 section 2.3
_TARGET = re.compile(rb"/[\x21-\x7e]*")  # RFC 9112 section 3.2.1
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")  # RFC 9110 section 14.1.2, of one part
_SINGLE = frozenset(
    (
        b"host",
        b"origin",
        b"content-length",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"range",
        b"upgrade",
    )
)
"""Headers of which a second one would make a riddle of the request."""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'none'; "
    "frame-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may do (Content Security Policy, level 3): nothing but what comes from this port."""
FILE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; frame-ancestors 'self'"
"""What a report may do: no script, no network, an origin of its own."""

_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Connection", "close"),
)


class Refusal(Exception):
    """A request that is answered with an error.

    Args:
        status: of HTTP.
        line: what was wanted, what was got, what to do; nothing of the request stands in it.
        headers: more of the answer's.
    """

    def __init__(self, status: int, line: str, *headers: tuple[str, str]) -> None:
        super().__init__(line)
        self.status = status
        self.line = line
        self.headers = headers

    def __bytes__(self) -> bytes:
        return answer(self.status, f"{self.line}\n".encode(), headers=self.headers)


@dataclass(frozen=True, slots=True)
class Request:
    """One GET."""

    path: str
    """Without the query."""
    headers: Mapping[str, str]
    """By name in lower case."""

    @property
    def wants_websocket(self) -> bool:
        """Whether it asks to go on as a WebSocket (RFC 6455 section 4.1)."""
        return self.headers.get("upgrade", "").strip().lower() == "websocket"


def parse_request(head: bytes) -> Request:
    """Read a request's line and headers, *head* up to and with its empty line.

    Raises:
        Refusal: 400, 405, 431 or 505.
    """
    line, *fields = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    words = line.split(b" ")
    if len(words) != 3 or not _TOKEN.fullmatch(words[0]) or not _VERSION.fullmatch(words[2]):
        raise Refusal(400, "wanted one line of HTTP, as: GET / HTTP/1.1")
    method, target, version = words
    if version != b"HTTP/1.1":
        raise Refusal(505, "wanted HTTP/1.1")
    if method != b"GET":
        raise Refusal(405, "wanted GET: nothing here is changed by HTTP", ("Allow", "GET"))
    if not _TARGET.fullmatch(target):
        raise Refusal(400, "wanted a path that begins with /, in printable ASCII")
    if len(fields) > MAX_HEADERS:
        raise Refusal(431, f"wanted at most {MAX_HEADERS} headers")
    headers = _headers(fields)
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        raise Refusal(400, "wanted a GET without a body")
    return Request(target.partition(b"?")[0].decode("ascii"), headers)


def _headers(fields: Sequence[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in fields:
        name, colon, value = each.partition(b":")
        if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Refusal(400, "wanted headers of the form Name: value")
        key = name.lower()
        text = value.strip(b" \t").decode("latin-1")
        known = found.get(key.decode("ascii"))
        if known is not None and key in _SINGLE:
            raise Refusal(400, "wanted one header of a kind, got two")
        found[key.decode("ascii")] = text if known is None else f"{known}, {text}"
    return found


def head_of(
    status: int,
    length: int | None,
    content_type: str,
    headers: Sequence[tuple[str, str]] = (),
    *,
    policy: str = PAGE_POLICY,
) -> bytes:
    """Return the head of an answer of *length* bytes, with the headers that every answer has.

    Args:
        length: None: it is not said, as in a 304 (RFC 9110 section 15.4.5).
    """
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        *(() if length is None else (f"Content-Length: {length}",)),
        f"Content-Type: {content_type}",
        f"Content-Security-Policy: {policy}",
        *(f"{name}: {value}" for name, value in (*_ALWAYS, *headers)),
    ]
    if not any(name == "Cache-Control" for name, _ in headers):
        lines.append("Cache-Control: no-store")
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def answer(
    status: int,
    body: bytes = b"",
    *,
    content_type: str = "text/plain; charset=utf-8",
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
    """Return a whole answer."""
    return head_of(status, None if status == 304 else len(body), content_type, headers) + body


def span_of(header: str | None, size: int) -> range | None:
    """Return the bytes that a Range header asks for, None for all of them (RFC 9110 section 14.2).

    Raises:
        Refusal: 416: it asks for none of the *size* bytes.
    """
    if header is None:
        return None
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if match is None or match.group(1) == match.group(2) == "":
        return None  # several parts, or another unit: all of it may be given instead
    first, last = match.groups()
    if first:
        span = range(int(first), min(size, int(last) + 1) if last else size)
    else:
        span = range(max(0, size - int(last)), size)
    if last and first and int(last) < int(first):
        return None
    if not span:
        raise Refusal(416, "wanted a range within the file", ("Content-Range", f"bytes */{size}"))
    return span
