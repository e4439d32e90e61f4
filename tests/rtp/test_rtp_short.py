# Short RTP headers (docs/rtp-short.md): rebuilt exactly or not at all, whatever the network does within its bounds.

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netsim import Link

from softphone.rtp.packet import RtpPacket, is_rtcp
from softphone.rtp.short import (
    FORGET_S,
    IDLE_S,
    MAX_SUPPRESSED,
    REFRESH_PACKETS,
    REUSE_S,
    ShortReceiver,
    ShortSender,
)

CLOCKS = {0: 8000, 96: 48000, 97: 8000, 98: 16000}


class Talker:
    """A sender of packets that remembers what each whole header was."""

    def __init__(self, sequence_number=0, timestamp=0, ssrc=0xA, ptime_ms=20):
        self.short = ShortSender()
        self.number, self.timestamp, self.ssrc = sequence_number, timestamp, ssrc
        self.payload_type, self.ptime_ms = 96, ptime_ms
        self.now = 0.0
        self.marker = True

    def packet(self, skip=0, shift=0):
        """The next packet after *skip* intervals nothing was sent for: (time, whole, wire)."""
        clock = CLOCKS[self.payload_type]
        ticks = int(clock * self.ptime_ms / 1000)
        self.timestamp = (self.timestamp + skip * ticks + shift) & 0xFFFFFFFF
        self.now += (skip + 1) * self.ptime_ms / 1000
        marker = self.marker or skip > 0
        self.marker = False
        whole = RtpPacket(self.payload_type, self.number, self.timestamp, self.ssrc, b"load", marker)
        header = self.short.header(
            0x80 if marker else 0,
            self.payload_type,
            self.number,
            self.timestamp,
            self.ssrc,
            ticks,
            clock,
            self.now,
        )
        self.number = (self.number + 1) & 0xFFFF
        self.timestamp = (self.timestamp + ticks) & 0xFFFFFFFF
        return self.now, whole, header + b"load"


def receive(receiver, wire, now):
    if wire[0] >= 0xC0:
        return receiver.expand(wire, now)
    packet = RtpPacket.parse(wire)
    receiver.learn(packet, CLOCKS.get(packet.payload_type), now)
    return packet


# The bytes


def test_the_bytes_are_those_of_the_specification():
    talker = Talker(sequence_number=0x1234, timestamp=1000, ssrc=0xDEADBEEF)
    wires = [talker.packet()[2][:-4] for _ in range(3)]
    wires.append(talker.packet(skip=5)[2][:-4])
    assert [wire.hex() for wire in wires] == [
        "90e01234000003e8deadbeef00280000",  # context 0, nothing suppressed, 40 half milliseconds
        "c035",
        "90601236" + f"{1000 + 2 * 960:08x}" + "deadbeef00280000",
        "c577",  # marker, five suppressed, number 0x37
    ]


def test_a_short_header_is_no_rtcp_stun_dtls_or_turn_and_no_rtp():
    talker = Talker()
    receiver = ShortReceiver()
    seen = set()
    for _ in range(4000):
        _, whole, wire = talker.packet(skip=talker.number % 17 % 3)
        if len(wire) == 2 + 4:
            assert wire[0] >= 0xC0
            assert not is_rtcp(wire)
            seen.add(wire[1])
        assert receive(receiver, wire, talker.now) == whole
    # Second bytes that RTCP has, too (RFC 5761), were among them.
    assert seen & set(range(192, 224))


def test_most_headers_have_two_bytes():
    talker = Talker(sequence_number=64, ptime_ms=144)
    sizes = [len(talker.packet()[2]) - 4 for _ in range(640)]
    assert set(sizes) == {2, 16}
    # Of 64 packets the first announces the context; it is announced again after 2 and 34.
    assert sizes.count(16) == 3 * 10


