"""Level, gain and silence: what must be seen on both sides of each limit, and that a running call says the same."""

import numpy as np
import pytest
from support.line_faults import SPEAKERS, check, identity, speech

from dsp.level import TOO_LOUD_DBOV, TOO_QUIET_DBOV, measure_level
from softphone.scorer.live import LineFacts, verdicts


def at_level(name: str, level_dbov: float) -> np.ndarray:
    samples = speech(name)
    level = measure_level(samples, 16_000).level_dbov
    assert level is not None
    return (samples * 10 ** ((level_dbov - level) / 20)).astype(np.float32)


@pytest.mark.parametrize(
    ("level_dbov", "words"),
    [
        (TOO_QUIET_DBOV - 0.5, ("too-quiet",)),
        (TOO_QUIET_DBOV + 0.5, ()),
        (-26.0, ()),
        (TOO_LOUD_DBOV - 0.5, ()),
        (TOO_LOUD_DBOV + 0.5, ("too-loud",)),
    ],
)
@pytest.mark.parametrize("name", SPEAKERS)
def test_a_level_beyond_the_limits_has_a_word(name, level_dbov, words):
    found = check("level", at_level(name, level_dbov), 16_000)
    assert found.words == words
    assert found.figures["level_dbov"] == pytest.approx(level_dbov, abs=0.01)


@pytest.mark.parametrize("level_dbov", [-70.0, -50.0, -36.4, -35.6, -20.0, -12.4, -11.6, -5.0])
@pytest.mark.parametrize("name", SPEAKERS)
def test_a_running_call_says_the_same(name, level_dbov):
    samples = at_level(name, level_dbov)
    facts = LineFacts(packets_sent=100, packets_received=100, played_ms=7000)
    live = set(verdicts(measure_level(samples, 16_000), facts)) & {"too-quiet", "too-loud", "silent"}
    assert {*check("level", samples, 16_000).words, *check("silence", samples, 16_000).words} == live


@pytest.mark.parametrize("name", SPEAKERS)
@pytest.mark.parametrize(
    ("gain_db", "words"),
    [(-10.5, ("attenuated",)), (-9.5, ()), (0.0, ()), (14.5, ()), (15.5, ("amplified",))],
)
def test_a_gain_beyond_the_limits_has_a_word(name, gain_db, words):
    said = at_level(name, -32.0)
    heard = said * 10 ** (gain_db / 20)
    found = check("gain", heard, 16_000, reference=said, aligned=identity(said, 16_000))
    assert found.figures["gain_db"] == pytest.approx(gain_db, abs=0.02)
    assert found.words == words


def test_speech_too_soft_to_be_heard_is_attenuated_where_the_aligner_found_it():
    said = at_level(SPEAKERS[0], -30.0)
    heard = said * 1e-2
    assert check("silence", heard, 16_000).words == ("silent",)
    assert check("gain", heard, 16_000).words == ()
    assert check("gain", heard, 16_000, reference=said, aligned=identity(said, 16_000)).words == (
        "attenuated",
    )


def test_a_line_without_speech_is_not_attenuated():
    said = speech(SPEAKERS[0])
    noise = 1e-3 * np.random.default_rng(1).standard_normal(said.size)
    assert check("gain", noise, 16_000, reference=said, aligned=identity(said, 16_000)).words == ()


def test_silence_and_what_is_nearly_silent_have_no_level_word():
    quiet = 5e-4 * np.random.default_rng(1).standard_normal(32_000)
    for samples in (np.zeros(32_000), quiet):
        assert check("silence", samples, 16_000).words == ("silent",)
        assert check("level", samples, 16_000).words == ()


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_word_in_a_minute_of_silence_is_not_silent(name):
    samples = np.zeros(60 * 16_000, dtype=np.float32)
    samples[:8000] = speech(name)[16_000:24_000]
    found = check("silence", samples, 16_000)
    assert found.words == ()
    assert found.figures["silence_pct"] == pytest.approx(99, abs=1)
