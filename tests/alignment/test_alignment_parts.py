"""The parts of the aligner, each alone, on made-up numbers."""

import numpy as np
import pytest

from dsp.alignment.coarse import Matches
from dsp.alignment.fine import steadiest
from dsp.alignment.fit import Points, bent, fitted, pieces_of, rough_slope
from dsp.alignment.jumps import _turn
from dsp.alignment.narrow import NarrowTrack
from dsp.alignment.path import best_path, runs_of
from dsp.track import ArrayTrack

UNIT, STEP = 200, 100
"""Frames of 5 ms in a unit, and from one to the next."""


def matches(*found):
    """From (said, heard, similarity), in frames."""
    order = sorted(found, key=lambda one: (one[1], one[0]))
    said, heard, similarity = (np.array(column) for column in zip(*order, strict=True))
    return Matches(said, heard, similarity.astype(np.float32))


def path_of(*found, frames=2000):
    path = best_path(matches(*found), frames)
    return list(zip(path.said.tolist(), path.heard.tolist(), path.copy.tolist(), strict=True))


def test_a_phrase_that_comes_twice_is_put_in_order():
    right = [(k * STEP, k * STEP + 40, 0.9) for k in range(8)]
    swapped = [(100, 640, 0.95), (600, 140, 0.95)]
    assert path_of(*right, *swapped) == [(said, heard, 0) for said, heard, _ in right]


def test_a_jump_is_paid_where_it_explains_more():
    before = [(k * STEP, k * STEP, 0.9) for k in range(4)]
    behind = [(k * STEP, k * STEP + 200, 0.9) for k in range(4, 8)]
    path = best_path(matches(*before, *behind), 2000)
    assert path.said.size == 8
    assert path.copy.tolist() == [0] * 8
    first, second = runs_of(path)
    assert set(first.offsets.tolist()) == {0}
    assert set(second.offsets.tolist()) == {200}
    assert path_of(*before, (400, 900, 0.55)) == [(said, heard, 0) for said, heard, _ in before]


def test_beginning_over_again_is_another_copy():
    played = [(k * STEP, k * STEP + n * 800, 0.9) for n in range(3) for k in range(7)]
    assert [copy for _, _, copy in path_of(*played, frames=800)] == [0] * 7 + [1] * 7 + [2] * 7


def test_the_same_second_heard_twice_is_no_copy():
    before = [(k * STEP, k * STEP, 0.9) for k in range(4)]
    behind = [(k * STEP, k * STEP + 200, 0.9) for k in range(4, 8)]
    torn = [(350, 350, 0.66), (350, 550, 0.66)]
    assert {copy for _, _, copy in path_of(*before, *torn, *behind)} == {0}


def test_a_loop_that_was_cut_after_a_second_is_another_copy():
    played = [(k * STEP, k * STEP + n * 800, 0.9) for n in range(2) for k in range(7)]
    assert path_of(*played, (0, 1600, 0.9), frames=800)[-1] == (0, 1600, 2)
    assert path_of(*played, (0, 1700, 0.9), frames=800)[-1] == (600, 1400, 1)


def test_nothing_makes_no_path():
    none = np.zeros(0, dtype=np.int64)
    assert best_path(Matches(none, none, np.zeros(0, np.float32)), 100).score == 0


def test_the_course_jumps_only_for_what_lasts():
    pooled = np.full((30, 50), 0.05, dtype=np.float32)
    pooled[:, 20] = 0.6
    pooled[10, 40] = 0.9  # one window that likes another lag better
    ones, zeros = np.ones(30, dtype=np.int64), np.zeros(30, dtype=np.int64)
    assert set(steadiest(pooled, zeros, ones, jump=0.7, drift=0.02).tolist()) == {20}
    pooled[15:, 20], pooled[15:, 40] = 0.05, 0.6
    assert steadiest(pooled, zeros, ones, jump=0.7, drift=0.02).tolist() == [20] * 15 + [40] * 15


def test_the_course_goes_with_its_corridor_and_with_drift():
    count = 40
    pooled = np.zeros((count, 50), dtype=np.float32)
    truth = 20 + np.arange(count) // 2
    base = 5 * (np.arange(count) // 10)
    pooled[np.arange(count), truth - base] = 0.5
    shifts = np.diff(base, prepend=base[:1])
    found = steadiest(pooled, shifts, np.ones(count, dtype=np.int64), jump=5.0, drift=0.02)
    assert (found + base).tolist() == truth.tolist()


def points(lag, copy=0):
    at = np.arange(lag.size) * 256.0
    return Points(at, lag, np.full(lag.size, 0.3), np.full(lag.size, copy))


@pytest.mark.parametrize("ppm", [-2000.0, 0.0, 45.0, 1000.0])
def test_slope_and_jumps_come_out_of_lags_with_outliers(ppm):
    rng = np.random.default_rng(3)
    at = np.arange(300) * 256.0
    level = np.repeat([0.0, 80.0, -40.0], 100)
    lag = 1000 + level + ppm * 1e-6 * at + 0.15 * rng.standard_normal(300)
    lag[rng.integers(0, 300, 20)] += rng.uniform(-200, 200, 20)
    given = points(lag)
    rough = rough_slope(given)
    pieces = pieces_of(given, rough, apart=4, fewest=3)
    fit = fitted(given, pieces, rough)
    assert len(fit.pieces) == 3
    assert 1e6 * fit.slope == pytest.approx(ppm, abs=5)
    assert [piece.offset for piece in fit.pieces] == pytest.approx([1000, 1080, 960], abs=0.3)
    assert abs(1e6 * fit.slope - ppm) < 4e6 * fit.error
    assert bent(given, fit.pieces) == fit.pieces


def test_a_bent_course_is_followed_in_parts():
    at = np.arange(600) * 256.0
    lag = 3e-4 * np.abs(at - at[300])
    given = points(lag)
    fit = fitted(given, pieces_of(given, 0.0, apart=4, fewest=3), 0.0)
    parts = bent(given, fit.pieces)
    assert len(parts) == 4
    for part in parts:
        inside = slice(part.first, part.stop)
        assert np.max(np.abs(lag[inside] - part.offset - part.slope * at[inside])) < 3


def test_where_to_change_is_where_the_sum_of_both_is_least():
    assert _turn(np.array([-1.0, -1.0, -1.0, 1.0, 1.0])) == 3
    assert _turn(np.array([1.0, 1.0])) == 0
    assert _turn(np.array([-1.0, 2.0, -1.0, -1.0, -1.0])) == 5
    assert _turn(np.zeros(0)) == 0


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 48000])
def test_a_narrow_track_in_pieces_is_the_whole_without_delay(rate):
    rng = np.random.default_rng(1)
    factor = rate // 8000
    x = np.repeat(rng.standard_normal(8000), factor).astype(np.float32)
    short, long = NarrowTrack(ArrayTrack(x, rate)), NarrowTrack(ArrayTrack(np.tile(x, 70), rate))
    whole = short.read(0, short.size)
    assert np.allclose(long.read(8000, 9000)[100:], whole[100:1000], atol=1e-5)
    assert np.array_equal(short.read(-50, 100)[:50], np.zeros(50))
    assert np.array_equal(short.read(-50, 100)[50:], whole[:100])
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate).astype(np.float32)
    down = NarrowTrack(ArrayTrack(tone, rate)).read(2000, 3000)
    assert np.allclose(down, tone[2000 * factor : 3000 * factor : factor], atol=1e-3)
