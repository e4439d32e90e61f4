# Extended reports: laid out as RFC 3611 draws them, and understood by the other side.

import random
from dataclasses import replace

import pytest
from test_rtp_session import A, B, make_session, rtp

from softphone.rtp.bursts import GMIN, BurstMeter
from softphone.rtp.errors import LocalRtpError, RtcpError
from softphone.rtp.rtcp import ReceiverReport, parse_compound, write_compound
from softphone.rtp.voip_metrics import VoiceQuality, readable, voip_metrics
from softphone.rtp.xr import (
    NOT_MEASURED,
    DelaySince,
    ExtendedReport,
    ReferenceTime,
    UnknownBlock,
    VoipMetrics,
)

METRICS = VoipMetrics(
    ssrc=0xB,
    loss_rate=12,
    discard_rate=3,
    burst_density=128,
    gap_density=2,
    burst_duration_ms=120,
    gap_duration_ms=4000,
    round_trip_ms=35,
    end_system_delay_ms=140,
    signal_level_dbm=-20,
    noise_level_dbm=-60,
    residual_echo_return_loss_db=NOT_MEASURED,
    gmin=16,
    r_factor=88,
    mos_lq=41,
    mos_cq=40,
    receiver=0xF0,
    jitter_buffer_nominal_ms=60,
    jitter_buffer_maximum_ms=200,
    jitter_buffer_limit_ms=500,
)
LAYOUT = (
    "80cf000d 0000000a"  # XR of 14 words, from 0xA
    "04000002 0001000200030004"  # receiver reference time
    "07000008 0000000b 0c038002 00780fa0 0023008c ecc47f10 587f2928 f000003c 00c801f4"  # VoIP metrics
)
VOICE = VoiceQuality(signal_level_dbm=-20.2, r_factor=87.6, mos_lq=4.12, mos_cq=3.98)


def exchange(a, b, *, until, lost=lambda n: False, delay_s=0.02, b_sends=True):
    """Two sessions talk in virtual time, 20 ms a packet; what *lost* says of packet n from a to b is lost."""
    line = []
    for n in range(round(until / 0.02)):
        now = n * 0.02
        a.send(b"x", payload_type=96, ticks=960, now=now)
        if b_sends:
            b.send(b"x", payload_type=96, ticks=960, now=now)
        for here, there, source in ((a, b, A), (b, a, B)):
            here.handle_timeout(now=now)
            for data, addr in here.datagrams_to_send(now=now):
                is_rtcp = addr[1] % 2
                if here is b or is_rtcp or not lost(n):
                    line.append((now + delay_s, there, data, (source[0], source[1] + is_rtcp)))
        while line and line[0][0] <= now:
            at, there, data, source = line.pop(0)
            there.receive_datagram(data, source, now=at)
        a.pop(now=now), b.pop(now=now)


def pair(**options):
    a = make_session(remote=B, ssrc=0xA, rng=random.Random(1), **options)
    b = make_session(remote=A, ssrc=0xB, rng=random.Random(2), **options)
    return a, b


def test_an_extended_report_is_laid_out_as_sections_2_4_4_and_4_7():
    report = ExtendedReport(0xA, (ReferenceTime(0x0001000200030004), METRICS))
    data = bytes.fromhex(LAYOUT)
    assert bytes(report) == data
    assert parse_compound(bytes(ReceiverReport(0xA)) + data)[1] == report


def test_a_delay_block_is_laid_out_as_section_4_5():
    block = DelaySince(((0xA, 0x11112222, 65536), (0xC, 1, 2)))
    assert bytes(block) == bytes.fromhex("05000006 0000000a 11112222 00010000 0000000c 00000001 00000002")


def test_blocks_nobody_knows_and_known_ones_of_another_length_are_passed_over():
    blocks = (UnknownBlock(6, 0xE0, b"\1" * 8), UnknownBlock(7, 0, b"\2" * 4), METRICS)
    data = write_compound((ReceiverReport(0xA), ExtendedReport(0xA, blocks)))
    assert parse_compound(data)[1].blocks == blocks


@pytest.mark.parametrize("body", [b"", b"\0\0\0\1\4\0\0\2\0\0\0\0"])
def test_a_report_that_is_cut_short_is_refused(body):
    with pytest.raises(RtcpError, match="RTCP XR"):
        ExtendedReport.parse_body(0, body)


def test_metrics_that_do_not_fit_are_the_callers_fault():
    with pytest.raises(LocalRtpError, match="out of range"):
        bytes(replace(METRICS, loss_rate=256))


def read(losses, until, *, first=0):
    meter = BurstMeter()
    meter.begin(first)
    for start, end in losses:
        meter.add(start, end)
    return meter.read(until)


