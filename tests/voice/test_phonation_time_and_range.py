"""How long a voice is held, and from where to where it reaches."""

import numpy as np
import pytest
from support.phonated import phonated
from support.takes import measured, take

from dsp.phonation.analysis import phonation
from dsp.voice import MeasureRefused, measures

RATE = 44100


def found(name, samples):
    return measures.get(name).run(phonation(take(samples)))


def test_phonation_time_is_that_of_the_longest_vowel():
    pause = np.zeros(RATE // 2, dtype=np.float32)
    parts = [pause]
    for seconds in (0.7, 1.6, 1.0):
        parts += [phonated(180.0, seconds=seconds), pause]
    assert found("phonation_time", np.concatenate(parts))["mpt_s"] == pytest.approx(1.6, abs=0.06)


def test_a_short_break_does_not_end_a_phonation_and_a_breath_does():
    held = phonated(180.0, seconds=0.8)
    for gap, wanted in ((0.1, 1.7), (0.4, 0.8)):
        samples = np.concatenate([held, np.zeros(round(gap * RATE), dtype=np.float32), held])
        assert found("phonation_time", samples)["mpt_s"] == pytest.approx(wanted, abs=0.08)


def test_the_range_of_a_glide_is_from_its_lowest_to_its_highest():
    size = 3 * RATE
    got = found("voice_range", phonated(np.geomspace(110.0, 330.0, size)))
    assert got["range_low_hz"] == pytest.approx(110.0, rel=0.03)
    assert got["range_high_hz"] == pytest.approx(330.0, rel=0.03)
    assert got["range_semitones"] == pytest.approx(12.0 * np.log2(3.0), abs=0.7)


def test_the_range_of_a_swell_is_from_its_softest_to_its_loudest():
    got = found("voice_range", phonated(200.0, swell=10.0 ** np.linspace(-1.0, 0.0, 3 * RATE)))
    assert got["range_db"] == pytest.approx(20.0, abs=1.0)
    assert got["range_semitones"] == pytest.approx(0.0, abs=0.05)


def test_both_are_refused_without_a_voice():
    noise = np.random.default_rng(1).normal(0.0, 0.05, RATE)
    result, seen = measured(noise)
    assert result["mpt_s"] is result["range_low_hz"] is None
    for name in ("phonation_time", "voice_range"):
        with pytest.raises(MeasureRefused, match="record"):
            measures.get(name).run(seen)
