"""What is kept along a recording is what was given, and two of it are never in memory."""

import numpy as np
import pytest

from dsp.phonation.kept import PIECE_BYTES, Kept, even_times, fine_type
from dsp.phonation.section import WHOLE_S, Whole


@pytest.mark.parametrize("columns", [None, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.bool_])
def test_parts_of_any_length_come_back_as_one_whole(dtype: type, columns: int | None) -> None:
    rng = np.random.default_rng(1)
    rows = PIECE_BYTES // (np.dtype(dtype).itemsize * (columns or 1))
    kept = Kept(dtype, columns)
    parts = []
    for count in (0, 1, 7, rows, 2 * rows + 3, 0, 5):
        shape = (count,) if columns is None else (count, columns)
        parts.append((rng.random(shape) * 2.0).astype(dtype))
        kept.append(parts[-1])
        assert kept.size == sum(len(part) for part in parts)
    whole = kept.joined()
    assert whole.dtype == dtype
    assert np.array_equal(whole, np.concatenate(parts))


def test_what_was_given_is_copied_and_brought_to_the_type_that_is_kept() -> None:
    kept = Kept(np.float32)
    values = np.array([1.0, 2.0])
    kept.append(values)
    values[:] = 0.0
    whole = kept.joined()
    assert whole.dtype == np.float32
    assert whole.tolist() == [1.0, 2.0]
    whole += 1.0  # it is the caller's


def test_nothing_gives_nothing() -> None:
    assert Kept().joined().shape == (0,)
    assert Kept(np.float32, 4).joined().shape == (0, 4)


def test_only_long_recordings_are_kept_in_half_the_size() -> None:
    assert fine_type(Whole(1000, round(1000 * WHOLE_S), 0.0, 1.0)) is np.float64
    assert fine_type(Whole(1000, round(1000 * WHOLE_S) + 1, 0.0, 1.0)) is np.float32


def test_times_are_evenly_spaced() -> None:
    assert even_times(0.5, 0.25, 3).tolist() == [0.5, 0.75, 1.0]
