"""Segmental SNR: limits, gain, pauses, and noise of known power."""

import numpy as np
import pytest

from dsp.metrics.segmental_snr import measure
from softphone.app.codec_measure import read_sound

SPEECH = read_sound("builtin:man", 16_000)


def test_every_frame_with_noise_so_far_below_it_gives_just_that_ratio():
    """Noise that has in each frame of 25 ms the power of the speech, less 12 dB."""
    frames = SPEECH[: SPEECH.size // 400 * 400].reshape(-1, 400).astype(float)
    noise = np.random.default_rng(1).standard_normal(frames.shape)
    noise *= np.sqrt(np.sum(frames**2, axis=1) / np.sum(noise**2, axis=1))[:, np.newaxis] * 10 ** (-12 / 20)
    heard = (frames + noise).astype(np.float32).ravel()
    assert measure(frames.astype(np.float32).ravel(), heard, 16_000) == pytest.approx(12.0, abs=0.05)


def test_a_change_of_level_counts_as_noise():
    """What is left at half the amplitude differs by half: 6.02 dB."""
    assert measure(SPEECH, 0.5 * SPEECH, 16_000) == pytest.approx(6.02, abs=0.02)


def test_frames_are_limited_on_both_sides():
    assert measure(SPEECH, -9.0 * SPEECH, 16_000) == pytest.approx(-10.0)
    assert measure(SPEECH, (SPEECH * 1.001).astype(np.float32), 16_000) == pytest.approx(35.0)


def test_pauses_do_not_count():
    gap = np.zeros(32_000, np.float32)
    noise = (0.001 * np.random.default_rng(1).standard_normal(32_000)).astype(np.float32)
    said, heard = np.concatenate([SPEECH, gap]), np.concatenate([SPEECH, noise])
    assert measure(said, heard, 16_000) > 34.9
