"""Header fields of a message, and the values that have a structure of their own (RFC 3261 section 20)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from softphone.sip.errors import LocalSipError, SipParseError
from softphone.sip.grammar import (
    WSP,
    clipped,
    format_host_port,
    format_params,
    has_bare_control,
    is_token,
    parse_host_port,
    parse_param,
    parse_params,
    parse_uint,
    split_list,
    unquote,
)

T = TypeVar("T")

# RFC 3261 section 7.3.3 and the IANA registry of header fields.
COMPACT_NAMES: Mapping[str, str] = {
    "Accept-Contact": "a",
    "Allow-Events": "u",
    "Call-ID": "i",
    "Contact": "m",
    "Content-Encoding": "e",
    "Content-Length": "l",
    "Content-Type": "c",
    "Event": "o",
    "From": "f",
    "Identity": "y",
    "Refer-To": "r",
    "Referred-By": "b",
    "Reject-Contact": "j",
    "Request-Disposition": "d",
    "Session-Expires": "x",
    "Subject": "s",
    "Supported": "k",
    "To": "t",
    "Via": "v",
}
# Headers whose grammar is a list: one line with commas means several lines (RFC 3261 section 7.3.1).
_LIST_NAMES = (
    "Accept",
    "Accept-Contact",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Allow-Events",
    "Call-Info",
    "Contact",
    "Content-Encoding",
    "Content-Language",
    "Diversion",
    "Error-Info",
    "History-Info",
    "In-Reply-To",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Path",
    "Proxy-Require",
    "Reason",
    "Record-Route",
    "Reject-Contact",
    "Require",
    "Route",
    "Service-Route",
    "Supported",
    "Unsupported",
    "Via",
    "Warning",
)
_SINGLE_NAMES = (
    "Authentication-Info",
    "Authorization",
    "CSeq",
    "Content-Disposition",
    "Date",
    "Expires",
    "MIME-Version",
    "Max-Forwards",
    "Min-Expires",
    "Min-SE",
    "Organization",
    "Priority",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "RAck",
    "RSeq",
    "Replaces",
    "Reply-To",
    "Retry-After",
    "Server",
    "Session-ID",
    "Subscription-State",
    "Timestamp",
    "User-Agent",
    "WWW-Authenticate",
)
# Any known name in lower case, and its compact form -> (key, name as written out).
_KNOWN: Mapping[str, tuple[str, str]] = {
    **{name.lower(): (name.lower(), name) for name in (*COMPACT_NAMES, *_LIST_NAMES, *_SINGLE_NAMES)},
    **{compact: (name.lower(), name) for name, compact in COMPACT_NAMES.items()},
}
_LIST_KEYS = frozenset(name.lower() for name in _LIST_NAMES)
# The pieces of a Via before its parameters: sent-protocol with its slashes, then sent-by.
_VIA = re.compile(r"([^\s/;]+)[ \t]*/[ \t]*([^\s/;]+)[ \t]*/[ \t]*([^\s/;]+)[ \t]+([^;]+)")


def _key_and_name(name: str) -> tuple[str, str]:
    lower = name.lower()
    return _KNOWN.get(lower) or (lower, name)


class Headers:
    """An ordered, case-insensitive multi-map of header fields; compact and long names are the same.

    Values are single lines of text as they stand in the message (unfolded, outer white space removed).
    """

    __slots__ = ("_items", "_parsed")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        # (key, name as written out, value); key is the lower-case long name.
        self._items: list[tuple[str, str, str]] = []
        self._parsed: dict[str, Any] = {}
        for name, value in items:
            self.add(name, value)

    @classmethod
    def from_lines(cls, lines: Iterable[str], *, skip_bad: bool = False) -> Headers:
        """Parse unfolded header lines without their line ends.

        Raises:
            SipParseError: for a line without a colon or with a name that is no token, unless skipped.
        """
        headers = cls()
        items = headers._items
        for line in lines:
            name, colon, value = line.partition(":")
            known = _KNOWN.get(name.rstrip(WSP).lower())
            if known is None or not colon:
                name = name.rstrip(WSP)
                if not colon or not is_token(name):
                    if skip_bad:
                        continue
                    raise SipParseError(f"header line must be 'name: value', got {clipped(line)}")
                known = (name.lower(), name)
            items.append((*known, value.strip(WSP)))
        return headers

    def get(self, name: str) -> str | None:
        """The first line's value, commas and all; None if there is no such header."""
        key, _ = _key_and_name(name)
        for item_key, _, value in self._items:
            if item_key == key:
                return value
        return None

    def get_all(self, name: str) -> list[str]:
        """All values in order; lines of a comma-separated header are split into their elements."""
        key, _ = _key_and_name(name)
        elements = self._elements(key)
        return [element for element in elements if element] if key in _LIST_KEYS else elements

    def add(self, name: str, value: str) -> None:
        """Append a line at the end.

        Raises:
            LocalSipError: if the name is no token or the value holds a line end or a control character.
        """
        self._items.append(self._checked(name, value))

    def prepend(self, name: str, value: str) -> None:
        """Put a line before all others (a Via, a Route)."""
        self._items.insert(0, self._checked(name, value))

    def set(self, name: str, value: str) -> None:
        """Replace all lines of this name by one, at the place of the first."""
        item = self._checked(name, value)
        for index, (key, _, _) in enumerate(self._items):
            if key == item[0]:
                rest = [other for other in self._items[index:] if other[0] != key]
                self._items[index:] = [item, *rest]
                return
        self._items.append(item)

    def remove(self, name: str) -> None:
        """Drop all lines of this name, if any."""
        key, _ = _key_and_name(name)
        self._parsed.pop(key, None)
        self._items = [item for item in self._items if item[0] != key]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self.items()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return [(k, v) for k, _, v in self._items] == [(k, v) for k, _, v in other._items]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({list(self.items())!r})"

    def items(self) -> Iterator[tuple[str, str]]:
        """(long name, value) of each line, in order."""
        return ((name, value) for _, name, value in self._items)

    def copy(self) -> Headers:
        """An independent copy."""
        other = Headers()
        other._items = list(self._items)
        other._parsed = dict(self._parsed)
        return other

    def parsed(self, name: str, parse: Callable[[list[str]], T]) -> T:
        """What *parse* makes of all values, empty list elements included; kept until they change.

        A name is to be used with one *parse* only, and written out in its long form.

        Raises:
            SipParseError: what *parse* raises.
        """
        key = name.lower()
        try:
            value: T = self._parsed[key]
        except KeyError:
            value = self._parsed[key] = parse(self._elements(key))
        return value

    def _elements(self, key: str) -> list[str]:
        values = [value for item_key, _, value in self._items if item_key == key]
        if key not in _LIST_KEYS:
            return values
        if len(values) == 1:
            return split_list(values[0])
        return [element for value in values for element in split_list(value)]

    def _checked(self, name: str, value: str) -> tuple[str, str, str]:
        key, name = _key_and_name(name)
        if not is_token(name):
            raise LocalSipError(f"header name must be a token, got {clipped(name)}")
        # A line end here would let a value smuggle in another header.
        if has_bare_control(value):
            raise LocalSipError(f"value of {name} must be one line of text, got {clipped(value)}")
        self._parsed.pop(key, None)
        return key, name, value.strip(WSP)


