"""Pitch against Praat's, against known truth, in sections, and where there is none."""

import functools

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.phonation.pitch import PitchContour, PitchSettings, pitch_of
from dsp.phonation.pitch_track import PitchTrack
from dsp.phonation.section import Section, Whole
from dsp.types import Samples
from tests.support.praat import parselmouth
from tests.support.sections_of import real_voice
from tests.support.vowels import vowel


def praats(samples: Samples, rate: int, wanted: PitchSettings) -> PitchTrack:
    pitch = parselmouth.praat.call(
        parselmouth.Sound(samples.astype(np.float64), rate), f"To Pitch ({wanted.method})", wanted.step_s, wanted.floor_hz,
        wanted.max_candidates, "no", wanted.silence, wanted.voicing, wanted.octave_cost, wanted.octave_jump_cost,
        wanted.voiced_unvoiced_cost, wanted.ceiling_hz,
    )  # fmt: skip
    chosen = pitch.selected_array
    intensity = np.array([pitch.get_frame(k + 1).intensity for k in range(pitch.nx)])
    return PitchTrack(
        pitch.xs(), chosen["frequency"], chosen["strength"], intensity, pitch.dx, wanted.ceiling_hz
    )


def held_against_praat(samples: Samples, rate: int, settings: PitchSettings) -> PitchTrack:
    """Every frame: the same voicing, F0 within 0.1 % (half of the tolerance), strength to four digits."""
    mine, wanted = pitch_of(samples, rate, settings), praats(samples, rate, settings)
    np.testing.assert_allclose(mine.times_s, wanted.times_s, atol=1e-9)
    np.testing.assert_allclose(mine.intensity, wanted.intensity, atol=1e-5)
    assert np.array_equal(mine.is_voiced, wanted.f0_hz > 0)
    np.testing.assert_allclose(mine.f0_hz, wanted.f0_hz, rtol=1e-3)
    np.testing.assert_allclose(mine.strength, np.where(mine.is_voiced, wanted.strength, 0), atol=2e-4)
    return mine


@pytest.mark.parametrize("f0_hz", [70.0, 121.0, 210.0, 500.0])
@pytest.mark.parametrize("perturbed", [(0.0, 0.0, 40.0), (1.0, 5.0, 20.0), (4.0, 15.0, 10.0)])
def test_every_frame_of_a_vowel_is_praats_and_its_mean_the_truth(
    f0_hz: float, perturbed: tuple[float, float, float]
) -> None:
    jitter, shimmer, hnr = perturbed
    made = vowel(f0_hz, seconds=1.0, jitter_pct=jitter, shimmer_pct=shimmer, hnr_db=hnr)
    found = held_against_praat(made.samples, made.sample_rate_hz, PitchSettings())
    if jitter <= 1.0:
        assert found.f0_hz[found.is_voiced].mean() == pytest.approx(made.truth.f0_mean_hz, rel=2e-3)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 48000, 96000])
def test_every_frame_is_praats_at_each_rate(rate: int) -> None:
    made = vowel(137.0, seconds=0.6, sample_rate_hz=rate, jitter_pct=1.0, hnr_db=15.0)
    held_against_praat(made.samples, rate, PitchSettings())


@pytest.mark.parametrize("name", ["man", "woman"])
@pytest.mark.parametrize(
    "settings",
    [
        PitchSettings(),
        PitchSettings(floor_hz=75.0, ceiling_hz=500.0, step_s=0.01, silence=0.01, octave_jump_cost=1.0),
        PitchSettings(method="cc", periods_per_window=1.0),
    ],
)
def test_every_frame_of_real_speech_is_praats(name: str, settings: PitchSettings) -> None:
    samples, rate = real_voice(name)
    held_against_praat(samples[: 4 * rate], rate, settings)


def test_noise_and_whisper_and_silence_are_unvoiced_as_in_praat() -> None:
    noise = (0.1 * np.random.default_rng(2).standard_normal(16000)).astype(np.float32)
    track = held_against_praat(noise, 16000, PitchSettings())
    assert track.is_voiced.mean() < 0.1
    silent = pitch_of(np.zeros(16000, np.float32), 16000, PitchSettings())
    assert silent.times_s.size > 70
    assert not silent.is_voiced.any()
    assert not silent.intensity.any()


