"""Tokens, quoted strings, lists and parameters of SIP (RFC 3261 section 25.1).

Every function here takes time linear in its text. Texts are unfolded: white space is spaces and tabs only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from softphone.sip.errors import LocalSipError, SipParseError

WSP = " \t"
MAX_UINT32 = 2**32 - 1

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
# A quoted string: no control characters but in quoted pairs, and no line ends at all.
_QDTEXT = r"[^\"\\\x00-\x08\x0a-\x1f\x7f]"
_QUOTED = re.compile(rf'"{_QDTEXT}*(?:\\[^\r\n]{_QDTEXT}*)*"')
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_NEEDS_ESCAPE = re.compile(r'["\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]')
# gen-value is a token, a host or a quoted string. Peers also send "/", "@" or "=" unquoted: nothing else can
# be meant by it.
_PARAM_VALUE = re.compile(rf'{_QUOTED.pattern}|[^\x00-\x20\x7f",;<>\\]+')
_LIST_MARK = re.compile('[",<]')
_PARAM_MARK = re.compile('[";]')
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_MAX_HOST_CHARS = 255
_BARE_CONTROL = re.compile(r"(?<!\\)[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[\r\n]")
_HEX_GROUP = re.compile(r"[0-9A-Fa-f]{1,4}")


def is_token(text: str) -> bool:
    """Whether *text* is a `token`: a method, header name, tag, option tag..."""
    return _TOKEN.fullmatch(text) is not None


def has_bare_control(line: str) -> bool:
    """Whether *line* holds a line end, or a control character that is not in a quoted pair."""
    return not line.isprintable() and _BARE_CONTROL.search(line) is not None


def clipped(text: str) -> str:
    """*text* as error messages quote it: short, and without control characters."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def parse_uint(text: str, what: str, *, maximum: int = MAX_UINT32) -> int:
    """Parse 1*DIGIT, leading zeros allowed, in [0, *maximum*].

    Raises:
        SipParseError: naming *what*.
    """
    text = text.strip(WSP)
    if not (text.isascii() and text.isdigit()):
        raise SipParseError(f"{what} must be a number, got {clipped(text)}")
    digits = text.lstrip("0")
    # The length is looked at first: converting a very long number takes more than linear time.
    if len(digits) > len(str(maximum)) or (value := int(digits or "0")) > maximum:
        raise SipParseError(f"{what} must be at most {maximum}, got {clipped(text)}")
    return value


def match_quoted(text: str) -> int:
    """Length of the quoted string that *text* starts with; 0 if none, or if its end is missing."""
    match = _QUOTED.match(text)
    return match.end() if match else 0


def unquote(text: str) -> str:
    """The content of a quoted string, quoted pairs resolved; any other text as it is."""
    if len(text) < 2 or text[0] != '"':
        return text
    inner = text[1:-1]
    return _QUOTED_PAIR.sub(r"\1", inner) if "\\" in inner else inner


def quote(text: str) -> str:
    """*text* as a quoted string.

    Raises:
        LocalSipError: if it holds CR or LF, which no quoted pair can carry.
    """
    if "\r" in text or "\n" in text:
        raise LocalSipError(f"a quoted string cannot hold a line end, got {clipped(text)}")
    return '"' + _NEEDS_ESCAPE.sub(r"\\\g<0>", text) + '"'


def split_list(value: str) -> list[str]:
    """Split a header value at the commas outside quotes and angle brackets; never raises.

    A quote or bracket that is not closed runs to the end, so that its owner's parser sees and refuses it.
    An empty element stays (only some lists allow it); an empty value gives no element.
    """
    if "," not in value:
        value = value.strip(WSP)
        return [value] if value else []
    if '"' not in value and "<" not in value:
        return [item.strip(WSP) for item in value.split(",")]
    items = []
    start = position = 0
    while mark := _LIST_MARK.search(value, position):
        position = mark.end()
        match mark.group():
            case ",":
                items.append(value[start : position - 1].strip(WSP))
                start = position
            case "<":
                position = value.find(">", position) + 1
            case _:
                quoted = _QUOTED.match(value, position - 1)
                position = quoted.end() if quoted else 0
        if not position:
            break
    items.append(value[start:].strip(WSP))
    return items


