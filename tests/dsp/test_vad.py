"""Voice activity: real speech between pauses, in made noise."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from support.suppression import SPEAKERS, noise, speech

from dsp.errors import ParameterError
from dsp.types import Samples
from dsp.vad import VoiceActivity

STEADY = ("white", "pink", "car", "hum", "fan")


def scene(speaker: str, kind: str, snr_db: float, rate_hz: int) -> tuple[Samples, NDArray[np.bool_]]:
    """Pause, speech, pause, in noise; and for each 10 ms whether there is speech: no more than 35 dB below the loudest."""
    said = speech(speaker, rate_hz)
    pause = np.zeros(2 * rate_hz, dtype=np.float32)
    clean = np.concatenate((pause, said, pause))
    loudness = np.float32(np.sqrt(np.mean(said**2)) * 10 ** (-snr_db / 20))
    frame = rate_hz // 100
    energy = np.square(clean[: clean.size // frame * frame].reshape(-1, frame), dtype=np.float64).mean(axis=1)
    return clean + loudness * noise(kind, clean.size, rate_hz), energy > energy.max() * 10**-3.5


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
def test_speech_is_found_in_steady_noise_and_pauses_stay_pauses(rate_hz: int) -> None:
    """Measured at 10 dB: 16 kHz, 97 % of the speech and no pause; 8 kHz, 2 % of the pauses."""
    hits, alarms = [], []
    for speaker, kind in itertools.product(SPEAKERS, STEADY if rate_hz == 16_000 else ("white", "fan")):
        sound, speaking = scene(speaker, kind, 10.0, rate_hz)
        found = VoiceActivity(rate_hz).process(sound)[: speaking.size]
        speaking = speaking[: found.size]
        near = np.convolve(speaking, np.ones(51), "same") > 0
        hits.append(found[speaking].mean())
        alarms.append(found[~near].mean())
    assert np.mean(hits) > 0.93
    assert np.mean(alarms) < 0.03


def test_a_steady_tone_a_hiss_and_silence_are_no_speech() -> None:
    t = np.arange(3 * 16_000) / 16_000
    for sound in (np.zeros(t.size), 0.3 * np.sin(2 * np.pi * 440 * t), 0.1 * noise("white", t.size)):
        found = VoiceActivity(16_000).process(sound.astype(np.float32))
        assert found[100:].mean() < 0.02


def test_any_cuts_give_the_same_decisions_and_a_reset_is_as_new() -> None:
    sound, _ = scene("man", "pink", 10.0, 16_000)
    sound = sound[: 4 * 16_000]
    detector = VoiceActivity(16_000)
    whole = detector.process(sound)
    assert whole.size == sound.size // 160
    assert whole.any()
    assert not whole.all()
    detector.reset()
    edges = [0, 1, 159, 160, 5000, 5001, sound.size]
    pieces = [detector.process(sound[a:b]) for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert detector.active == whole[-1]


def test_a_hangover_keeps_the_decision_for_as_long_as_it_says() -> None:
    sound, _ = scene("man", "white", 15.0, 16_000)
    short = VoiceActivity(16_000, hangover_s=0.0).process(sound)
    held = VoiceActivity(16_000, hangover_s=0.3).process(sound)
    last = int(np.flatnonzero(short)[-1])
    assert held[last : last + 30].all()
    assert not held[last + 31 :].any()


def test_rates_too_low_are_refused() -> None:
    with pytest.raises(ParameterError, match="8000 Hz or more"):
        VoiceActivity(4000)
