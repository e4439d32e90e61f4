"""Where somebody speaks."""

from itertools import pairwise

import numpy as np
import pytest
from support.heard import RATE, bundled, noisy
from support.misalign import line_noise

from dsp.alignment import utterances
from dsp.errors import MetricRefused
from dsp.track import ArrayTrack

WOMAN = bundled("woman")


def spans_s(samples, rate=RATE):
    return [(s.start / rate, s.stop / rate) for s in utterances(ArrayTrack(samples, rate))]


def test_pauses_part_them():
    parts = (line_noise(RATE), WOMAN[2000:36000], line_noise(RATE // 2), WOMAN[42000:76000], line_noise(RATE))
    first, second = spans_s(np.concatenate(parts))
    assert first == pytest.approx((1.0, 3.1), abs=0.1)
    assert second == pytest.approx((3.625, 5.75), abs=0.15)


def test_noise_10_db_below_does_not_join_them():
    parts = np.concatenate((WOMAN[2000:36000], np.zeros(RATE, np.float32), WOMAN[42000:76000]))
    found = spans_s(noisy(np.concatenate((np.zeros(RATE, np.float32), parts)), 10))
    assert len(found) == 2
    assert found[1][0] - found[0][1] > 0.8


def test_long_speech_is_cut_and_nothing_of_it_is_lost():
    spoken = np.concatenate([WOMAN[44000:76000]] * 4)  # 8 s without a pause of 200 ms
    spans = spans_s(spoken)
    assert max(stop - start for start, stop in spans) <= 4
    assert min(stop - start for start, stop in spans) > 0.5
    assert sum(stop - start for start, stop in spans) > 7.5
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_silence_and_clicks_are_nothing():
    click = np.zeros(3 * RATE, np.float32)
    click[RATE] = 0.5
    for samples in (np.zeros(RATE, np.float32), line_noise(RATE, dbov=-85), click, np.zeros(1, np.float32)):
        assert spans_s(samples) == []


def test_they_lie_within_the_track_at_any_rate():
    for rate in (8000, 11025, 44100):
        spans = utterances(ArrayTrack(WOMAN, rate))
        assert spans[-1].stop <= WOMAN.size
    with pytest.raises(MetricRefused, match="numbers"):
        utterances(ArrayTrack(np.full(RATE, np.nan, np.float32), RATE))
