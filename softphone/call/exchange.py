"""The RESULT in the BYE exchange: a bounded body between two that named its type in Accept.

A peer that did not (any stranger) gets and gives plain messages. The body is deflated where it must be to
fit, and left out where it does not fit all the same: RFC 3261 section 18.1.1 wants a request over UDP to be
at most 1300 bytes where the path is not known, and an answer that long would be cut into fragments as well.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

MAX_RESULT_BYTES = 16_384
"""Of a RESULT as it is read, after inflating."""
MAX_MESSAGE_BYTES = 1_300
MAX_STREAM_BYTES = 16_384
"""The same where SIP goes over a connection."""
_IDENTITY = ("", "identity")


@dataclass(frozen=True, slots=True)
class Packed:
    """A body and the headers that explain it; empty: nothing is sent."""

    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def accepts(values: Iterable[str], media_type: str) -> bool:
    """Whether the values of an Accept header name *media_type* itself; a wildcard does not."""
    return any(_type_of(value) == media_type.lower() for value in values)


def pack(result: bytes, *, room: int) -> Packed:
    """Fit *result* into *room* bytes of body, deflated if it must be; nothing if it cannot be."""
    if not result or len(result) > MAX_RESULT_BYTES:
        return Packed()
    if len(result) <= room:
        return Packed(result)
    deflated = zlib.compress(result, 9)  # "deflate" is the zlib format (RFC 9110 section 8.4.1.2)
    return Packed(deflated, (("Content-Encoding", "deflate"),)) if len(deflated) <= room else Packed()


def unpack(
    body: bytes, *, content_type: str | None, content_encoding: str | None, media_type: str
) -> bytes | None:
    """Read a peer's body; None for another type or coding, a corrupt stream, or more than the bound."""
    if not body or _type_of(content_type or "") != media_type.lower():
        return None
    coding = (content_encoding or "").strip().lower()
    if coding == "deflate":
        inflater = zlib.decompressobj()
        try:
            # One byte more than is allowed tells a bomb from a full house, and no more is ever inflated.
            body = inflater.decompress(body, MAX_RESULT_BYTES + 1)
        except zlib.error:
            return None
        if not inflater.eof:
            return None
    elif coding not in _IDENTITY:
        return None
    return body if len(body) <= MAX_RESULT_BYTES else None


def _type_of(value: str) -> str:
    return value.partition(";")[0].strip().lower()
