"""The benchmark of repeat credit counts what its sender and receiver do."""

import numpy as np
import pytest
from support.suppression import speech

from benchmarks.repeat_credit import line, rows, send, with_pauses
from dsp.codecs.base import CodecSettings
from softphone.io.libraries import codecs
from softphone.io.speech import speech_path
from softphone.media.suppress import Suppression

PCMU = CodecSettings(ptime_ms=60)


class NoMeasure:
    """Stands for a machine without PESQ."""

    def measure(self, what, rate_hz, *signals):
        return {"missing": "pip install pesq"}


def test_with_nothing_withheld_what_is_heard_is_what_the_codec_makes_of_it():
    sound = speech("man", 8000)[:16000]
    result = send(codecs().get("pcmu"), PCMU, sound, Suppression())
    assert result.sent == result.offered == 16000 // 480
    assert np.abs(result.heard - sound[: result.heard.size]).max() < 0.03


def test_half_of_the_sound_with_pauses_is_noise_of_the_level_asked_for():
    sound = with_pauses(np.zeros(8000, dtype=np.float32), 8000, -50.0)
    assert sound.size == 16000
    assert 10 * np.log10(np.mean(sound**2)) == pytest.approx(-50.0, abs=0.1)


def test_the_table_has_a_line_for_each_kind_of_speech_and_level_and_says_nothing_without_pesq():
    found = list(rows("pcmu:64000:60", [speech_path("builtin:man")], -60.0, NoMeasure()))
    assert [(row.speech, row.level) for row in found] == [
        (kind, level) for kind in ("active", "half pauses") for level in ("off", "light", "strong")
    ]
    assert found[0].saved_pct == 0
    assert found[-1].saved_pct > 40
    assert all(row.pesq_nb is None for row in found)
    assert line(found[0]).startswith("| pcmu:64000:60 | active | off | 0 | 16.7 | 0.0 % | 0.0 % |  |  |")
