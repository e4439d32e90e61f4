import gc
import random
import struct
import weakref

import pytest

from softphone.rtp.errors import LocalRtpError
from softphone.rtp.events import (
    CollisionResolved,
    DtmfDigit,
    FirstPacket,
    PeerLeft,
    SourceChanged,
    StrangerDropped,
)
from softphone.rtp.jitter import Conceal, Idle, Play
from softphone.rtp.packet import RtpPacket
from softphone.rtp.rtcp import (
    Bye,
    ReceiverReport,
    ReportBlock,
    SdesItem,
    SenderReport,
    SourceDescription,
    parse_compound,
    write_compound,
)
from softphone.rtp.session import RtpSession

A, B = ("192.0.2.1", 4000), ("192.0.2.2", 5000)


def ticks_of(payload_type, payload):
    if payload.startswith(b"bad"):
        raise ValueError("no frame")
    return 160 if payload_type == 0 else 960


def make_session(remote=B, ssrc=0xA, **options):
    settings = {
        "remote": remote,
        "remote_rtcp": (remote[0], remote[1] + 1),
        "clock_rate_hz": 48000,
        "receive": {96: 48000, 0: 8000},
        "dtmf_send": 101,
        "dtmf_receive": {101: 48000},
        "payload_ticks": ticks_of,
        "packet_ticks": 960,
        "ssrc": ssrc,
        "sequence_number": 65534,
        "timestamp": 2**32 - 1000,
        "cname": "me@here",
        "rng": random.Random(ssrc),
        "ntp_offset_s": 3_900_000_000.0,
        "now": 0.0,
    }
    return RtpSession(**(settings | options))


def rtp(n, *, ssrc=0xB, payload_type=96, payload=b"x", timestamp=None, marker=False):
    at = n * 960 if timestamp is None else timestamp
    return bytes(RtpPacket(payload_type, n & 0xFFFF, at & 0xFFFFFFFF, ssrc, payload, marker))


def events(session):
    taken = []
    while (event := session.next_event()) is not None:
        taken.append(event)
    return taken


def sent(session, now=0.0):
    return [data for data, addr in session.datagrams_to_send(now=now) if addr == B]


def reports(session, now):
    return [parse_compound(d) for d, addr in session.datagrams_to_send(now=now) if addr == (B[0], B[1] + 1)]


# Sending


def test_packets_go_out_in_sequence_across_the_wraps():
    session = make_session()
    for n in range(4):
        session.send(b"abc", payload_type=96, ticks=960, now=n * 0.02)
    packets = [RtpPacket.parse(d) for d in sent(session)]
    assert [p.sequence_number for p in packets] == [65534, 65535, 0, 1]
    assert [p.timestamp for p in packets] == [2**32 - 1000, 2**32 - 40, 920, 1880]
    assert [p.marker for p in packets] == [True, False, False, False]
    assert {(p.ssrc, p.payload_type, p.payload) for p in packets} == {(0xA, 96, b"abc")}
    assert session.datagrams_to_send(now=1.0) == []


def test_an_empty_payload_is_a_pause_after_which_comes_a_marker():
    session = make_session()
    for payload in (b"a", b"", b"", b"b", b"c"):
        session.send(payload, payload_type=96, ticks=960, now=0.0)
    packets = [RtpPacket.parse(d) for d in sent(session)]
    assert [(p.sequence_number, p.timestamp, p.marker) for p in packets] == [
        (65534, 2**32 - 1000, True),
        (65535, 1880, True),
        (0, 2840, False),
    ]


def test_digits_take_the_place_of_audio_and_audio_goes_on_in_time():
    session = make_session()
    session.send(b"a", payload_type=96, ticks=960, now=0.0)
    session.send_dtmf("7", tone_ms=40, gap_ms=20)
    assert session.dtmf_pending
    for n in range(1, 7):
        session.send(b"a", payload_type=96, ticks=960, now=n * 0.02)
    assert not session.dtmf_pending
    packets = [RtpPacket.parse(d) for d in sent(session)]
    assert [(p.payload_type, p.marker) for p in packets] == [
        (96, True),
        (101, True),
        (101, False),
        (101, False),
        (101, False),
        (96, True),
        (96, False),
    ]
    assert [p.sequence_number for p in packets] == [(65534 + n) & 0xFFFF for n in range(7)]
    start = 2**32 - 1000
    assert [p.timestamp for p in packets[1:5]] == [start + 960] * 4
    assert packets[5].timestamp == (start + 5 * 960) & 0xFFFFFFFF