@dataclass(frozen=True, slots=True)
class Via:
    """One hop of a message's way (RFC 3261 section 20.42)."""

    transport: str
    """In upper case: UDP, TCP, TLS..."""
    host: str
    """Where the sender wants responses; IPv6 without brackets."""
    port: int | None = None
    params: dict[str, str | None] = field(default_factory=dict)
    """Names in lower case."""
    protocol: str = "SIP/2.0"

    @classmethod
    def parse(cls, text: str) -> Via:
        """Parse one element of a Via header.

        Raises:
            SipParseError: if the grammar does not allow it.
        """
        text = text.strip(WSP)
        head, semicolon, param_text = text.partition(";")
        match = _VIA.fullmatch(head)
        if not match or not all(is_token(part) for part in match.group(1, 2, 3)):
            raise SipParseError(f"Via must be 'SIP/2.0/transport host', got {clipped(text)}")
        name, version, transport, sent_by = match.groups()
        host, port = parse_host_port(sent_by.strip(WSP), "Via")
        params = parse_params(param_text, "Via") if semicolon else {}
        return cls(transport.upper(), host, port, params, f"{name}/{version}")

    def __str__(self) -> str:
        sent_by = format_host_port(self.host, self.port)
        return f"{self.protocol}/{self.transport} {sent_by}{format_params(self.params)}"

    @property
    def branch(self) -> str | None:
        """The transaction's identity."""
        return self.params.get("branch")

    @property
    def received(self) -> str | None:
        """Source address as the receiver saw it; IPv6 without brackets, which some peers write."""
        value = self.params.get("received")
        return None if value is None else value.strip("[]")

    @property
    def rport(self) -> int | None:
        """Source port as the receiver saw it (RFC 3581); None also for a bare `rport`, which asks for it."""
        value = self.params.get("rport")
        return int(value) if value and value.isascii() and value.isdigit() and len(value) <= 5 else None

    def with_params(self, **params: str | None) -> Via:
        """A copy with these parameters set."""
        return Via(self.transport, self.host, self.port, {**self.params, **params}, self.protocol)


@dataclass(frozen=True, slots=True)
class CSeq:
    """Sequence number and method (RFC 3261 section 20.16)."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Parse the value of CSeq.

        Raises:
            SipParseError: if it is not a number below 2**31 and a method.
        """
        parts = text.split()
        if len(parts) != 2 or not is_token(parts[1]):
            raise SipParseError(f"CSeq must be a number and a method, got {clipped(text)}")
        # RFC 3261 section 8.1.1.5: less than 2**31.
        return cls(parse_uint(parts[0], "CSeq", maximum=2**31 - 1), parts[1])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def parse_auth_params(value: str) -> tuple[str, dict[str, str]]:
    """Parse a digest challenge or credentials: `Digest realm="x", nonce="y", ...` (RFC 3261 section 25.1).

    Returns:
        The scheme as written, and the parameters: names in lower case, values without quotes and escapes.

    Raises:
        SipParseError: if there is no scheme, or a parameter is not `name=value`, or comes twice.
    """
    scheme, _, rest = value.replace("\t", " ").strip(WSP).partition(" ")
    if not is_token(scheme):
        raise SipParseError(f"an authentication scheme must come first, got {clipped(value)}")
    params: dict[str, str] = {}
    for item in split_list(rest):
        # RFC 7235 section 2.1: the list may have empty elements.
        if not item:
            continue
        name, parameter = parse_param(item, scheme)
        if parameter is None or name in params:
            raise SipParseError(f"{scheme} parameter must be name=value, once, got {clipped(item)}")
        params[name] = unquote(parameter)
    return scheme, params
