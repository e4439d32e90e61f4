"""What the plugins make of spectra, intensity, formants and the exploratory contours."""

import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from dsp.phonation.complexity import Complexity
from dsp.phonation.formants import formants_of
from dsp.phonation.intensity import intensity_of
from dsp.phonation.likeness import Likeness
from dsp.phonation.section import Whole
from dsp.phonation.spectra import spectra_of
from dsp.types import Samples
from dsp.voice import MeasureRefused, measures
from dsp.voice.base import Phonation, VoiceSettings
from tests.support.praat import parselmouth
from tests.support.sections_of import real_voice, steady_pitch
from tests.support.vowels import vowel

MINE = (
    "alpha_ratio", "complexity", "formants", "hammarberg", "hpr", "intensity", "level_difference", "likeness", "ltas", "slowing",
    "spectral_slope",
)  # fmt: skip
EXPLORATORY = {"complexity", "likeness", "slowing"}


def seen(
    samples: Samples,
    rate: int = 44100,
    *,
    voiced: tuple[float, float] = (0.0, 1e9),
    likeness: Likeness | None = None,
) -> Phonation:
    """What these measures look at."""
    pitch = steady_pitch(samples.size / rate, voiced=voiced)
    return cast(
        Phonation,
        SimpleNamespace(
            whole=Whole(rate, samples.size, 0.0, 1.0),
            settings=VoiceSettings(),
            pitch=pitch,
            spectra=spectra_of(samples, rate, pitch),
            intensity=intensity_of(samples, rate),
            formants=formants_of(samples, rate),
            complexity=Complexity(0.7, 5000, 5, 0.00025),
            likeness=likeness,
        ),
    )


def run(name: str, phonation: Phonation) -> dict[str, Any]:
    measure = measures.get(name)
    found = dict(measure.run(phonation))
    assert set(found) == set(measure.figures)
    return found


def tones(*levels: tuple[float, float], seconds: float = 2.0, rate: int = 44100) -> Samples:
    """Sines of (hertz, power)."""
    at = np.arange(round(seconds * rate)) / rate
    sound = sum(math.sqrt(2.0 * power) * np.sin(2 * np.pi * hz * at) for hz, power in levels)
    return np.asarray(sound, dtype=np.float32)


def noise(seconds: float = 2.0, rate: int = 44100) -> Samples:
    return (0.1 * np.random.default_rng(7).standard_normal(round(seconds * rate))).astype(np.float32)


@pytest.mark.parametrize("name", MINE)
def test_each_says_what_it_is_and_what_it_was_measured_with(name: str) -> None:
    measure = measures.get(name)
    assert measure.source
    assert measure.exploratory == (name in EXPLORATORY)
    assert measure.settings(VoiceSettings())
    assert all(figure.label and figure.meaning for figure in measure.figures.values())


def test_the_ltas_is_given_with_its_frequencies_and_praats_offset() -> None:
    found = run("ltas", seen(noise()))
    assert found["ltas_hz"][:2] == [50.0, 150.0]
    assert len(found["ltas_db"]) == len(found["ltas_hz"]) == 220
    # White noise of -20 dB over 22050 Hz.
    assert np.mean(found["ltas_db"]) == pytest.approx(-20.0 - 10.0 * math.log10(22050), abs=0.1)
    assert measures.get("ltas").settings(VoiceSettings())["praat_offset_db"] == pytest.approx(93.9794)


def test_hpr_of_white_noise_is_its_share_above_6_khz() -> None:
    assert run("hpr", seen(noise()))["hpr_db"] == pytest.approx(10 * math.log10(16050 / 22050), abs=0.05)
    assert run("hpr", seen(noise(rate=16000), 16000))["hpr_db"] == pytest.approx(-6.02, abs=0.1)


def test_hpr_of_two_tones_is_the_ratio_of_their_powers() -> None:
    found = run("hpr", seen(tones((500.0, 0.099), (7000.0, 0.001))))
    assert found["hpr_db"] == pytest.approx(-20.0, abs=0.01)


