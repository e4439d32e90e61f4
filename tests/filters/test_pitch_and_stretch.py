"""Pitch and tempo: in tune, of the right length and level, and speech that stays speech."""

import importlib.resources
from functools import cache

import numpy as np
import pytest
from support.filters import setting
from support.peers import read_wav

from dsp._native import TimePitch
from dsp.chain import FilterChain
from dsp.filters import Filter, filters
from dsp.metrics.stoi import measure as stoi
from dsp.params import from_mapping
from dsp.preset import Preset
from dsp.time_pitch import Shifter, kernel
from dsp.types import Block, Samples

RATE_HZ = 16_000
VOWELS_HZ = {"a": (700, 1200, 2600), "i": (300, 2200, 2900)}
BANDWIDTHS_HZ = (80, 90, 120)


def make(kind: str, channels: int = 1, rate_hz: int = RATE_HZ, **values: object) -> Filter:
    spec = filters.get(kind)
    return spec.build(from_mapping(spec.params, values), setting(rate_hz, channels))


def vowel(f0_hz: float, rate_hz: int, name: str = "a", seconds: float = 2.0, vibrato: float = 0.0) -> Samples:
    """A sung vowel: harmonics under three resonances, -20 dBFS; *vibrato*: depth as a share of the pitch, 5.5 Hz."""
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    phase = 2 * np.pi * np.cumsum(f0_hz * (1 + vibrato * np.sin(2 * np.pi * 5.5 * t))) / rate_hz
    sound = np.zeros(t.size)
    for k in range(1, int(min(0.45 * rate_hz, 3600) / f0_hz)):
        freq = k * f0_hz
        gain = sum(
            1 / np.hypot(1 - (freq / centre) ** 2, freq * width / centre**2)
            for centre, width in zip(VOWELS_HZ[name], BANDWIDTHS_HZ, strict=True)
        )
        sound += gain / k * np.sin(k * phase + k * k)
    return (0.1 * sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


@cache
def speech(speaker: str) -> tuple[Samples, int]:
    source = importlib.resources.files("softphone") / "data" / "speech" / f"{speaker}.wav"
    with importlib.resources.as_file(source) as path:
        samples, rate_hz = read_wav(path)
    return np.ascontiguousarray(samples, dtype=np.float32), rate_hz


def run_whole(running: Filter, sound: Samples) -> Samples:
    """All that comes out of *sound*, its delay cut off."""
    wanted = round(sound.size * running.length_factor)
    tail = int(running.delay_samples / running.length_factor) + 100
    out = running.process(np.concatenate((sound, np.zeros(tail, dtype=np.float32)))[np.newaxis])[0]
    return np.ascontiguousarray(out[running.delay_samples : running.delay_samples + wanted])


def level_db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64))))


