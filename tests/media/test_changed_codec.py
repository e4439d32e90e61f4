"""A transmit and a receive path that change the codec in the middle of a call."""

import numpy as np
import pytest

from dsp.codecs import CodecSettings
from softphone.io.libraries import codecs
from softphone.media.paths import ReceivePath, TransmitPath
from softphone.rtp.jitter import Play
from softphone.rtp.packet import RtpPacket


class Wire:
    """Stands for an RTP session: what is sent is played at once."""

    playout_clock_rate_hz = 8000

    def __init__(self):
        self.sent = []

    def send(self, payload, *, payload_type, ticks, now):
        self.sent.append((payload, payload_type, ticks))

    def keep_next_at_hand(self, wanted):
        pass

    def pop(self, *, now):
        payload, payload_type, ticks = self.sent.pop(0)
        return Play(
            RtpPacket(payload_type=payload_type, sequence_number=0, timestamp=0, ssrc=1, payload=payload),
            ticks,
            0,
        )


def tone(rate_hz, seconds):
    return (0.2 * np.sin(2 * np.pi * 500 * np.arange(int(rate_hz * seconds)) / rate_hz)).astype(np.float32)


@pytest.mark.parametrize(("name", "ticks"), [("pcma", 160), ("l16-wb", 320)])
def test_the_tone_goes_on_through_the_change(name, ticks):
    wire, first, second = Wire(), codecs().get("pcmu"), codecs().get(name)
    settings = CodecSettings(ptime_ms=20)
    transmit = TransmitPath(first, settings, wire, payload_type=0)
    receive = ReceivePath(wire, {0: (first, settings)}, sample_rate_hz=8000)
    heard = []
    receive.taps.append(lambda block: heard.append(block.copy()))
    blocks = tone(8000, 1.0).reshape(-1, 160)
    for number, block in enumerate(blocks):
        if number == 25:
            transmit.change(second, settings, payload_type=99)
            receive.accept({99: (second, settings)})
        transmit.send(block, now=0.0)
        assert wire.sent[-1][1:] == ((99, ticks) if number >= 25 else (0, 160))
        if number:  # one packet ahead, as the way through two resamplers takes a while
            receive.play(np.empty(160, dtype=np.float32), now=0.0)
    after = np.concatenate(heard)[27 * 160 : 48 * 160]
    spectrum = np.abs(np.fft.rfft(after * np.hanning(after.size)))
    assert np.argmax(spectrum) * 8000 / after.size == pytest.approx(500, abs=5)
    assert np.sqrt(np.mean(after**2)) == pytest.approx(0.2 / np.sqrt(2), rel=0.1)


def test_a_payload_type_that_means_another_codec_gets_its_decoder():
    wire, pcmu, pcma = Wire(), codecs().get("pcmu"), codecs().get("pcma")
    settings = CodecSettings(ptime_ms=20)
    receive = ReceivePath(wire, {0: (pcmu, settings)}, sample_rate_hz=8000)
    receive.accept({0: (pcma, settings)})
    block = tone(8000, 0.02)
    wire.send(pcma.make_encoder(settings).encode(block), payload_type=0, ticks=160, now=0.0)
    out = np.empty(160, dtype=np.float32)
    receive.play(out, now=0.0)
    assert np.abs(out - block).max() < 0.02