def test_digits_go_out_during_a_pause_of_the_audio():
    session = make_session()
    session.send_dtmf("7", tone_ms=40, gap_ms=20)
    for n in range(6):
        session.send(b"", payload_type=96, ticks=960, now=n * 0.02)
    assert [RtpPacket.parse(d).payload_type for d in sent(session)] == [101] * 4


def test_a_peer_without_telephone_events_gets_no_digits():
    with pytest.raises(LocalRtpError, match="takes no telephone-event"):
        make_session(dtmf_send=None).send_dtmf("1")


# Receiving


def test_what_the_peer_sends_is_played_and_the_first_packet_told():
    session = make_session()
    for n in range(5):
        session.receive_datagram(rtp(n), B, now=n * 0.02)
    assert [session.pop(now=0.09).packet.sequence_number for _ in range(5)] == list(range(5))
    assert events(session) == [FirstPacket(0.0)]
    stats = session.stats(0.1).received
    assert (stats.packets, stats.lost, stats.discarded, stats.duplicates) == (5, 0, 0, 0)


def test_strangers_are_dropped_counted_and_told_once_each():
    session = make_session()
    other = ("203.0.113.9", 5000)
    session.receive_datagram(rtp(0), B, now=0.0)
    for n in range(3):
        session.receive_datagram(rtp(n), other, now=0.0)
        session.receive_datagram(write_compound((ReceiverReport(5),)), other, now=0.0)
    assert events(session) == [FirstPacket(0.0), StrangerDropped(other)]
    assert session.stats(1.0).received.strangers == 6
    assert session.stats(1.0).received.packets == 1
    for n in range(50):
        session.receive_datagram(rtp(n), ("203.0.113.9", 6000 + n), now=0.0)
    assert len(events(session)) == 15


def test_the_peers_host_may_send_from_another_port_if_it_comes_first():
    session = make_session()
    moved = (B[0], 7000)
    session.receive_datagram(b"\0" * 20, moved, now=0.0)
    session.receive_datagram(rtp(0), moved, now=0.0)
    session.receive_datagram(rtp(1), moved, now=0.02)
    session.receive_datagram(rtp(2), (B[0], 7002), now=0.04)
    assert [type(e) for e in events(session)] == [StrangerDropped, FirstPacket, StrangerDropped]
    assert session.stats(1.0).received.packets == 2
    session.send(b"a", payload_type=96, ticks=960, now=0.0)
    assert session.datagrams_to_send(now=0.0)[0][1] == B


def test_the_negotiated_address_wins_over_another_port_that_came_first():
    session = make_session()
    session.receive_datagram(rtp(0), (B[0], 7000), now=0.0)
    for n in range(3):
        session.receive_datagram(rtp(n, ssrc=0xC), B, now=0.02)
    assert session.stats(1.0).received.packets == 1 + 3


def test_a_symmetric_session_answers_to_where_the_packets_come_from():
    session = make_session(symmetric=True)
    session.receive_datagram(rtp(0), (B[0], 7000), now=0.0)
    session.send(b"a", payload_type=96, ticks=960, now=0.0)
    assert session.datagrams_to_send(now=0.0)[0][1] == (B[0], 7000)


def test_retargeting_moves_both_directions():
    session = make_session()
    session.receive_datagram(rtp(0), B, now=0.0)
    new = ("198.51.100.7", 9000)
    session.retarget(new, (new[0], 9001))
    session.receive_datagram(rtp(1), B, now=0.02)
    session.receive_datagram(rtp(70, ssrc=0xC), new, now=0.04)
    session.receive_datagram(rtp(71, ssrc=0xC), new, now=0.06)
    assert events(session) == [FirstPacket(0.0), StrangerDropped(B), SourceChanged(0xC)]
    session.send(b"a", payload_type=96, ticks=960, now=0.0)
    assert session.datagrams_to_send(now=0.0)[0][1] == new


