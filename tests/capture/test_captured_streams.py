"""Datagrams to RTP streams: what is taken for RTP without an SDP, and exact counts of what the line did."""

import random
from dataclasses import replace

import pytest
from support.captures import (
    ALICE,
    BEGAN,
    BOB,
    Seen,
    Sent,
    delayed,
    fragments,
    framed,
    stream,
    talk,
    udp,
    without,
)

from softphone.capture import (
    CaptureStats,
    Frame,
    RtpStream,
    StreamCollector,
    datagrams,
    network_figures,
    without_copies,
)
from softphone.capture.figures import clock_rate_of
from softphone.capture.timeline import timeline
from softphone.rtp.packet import RtpPacket
from softphone.rtp.stats import Reception

TALK = talk("pcmu", 6.0)


def collect(*seen: Seen) -> StreamCollector:
    collector, stats = StreamCollector(), CaptureStats()
    made = (Frame(each.at, 1, each.data, each.wire, 0) for each in seen)
    for datagram in datagrams(made, stats):
        collector.add(datagram)
    return collector


def only(sent: list[Sent]) -> RtpStream:
    (found,) = collect(*(each.seen() for each in sent)).streams()
    return found


def test_loss_duplicates_and_reordering_are_counted_exactly_across_a_wrap():
    sent = stream(TALK, first_number=65_500)
    lost = [10, 20, 21, 22, 50, 51, *range(100, 112), 200]
    kept = without(sent, lost)
    kept = [*kept, replace(kept[40], at=kept[40].at + 0.001), replace(kept[60], at=kept[60].at + 0.5)]
    moved = kept[150]
    kept[150] = replace(moved, at=moved.at + 0.045)
    found = network_figures(only(sorted(kept, key=lambda each: each.at)), 8000)
    assert (found.packets, found.expected, found.lost) == (len(kept), len(sent), len(lost))
    assert found.loss_pct == pytest.approx(100 * len(lost) / len(sent))
    assert (found.duplicates, found.reordered, found.restarts) == (2, 1, 0)
    assert found.loss_runs == {"1": 2, "2": 1, "3": 1, "10+": 1}
    assert found.longest_loss == 12
    # G.107: mean run over 1 / (1 - loss).
    assert found.loss_burst_r == pytest.approx(len(lost) / 5 * (1 - len(lost) / len(sent)))


def test_jitter_is_what_our_receiver_reckons_from_the_same_arrivals():
    sent = delayed(stream(TALK), jitter_ms=9)
    found = network_figures(only(sent), 8000)
    first = sent[0].packet
    twin = Reception(first.ssrc, 8000, first.sequence_number, 1 << 16)
    for place, each in enumerate(sent):
        if place:
            twin.track(each.packet.sequence_number)
        twin.extend(each.packet.timestamp, each.at - BEGAN)
    assert found.jitter_ms == pytest.approx(twin.jitter_ticks / 8, abs=1e-3)
    assert found.pdv_p95_ms == pytest.approx(twin.delay_variation_ms(95), abs=0.5)
    assert found.jitter_max_ms is not None
    assert found.jitter_max_ms >= found.jitter_ms


def test_a_stream_on_the_beat_has_no_jitter_and_its_rates_are_those_of_its_bytes():
    found = network_figures(only(stream(TALK)), 8000)
    count = len(TALK.payloads)
    assert found.jitter_ms == pytest.approx(0, abs=1e-3)
    assert found.max_delta_ms == pytest.approx(20, abs=1e-3)
    assert found.ptime_ms == 20
    assert found.seconds == pytest.approx(count * 0.02, abs=1e-4)
    assert found.payload_bps == pytest.approx(64_000, rel=1e-4)
    assert found.wire_bps == pytest.approx(80_000, rel=1e-4)


@pytest.mark.parametrize("skew_ppm", [-300, 80, 1000])
def test_the_skew_of_the_senders_clock_is_found_through_jitter(skew_ppm):
    long = replace(TALK, payloads=[TALK.payloads[i % 50] for i in range(3000)])
    found = network_figures(only(delayed(stream(long, skew_ppm=skew_ppm), jitter_ms=2)), 8000)
    # Measured: within 3 ppm over a minute at 2 ms of jitter.
    assert found.skew_ppm == pytest.approx(skew_ppm, abs=10)


def test_a_skew_that_cannot_be_known_is_not_given():
    assert network_figures(only(stream(TALK)), 8000).skew_ppm is None
    wild = replace(TALK, payloads=[TALK.payloads[i % 50] for i in range(600)])
    rng = random.Random(4)
    sent = sorted(
        (replace(each, at=each.at + rng.uniform(0, 0.4)) for each in stream(wild)), key=lambda each: each.at
    )
    assert network_figures(only(sent), 8000).skew_ppm is None


def test_time_that_nothing_was_sent_for_is_silence_not_loss():
    sent = stream(TALK)
    quiet = [
        replace(
            each,
            packet=replace(
                each.packet, sequence_number=(each.packet.sequence_number - 30 * (i >= 100)) & 0xFFFF
            ),
        )
        for i, each in enumerate(sent)
        if not 70 <= i < 100
    ]
    found = network_figures(only(quiet), 8000)
    assert (found.lost, found.silence_gaps) == (0, 1)
    assert found.silence_ms == pytest.approx(600)


def test_a_sender_that_begins_anew_has_lost_nothing():
    sent = stream(TALK, first_number=100)
    again = [
        replace(
            each,
            packet=replace(each.packet, sequence_number=each.packet.sequence_number + 20_000 * (i >= 100)),
        )
        for i, each in enumerate(sent)
    ]
    found = network_figures(only(again), 8000)
    assert (found.restarts, found.lost, found.expected) == (1, 0, len(sent))


