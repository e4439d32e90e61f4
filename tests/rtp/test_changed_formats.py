"""A session whose formats a re-INVITE changed: what is sent and taken (RFC 3264 section 8.3.2)."""

import random

from softphone.rtp.events import DtmfDigit
from softphone.rtp.jitter import Play
from softphone.rtp.packet import RtpPacket
from softphone.rtp.session import RtpSession

PEER = ("192.0.2.2", 5000)


def make_session():
    return RtpSession(
        remote=PEER,
        remote_rtcp=(PEER[0], PEER[1] + 1),
        clock_rate_hz=8000,
        receive={0: 8000},
        dtmf_send=101,
        dtmf_receive={101: 8000},
        payload_ticks=lambda payload_type, payload: 960 if payload_type == 96 else 160,
        packet_ticks=160,
        ssrc=1,
        sequence_number=10,
        timestamp=1000,
        cname="me@here",
        rng=random.Random(1),
        ntp_offset_s=0.0,
        now=0.0,
    )


def to_opus(session, **changes):
    formats = {
        "clock_rate_hz": 48000,
        "receive": {96: 48000},
        "dtmf_send": 102,
        "dtmf_send_clock_rate_hz": 48000,
        "dtmf_receive": {102: 48000},
    }
    session.change_formats(**(formats | changes))


def packet(n, payload_type, timestamp, payload=b"x"):
    return bytes(
        RtpPacket(payload_type=payload_type, sequence_number=n, timestamp=timestamp, ssrc=7, payload=payload)
    )


def test_what_was_sent_before_the_change_and_what_comes_after_is_played_alike():
    session = make_session()
    session.receive_datagram(packet(0, 0, 0), PEER, now=0.0)
    to_opus(session)
    session.receive_datagram(packet(1, 0, 160), PEER, now=0.02)
    before = [session.pop(now=0.03), session.pop(now=0.05)]
    session.receive_datagram(packet(2, 96, 5000), PEER, now=0.04)
    session.receive_datagram(packet(3, 96, 5960), PEER, now=0.06)
    after = [session.pop(now=0.07), session.pop(now=0.09)]
    assert [step.packet.payload_type for step in before + after if isinstance(step, Play)] == [0, 0, 96, 96]
    assert session.playout_clock_rate_hz == 48000
    assert session.stats(1.0).received.undecodable == 0


def test_a_payload_type_changes_its_meaning():
    session = make_session()
    to_opus(session, receive={101: 48000}, dtmf_receive={0: 8000})
    session.receive_datagram(packet(0, 101, 0), PEER, now=0.0)
    assert isinstance(session.pop(now=0.05), Play)
    digit_five = bytes((5, 0x8A)) + (800).to_bytes(2)
    for n in range(1, 4):
        session.receive_datagram(packet(n, 0, 960, digit_five), PEER, now=0.02 * n)
    assert [event for event in iter(session.next_event, None) if isinstance(event, DtmfDigit)] == [
        DtmfDigit("5", 100.0)
    ]


def test_timestamps_go_on_from_where_they_were_in_steps_of_the_new_clock():
    session = make_session()
    session.send(b"a", payload_type=0, ticks=160, now=0.0)
    to_opus(session)
    for n in (1, 2):
        session.send(b"b", payload_type=96, ticks=960, now=0.02 * n)
    sent = [RtpPacket.parse(data) for data, _ in session.datagrams_to_send(now=0.04)]
    assert [each.timestamp for each in sent] == [1000, 1160, 2120]
    assert [each.sequence_number for each in sent] == [10, 11, 12]


def test_digits_go_out_as_the_new_payload_type_in_the_new_clock():
    session = make_session()
    to_opus(session)
    session.send_dtmf("5", tone_ms=40)
    session.send(b"a", payload_type=96, ticks=960, now=0.0)
    (data, _), *_ = session.datagrams_to_send(now=0.0)
    sent = RtpPacket.parse(data)
    assert sent.payload_type == 102
    assert int.from_bytes(sent.payload[2:4]) == 960


def test_digits_that_wait_survive_a_change_of_codec_at_the_same_clock():
    session = make_session()
    session.send_dtmf("5")
    to_opus(
        session,
        clock_rate_hz=8000,
        receive={8: 8000},
        dtmf_send=103,
        dtmf_send_clock_rate_hz=8000,
        dtmf_receive={103: 8000},
    )
    assert session.dtmf_pending
    session.send(b"a", payload_type=8, ticks=160, now=0.0)
    assert RtpPacket.parse(session.datagrams_to_send(now=0.0)[0][0]).payload_type == 103


def test_a_peer_that_takes_no_digits_any_more_gets_none():
    session = make_session()
    session.send_dtmf("5")
    to_opus(session, dtmf_send=None, dtmf_send_clock_rate_hz=None, dtmf_receive={})
    assert not session.dtmf_pending
    session.send(b"a", payload_type=96, ticks=960, now=0.0)
    assert RtpPacket.parse(session.datagrams_to_send(now=0.0)[0][0]).payload == b"a"