def test_duplicates_are_counted_and_played_once():
    session = make_session()
    for n in (0, 1, 1, 2, 0, 2):
        session.receive_datagram(rtp(n), B, now=n * 0.02)
    pops = [session.pop(now=0.1) for _ in range(4)]
    assert sum(isinstance(p, Play) for p in pops) == 3
    stats = session.stats(1.0).received
    assert (stats.packets, stats.duplicates, stats.lost) == (6, 3, 0)


def test_lost_and_late_are_told_apart():
    session = make_session()
    for n in (0, 1, 4, 5, 6):
        session.receive_datagram(rtp(n), B, now=n * 0.02)
        session.pop(now=n * 0.02 + 0.01)
    for _ in range(2):
        session.pop(now=0.14)
    session.receive_datagram(rtp(2), B, now=0.15)
    stats = session.stats(1.0).received
    assert (stats.lost, stats.discarded, stats.late) == (1, 1, 1)
    assert stats.loss_pct == pytest.approx(100 / 7)
    assert stats.discard_pct == pytest.approx(100 / 7)


def test_a_payload_that_cannot_be_decoded_is_counted_and_concealed():
    session = make_session()
    for n in range(6):
        session.receive_datagram(rtp(n, payload=b"bad" if n == 2 else b"x"), B, now=n * 0.02)
    pops = [session.pop(now=0.11) for _ in range(6)]
    assert [type(p) for p in pops] == [Play, Play, Conceal, Play, Play, Play]
    session.receive_datagram(rtp(6, payload_type=77), B, now=0.12)
    session.receive_datagram(b"nonsense", B, now=0.12)
    session.receive_datagram(b"", B, now=0.12)
    stats = session.stats(1.0).received
    assert (stats.undecodable, stats.lost) == (4, 0)


def test_an_empty_packet_keeps_a_binding_alive_and_nothing_else():
    session = make_session()
    session.receive_datagram(rtp(0), B, now=0.0)
    session.pop(now=0.01)
    session.receive_datagram(rtp(1, payload=b""), B, now=0.02)
    session.receive_datagram(rtp(2), B, now=0.04)
    assert [type(session.pop(now=0.05)) for _ in range(2)] == [Idle, Play]
    assert session.stats(1.0).received.undecodable == 0


def test_another_codec_mid_stream_is_played_in_the_common_clock_of_all():
    session = make_session()
    for n in range(3):
        session.receive_datagram(rtp(n), B, now=n * 0.02)
        session.pop(now=n * 0.02 + 0.01)
    for n in range(3, 6):
        session.receive_datagram(rtp(n, payload_type=0, timestamp=n * 160), B, now=n * 0.02)
        last = session.pop(now=n * 0.02 + 0.01)
    assert session.playout_clock_rate_hz == 48000
    assert (last.packet.payload_type, last.ticks, last.lost) == (0, 960, 0)
    assert session.stats(1.0).received.discarded == 0
    assert session.stats(1.0).received.jitter_ms == pytest.approx(0, abs=0.01)


def test_digits_are_told_and_are_no_loss():
    session, peer = make_session(), make_session(remote=A, ssrc=0xB)
    peer.send_dtmf("42#", tone_ms=100, gap_ms=60)
    conceal = 0
    for n in range(60):
        now = n * 0.02
        peer.send(b"x", payload_type=96, ticks=960, now=now)
        for data, _ in peer.datagrams_to_send(now=now):
            session.receive_datagram(data, B, now=now + 0.001)
        conceal += isinstance(session.pop(now=now + 0.01), Conceal)
    assert [e for e in events(session) if isinstance(e, DtmfDigit)] == [DtmfDigit(d, 100.0) for d in "42#"]
    stats = session.stats(1.2).received
    assert (stats.lost, stats.discarded, stats.undecodable) == (0, 0, 0)
    assert conceal == 0
    assert stats.jitter_ms == pytest.approx(0, abs=1e-6)


def test_a_digit_whose_end_was_lost_is_told_by_the_timeout():
    session = make_session(dtmf_receive=(101,))
    payload = struct.pack("!BBH", 5, 10, 2400)
    session.receive_datagram(rtp(0, payload_type=101, payload=payload), B, now=1.0)
    assert session.next_timeout() <= 1.5
    session.handle_timeout(now=1.5)
    assert DtmfDigit("5", 50.0) in events(session)