def test_a_voice_in_noise_of_its_own_power_is_found_as_praat_finds_it() -> None:
    made = vowel(180.0, seconds=1.0, hnr_db=0.0)
    held_against_praat(made.samples, 44100, PitchSettings())


def test_level_and_offset_change_nothing() -> None:
    made = vowel(100.0, seconds=0.5, hnr_db=30.0).samples
    plain = pitch_of(made, 44100, PitchSettings())
    for other in (made * np.float32(1e-3), made * np.float32(0.5) + np.float32(0.25)):
        moved = pitch_of(other, 44100, PitchSettings())
        np.testing.assert_allclose(moved.f0_hz, plain.f0_hz, rtol=1e-4)
        np.testing.assert_allclose(moved.strength, plain.strength, atol=1e-4)


def test_a_gliding_voice_is_followed() -> None:
    made = vowel(110.0, seconds=1.0, f0_hz_per_s=150.0, hnr_db=40.0)
    track = pitch_of(made.samples, 44100, PitchSettings())
    assert track.is_voiced.all()
    np.testing.assert_allclose(track.f0_hz, 110.0 + 150.0 * track.times_s, rtol=0.01)


def test_a_recording_shorter_than_a_window_has_no_frames() -> None:
    for size in (0, 1, 100, 2204):
        track = pitch_of(np.full(size, 0.1, np.float32), 44100, PitchSettings())
        assert track.times_s.size == track.f0_hz.size == 0
    assert pitch_of(np.full(2206, 0.1, np.float32), 44100, PitchSettings()).times_s.size == 1


@functools.cache
def long_one() -> Samples:
    man, rate = real_voice("man")
    held = vowel(160.0, seconds=3.0, sample_rate_hz=rate, jitter_pct=1.0, hnr_db=20.0).samples
    return np.concatenate((man, held, np.zeros(rate, np.float32), man[::-1]))


def in_sections(contour: PitchContour, samples: Samples, rate: int, core_s: float) -> list[PitchTrack]:
    mean = float(samples.mean(dtype=np.float64))
    whole = Whole(rate, samples.size, mean, float(np.abs(samples - mean).max()))
    core, margin, tracks = round(core_s * rate), round(contour.margin_s * rate), []
    for start in range(0, samples.size, core):
        stop = min(start + core, samples.size)
        first, past = max(start - margin, 0), min(stop + margin, samples.size)
        tracks.append(contour.push(Section(whole, samples[first:past].copy(), first, start, stop)))
    return tracks


@pytest.mark.parametrize("core_s", [1.7, 6.0])
@pytest.mark.parametrize("method", ["ac", "cc"])
def test_sections_give_what_the_whole_gives(core_s: float, method: str) -> None:
    samples, rate = long_one(), 16000
    settings = (
        PitchSettings() if method == "ac" else PitchSettings(method="cc", periods_per_window=1.0, step_s=0.01)
    )
    whole = pitch_of(samples, rate, settings)
    contour = PitchContour(settings)
    tracks = in_sections(contour, samples, rate, core_s)
    joined = contour.finish()
    np.testing.assert_allclose(joined.times_s, whole.times_s, atol=1e-9)
    for field in ("f0_hz", "strength", "intensity"):
        np.testing.assert_allclose(getattr(joined, field), getattr(whole, field), atol=1e-4)
    assert tracks[1].times_s[0] < core_s - 0.9
    assert tracks[1].times_s[-1] > 2 * core_s + 0.9


def test_nothing_pushed_is_no_frames() -> None:
    assert PitchContour(PitchSettings()).finish().times_s.size == 0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"floor_hz": 20.0}, "floor must be 30 to 300"),
        ({"floor_hz": float("nan")}, "floor must be"),
        ({"floor_hz": 75.0, "ceiling_hz": 140.0}, "ceiling must be 150"),
        ({"ceiling_hz": 2500.0}, "to 2000"),
        ({"method": "fft"}, "ac or cc"),
        ({"periods_per_window": 0.5}, "1 to 10"),
        ({"octave_cost": -1.0}, "not be negative"),
    ],
)
def test_settings_out_of_range_say_what_is_wanted(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        PitchSettings(**wrong)  # type: ignore[arg-type]


def test_settings_tell_the_step_that_was_taken() -> None:
    told = PitchSettings().echo()
    assert told["step_s"] == 0.0125
    assert told["floor_hz"] == 60.0
    assert told["octave_jump_cost"] == 0.35
