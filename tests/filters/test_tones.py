"""The generators: noise, hum, tone, DTMF; and the DTMF reader."""

import numpy as np
import pytest
from support.filters import setting

from dsp.chain import FilterChain
from dsp.errors import ParameterError
from dsp.filters import Filter, filters
from dsp.params import from_mapping
from dsp.preset import Preset
from dsp.types import Block

RATE_HZ = 48_000


def make(name: str, channels: int = 1, rate_hz: int = RATE_HZ, **values: object) -> Filter:
    spec = filters.get(name)
    return spec.build(from_mapping(spec.params, values), setting(rate_hz, channels))


def sound_of(name: str, seconds: float, channels: int = 1, rate_hz: int = RATE_HZ, **values: object) -> Block:
    silence = np.zeros((channels, round(seconds * rate_hz)), dtype=np.float32)
    return make(name, channels, rate_hz, **values).process(silence)


def level_dbov(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64))))


def band_db(sound: np.ndarray, low_hz: float, high_hz: float, rate_hz: int = RATE_HZ) -> float:
    """Mean power density between two frequencies, dB."""
    frames = sound[: sound.size // 8192 * 8192].reshape(-1, 8192) * np.hanning(8192)
    power = np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)
    freqs = np.fft.rfftfreq(8192, 1 / rate_hz)
    return float(10 * np.log10(power[(freqs >= low_hz) & (freqs < high_hz)].mean()))


@pytest.mark.parametrize("rate_hz", [8000, RATE_HZ])
@pytest.mark.parametrize("colour", ["white", "pink", "brown", "band"])
def test_noise_has_the_level_asked_for(colour: str, rate_hz: int) -> None:
    sound = sound_of("noise", 20, rate_hz=rate_hz, colour=colour, level_dbov=-30.0)
    assert level_dbov(sound[0]) == pytest.approx(-30.0, abs=0.5)


@pytest.mark.parametrize(
    ("colour", "per_octave_db", "within_db"),
    [("white", 0.0, 0.3), ("pink", -3.01, 0.5), ("brown", -6.02, 0.6)],
)
def test_noise_falls_as_its_colour_says(colour: str, per_octave_db: float, within_db: float) -> None:
    sound = sound_of("noise", 20, colour=colour)[0]
    reference = band_db(sound, 900, 1100)
    for octave in (-2, -1, 1, 2, 3):
        centre = 1000 * 2.0**octave
        found = band_db(sound, 0.9 * centre, 1.1 * centre) - reference
        assert found == pytest.approx(per_octave_db * octave, abs=within_db), centre


def test_band_noise_stays_in_its_band() -> None:
    sound = sound_of("noise", 10, colour="band", low_hz=300, high_hz=3400)[0]
    inside = band_db(sound, 500, 2500)
    assert band_db(sound, 300, 310) - inside == pytest.approx(-3.0, abs=1.0)
    assert band_db(sound, 20, 75) - inside < -40  # two octaves below, 24 dB each
    assert band_db(sound, 13_000, 14_000) - inside < -40


def test_noise_differs_between_channels_and_seeds_unless_asked() -> None:
    two = sound_of("noise", 1, channels=2)
    assert abs(np.corrcoef(two)[0, 1]) < 0.03
    assert abs(np.corrcoef(two[0], sound_of("noise", 1, seed=2)[0])[0, 1]) < 0.03
    same = sound_of("noise", 1, channels=2, mono=True)
    np.testing.assert_array_equal(same[0], same[1])


@pytest.mark.parametrize("name", ["noise", "tone", "dtmf"])
def test_a_generator_adds_or_replaces(name: str) -> None:
    sound = np.full((1, 4800), 0.25, dtype=np.float32)
    added = make(name, mode="add").process(sound.copy())
    replaced = make(name, mode="replace").process(sound.copy())
    np.testing.assert_allclose(added - 0.25, replaced, atol=1e-7)
    assert np.abs(replaced).max() > 0.01


def test_an_empty_noise_band_is_refused() -> None:
    with pytest.raises(ParameterError, match="high_hz must be above low_hz"):
        make("noise", colour="band", low_hz=3000, high_hz=400)


def test_hum_has_its_harmonics_its_slope_and_its_level() -> None:
    sound = sound_of("hum", 4, freq_hz=60, level_dbov=-30, harmonics=5, slope_db=-6.0206)[0]
    lines = np.abs(np.fft.rfft(sound)) / sound.size * 2
    at = [20 * np.log10(lines[60 * k * 4]) for k in range(1, 6)]
    np.testing.assert_allclose(np.array(at) - at[0], -20 * np.log10(np.arange(1, 6)), atol=0.01)
    assert 20 * np.log10(lines[60 * 6 * 4] + 1e-12) < -100
    assert level_dbov(sound) == pytest.approx(-30.0, abs=0.01)


