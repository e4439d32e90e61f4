"""DC: an offset that spoils the level is told, a small one is only measured."""

import numpy as np
import pytest
from support.line_faults import SPEAKERS, check, identity, speech

RATE_HZ = 16_000


def centred(name: str) -> np.ndarray:
    samples = speech(name)
    return samples - samples.mean()


@pytest.mark.parametrize(("offset_db", "words"), [(-12.0, ()), (-6.0, ("dc-offset",)), (0.0, ("dc-offset",))])
@pytest.mark.parametrize("name", SPEAKERS)
def test_an_offset_near_the_level_of_the_speech_is_told(name, offset_db, words):
    samples = centred(name)
    offset = 10 ** ((-26.0 + offset_db) / 20)
    found = check("dc", samples - offset, RATE_HZ)
    assert found.words == words
    assert found.figures["dc_pct"] == pytest.approx(-100 * offset, rel=0.01)


@pytest.mark.parametrize("name", SPEAKERS)
def test_at_the_limit_the_level_reads_half_a_decibel_too_high(name):
    samples = centred(name)
    level = 10 * np.log10(np.mean(samples**2))
    shifted = samples + 10 ** ((level - 9.0) / 20)
    assert 10 * np.log10(np.mean(shifted**2) / np.mean(samples**2)) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", SPEAKERS)
def test_an_offset_that_the_reference_has_is_not_the_fault_of_the_line(name):
    said = centred(name) + 0.05
    assert check("dc", said, RATE_HZ).words == ("dc-offset",)
    assert check("dc", said, RATE_HZ, reference=said, aligned=identity(said, RATE_HZ)).words == ()


def test_a_shift_of_a_faint_sound_is_none():
    samples = 1e-4 * centred(SPEAKERS[0]) + 5e-4
    assert check("dc", samples, RATE_HZ).words == ()
