"""A running leg that changes its mode: between a socket and a clock that the test moves."""

import struct
import time
from dataclasses import replace

import pytest
from support.codecs import names

from softphone.app.codec_choice import chosen_codecs
from softphone.app.leg import LegEvents, MediaLeg
from softphone.config import CodecChoice, MediaOptions
from softphone.errors import UsageError
from softphone.io.audio.tone import ToneSource
from softphone.media.device import PacedDevice
from softphone.rtp.events import ModeWished
from softphone.rtp.packet import is_rtcp
from softphone.rtp.rtcp import App, parse_compound
from softphone.rtp.wish import ModeWish
from softphone.sdp.media import Negotiated, NegotiatedCodec

pytestmark = pytest.mark.skipif("codec2" not in names(), reason="libcodec2 is not installed")

PEER = ("127.0.0.1", 4000)
PCMU = NegotiatedCodec("PCMU", 8000, 1, 0)
CODEC2 = NegotiatedCodec("CODEC2", 8000, 1, 98, {"mode": "1300", "packet": "120", "credit": "2"})
AGREED = Negotiated(
    remote_host=PEER[0], remote_port=PEER[1], remote_rtcp_host=PEER[0], remote_rtcp_port=PEER[1] + 1,
    send=(PCMU, CODEC2), receive=(PCMU, CODEC2), receive_dtmf={}, send_dtmf_payload_type=None, send_dtmf_clock_rate_hz=None,
    ptime_ms=20, max_ptime_ms=None, direction="sendrecv", bandwidth_as_kbps=None,
)  # fmt: skip


class Wire:
    needs_loop = False

    def __init__(self):
        self.arrivals, self.sent = [], []

    def drain(self, now, *, spacing_s=0.0):
        arrivals, self.arrivals = self.arrivals, []
        return arrivals

    def send(self, data, addr):
        self.sent.append(data)

    def payload_types(self):
        """Of the RTP packets sent since it was asked last."""
        sent, self.sent = self.sent, []
        return [data[1] & 0x7F for data in sent if not is_rtcp(data)]


class Clock:
    def __init__(self):
        self.interval_ms, self.tick, self.joined = None, None, []

    def join(self, interval_ms, tick, *, since=None):
        assert self.interval_ms is None, "one interval at a time"
        self.interval_ms, self.tick = interval_ms, tick
        self.joined.append(interval_ms)
        return time.monotonic()

    def leave(self, interval_ms, tick):
        assert (interval_ms, tick) == (self.interval_ms, self.tick)
        self.interval_ms = None


class Bench:
    def __init__(self, *, codecs="pcmu,codec2:1300", negotiated=AGREED, later=False, **options):
        media = MediaOptions(codecs=tuple(map(CodecChoice.parse, codecs.split(","))), **options)
        self.wire, self.clock, self.waiting = Wire(), Clock(), []
        self.now = time.monotonic()

        def background(work, then):
            self.waiting.append((work, then)) if later else then(work())

        self.leg = MediaLeg(
            self.wire, negotiated, chosen_codecs(media), media, clock=self.clock, background=background,
            events=LegEvents(source_ended=lambda: None, timed_out=lambda: None),
            make_device=lambda rate_hz, ptime_ms, start: PacedDevice(ToneSource(500, rate_hz), rate_hz, now=self.now),
        )  # fmt: skip

    def run(self, seconds):
        end = self.now + seconds
        while self.now < end - 1e-6:
            self.now += self.clock.interval_ms / 1000
            self.clock.tick(self.now)
        return self.wire.payload_types()

    def receive(self, payload_type, payload, count, ticks):
        for number in range(count):
            header = struct.pack("!BBHII", 0x80, payload_type, self.next_number(), number * ticks, 7)
            self.wire.arrivals.append((header + payload, PEER, self.now))
            self.run(ticks / 8000)

    def next_number(self):
        self.number = getattr(self, "number", 0) + 1
        return self.number


def test_the_next_packet_is_of_the_new_mode_and_the_clock_ticks_by_it():
    bench = Bench()
    assert bench.leg.modes == ("normal", "vlc", "vlr")
    assert set(bench.run(0.2)) == {0}
    bench.leg.set_mode("vlc", direction="sent")
    assert bench.run(0.6) == [98] * 5  # of 120 ms: the peer's fmtp says so
    bench.leg.set_mode("normal", direction="sent")
    assert set(bench.run(0.2)) == {0}
    assert bench.clock.joined == [20, 120, 20]
    facts = bench.leg.stop()
    assert [(each.direction, each.mode, each.codec) for each in facts.mode_changes] == [
        ("sent", "vlc", "codec2"),
        ("sent", "normal", "pcmu"),
    ]
    assert facts.mode == "normal"


def test_the_encoder_is_made_while_the_old_one_goes_on_and_the_last_wish_counts():
    bench = Bench(later=True)
    bench.leg.set_mode("vlc", direction="sent")
    bench.leg.set_mode("vlr", direction="sent")
    assert set(bench.run(0.1)) == {0}
    for work, then in reversed(bench.waiting):
        then(work())
    assert bench.leg.mode == "vlr"
    assert len(bench.leg.stop().mode_changes) == 1


