"""SIP URIs and the name-addr form around them (RFC 3261 sections 19.1 and 25.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from softphone.sip.errors import SipParseError
from softphone.sip.grammar import (
    WSP,
    clipped,
    format_host_port,
    format_params,
    is_token,
    match_quoted,
    parse_host_port,
    parse_params,
    quote,
    unquote,
)

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+\-.]*")
_UNRESERVED = r"A-Za-z0-9\-_.!~*'()"
_USER = re.compile(rf"(?:[{_UNRESERVED}&=+$,;?/]|%[0-9A-Fa-f]{{2}})+")
_PASSWORD = re.compile(rf"(?:[{_UNRESERVED}&=+$,]|%[0-9A-Fa-f]{{2}})*")
_PARAM = re.compile(rf"(?:[{_UNRESERVED}\[\]/:&+$]|%[0-9A-Fa-f]{{2}})+")
_HEADER = re.compile(rf"(?:[{_UNRESERVED}\[\]/?:+$]|%[0-9A-Fa-f]{{2}})*")
_OPAQUE = re.compile(r"[!#-;=?-\[\]_a-z~]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile("%([0-9A-Fa-f]{2})")
_UNRESERVED_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()")
# Present in one URI only, these make two URIs differ; others are then ignored (RFC 3261 section 19.1.4).
_PARAMS_NEVER_IGNORED = ("transport", "user", "ttl", "method", "maddr")


def escape_user(text: str) -> str:
    """*text* as the user part of a SIP URI: what may not stand there becomes UTF-8 percent escapes."""
    return percent_encode(text, safe="-_.!~*'()&=+$,;?/")


def _normalized(text: str) -> str:
    """Escapes of unreserved characters resolved, other escapes in upper case: equal texts mean the same."""
    if "%" not in text:
        return text

    def resolve(match: re.Match[str]) -> str:
        char = chr(int(match.group(1), 16))
        return char if char in _UNRESERVED_CHARS else match.group().upper()

    return _ESCAPED.sub(resolve, text)


def _folded(text: str | None) -> str | None:
    return None if text is None else _normalized(text).lower()


def _same(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    return _normalized(one) == _normalized(other)


@dataclass(frozen=True, slots=True)
class SipUri:
    """A `sip:` or `sips:` URI taken apart, or any other URI with its scheme apart.

    User, password, parameter values and headers are kept as written, escapes included.
    """

    scheme: str
    """In lower case."""
    user: str | None = None
    password: str | None = None
    host: str = ""
    """Host name or address, IPv6 without brackets; empty for a scheme other than sip and sips."""
    port: int | None = None
    params: dict[str, str | None] = field(default_factory=dict)
    """Names in lower case and without needless escapes."""
    headers: tuple[tuple[str, str], ...] = ()
    opaque: str = ""
    """All after the colon, for a scheme other than sip and sips."""

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Parse a URI without angle brackets and without white space around.

        Raises:
            SipParseError: if the grammar does not allow it.
        """
        scheme, colon, rest = text.partition(":")
        if not colon or not _SCHEME.fullmatch(scheme):
            raise SipParseError(f"URI must start with a scheme such as sip:, got {clipped(text)}")
        scheme = scheme.lower()
        if scheme not in ("sip", "sips"):
            if not _OPAQUE.fullmatch(rest):
                raise SipParseError(f"URI has characters that no URI holds: {clipped(text)}")
            return cls(scheme, opaque=rest)
        user = password = None
        # Nothing in a SIP URI but the end of userinfo is an unescaped "@"; ";" and "?" may stand before it.
        userinfo, at, hostpart = rest.partition("@")
        if at:
            user, colon, secret = userinfo.partition(":")
            if not _USER.fullmatch(user):
                raise SipParseError(f"URI has a bad user part {clipped(user)}")
            if colon:
                password = secret
                if not _PASSWORD.fullmatch(secret):
                    raise SipParseError("URI has a bad password part")
        else:
            hostpart = rest
        hostpart, question, header_text = hostpart.partition("?")
        hostpart, semicolon, param_text = hostpart.partition(";")
        if " " in hostpart or "\t" in hostpart:
            raise SipParseError(f"URI must not hold white space, got {clipped(text)}")
        host, port = parse_host_port(hostpart, "URI")
        return cls(
            scheme,
            user,
            password,
            host,
            port,
            _parse_uri_params(param_text) if semicolon else {},
            _parse_uri_headers(header_text) if question else (),
        )

    def __str__(self) -> str:
        if self.scheme not in ("sip", "sips"):
            return f"{self.scheme}:{self.opaque}"
        userinfo = ""
        if self.user is not None:
            userinfo = f"{self.user}@" if self.password is None else f"{self.user}:{self.password}@"
        text = f"{self.scheme}:{userinfo}{format_host_port(self.host, self.port)}"
        if self.params:
            text += format_params(self.params)
        if self.headers:
            text += "?" + "&".join(f"{name}={value}" for name, value in self.headers)
        return text

    def __hash__(self) -> int:
        return hash((self.scheme, self.user, self.host, self.port, self.opaque))

    @property
    def user_text(self) -> str:
        """The user part with its escapes resolved; empty if there is none."""
        return percent_decode(self.user or "")

    def matches(self, other: SipUri) -> bool:
        """Whether both mean the same (RFC 3261 section 19.1.4), which is neither text equality nor `==`."""
        if self.scheme != other.scheme or self.opaque != other.opaque:
            return False
        if not _same(self.user, other.user) or not _same(self.password, other.password):
            return False
        if self.host.lower() != other.host.lower() or self.port != other.port:
            return False
        for name in self.params.keys() & other.params.keys():
            if _folded(self.params[name]) != _folded(other.params[name]):
                return False
        if any((name in self.params) != (name in other.params) for name in _PARAMS_NEVER_IGNORED):
            return False
        return _header_set(self) == _header_set(other)