def pitch_hz(sound: Samples, rate_hz: int, near_hz: float) -> float:
    """From the loudest of the first six harmonics, by a long spectrum."""
    size = 16 * sound.size
    lines = np.abs(np.fft.rfft(sound * np.hanning(sound.size), size))
    freqs = np.fft.rfftfreq(size, 1 / rate_hz)
    found = []
    for k in range(1, 7):
        near = np.flatnonzero(np.abs(freqs / (k * near_hz) - 1) < 0.06)
        best = near[np.argmax(lines[near])]
        found.append((lines[best], freqs[best] / k))
    return float(max(found)[1])


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
@pytest.mark.parametrize("f0_hz", [97.3, 221.7])
@pytest.mark.parametrize("semitones", [-12.0, -5.0, -1.0, 3.0, 7.0, 12.0])
def test_a_vowel_is_in_tune_to_5_cents_and_as_loud(rate_hz: int, f0_hz: float, semitones: float) -> None:
    """Measured: within 2.4 cents; 5 is what a trained ear tells apart."""
    sound = vowel(f0_hz, rate_hz)
    factor = 2 ** (semitones / 12)
    out = make("pitch", rate_hz=rate_hz, semitones=semitones).process(sound[np.newaxis].copy())[0]
    found = pitch_hz(out[rate_hz // 4 :], rate_hz, f0_hz * factor)
    assert 1200 * np.log2(found / (f0_hz * factor)) == pytest.approx(0.0, abs=5.0)
    if 3600 * factor < 0.45 * rate_hz:
        assert level_db(out[rate_hz // 4 :]) == pytest.approx(level_db(sound), abs=0.5)


def test_cents_add_to_semitones_and_no_interval_is_the_sound_itself() -> None:
    sound = vowel(130, RATE_HZ)[np.newaxis]
    a = make("pitch", semitones=3, cents=-50).process(sound.copy())
    b = make("pitch", semitones=2, cents=50).process(sound.copy())
    np.testing.assert_array_equal(a, b)
    same = make("pitch")
    delay = same.delay_samples
    np.testing.assert_array_equal(same.process(sound.copy())[:, delay:], sound[:, :-delay])


def test_a_singer_s_vibrato_stays_clean() -> None:
    """Power off the harmonics, which a bad leap would leave: below -30 dB."""
    sound = vowel(220, RATE_HZ, vibrato=0.02)
    up = make("pitch", semitones=4).process(sound[np.newaxis].copy())[0]
    back = make("pitch", semitones=-4).process(up[np.newaxis].copy())[0]
    steady, again = sound[RATE_HZ // 2 : RATE_HZ], back[RATE_HZ // 2 :]
    spectrum = [
        np.abs(np.fft.rfft(each[: RATE_HZ // 2] * np.hanning(RATE_HZ // 2))) for each in (steady, again)
    ]
    off = [
        sum(np.sum(each[round((k + 0.35) * 110) : round((k + 0.65) * 110)] ** 2) for k in range(1, 12))
        / np.sum(each**2)
        for each in spectrum
    ]
    assert 10 * np.log10(off[1]) < -30


@pytest.mark.parametrize("semitones", [-6.0, 5.0])
@pytest.mark.parametrize("name", ["a", "i"])
def test_formants_stay_where_they_were_if_asked(semitones: float, name: str) -> None:
    """Levels of the harmonics against those of the same vowel sung at the other pitch.

    Measured, RMS difference in dB with the formants moved and kept: a down 6.8 and 1.1, up 6.6 and 1.3; i down 5.4
    and 1.3, up 4.1 and 1.5.
    """
    factor = 2 ** (semitones / 12)
    sound, wanted = vowel(120, RATE_HZ, name), vowel(120 * factor, RATE_HZ, name)

    def harmonics_db(samples: Samples) -> np.ndarray:
        lines = np.abs(np.fft.rfft(samples[-RATE_HZ:] * np.hanning(RATE_HZ)))
        freqs = 120 * factor * np.arange(2, int(3300 * min(1.0, factor) / 120 / factor))
        found = 20 * np.log10([lines[round(freq) - 3 : round(freq) + 4].max() for freq in freqs])
        return found - found.mean()

    plain = make("pitch", semitones=semitones).process(sound[np.newaxis].copy())[0]
    kept = make("pitch", semitones=semitones, formants=True).process(sound[np.newaxis].copy())[0]
    moved, stayed = (
        float(np.sqrt(np.mean((harmonics_db(each) - harmonics_db(wanted)) ** 2))) for each in (plain, kept)
    )
    assert stayed < 2.0 < moved
    assert level_db(kept[-RATE_HZ:]) == pytest.approx(level_db(sound), abs=1.0)
    found = pitch_hz(kept[RATE_HZ // 2 :], RATE_HZ, 120 * factor)
    assert 1200 * np.log2(found / (120 * factor)) == pytest.approx(0.0, abs=5.0)


@pytest.mark.parametrize("speaker", ["man", "woman"])
@pytest.mark.parametrize(("tempo", "least"), [(0.5, 0.95), (0.8, 0.95), (1.25, 0.93), (1.5, 0.92)])
def test_speech_stretched_and_back_stays_intelligible(speaker: str, tempo: float, least: float) -> None:
    """Measured STOI, man and woman: 0.972 0.974 at 0.5, 0.992 0.988 at 0.8, 0.945 0.973 at 1.25, 0.941 0.966 at 1.5."""
    sound, rate_hz = speech(speaker)
    there = run_whole(make("stretch", rate_hz=rate_hz, tempo=tempo), sound)
    assert there.size == round(sound.size / tempo)
    assert level_db(there) == pytest.approx(level_db(sound), abs=0.5)
    back = run_whole(make("stretch", rate_hz=rate_hz, tempo=1 / tempo), there)[: sound.size]
    count = min(back.size, sound.size)
    assert abs(back.size - sound.size) <= 2
    assert stoi(sound[:count], back[:count], rate_hz) > least


@pytest.mark.parametrize("tempo", [0.5, 0.83, 1.0, 1.37, 2.0])
def test_a_stretched_vowel_keeps_its_pitch(tempo: float) -> None:
    sound = vowel(113.3, RATE_HZ)
    out = run_whole(make("stretch", tempo=tempo), sound)
    found = pitch_hz(out[RATE_HZ // 8 : -RATE_HZ // 8], RATE_HZ, 113.3)
    assert 1200 * np.log2(found / 113.3) == pytest.approx(0.0, abs=5.0)
    assert level_db(out) == pytest.approx(level_db(sound), abs=0.5)


def test_events_come_when_they_should() -> None:
    """Clicks a quarter of a second apart: none is lost, each within a longest leap (16 ms) of its time."""
    sound = np.zeros(2 * RATE_HZ, dtype=np.float32)
    at = np.arange(1, 8) * RATE_HZ // 4
    sound[at] = 0.5
    for tempo in (0.7, 1.4):
        out = run_whole(make("stretch", tempo=tempo), sound)
        heard = np.flatnonzero(np.abs(out) > 0.2)
        for place in at / tempo:
            assert np.abs(heard - place).min() < 0.016 * RATE_HZ


@pytest.mark.parametrize(("pitch", "tempo"), [(1.3, 1.0), (0.5, 1.0), (1.0, 1.25), (1.0, 0.6), (2.0, 1.5)])
def test_pieces_equal_the_whole_bit_by_bit(pitch: float, tempo: float) -> None:
    sound = (0.1 * np.random.default_rng(1).standard_normal((2, 20_000))).astype(np.float32)
    whole = Shifter(pitch, tempo, 2, RATE_HZ).process(sound)
    running = Shifter(pitch, tempo, 2, RATE_HZ)
    cuts = [1, 2, 3, 700, 5000, 5000, 9000]
    pieces = [running.process(np.ascontiguousarray(each)) for each in np.split(sound, cuts, axis=1)]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)
    assert whole.shape[1] == int(np.floor((20_000 - 1) / tempo)) + 1


def test_noise_keeps_its_level() -> None:
    """Where two stretches are not alike, their powers add: the fade makes up for that."""
    sound = (0.1 * np.random.default_rng(1).standard_normal((1, 5 * RATE_HZ))).astype(np.float32)
    for tempo in (0.6, 0.9, 1.25, 1.9):
        assert level_db(Shifter(1.0, tempo, 1, RATE_HZ).process(sound)) == pytest.approx(
            level_db(sound), abs=0.5
        )


def test_channels_leap_together() -> None:
    sound = vowel(150, RATE_HZ)
    both = np.stack((sound, 0.5 * sound)).astype(np.float32)
    out = Shifter(1.26, 1.0, 2, RATE_HZ).process(both)
    np.testing.assert_allclose(out[1], 0.5 * out[0], atol=1e-6)


@pytest.mark.parametrize("formants", [False, True])
@pytest.mark.parametrize("semitones", [-4.0, 3.0])
def test_a_change_of_interval_glides_there_without_a_click(semitones: float, formants: bool) -> None:
    """A 1 kHz tone; 500 Hz and more from all frequencies on the way nothing rises above -85 dB."""
    rate_hz, factor = 48_000, 2 ** (semitones / 12)
    preset = Preset.parse({"filter": [{"type": "pitch", "formants": formants}]}, "one")
    chain = FilterChain(preset, setting(rate_hz, 1))
    tone = (0.25 * np.sin(2 * np.pi * 1000 * np.arange(2 * rate_hz) / rate_hz)).astype(np.float32)[np.newaxis]
    before = chain.process(tone[:, :rate_hz].copy())[0]
    chain.post("pitch.semitones", semitones)
    after = np.concatenate(
        [chain.process(each.copy())[0] for each in np.split(tone[:, rate_hz:], 100, axis=1)]
    )
    assert not chain.changing
    both = np.concatenate((before[-4800:], after))
    window = np.blackman(9600) * np.kaiser(9600, 8.0)
    freqs = np.fft.rfftfreq(9600, 1 / rate_hz)
    away = (freqs < 1000 * min(1.0, factor) - 500) | (freqs > 1000 * max(1.0, factor) + 500)

    def loudest_db(start: int) -> float:
        lines = np.abs(np.fft.rfft(both[start : start + 9600] * window)) / (window.sum() / 2 * 0.25)
        return float(20 * np.log10(lines[away].max() + 1e-12))

    floor = loudest_db(both.size - 9600)
    assert max(loudest_db(start) for start in range(0, both.size - 9600, 960)) < max(
        -85.0, floor + (6.0 if formants else 3.0)
    )
    found = pitch_hz(both[-rate_hz // 2 :], rate_hz, 1000 * factor)
    assert 1200 * np.log2(found / (1000 * factor)) == pytest.approx(0.0, abs=2.0)


def test_what_cannot_be_is_refused() -> None:
    taps = kernel(1.0)
    lengths = {"highest": 1.0, "channels": 1, "shortest": 40, "longest": 256, "fade": 100}
    with pytest.raises(ValueError, match=r"pitch and tempo must be 0.2 to 5"):
        TimePitch(taps, 1.1, 1.0, **lengths)
    with pytest.raises(ValueError, match="shortest <= longest"):
        TimePitch(taps, 1.0, 1.0, **lengths | {"shortest": 300})
    with pytest.raises(ValueError, match="shortest must be fade times"):
        TimePitch(taps, 0.5, 1.0, **lengths)
    with pytest.raises(ValueError, match="kernel must have shape"):
        TimePitch(taps[:1], 1.0, 1.0, **lengths)
    running = TimePitch(taps, 1.0, 1.0, **lengths)
    with pytest.raises(ValueError, match=r"block must have shape \(1, n\)"):
        running.process(np.zeros((2, 5), dtype=np.float32), np.zeros((2, 5), dtype=np.float32))
    with pytest.raises(ValueError, match=r"out must have shape \(1, 5\)"):
        running.process(np.zeros((1, 5), dtype=np.float32), np.zeros((1, 4), dtype=np.float32))
    with pytest.raises(ValueError, match="as before"):
        running.set(kernel(2.0), 1.0)
    with pytest.raises(ValueError, match="no more than highest"):
        running.set(taps, 2.0)
    with pytest.raises(ValueError, match="same lengths"):
        running.adopt(TimePitch(taps, 1.0, 1.0, **lengths | {"longest": 300}))
    with pytest.raises(TypeError, match="takes a TimePitch"):
        running.adopt(taps)  # type: ignore[arg-type]


def test_the_interpolator_is_flat_and_keeps_aliases_out() -> None:
    """At an octave up, what would fold back (above half the band) is down by 80 dB but for the slope."""
    t = np.arange(RATE_HZ) / RATE_HZ
    for freq_hz, loudest_db in ((3000.0, 0.1), (6500.0, -60.0)):
        tone = (0.5 * np.sin(2 * np.pi * freq_hz * t)).astype(np.float32)
        out = Shifter(2.0, 1.0, 1, RATE_HZ).process(tone[np.newaxis])[0][RATE_HZ // 4 :]
        assert level_db(out) - level_db(tone) < loudest_db
    taps = kernel(1.0)
    np.testing.assert_allclose(taps.sum(axis=1), 1.0, atol=1e-6)
    assert taps[0, 15] == 1.0


def test_a_file_stretched_by_a_chain_has_the_length_it_says() -> None:
    preset = Preset.parse({"filter": [{"type": "stretch", "tempo": 1.25}]}, "faster")
    chain = FilterChain(preset, setting(RATE_HZ, 1))
    sound = vowel(120, RATE_HZ)[np.newaxis]
    wanted = chain.output_samples(sound.shape[1])
    assert wanted == round(sound.shape[1] / 1.25)
    block: Block = np.concatenate((sound, np.zeros((1, RATE_HZ // 2), dtype=np.float32)), axis=1)
    assert chain.process(block).shape[1] >= wanted + chain.delay_samples