def test_an_encoder_that_is_ready_after_the_end_harms_nothing():
    bench = Bench(later=True)
    bench.leg.set_mode("vlc")
    bench.leg.stop()
    for work, then in bench.waiting:
        then(work())
    assert bench.clock.interval_ms is None


def test_the_peer_is_asked_by_rtcp_and_what_it_sends_then_is_told():
    bench = Bench()
    bench.run(0.1)
    bench.receive(0, b"\x55" * 160, 5, 160)
    bench.leg.set_mode("vlr", direction="received")
    assert bench.leg.mode == "normal"
    bench.wire.sent.clear()
    bench.now = time.monotonic() + 1
    bench.clock.tick(bench.now)
    apps = [
        packet
        for data in bench.wire.sent
        if is_rtcp(data)
        for packet in parse_compound(data)
        if isinstance(packet, App)
    ]
    assert [app.name for app in apps] == [b"MODE"]
    bench.receive(98, bytes(20), 4, 960)
    assert [(each.direction, each.mode) for each in bench.leg.stop().mode_changes] == [("received", "vlr")]


def test_a_mode_the_peer_cannot_take_is_refused_in_a_line():
    bench = Bench(negotiated=replace(AGREED, send=(PCMU,)))
    with pytest.raises(UsageError, match="mode vlr needs VLC or Codec2 in common with the peer"):
        bench.leg.set_mode("vlr")
    with pytest.raises(UsageError, match="a direction is sent, received or both, got 'out'"):
        bench.leg.set_mode("normal", direction="out")


def test_a_reinvite_that_takes_the_codec_away_takes_the_mode_away():
    bench = Bench(mode="vlc")
    assert set(bench.run(0.4)) == {98}
    bench.leg.retarget(replace(AGREED, send=(PCMU,)))
    assert set(bench.run(0.4)) == {0}
    assert (bench.leg.mode, bench.leg.modes) == ("normal", ("normal",))
    assert bench.clock.joined == [120, 20]


def test_too_much_for_a_limit_lowers_the_rate():
    opus = NegotiatedCodec("opus", 48000, 2, 96)
    agreed = replace(AGREED, send=(opus, CODEC2), receive=(opus, CODEC2), bandwidth_as_kbps=20)
    bench = Bench(codecs="opus:14000,codec2:1300", negotiated=agreed)
    before = bench.leg.codec.settings
    bench.leg._budget.limit_bps = 12_000  # as if the encoder sent half as much again as it was asked for
    bench.leg._budget._bytes_per_s = 12_000 / 8
    bench.run(10)
    after = bench.leg.codec.settings
    assert after.bit_rate_bps < before.bit_rate_bps or after.ptime_ms > before.ptime_ms
    assert bench.leg.stop().withheld["limit"] > 0


@pytest.mark.parametrize(
    ("wish", "rate", "ptime_ms"),
    [
        (ModeWish("normal", bit_rate_bps=9000), 9000, 20),
        (ModeWish("normal", bit_rate_bps=100), 6000, 20),
        (ModeWish("normal", bit_rate_bps=99_000, ptime_ms=60), 16_000, 20),
        (ModeWish("vlc", bit_rate_bps=700, ptime_ms=90), 1300, 80),
    ],
)
def test_a_wish_of_the_peer_is_followed_as_far_as_the_codec_goes(wish, rate, ptime_ms):
    opus = NegotiatedCodec("opus", 48000, 2, 96)
    agreed = replace(AGREED, send=(opus, CODEC2), receive=(opus, CODEC2))
    bench = Bench(codecs="opus:16000,codec2:1300", negotiated=agreed)
    bench.run(0.1)
    bench.leg._on_event(ModeWished(wish))
    bench.run(0.3)
    settings = bench.leg.codec.settings
    assert (bench.leg.mode, settings.bit_rate_bps, settings.ptime_ms) == (wish.mode, rate, ptime_ms)


def test_a_wish_for_a_mode_there_is_no_codec_for_changes_nothing():
    bench = Bench(negotiated=replace(AGREED, send=(PCMU,)))
    bench.leg._on_event(ModeWished(ModeWish("vlr")))
    assert set(bench.run(0.2)) == {0}
    assert bench.leg.stop().mode_changes == ()


def test_one_of_ours_that_sends_more_than_our_limit_is_asked_for_less():
    bench = Bench(codecs="pcmu,codec2:1300", max_wire_bps=90_000)
    bench.leg._media = replace(
        bench.leg._media, max_wire_bps=70_000
    )  # as if it took b=AS for the payload alone
    bench.run(0.02)
    bench.receive(0, b"\x55" * 160, 250, 160)
    assert bench.leg.session.wish == ModeWish("normal", bit_rate_bps=bench.leg.session.wish.bit_rate_bps)
    assert 50_000 < bench.leg.session.wish.bit_rate_bps < 56_000
