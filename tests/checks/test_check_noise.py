"""Noise: measured to 1.5 dB between words, told below 30 dB, and not where the reference has as much."""

import numpy as np
import pytest
from support.line_faults import SPEAKERS, check, heard_through, identity, rounded, speech

RATE_HZ = 16_000


def noise(size: int, level_dbov: float, *, pink: bool = False) -> np.ndarray:
    """With that level between 300 and 3400 Hz."""
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(size))
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    if pink:
        spectrum /= np.sqrt(np.maximum(hz, 20.0))
    band = np.where((hz >= 300) & (hz <= 3400), spectrum, 0)
    return np.fft.irfft(spectrum, size) / np.fft.irfft(band, size).std() * 10 ** (level_dbov / 20)


@pytest.mark.parametrize("pink", [False, True])
@pytest.mark.parametrize(
    ("snr_db", "words"), [(10, ("noise",)), (20, ("noise",)), (27, ("noise",)), (33, ())]
)
@pytest.mark.parametrize("name", SPEAKERS)
def test_noise_less_than_30_db_under_the_speech_is_told(name, snr_db, words, pink):
    samples = speech(name)
    found = check("noise", samples + noise(samples.size, -26.0 - snr_db, pink=pink), RATE_HZ)
    assert found.words == words
    assert found.figures["snr_db"] == pytest.approx(snr_db, abs=2.5)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
def test_the_level_of_white_noise_is_found_to_a_quarter_of_a_decibel(rate_hz):
    samples = 0.01 * np.random.default_rng(6).standard_normal(10 * rate_hz)
    band_dbov = -40 + 10 * np.log10(3100 / (rate_hz / 2))
    assert check("noise", samples, rate_hz).figures["noise_dbov"] == pytest.approx(band_dbov, abs=0.25)


@pytest.mark.parametrize("codec", ["pcmu", "pcma", "g722", "opus"])
@pytest.mark.parametrize("name", SPEAKERS)
def test_noise_is_told_through_codecs(name, codec):
    samples = speech(name)
    heard, rate_hz = heard_through(codec, rounded(samples + noise(samples.size, -46.0)))
    assert check("noise", heard, rate_hz).words == ("noise",)


@pytest.mark.parametrize("name", SPEAKERS)
def test_noise_of_the_reference_is_not_the_fault_of_the_line(name):
    said = speech(name) + noise(speech(name).size, -46.0)
    found = check("noise", said, RATE_HZ, reference=said, aligned=identity(said, RATE_HZ))
    assert found.words == ()
    assert found.notes
    worse = said + noise(said.size, -41.0)[::-1]
    assert check("noise", worse, RATE_HZ, reference=said, aligned=identity(said, RATE_HZ)).words == ("noise",)


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_breath_in_a_pause_is_no_noise(name):
    samples = np.concatenate((speech(name), np.zeros(48_000, dtype=np.float32)))
    samples += noise(samples.size, -70.0)
    samples[-30_000:-24_000] += noise(6000, -45.0)
    assert check("noise", samples, RATE_HZ).words == ()


def test_digital_silence_between_words_has_no_level():
    samples = speech(SPEAKERS[0]).copy()
    for start in range(0, samples.size, 16_000):
        samples[start : start + 3200] = 0.0
    found = check("noise", samples, RATE_HZ)
    assert found.figures["noise_dbov"] is None
    assert found.words == ()
