"""Candidates and path of the kernel against their twin, and what the kernel refuses."""

import math
from typing import Literal

import numpy as np
import pytest

from dsp import _native
from dsp.phonation.frame_grid import FrameGrid, left_of
from dsp.phonation.pitch_frames import PitchFrames, gaussian, hanning
from dsp.phonation.section import Section, Whole
from dsp.types import Samples
from tests.support.pitch_twin import autocorrelation, best_worth, forward_correlation, maxima
from tests.support.vowels import vowel

RATE_HZ = 8000
FLOOR_HZ = 100.0
PERIOD = 80


def one_section(samples: Samples) -> Section:
    mean = float(samples.mean(dtype=np.float64))
    whole = Whole(RATE_HZ, samples.size, mean, float(np.abs(samples - mean).max()))
    return Section(whole, samples, 0, 0, samples.size)


def sounds() -> dict[str, Samples]:
    rng = np.random.default_rng(7)
    noise = (0.1 * rng.standard_normal(4000)).astype(np.float32)
    voice = vowel(
        151.0, seconds=0.5, sample_rate_hz=RATE_HZ, jitter_pct=1.0, shimmer_pct=4.0, hnr_db=20.0
    ).samples
    deep = vowel(101.0, seconds=0.5, sample_rate_hz=RATE_HZ, hnr_db=15.0).samples  # near the longest lag
    return {
        "noise": noise,
        "voice": voice,
        "deep": deep,
        "sine": np.sin(np.arange(4000) * 0.31).astype(np.float32),
    }


@pytest.mark.parametrize("sound", ["noise", "voice", "deep", "sine"])
@pytest.mark.parametrize(("method", "window"), [("ac", "hanning"), ("ac", "gaussian"), ("cc", "hanning")])
def test_candidates_are_the_maxima_of_the_normalised_correlation(
    sound: str, method: Literal["ac", "cc"], window: Literal["hanning", "gaussian"]
) -> None:
    samples = sounds()[sound]
    periods, least = (1.0 if method == "cc" else 3.0), 0.2
    frames = PitchFrames(
        RATE_HZ, floor_hz=FLOOR_HZ, method=method, window=window, periods_per_window=periods, count=60,
        voicing=2 * least, octave_cost=0.01,
    )  # fmt: skip
    section = one_section(samples)
    times = FrameGrid.of(section.whole, frames.window_s, 0.045).within(section, frames.reach_s)
    assert times.size >= 8
    got = frames.measure(section, times)
    length_s = (frames.window_s - 1 / FLOOR_HZ) if method == "cc" else frames.window_s
    half = math.floor(length_s * RATE_HZ) // 2 - 1
    exact, seen = samples.astype(np.float64), 0
    for k, left in enumerate(left_of(times, RATE_HZ)):
        mean = exact[max(left + 1 - PERIOD, 0) : left + 1 + PERIOD].mean()
        if method == "cc":
            start = int(left_of(times[k : k + 1] - frames.window_s / 2, RATE_HZ)[0])
            correlation = forward_correlation(exact[max(start, 0) :] - mean, 2 * half, 2 * half + 1)
            longest = 2 * half
        else:
            shape = gaussian(2 * half) if window == "gaussian" else hanning(2 * half)
            frame = exact[left + 1 - half : left + 1 + half] - mean
            longest = math.floor(2 * half / (length_s * FLOOR_HZ)) + 2
            correlation = autocorrelation(
                frame, shape, min(half // (2 if window == "gaussian" else 1), longest + 73) + 1
            )
        wanted = sorted(maxima(correlation, longest, least))
        found = got.f0_hz[k] > 0
        have = sorted(
            zip((RATE_HZ / got.f0_hz[k][found]).tolist(), got.strength[k][found].tolist(), strict=True)
        )
        assert len(have) == len(wanted)
        seen += len(wanted)
        for mine, exactly in zip(have, wanted, strict=True):
            assert mine[0] == pytest.approx(exactly[0], abs=0.02)
            assert mine[1] == pytest.approx(exactly[1], abs=5e-5)
    assert seen >= 8


def test_of_one_candidate_it_is_the_strongest_of_all() -> None:
    section = one_section(sounds()["voice"])
    asked = [
        PitchFrames(
            RATE_HZ,
            floor_hz=FLOOR_HZ,
            method="cc",
            periods_per_window=1.0,
            count=count,
            voicing=0.0,
            octave_cost=0.0,
        )
        for count in (1, 100)
    ]
    times = FrameGrid.of(section.whole, asked[0].window_s, 0.01).within(section, asked[0].reach_s)
    best, every = (frames.measure(section, times) for frames in asked)
    np.testing.assert_allclose(best.strength[:, 0], every.strength.max(axis=1), atol=1e-9)


def test_where_there_are_too_many_the_strongest_after_the_octave_cost_are_kept() -> None:
    section = one_section(sounds()["sine"])
    for cost in (0.0, 0.5):
        few, every = (
            PitchFrames(
                RATE_HZ,
                floor_hz=FLOOR_HZ,
                method="ac",
                periods_per_window=3.0,
                count=count,
                voicing=0.4,
                octave_cost=cost,
            ).measure(section, np.array([0.25]))
            for count in (2, 60)
        )
        worth = np.where(
            every.f0_hz[0] > 0, every.strength[0] + cost * np.log2(np.maximum(every.f0_hz[0], 1.0)), -9.0
        )
        best = np.sort(every.f0_hz[0][np.argsort(-worth)[:2]])
        np.testing.assert_allclose(np.sort(few.f0_hz[0]), best, rtol=1e-9)


def test_a_frame_as_quiet_as_the_limit_is_given_no_candidates_and_its_intensity() -> None:
    samples = sounds()["voice"].copy()
    samples[2000:] *= np.float32(0.01)
    section = one_section(samples)
    frames = PitchFrames(
        RATE_HZ,
        floor_hz=FLOOR_HZ,
        method="ac",
        periods_per_window=3.0,
        count=14,
        voicing=0.45,
        octave_cost=0.01,
    )
    found = frames.measure(section, np.array([0.1, 0.4]), silence=0.02)
    assert found.f0_hz[0].max() > 0
    assert found.f0_hz[1].max() == 0
    assert 0.3 < found.intensity[0] <= 1
    assert 0 < found.intensity[1] < 0.02


def test_the_path_is_worth_as_much_as_the_best_of_all_paths() -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        worth = rng.random((6, 3))
        octaves = np.where(rng.random((6, 3)) < 0.3, np.nan, rng.random((6, 3)) * 3)
        jump, change = rng.random(2)
        chosen = np.zeros(6)
        _native.pitch_path(worth, octaves, jump, change, chosen)
        picked = chosen.astype(int)
        rows = np.arange(6)
        one = best_worth(worth[rows, picked][:, None], octaves[rows, picked][:, None], jump, change)
        assert one == pytest.approx(best_worth(worth, octaves, jump, change), abs=1e-12)


def test_a_candidate_worth_minus_infinity_is_never_chosen() -> None:
    worth = np.array([[0.0, -np.inf], [0.0, 5.0], [-np.inf, 0.0]])
    octaves = np.array([[np.nan, np.nan], [np.nan, 1.0], [np.nan, 1.0]])
    chosen = np.zeros(3)
    _native.pitch_path(worth, octaves, 1.0, 0.1, chosen)
    assert chosen.tolist() == [0.0, 1.0, 1.0]


def test_shapes_and_ranges_that_do_not_fit_are_refused() -> None:
    window, correction = np.ones(40, np.float32), np.ones(31, np.float32)
    good = {
        "period": 20,
        "reach": 10,
        "longest": 22,
        "candidates": 5,
        "least": 0.2,
        "octave_cost": 0.01,
        "cross": False,
    }

    def made(**other: object) -> _native.PitchFrames:
        return _native.PitchFrames(window, correction, **{**good, **other})  # type: ignore[arg-type]

    for wrong in (
        {"period": 0},
        {"reach": 21},
        {"longest": 2},
        {"candidates": 0},
        {"candidates": 256},
        {"least": -1.0},
    ):
        with pytest.raises(ValueError, match="must"):
            made(**wrong)
    with pytest.raises(ValueError, match="even"):
        _native.PitchFrames(window[:39].copy(), correction, **good)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="float32"):
        _native.PitchFrames(window.astype(np.float64), correction, **good)  # type: ignore[arg-type]
    kernel, samples, out = made(), np.zeros(100, np.float32), np.zeros((1, 5))
    for left, start in ((90.0, 70.0), (10.0, -1.0), (np.nan, 10.0), (5.0, 10.0)):
        with pytest.raises(ValueError, match="within the samples"):
            kernel.measure(
                samples, np.array([left]), np.array([start]), 1.0, 0.0, out, out.copy(), np.zeros(1)
            )
    with pytest.raises(ValueError, match="lags and strengths"):
        kernel.measure(
            samples, np.array([50.0]), np.array([30.0]), 1.0, 0.0, np.zeros((1, 4)), out, np.zeros(1)
        )
    with pytest.raises(ValueError, match="worth and octaves"):
        _native.pitch_path(np.zeros((3, 2)), np.zeros((2, 2)), 1.0, 1.0, np.zeros(3))


