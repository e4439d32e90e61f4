"""The kernels of dynamics against plain Python twins."""

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp._native import Envelope, GainWindow, GateSwitch, TruePeak
from dsp.delay_line import DelayLine
from dsp.sliding import Sliding
from dsp.true_peak import DELAY, interpolator, true_peak_meter


def sound(count: int, channels: int = 1, seed: int = 1) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    swell = np.abs(np.sin(np.arange(count) / 40)) ** 3
    return (rng.standard_normal((channels, count)) * swell).astype(np.float32)


def envelope_twin(x: NDArray[np.float64], attack: float, hold: int, release: float) -> NDArray[np.float64]:
    a = math.exp(-1 / attack) if attack else 0.0
    r = math.exp(-1 / release) if release else 0.0
    y, left, found = 0.0, 0, []
    for value in x:
        if value >= y:
            y, left = value + a * (y - value), hold
        elif left:
            left -= 1
        else:
            y = value + r * (y - value)
        found.append(y)
    return np.array(found)


@pytest.mark.parametrize(
    ("attack", "hold", "release"), [(0, 0, 0), (0, 7, 30.5), (12.0, 0, 90.0), (3, 20, 5)]
)
@pytest.mark.parametrize("square", [False, True])
def test_the_envelope_is_that_of_its_twin(attack: float, hold: int, release: float, square: bool) -> None:
    block = sound(700, 3)
    out = np.empty(700, dtype=np.float32)
    Envelope(attack, release, hold=hold, channels=3, square=square).follow(block, out)
    exact = block.astype(np.float64) ** 2 if square else np.abs(block.astype(np.float64))
    wanted = np.max([envelope_twin(each, attack, hold, release) for each in exact], axis=0)
    np.testing.assert_allclose(out, wanted, rtol=1e-6, atol=1e-9)


def test_smoothing_is_that_of_the_twin_in_pieces_and_below_zero() -> None:
    values = sound(900)[0] - np.float32(0.5)
    wanted = envelope_twin(values.astype(np.float64), 10.0, 4, 50.0)
    running = Envelope(10.0, 50.0, hold=4)
    pieces = np.split(values.copy(), [1, 2, 300, 300, 777])
    for piece in pieces:
        running.smooth(piece)
    np.testing.assert_allclose(np.concatenate(pieces), wanted, rtol=1e-6, atol=1e-7)
    assert running.value == pytest.approx(wanted[-1])


def test_an_attack_goes_63_percent_of_the_way_in_its_time() -> None:
    values = np.ones(100, dtype=np.float32)
    Envelope(40.0, 0.0).smooth(values)
    assert values[39] == pytest.approx(1 - math.exp(-1), abs=1e-6)


