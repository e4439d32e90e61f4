# Any bytes given to RtpPacket.parse and to a session give a packet or PacketError, and never anything else.

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from test_rtp_session import A, B, make_session

from softphone.rtp.errors import PacketError
from softphone.rtp.packet import RtpPacket

packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence_number=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=64),
    marker=st.booleans(),
    csrcs=st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    extension=st.none()
    | st.tuples(
        st.integers(0, 0xFFFF), st.integers(0, 5).flatmap(lambda n: st.binary(min_size=4 * n, max_size=4 * n))
    ),
    padding_bytes=st.integers(0, 255),
)


def parse(data):
    try:
        return RtpPacket.parse(data)
    except PacketError:
        return None


@settings(deadline=None, max_examples=200)
@given(packets)
def test_every_packet_comes_back_as_it_went(packet):
    assert RtpPacket.parse(bytes(packet)) == packet


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=120))
def test_any_bytes_are_a_packet_that_goes_out_the_same_or_one_error(data):
    packet = parse(data)
    if packet is not None:
        again = RtpPacket.parse(bytes(packet))
        assert again == packet


@settings(deadline=None, max_examples=60)
@given(packets)
def test_a_packet_cut_at_each_byte_is_a_shorter_one_or_one_error(packet):
    data = bytes(packet)
    for end in range(len(data)):
        parse(data[:end])


@settings(deadline=None, max_examples=150)
@given(packets, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6))
def test_a_mutated_packet_is_another_one_or_one_error(packet, changes):
    data = bytearray(bytes(packet))
    for at, value in changes:
        data[at % len(data)] = value
    parse(bytes(data))


def test_a_session_survives_mutated_streams_and_plays_on_afterwards():
    rng = random.Random(3)
    session, peer = make_session(remote=B, ssrc=1), make_session(remote=A, ssrc=2)
    now = 0.0
    for tick in range(3000):
        now = tick * 0.02
        if tick % 50 == 0:
            peer.send_dtmf("5")
        peer.send(b"a" * 40, payload_type=96, ticks=960, now=now)
        peer.handle_timeout(now=now)
        for data, _ in peer.datagrams_to_send(now=now):
            mutated = bytearray(data)
            if tick < 2500:
                for _ in range(rng.randrange(4)):
                    mutated[rng.randrange(len(mutated))] = rng.randrange(256)
                if rng.random() < 0.2:
                    del mutated[rng.randrange(len(mutated)) :]
            session.receive_datagram(bytes(mutated), B, now=now + 0.001)
        session.pop(now=now + 0.01)
        session.handle_timeout(now=now)
        session.datagrams_to_send(now=now)
        while session.next_event() is not None:
            pass
    before = session.stats(now).received
    for tick in range(3000, 3100):
        now = tick * 0.02
        peer.send(b"a" * 40, payload_type=96, ticks=960, now=now)
        for data, _ in peer.datagrams_to_send(now=now):
            session.receive_datagram(data, B, now=now + 0.001)
        session.pop(now=now + 0.01)
    after = session.stats(now).received
    assert after.packets - before.packets == 100
    assert after.lost == before.lost
    assert after.discarded == before.discarded
