"""The packet interval and the codec change in the middle of a call: two sides in virtual time, no socket, no sound card."""

import random
from dataclasses import replace

import numpy as np
import pytest

from dsp.codecs import CodecSettings, CodecSpec
from softphone.io.libraries import codecs
from softphone.media.device import PacedDevice
from softphone.media.engine import MediaEngine
from softphone.media.paths import ReceivePath, TransmitPath, outgoing
from softphone.media.suppress import Suppression
from softphone.rtp.session import RtpSession

ADDRESSES = (("127.0.0.1", 4000), ("127.0.0.1", 5000))
TONE_HZ, LEVEL = 500, 0.2


class Raw:
    """A codec of any packet interval: 16-bit samples."""

    def encode(self, samples):
        return (samples * 32767).astype("<i2").tobytes()

    def decode(self, payload, out):
        samples = np.frombuffer(payload, "<i2")
        out[: samples.size] = samples / 32767
        return samples.size


L16 = codecs().get("l16")
RAW = replace(
    L16,
    name="raw",
    ptimes_ms=(64, 96, 128, 144, 160),
    payload_samples=lambda payload, rate_hz: len(payload) // 2,
    make_encoder=lambda settings: Raw(),
    make_decoder=lambda settings: Raw(),
)
PCMU, WIDE = codecs().get("pcmu"), codecs().get("l16-wb")
FORMATS: dict[int, tuple[CodecSpec, CodecSettings]] = {
    0: (PCMU, CodecSettings(ptime_ms=20)), 96: (RAW, CodecSettings(ptime_ms=144)), 97: (WIDE, CodecSettings(ptime_ms=20))
}  # fmt: skip


