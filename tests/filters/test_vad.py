"""The speech gate and comfort noise, on real speech between pauses."""

import numpy as np
import pytest
from support.filters import setting
from support.suppression import noise, si_sdr_db, speech

from dsp.filters import Filter, filters
from dsp.filters.comfort_noise import all_pole, normalised
from dsp.params import from_mapping
from dsp.types import Block

RATE_HZ = 16_000
PAUSE = 2 * RATE_HZ


def make(name: str, values: dict[str, object], channels: int = 1) -> Filter:
    spec = filters.get(name)
    return spec.build(from_mapping(spec.params, values), setting(RATE_HZ, channels))


def scene(hiss: float, kind: str = "pink") -> Block:
    """2 s of pause, one sentence, 2 s of pause, in noise of the root mean square *hiss*."""
    pause = np.zeros(PAUSE, dtype=np.float32)
    sound = np.concatenate((pause, speech("woman")[: 3 * RATE_HZ], pause))
    return np.ascontiguousarray(sound + np.float32(hiss) * noise(kind, sound.size))[np.newaxis]


def level_db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-30))


def test_the_gate_passes_speech_and_turns_pauses_down_by_its_range() -> None:
    sound = scene(0.005)
    running = make("vad", {"range_db": 24.0})
    out = running.process(sound.copy())[0]
    delay = running.delay_samples
    said = slice(PAUSE + 3200, PAUSE + 2 * RATE_HZ)
    assert si_sdr_db(sound[0, said], out[said.start + delay : said.stop + delay]) > 15
    for pause in (slice(RATE_HZ // 2, PAUSE - 1600), slice(-RATE_HZ, None)):
        assert level_db(sound[0, pause]) - level_db(out[pause]) == pytest.approx(24.0, abs=1.0)


def test_looking_ahead_opens_before_the_first_word_by_as_much() -> None:
    sound = scene(0.003)
    opened = {}
    for lookahead_ms in (0.0, 60.0):
        running = make("vad", {"lookahead_ms": lookahead_ms})
        out = running.process(sound.copy())[0, running.delay_samples :]
        frames = [each[: 3 * RATE_HZ].reshape(-1, 160) for each in (out, sound[0])]
        gain = np.sqrt(np.square(frames[0]).mean(axis=1) / np.square(frames[1]).mean(axis=1))
        opened[lookahead_ms] = int(np.argmax(gain > 0.9))
    assert 5 <= opened[0.0] - opened[60.0] <= 6  # frames of 10 ms; the first is half open
    assert opened[60.0] < PAUSE // 160 + 18  # the word itself starts 0.17 s later


def test_the_meter_shows_speech() -> None:
    sound = scene(0.005)
    running = make("vad", {})
    running.process(sound[:, :PAUSE].copy())
    assert running.readings() == {"speech": 0.0}
    running.process(sound[:, PAUSE : PAUSE + RATE_HZ].copy())
    assert running.readings() == {"speech": 1.0}


def test_all_channels_open_together() -> None:
    sound = np.concatenate((scene(0.005), 0.3 * scene(0.005)[:, ::-1] * 0 + 0.002), axis=0)
    out = make("vad", {}, 2).process(np.ascontiguousarray(sound, dtype=np.float32).copy())
    assert out[1, 3 * RATE_HZ] == pytest.approx(0.002, rel=0.05)
    assert out[1, RATE_HZ] < 0.0004


@pytest.mark.parametrize("kind", ["white", "fan"])
def test_comfort_noise_keeps_level_and_colour_of_the_background(kind: str) -> None:
    sound = scene(0.005, kind)
    out = make("vad", {"range_db": 60.0, "comfort": True}).process(sound.copy())[0]
    window = slice(-RATE_HZ, None)
    assert level_db(out[window]) - level_db(sound[0, window]) == pytest.approx(0.0, abs=2.5)
    bands = [
        np.add.reduceat(np.abs(np.fft.rfft(each[window])) ** 2, [50, 500, 1000, 2000, 4000])
        for each in (out, sound[0])
    ]
    assert np.abs(10 * np.log10(bands[0] / bands[1])).max() < 4.0


@pytest.mark.parametrize("shape", ["white", "pink"])
@pytest.mark.parametrize("wanted", [-40.0, -60.0, -80.0])
def test_silence_is_filled_up_to_the_level(shape: str, wanted: float) -> None:
    running = make("comfort-noise", {"level_dbov": wanted, "shape": shape})
    out = running.process(np.zeros((1, 3 * RATE_HZ), dtype=np.float32))[0, RATE_HZ:]
    assert level_db(out) == pytest.approx(wanted, abs=0.5)
    lines = np.abs(np.fft.rfft(out)) ** 2
    octaves = [lines[2000 * 2**k : 4000 * 2**k].mean() for k in range(3)]
    step_db = 10 * np.log10(octaves[0] / octaves[2]) / 2
    assert step_db == pytest.approx(3.0 if shape == "pink" else 0.0, abs=0.5)


def test_sound_louder_than_the_level_is_left_alone_and_what_is_below_is_filled_up() -> None:
    values: dict[str, object] = {"level_dbov": -50.0, "shape": "white"}
    running = make("comfort-noise", values)
    tone = (0.1 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)[np.newaxis]
    out = running.process(tone.copy())
    delay = running.delay_samples
    np.testing.assert_allclose(out[0, 2 * delay :], tone[0, delay:-delay], atol=1e-5)
    faint = noise("white", 2 * RATE_HZ)[np.newaxis] * np.float32(10 ** (-56 / 20))
    out = make("comfort-noise", values).process(faint.copy())
    assert level_db(out[0, RATE_HZ:]) == pytest.approx(-50.0, abs=0.5)
    assert running.readings()["added"] == 0.0


def test_pauses_are_replaced_and_speech_is_not() -> None:
    sound = scene(0.01, "hum")
    running = make("comfort-noise", {"level_dbov": -55.0, "where": "pauses", "shape": "white"})
    out = running.process(sound.copy())[0]
    delay = running.delay_samples
    assert level_db(out[RATE_HZ : PAUSE - 800]) == pytest.approx(-55.0, abs=1.0)
    said = slice(PAUSE + 3200, PAUSE + 2 * RATE_HZ)
    assert si_sdr_db(sound[0, said], out[said.start + delay : said.stop + delay]) > 15


def test_the_background_lends_its_colour() -> None:
    sound = scene(0.001, "fan")
    out = make("comfort-noise", {"where": "always", "shape": "background", "level_dbov": -40.0})
    added = out.process(sound.copy())[0, -RATE_HZ:]
    lines = np.abs(np.fft.rfft(added)) ** 2
    assert 10 * np.log10(lines[100:500].mean() / lines[5000:7000].mean()) > 12


def test_reflection_coefficients_are_an_all_pole_spectrum() -> None:
    """One coefficient k: power 1 / |1 + k z^-1|^2, (1 + |k|)^2 / (1 - |k|)^2 between the ends of the band."""
    spectrum = all_pole(np.array([-0.8]), 129)
    assert spectrum[0] / spectrum[-1] == pytest.approx((1.8 / 0.2) ** 2)
    assert normalised(spectrum).sum() == pytest.approx(128.5, rel=0.2)
    out = make("comfort-noise", {"reflection": [-0.8], "level_dbov": -40.0})
    heard = out.process(np.zeros((1, 4 * RATE_HZ), dtype=np.float32))[0, RATE_HZ:]
    lines = np.abs(np.fft.rfft(heard)) ** 2
    assert 10 * np.log10(lines[:1000].mean() / lines[-1000:].mean()) == pytest.approx(19.1, abs=1.0)
    assert level_db(heard) == pytest.approx(-40.0, abs=0.5)


def test_channels_get_noises_of_their_own_and_the_seed_decides() -> None:
    silence = np.zeros((2, RATE_HZ), dtype=np.float32)
    one, again, other = (
        make("comfort-noise", {"seed": seed, "shape": "white"}, 2).process(silence.copy())
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert np.abs(np.corrcoef(one[0, 800:], one[1, 800:])[0, 1]) < 0.05
    assert np.abs(np.corrcoef(one[0, 800:], other[0, 800:])[0, 1]) < 0.05
