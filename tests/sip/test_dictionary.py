"""Packed datagrams: what they look like, and what is refused."""

import hashlib
import zlib
from pathlib import Path

import pytest

from softphone.sip.dictionary import (
    MAX_CONTEXT_BYTES,
    MAX_MESSAGE_BYTES,
    extended,
    is_packed,
    number_of,
    pack,
    unpack,
)
from softphone.sip.dictionary_table import TABLE, VERSION
from softphone.sip.errors import DictionaryError
from softphone.sip.message import KNOWN_METHODS

DOCUMENT = Path(__file__).parents[2] / "docs" / "sip-dictionary.md"
MESSAGE = b"BYE sip:bob@192.0.2.2 SIP/2.0\r\nv:SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK77\r\nl:0\r\n\r\n"
CONTEXT = b"SIP/2.0 200 OK\r\nv:SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK76\r\n"


def knows_nothing(number: bytes) -> bytes | None:
    return None


def knows(number: bytes) -> bytes | None:
    return CONTEXT if number == number_of(CONTEXT) else None


def raw(data: bytes, dictionary: bytes = TABLE) -> bytes:
    """DEFLATE without a header, as anybody's zlib makes it."""
    packer = zlib.compressobj(wbits=-15, zdict=dictionary)
    return packer.compress(data) + packer.flush()


def test_the_document_names_the_table():
    fingerprint = f"version {VERSION}: {len(TABLE)} bytes, SHA-256 `{hashlib.sha256(TABLE).hexdigest()}`"
    assert fingerprint in DOCUMENT.read_text(encoding="utf-8")


def test_a_message_without_a_context_costs_one_byte_more_than_its_stream():
    data = pack(MESSAGE)
    assert data[0] == 0xC0 | VERSION
    assert unpack(data, knows_nothing) == (MESSAGE, b"")
    assert unpack(bytes((0xC0 | VERSION,)) + raw(MESSAGE), knows_nothing) == (MESSAGE, b"")


def test_a_message_with_a_context_names_it_by_its_crc():
    data = pack(MESSAGE, CONTEXT)
    assert data[0] == 0xD0 | VERSION
    assert data[1:4] == zlib.crc32(CONTEXT).to_bytes(4, "big")[1:]
    assert unpack(data, knows) == (MESSAGE, CONTEXT)
    assert unpack(data[:4] + raw(MESSAGE, TABLE + CONTEXT), knows) == (MESSAGE, CONTEXT)
    assert len(data) < len(pack(MESSAGE))


def test_a_context_grows_to_its_bound_by_what_is_said_last():
    assert extended(CONTEXT, MESSAGE) == CONTEXT + MESSAGE
    assert extended(b"a" * MAX_CONTEXT_BYTES, MESSAGE).endswith(b"aaa" + MESSAGE)
    assert len(extended(b"a" * MAX_CONTEXT_BYTES, MESSAGE)) == MAX_CONTEXT_BYTES


@pytest.mark.parametrize(
    "start", [*sorted(KNOWN_METHODS), "SIP/2.0 200 OK", "\r\n", "\0", "!method", "~", "\x16", "\x80", "\xf8"]
)
def test_nothing_else_that_comes_to_a_sip_port_is_taken_for_packed(start):
    assert not is_packed(start.encode("latin-1"))


def test_the_longest_message_is_packed_and_one_byte_more_is_refused():
    longest = b"x" * MAX_MESSAGE_BYTES
    assert unpack(pack(longest), knows_nothing) == (longest, b"")
    with pytest.raises(DictionaryError, match="at most 16384 bytes"):
        unpack(pack(longest + b"x"), knows_nothing)


def test_a_bomb_is_not_unpacked_further_than_its_bound():
    bomb = pack(bytes(64 * 1024 * 1024))
    with pytest.raises(DictionaryError, match="at most"):
        unpack(bomb, knows_nothing)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "first|starts"),
        (MESSAGE, "starts with a byte of 0xC0 to 0xDF"),
        (bytes((0xC0 | VERSION,)), "one whole DEFLATE stream"),
        (bytes((0xC0 | VERSION,)) + raw(b""), "one whole DEFLATE stream"),
        (pack(MESSAGE)[:-1], "one whole DEFLATE stream"),
        (pack(MESSAGE) + b"x", "one whole DEFLATE stream"),
        (bytes((0xC0 | VERSION, 0xFF)), "broken"),
        (bytes((0xC0 | 15,)) + pack(MESSAGE)[1:], "version 15, here is 1"),
        (b"\xc0" + pack(MESSAGE)[1:], "version 0, here is 1"),
        (pack(MESSAGE, b"of another"), "context [0-9a-f]{6}, which is not known"),
        (bytes((0xD0 | VERSION, 1)), "context 01, which is not known"),
    ],
)
def test_what_cannot_be_read_says_why(data, words):
    with pytest.raises(DictionaryError, match=words):
        unpack(data, knows)