def test_an_odd_number_of_lags_sees_all_of_the_sound_it_is_given_and_nothing_behind_it() -> None:
    size, last = 40, 31
    kernel = _native.PitchFrames(
        np.ones(size, np.float32),
        np.ones(last + 1, np.float32),
        period=20,
        reach=10,
        longest=last,
        candidates=1,
        least=0.0,
        octave_cost=0.0,
        cross=True,
    )
    seen = np.sin(2 * np.pi * np.arange(size + last) / 29.6).astype(
        np.float32
    )  # its peak is beside the last lag
    found = []
    for behind in (0.0, 1e9):
        lags, strengths = np.zeros((8, 1)), np.zeros((8, 1))
        samples = np.append(seen, np.float32(behind))
        kernel.measure(samples, np.full(8, 20.0), np.zeros(8), 1.0, 0.0, lags, strengths, np.zeros(8))
        assert np.ptp(lags) == 0.0
        assert np.ptp(strengths) == 0.0
        found.append((lags[0, 0], strengths[0, 0]))
    assert found[0] == found[1]
    assert found[0][0] == pytest.approx(29.6, abs=0.2)


def test_silence_and_numbers_that_are_none_give_no_candidates() -> None:
    for samples in (
        np.zeros(2000, np.float32),
        np.full(2000, np.nan, np.float32),
        np.full(2000, 0.5, np.float32),
    ):
        whole = Whole(RATE_HZ, samples.size, 0.0, 0.5)
        frames = PitchFrames(
            RATE_HZ,
            floor_hz=FLOOR_HZ,
            method="ac",
            periods_per_window=3.0,
            count=14,
            voicing=0.45,
            octave_cost=0.01,
        )
        found = frames.measure(Section(whole, samples, 0, 0, samples.size), np.array([0.1]))
        assert not found.f0_hz.any()
        assert not found.strength.any()