def test_hum_at_8_khz_leaves_out_what_does_not_fit() -> None:
    sound = sound_of("hum", 4, rate_hz=8000, freq_hz=70, harmonics=60, slope_db=0.0)[0]
    assert level_dbov(sound) == pytest.approx(-40.0, abs=0.05)


def test_a_tone_has_its_frequency_and_level() -> None:
    sound = sound_of("tone", 1, freq_hz=440, level_dbov=-23.01)[0]
    expected = 0.1 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)
    np.testing.assert_allclose(sound, expected, atol=1e-5)


def test_a_sweep_runs_from_one_frequency_to_the_other_again_and_again_without_a_jump() -> None:
    sound = sound_of("tone", 4, kind="sweep", freq_hz=100, end_hz=1600, sweep_s=2.0, level_dbov=-23.01)[0]
    crossings = np.flatnonzero((sound[:-1] < 0) & (sound[1:] >= 0))
    for seconds, freq_hz in ((0.5, 200), (1.0, 400), (1.5, 800), (2.5, 200)):
        near = crossings[np.abs(crossings - seconds * RATE_HZ) < 1500]
        assert RATE_HZ / np.diff(near).mean() == pytest.approx(freq_hz, rel=0.02)
    steepest = 0.1 * 2 * np.pi * 1600 / RATE_HZ
    assert np.abs(np.diff(sound)).max() < 1.02 * steepest
    down = sound_of("tone", 1, kind="sweep", freq_hz=1000, end_hz=1000, sweep_s=0.5)[0]
    np.testing.assert_allclose(down, sound_of("tone", 1, freq_hz=1000)[0], atol=1e-5)


def test_a_tone_out_of_reach_is_refused() -> None:
    with pytest.raises(ParameterError, match="end_hz must be below 3992 Hz at a sample rate of 8000 Hz"):
        make("tone", rate_hz=8000, kind="sweep", end_hz=5000)


@pytest.mark.parametrize("rate_hz", [8000, 44_100])
def test_dialled_digits_are_read_back_and_pass_unchanged(rate_hz: int) -> None:
    dialled = sound_of("dtmf", 3, rate_hz=rate_hz, digits="12 3a#*", tone_ms=60, pause_ms=40, start_ms=333)
    reader = make("dtmf-detect", rate_hz=rate_hz)
    assert reader.readings() == {"digits": "", "count": 0.0}
    np.testing.assert_array_equal(reader.process(dialled.copy()), dialled)
    assert reader.readings() == {"digits": "123A#*", "count": 6.0}
    assert not dialled[0, : round(0.333 * rate_hz)].any()


def test_dtmf_has_its_level_and_twist() -> None:
    sound = sound_of("dtmf", 1, digits="1", tone_ms=1000, level_dbov=-15, twist_db=3)[0]
    lines = np.abs(np.fft.rfft(sound))
    assert 20 * np.log10(lines[1209] / lines[697]) == pytest.approx(3.0, abs=0.01)
    assert level_dbov(sound[2400:-2400]) == pytest.approx(-15.0, abs=0.05)


def test_the_reader_listens_to_the_channel_named_and_keeps_what_it_found() -> None:
    both = np.concatenate((sound_of("dtmf", 1, digits="12"), sound_of("dtmf", 1, digits="99")))
    readers = {channel: make("dtmf-detect", channels=2, channel=channel) for channel in (1, 2)}
    for reader in readers.values():
        reader.process(both.copy())
    assert [reader.digits for reader in readers.values()] == ["12", "99"]  # type: ignore[attr-defined]
    follower = make("dtmf-detect", channels=2, channel=1)
    follower.adopt(readers[2])
    assert follower.readings() == readers[2].readings()


def test_what_cannot_be_dialled_is_said() -> None:
    with pytest.raises(ParameterError, match="a digit must be one of"):
        make("dtmf", digits="12X")
    with pytest.raises(ParameterError, match="256 at most"):
        make("dtmf", digits="1" * 257)


@pytest.mark.parametrize(
    ("name", "values"),
    [("tone", {}), ("tone", {"kind": "sweep"}), ("hum", {}), ("noise", {"colour": "white"}), ("dtmf", {})],
)
def test_a_change_of_level_goes_on_where_it_is(name: str, values: dict[str, object]) -> None:
    """No dip by opposite phases in the fade, no digit dialled again: one running sound, only louder."""
    preset = Preset.parse({"filter": [{"type": name, "level_dbov": -30.0, **values}]}, "one")
    chain = FilterChain(preset, setting(RATE_HZ, 1))
    silence = np.zeros((1, RATE_HZ), dtype=np.float32)
    before = chain.process(silence[:, :12_345].copy())
    chain.post(f"{name}.level_dbov", -24.0)
    after = chain.process(silence[:, 12_345:].copy())
    steady = sound_of(name, 1, level_dbov=-30.0, **values)
    np.testing.assert_allclose(before, steady[:, :12_345], atol=1e-6)
    np.testing.assert_allclose(after[:, 600:], 10**0.3 * steady[:, 12_945:], atol=1e-5)