def test_an_envelope_takes_no_number_as_silence_and_adopts_state() -> None:
    one = Envelope(5.0, 20.0)
    values = np.array([1.0, np.nan, np.inf, -np.inf], dtype=np.float32)
    one.smooth(values)
    assert np.isfinite(values).all()
    other = Envelope(9.0, 30.0)
    other.adopt(one)
    assert other.value == one.value
    one.reset()
    assert one.value == 0.0


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Envelope(-1.0, 0.0), ValueError),
        (lambda: Envelope(0.0, math.nan), ValueError),
        (lambda: Envelope(0.0, 0.0, hold=-1), ValueError),
        (lambda: Envelope(0.0, 0.0, channels=65), ValueError),
        (lambda: Envelope(0.0, 0.0).smooth(np.zeros(4)), TypeError),
        (lambda: Envelope(0.0, 0.0, channels=2).smooth(np.zeros(4, dtype=np.float32)), ValueError),
        (lambda: Envelope(0.0, 0.0).follow(np.zeros(4, "f"), np.zeros(3, "f")), ValueError),
        (lambda: Envelope(0.0, 0.0).adopt(Envelope(0.0, 0.0, channels=2)), ValueError),
        (lambda: Envelope(0.0, 0.0).adopt(3), TypeError),
        (lambda: GateSwitch(0.1, 0.2, 1.0, 0, 1.0), ValueError),
        (lambda: GateSwitch(0.1, 0.1, 1.0, 0, 1.0).adopt(None), TypeError),
        (lambda: GainWindow(3, 4, 0.0), ValueError),
        (lambda: GainWindow(70_000, 4, 0.0), ValueError),
        (lambda: GainWindow(4, 4, 0.0).adopt(None), TypeError),
        (lambda: TruePeak(np.zeros((3, 5), dtype=np.float32)), ValueError),
        (lambda: TruePeak(np.zeros((3, 4))), TypeError),
        (lambda: true_peak_meter(2).process(np.zeros(5, dtype=np.float32)), ValueError),
        (lambda: true_peak_meter(1).process(np.zeros(5, "f"), np.zeros(4, "f")), ValueError),
        (lambda: true_peak_meter(1).adopt(true_peak_meter(2)), ValueError),
    ],
)
def test_what_cannot_be_is_refused(make: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        make()  # type: ignore[operator]


def test_the_switch_is_that_of_its_twin() -> None:
    levels = np.abs(sound(3000)[0])
    open_at, shut_at, attack, hold, release = 1.2, 0.7, 5.0, 15, 25.0
    opened, left, position, wanted = False, 0, 0.0, []
    for level in levels:
        if level >= np.float32(open_at) or (opened and level >= np.float32(shut_at)):
            opened, left = True, hold
        elif left:
            left -= 1
        else:
            opened = False
        position = min(1.0, position + 1 / attack) if opened else max(0.0, position - 1 / release)
        wanted.append(position)
    running = GateSwitch(open_at, shut_at, attack, hold, release)
    pieces = np.split(levels.copy(), [1, 500, 501])
    for piece in pieces:
        running.process(piece)
    np.testing.assert_allclose(np.concatenate(pieces), wanted, atol=1e-6)
    assert 0.2 < np.mean(wanted) < 0.9  # it did open and shut
    assert running.position == pytest.approx(position)
    assert running.open == opened


def window_twin(asked: NDArray[np.float64], minimum: int, smooth: int, release: float) -> NDArray[np.float64]:
    r = math.exp(-1 / release) if release else 0.0
    held, gains = 1.0, []
    for i in range(asked.size):
        low = asked[max(0, i + 1 - minimum) : i + 1].min()
        held = low if low <= held else low + r * (held - low)
        gains.append(held)
    first = (smooth + 1) // 2
    triangle = np.convolve(np.ones(first) / first, np.ones(smooth + 1 - first) / (smooth + 1 - first))
    return np.convolve(np.concatenate((np.ones(smooth - 1), gains)), triangle, mode="valid")


@pytest.mark.parametrize(
    ("minimum", "smooth", "release"), [(1, 1, 0.0), (12, 10, 0.0), (43, 41, 200.0), (64, 7, 9.0)]
)
def test_the_gain_window_is_that_of_its_twin(minimum: int, smooth: int, release: float) -> None:
    asked = np.clip(1.2 - np.abs(sound(2000)[0]), 0.02, 1.0).astype(np.float32)
    gains = asked.copy()
    running = GainWindow(minimum, smooth, release)
    for piece in np.split(gains, [1, 7, 900]):
        running.process(piece)
    np.testing.assert_allclose(
        gains, window_twin(asked.astype(np.float64), minimum, smooth, release), atol=2e-7
    )


def test_the_gain_is_nowhere_above_what_was_asked_for() -> None:
    asked = np.clip(1.2 - np.abs(sound(3000)[0]), 0.02, 1.0).astype(np.float32)
    gains = asked.copy()
    smooth, more = 31, 2
    GainWindow(smooth + more, smooth, 100.0).process(gains)
    for k in range(more + 1):
        late = smooth - 1 + k
        assert (gains[late:] <= asked[: asked.size - late] + 1e-6).all()


def test_the_running_sums_do_not_drift() -> None:
    running = GainWindow(50, 48, 0.0)
    asked = np.random.default_rng(1).uniform(0.1, 1.0, 200_000).astype(np.float32)
    running.process(asked)
    rest = np.ones(100, dtype=np.float32)
    running.process(rest)
    assert rest[-1] == 1.0


def test_a_gain_window_adopts_state_and_of_another_length_the_gain() -> None:
    asked = np.clip(1.2 - np.abs(sound(500)[0]), 0.02, 1.0).astype(np.float32)
    one, same, longer = GainWindow(20, 18, 50.0), GainWindow(20, 18, 50.0), GainWindow(33, 30, 50.0)
    one.process(asked)
    same.adopt(one)
    first, second = np.full(40, 0.7, dtype=np.float32), np.full(40, 0.7, dtype=np.float32)
    one.process(first)
    same.process(second)
    np.testing.assert_array_equal(first, second)
    one.process(np.full(900, 0.7, dtype=np.float32))
    longer.adopt(one)
    third = np.full(1, 0.7, dtype=np.float32)
    longer.process(third)
    assert third[0] == pytest.approx(0.7, abs=1e-6)


def test_peaks_between_samples_are_those_of_its_twin() -> None:
    block = sound(1500, 2)
    taps = interpolator().astype(np.float64)
    most = np.abs(np.concatenate((np.zeros((2, DELAY)), block), axis=1)[:, :1500]).max(axis=0)
    for row, channel in itertools.product(taps, block.astype(np.float64)):
        most = np.maximum(most, np.abs(np.convolve(channel, row)[:1500]))
    running, out = true_peak_meter(2), np.empty(1500, dtype=np.float32)
    at = 0
    for size in (1, 255, 0, 256, 257, 731):
        piece = np.empty(size, dtype=np.float32)
        running.process(np.ascontiguousarray(block[:, at : at + size]), piece)
        out[at : at + size] = piece
        at += size
    assert at == 1500
    np.testing.assert_allclose(out, most, atol=2e-6)
    assert running.peak == pytest.approx(most.max(), rel=1e-6)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.25, 0.3, 0.4, 0.44])