@pytest.mark.parametrize("skip", range(MAX_SUPPRESSED + 1))
def test_suppressed_packets_fit_into_the_two_bytes(skip):
    talker, receiver = Talker(), ShortReceiver()
    for _ in range(4):
        receive(receiver, talker.packet()[2], talker.now)
    now, whole, wire = talker.packet(skip=skip)
    assert len(wire) == 2 + 4
    assert receive(receiver, wire, now) == whole


def test_more_suppressed_packets_than_fit_begin_another_context():
    talker = Talker()
    talker.packet()
    assert len(talker.packet(skip=MAX_SUPPRESSED + 1)[2]) == 16 + 4


@pytest.mark.parametrize("change", ["payload type", "interval", "ssrc", "timestamp", "number", "pause"])
def test_what_the_context_does_not_hold_begins_another_one(change):
    talker, receiver = Talker(), ShortReceiver()
    for _ in range(5):
        receive(receiver, talker.packet()[2], talker.now)
    shift = 0
    match change:
        case "payload type":
            talker.payload_type = 97
        case "interval":
            talker.ptime_ms = 144
        case "ssrc":
            talker.ssrc = 0xB
        case "timestamp":
            shift = 7
        case "number":
            talker.number += 64
        case "pause":
            talker.now += IDLE_S
    sizes = []
    for n in range(4):
        now, whole, wire = talker.packet(shift=shift if n == 0 else 0)
        assert receive(receiver, wire, now) == whole
        sizes.append(len(wire) - 4)
    assert sizes == [16, 2, 16, 2]


def test_intervals_that_half_milliseconds_cannot_tell_keep_whole_headers():
    talker = Talker()
    for talker.ptime_ms in (0.25, 256, 20.02083334):
        assert [len(talker.packet()[2]) for _ in range(3)] == [12 + 4] * 3