def test_losses_that_are_near_each_other_are_a_burst_and_single_ones_lie_in_gaps():
    # 100 packets: one lost alone, then five lost of the ten from 40 to 49.
    found = read([(10, 11), (40, 42), (45, 47), (49, 50)], 100)
    assert (found.burst_packets, found.burst_density) == (10, 0.5)
    assert (found.gap_packets, found.gap_density) == (90, 1 / 90)


def test_as_many_packets_as_gmin_end_a_burst():
    near, far = (10 + GMIN, 11 + GMIN), (11 + GMIN, 12 + GMIN)
    assert read([(10, 11), near], 100).burst_packets == GMIN + 1
    assert read([(10, 11), far], 100).burst_packets == 0
    assert read([(10, 11), far], 100).gap_density == 0.02


def test_without_loss_all_is_one_gap_and_reading_changes_nothing():
    meter = BurstMeter()
    assert meter.read(0).gap_packets == 0
    meter.begin(5)
    meter.add(20, 22)
    assert meter.read(30) == meter.read(30)
    assert read([], 50).gap_packets == 50


def test_what_is_not_measured_is_told_as_127_and_shown_as_nothing():
    block = voip_metrics(
        ssrc=1,
        loss_pct=0,
        discard_pct=0,
        bursts=read([], 50),
        packet_ms=20,
        rtt_ms=None,
        playout_delay_ms=40,
        max_delay_ms=500,
        quality=VoiceQuality(),
    )
    levels = (block.signal_level_dbm, block.noise_level_dbm, block.residual_echo_return_loss_db)
    assert levels == (NOT_MEASURED,) * 3
    assert (block.r_factor, block.mos_lq, block.mos_cq) == (NOT_MEASURED,) * 3
    assert (block.round_trip_ms, block.end_system_delay_ms) == (0, 0)
    shown = readable(block)
    assert {name for name, value in shown.items() if value is None} == {
        *("rtt_ms", "end_system_delay_ms", "signal_level_dbm", "noise_level_dbm"),
        *("residual_echo_return_loss_db", "r", "external_r", "mos_lq", "mos_cq"),
    }


def test_a_rating_out_of_its_range_is_neither_sent_nor_believed():
    quality = VoiceQuality(r_factor=120.0, mos_lq=0.5)
    block = voip_metrics(
        ssrc=1,
        loss_pct=100,
        discard_pct=0,
        bursts=read([], 50),
        packet_ms=20,
        rtt_ms=70_000,
        playout_delay_ms=None,
        max_delay_ms=500,
        quality=quality,
    )
    assert (block.r_factor, block.mos_lq) == (NOT_MEASURED, NOT_MEASURED)
    assert (block.loss_rate, block.round_trip_ms) == (255, 0xFFFF)
    assert readable(replace(block, r_factor=101, mos_cq=99))["r"] is None
    assert readable(replace(block, r_factor=101, mos_cq=99))["mos_cq"] is None


def test_each_side_knows_what_the_other_heard():
    a, b = pair(extended=True)
    b.voice_quality = lambda now: VOICE
    exchange(a, b, until=20, lost=lambda n: 300 <= n < 305)
    told = readable(a.stats(now=20).told)
    assert told["loss_pct"] == pytest.approx(100 * 5 / 1000, abs=0.4)
    assert (told["burst_ms"], told["burst_density_pct"]) == (100, pytest.approx(99.6, abs=0.1))
    assert (told["signal_level_dbm"], told["r"], told["mos_lq"], told["mos_cq"]) == (-20, 88, 4.1, 4.0)
    assert told["rtt_ms"] == pytest.approx(40, abs=25)
    assert (told["concealment"], told["jitter_buffer"]) == ("enhanced", "adaptive")
    assert b.stats(now=20).told.loss_rate == 0


def test_who_only_listens_has_a_round_trip_too():
    a, b = pair(extended=True)
    exchange(a, b, until=25, b_sends=False)
    assert b.stats(now=25).rtt_ms == pytest.approx(40, abs=25)


def test_nothing_extended_goes_to_a_peer_that_did_not_ask_for_it():
    a, b = pair()
    exchange(a, b, until=20, b_sends=False)
    assert (a.stats(now=20).told, b.stats(now=20).told, b.stats(now=20).rtt_ms) == (None, None, None)
    a.change_headers(short=False, reduced_rtcp=False, extended=True)
    a.bye(now=21)
    data = [d for d, addr in a.datagrams_to_send(now=21)]
    assert not any(
        isinstance(p, ExtendedReport) for p in parse_compound(data[0])
    )  # it heard nothing to tell of


def test_metrics_of_another_source_tell_nothing_of_ours():
    session = make_session(extended=True)
    session.receive_datagram(rtp(1), B, now=0.0)
    data = write_compound((ReceiverReport(0xB), ExtendedReport(0xB, (replace(METRICS, ssrc=0xC),))))
    session.receive_datagram(data, (B[0], B[1] + 1), now=0.1)
    assert session.stats(now=1).told is None
