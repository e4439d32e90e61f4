"""Meters of a running sound: against pyebur128 and the meter for files, over the windows they name, read and reset at will."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from support.dynamics import SPEAKERS, speech, tone

from dsp.errors import ParameterError
from dsp.live_meter import LiveMeter, MeterReading
from dsp.loudness import LoudnessMeter, k_weighting

RATE_HZ = 48_000
NOTHING = MeterReading(None, None, None, None, None, None, None, 0)


def feed(meter: LiveMeter, sound: NDArray[np.float32], size: int = 480) -> None:
    for start in range(0, sound.shape[1], size):
        meter.process(np.ascontiguousarray(sound[:, start : start + size]))


def measured(sound: NDArray[np.float32], rate_hz: int = RATE_HZ, size: int = 480) -> MeterReading:
    meter = LiveMeter(rate_hz, sound.shape[0])
    feed(meter, np.atleast_2d(sound), size)
    return meter.read()


def stereo(level_dbfs: float, seconds: float) -> NDArray[np.float32]:
    return np.tile(tone(1000, level_dbfs, seconds, RATE_HZ), (2, 1))


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("speaker", SPEAKERS[:2])
def test_speech_reads_as_pyebur128_says(speaker: str, rate_hz: int) -> None:
    """libebur128's port, asked at the end of whole tenths of a second, when the windows of both are the same."""
    oracle = pytest.importorskip("pyebur128")
    voice = speech(speaker, rate_hz)
    both = np.stack((voice, 0.5 * voice[::-1])).astype(np.float32)
    modes = oracle.MeasurementMode
    state = oracle.R128State(2, rate_hz, modes.MODE_I | modes.MODE_S | modes.MODE_M | modes.MODE_TRUE_PEAK)
    meter = LiveMeter(rate_hz, 2)
    too_much = -20 * np.log10(k_weighting(rate_hz)[1, 0])  # see tests/dsp/test_loudness.py
    for second in range(int(both.shape[1] / rate_hz)):
        piece = both[:, second * rate_hz : (second + 1) * rate_hz]
        feed(meter, piece, rate_hz // 100)
        state.add_frames(np.ascontiguousarray(piece.T).reshape(-1), piece.shape[1])
        found = meter.read()
        momentary = oracle.get_loudness_momentary(state) - too_much
        if momentary > -60:
            assert found.momentary_lufs == pytest.approx(momentary, abs=0.05)
        if second >= 2:
            assert found.short_term_lufs == pytest.approx(
                oracle.get_loudness_shortterm(state) - too_much, abs=0.02
            )
    assert found.integrated_lufs == pytest.approx(oracle.get_loudness_global(state) - too_much, abs=0.02)
    peak = max(oracle.get_true_peak(state, channel) for channel in range(2))
    assert found.true_peak_dbtp == pytest.approx(20 * np.log10(peak), abs=0.2)


@pytest.mark.parametrize("size", [1, 37, 441, 480, 4800, 100_000])
@pytest.mark.parametrize("rate_hz", [11_025, 48_000])
def test_blocks_of_any_length_read_the_same_as_the_meter_for_files(size: int, rate_hz: int) -> None:
    seconds = 0.5 if size == 1 else 4.0
    sound = 0.2 * np.random.default_rng(1).standard_normal((2, round(seconds * rate_hz))).astype(np.float32)
    whole = LoudnessMeter(rate_hz, 2)
    whole.process(sound)
    found = measured(sound, rate_hz, size)
    assert found.integrated_lufs == pytest.approx(whole.integrated_lufs, abs=0.01)
    assert found.short_term_lufs == (None if seconds < 3 else pytest.approx(whole.short_term_lufs, abs=0.01))
    assert found.true_peak_dbtp == pytest.approx(whole.true_peak_dbtp, abs=1e-4)
    assert found.max_peak_dbfs == pytest.approx(20 * np.log10(np.abs(sound).max()), abs=1e-5)
    tail = sound[:, -round(0.3 * rate_hz) :].astype(np.float64)
    assert found.rms_dbfs == pytest.approx(10 * np.log10((tail**2).mean()), abs=0.05)


def test_a_tone_reads_what_it_is() -> None:
    """BS.1770-5 Annex 1: 1 kHz at -23 dBFS on left and right is -23 LUFS. The RMS of a sine is 3.01 dB below its peak."""
    found = measured(stereo(-23.0, 4.0))
    assert found.momentary_lufs == pytest.approx(-23.0, abs=0.02)
    assert found.short_term_lufs == pytest.approx(-23.0, abs=0.02)
    assert found.integrated_lufs == pytest.approx(-23.0, abs=0.02)
    assert found.peak_dbfs == pytest.approx(-23.0, abs=0.01)
    assert found.max_peak_dbfs == pytest.approx(-23.0, abs=0.01)
    assert found.true_peak_dbtp == pytest.approx(-23.0, abs=0.05)
    assert found.rms_dbfs == pytest.approx(-26.01, abs=0.01)
    assert found.clipped == 0


def test_each_value_is_there_as_soon_as_its_window_is_full() -> None:
    meter = LiveMeter(RATE_HZ, 2)
    assert meter.read() == NOTHING
    feed(meter, stereo(-20.0, 0.01))
    assert meter.read().peak_dbfs == pytest.approx(-20.0, abs=0.01)
    assert meter.read().rms_dbfs == pytest.approx(-23.01, abs=0.01)
    assert meter.read().momentary_lufs is None
    feed(meter, stereo(-20.0, 0.38))
    assert meter.read().momentary_lufs is None
    feed(meter, stereo(-20.0, 0.01))
    assert meter.read().momentary_lufs == pytest.approx(-20.0, abs=0.2)
    assert meter.read().integrated_lufs == pytest.approx(-20.0, abs=0.2)
    feed(meter, stereo(-20.0, 2.59))
    assert meter.read().short_term_lufs is None
    feed(meter, stereo(-20.0, 0.01))
    assert meter.read().short_term_lufs == pytest.approx(-20.0, abs=0.05)


def test_each_value_forgets_what_has_left_its_window() -> None:
    meter = LiveMeter(RATE_HZ, 2)
    feed(meter, stereo(-10.0, 4.0))
    quiet = stereo(-40.0, 0.1)
    feed(meter, quiet)
    assert meter.read().peak_dbfs == pytest.approx(-40.0, abs=0.01)
    feed(meter, np.tile(quiet, 2))
    assert meter.read().rms_dbfs == pytest.approx(-43.01, abs=0.01)
    feed(meter, quiet)
    assert meter.read().momentary_lufs == pytest.approx(-40.0, abs=0.3)
    feed(meter, np.tile(quiet, 26))
    found = meter.read()
    assert found.short_term_lufs == pytest.approx(-40.0, abs=0.05)
    assert found.max_peak_dbfs == pytest.approx(-10.0, abs=0.01)
    assert found.integrated_lufs == pytest.approx(-10.0, abs=0.4), "the quiet part is below the gate"


def test_momentary_loudness_moves_every_10_ms() -> None:
    """A burst of 10 ms at the end is a fortieth of the window: 16 dB below what it is."""
    meter = LiveMeter(RATE_HZ, 2)
    feed(meter, np.zeros((2, RATE_HZ), dtype=np.float32))
    assert meter.read().momentary_lufs is None
    feed(meter, stereo(-10.0, 0.01))
    assert meter.read().momentary_lufs == pytest.approx(-26.0, abs=1.5)


def test_silence_is_none_and_not_a_number_far_below() -> None:
    assert measured(np.zeros((1, 4 * RATE_HZ), dtype=np.float32)) == NOTHING


def test_a_true_peak_lies_between_the_samples() -> None:
    """A sine at a quarter of the rate, sampled 45 degrees beside its tops: 3.01 dB over its samples."""
    sound = np.sin(np.pi / 2 * np.arange(RATE_HZ) + np.pi / 4).astype(np.float32)[np.newaxis]
    sound[0, :480] *= np.linspace(0, 1, 480)
    found = measured(0.5 * sound)
    assert found.max_peak_dbfs == pytest.approx(-9.03, abs=0.01)
    assert found.true_peak_dbtp == pytest.approx(-6.02, abs=0.1)


def test_samples_at_full_scale_are_counted_whatever_the_device_can_hold() -> None:
    sound = np.array([[1.0, -1.0, 32767 / 32768, 0.999, 1.5, 0.0]], dtype=np.float32)
    assert measured(sound).clipped == 4


def test_a_block_is_not_changed() -> None:
    block = np.array([[0.1, np.nan, 5.0, np.inf]], dtype=np.float32)
    before = block.copy()
    LiveMeter(RATE_HZ).process(block)
    np.testing.assert_array_equal(block, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_what_is_no_number_does_not_poison(bad: float) -> None:
    meter = LiveMeter(RATE_HZ, 2)
    sound = stereo(-20.0, 0.1)
    sound[1, 100] = bad
    feed(meter, sound)
    meter.reset()
    feed(meter, stereo(-20.0, 1.0))
    found = meter.read()
    assert found.momentary_lufs == pytest.approx(-20.0, abs=0.1)
    assert found.max_peak_dbfs == pytest.approx(-20.0, abs=0.1)


def test_a_reset_is_done_with_the_next_block() -> None:
    meter = LiveMeter(RATE_HZ, 2)
    feed(meter, np.tile(stereo(0.0, 0.1), 40))
    before = meter.read()
    assert before.clipped > 0
    meter.reset()
    assert meter.read() == before
    feed(meter, stereo(-30.0, 0.005), 240)
    assert meter.read().clipped == 0
    feed(meter, stereo(-30.0, 4.0))
    found = meter.read()
    assert found.integrated_lufs == pytest.approx(-30.0, abs=0.02)
    assert found.max_peak_dbfs == pytest.approx(-30.0, abs=0.01)


def test_a_reset_within_a_tone_makes_no_peak_of_its_own() -> None:
    """Were the interpolator emptied, too, a tone that is suddenly there would overshoot by up to 0.8 dB."""
    meter = LiveMeter(RATE_HZ)
    sound = tone(5000, -6.0, 1.0, RATE_HZ)[np.newaxis]
    for start in range(0, RATE_HZ - 480, 487):
        meter.reset()
        meter.process(np.ascontiguousarray(sound[:, start : start + 487]))
        found = meter.read().true_peak_dbtp
        assert found is not None
        if start:
            assert found < -5.9


def test_reading_changes_nothing() -> None:
    one, other = LiveMeter(RATE_HZ), LiveMeter(RATE_HZ)
    sound = 0.1 * np.random.default_rng(1).standard_normal((1, RATE_HZ)).astype(np.float32)
    for start in range(0, RATE_HZ, 480):
        one.process(sound[:, start : start + 480])
        other.process(sound[:, start : start + 480])
        one.read()
    assert one.read() == one.read() == other.read()


def test_any_thread_may_read_and_reset_while_it_runs() -> None:
    meter = LiveMeter(RATE_HZ)
    sound = 0.5 * np.random.default_rng(1).standard_normal((1, RATE_HZ // 10)).astype(np.float32)
    over = threading.Event()

    def look() -> int:
        times = 0
        while not over.is_set():
            found = meter.read()
            assert found.integrated_lufs is None or -20 < found.integrated_lufs < 10
            meter.reset()
            times += 1
        return times

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(look)
        for _ in range(50):
            feed(meter, np.tile(sound, 5))
        over.set()
        assert reader.result() > 0


@pytest.mark.parametrize(
    ("rate_hz", "channels", "says"),
    [(999, 1, "1000 to 384000 Hz, got 999 Hz"), (48_000, 0, "1 to 64 channels"), (48_000, 65, "got 65")],
)
def test_what_cannot_be_measured_is_refused(rate_hz: int, channels: int, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        LiveMeter(rate_hz, channels)


def test_empty_blocks_are_fine() -> None:
    meter = LiveMeter(RATE_HZ)
    meter.process(np.zeros((1, 0), dtype=np.float32))
    assert meter.read() == NOTHING
