"""What models that need no reference hear of a recording."""

import numpy as np
import pytest

from dsp.track import ArrayTrack
from softphone.io import judges

RATE = 16_000


def heard_of(monkeypatch, seconds):
    """The pieces that a model gets of a recording, whose samples are their own times in thousands of seconds."""
    pieces = []

    def answer(name, rate, heard):
        pieces.append((1000 * float(heard[0]), heard.size / rate))
        return 3.0

    monkeypatch.setattr(judges, "_answer", answer)
    monkeypatch.setattr(judges, "missing", lambda names: {})
    times = (np.arange(round(seconds * RATE)) / RATE / 1000).astype(np.float32)
    score = {"refused": {}, "metrics": {}}
    judges.hear(score, ArrayTrack(times, RATE), ["plcmos"])
    assert score["metrics"] == {"plcmos": 3.0}
    return pieces


def test_a_recording_of_minutes_is_heard_whole(monkeypatch):
    pieces = heard_of(monkeypatch, 150)
    assert [length for _, length in pieces] == [60, 60, 30]


def test_of_a_long_one_five_minutes_are_heard_from_its_beginning_to_its_end(monkeypatch):
    pieces = heard_of(monkeypatch, 1200)
    assert sum(length for _, length in pieces) == 300
    begins = [begin for begin, _ in pieces]
    assert begins[0] == pytest.approx(0, abs=0.01)
    assert begins[-1] == pytest.approx(1180, abs=0.01)
    assert max(np.diff(begins)) == pytest.approx(min(np.diff(begins)), abs=0.01)
