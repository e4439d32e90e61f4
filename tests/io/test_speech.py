"""The bundled speech is what its description says."""

import math
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from softphone.errors import UsageError
from softphone.io.speech import builtin_names, speech_path


def active_level_dbov(samples: np.ndarray, rate_hz: int) -> float:
    """P.56 method B at its fixed point, not by its table of thresholds: level = threshold + 15.9 dB."""
    g = math.exp(-1 / (rate_hz * 0.03))
    envelope = lfilter([(1 - g) ** 2], [1, -2 * g, g * g], np.abs(samples))
    level = -30.0
    for _ in range(100):
        over = np.flatnonzero(envelope >= 10 ** ((level - 15.9) / 20))
        active = np.minimum(np.diff(over, append=samples.size), 0.2 * rate_hz).sum()
        level += 0.5 * (10 * math.log10((samples**2).sum() / active) - level)
    return level


def test_there_is_a_man_and_a_woman() -> None:
    assert builtin_names() == ("man", "woman")


@pytest.mark.parametrize("name", ["man", "woman"])
def test_each_file_has_the_format_length_and_level_promised(name: str) -> None:
    with wave.open(str(speech_path(f"builtin:{name}")), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16000)
        assert 6.0 <= file.getnframes() / 16000 <= 12.0
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768
    assert active_level_dbov(samples, 16000) == pytest.approx(-26.0, abs=0.3)
    assert np.abs(samples).max() < 0.9


@pytest.mark.parametrize(
    ("name", "licence"), [("man", "public domain"), ("woman", "Attribution-ShareAlike 3.0")]
)
def test_origin_and_licence_stand_beside_each_file(name: str, licence: str) -> None:
    text = speech_path(f"builtin:{name}").with_suffix(".md").read_text(encoding="utf-8")
    assert licence in text
    assert "tools/make_speech.py" in text


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="'builtin:child': there are builtin:man, builtin:woman"):
        speech_path("builtin:child")


def test_a_path_is_left_as_it_is() -> None:
    assert speech_path("folder/x.wav") == Path("folder/x.wav")