# Sources


def test_a_restarted_sequence_is_followed_from_its_second_packet_without_losing_the_first():
    session = make_session()
    for n in range(10):
        session.receive_datagram(rtp(n), B, now=n * 0.02)
        session.pop(now=n * 0.02 + 0.01)
    played = []
    for n in range(10, 20):
        session.receive_datagram(rtp(30000 + n, timestamp=10**9 + n * 960), B, now=n * 0.02)
        playout = session.pop(now=n * 0.02 + 0.01)
        if isinstance(playout, Play):
            played.append(playout.packet.sequence_number)
    assert played == list(range(30010, 30019))
    assert events(session) == [FirstPacket(0.0), SourceChanged(0xB)]
    stats = session.stats(1.0).received
    assert (stats.packets, stats.lost, stats.discarded) == (20, 0, 0)


def test_another_ssrc_is_followed_from_its_second_packet_and_one_stray_packet_is_not():
    session = make_session()
    for n in range(10):
        session.receive_datagram(rtp(n), B, now=n * 0.02)
        session.pop(now=n * 0.02 + 0.01)
    session.receive_datagram(rtp(500, ssrc=0xC), B, now=0.195)
    session.receive_datagram(rtp(10), B, now=0.2)
    session.receive_datagram(rtp(501, ssrc=0xC), B, now=0.201)
    assert events(session) == [FirstPacket(0.0)]
    session.receive_datagram(rtp(502, ssrc=0xC), B, now=0.22)
    assert events(session) == [SourceChanged(0xC)]
    stats = session.stats(1.0).received
    assert (stats.packets, stats.lost) == (13, 0)


def test_two_packets_far_apart_in_time_are_no_restart():
    session = make_session()
    session.receive_datagram(rtp(0), B, now=0.0)
    session.receive_datagram(rtp(30000), B, now=1.0)
    session.receive_datagram(rtp(30001), B, now=9.0)
    assert events(session) == [FirstPacket(0.0)]


def test_a_restart_is_no_loss_and_ends_the_digit_that_was_being_sent():
    session = make_session()
    played = 0
    for n in range(5):
        session.receive_datagram(rtp(n), B, now=n * 0.02)
    played += sum(isinstance(session.pop(now=0.085), Play) for _ in range(2))
    session.receive_datagram(rtp(5, payload_type=101, payload=struct.pack("!BBH", 5, 10, 960)), B, now=0.1)
    for n in range(4):
        session.receive_datagram(rtp(9000 + n, ssrc=0xC, timestamp=n * 960), B, now=0.12 + n * 0.02)
    assert events(session) == [FirstPacket(0.0), DtmfDigit("5", 20.0), SourceChanged(0xC)]
    played += sum(isinstance(session.pop(now=0.2), Play) for _ in range(20))
    assert played == 9
    assert session.stats(1.0).received.burst_r == 1.0


def test_who_sent_nothing_yet_cannot_hear_an_echo():
    session = make_session(ssrc=0xB)
    session.receive_datagram(rtp(65533, ssrc=0xB), B, now=0.0)
    assert [type(e) for e in events(session)] == [CollisionResolved]


def test_after_a_collision_reports_count_from_the_new_ssrc_on():
    session = make_session(ssrc=0xB)
    for n in range(7):
        session.send(b"abc", payload_type=96, ticks=960, now=n * 0.02)
    session.receive_datagram(rtp(20000, ssrc=0xB), B, now=0.2)
    session.send(b"ab", payload_type=96, ticks=960, now=0.2)
    session.datagrams_to_send(now=0.2)
    session.bye(now=0.3)
    ((report, _, _),) = reports(session, 0.3)
    assert (report.packet_count, report.octet_count) == (1, 2)
    block = ReportBlock(session.ssrc, 0, 1, 5 + 1, 0, 0, 0)
    session.receive_datagram(write_compound((ReceiverReport(0xB, (block,)),)), B, now=1.0)
    assert session.stats(1.0).remote.loss_pct == 50.0


