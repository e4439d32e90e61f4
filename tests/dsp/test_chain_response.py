"""The response of the linear filters of a preset, against their designs."""

from typing import Any

import numpy as np
import pytest
from scipy.signal import butter, sosfreqz

from dsp.biquads import rbj
from dsp.biquads import response as designed
from dsp.errors import ParameterError
from dsp.filters import Setting
from dsp.preset import Preset
from dsp.response import response

RATE_HZ = 48_000


def preset(*entries: dict[str, Any]) -> Preset:
    return Preset.parse({"filter": list(entries)}, "mine")


def test_filters_in_a_row_are_as_designed() -> None:
    found = response(
        preset(
            {"type": "butterworth", "kind": "highpass", "freq_hz": 120, "order": 4},
            {"type": "biquad", "kind": "peaking", "freq_hz": 900, "q": 3.0, "gain_db": 9},
            {"type": "gain", "gain_db": -6},
        ),
        Setting(RATE_HZ),
    )
    lines = found.freqs_hz
    high_pass = np.abs(sosfreqz(butter(4, 120, "highpass", fs=RATE_HZ, output="sos"), lines, fs=RATE_HZ)[1])
    peak = np.abs(designed(rbj("peaking", 900, 3.0, 9.0, RATE_HZ), lines, RATE_HZ))
    wanted = 20 * np.log10(high_pass * peak) - 6
    np.testing.assert_allclose(found.gain_db, wanted, atol=0.02)
    assert found.left_out == ()


def test_the_frequencies_are_those_asked_for() -> None:
    freqs = np.array([50.0, 1000.0, 24_000.0])
    found = response(preset({"type": "gain", "gain_db": 3}), Setting(RATE_HZ), freqs)
    np.testing.assert_array_equal(found.freqs_hz, freqs)
    np.testing.assert_allclose(found.gain_db, 3.0, atol=1e-4)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100, 48_000])
def test_without_any_asked_for_they_go_from_20_hz_to_half_the_rate(rate_hz: int) -> None:
    found = response(preset(), Setting(rate_hz))
    assert found.freqs_hz.shape == (256,)
    assert (found.freqs_hz[0], found.freqs_hz[-1]) == pytest.approx((20.0, rate_hz / 2))
    np.testing.assert_allclose(found.gain_db, 0.0, atol=1e-6)


def test_what_depends_on_the_sound_is_left_out_and_named() -> None:
    found = response(
        preset(
            {"type": "gain", "gain_db": 3},
            {"type": "compressor", "slot": "squeeze"},
            {"type": "limiter", "bypass": True},
        ),
        Setting(RATE_HZ),
    )
    np.testing.assert_allclose(found.gain_db, 3.0, atol=1e-4)
    assert found.left_out == ("squeeze",)


def test_what_is_bypassed_has_no_part_in_it() -> None:
    found = response(preset({"type": "gain", "gain_db": 3, "bypass": True}), Setting(RATE_HZ))
    np.testing.assert_allclose(found.gain_db, 0.0, atol=1e-4)


def test_a_filter_that_rings_for_seconds_is_heard_out() -> None:
    """A resonance of Q 100 at 40 Hz and 12 dB rings for 22 s to -120 dB: it is 0.2 Hz wide, lines are 0.09 Hz apart."""
    narrow = {"type": "biquad", "kind": "peaking", "freq_hz": 40, "q": 100.0, "gain_db": 12}
    freqs = np.array([20.0, 39.0, 40.0, 41.0, 100.0])
    found = response(preset(narrow), Setting(RATE_HZ), freqs)
    wanted = 20 * np.log10(np.abs(designed(rbj("peaking", 40, 100.0, 12.0, RATE_HZ), freqs, RATE_HZ)))
    np.testing.assert_allclose(found.gain_db, wanted, atol=0.3)


def test_a_sound_that_only_comes_later_is_as_loud() -> None:
    found = response(preset({"type": "delay", "delay_ms": 700}), Setting(RATE_HZ))
    np.testing.assert_allclose(found.gain_db, 0.0, atol=0.01)


def test_silence_is_the_floor_and_not_minus_infinity() -> None:
    found = response(preset({"type": "gain", "gain_db": -120}), Setting(RATE_HZ))
    np.testing.assert_allclose(found.gain_db, -200.0)


def test_channels_that_differ_are_told_apart_and_the_gain_is_of_their_mean_power() -> None:
    sides = preset({"type": "channel-matrix", "rows": [{"gains": [1, 0]}, {"gains": [0, 0.5]}]})
    found = response(sides, Setting(RATE_HZ, 2), np.array([100.0, 1000.0]))
    np.testing.assert_allclose(found.channels_db, [[0, 0], [-6.02, -6.02]], atol=0.01)
    np.testing.assert_allclose(found.gain_db, 10 * np.log10((1 + 0.25) / 2), atol=0.01)


def test_a_filter_that_cannot_be_at_this_rate_is_refused() -> None:
    with pytest.raises(ParameterError, match="highpass"):
        response(preset({"type": "butterworth", "kind": "highpass", "freq_hz": 5000}), Setting(8000))
