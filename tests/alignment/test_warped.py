"""Both signals on one time axis."""

import numpy as np
import pytest
from support.heard import RATE, bundled
from support.misalign import MISALIGNMENTS, g711, line_noise, moved, skewed, word_at

from dsp.alignment import align, warped
from dsp.errors import ParameterError
from dsp.track import ArrayTrack

MAN = bundled("man")


def sdr_db(wanted, got):
    return 10 * np.log10(np.sum(wanted**2) / np.sum((wanted - got) ** 2))


def undone(truth, start=0, stop=MAN.size):
    reference, degraded = ArrayTrack(MAN, RATE), ArrayTrack(truth.samples, RATE)
    found = align(reference, degraded)
    said, heard = warped(reference, degraded, found, copy=0, start=start, stop=stop)
    assert np.array_equal(said, MAN[start:stop])
    assert heard.dtype == np.float32
    assert heard.shape == said.shape
    return found, heard


@pytest.mark.parametrize("name", ["delay-500ms", "delay-30s", "insert-1s-word"])
def test_what_was_only_moved_comes_back_exactly(name):
    _, heard = undone(MISALIGNMENTS[name](MAN, RATE))
    wrong = heard != g711(MAN, RATE)
    assert np.count_nonzero(wrong) <= 16  # the jump's own millisecond


def test_polarity_is_undone_and_the_level_is_left():
    _, heard = undone(MISALIGNMENTS["gain-minus-20db"](MAN, RATE))
    assert np.allclose(10 * heard, g711(MAN, RATE), atol=1e-6)


@pytest.mark.parametrize("ppm", [100.0, -500.0, 2000.0])
def test_skew_is_undone_by_band_limited_interpolation(ppm):
    heard = undone(skewed(g711(MAN, RATE), ppm))[1]
    inner = slice(200, -200)
    assert sdr_db(g711(MAN, RATE)[inner], heard[inner]) > 25  # measured: 32 and more


def test_what_is_missing_is_zeros_and_what_was_put_in_is_left_out():
    at, by = word_at(MAN, RATE, share=(0.3, 0.4)), RATE // 10
    later = word_at(MAN, RATE, share=(0.6, 0.7))
    heard = undone(moved(g711(MAN, RATE), [(at, -by), (later, by)]))[1]
    assert not heard[at + 16 : at + by - 16].any()
    kept = np.ones(MAN.size, dtype=bool)
    kept[at - 16 : at + by + 16] = kept[later - 16 : later + 16] = False
    assert np.array_equal(heard[kept], g711(MAN, RATE)[kept])


def test_pieces_are_the_whole():
    truth = MISALIGNMENTS["skew-500ppm"](MAN, RATE)
    _, whole = undone(truth)
    pieces = [undone(truth, start, start + 20000)[1] for start in range(0, MAN.size, 20000)]
    assert np.allclose(np.concatenate(pieces)[: MAN.size], whole, atol=1e-4)


def test_each_copy_is_read_for_itself():
    heard = np.concatenate((g711(MAN, RATE), line_noise(999), 0.5 * g711(MAN, RATE))).astype(np.float32)
    reference, degraded = ArrayTrack(MAN, RATE), ArrayTrack(heard, RATE)
    found = align(reference, degraded)
    first, second = (warped(reference, degraded, found, copy=k, start=1000, stop=50000)[1] for k in (0, 1))
    assert np.array_equal(np.float32(0.5) * first, second)
    with pytest.raises(ParameterError, match="copy must be 0 to 1, got 2"):
        warped(reference, degraded, found, copy=2, start=0, stop=1)
