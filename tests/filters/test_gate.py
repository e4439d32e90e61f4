"""Gate: thresholds with hysteresis, range, hold, attack and release in their times, look-ahead."""

import numpy as np
import pytest
from support.dynamics import level_db, make, run, tone

RATE_HZ = 48_000
VALUES = {
    "threshold_db": -40.0,
    "hysteresis_db": 6.0,
    "range_db": 50.0,
    "attack_ms": 10.0,
    "hold_ms": 100.0,
    "release_ms": 200.0,
    "lookahead_ms": 0.0,
}


def steady(levels: list[float]) -> float:
    """What a tone at the last of these levels, half a second each, comes out at."""
    sound = np.concatenate([tone(1000, level, 0.8, RATE_HZ) for level in levels])
    return level_db(run(make("gate", RATE_HZ, **VALUES), sound)[0, -9600:])


@pytest.mark.parametrize(
    ("levels", "wanted"),
    [([-39], -39.0), ([-41], -91.0), ([-20, -45], -45.0), ([-20, -47], -97.0), ([-60, -45], -95.0)],
)
def test_it_opens_at_the_threshold_and_shuts_below_the_hysteresis(levels: list[float], wanted: float) -> None:
    assert steady(levels) == pytest.approx(wanted, abs=0.1)


def gain_db(parts: list[tuple[float, float]], **values: float) -> np.ndarray:
    """Gain in dB, in steps of 1 ms, for a 2 kHz tone of (level, seconds)."""
    sound = np.concatenate([tone(2000, level, seconds, RATE_HZ) for level, seconds in parts])
    out = run(make("gate", RATE_HZ, **{**VALUES, **values}), sound)[0]
    powers = [np.sum(each.reshape(-1, 48).astype(np.float64) ** 2, axis=1) for each in (sound, out)]
    return 10 * np.log10(powers[1] / powers[0])


def test_from_shut_to_open_takes_the_attack() -> None:
    gain = gain_db([(-70, 0.5), (-10, 0.5)])
    np.testing.assert_allclose(gain[499], -50, atol=0.1)
    assert -30 < gain[505] < -20  # half of the way in half of the time
    assert gain[508] < -0.5
    np.testing.assert_allclose(gain[511:], 0, atol=0.02)


def test_from_open_to_shut_takes_hold_and_release() -> None:
    """The peaks are let go after 5 ms, the level falls by 36 dB in 10 ms * 36 / 8.7 = 41 ms, then 100 and 200 ms."""
    gain = gain_db([(-10, 0.5), (-70, 1.0)])
    shut_at = 500 + 5 + 41 + 100
    np.testing.assert_allclose(gain[20:shut_at], 0, atol=0.05)  # 20: it was shut at first
    assert gain[shut_at + 100] == pytest.approx(-25, abs=1.0)
    assert gain[shut_at + 190] > -49.9
    np.testing.assert_allclose(gain[shut_at + 205 :], -50, atol=0.1)


def test_with_look_ahead_it_is_open_when_the_sound_begins() -> None:
    late, early = (gain_db([(-70, 0.5), (-10, 0.5)], lookahead_ms=ms)[500] for ms in (0.0, 10.0))
    assert late < -40
    assert early > -0.1


def test_look_ahead_does_not_shut_it_earlier() -> None:
    without = gain_db([(-10, 0.5), (-70, 1.0)])
    ahead = gain_db([(-10, 0.5), (-70, 1.0)], lookahead_ms=20.0)
    np.testing.assert_allclose(ahead[20:-30], without[20:-30], atol=0.1)


def test_meters_show_whether_it_is_open() -> None:
    running = make("gate", RATE_HZ, **VALUES)
    assert running.readings() == {"open": 0.0, "gain_reduction_db": 50.0, "level_dbfs": -200.0}
    run(running, tone(1000, -10, 0.3, RATE_HZ))
    assert running.readings()["open"] == 1.0
    assert running.readings()["gain_reduction_db"] == pytest.approx(0.0, abs=1e-6)
