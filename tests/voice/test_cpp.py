"""The measure of cepstral peak prominence: what it gives, echoes and refuses."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from dsp.phonation.section import Whole
from dsp.voice import MeasureRefused, measures
from dsp.voice.base import Phonation, VoiceSettings
from tests.support.cepstra import cepstra_of
from tests.support.vowels import vowel


def phonation(sound: np.ndarray, rate_hz: int = 44100) -> Phonation:
    whole = Whole(rate_hz, sound.size, 0.0, 1.0)
    return cast(Any, SimpleNamespace(cepstra=cepstra_of(sound, rate_hz), whole=whole))


def test_it_gives_the_means_of_all_frames() -> None:
    made = phonation(vowel(seconds=0.6, hnr_db=20.0).samples)
    found = measures.get("cpp").run(made)
    assert set(found) == set(measures.get("cpp").figures)
    assert found["cpps_db"] == pytest.approx(made.cepstra.cpps_db.mean())
    assert found["cpp_hillenbrand_db"] == pytest.approx(made.cepstra.cpp_hillenbrand_db.mean())


def test_its_settings_are_those_of_praats_commands() -> None:
    told = measures.get("cpp").settings(VoiceSettings())
    assert (told["pitch_floor_hz"], told["step_s"], told["max_hz"], told["preemphasis_hz"]) == (
        60,
        0.002,
        5000,
        50,
    )
    assert (told["time_average_s"], told["quefrency_average_s"], told["peak_hz"]) == (
        0.01,
        0.001,
        [60, 330],
    )
    assert told["hillenbrand"]["window_s"] == 0.0512


def test_too_short_a_recording_is_refused() -> None:
    with pytest.raises(MeasureRefused, match=r"0\.1 s"):
        measures.get("cpp").run(phonation(np.ones(2000, dtype=np.float32)))


def test_a_recording_of_nothing_is_refused() -> None:
    with pytest.raises(MeasureRefused, match="sound"):
        measures.get("cpp").run(phonation(np.zeros(44100, dtype=np.float32)))