def test_one_stray_packet_is_no_restart():
    sent = stream(TALK, first_number=100)
    stray = replace(sent[90], at=sent[90].at + 0.001, packet=replace(sent[90].packet, sequence_number=30_000))
    found = network_figures(only(sorted([*sent, stray], key=lambda each: each.at)), 8000)
    assert (found.restarts, found.lost, found.expected, found.packets) == (0, 0, len(sent), len(sent) + 1)


@pytest.mark.parametrize("codec", ["pcmu", "opus"])
def test_the_clock_of_an_unknown_codec_is_found_by_its_pace(codec):
    said = talk(codec, 4.0)
    assert clock_rate_of(only(delayed(stream(said, payload_type=99), jitter_ms=5))) == said.spec.clock_rate_hz


def test_several_sources_on_one_port_are_streams_of_their_own():
    one, two = stream(TALK, ssrc=1), stream(TALK, ssrc=2)
    found = list(collect(*(each.seen() for pair in zip(one, two, strict=True) for each in pair)).streams())
    assert [(each.ssrc, len(each), each.looks_real) for each in found] == [
        (1, len(one), True),
        (2, len(two), True),
    ]


def test_random_datagrams_are_no_rtp():
    rng = random.Random(7)
    noise = [Seen(BEGAN + i / 100, framed(udp(b"\x80" + rng.randbytes(60)))) for i in range(3000)]
    assert not any(each.looks_real for each in collect(*noise).streams())


def test_other_protocols_on_the_port_are_no_rtp():
    stun, dtls = bytes.fromhex("0001000821 12a442") + bytes(20), b"\x16\xfe\xfd" + bytes(40)
    rtcp = bytes.fromhex("80c80006") + bytes(24)
    cut_extension = b"\x90" + bytes(11) + b"\xbe\xde\x00\x09" + bytes(8)
    padded_beyond = b"\xa0" + bytes(30) + b"\x40"
    seen = [
        Seen(BEGAN + i, framed(udp(each)))
        for i, each in enumerate([stun, dtls, rtcp, cut_extension, padded_beyond])
    ]
    assert list(collect(*seen).streams()) == []


def test_too_few_packets_are_not_taken_for_a_stream_without_an_sdp():
    assert not only(stream(TALK)[:9]).looks_real
    assert only(stream(TALK)[:11]).looks_real


def test_extensions_sources_and_padding_are_not_payload():
    plain = stream(TALK)[:20]
    long = [
        replace(
            each, packet=replace(each.packet, csrcs=(1, 2), extension=(0xBEDE, bytes(8)), padding_bytes=4)
        )
        for each in plain
    ]
    found = network_figures(only(long), 8000)
    assert found.payload_bytes == 20 * 160
    assert only(long).length[0] == 12 + 8 + 12 + 160 + 4


def test_payloads_from_fragments_are_kept_with_the_stream():
    big = RtpPacket(96, 1, 0, 5, bytes(range(250)) * 8)
    sent = [
        Sent(BEGAN + i / 50, replace(big, sequence_number=i, timestamp=160 * i), ALICE, BOB)
        for i in range(12)
    ]
    seen = [
        Seen(each.at, framed(piece))
        for i, each in enumerate(sent)
        for piece in fragments(udp(bytes(each.packet)), 1000, number=i)
    ]
    (found,) = collect(*seen).streams()
    assert found.spilled == [bytes(each.packet) for each in sent]
    assert list(found.offset) == [-1 - i for i in range(12)]


def test_a_capture_that_saw_each_packet_twice_counts_it_once():
    sent = without(stream(TALK), [30])
    twice = sorted(
        [*sent, *(replace(each, at=each.at + 2e-5) for each in sent[1:])], key=lambda each: each.at
    )
    single, copies = without_copies(only(twice))
    assert copies == len(sent) - 1
    assert list(single.at) == pytest.approx([each.at for each in sent])
    found = network_figures(single, 8000)
    assert (found.packets, found.duplicates, found.lost) == (len(sent), 0, 1)


def test_packets_that_the_network_doubled_are_duplicates():
    sent = stream(TALK)
    some = sorted(
        [*sent, *(replace(each, at=each.at + 1e-3) for each in sent[::3])], key=lambda each: each.at
    )
    same, copies = without_copies(only(some))
    assert copies == 0
    assert network_figures(same, 8000).duplicates == len(sent[::3])


def test_a_timeline_tells_when_packets_were_lost_and_when_they_jittered():
    long = replace(TALK, payloads=[TALK.payloads[i % 50] for i in range(1000)])
    sent = stream(long)
    kept = without(sent, [300, 301, 600])
    late = [
        replace(each, at=each.at + 0.01 * (i % 2)) if 750 <= i < 900 else each for i, each in enumerate(kept)
    ]
    found = timeline(only(late), 8000)
    assert [(each.from_s, each.packets, each.lost) for each in found] == [
        (0, 250, 0),
        (5, 248, 2),
        (10, 249, 1),
        (15, 250, 0),
    ]
    # 10 ms forth and back for long: the filter of A.8 comes to it.
    assert [each.jitter_ms for each in found] == pytest.approx([0, 0, 0, 10], abs=0.5)
    assert sum(each.lost for each in found) == network_figures(only(late), 8000).lost


def test_a_stream_of_days_has_no_more_windows_than_one_of_an_hour():
    sent = [replace(each, at=each.at + i * 500) for i, each in enumerate(stream(TALK)[:200])]
    found = timeline(only(sent), 8000)
    assert len(found) <= 720
    assert sum(each.packets for each in found) == 200