def test_a_context_number_is_not_used_again_too_soon():
    talker = Talker()
    used, plain = {}, 0
    for n in range(3000):
        # Another payload type every fifth packet: a new context each time, far more than there are numbers.
        talker.payload_type = (96, 97)[n // 5 % 2]
        now, _, wire = talker.packet()
        plain += len(wire) == 12 + 4
        if len(wire) == 16 + 4:
            context = wire[12] >> 5
        elif len(wire) == 2 + 4:
            context = wire[0] >> 3 & 7
        else:
            continue
        opened, last = used.get(context, (None, -REUSE_S))
        if opened != n // 5:
            assert now - last >= REUSE_S
        used[context] = n // 5, now
    assert plain > 1000


def test_a_receiver_forgets_what_nothing_came_of():
    talker, receiver = Talker(), ShortReceiver()
    receive(receiver, talker.packet()[2], 0.0)
    _, whole, wire = talker.packet()
    assert receive(receiver, wire, FORGET_S - 0.01) == whole
    assert receive(receiver, wire, 2 * FORGET_S) is None
    assert (receiver.unresolved, receiver.unresolved_bytes) == (1, 4)


def test_another_receiver_is_told_everything_again():
    talker = Talker()
    for _ in range(5):
        talker.packet()
    talker.short.reset()
    receiver = ShortReceiver()
    now, whole, wire = talker.packet()
    assert receive(receiver, wire, now) == whole


# The property


steps = st.tuples(
    st.integers(0, 12).map(lambda n: n if n > 9 else 0),  # suppressed
    st.sampled_from([0] * 30 + [7, 4000]),  # odd timestamps
    st.sampled_from([None] * 40 + [0, 96, 97, 98]),  # payload type
    st.sampled_from([None] * 60 + [20, 60, 144]),  # interval
    st.sampled_from([None] * 80 + [0xA, 0xB]),  # SSRC
    st.sampled_from([0.0] * 60 + [0.5, 3.0, 9.0]),  # silence
    st.sampled_from([None, *[0.02] * 6, 0.3, 1.2, 3.5]),  # delay; lost
    st.sampled_from([None] * 8 + [0.1, 3.0]),  # its double's delay
)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.lists(steps, min_size=20, max_size=250))
def test_every_header_comes_back_exactly_or_not_at_all(number, timestamp, plan):
    talker, receiver = Talker(number, timestamp), ShortReceiver()
    arrivals = []
    for skip, shift, payload_type, ptime_ms, ssrc, silence, delay, again in plan:
        talker.payload_type = talker.payload_type if payload_type is None else payload_type
        talker.ptime_ms = talker.ptime_ms if ptime_ms is None else ptime_ms
        talker.ssrc = talker.ssrc if ssrc is None else ssrc
        talker.now += silence
        sent_at, whole, wire = talker.packet(skip, shift)
        for each in (delay, again):
            if each is not None:
                arrivals.append((sent_at + each, len(arrivals), whole, wire))
    unresolved = 0
    for at, _, whole, wire in sorted(arrivals, key=lambda a: a[:2]):
        packet = receive(receiver, wire, at)
        assert packet in (whole, None)
        unresolved += packet is None
    assert receiver.unresolved == unresolved


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ptime_ms", [20, 60, 144])
def test_after_loss_ends_at_most_one_refresh_goes_unresolved(seed, ptime_ms):
    rng = random.Random(seed)
    talker, receiver = Talker(rng.randrange(0x10000), rng.getrandbits(32), ptime_ms=ptime_ms), ShortReceiver()
    resolved = True
    for _ in range(60):
        for _ in range(rng.randrange(100)):
            now, _, wire = talker.packet()
            if rng.random() < 0.4:
                receive(receiver, wire, now)
        run = 0
        while run <= REFRESH_PACKETS:
            now, whole, wire = talker.packet(skip=rng.randrange(40) // 38)
            packet = receive(receiver, wire, now)
            if packet is not None:
                assert packet == whole
                break
            run += 1
        assert run < REFRESH_PACKETS
        for _ in range(10):
            now, whole, wire = talker.packet()
            resolved &= receive(receiver, wire, now) == whole
    assert resolved


def test_on_a_lossy_line_hardly_anything_more_is_lost():
    link = Link(seed=3, loss=0.1, burst=2, jitter_s=0.04)
    talker, receiver = Talker(), ShortReceiver()
    talker.short.refresh_packets = 8
    arrivals = []
    for n in range(6000):
        sent_at, whole, wire = talker.packet()
        arrivals += [(at, n, whole, wire) for at in link.transfer(sent_at)]
    arrivals.sort(key=lambda a: a[:2])
    outcome = [receive(receiver, wire, at) in (whole,) for at, _, whole, wire in arrivals]
    assert outcome.count(False) == receiver.unresolved
    # Only packets right behind a lost announcement; measured 0.7 % with this seed.
    assert receiver.unresolved < 0.012 * len(arrivals)


# Fuzz


@settings(deadline=None, max_examples=300)
@given(st.lists(st.binary(min_size=1, max_size=24), max_size=40))
def test_any_bytes_are_a_packet_or_are_counted(datagrams):
    receiver = ShortReceiver()
    for n in range(8):
        packet = RtpPacket(96, n, n, 1, b"", extension=(n << 13 | 40, b""))
        receiver.learn(packet, 48000, 0.0)
        assert packet.extension is None
    resolved = 0
    for data in datagrams:
        data = bytes((data[0] | 0xC0,)) + data[1:]
        packet = receiver.expand(data, 1.0)
        if packet is not None:
            resolved += 1
            assert RtpPacket.parse(bytes(packet)) == packet
    assert resolved + receiver.unresolved == len(datagrams)


@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, 0xFFFF),
    st.binary(max_size=8).map(lambda b: b[: len(b) & ~3]),
    st.sampled_from([None, 0, 8000]),
)
def test_any_extension_is_an_announcement_or_is_left_alone(word, words, clock_rate_hz):
    receiver = ShortReceiver()
    packet = RtpPacket(96, 5, 5, 1, b"x", extension=(word, words))
    receiver.learn(packet, clock_rate_hz or None, 0.0)
    assert packet.extension == ((word, words) if words else None)
    receiver.expand(bytes((0xC0 | word >> 13 << 3, 6)), 0.1)
