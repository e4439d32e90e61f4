"""SRTP as a session uses it: what is not the peer's is dropped and counted, and no packet is taken twice."""

import struct

import pytest

from softphone.rtp.errors import LocalRtpError
from softphone.rtp.srtp import MAX_SOURCES, SUITES, SrtpReceiver, SrtpSender, SrtpStats, key_bytes, tag_bytes

CM_80 = "AES_CM_128_HMAC_SHA1_80"
RECEIVER_REPORT = bytes.fromhex("80c9000101020304")


def key_of(suite=CM_80, seed=1):
    return bytes([seed]) * key_bytes(suite)


def rtp(number, ssrc=1, payload=b"\x55" * 160):
    return struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, 160 * number, ssrc) + payload


def pair(suite=CM_80, seeds=(1, 1)):
    return (
        SrtpSender(suite, key_of(suite, seeds[0]), SrtpStats()),
        SrtpReceiver(suite, key_of(suite, seeds[1]), SrtpStats()),
    )


@pytest.mark.parametrize("suite", SUITES)
def test_what_one_side_protects_the_other_opens_and_nobody_else_reads(suite):
    sender, receiver = pair(suite)
    for packet in (rtp(1), rtp(2), RECEIVER_REPORT, rtp(3)):
        sealed = sender.protect(packet)
        assert packet[12:] == b"" or packet[12:] not in sealed
        assert receiver.open(sealed) == packet
    assert len(sender.protect(rtp(4))) == len(rtp(4)) + tag_bytes(suite)
    assert receiver._stats == SrtpStats()


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("packet", [rtp(1), RECEIVER_REPORT])
def test_each_bit_of_a_packet_is_authenticated(suite, packet):
    sender, receiver = pair(suite)
    sealed = bytearray(sender.protect(packet))
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1 if at != 1 else 2  # which leaves RTCP what it is
        assert receiver.open(bytes(changed)) is None
    assert receiver._stats.unauthenticated == len(sealed)
    assert receiver.open(bytes(sealed)) == packet, "none of them has done any harm"


def test_a_packet_in_the_clear_and_one_of_another_key_are_nobodys():
    sender, receiver = pair(seeds=(1, 2))
    assert receiver.open(sender.protect(rtp(1))) is None
    assert receiver.open(rtp(2)) is None
    assert receiver.open(RECEIVER_REPORT) is None
    assert receiver._stats == SrtpStats(unauthenticated=3)


@pytest.mark.parametrize("packet", [rtp(1), RECEIVER_REPORT])
def test_a_packet_that_comes_again_is_a_replay(packet):
    sender, receiver = pair()
    sealed = sender.protect(packet)
    assert receiver.open(sealed) == packet
    assert receiver.open(sealed) is None
    assert receiver._stats == SrtpStats(replayed=1)


def test_packets_out_of_order_are_taken_and_those_far_behind_are_replays():
    sender, receiver = pair()
    sealed = [sender.protect(rtp(number)) for number in range(1, 300)]
    for at in (0, 5, 2, 1, 298, 297, 200):
        assert receiver.open(sealed[at]) == rtp(at + 1)
    assert receiver.open(sealed[100]) is None
    assert receiver._stats == SrtpStats(replayed=1)


def test_no_bytes_of_a_stranger_raise():
    _, receiver = pair()
    for size in (0, 1, 2, 7, 8, 11, 12, 13, 5000, 9000):
        for first in (0x80, 0x9F, 0x00, 0x16):
            assert receiver.open(bytes([first, 200]) * (size // 2)) is None
            assert receiver.open(bytes([first]) * size) is None
    assert receiver._stats.unauthenticated == 80


def test_packets_of_every_length_that_a_codec_makes_go_through():
    sender, receiver = pair("AEAD_AES_256_GCM")
    for number, size in enumerate((0, 1, 160, 1400, 1920, 5120), 1):
        packet = rtp(number, payload=bytes(size))
        assert receiver.open(sender.protect(packet)) == packet


def test_what_cannot_be_protected_is_counted_and_does_not_go_out():
    sender, _ = pair()
    assert sender.protect(rtp(1, payload=bytes(6000))) is None
    assert sender.protect(b"\x80\x00") is None
    assert sender._stats == SrtpStats(unsent=2)


def test_of_a_peer_that_changes_its_source_again_and_again_a_bounded_number_is_kept():
    sender, receiver = pair()
    first = sender.protect(rtp(1, ssrc=1))
    assert receiver.open(first) is not None
    for ssrc in range(2, 2 + 5 * MAX_SOURCES):
        assert receiver.open(sender.protect(rtp(1, ssrc=ssrc))) == rtp(1, ssrc=ssrc)
    assert len(receiver._sources) == MAX_SOURCES
    assert receiver.open(first) == rtp(1, ssrc=1), "it is forgotten"


def test_a_key_is_tried_without_a_count():
    sender, receiver = pair()
    other = SrtpReceiver(CM_80, key_of(seed=9), receiver._stats)
    sealed = sender.protect(rtp(1))
    assert other.try_open(sealed) is None
    assert receiver.try_open(sealed) == rtp(1)
    assert receiver._stats == SrtpStats()


def test_a_key_of_another_length_and_a_suite_that_is_not_there_are_refused():
    with pytest.raises(LocalRtpError, match="30 bytes, got 29"):
        SrtpSender(CM_80, bytes(29), SrtpStats())
    with pytest.raises(LocalRtpError, match="F8_128"):
        SrtpReceiver("F8_128_HMAC_SHA1_80", bytes(30), SrtpStats())
