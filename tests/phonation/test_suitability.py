"""What is said of a recording before any number, from the least that each sentence needs."""

import numpy as np
import pytest
from support.phonated import noted, phonated
from support.sections_of import real_voice
from support.takes import take
from support.vowels import vowel

from dsp.phonation.analysis import phonation
from dsp.phonation.suitability import NOISY_DB, Suitability

RATE = 44100


def said_of(samples, rate=RATE) -> Suitability:
    return phonation(take(samples, rate)).suitability


@pytest.mark.parametrize("name", ["man", "woman"])
def test_one_speaker_is_one_voice(name):
    found = said_of(*real_voice(name))
    assert found.has_voice
    assert found.is_one_voice
    assert found.pitch_holds
    assert not {"music", "several-voices", "no-voice", "clipped", "too-quiet"} & set(found.words)


@pytest.mark.parametrize(
    "samples",
    [
        vowel(70.0, seconds=1.2, jitter_pct=4.0, shimmer_pct=15.0).samples,
        vowel(200.0, seconds=1.2, jitter_pct=3.0, shimmer_pct=10.0, hnr_db=10.0).samples,
        vowel(120.0, seconds=1.2, hnr_db=0.0).samples,
        phonated(190.0, seconds=1.2, breath_db=3.0),
        phonated(160.0, seconds=1.2, alternating=0.3),
        phonated(np.geomspace(120.0, 200.0, round(1.2 * RATE)), seconds=1.2),
        phonated(
            220.0 * 2.0 ** (np.sin(2 * np.pi * 5.5 * np.arange(round(1.2 * RATE)) / RATE) / 12.0), seconds=1.2
        ),
    ],
    ids=["rough and low", "rough", "noisy", "breathy", "subharmonic", "glide", "vibrato"],
)
def test_an_ill_or_a_moving_voice_is_one_voice_all_the_same(samples):
    assert said_of(samples).words == ()


def test_every_word_has_its_sentence():
    broken = 0.01 * vowel(120.0, seconds=0.6, sample_rate_hz=16000).samples
    broken[5] = np.nan
    found = said_of(np.stack([broken, np.zeros_like(broken)]), 16000)
    assert found.words == ("too-short", "too-quiet", "broken-samples", "dead-channel", "low-rate")
    assert len(found.sentences) == len(found.words)
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in found.sentences)


@pytest.mark.parametrize("over_db", [15.0, 25.0, 36.0, 50.0])
def test_the_voice_over_the_background_is_measured_and_judged(over_db):
    made = np.pad(vowel(150.0, seconds=1.5, level_dbfs=-20.0).samples, RATE // 2)
    hiss = np.random.default_rng(3).normal(0.0, 10.0 ** ((-20.0 - over_db) / 20.0), made.size)
    found = said_of(made + hiss)
    assert found.voice_over_background_db == pytest.approx(over_db, abs=1.0)
    assert ("noise" in found.words) == (over_db < NOISY_DB)


def test_without_a_pause_nothing_is_said_of_the_background():
    found = said_of(vowel(150.0, seconds=1.2, hnr_db=10.0).samples)
    assert found.voice_over_background_db is None
    digital = said_of(np.pad(vowel(150.0, seconds=1.2).samples, RATE // 2))
    assert digital.voice_over_background_db is None


@pytest.mark.parametrize("interval", [4, 5, 7])
def test_two_notes_at_once_are_not_one_voice(interval):
    both = noted([(220.0, 220.0 * 2.0 ** (interval / 12.0))], note_s=1.2)
    assert not said_of(both).is_one_voice


def test_a_held_note_of_one_instrument_is_not_refused():
    assert said_of(noted([(220.0,)], note_s=1.2)).is_one_voice
