"""Limiter: the true peak, found with another interpolator, stays at the ceiling; what is below is not touched."""

import numpy as np
import pytest
from numpy.typing import NDArray
from support.dynamics import SPEAKERS, level_db, make, run, snr_db, speech, tone, true_peak_db

RATE_HZ = 48_000


def nasty(name: str) -> NDArray[np.float32]:
    n = np.arange(RATE_HZ)
    rng = np.random.default_rng(5)
    match name:
        case "quarter":
            found = np.sin(np.pi / 2 * n + np.pi / 4)
        case "third":
            found = 1.5 * np.sin(2 * np.pi / 3 * n + 0.4)
        case "bursts":
            found = np.sin(2 * np.pi * 0.23 * n) * (n % 2400 < 300) * 2
        case "noise":
            found = 0.5 * rng.standard_normal(n.size)
        case "pulses":
            found = 0.1 * np.sin(0.05 * n) + 3.0 * (rng.random(n.size) < 0.002) * rng.choice([-1, 1], n.size)
        case "square":
            found = np.sign(np.sin(2 * np.pi * 997 / RATE_HZ * n))
        case _:
            voice = speech(name, RATE_HZ)[RATE_HZ : 4 * RATE_HZ]
            found = np.clip(30 * voice, -1, 1)
    return np.asarray(found, dtype=np.float32)


@pytest.mark.parametrize("name", ["quarter", "third", "bursts", "noise", "pulses", "square", *SPEAKERS])
@pytest.mark.parametrize("ceiling", [-1.0, -6.0])
@pytest.mark.parametrize("lookahead", [1.5, 5.0])
def test_the_true_peak_stays_at_the_ceiling(name: str, ceiling: float, lookahead: float) -> None:
    running = make("limiter", RATE_HZ, ceiling_dbtp=ceiling, lookahead_ms=lookahead)
    out = run(running, nasty(name))
    assert true_peak_db(out) <= ceiling + 0.1
    assert true_peak_db(out) > ceiling - 1.5


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100])
def test_it_holds_at_any_rate_and_for_the_louder_of_two_channels(rate_hz: int) -> None:
    voice = np.clip(20 * speech("woman", rate_hz), -1, 1)
    out = run(
        make("limiter", rate_hz, 2, ceiling_dbtp=-3.0), np.stack((0.2 * voice, voice)).astype(np.float32)
    )
    assert true_peak_db(out) <= -2.9


def test_what_is_below_the_ceiling_comes_out_as_it_was() -> None:
    voice = speech("man", 16_000)
    np.testing.assert_array_equal(run(make("limiter", 16_000), voice)[0], voice)


def test_after_a_peak_the_gain_comes_back_within_its_release() -> None:
    sound = np.concatenate((tone(1000, 6, 0.5, RATE_HZ), tone(1000, -20, 1.0, RATE_HZ)))
    out = run(make("limiter", RATE_HZ, release_ms=100.0), sound)[0]
    start, later = 24_000 + 480, 24_000 + 480 + 4800
    lost = [1 - 10 ** ((level_db(out[at : at + 96]) + 20) / 20) for at in (start, later)]
    assert lost[1] / lost[0] == pytest.approx(np.exp(-1), abs=0.03)


def test_a_steady_tone_over_the_ceiling_stays_a_tone() -> None:
    sound = tone(1000, 0, 1.0, RATE_HZ)
    out = run(make("limiter", RATE_HZ, ceiling_dbtp=-6.0), sound)[0]
    part = slice(24_000, 43_200)
    factor = np.float32(10 ** ((level_db(out[part]) - level_db(sound[part])) / 20))
    assert snr_db(factor * sound[part], out[part]) > 60


def test_gain_comes_before_the_ceiling_and_the_meter_shows_what_is_taken() -> None:
    running = make("limiter", RATE_HZ, ceiling_dbtp=-10.0, gain_db=8.0)
    out = run(running, tone(1000, -12, 1.0, RATE_HZ))
    assert level_db(out[0, -24_000:]) == pytest.approx(-10.05, abs=0.06)
    running.process(tone(1000, -12, 0.1, RATE_HZ)[np.newaxis])
    assert running.readings()["gain_reduction_db"] == pytest.approx(6.0, abs=0.1)
