"""The oscillator bank against numpy."""

import numpy as np
import pytest

from dsp._native import OscillatorBank

RATE_HZ = 48_000
FREQUENCIES = np.array([0.0, 50.0, 697.0, 1209.0, 3333.3, 23_999.0, 24_000.0]) / RATE_HZ
AMPLITUDES = np.array([0.1, 0.3, 0.2, 0.1, 0.05, 0.1, 0.02])
PHASES = np.array([1.0, 0.0, -2.0, 30.0, 3.0, 0.5, 1.5])


def bank() -> OscillatorBank:
    return OscillatorBank(FREQUENCIES, AMPLITUDES, PHASES)


def twin(start: int, count: int) -> np.ndarray:
    """The same by numpy; the turns are wrapped before the sine, as long times would cost digits."""
    i = np.arange(start, start + count, dtype=np.float64)
    turns = np.outer(FREQUENCIES, i) % 1.0
    return (AMPLITUDES[:, np.newaxis] * np.sin(2 * np.pi * turns + PHASES[:, np.newaxis])).sum(axis=0)


def test_it_is_the_sum_of_sines_to_120_db() -> None:
    found = np.zeros(100_000, dtype=np.float32)
    bank().add(found)
    error = found - twin(0, found.size)
    assert (
        10 * np.log10(np.mean(error**2) / np.mean(found.astype(np.float64) ** 2)) < -140
    )  # float32 alone: -150


def test_it_stays_so_for_an_hour() -> None:
    running, seconds = bank(), 3600
    for _ in range(seconds // 20):
        running.add(np.zeros(20 * RATE_HZ, dtype=np.float32))
    found = np.zeros(1000, dtype=np.float32)
    running.add(found)
    np.testing.assert_allclose(found, twin(seconds * RATE_HZ, 1000), atol=1e-6)


def test_the_pieces_equal_the_whole_bit_by_bit() -> None:
    whole = np.zeros(1000, dtype=np.float32)
    bank().add(whole)
    running, pieces = bank(), np.zeros(1000, dtype=np.float32)
    for start, stop in ((0, 0), (0, 1), (1, 63), (63, 64), (64, 300), (300, 1000)):
        running.add(pieces[start:stop])
    np.testing.assert_array_equal(pieces, whole)


def test_it_adds_to_what_is_there_and_begins_again() -> None:
    running = bank()
    first, second = np.zeros(200, dtype=np.float32), np.ones(200, dtype=np.float32)
    running.add(first)
    running.reset()
    running.add(second)
    np.testing.assert_allclose(second - 1, first, atol=1e-7)


def test_no_sine_is_silence() -> None:
    none = np.zeros(0)
    block = np.zeros(100, dtype=np.float32)
    OscillatorBank(none, none, none).add(block)
    assert not block.any()


@pytest.mark.parametrize(
    ("frequencies", "amplitudes", "phases", "message"),
    [
        ([0.6], [1.0], [0.0], "frequency 0 must be 0 to 0.5"),
        ([np.nan], [1.0], [0.0], "frequency 0 must be 0 to 0.5"),
        ([0.1, 0.1], [1.0, np.inf], [0.0, 0.0], "amplitude and phase 1 must be finite"),
        ([0.1, 0.1], [1.0], [0.0, 0.0], "must be as many"),
    ],
)
def test_what_cannot_be_is_refused(
    frequencies: list[float], amplitudes: list[float], phases: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        OscillatorBank(np.array(frequencies), np.array(amplitudes), np.array(phases))


def test_only_float32_that_can_be_written_is_filled() -> None:
    with pytest.raises(TypeError, match="float32"):
        bank().add(np.zeros(4))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="float64"):
        OscillatorBank(np.zeros(1, dtype=np.float32), np.zeros(1), np.zeros(1))  # type: ignore[arg-type]