def test_the_interpolator_is_flat_to_a_tenth_of_a_decibel(share: float) -> None:
    times = DELAY - np.arange(interpolator().shape[1])[np.newaxis] - np.arange(1, 4)[:, np.newaxis] / 4
    gain = np.sum(interpolator() * np.exp(2j * np.pi * share * times), axis=1)
    assert np.abs(20 * np.log10(np.abs(gain))).max() < 0.1


@pytest.mark.parametrize("samples", [0, 1, 7, 100])
def test_a_delay_line_delays_in_any_pieces(samples: int) -> None:
    block = sound(500, 2)
    line = DelayLine(samples, 2)
    pieces = [line.process(piece.copy()) for piece in np.split(block, [0, 1, 4, 11, 300], axis=1)]
    wanted = np.concatenate((np.zeros((2, samples), dtype=np.float32), block), axis=1)[:, :500]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), wanted)


def test_a_delay_line_of_another_length_takes_the_newest_samples() -> None:
    block = np.arange(1, 11, dtype=np.float32)[np.newaxis]
    long, short = DelayLine(6, 1), DelayLine(2, 1)
    long.process(block.copy())
    short.adopt(long)
    np.testing.assert_array_equal(short.process(np.zeros((1, 2), dtype=np.float32)), [[9, 10]])


def test_sliding_shows_each_sample_of_the_hop_once_with_its_surroundings() -> None:
    block = np.arange(1, 101, dtype=np.float32)[np.newaxis]
    seen: list[NDArray[np.float32]] = []

    def work(samples: NDArray[np.float32]) -> None:
        seen.append(samples.copy())
        samples[5:15] *= -1

    sliding = Sliding(5, 10, 7, 1, work)
    pieces = [sliding.process(piece.copy()) for piece in np.split(block, [3, 3, 40, 41], axis=1)]
    out = np.concatenate(pieces, axis=1)[0]
    assert sliding.delay_samples == 17
    np.testing.assert_array_equal(out[17:], -block[0, : 100 - 17])
    middle = seen[5]
    begin = abs(middle[5])
    np.testing.assert_array_equal(np.abs(middle), np.arange(begin - 5, begin + 17))
    assert (middle[:5] < 0).all()  # what came before has been worked on
    assert (middle[5:] > 0).all()
