"""Compressor and expander: static curves to 0.1 dB, times to their definition, linked channels."""

import math

import numpy as np
import pytest
from support.dynamics import level_db, make, run, speech, tone

from dsp.dynamics import compressor_gain_db, expander_gain_db

RATE_HZ = 48_000


def steady(name: str, level: float, **values: object) -> float:
    """What a steady 1 kHz tone that peaks at *level* comes out at."""
    out = run(make(name, RATE_HZ, **values), tone(1000, level, 1.5, RATE_HZ))
    return level_db(out[0, -RATE_HZ // 2 :])


@pytest.mark.parametrize("detector", ["peak", "rms"])
@pytest.mark.parametrize(
    ("level", "ratio", "knee", "wanted"),
    [
        (-40, 4.0, 0.0, -40.0),
        (-20, 4.0, 0.0, -20.0),
        (-12, 4.0, 0.0, -18.0),
        (0, 4.0, 0.0, -15.0),
        (0, 50.0, 0.0, -19.6),
        (-20, 4.0, 10.0, -20.9375),  # in the middle of the knee: 0.75 * 5^2 / 20 below
        (-25, 4.0, 10.0, -25.0),
        (-15, 4.0, 10.0, -18.75),
        (-10, 1.0, 6.0, -10.0),
    ],
)
def test_the_static_curve_of_the_compressor(
    level: float, ratio: float, knee: float, wanted: float, detector: str
) -> None:
    """Giannoulis et al. eq. 4, threshold -20 dB; a sine's root mean square is 3.01 dB below its peak."""
    threshold = -20.0 - (3.01 if detector == "rms" else 0.0)
    values = {
        "threshold_db": threshold,
        "ratio": ratio,
        "knee_db": knee,
        "makeup_db": 0.0,
        "detector": detector,
    }
    assert steady("compressor", level, **values) == pytest.approx(wanted, abs=0.1)


@pytest.mark.parametrize("detector", ["peak", "rms"])
@pytest.mark.parametrize(
    ("level", "ratio", "knee", "range_db", "wanted"),
    [
        (-20, 3.0, 0.0, 60.0, -20.0),
        (-40, 3.0, 0.0, 60.0, -40.0),
        (-50, 3.0, 0.0, 60.0, -70.0),
        (-60, 3.0, 0.0, 25.0, -85.0),
        (-40, 3.0, 10.0, 60.0, -42.5),
        (-35, 3.0, 10.0, 60.0, -35.0),
    ],
)
def test_the_static_curve_of_the_expander(
    level: float, ratio: float, knee: float, range_db: float, wanted: float, detector: str
) -> None:
    threshold = -40.0 - (3.01 if detector == "rms" else 0.0)
    values = {"threshold_db": threshold, "ratio": ratio, "knee_db": knee, "range_db": range_db}
    assert steady("expander", level, **values, detector=detector) == pytest.approx(wanted, abs=0.1)


def test_the_curves_are_continuous_with_their_slopes_outside_the_knee() -> None:
    level = np.linspace(-80, 0, 8001).astype(np.float32)
    down = compressor_gain_db(level, -30.0, 5.0, 12.0)
    assert np.abs(np.diff(down)).max() <= 0.01 * 0.8 + 1e-4
    assert down[-1] == pytest.approx(-30 * 0.8, abs=1e-4)
    up = expander_gain_db(level, -30.0, 3.0, 12.0, 500.0)
    assert np.abs(np.diff(up)).max() <= 0.01 * 2 + 1e-4
    assert up[0] == pytest.approx(-100, abs=1e-3)


def gain_after_step(name: str, before: float, after: float, **values: object) -> np.ndarray:
    """Gain in dB, sample by sample, after a 2 kHz tone stepped from one level to another (1.2 s each)."""
    sound = np.concatenate([tone(2000, level, 1.2, RATE_HZ, phase=0.7) for level in (before, after)])
    out = run(make(name, RATE_HZ, **values), sound)[0]
    step = sound.size // 2
    usable = np.abs(sound) > 0.3 * np.abs(sound[step:]).max()
    gain = np.where(usable, 20 * np.log10(np.abs(out) / np.maximum(np.abs(sound), 1e-9) + 1e-12), np.nan)
    return gain[step:]


def time_to_63_percent(gain: np.ndarray, start: float, end: float) -> float:
    reached = np.flatnonzero((gain - start) / (end - start) >= 1 - math.exp(-1))
    return 1000 * float(reached[0]) / RATE_HZ


COMPRESSOR = {"threshold_db": -30.0, "ratio": 4.0, "knee_db": 0.0, "makeup_db": 0.0}


@pytest.mark.parametrize("attack", [5.0, 50.0])
def test_the_attack_is_the_time_to_63_percent_of_the_gain_in_db(attack: float) -> None:
    gain = gain_after_step("compressor", -40, -10, **COMPRESSOR, attack_ms=attack, release_ms=1000.0)
    assert time_to_63_percent(gain, 0.0, -15.0) == pytest.approx(attack, abs=0.25 + 0.02 * attack)


@pytest.mark.parametrize("release", [50.0, 200.0])
def test_the_release_is_the_time_to_63_percent_after_the_peaks_were_let_go(release: float) -> None:
    """5 ms of hold, then the level falls by 15 dB to the threshold at 10 ms per 8.7 dB: in between it lags."""
    gain = gain_after_step("compressor", -15, -40, **COMPRESSOR, attack_ms=1.0, release_ms=release)
    found = time_to_63_percent(gain, -11.25, 0.0)
    assert release + 5.0 <= found <= release + 5.0 + 17.5


def test_the_expander_opens_within_its_attack() -> None:
    values = {"threshold_db": -30.0, "ratio": 3.0, "knee_db": 0.0, "range_db": 20.0, "release_ms": 50.0}
    gain = gain_after_step("expander", -45, -10, **values, attack_ms=20.0)
    assert time_to_63_percent(gain, -20.0, 0.0) == pytest.approx(20.0, abs=0.7)


@pytest.mark.parametrize("name", ["compressor", "expander", "gate", "limiter", "agc", "loudness"])
def test_linked_channels_keep_the_stereo_image_exactly(name: str) -> None:
    """Right is a quarter of left: a power of two, so that equal gains give equal bits."""
    values = {"gain_db": 12.0} if name == "limiter" else {}
    voice = speech("man", 16_000)
    out = run(make(name, 16_000, 2, **values), np.stack((voice, np.float32(0.25) * voice)))
    assert not np.array_equal(out[0], voice)
    np.testing.assert_array_equal(out[1], np.float32(0.25) * out[0])


def test_the_loudest_channel_decides() -> None:
    loud, soft = tone(1000, -6, 1.0, RATE_HZ), tone(1000, -50, 1.0, RATE_HZ)
    values = {"threshold_db": -20.0, "ratio": 2.0, "knee_db": 0.0, "makeup_db": 0.0}
    out = run(make("compressor", RATE_HZ, 2, **values), np.stack((soft, loud)))
    assert level_db(out[0, -24_000:]) == pytest.approx(-57, abs=0.1)


def test_make_up_is_a_number_or_half_of_what_full_scale_loses() -> None:
    values = {"threshold_db": -20.0, "ratio": 4.0, "knee_db": 0.0}
    assert steady("compressor", -40, **values) == pytest.approx(-32.5, abs=0.1)
    assert steady("compressor", -40, **values, makeup_db=3.0) == pytest.approx(-37.0, abs=0.1)


def test_a_side_chain_high_pass_makes_it_deaf_to_the_bass() -> None:
    bass = tone(60, -3, 1.0, RATE_HZ)
    values = {"threshold_db": -30.0, "makeup_db": 0.0}
    heard = run(make("compressor", RATE_HZ, **values), bass)
    deaf = run(make("compressor", RATE_HZ, **values, sidechain_hz=500.0), bass)
    assert level_db(heard[0, -24_000:]) < -18
    assert level_db(deaf[0, -24_000:]) > -9


def test_meters_show_level_and_reduction() -> None:
    running = make("compressor", RATE_HZ, threshold_db=-20.0, ratio=4.0, knee_db=0.0)
    assert running.readings() == {"gain_reduction_db": 0.0, "level_dbfs": -200.0}
    run(running, tone(1000, -8, 1.0, RATE_HZ))
    assert running.readings()["gain_reduction_db"] == pytest.approx(9, abs=0.2)
    assert running.readings()["level_dbfs"] == pytest.approx(-8, abs=0.5)


def test_a_successor_goes_on_at_the_gain_it_finds() -> None:
    first = make("compressor", RATE_HZ, **COMPRESSOR)
    run(first, tone(1000, -10, 1.0, RATE_HZ))
    second = make("compressor", RATE_HZ, **{**COMPRESSOR, "ratio": 3.0})
    fresh_settles = second.settle_samples
    second.adopt(first)
    assert second.readings()["gain_reduction_db"] == pytest.approx(first.readings()["gain_reduction_db"])
    assert second.settle_samples < fresh_settles
