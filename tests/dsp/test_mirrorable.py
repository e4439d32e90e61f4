"""Decoders and concealers that can be taken back: what is tried leaves no trace."""

import numpy as np
import pytest
from support.codecs import names
from support.suppression import speech

from dsp.codecs.base import MAX_PACKET_MS, CodecSettings, Mirrorable
from dsp.errors import ParameterError
from dsp.loudness_spectrum import BarkPowers, loudness
from dsp.plc.waveform import Concealer
from softphone.io.libraries import codecs

EXACT = sorted({"opus", "pcmu", "pcma", "l16", "l16-wb"} & set(names()))


def packets(spec, settings, seconds=1.2):
    rate = spec.sample_rate_hz(settings)
    count = rate * settings.ptime_ms // 1000
    encoder = spec.make_encoder(settings)
    sound = speech("man", rate)[rate // 2 :][: int(seconds * rate) // count * count]
    return [encoder.encode(block) for block in sound.reshape(-1, count)], count


def decoded(decoder, payload):
    out = np.zeros(48 * MAX_PACKET_MS, dtype=np.float32)
    return out[: decoder.decode(payload, out)].copy()


@pytest.mark.parametrize("name", EXACT)
def test_a_decoder_taken_back_goes_on_as_if_nothing_had_been(name):
    spec, settings = codecs().get(name), CodecSettings(ptime_ms=20)
    payloads, count = packets(spec, settings)
    plain, tried = spec.make_decoder(settings), spec.make_decoder(settings)
    assert isinstance(tried, Mirrorable)
    for number, payload in enumerate(payloads):
        state = tried.snapshot()
        tried.conceal(np.empty(count, dtype=np.float32))
        tried.restore(state)
        decoded(tried, payloads[-1 - number])
        tried.restore(state)
        assert np.array_equal(decoded(plain, payload), decoded(tried, payload))


@pytest.mark.skipif("codec2" not in names(), reason="no libcodec2")
def test_codec2_taken_back_interpolates_from_the_frame_it_had():
    """Phases are drawn anew by any decoder, so loudness is compared. Measured: 0.017; without restore 0.029."""
    settings = CodecSettings(bit_rate_bps=3200, ptime_ms=20)
    spec = codecs().get("codec2").at(settings)
    payloads, _ = packets(spec, settings, 2.4)
    plain, tried, spoilt = (spec.make_decoder(settings) for _ in range(3))
    bark = BarkPowers(8000)

    def loud(parts):
        return loudness(bark.measure(np.concatenate(parts)[np.newaxis]), 1e-4)

    heard = ([], [], [])
    for number, payload in enumerate(payloads):
        state = tried.snapshot()
        other = payloads[-1 - number]
        decoded(tried, other)
        tried.restore(state)
        decoded(spoilt, other)
        for parts, decoder in zip(heard, (plain, tried, spoilt), strict=True):
            parts.append(decoded(decoder, payload))
    right, restored, wrong = (loud(parts) for parts in heard)
    near, far = np.mean(np.square(restored - right)), np.mean(np.square(wrong - right))
    assert near < 0.75 * far


def test_an_opus_decoder_refuses_the_state_of_something_else():
    decoder = codecs().get("opus").make_decoder(CodecSettings())
    with pytest.raises(ParameterError, match="must be what snapshot"):
        decoder.restore(None)


def test_a_concealer_taken_back_conceals_the_same_again():
    voice = speech("woman", 8000)[4000:8000]
    concealer = Concealer(8000)
    concealer.accept(voice[:2000].copy())
    first = np.empty(300, dtype=np.float32)
    concealer.conceal(first)
    state = concealer.snapshot()
    once, again = np.empty(480, dtype=np.float32), np.empty(480, dtype=np.float32)
    concealer.conceal(once)
    concealer.accept(voice[2000:2480].copy())
    concealer.restore(state)
    concealer.conceal(again)
    assert np.array_equal(once, again)