def test_a_collision_is_resolved_with_a_bye_and_another_ssrc():
    session = make_session(ssrc=0xB)
    session.send(b"a", payload_type=96, ticks=960, now=0.0)
    session.datagrams_to_send(now=0.0)
    session.receive_datagram(rtp(20000, ssrc=0xB), B, now=0.01)
    (collision,) = events(session)
    assert collision == CollisionResolved(0xB, session.ssrc)
    assert session.ssrc != 0xB
    ((_, _, bye),) = reports(session, 0.01)
    assert bye == Bye((0xB,))
    session.receive_datagram(rtp(20001, ssrc=0xB), B, now=0.03)
    assert events(session) == [FirstPacket(0.03)]
    session.send(b"a", payload_type=96, ticks=960, now=0.04)
    assert RtpPacket.parse(sent(session)[0]).ssrc == session.ssrc


def test_our_own_packets_from_an_echo_service_are_played():
    session = make_session()
    played = 0
    for n in range(50):
        now = n * 0.02
        session.send(b"a", payload_type=96, ticks=960, now=now)
        session.handle_timeout(now=now)
        for data, addr in session.datagrams_to_send(now=now):
            session.receive_datagram(data, addr, now=now + 0.001)
        played += isinstance(session.pop(now=now + 0.01), Play)
    assert played == 50
    assert events(session) == [FirstPacket(0.001)]
    assert session.ssrc == 0xA


def test_the_source_wraps_its_numbers_without_anybody_noticing():
    session = make_session()
    for n in range(65500, 65600):
        session.receive_datagram(rtp(n, timestamp=2**32 - 48000 + (n - 65500) * 960), B, now=n * 0.02)
        assert isinstance(session.pop(now=n * 0.02 + 0.01), Play)
    stats = session.stats(1.0).received
    assert (stats.packets, stats.lost, stats.discarded) == (100, 0, 0)
    assert stats.jitter_ms == pytest.approx(0, abs=1e-3)


# RTCP


def test_the_first_report_goes_with_the_first_packet_and_names_us():
    session = make_session()
    session.send(b"abc", payload_type=96, ticks=960, now=1.0)
    assert session.next_timeout() == 1.0
    session.handle_timeout(now=1.0)
    ((report, sdes),) = reports(session, 1.0)
    assert report == SenderReport(0xA, int(3_900_000_001.0 * 2**32), 2**32 - 40, 1, 3)
    assert isinstance(sdes, SourceDescription)
    assert sdes.chunks[0].items == ((SdesItem.CNAME, b"me@here"),)
    assert 2.0 < session.next_timeout() - 1.0 < 6.2


def test_who_only_listens_reports_as_a_receiver():
    session = make_session()
    session.receive_datagram(rtp(7), B, now=0.5)
    session.receive_datagram(rtp(9), B, now=0.54)
    due = session.next_timeout()
    assert 1.0 < due < 3.1
    session.handle_timeout(now=due)
    ((report, _),) = reports(session, due)
    assert report == ReceiverReport(0xA, (ReportBlock(0xB, 85, 1, 9, 0, 0, 0),))
    session.handle_timeout(now=session.next_timeout())
    (report, _), *_ = reports(session, 9.0)
    assert report == ReceiverReport(0xA, ())


def test_who_stopped_sending_reports_as_a_receiver_after_two_intervals():
    session = make_session()
    session.send(b"abc", payload_type=96, ticks=960, now=0.0)
    kinds = []
    while len(kinds) < 4:
        now = session.next_timeout()
        session.handle_timeout(now=now)
        kinds += [type(r[0]) for r in reports(session, now)]
    assert kinds[0] is SenderReport
    assert kinds[2:] == [ReceiverReport] * 2


def test_the_rtp_timestamp_of_a_report_goes_on_during_a_pause():
    session = make_session(timestamp=0)
    session.send(b"abc", payload_type=96, ticks=960, now=0.0)
    for n in range(1, 150):
        session.send(b"", payload_type=96, ticks=960, now=n * 0.02)
    session.bye(now=3.0)
    ((report, _, _),) = reports(session, 3.0)
    assert report.rtp_timestamp == 150 * 960 + 960