def _header_set(uri: SipUri) -> list[tuple[str, str]]:
    return sorted((_normalized(name).lower(), _normalized(value)) for name, value in uri.headers)


def _parse_uri_params(text: str) -> dict[str, str | None]:
    params: dict[str, str | None] = {}
    for item in text.split(";"):
        name, equals, value = item.partition("=")
        if not _PARAM.fullmatch(name) or (equals and not _PARAM.fullmatch(value)):
            raise SipParseError(f"URI has a bad parameter {clipped(item)}")
        name = _normalized(
            name
        ).lower()  # section 19.1.4: an escaped letter is that letter, and case says nothing
        if name in params:
            raise SipParseError(f"URI has parameter {clipped(name)} twice")
        params[name] = value if equals else None
    return params


def _parse_uri_headers(text: str) -> tuple[tuple[str, str], ...]:
    headers = []
    for item in text.split("&"):
        name, equals, value = item.partition("=")
        if not equals or not name or not _HEADER.fullmatch(name) or not _HEADER.fullmatch(value):
            raise SipParseError(f"URI has a bad header {clipped(item)}")
        headers.append((name, value))
    return tuple(headers)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """The value of From, To, Contact, Route and Record-Route: display name, URI, header parameters."""

    uri: SipUri
    display: str = ""
    """Without quotes and escapes; bytes of the peer that are not UTF-8 show as U+FFFD."""
    params: dict[str, str | None] = field(default_factory=dict)
    """Names in lower case, values as written (quotes included)."""

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Parse one value, in name-addr or addr-spec form.

        Raises:
            SipParseError: if the grammar does not allow it.
        """
        text = text.strip(WSP)
        display = ""
        if text.startswith('"'):
            end = match_quoted(text)
            if not end:
                raise SipParseError(f"display name has no closing quote: {clipped(text)}")
            display = unquote(text[:end])
            text = text[end:].lstrip(WSP)
            if not text.startswith("<"):
                raise SipParseError(f"after a display name must come a URI in <>, got {clipped(text)}")
            opening = 0
        else:
            opening = text.find("<")
            semicolon = text.find(";")
            if opening < 0 or 0 <= semicolon < opening:
                return cls._parse_addr_spec(text)
            display = text[:opening].strip(WSP)
            if display and not all(_is_display_word(word) for word in display.split()):
                raise SipParseError(f"display name must be in quotes, got {clipped(display)}")
        if "\r" in display or "\n" in display:  # section 25.1: no quoted pair carries a line end
            raise SipParseError(f"display name must be one line, got {clipped(display)}")
        closing = text.find(">", opening)
        if closing < 0:
            raise SipParseError(f"URI has no closing >: {clipped(text)}")
        uri = SipUri.parse(text[opening + 1 : closing])
        rest = text[closing + 1 :].lstrip(WSP)
        if rest and rest[0] != ";":
            raise SipParseError(f"after a URI in <> must come a semicolon, got {clipped(rest)}")
        return cls(uri, _printable_utf8(display), parse_params(rest[1:], "address") if rest else {})

    @classmethod
    def _parse_addr_spec(cls, text: str) -> NameAddr:
        uri_text, semicolon, param_text = text.partition(";")
        uri_text = uri_text.rstrip(WSP)
        # RFC 3261 section 20: a URI with a comma, semicolon or question mark must be in angle brackets.
        if "?" in uri_text or "," in uri_text:
            raise SipParseError(f"URI with ',' or '?' must be in <>, got {clipped(uri_text)}")
        params = parse_params(param_text, "address") if semicolon else {}
        return cls(SipUri.parse(uri_text), "", params)

    def __str__(self) -> str:
        display = self.display
        if display and not all(is_token(word) for word in display.split(" ")):
            display = quote(display)
        return f"{display} <{self.uri}>{format_params(self.params)}".lstrip()

    @property
    def tag(self) -> str | None:
        """The tag parameter, the peer's half of a dialog's identity."""
        return self.params.get("tag")

    def with_tag(self, tag: str) -> NameAddr:
        """A copy that has *tag*."""
        return replace(self, params={**self.params, "tag": tag})


def _is_display_word(word: str) -> bool:
    # Beyond the grammar, letters outside ASCII: peers send them unquoted, and nothing else can be meant.
    return is_token(word) or is_token("".join(c for c in word if c.isascii()) or "x")


def _printable_utf8(text: str) -> str:
    """Lone surrogates, that stand for the peer's broken UTF-8, replaced; so it can be printed."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
