"""A sustained vowel is told from connected speech, and both from what is no voice."""

import numpy as np
import pytest
from support.phonated import VOWELS, noted, phonated, whispered
from support.sections_of import real_voice
from support.vowels import vowel

from dsp.phonation.pitch import PitchSettings, pitch_of
from dsp.phonation.section import Section, Whole
from dsp.phonation.task import TaskFound, find_task
from dsp.phonation.texture import TextureContour

RATE = 44100
SECONDS = 1.0
AT = np.arange(round(SECONDS * RATE)) / RATE


def found_in(samples, rate=RATE) -> TaskFound:
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    whole = Whole(rate, samples.size, float(samples.mean()), float(np.abs(samples).max()))
    pitch = pitch_of(samples, rate, PitchSettings())
    texture = TextureContour()
    texture.push(Section(whole, samples, 0, 0, samples.size, pitch))
    return find_task(pitch, texture.finish(), whole)


def vibrato(f0: float, semitones: float, hz: float) -> np.ndarray:
    return f0 * 2.0 ** (semitones / 12.0 * np.sin(2 * np.pi * hz * AT))


def creaky(f0: float) -> np.ndarray:
    """Two cycles of three are weak, and the level flutters."""
    made = phonated(f0, seconds=SECONDS, alternating=0.6)
    return made * (
        1.0 + 0.3 * np.random.default_rng(3).standard_normal(400).repeat(AT.size // 400 + 1)[: AT.size]
    )


HELD = {
    "plain": lambda sound: phonated(150.0, seconds=SECONDS, formants=sound),
    "high": lambda sound: phonated(420.0, seconds=SECONDS, formants=sound),
    "low": lambda sound: phonated(75.0, seconds=SECONDS, formants=sound),
    "vibrato": lambda sound: phonated(vibrato(220.0, 1.0, 5.5), seconds=SECONDS, formants=sound),
    "wide and slow vibrato": lambda sound: phonated(
        vibrato(330.0, 1.5, 4.5), seconds=SECONDS, formants=sound
    ),
    "glide up": lambda sound: phonated(np.geomspace(110.0, 180.0, AT.size), seconds=SECONDS, formants=sound),
    "glide down": lambda sound: phonated(
        np.geomspace(320.0, 200.0, AT.size), seconds=SECONDS, formants=sound
    ),
    "tremor": lambda sound: phonated(
        vibrato(180.0, 0.5, 5.0),
        seconds=SECONDS,
        formants=sound,
        swell=1.0 + 0.5 * np.sin(2 * np.pi * 5.0 * AT),
    ),
    "subharmonic": lambda sound: phonated(160.0, seconds=SECONDS, formants=sound, alternating=0.5),
    "breathy": lambda sound: phonated(190.0, seconds=SECONDS, formants=sound, breath_db=8.0),
    "very breathy": lambda sound: phonated(190.0, seconds=SECONDS, formants=sound, breath_db=3.0),
    "swell": lambda sound: phonated(
        170.0, seconds=SECONDS, formants=sound, swell=10.0 ** (-0.7 * np.abs(np.linspace(-1.0, 1.0, AT.size)))
    ),
}


@pytest.mark.parametrize("sound", VOWELS)
@pytest.mark.parametrize("way", HELD)
def test_a_held_vowel_is_one_whatever_the_voice_does(way, sound):
    found = found_in(HELD[way](VOWELS[sound]))
    assert found.kind == "vowel", found.reason
    assert found.longest_phonation_s == pytest.approx(SECONDS, abs=0.2)


def test_a_creaky_vowel_is_one():
    assert found_in(creaky(110.0)).kind == "vowel"


@pytest.mark.parametrize(
    "wanted",
    [
        {"hnr_db": 0.0},
        {"hnr_db": 5.0},
        {"jitter_pct": 4.0},
        {"shimmer_pct": 15.0},
        {"jitter_pct": 3.0, "shimmer_pct": 10.0},
    ],
)
@pytest.mark.parametrize("f0", [70.0, 150.0, 400.0])
def test_a_rough_or_noisy_vowel_is_one(f0, wanted):
    assert found_in(vowel(f0, seconds=SECONDS, **wanted).samples).kind == "vowel"


@pytest.mark.parametrize("name", ["man", "woman"])
def test_connected_speech_is_no_vowel(name):
    samples, rate = real_voice(name)
    found = found_in(samples, rate)
    assert found.kind == "speech"
    assert found.spans == ()
    assert found.confidence > 0.3


def test_pieces_of_speech_are_no_vowels():
    samples, rate = real_voice("woman")
    kinds = {
        found_in(samples[start : start + 2 * rate], rate).kind
        for start in range(0, samples.size - 2 * rate, 2 * rate)
    }
    assert kinds == {"speech"}


def test_vowels_with_pauses_are_vowels_and_each_has_its_span():
    pause = np.zeros(RATE // 2, dtype=np.float32)
    held = phonated(200.0, seconds=1.0)
    found = found_in(np.concatenate([pause, held, pause, held, pause]))
    assert found.kind == "vowel"
    assert np.array(found.spans) == pytest.approx(np.array([[0.5, 1.5], [2.0, 3.0]]), abs=0.11)
    assert found.longest_phonation_s == pytest.approx(1.0, abs=0.06)


def test_a_vowel_within_speech_is_told_of():
    samples, rate = real_voice("man")
    held = phonated(110.0, seconds=1.5, rate_hz=rate)
    found = found_in(np.concatenate([samples, np.zeros(rate // 2, dtype=np.float32), held]), rate)
    assert found.kind == "speech"
    assert "could be cut out" in found.reason


@pytest.mark.parametrize("sound", VOWELS)
@pytest.mark.parametrize("seed", range(3))
def test_whisper_has_no_voice(sound, seed):
    assert found_in(whispered(seconds=SECONDS, formants=VOWELS[sound], seed=seed)).kind == "none"


@pytest.mark.parametrize("level", [1.0, 0.001])
def test_noise_has_no_voice(level):
    noise = np.random.default_rng(2).normal(0.0, 0.05 * level, RATE)
    found = found_in(noise)
    assert found.kind == "none"
    assert found.longest_phonation_s == 0.0


def test_a_fifth_of_a_second_is_too_short_to_tell():
    found = found_in(vowel(150.0, seconds=0.2).samples)
    assert found.kind == "speech"
    assert "too short" in found.reason
    assert found.confidence == 0.0


def test_the_same_is_found_at_every_rate():
    for rate in (8000, 48000, 96000):
        assert found_in(phonated(170.0, seconds=0.7, rate_hz=rate), rate).kind == "vowel"


def test_a_tune_of_large_steps_is_no_vowel():
    assert found_in(noted([(220.0,), (330.0,), (262.0,), (392.0,)] * 2, note_s=0.3)).kind == "speech"
