"""Checks of a recording whose own rate is above the one at which it is held against the reference."""

import numpy as np
import pytest
import soundfile
import soxr

from dsp.alignment import align
from dsp.track import ArrayTrack
from softphone.io.speech import speech_path
from softphone.scorer.signal_checks import Listening, run_checks

RATE, OWN_RATE = 16_000, 48_000
DELAY_MS = 250.0
OWN_LOSS_DB, FAR_LOSS_DB = 28.0, 20.0
"""At that delay 31.6 and 44 dB are what is borne (docs/verdicts.md); without the reference 25 dB is the most that is found."""


@pytest.fixture(scope="module")
def said():
    return soundfile.read(speech_path("builtin:woman"), dtype="float32")[0]


def _late(samples: np.ndarray, loss_db: float) -> np.ndarray:
    late = np.zeros_like(samples)
    shift = round(DELAY_MS / 1000 * RATE)
    late[shift:] = samples[:-shift]
    return np.float32(10 ** (-loss_db / 20)) * late


def _listening(heard: np.ndarray, said: np.ndarray, far: np.ndarray | None = None) -> Listening:
    reference, degraded = ArrayTrack(said, RATE), ArrayTrack(heard.astype(np.float32), RATE)
    own = ArrayTrack(soxr.resample(degraded.samples, RATE, OWN_RATE), OWN_RATE)
    return Listening(
        degraded,
        own,
        reference,
        align(reference, degraded),
        None if far is None else ArrayTrack(far, RATE),
    )


def test_an_echo_of_the_speech_is_found_in_a_recording_of_a_higher_rate(said):
    found, _, words = run_checks(_listening(said + _late(said, OWN_LOSS_DB), said))
    assert "echo" in words
    assert found["echo"]["figures"]["echo_delay_ms"] == pytest.approx(DELAY_MS, abs=1.0)
    assert found["echo"]["figures"]["echo_loss_db"] == pytest.approx(OWN_LOSS_DB, abs=2.0)


def test_an_echo_of_the_far_side_is_found_in_a_recording_of_a_higher_rate(said):
    far = soundfile.read(speech_path("builtin:man"), dtype="float32")[0]
    far = np.concatenate((far, np.zeros(said.size - far.size, dtype=np.float32)))
    found, _, words = run_checks(_listening(said + _late(far, FAR_LOSS_DB), said, far))
    assert "echo" in words
    assert found["echo"]["figures"]["far_echo_delay_ms"] == pytest.approx(DELAY_MS, abs=1.0)


def test_a_clean_recording_of_a_higher_rate_has_no_echo(said):
    _, _, words = run_checks(_listening(said, said, _late(said, FAR_LOSS_DB)[::-1].copy()))
    assert "echo" not in words
