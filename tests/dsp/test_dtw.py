"""The native time warping against its twin, and what it refuses."""

import numpy as np
import pytest

from dsp._native import subsequence_dtw


def twin(reference, query):
    cost = np.sqrt(np.square(query[:, np.newaxis].astype(float) - reference[np.newaxis]).sum(axis=2))
    rows, columns = cost.shape
    total = np.full(cost.shape, np.inf)
    total[0] = cost[0]
    for i in range(1, rows):
        for j in range(columns):
            ways = [total[i - 1, j - step] for step in (1, 2) if j >= step]
            if i == 1:
                ways.append(cost[0, j])
            elif j > 0:
                ways.append(total[i - 2, j - 1] + cost[i - 1, j])
            total[i, j] = min(ways, default=np.inf) + cost[i, j]
    end = int(total[-1].argmin())
    return total[-1, end] / rows, end


@pytest.mark.parametrize("seed", range(12))
def test_cost_and_place_are_those_of_the_twin(seed):
    rng = np.random.default_rng(seed)
    n, m, d = rng.integers(20, 60), rng.integers(1, 20), rng.integers(1, 14)
    reference = rng.standard_normal((n, d)).astype(np.float32)
    query = rng.standard_normal((m, d)).astype(np.float32)
    found, end = subsequence_dtw(reference, query)
    want, place = twin(reference, query)
    assert found == pytest.approx(want, abs=1e-5)
    assert end == place


def test_a_part_of_the_reference_is_found_where_it_lies_also_at_another_tempo():
    reference = np.random.default_rng(1).standard_normal((400, 13)).astype(np.float32)
    assert subsequence_dtw(reference, reference[100:200]) == (0.0, 199)
    assert subsequence_dtw(reference, np.ascontiguousarray(reference[100:200:2])) == (0.0, 198)
    assert subsequence_dtw(reference, np.repeat(reference[100:150], 2, axis=0)) == (0.0, 149)


def test_long_ones_too_which_run_without_the_lock():
    rng = np.random.default_rng(2)
    reference = rng.standard_normal((300, 3)).astype(np.float32)
    query = rng.standard_normal((40, 3)).astype(np.float32)
    assert subsequence_dtw(reference, query)[0] == pytest.approx(twin(reference, query)[0], abs=1e-5)


@pytest.mark.parametrize(
    ("reference", "query", "error"),
    [
        (np.zeros((9, 2), np.float32), np.zeros((3, 3), np.float32), "shapes"),
        (np.zeros((9, 2), np.float32), np.zeros((0, 2), np.float32), "shapes"),
        (np.zeros(9, np.float32), np.zeros(9, np.float32), "shapes"),
        (np.zeros((9, 300), np.float32), np.zeros((3, 300), np.float32), "shapes"),
        (np.zeros((9, 2), np.float32), np.zeros((19, 2), np.float32), "does not fit"),
        (np.full((9, 2), np.nan, np.float32), np.zeros((3, 2), np.float32), "not finite"),
        (np.zeros((18, 2), np.float32)[::2], np.zeros((3, 2), np.float32), "contiguous"),
    ],
)
def test_what_does_not_fit_is_refused(reference, query, error):
    with pytest.raises(ValueError, match=error):
        subsequence_dtw(reference, query)


def test_other_numbers_than_float32_are_refused():
    with pytest.raises(TypeError, match="float32"):
        subsequence_dtw(np.zeros((9, 2)), np.zeros((3, 2)))
