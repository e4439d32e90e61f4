"""Log-spectral distance: its decibels are decibels, pauses do not count, and a twin of it."""

import numpy as np
import pytest

from dsp.metrics.log_spectral_distance import MOST_DB, measure
from softphone.app.codec_measure import read_sound

SPEECH = read_sound("builtin:woman", 16_000)


def by_definition(reference, degraded, rate):
    """Frame by frame, with the DFT written out as numpy has it."""
    frame, hop = round(0.032 * rate), round(0.016 * rate)
    window = np.hanning(frame + 2)[1:-1]
    starts = range(0, reference.size - frame + 1, hop)
    energies = np.array([np.sum((reference[at : at + frame] * window) ** 2.0) for at in starts])
    active = energies > energies.max() * 1e-4
    floor = energies[active].mean() * 1e-6
    lines = np.arange(round(100 * frame / rate), round(0.45 * frame))
    found = []
    for at, used in zip(starts, active, strict=True):
        if used:
            x, y = (
                10
                * np.log10(np.maximum(np.abs(np.fft.fft(each[at : at + frame] * window)[lines]) ** 2, floor))
                for each in (reference.astype(float), degraded.astype(float))
            )
            found.append(np.sqrt(np.mean(np.clip(x - y, -MOST_DB, MOST_DB) ** 2)))
    return np.mean(found)


def test_it_is_the_mean_of_the_root_mean_square_difference():
    heard = (SPEECH + 0.01 * np.random.default_rng(1).standard_normal(SPEECH.size)).astype(np.float32)
    want = by_definition(SPEECH[:48_000], heard[:48_000], 16_000)
    assert measure(SPEECH[:48_000], heard[:48_000], 16_000) == pytest.approx(want, rel=1e-4)


@pytest.mark.parametrize("gain_db", [-6.0, 3.0])
def test_a_gain_is_a_distance_of_as_many_decibels(gain_db):
    heard = (SPEECH * 10 ** (gain_db / 20)).astype(np.float32)
    assert measure(SPEECH, heard, 16_000) == pytest.approx(abs(gain_db), rel=0.07)


def test_noise_in_pauses_alone_does_not_count():
    gap = np.zeros(32_000, np.float32)
    said = np.concatenate([SPEECH, gap, SPEECH])
    heard = said.copy()
    heard[SPEECH.size + 1000 : SPEECH.size + 31_000] = 0.001 * np.random.default_rng(1).standard_normal(
        30_000
    )
    assert measure(said, heard, 16_000) < 0.05
