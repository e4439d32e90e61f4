"""Hum: heard hum of either mains is told with its frequency; what nobody can hear, and a voice at that pitch, are not."""

import numpy as np
import pytest
from support.line_faults import SPEAKERS, check, heard_through, identity, rounded, speech

RATE_HZ = 16_000


def hum(size: int, mains_hz: float, level_dbov: float) -> np.ndarray:
    """Fundamental and five overtones, each at the n-th part."""
    time = np.arange(size) / RATE_HZ
    wave = sum(np.sin(2 * np.pi * mains_hz * order * time + order) / order for order in range(1, 7))
    return wave / np.std(wave) * 10 ** (level_dbov / 20)


@pytest.mark.parametrize("mains_hz", [50.0, 60.0, 50.2, 49.8])
@pytest.mark.parametrize("name", SPEAKERS)
def test_hum_20_db_under_the_speech_is_heard(name, mains_hz):
    samples = speech(name)
    found = check("hum", samples + hum(samples.size, mains_hz, -46.0), RATE_HZ)
    assert found.words == ("hum",)
    assert found.figures["hum_hz"] == round(mains_hz, -1)
    assert found.figures["hum_db"] == pytest.approx(-20.0, abs=3.0)
    assert found.figures["hum_audible_db"] >= 10.0


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
@pytest.mark.parametrize("name", SPEAKERS)
def test_hum_40_db_under_the_speech_is_not(name, mains_hz):
    samples = speech(name)
    assert check("hum", samples + hum(samples.size, mains_hz, -66.0), RATE_HZ).words == ()


@pytest.mark.parametrize("codec", ["pcma", "opus"])
@pytest.mark.parametrize("name", SPEAKERS)
def test_hum_is_found_through_codecs_that_let_it_through(name, codec):
    samples = speech(name)
    heard, rate_hz = heard_through(codec, rounded(samples + hum(samples.size, 50.0, -41.0)))
    assert check("hum", heard, rate_hz).words == ("hum",)


@pytest.mark.parametrize("name", SPEAKERS)
def test_hum_of_the_reference_is_not_the_fault_of_the_line(name):
    said = speech(name) + hum(speech(name).size, 50.0, -41.0)
    assert check("hum", said, RATE_HZ, reference=said, aligned=identity(said, RATE_HZ)).words == ()


def test_a_tone_at_a_multiple_of_the_mains_is_no_hum():
    samples = speech(SPEAKERS[0])
    tone = 0.01 * np.sin(2 * np.pi * 400 * np.arange(samples.size) / RATE_HZ)
    assert check("hum", samples + tone, RATE_HZ).words == ()


@pytest.mark.parametrize("name", SPEAKERS)
def test_five_seconds_are_too_short_to_tell_hum_from_a_voice(name):
    found = check("hum", speech(name)[: 5 * RATE_HZ], RATE_HZ)
    assert set(found.figures.values()) == {None}


def test_an_overtone_that_the_line_only_laid_bare_is_not_its_fault():
    samples = speech("woman")
    time, rng = np.arange(samples.size) / RATE_HZ, np.random.default_rng(1)

    def tone(hz: float, level_dbov: float) -> np.ndarray:
        return 10 ** (level_dbov / 20) * np.sqrt(2) * np.sin(2 * np.pi * (hz * time + rng.uniform()))

    humming = samples + tone(60.0, -49.0) + tone(480.0, -58.0)
    around = sum(tone(hz, -58.0) for hz in range(455, 506) if hz != 480)
    with_noise = check("hum", humming + around, RATE_HZ)
    assert with_noise.words == (), "in the reference nothing but 60 Hz stands out, which is hardly heard"
    assert check("hum", humming, RATE_HZ).words == ("hum",)
    assert check("hum", humming, RATE_HZ, reference=humming + around).words == ()
    assert check(
        "hum", humming + hum(samples.size, 60.0, -40.0), RATE_HZ, reference=humming + around
    ).words == ("hum",)