def test_hpr_rises_with_breath_and_leaves_unvoiced_sounds_out() -> None:
    values = [
        run("hpr", seen(vowel(200.0, seconds=1.0, hnr_db=hnr).samples))["hpr_db"] for hnr in (40.0, 20.0, 5.0)
    ]
    assert values == sorted(values)
    voice = vowel(200.0, seconds=1.0, hnr_db=40.0).samples
    hissing = np.concatenate((voice, noise(1.0)))
    assert run("hpr", seen(hissing, voiced=(0.0, 0.95)))["hpr_db"] == pytest.approx(values[0], abs=0.3)


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000, 96000])
def test_ratios_of_a_vowel_are_those_of_praats_spectrum(rate: int) -> None:
    samples = vowel(120.0, seconds=1.5, sample_rate_hz=rate, hnr_db=25.0).samples
    spectrum = parselmouth.Sound(samples.astype(np.float64), rate).to_spectrum()

    def energy(low_hz: float, high_hz: float) -> float:
        return float(spectrum.get_band_energy(low_hz, high_hz))

    phonation = seen(samples, rate)
    # Shoji's ratio is taken from frames, and not at the very ends; measured: 0.05 dB.
    hpr = 10 * math.log10(energy(6000, rate / 2) / energy(0, rate / 2))
    assert run("hpr", phonation)["hpr_db"] == pytest.approx(hpr, abs=0.15)
    alpha = 10 * math.log10(energy(1000, 5000) / energy(50, 1000))
    assert run("alpha_ratio", phonation)["alpha_ratio_db"] == pytest.approx(alpha, abs=0.01)
    difference = 10 * math.log10(energy(300, 800) / energy(50, 300))
    assert run("level_difference", phonation)["l1_l0_db"] == pytest.approx(difference, abs=0.01)


@pytest.mark.parametrize(
    ("name", "rate", "says"),
    [
        (
            "hpr",
            8000,
            "HPR looks from 6000 Hz up, a recording at 8000 Hz ends at 4000 Hz: record at 16000 Hz",
        ),
        ("hpr", 11025, "ends at 5512.5 Hz"),
        ("alpha_ratio", 8000, "alpha ratio looks up to 5000 Hz"),
        ("hammarberg", 8000, "Hammarberg index looks up to 5000 Hz"),
        ("spectral_slope", 16000, "slope and tilt look up to 10000 Hz"),
    ],
)
def test_a_rate_that_cannot_hold_it_is_refused(name: str, rate: int, says: str) -> None:
    with pytest.raises(MeasureRefused, match=says):
        run(name, seen(noise(1.0, rate), rate))


def test_hpr_of_a_recording_limited_to_low_frequencies_and_of_a_whisper_is_refused() -> None:
    silent = seen(np.zeros(44100, dtype=np.float32))
    with pytest.raises(MeasureRefused, match="nothing at all above 6000 Hz"):
        run("hpr", silent)
    with pytest.raises(MeasureRefused, match="there are none: record a voice that is not whispered"):
        run("hpr", seen(noise(1.0), voiced=(5.0, 6.0)))


def test_ratios_of_bands_are_those_of_the_tones_in_them() -> None:
    phonation = seen(
        tones((30.0, 0.5), (150.0, 0.04), (500.0, 0.02), (1500.0, 0.003), (3050.0, 0.001), (6000.0, 0.1))
    )
    assert run("level_difference", phonation)["l1_l0_db"] == pytest.approx(-3.01, abs=0.02)
    assert run("alpha_ratio", phonation)["alpha_ratio_db"] == pytest.approx(
        10 * math.log10(0.004 / 0.06), abs=0.02
    )
    # Up to 2 kHz the one at 30 Hz is the strongest, from 2 to 5 kHz the one at 3050 Hz.
    assert run("hammarberg", phonation)["hammarberg_db"] == pytest.approx(
        10 * math.log10(0.5 / 0.001), abs=0.05
    )


