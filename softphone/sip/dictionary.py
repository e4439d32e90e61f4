"""SIP messages packed with a dictionary that both sides have (`docs/sip-dictionary.md`).

A packed datagram:

| bytes | what |
|---|---|
| 1 | `110r vvvv`: r, whether a context is named; vvvv, the version of the dictionary, 1 to 15 |
| 3 | only with r: the number of the context |
| rest | the message, raw DEFLATE (RFC 1951), its window filled with dictionary and context |

No SIP message starts so: its first byte is that of a token (RFC 3261 section 25.1). A *context* is what the peer has itself
said, and what it packed that with: see `extended`.
"""

import zlib
from collections.abc import Callable

from softphone.sip.dictionary_table import TABLE, VERSION
from softphone.sip.errors import DictionaryError

MAX_MESSAGE_BYTES = 16_384
"""Of a message that is packed, before that; a longer one goes as it is, or is refused as a bomb."""
MAX_CONTEXT_BYTES = 4_096
"""Of a context; dictionary and context fit into the window of DEFLATE, 32 KiB."""
CONTEXT_NUMBER_BYTES = 3

_MARK, _MARK_MASK = 0xC0, 0xE0
_HAS_CONTEXT = 0x10
_VERSION_MASK = 0x0F
_RAW = -15  # zlib's name for DEFLATE without a header, window of 32 KiB


def is_packed(data: bytes) -> bool:
    """Whether *data* claims to be packed; no SIP message and no keep-alive does."""
    return bool(data) and data[0] & _MARK_MASK == _MARK


def number_of(context: bytes) -> bytes:
    """The number of a context: the lower three bytes of its CRC-32, the highest first."""
    return zlib.crc32(context).to_bytes(4, "big")[-CONTEXT_NUMBER_BYTES:]


def extended(context: bytes, message: bytes) -> bytes:
    """The context that *message*, packed with *context*, makes for what answers it (empty: none)."""
    return (context + message)[-MAX_CONTEXT_BYTES:]


def pack(message: bytes, context: bytes = b"") -> bytes:
    """Pack *message*, of at most `MAX_MESSAGE_BYTES`, with a context that the peer surely has (empty: none)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, _RAW, 9, zlib.Z_DEFAULT_STRATEGY, TABLE + context)
    body = packer.compress(message) + packer.flush()
    if not context:
        return bytes((_MARK | VERSION,)) + body
    return bytes((_MARK | _HAS_CONTEXT | VERSION,)) + number_of(context) + body


def unpack(data: bytes, find_context: Callable[[bytes], bytes | None]) -> tuple[bytes, bytes]:
    """Unpack a datagram; *find_context* knows contexts by their numbers.

    Returns:
        The message, 1 to `MAX_MESSAGE_BYTES` bytes, and the context it was packed with.

    Raises:
        DictionaryError: for anything else.
    """
    if not is_packed(data):
        raise DictionaryError("a packed message starts with a byte of 0xC0 to 0xDF")
    version = data[0] & _VERSION_MASK
    if version != VERSION:
        raise DictionaryError(f"packed with the SIP dictionary of version {version}, here is {VERSION}")
    context, start = b"", 1
    if data[0] & _HAS_CONTEXT:
        start += CONTEXT_NUMBER_BYTES
        found = find_context(data[1:start])
        if found is None:
            raise DictionaryError(f"packed with context {data[1:start].hex()}, which is not known here")
        context = found
    unpacker = zlib.decompressobj(_RAW, TABLE + context)
    try:
        # One byte more than is allowed tells a bomb from a full house, and no more is ever inflated.
        message = unpacker.decompress(data[start:], MAX_MESSAGE_BYTES + 1)
    except zlib.error as error:
        raise DictionaryError(f"packed message is broken: {error}") from error
    if len(message) > MAX_MESSAGE_BYTES:
        raise DictionaryError(f"packed message must be at most {MAX_MESSAGE_BYTES} bytes, got more")
    if not unpacker.eof or unpacker.unused_data or not message:
        raise DictionaryError(f"packed message must be one whole DEFLATE stream, got {len(data)} bytes")
    return message, context