def test_the_last_report_of_a_source_is_not_told_of_its_successor():
    session = make_session()
    session.receive_datagram(rtp(0), B, now=0.0)
    session.receive_datagram(write_compound((SenderReport(0xB, 77 << 16, 0, 1, 1),)), B, now=0.5)
    session = make_session()
    session.send(b"a", payload_type=96, ticks=960, now=0.0)
    session.receive_datagram(rtp(0), B, now=0.0)
    session.receive_datagram(write_compound((SenderReport(0xB, 77 << 16, 0, 1, 1),)), B, now=0.5)
    session.handle_timeout(now=1.0)
    ((report, _),) = reports(session, 1.0)
    assert (report.reports[0].last_sr, report.reports[0].delay_since_last_sr) == (77, 32768)
    # A middle of zero would say that there was none.
    session.receive_datagram(write_compound((SenderReport(0xB, 1 << 48, 0, 1, 1),)), B, now=1.0)
    session.receive_datagram(rtp(1), B, now=1.0)
    while not (sent_now := reports(session, now := session.next_timeout())):
        session.handle_timeout(now=now)
    ((report, _),) = sent_now
    assert report.reports[0].last_sr == 77
    for n in (5, 6):
        session.receive_datagram(rtp(n, ssrc=0xC), B, now=1.0)
    session.bye(now=now)
    ((report, _, _),) = reports(session, now)
    assert report.reports[0].ssrc == 0xC
    assert (report.reports[0].last_sr, report.reports[0].delay_since_last_sr) == (0, 0)


def test_round_trip_is_arrival_minus_report_minus_delay():
    session = make_session()
    session.send(b"abc", payload_type=96, ticks=960, now=10.0)
    session.handle_timeout(now=10.0)
    ((report, _),) = reports(session, 10.0)
    last_sr = report.ntp_timestamp >> 16 & 0xFFFFFFFF
    block = ReportBlock(0xA, 0, 0, 65534, 480, last_sr, 2 * 65536)
    session.receive_datagram(write_compound((ReceiverReport(0xB, (block,)),)), (B[0], B[1] + 1), now=12.25)
    stats = session.stats(13.0)
    assert stats.rtt_ms == pytest.approx(250, abs=0.1)
    assert stats.remote.jitter_ms == pytest.approx(10)
    assert (stats.remote.loss_pct, stats.remote.lost) == (0, 0)


def test_a_report_that_claims_more_delay_than_time_has_passed_gives_no_round_trip():
    session = make_session()
    session.send(b"abc", payload_type=96, ticks=960, now=10.0)
    session.handle_timeout(now=10.0)
    ((report, _),) = reports(session, 10.0)
    block = ReportBlock(0xA, 0, 0, 65534, 0, report.ntp_timestamp >> 16 & 0xFFFFFFFF, 9 * 65536)
    session.receive_datagram(write_compound((ReceiverReport(0xB, (block,)),)), B, now=12.0)
    assert session.stats(13.0).rtt_ms is None


def test_remote_loss_is_over_all_that_we_sent_and_others_blocks_do_not_count():
    session = make_session()
    block = ReportBlock(0xA, 10, 5, 65534 + 99, 0, 0, 0)
    other = ReportBlock(0x77, 200, 5000, 65534 + 99, 0, 0, 0)
    session.receive_datagram(write_compound((ReceiverReport(0xB, (other, block)),)), B, now=1.0)
    remote = session.stats(1.0).remote
    assert (remote.loss_pct, remote.lost, remote.reports) == (5.0, 5, 1)


def test_a_remote_that_counts_absurdly_is_taken_by_its_fraction():
    session = make_session()
    block = ReportBlock(0xA, 64, 900, 65534 + 9, 0, 0, 0)
    session.receive_datagram(write_compound((ReceiverReport(0xB, (block,)),)), B, now=1.0)
    assert session.stats(1.0).remote.loss_pct == 25.0


def test_bye_is_sent_with_a_last_report_and_ends_reporting():
    session = make_session()
    session.receive_datagram(rtp(0), B, now=0.5)
    session.send(b"abc", payload_type=96, ticks=960, now=0.5)
    session.bye("done", now=1.0)
    ((report, _, bye),) = reports(session, 1.0)
    assert isinstance(report, SenderReport)
    assert report.reports[0].ssrc == 0xB
    assert bye == Bye((0xA,), b"done")
    assert session.next_timeout() is None
    session.bye(now=2.0)
    session.handle_timeout(now=99.0)
    assert session.datagrams_to_send(now=99.0) == []