def test_slope_and_tilt_of_white_noise_are_flat_and_fall_with_a_low_pass() -> None:
    sound = noise()
    found = run("spectral_slope", seen(sound))
    assert found["spectral_slope_db"] == pytest.approx(0.0, abs=0.3)
    assert found["spectral_tilt_db"] == pytest.approx(0.0, abs=0.3)
    dull = np.convolve(sound, np.full(20, 0.05), "same").astype(np.float32)
    darker = run("spectral_slope", seen(dull))
    assert darker["spectral_slope_db"] < -8.0
    assert darker["spectral_tilt_db"] < -3.0


def test_an_offset_of_the_microphone_changes_next_to_nothing() -> None:
    voice = vowel(150.0, seconds=1.0, hnr_db=30.0).samples
    # At its ends, where it sets in, it is heard.
    plain, shifted = seen(voice), seen((voice + 0.03).astype(np.float32))
    for name, key in (
        ("alpha_ratio", "alpha_ratio_db"),
        ("hammarberg", "hammarberg_db"),
        ("hpr", "hpr_db"),
        ("intensity", "intensity_mean_dbfs"),
        ("level_difference", "l1_l0_db"),
        ("spectral_slope", "spectral_slope_db"),
    ):
        assert run(name, shifted)[key] == pytest.approx(run(name, plain)[key], abs=0.05)


@pytest.mark.parametrize("name", ["alpha_ratio", "hammarberg", "level_difference"])
def test_silence_has_no_ratios(name: str) -> None:
    with pytest.raises(MeasureRefused, match="there is no sound in one of the"):
        run(name, seen(np.zeros(44100, dtype=np.float32)))


def test_intensity_is_that_of_the_voiced_frames() -> None:
    loud, soft = tones((200.0, 0.1), seconds=1.0), tones((200.0, 0.001), seconds=1.0)
    found = run(
        "intensity", seen(np.concatenate((loud, soft, np.zeros(44100, dtype=np.float32))), voiced=(0.0, 2.0))
    )
    assert found["intensity_mean_dbfs"] == pytest.approx(10 * math.log10(0.0505), abs=0.2)
    assert found["intensity_range_db"] == pytest.approx(20.0, abs=0.1)
    assert -30.1 < found["intensity_median_dbfs"] < -9.9
    with pytest.raises(MeasureRefused, match="there is none: record a voice that is not whispered"):
        run("intensity", seen(loud, voiced=(5.0, 6.0)))
    with pytest.raises(MeasureRefused, match=r"longer than 0\.107 s .*, got 0\.1 s"):
        run("intensity", seen(loud[:4410]))


@pytest.mark.parametrize("name", ["man", "woman"])
def test_intensity_and_formants_of_real_voices_are_praats(name: str) -> None:
    samples, rate = real_voice(name)
    phonation = seen(samples, rate)
    sound = parselmouth.Sound(samples.astype(np.float64), rate)
    level = sound.to_intensity(60.0).values[0] - 93.9794
    found = run("intensity", phonation)
    assert found["intensity_mean_dbfs"] == pytest.approx(
        10 * math.log10(np.mean(10 ** (level / 10))), abs=0.05
    )
    assert found["intensity_median_dbfs"] == pytest.approx(np.median(level), abs=0.05)
    tracks = sound.to_formant_burg(None, 5, 5500.0, 0.025, 50.0)
    formants = run("formants", phonation)
    for number in range(1, 5):
        hz = np.array([tracks.get_value_at_time(number, t) for t in tracks.xs()])
        assert formants[f"f{number}_mean_hz"] == pytest.approx(np.nanmean(hz), rel=0.03)
        assert formants[f"f{number}_hz"] == pytest.approx(np.nanmedian(hz), rel=0.03)


def test_formants_want_voice_and_some_length() -> None:
    with pytest.raises(MeasureRefused, match="taken of the voice, and there is none"):
        run("formants", seen(noise(1.0), voiced=(5.0, 6.0)))
    with pytest.raises(MeasureRefused, match=r"longer than 0\.05 s, got 0\.04 s"):
        run("formants", seen(noise(0.04)))
    silent = run("formants", seen(np.zeros(44100, dtype=np.float32)))
    assert set(silent.values()) == {None}


