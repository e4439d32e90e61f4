"""Harmonics-to-noise ratio against Praat's, against known truth, and in sections."""

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.phonation.harmonicity import NO_VOICE_DB, Harmonicity, HarmonicityContour
from dsp.phonation.section import Section, Whole
from dsp.types import Samples
from tests.support.praat import parselmouth
from tests.support.sections_of import real_voice
from tests.support.vowels import vowel

METHODS = ("cc", "ac")


def whole_of(samples: Samples, rate: int) -> Whole:
    mean = float(samples.mean(dtype=np.float64)) if samples.size else 0.0
    return Whole(rate, samples.size, mean, float(np.abs(samples - mean).max(initial=0.0)))


def measured(samples: Samples, rate: int, method: str, **other: float) -> Harmonicity:
    contour = HarmonicityContour(method, **other)  # type: ignore[arg-type]
    contour.push(Section(whole_of(samples, rate), samples, 0, 0, samples.size))
    return contour.finish()


def praats(samples: Samples, rate: int, method: str, floor_hz: float = 60.0) -> tuple[np.ndarray, np.ndarray]:
    periods = 1.0 if method == "cc" else 4.5
    found = parselmouth.praat.call(
        parselmouth.Sound(samples.astype(np.float64), rate),
        f"To Harmonicity ({method})",
        0.01,
        floor_hz,
        0.1,
        periods,
    )
    return found.xs(), found.values[0]


def held_against_praat(samples: Samples, rate: int, method: str, floor_hz: float = 60.0) -> Harmonicity:
    """The same frames, the same voicing, the mean within 0.05 dB and nine of ten frames within 0.2 dB (found: 0.02 and 0.14)."""
    mine = measured(samples, rate, method, floor_hz=floor_hz)
    times, wanted = praats(samples, rate, method, floor_hz)
    np.testing.assert_allclose(mine.times_s, times, atol=1e-9)
    heard = wanted > NO_VOICE_DB
    assert np.array_equal(mine.db > NO_VOICE_DB, heard)
    apart = np.abs(mine.db - wanted)[heard]
    assert np.quantile(apart, 0.9) < 0.2
    assert mine.mean_db is not None
    assert abs(mine.mean_db - wanted[heard].mean()) < 0.05
    return mine


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("hnr_db", [0.0, 10.0, 25.0, 40.0])
@pytest.mark.parametrize("f0_hz", [70.0, 120.0, 240.0, 500.0])  # two periods of 120 Hz are one of the floor
def test_it_is_praats_and_never_further_from_the_noise_added(
    method: str, hnr_db: float, f0_hz: float
) -> None:
    made = vowel(f0_hz, seconds=0.6, hnr_db=hnr_db, seed=3)
    mine = held_against_praat(made.samples, 44100, method)
    wanted = praats(made.samples, 44100, method)[1].mean()
    assert mine.mean_db is not None
    assert abs(mine.mean_db - made.truth.hnr_db) <= abs(wanted - made.truth.hnr_db) + 0.1


@pytest.mark.parametrize("method", METHODS)
def test_it_is_praats_with_jitter_and_shimmer_too(method: str) -> None:
    for jitter, shimmer in ((1.0, 5.0), (4.0, 15.0)):
        made = vowel(150.0, seconds=0.6, jitter_pct=jitter, shimmer_pct=shimmer, hnr_db=25.0)
        held_against_praat(made.samples, 44100, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rate", [8000, 16000, 48000, 96000])
def test_it_is_praats_at_each_rate(method: str, rate: int) -> None:
    made = vowel(150.0, seconds=0.5, hnr_db=25.0, sample_rate_hz=rate)
    held_against_praat(made.samples, rate, method, 75.0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["man", "woman"])
def test_it_is_praats_on_real_speech(method: str, name: str) -> None:
    samples, rate = real_voice(name)
    held_against_praat(samples[: 4 * rate], rate, method)


@pytest.mark.parametrize("method", METHODS)
def test_silence_has_none_and_noise_little(method: str) -> None:
    silent = measured(np.zeros(16000, np.float32), 16000, method)
    assert silent.mean_db is None
    assert (silent.db == NO_VOICE_DB).all()
    assert silent.db.size > 50
    noise = (0.1 * np.random.default_rng(4).standard_normal(32000)).astype(np.float32)
    mine = held_against_praat(noise, 16000, method)
    assert mine.mean_db is not None
    assert mine.mean_db < 0.0


@pytest.mark.parametrize("lead_s", [0.02, 0.031])
def test_silence_beside_a_loud_onset_is_not_taken_for_a_perfect_period(lead_s: float) -> None:
    """Its samples are all alike, so each lag has nearly the same correlation: rounding must not make a maximum there."""
    voice = vowel(130.0, seconds=0.4, hnr_db=40.0).samples
    silent = np.zeros(round(lead_s * 44100), np.float32)
    step = np.concatenate((silent, 1e-3 * voice[:441], voice, silent))
    for samples in (np.concatenate((silent, voice, silent)), step):
        held_against_praat(samples, 44100, "cc")


@pytest.mark.parametrize("method", METHODS)
def test_a_perfect_period_is_above_60_db_and_finite(method: str) -> None:
    tone = np.sin(2 * np.pi * 200.0 * np.arange(44100) / 44100).astype(np.float32)
    mine = measured(tone, 44100, method)
    assert np.isfinite(mine.db).all()
    assert mine.mean_db is not None
    assert mine.mean_db > 60.0


@pytest.mark.parametrize("method", METHODS)
def test_sections_give_what_the_whole_gives(method: str) -> None:
    samples, rate = real_voice("woman")
    whole = whole_of(samples, rate)
    once = measured(samples, rate, method)
    contour = HarmonicityContour(method)  # type: ignore[arg-type]
    core, margin = round(1.3 * rate), round(contour.margin_s * rate)
    for start in range(0, samples.size, core):
        stop = min(start + core, samples.size)
        first, past = max(start - margin, 0), min(stop + margin, samples.size)
        contour.push(Section(whole, samples[first:past].copy(), first, start, stop))
    joined = contour.finish()
    np.testing.assert_allclose(joined.times_s, once.times_s, atol=1e-9)
    np.testing.assert_allclose(joined.db, once.db, atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_a_recording_shorter_than_a_window_has_no_frames_and_no_mean(method: str) -> None:
    for size in (0, 1, 1000):
        short = measured(np.full(size, 0.1, np.float32), 44100, method)
        assert short.db.size == 0
        assert short.mean_db is None


@pytest.mark.parametrize(
    ("method", "other", "says"),
    [
        ("fft", {}, "cc or ac"),
        ("cc", {"floor_hz": 10.0}, "30 to 300"),
        ("cc", {"step_s": 0.0}, "step must be above 0"),
        ("ac", {"silence": 2.0}, "silence 0 to 1"),
        ("ac", {"periods_per_window": 0.2}, "1 to 10"),
    ],
)
def test_settings_out_of_range_say_what_is_wanted(method: str, other: dict[str, float], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        HarmonicityContour(method, **other)  # type: ignore[arg-type]
