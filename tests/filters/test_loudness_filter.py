"""Loudness: a measured file comes out at the target exactly, live sound near it, peaks below their maximum."""

import numpy as np
import pytest
from numpy.typing import NDArray
from support.dynamics import SPEAKERS, make, run, speech, true_peak_db

from dsp.filters.loudness import LoudnessParams, needs_measuring
from dsp.loudness import LoudnessMeter

RATE_HZ = 16_000


def lufs(sound: NDArray[np.float32]) -> float:
    meter = LoudnessMeter(RATE_HZ, sound.shape[0])
    meter.process(np.ascontiguousarray(sound))
    assert meter.integrated_lufs is not None
    return meter.integrated_lufs


@pytest.mark.parametrize("speaker", SPEAKERS)
@pytest.mark.parametrize("target", [-31.0, -27.0])
def test_two_passes_hit_the_target(speaker: str, target: float) -> None:
    voice = 0.3 * speech(speaker, RATE_HZ)[np.newaxis]
    running = make("loudness", RATE_HZ, target_lufs=target, measured_lufs=lufs(voice))
    out = run(running, voice)
    assert lufs(out) == pytest.approx(target, abs=0.05)
    assert running.readings()["integrated_lufs"] == pytest.approx(target, abs=0.05)


def test_the_gain_of_two_passes_is_one_constant() -> None:
    voice = speech("man", RATE_HZ)[np.newaxis]
    out = run(make("loudness", RATE_HZ, target_lufs=-30.0, measured_lufs=-25.0), voice)
    np.testing.assert_allclose(out, voice * 10 ** (-5 / 20), rtol=1e-5, atol=1e-7)


def test_the_true_peak_stays_below_its_maximum() -> None:
    voice = speech("woman", RATE_HZ)[np.newaxis]
    out = run(
        make("loudness", RATE_HZ, target_lufs=-10.0, max_true_peak_dbtp=-3.0, measured_lufs=lufs(voice)),
        voice,
    )
    assert true_peak_db(out) <= -2.9


def test_the_largest_gain_holds_for_a_file_that_is_nearly_silent() -> None:
    voice = 1e-4 * speech("man", RATE_HZ)[np.newaxis]
    running = make("loudness", RATE_HZ, measured_lufs=-70.0, max_gain_db=20.0)
    np.testing.assert_allclose(run(running, voice), 10 * voice, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("before_db", [-20.0, 10.0])
def test_ridden_live_it_comes_near_the_target_after_some_seconds(before_db: float) -> None:
    voice = np.tile(speech("woman", RATE_HZ), 3)[np.newaxis] * np.float32(10 ** (before_db / 20))
    out = run(make("loudness", RATE_HZ, mode="dynamic", target_lufs=-24.0), voice.astype(np.float32))
    assert lufs(out[:, 8 * RATE_HZ :]) == pytest.approx(-24.0, abs=1.5)


def test_ridden_live_a_pause_is_not_raised() -> None:
    voice = np.tile(speech("man", RATE_HZ), 2)
    noise = 10 ** (-60 / 20) * np.random.default_rng(1).standard_normal(8 * RATE_HZ)
    running = make("loudness", RATE_HZ, mode="dynamic")
    running.process(voice[np.newaxis].copy())
    before = running.readings()["gain_db"]
    running.process(noise.astype(np.float32)[np.newaxis])
    assert running.readings()["gain_db"] == pytest.approx(before, abs=0.5)


def test_who_needs_a_first_pass() -> None:
    assert needs_measuring(LoudnessParams())
    assert not needs_measuring(LoudnessParams(measured_lufs=-20.0))
    assert not needs_measuring(LoudnessParams(mode="dynamic"))
    assert not needs_measuring(object())


def test_a_measured_loudness_means_nothing_to_the_dynamic_mode() -> None:
    voice = speech("man", RATE_HZ)
    one = run(make("loudness", RATE_HZ, mode="dynamic", measured_lufs=-60.0), voice)
    np.testing.assert_array_equal(one, run(make("loudness", RATE_HZ), voice))


def test_meters_read_what_comes_out() -> None:
    running = make("loudness", RATE_HZ, measured_lufs=-23.0)
    assert set(running.readings().values()) == {-120.0, 0.0}
    voice = speech("man", RATE_HZ)
    out = run(running, voice)
    found = running.readings()
    assert found["integrated_lufs"] == pytest.approx(lufs(out), abs=0.1)
    assert found["true_peak_dbtp"] == pytest.approx(true_peak_db(out), abs=0.1)
    assert found["momentary_lufs"] > -120
    assert found["short_term_lufs"] > -120