def _split_params(text: str) -> list[str]:
    """Split at the semicolons outside quotes; a quote that is not closed runs to the end."""
    if '"' not in text:
        return text.split(";")
    items = []
    start = position = 0
    while mark := _PARAM_MARK.search(text, position):
        position = mark.end()
        if mark.group() == ";":
            items.append(text[start : position - 1])
            start = position
        elif quoted := _QUOTED.match(text, position - 1):
            position = quoted.end()
        else:
            break
    items.append(text[start:])
    return items


def parse_params(text: str, what: str) -> dict[str, str | None]:
    """Parse `name[=value]` items between semicolons; *text* starts after the first semicolon.

    Returns:
        Names in lower case; values as written, quotes included; None for a name alone.

    Raises:
        SipParseError: for an empty item, a bad name or value, or a name that comes twice (section 7.3.1).
    """
    params: dict[str, str | None] = {}
    for item in _split_params(text):
        name, value = parse_param(item, what)
        if name in params:
            raise SipParseError(f"{what} has parameter {clipped(name)} twice")
        params[name] = value
    return params


def parse_param(item: str, what: str) -> tuple[str, str | None]:
    """Parse one `name[=value]`; see `parse_params`.

    Raises:
        SipParseError: for a bad name or value.
    """
    name, equals, value = item.partition("=")
    name = name.strip(WSP).lower()
    if not _TOKEN.fullmatch(name):
        raise SipParseError(f"{what} has a bad parameter name {clipped(name)}")
    if not equals:
        return name, None
    value = value.strip(WSP)
    if not _PARAM_VALUE.fullmatch(value):
        raise SipParseError(f"{what} has a bad value {clipped(value)} of parameter {clipped(name)}")
    return name, value


def format_params(params: Mapping[str, str | None]) -> str:
    """The inverse of `parse_params`, with a leading semicolon for each."""
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in params.items())


def is_ipv6(text: str) -> bool:
    """Whether *text* is an IPv6 address without brackets (RFC 4291 section 2.2)."""
    if ":" not in text or text.count("::") > 1 or ":::" in text:
        return False
    left, gap, right = text.partition("::")
    groups = left.split(":") if left else []
    groups += right.split(":") if right else []
    count = len(groups)
    if groups and "." in groups[-1] and (right or not gap):
        octets = groups.pop().split(".")
        if len(octets) != 4 or not all(
            o.isascii() and o.isdigit() and len(o) <= 3 and int(o) < 256 for o in octets
        ):
            return False
        count += 1
    if not all(_HEX_GROUP.fullmatch(group) for group in groups):
        return False
    return count <= 7 if gap else count == 8


def parse_host_port(text: str, what: str) -> tuple[str, int | None]:
    """Parse `host[:port]`; an IPv6 reference loses its brackets, so that the host can be given to a socket.

    Raises:
        SipParseError: naming *what*.
    """
    port_text: str | None
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if ":::" in host and "." in host:
            # RFC 5118 section 4.10: RFC 3261's grammar allows one colon too many before an IPv4 part; tolerated.
            host = host.replace(":::", "::", 1)
        if not closed or not is_ipv6(host):
            raise SipParseError(f"{what} must have an IPv6 address in brackets, got {clipped(text)}")
        rest = rest.lstrip(WSP)
        if rest and rest[0] != ":":
            raise SipParseError(f"{what} has {clipped(rest)} after the IPv6 address")
        port_text = rest[1:] if rest else None
    else:
        host, colon, rest = text.partition(":")
        host = host.rstrip(WSP)
        if len(host) > _MAX_HOST_CHARS or not _HOSTNAME.fullmatch(host):
            raise SipParseError(f"{what} must have a host name or address, got {clipped(host)}")
        port_text = rest if colon else None
    return host, None if port_text is None else parse_uint(port_text, f"port of {what}", maximum=65535)


def format_host_port(host: str, port: int | None) -> str:
    """The inverse of `parse_host_port`: an IPv6 address gets its brackets."""
    if ":" in host:
        host = f"[{host}]"
    return host if port is None else f"{host}:{port}"
