"""Comfort noise: a noise alone is told, of any colour and through codecs; speech, tones and silence are something else."""

import numpy as np
import pytest
from support.line_faults import SPEAKERS, check, heard_through, speech

from dsp.comfort_noise import Background, NoiseLoop

RATE_HZ = 16_000


def noise(seconds: float, level_dbov: float, pink: bool = False) -> np.ndarray:
    size = round(seconds * RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(4).standard_normal(size))
    if pink:
        spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(size, 1 / RATE_HZ), 20.0))
    samples = np.fft.irfft(spectrum, size)
    return samples / samples.std() * 10 ** (level_dbov / 20)


@pytest.mark.parametrize("pink", [False, True])
@pytest.mark.parametrize("level_dbov", [-58.0, -45.0, -30.0])
def test_a_steady_noise_alone_has_the_word(level_dbov, pink):
    found = check("comfort-noise", noise(8, level_dbov, pink), RATE_HZ)
    assert found.words == ("comfort-noise",)
    assert found.figures["speech_s"] <= 0.1


@pytest.mark.parametrize("codec", ["pcmu", "pcma", "g722", "opus"])
def test_a_noise_through_a_codec_has_it_too(codec):
    samples, rate_hz = heard_through(codec, noise(8, -50.0, True).astype(np.float32))
    assert check("comfort-noise", samples, rate_hz).words == ("comfort-noise",)


def test_the_comfort_noise_that_we_make_ourselves_has_it():
    loop, samples = NoiseLoop(8000), np.zeros(64_000, dtype=np.float32)
    loop.set(Background.measure(noise(1, -50.0, True).astype(np.float32), 8000))
    for start in range(0, samples.size, 160):
        loop.fill(samples[start : start + 160])
    assert check("comfort-noise", samples, 8000).words == ("comfort-noise",)


@pytest.mark.parametrize("name", SPEAKERS)
def test_speech_in_the_reference_is_missed_in_a_short_recording_too(name):
    samples = noise(2.5, -50.0)
    assert check("comfort-noise", samples, RATE_HZ).words == ()
    assert check("comfort-noise", samples, RATE_HZ, reference=speech(name)).words == ("comfort-noise",)
    assert check("comfort-noise", samples, RATE_HZ, reference=np.zeros(40_000)).words == ()


@pytest.mark.parametrize("snr_db", [30, 15, 8])
@pytest.mark.parametrize("name", SPEAKERS)
def test_speech_in_noise_is_no_comfort_noise(name, snr_db):
    samples = speech(name)
    heard = samples + noise(samples.size / RATE_HZ, -26.0 - snr_db)[: samples.size]
    assert check("comfort-noise", heard, RATE_HZ, reference=samples).words == ()


def test_a_tone_hum_and_silence_are_none():
    time = np.arange(8 * RATE_HZ) / RATE_HZ
    hum = sum(np.sin(2 * np.pi * 50 * order * time) / order for order in (1, 2, 3))
    for samples in (0.1 * np.sin(2 * np.pi * 440 * time), 0.05 * hum, np.zeros(time.size)):
        assert check("comfort-noise", samples, RATE_HZ).words == ()
