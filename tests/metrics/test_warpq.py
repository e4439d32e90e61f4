"""The warping cost: forgiving where it should be, and not where words are missing."""

import numpy as np
import pytest

from dsp.metrics.warpq import measure
from softphone.app.codec_measure import _encoded, decoded_sound, read_sound, resampled
from softphone.app.codec_named import named_codec

MAN, WOMAN = (read_sound(f"builtin:{name}", 16_000) for name in ("man", "woman"))


def coded(speech, name):
    codec = named_codec(name)
    payloads = _encoded(codec, speech)
    heard = decoded_sound(codec, payloads, [False] * len(payloads))
    return heard[codec.spec.delay_samples(codec.settings) :][: speech.size]


def test_other_words_cost_more_than_any_codec():
    """Measured on ten pairs of speakers: 11.2 to 14.8."""
    size = min(MAN.size, WOMAN.size)
    assert 9.0 < measure(MAN[:size], WOMAN[:size], 16_000) < 16.0


@pytest.mark.parametrize("speech", [MAN, WOMAN], ids=["man", "woman"])
def test_more_bits_cost_less(speech):
    narrow = resampled(speech, 16_000, 8000)
    costs = [measure(narrow, coded(narrow, name), 8000) for name in ("pcmu", "vlc:3800", "vlc:1600")]
    assert costs == sorted(costs)
    assert costs[0] < 1.5


def test_a_shift_within_its_reach_costs_little_and_one_beyond_it_much():
    """40 ms and 0.5 s; the best codec measured above costs 0.7."""
    near, far = np.roll(MAN, 640), np.roll(MAN, 8000)
    assert measure(MAN, near, 16_000) < 1.0
    assert measure(MAN, far, 16_000) > 5.0


def test_a_slower_tempo_is_followed():
    """4 %: at the end of two seconds the words are 80 ms late."""
    slower = resampled(MAN[:32_000], 16_000, 16_640)[:32_000]
    late = np.concatenate([np.zeros(8000, np.float32), MAN])[:32_000]
    assert measure(MAN[:32_000], slower, 16_000) < 0.5 * measure(MAN[:32_000], late, 16_000)


def test_a_word_left_out_costs():
    heard = MAN.copy()
    heard[24_000:30_000] = 0.0
    assert measure(MAN, heard, 16_000) > measure(MAN, coded(MAN, "pcmu"), 16_000) > 0.0
    assert measure(MAN, heard, 16_000) > 0.5