class Tone:
    """Without an end; with pauses of two seconds if asked for."""

    def __init__(self, pauses=False):
        self.position, self.pauses = 0, pauses

    def read(self, out):
        n = self.position + np.arange(out.size)
        out[:] = LEVEL * np.sin(2 * np.pi * TONE_HZ * n / 8000)
        if self.pauses:
            out *= (n // 16000) % 2 == 0
        self.position += out.size
        return out.size


class Side:
    def __init__(self, index, payload_type, *, start, source=None, repeats_ms=None):
        spec, settings = FORMATS[payload_type]
        self.peer = ADDRESSES[1 - index]
        self.session = RtpSession(
            remote=self.peer, remote_rtcp=(self.peer[0], self.peer[1] + 1), clock_rate_hz=spec.clock_rate_hz,
            receive={pt: one.clock_rate_hz for pt, (one, _) in FORMATS.items()}, dtmf_send=None, dtmf_receive=(),
            payload_ticks=lambda pt, payload: FORMATS[pt][0].payload_samples(payload, 8000),
            packet_ticks=spec.clock_rate_hz * settings.ptime_ms // 1000, ssrc=index + 1, sequence_number=65530,
            timestamp=2**32 - 4000, cname=f"side{index}", rng=random.Random(index), ntp_offset_s=0.0, now=start,
        )  # fmt: skip
        self.transmit = TransmitPath(spec, settings, self.session, payload_type=payload_type)
        received = {pt: each for pt, each in FORMATS.items() if pt != 97 or payload_type == 97}
        self.receive = ReceivePath(self.session, received, sample_rate_hz=8000, repeats_ms=repeats_ms)
        self.heard, self.inbox, self.types = [], [], []
        self.receive.taps.append(lambda block: self.heard.append(block.copy()))
        self.receive.changed = self.types.append
        self.device = PacedDevice(source or Tone(), 8000, now=start)
        self.engine = MediaEngine(self.transmit, self.receive, self.device)
        self.interval_s = settings.ptime_ms / 1000
        self.next_tick, self.last_tick = start + self.interval_s, start
        self.sent = 0

    def tick(self, now):
        for at, data in sorted(self.inbox):
            if at <= now:
                self.session.receive_datagram(data, self.peer, now=at)
        self.inbox = [entry for entry in self.inbox if entry[0] > now]
        self.engine.tick(now=now)
        self.last_tick, self.next_tick = now, self.next_tick + self.interval_s
        datagrams = [data for data, addr in self.session.datagrams_to_send(now=now) if addr == self.peer]
        self.sent += len(datagrams)
        return datagrams

    def move(self, payload_type, ptime_ms, suppression=None):
        """As `softphone.app.leg.MediaLeg` does between two ticks."""
        spec, settings = FORMATS[payload_type]
        settings = replace(settings, ptime_ms=ptime_ms)
        options = {} if suppression is None else {"suppression": suppression}
        samples = self.transmit.packet_samples
        self.engine.use(outgoing(8000, spec, settings, payload_type=payload_type, **options))
        self.session.change_interval(ptime_ms)
        self.device.change_interval(samples, self.transmit.packet_samples)
        self.interval_s = ptime_ms / 1000
        self.next_tick = self.last_tick + self.interval_s


def run(a, b, until_s):
    while (now := min(a.next_tick, b.next_tick)) < until_s:
        side, other = (a, b) if a.next_tick <= b.next_tick else (b, a)
        other.inbox += [(now + 0.002, data) for data in side.tick(now)]


def heard_since(side, samples):
    return np.concatenate(side.heard)[samples:]


def holes_ms(block):
    """Milliseconds in which less than a tenth of the tone is left."""
    frames = block[: block.size // 40 * 40].reshape(-1, 40)
    return 5 * int(np.count_nonzero(np.sqrt(np.mean(frames**2, axis=1)) < 0.1 * LEVEL / np.sqrt(2)))


@pytest.mark.parametrize("ptime_ms", [64, 96, 128, 144, 160])
def test_long_packets_go_through_the_whole_stack(ptime_ms):
    a, b = Side(0, 96, start=0.0), Side(1, 96, start=0.4 * ptime_ms / 1000)
    for side in (a, b):
        side.move(96, ptime_ms)
    run(a, b, 6.0)
    for side in (a, b):
        assert side.receive.stats.concealed == 0
        assert holes_ms(heard_since(side, 8000)) == 0
        assert side.sent == pytest.approx(6000 / ptime_ms, abs=2)
        # A packet to be filled, up to one more until the tick that takes it.
        assert side.session.stats(6.0).received.playout_delay_ms < 1.2 * ptime_ms + 10


@pytest.mark.parametrize("ptime_ms", [64, 144])
def test_a_change_to_long_packets_and_back_loses_nothing_that_was_sent(ptime_ms):
    a, b = Side(0, 0, start=0.0), Side(1, 0, start=0.007)
    run(a, b, 2.0)
    a.move(96, ptime_ms)
    run(a, b, 2.5)
    b.move(96, ptime_ms)
    run(a, b, 5.0)
    a.move(0, 20)
    b.move(0, 20)
    run(a, b, 8.0)
    for side in (a, b):
        stats = side.session.stats(8.0).received
        assert (stats.lost, stats.discarded, side.receive.stats.undecodable_packets) == (0, 0, 0)
        assert side.types == [0, 96, 0]
        # Longer packets take longer to fill, at both ends: that much is made up for once, and no more.
        assert side.receive.stats.concealed <= 8 * 2 * (ptime_ms + 20)
        assert holes_ms(heard_since(side, 8000)) <= 2 * ptime_ms


def test_a_receiver_whose_own_packets_stay_short_hears_long_ones_without_a_hole():
    a, b = Side(0, 0, start=0.0), Side(1, 0, start=0.003)
    run(a, b, 2.0)
    a.move(96, 144)
    run(a, b, 6.0)
    assert b.session.stats(6.0).received.discarded == 0
    assert holes_ms(heard_since(b, 8 * 3000)) == 0
    assert b.receive.stats.concealed <= 8 * 144


def test_what_was_captured_is_all_sent_whatever_the_interval():
    a, b = Side(0, 0, start=0.0), Side(1, 0, start=0.0)
    for number, (payload_type, ptime_ms) in enumerate([(96, 144), (0, 20), (96, 64), (0, 20)]):
        run(a, b, 1.0 + number)
        a.move(payload_type, ptime_ms)
    run(a, b, 6.0)
    # The position in the source is where the last packet ended: nothing was skipped, at most a packet waits.
    assert a.device.skips == 0
    assert 6.0 * 8000 - a.device._source.position <= 8 * 20 * 2


def test_pauses_are_left_out_and_heard_as_pauses():
    strong = Suppression(level="strong", credit=2, dtx=True)
    a, b = Side(0, 96, start=0.0), Side(1, 96, start=0.01, source=Tone(pauses=True), repeats_ms={96: 288})
    a.receive = ReceivePath(a.session, {96: FORMATS[96]}, sample_rate_hz=8000, repeats_ms={96: 288})
    a.heard.clear()
    a.receive.taps.append(lambda block: a.heard.append(block.copy()))
    a.engine = MediaEngine(a.transmit, a.receive, a.device)
    b.move(96, 144, strong)
    run(a, b, 8.0)
    withheld = b.transmit.withheld()
    assert withheld["offered"] > 50
    assert 15 < withheld["dtx"] + withheld["credit"] < 40, "half of it is pauses"
    assert b.sent == withheld["offered"] - withheld["dtx"] - withheld["credit"] - withheld["limit"]
    assert a.session.stats(8.0).received.lost == 0
    assert a.receive.stats.concealed == 0, "what is left out on purpose is no concealed loss"


@pytest.mark.parametrize("lost", [0, 6])
def test_what_was_lost_is_told_from_what_was_left_out_once_the_next_packet_is_there(lost):
    a, b = Side(0, 96, start=0.0, repeats_ms={96: 288}), Side(1, 96, start=0.01)
    gone = set(range(20, 20 + 4 * lost, 4))
    count = [0]

    def tick(now):
        kept = []
        for data in Side.tick(b, now):
            if not 192 <= data[1] <= 223:
                count[0] += 1
                if count[0] in gone:
                    continue
            kept.append(data)
        return kept

    b.tick = tick
    run(a, b, 9.0)
    assert a.session.stats(9.0).received.lost == lost
    assert a.receive.stats.concealed == lost * 144 * 8
