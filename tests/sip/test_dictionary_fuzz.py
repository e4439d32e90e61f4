"""Invariant: any bytes unpack to a message within its bound or to one DictionaryError, and harm no endpoint."""

import contextlib
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from support.short_sip import PACKED, short_pair, whole_call
from support.sip_peers import ALICE, BOB, make_endpoint

from softphone.sip.dictionary import MAX_MESSAGE_BYTES, is_packed, pack, unpack
from softphone.sip.dictionary_table import VERSION
from softphone.sip.errors import DictionaryError

CONTEXT = b"INVITE sip:bob@192.0.2.2 SIP/2.0\r\nf:<sip:alice@192.0.2.1>;tag=1\r\ni:abcdefgh\r\n\r\n"
FIRST_BYTES = (0xC0 | VERSION, 0xD0 | VERSION)


def recorded() -> list[tuple[tuple[str, int], bytes]]:
    pair = short_pair(PACKED, PACKED)
    whole_call(pair)
    return [(sent.source, sent.data) for sent in pair.net.log]


CALL = recorded()


def check(data: bytes) -> None:
    with contextlib.suppress(DictionaryError):
        message, _ = unpack(data, lambda number: CONTEXT)
        assert 0 < len(message) <= MAX_MESSAGE_BYTES


@given(st.sampled_from(FIRST_BYTES), st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_unpack_or_are_refused(first: int, rest: bytes):
    check(bytes((first,)) + rest)


@given(st.binary(max_size=600), st.booleans())
@settings(max_examples=100, deadline=None)
def test_what_is_packed_comes_back(message: bytes, with_context: bool):
    context = CONTEXT if with_context else b""
    if message:
        assert unpack(pack(message, context), lambda number: CONTEXT) == (message, context)


def test_a_damaged_call_harms_neither_endpoint_and_is_counted():
    rng = random.Random(4)
    alice, bob = (
        make_endpoint(name, address, style=PACKED) for name, address in (("alice", ALICE), ("bob", BOB))
    )
    received = 0
    for _ in range(400):
        source, data = rng.choice(CALL)
        damaged = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        endpoint = bob if source == ALICE else alice
        endpoint.receive_datagram(bytes(damaged), source, now=0.0)
        received += is_packed(bytes(damaged))
        endpoint.datagrams_to_send(now=0.0)
        while endpoint.next_event() is not None:
            pass
    assert alice.stats.packed_received + bob.stats.packed_received == received
    assert 0 < alice.stats.unpackable + bob.stats.unpackable <= received