def test_at_8_khz_there_is_no_fourth_formant() -> None:
    found = run("formants", seen(vowel(120.0, seconds=1.0, sample_rate_hz=8000, hnr_db=40.0).samples, 8000))
    assert found["f4_hz"] is None
    assert found["f2_hz"] == pytest.approx(1220.0, rel=0.03)


def beating(hz: float, seconds: float = 10.0) -> Samples:
    """A tone that comes and goes *hz* times a second."""
    at = np.arange(round(seconds * 16000)) / 16000
    return np.asarray(
        0.1 * (1.0 + 0.9 * np.sin(2 * np.pi * hz * at)) * np.sin(2 * np.pi * 300 * at), dtype=np.float32
    )


def test_slow_fluctuations_of_loudness_are_told_from_quick_ones() -> None:
    slow, quick = (run("slowing", seen(beating(hz), 16000)) for hz in (2.0, 8.0))
    assert slow["modulation_slowing_db"] > 15.0
    assert quick["modulation_slowing_db"] < -15.0
    assert slow["modulation_centroid_hz"] == pytest.approx(2.0, abs=0.3)
    assert quick["modulation_centroid_hz"] == pytest.approx(8.0, abs=0.5)


def test_a_held_level_has_no_fluctuations_to_tell_of() -> None:
    found = run("slowing", seen(tones((300.0, 0.01), seconds=6.0, rate=16000), 16000))
    assert found["modulation_slowing_db"] is None
    assert found["modulation_centroid_hz"] is None
    assert found["spectral_median_drift_st_per_s"] == pytest.approx(0.0, abs=0.01)


def test_a_sound_that_falls_an_octave_in_ten_seconds_drifts_by_that() -> None:
    at = np.arange(10 * 16000) / 16000
    cycles = 2000.0 * 10.0 / math.log(2.0) * (1.0 - 2.0 ** (-at / 10.0))
    found = run("slowing", seen(np.sin(2 * np.pi * cycles).astype(np.float32), 16000))
    assert found["spectral_median_drift_st_per_s"] == pytest.approx(-1.2, abs=0.05)
    assert found["spectral_median_hz"] == pytest.approx(2000.0 / math.sqrt(2.0), rel=0.05)


def test_slowing_gives_what_a_short_recording_allows_and_says_when_that_is_nothing() -> None:
    short = run("slowing", seen(beating(3.0, 1.0), 16000))
    assert short["modulation_slowing_db"] is None
    assert short["spectral_median_drift_st_per_s"] is None
    assert short["spectral_median_hz"] == pytest.approx(300.0, abs=60.0)
    with pytest.raises(MeasureRefused, match="slowing needs a voice, or a recording of 4 s"):
        run("slowing", seen(beating(3.0, 1.0), 16000, voiced=(5.0, 6.0)))


def test_likeness_wants_two_living_channels() -> None:
    sound = noise(0.5)
    with pytest.raises(MeasureRefused, match="the recording has one"):
        run("likeness", seen(sound))
    with pytest.raises(MeasureRefused, match="needs sound in both from 80 to 4000 Hz"):
        run("likeness", seen(sound, likeness=Likeness(None, None, None, 80.0, 4000.0)))
    found = run("likeness", seen(sound, likeness=Likeness(0.9, -0.8, 0.0005, 80.0, 4000.0)))
    assert found == {"channel_coherence": 0.9, "channel_correlation": -0.8, "channel_lag_ms": 0.5}


def test_permutation_entropy_wants_voice() -> None:
    phonation = seen(noise(0.5))
    assert run("complexity", phonation) == {"permutation_entropy": 0.7}
    cast(Any, phonation).complexity = Complexity(None, 300, 5, 0.00025)
    with pytest.raises(MeasureRefused, match=r"needs 0\.11 s of voice or more: 300 of 1200 patterns"):
        run("complexity", phonation)
