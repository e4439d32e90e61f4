"""One leg's audio between a socket and a clock that the test moves: what a peer or a device can do to it."""

import itertools
import struct
import time
from dataclasses import replace

import pytest

from softphone.app.call_status import progress_of
from softphone.app.codec_choice import chosen_codecs
from softphone.app.leg import MAX_DIGITS, LegEvents, MediaLeg
from softphone.config import CodecChoice, MediaOptions
from softphone.errors import UsageError
from softphone.io.audio.null import SilenceSource
from softphone.media.device import PacedDevice
from softphone.rtp.errors import LocalRtpError
from softphone.rtp.packet import is_rtcp
from softphone.sdp.media import Negotiated, NegotiatedCodec

PEER, STRANGER = ("127.0.0.1", 4000), ("127.0.0.9", 4000)
TIMEOUT_S = 2.0
MEDIA = MediaOptions(codecs=(CodecChoice("pcmu"),), rtp_timeout_s=TIMEOUT_S)
PCMU = NegotiatedCodec("PCMU", 8000, 1, 0)
NEGOTIATED = Negotiated(
    remote_host=PEER[0], remote_port=PEER[1], remote_rtcp_host=PEER[0], remote_rtcp_port=PEER[1] + 1,
    send=(PCMU,), receive=(PCMU,), receive_dtmf={101: 8000}, send_dtmf_payload_type=101, send_dtmf_clock_rate_hz=8000,
    ptime_ms=20, max_ptime_ms=None, direction="sendrecv", bandwidth_as_kbps=None,
)  # fmt: skip


class Wire:
    """A socket: what is put into `arrivals` is drained next."""

    needs_loop = False

    def __init__(self):
        self.arrivals = []

    def drain(self, now, *, spacing_s=0.0):
        arrivals, self.arrivals = self.arrivals, []
        return arrivals

    def send(self, data, addr):
        pass


class Clock:
    """Ticks when told to."""

    def __init__(self):
        self.ticks = []

    def join(self, interval_ms, tick):
        self.ticks.append(tick)
        return time.monotonic()

    def leave(self, interval_ms, tick):
        self.ticks.remove(tick)


def silence(sample_rate_hz, ptime_ms, start):
    return PacedDevice(SilenceSource(sample_rate_hz), sample_rate_hz, now=start)


def make_leg(wire, clock, *, make_device=silence, timed_out=lambda: None):
    events = LegEvents(source_ended=lambda: None, timed_out=timed_out)
    chosen = chosen_codecs(MEDIA)
    return MediaLeg(wire, NEGOTIATED, chosen, MEDIA, clock=clock, make_device=make_device, events=events)


def rtp(payload_type, sequence_number, timestamp, payload):
    return struct.pack("!BBHII", 0x80, payload_type, sequence_number, timestamp, 7) + payload


def test_a_device_that_cannot_be_opened_leaves_no_tick_behind():
    def refuse(*_):
        raise UsageError("a tone above what the codec carries")

    clock = Clock()
    with pytest.raises(UsageError):
        make_leg(Wire(), clock, make_device=refuse)
    assert clock.ticks == []


def test_a_flood_of_digits_fills_no_memory():
    wire, clock = Wire(), Clock()
    leg = make_leg(wire, clock)
    events_each = 300
    payload = struct.pack("!BBH", 5, 0x80, 1) * events_each
    for number in range(10):
        now = time.monotonic()
        wire.arrivals = [(rtp(101, number, number * events_each, payload), PEER, now)]
        clock.ticks[0](now)
    assert leg.stop().dtmf == "5" * MAX_DIGITS


def test_digits_that_a_reinvite_has_made_impossible_are_refused_and_harm_nothing():
    leg = make_leg(Wire(), Clock())
    leg.retarget(replace(NEGOTIATED, send_dtmf_payload_type=None, send_dtmf_clock_rate_hz=None))
    with pytest.raises(LocalRtpError, match="'12#' cannot be sent"):
        leg.session.send_dtmf("12#")
    assert not leg.session.dtmf_pending


@pytest.mark.parametrize(("source", "dropped"), [(PEER, False), (STRANGER, True)])
def test_only_the_peer_keeps_a_call_alive(source, dropped):
    wire, clock, dropped_at = Wire(), Clock(), []
    make_leg(wire, clock, timed_out=lambda: dropped_at.append(now))
    start = time.monotonic()
    for number in range(200):
        now = start + 0.02 * number
        wire.arrivals = [(rtp(0, number, 160 * number, b"\x55" * 160), source, now)]
        clock.ticks[0](now)
    assert bool(dropped_at) == dropped
    assert all(at - start == pytest.approx(TIMEOUT_S, abs=0.1) for at in dropped_at[:1])


def test_airtime_counts_each_datagram_of_the_peer_and_each_of_ours_by_its_size():
    wire, clock, sent = Wire(), Clock(), []
    wire.send = lambda data, addr: sent.append(len(data))
    leg = make_leg(wire, clock)
    start = time.monotonic()
    for number in range(50):
        now = start + 0.02 * number
        wire.arrivals = [(rtp(0, number, 160 * number, b"\x55" * 160), PEER, now)]
        clock.ticks[0](now)
    counted = len(sent)
    air = leg.stop().air
    assert air is not None
    assert air.received == {172: 50}
    assert air.ip_udp_bytes == 28
    assert air.sent == {size: sent[:counted].count(size) for size in set(sent[:counted])}
    assert air.sent[172] >= 49
    assert len(sent) > counted  # the RTCP BYE is not part of the call
    figures = progress_of(make_leg(Wire(), Clock()).reading(), radio="wifi-n:6.5")
    assert figures["airtime"] is None


def test_on_hold_no_audio_is_sent_and_nothing_is_missed():
    wire, clock, sent, dropped = Wire(), Clock(), [], []
    wire.send = lambda data, addr: sent.append(data)
    leg = make_leg(wire, clock, timed_out=lambda: dropped.append(True))
    start, packets = time.monotonic(), itertools.count()

    def run(begin_s, seconds, *, hears):
        sent.clear()
        for number in range(round(begin_s * 50), round((begin_s + seconds) * 50)):
            now = start + 0.02 * number
            if hears:
                wire.arrivals = [(rtp(0, next(packets), 160 * number, b"\x55" * 160), PEER, now)]
            clock.ticks[0](now)
        return [is_rtcp(data) for data in sent]

    assert run(0, 1.0, hears=True).count(False) >= 49
    leg.retarget(replace(NEGOTIATED, direction="sendonly"), on_hold=True)
    leg._heard_at = start + 1.0  # the leg's own clock goes by the time of the machine
    held = run(1.0, 3 * TIMEOUT_S, hears=False)
    assert held.count(False) == 0
    assert dropped == []
    leg.retarget(NEGOTIATED)
    leg._heard_at = start + 7.0
    assert run(7.0, 1.0, hears=True).count(False) >= 49
    facts = leg.stop()
    assert (facts.sends, facts.receives, facts.receive.concealed) == (True, True, 0)
    assert facts.held_s > 0


def test_a_peer_that_holds_us_in_silence_is_not_given_up_and_hears_nothing():
    wire, clock, sent, dropped = Wire(), Clock(), [], []
    wire.send = lambda data, addr: sent.append(data)
    leg = make_leg(wire, clock, timed_out=lambda: dropped.append(True))
    leg.retarget(replace(NEGOTIATED, direction="recvonly"))
    start = time.monotonic()
    for number in range(round(3 * TIMEOUT_S * 50)):
        clock.ticks[0](start + 0.02 * number)
    assert not any(not is_rtcp(data) for data in sent)
    assert dropped == []