def test_who_never_sent_anything_says_no_bye():
    session = make_session()
    session.bye(now=1.0)
    assert session.datagrams_to_send(now=1.0) == []


def test_the_peers_bye_is_told():
    session = make_session()
    session.receive_datagram(rtp(0), B, now=0.5)
    compound = write_compound((ReceiverReport(0xB), Bye((0x99,)), Bye((0xB,), b"off")))
    for _ in range(2):
        session.receive_datagram(compound, (B[0], B[1] + 1), now=1.0)
    assert events(session) == [FirstPacket(0.5), PeerLeft("off")]


def test_broken_rtcp_is_counted():
    session = make_session()
    session.receive_datagram(b"\x80\xc8\0", B, now=0.5)
    assert session.stats(1.0).received.undecodable == 1
    assert session.stats(1.0).received.rtcp_packets == 0


# Statistics


def test_what_protects_a_packet_counts_on_the_wire_and_still_does_after_a_change_of_address():
    plain, protected = make_session(), make_session(trailer_bytes=10)
    for session in (plain, protected):
        session.retarget(("192.0.2.77", 4000), ("192.0.2.77", 4001))
        session.send(b"abc", payload_type=96, ticks=960, now=0.0)
        session.datagrams_to_send(now=0.0)
    counted = [session.stats(now=1.0).sent.rtp_bytes for session in (plain, protected)]
    assert counted[1] - counted[0] == 10


def test_bytes_are_counted_by_kind_and_headers_by_the_address_family():
    for host, overhead in (("192.0.2.2", 28), ("2001:db8::2", 48)):
        session = make_session(remote=(host, 5000))
        for n in range(50):
            session.send(b"x" * 40, payload_type=96, ticks=960, now=n * 0.02)
            session.receive_datagram(rtp(n, payload=b"y" * 30), (host, 5000), now=n * 0.02)
        session.handle_timeout(now=1.0)
        stats = session.stats(1.0)
        report = 28 + 24 + 4 + 4 + 2 + len("me@here") + 3
        assert stats.sent.payload_bytes == 50 * 40
        assert stats.sent.rtp_bytes == 50 * (12 + overhead)
        assert (stats.sent.rtcp_packets, stats.sent.rtcp_bytes) == (1, report + overhead)
        assert stats.sent.packets_per_s == 50
        assert stats.sent.payload_bps == 50 * 40 * 8
        assert stats.sent.wire_bps == (50 * (52 + overhead) + report + overhead) * 8
        assert stats.received.payload_bytes == 50 * 30
        assert stats.received.wire_bps == 50 * (42 + overhead) * 8


def test_reading_the_statistics_changes_nothing():
    one, other = make_session(), make_session()
    for n in range(100):
        for session in (one, other):
            session.send(b"x", payload_type=96, ticks=960, now=n * 0.02)
            if n % 7:
                session.receive_datagram(rtp(n), B, now=n * 0.02 + n % 3 * 0.004)
            session.pop(now=n * 0.02 + 0.01)
            session.handle_timeout(now=n * 0.02)
        one.stats(n * 0.02)
    assert one.stats(2.0) == other.stats(2.0)
    assert one.datagrams_to_send(now=2.0) == other.datagrams_to_send(now=2.0)


def test_before_anything_came_nothing_is_measured():
    stats = make_session().stats(0.0)
    received = stats.received
    assert (received.loss_pct, received.jitter_ms, received.pdv_p95_ms, received.playout_delay_ms) == (
        None,
    ) * 4
    assert (stats.remote.loss_pct, stats.rtt_ms) == (None, None)


def test_a_session_that_is_over_does_not_wait_for_the_garbage_collector():
    gc.disable()
    try:
        a = make_session(extended=True)
        a.send(b"audio", payload_type=96, ticks=960, now=0.0)
        kept = weakref.ref(a)
        a.bye(now=1.0)
        del a
        assert kept() is None
    finally:
        gc.enable()
