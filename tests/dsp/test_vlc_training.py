"""The tool that trains VLC's tables: what it writes is what the decoder reads."""

import numpy as np
from support.vlc_speech import speech

from dsp.codecs.vlc.model import NARROW, PACKETS_MS
from dsp.codecs.vlc.tables import CLASSES, CONTEXTS, F0_LEVELS, F0_MOVES, GROUPS, MAGNITUDES
from tools.train_vlc import analysed, bases, cosines, frequencies, packets, train


def test_the_tables_have_the_sizes_of_the_format() -> None:
    recordings = [analysed(NARROW, speech(NARROW, 4.0, seed=seed)) for seed in (1, 2)]
    data = train(NARROW, recordings, passes=0)
    width = NARROW.bands + NARROW.voicing_bands
    sizes = (
        4,
        2 * width,
        GROUPS - 1,
        2 * GROUPS * width**2,
        sum(PACKETS_MS) // 8 * width,
        CONTEXTS - 1,
        2 * CLASSES * CONTEXTS * MAGNITUDES,
        2 * CLASSES * 4,
        2 * 3 * 2,
        2 * F0_LEVELS,
        2 * 3 * F0_MOVES,
    )
    assert len(data) == sum(sizes)
    start = sum(sizes[:6])
    counts = np.frombuffer(data, "<u2", CLASSES * CONTEXTS * MAGNITUDES, start).reshape(-1, MAGNITUDES)
    assert counts.min() >= 1
    assert np.all(counts.sum(axis=1) == 1 << 15)


def test_the_level_is_the_first_vector_of_the_slow_basis_and_no_other_has_any_of_it() -> None:
    recording = analysed(NARROW, speech(NARROW, 4.0))
    rows = np.einsum("kt,btd->bkd", cosines(16), packets([recording], 16))
    slow = bases(rows - rows.mean(axis=0), NARROW.bands)[0]
    level = np.r_[np.ones(NARROW.bands), np.zeros(NARROW.voicing_bands)]
    assert np.ptp(slow[0, : NARROW.bands]) < 1e-12
    assert np.max(np.abs(slow[1:] @ level)) < 1e-9


def test_every_symbol_keeps_a_place() -> None:
    assert frequencies(np.array([[1.0, 0.0, 0.0]])).tolist() == [[32766, 1, 1]]
