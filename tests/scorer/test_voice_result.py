"""What `voice_result` tells of good and of unsuitable recordings: numbers that hold, or a refusal that says why."""

import json
import math
from typing import Any

import numpy as np
import pytest
from support.phonated import noted, phonated, whispered
from support.sections_of import real_voice
from support.takes import Take, measured, take
from support.vowels import vowel

from dsp.errors import ParameterError
from dsp.phonation.phonation import VoiceSettings
from dsp.voice import measures
from softphone.scorer.voice import VoiceResult, voice_result

RATE = 44100
HELD = vowel(120.0, seconds=1.5, jitter_pct=0.5, shimmer_pct=3.0, hnr_db=20.0)
CONTRACT = (
    "f0_mean_hz", "f0_median_hz", "f0_sd_hz", "jitter_local_pct", "jitter_rap_pct", "jitter_ppq5_pct", "shimmer_local_pct",
    "shimmer_local_db", "shimmer_apq3_pct", "shimmer_apq11_pct", "hnr_db", "nhr", "voice_breaks", "cpp_db", "cpps_db", "hpr_db",
    "ltas_db", "ltas_hz", "voiced_fraction", "settings",
)  # fmt: skip
OF_VOWELS = (
    "jitter_local_pct",
    "jitter_ppq5_pct",
    "shimmer_local_db",
    "shimmer_apq11_pct",
    "nhr",
    "voice_breaks",
    "mpt_s",
)
OF_VOICES = (
    "f0_mean_hz",
    "jitter_local_pct",
    "shimmer_local_pct",
    "hnr_db",
    "cpps_db",
    "f1_hz",
    "range_low_hz",
)
OF_ANY_SOUND = ("ltas_db", "alpha_ratio_db", "hammarberg_db")


def plain(value: Any) -> bool:
    """Whether *value* is what JSON knows, without NaN."""
    if isinstance(value, dict):
        return all(type(key) is str and plain(each) for key, each in value.items())
    if isinstance(value, list):
        return all(plain(each) for each in value)
    return value is None or type(value) in (str, int, bool) or (type(value) is float and math.isfinite(value))


def is_told(result: dict[str, Any]) -> None:
    """What holds of every result."""
    assert plain(result)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert VoiceResult.__annotations__.keys() <= result.keys()
    if result["error"] is None:
        assert result["verdict"] == ["ok"] or len(result["verdict"]) == len(result["warnings"])
        for name in measures.names():
            spec = measures.get(name)
            values = result["exploratory"] if spec.exploratory else result
            assert name in result["settings"]
            assert name in result["sources"]
            for key in spec.figures:
                assert (values[key] is None) == (key in result["refused"]), key


@pytest.fixture(scope="module")
def held() -> dict[str, Any]:
    return measured(HELD.samples)[0]


def test_a_good_vowel_has_every_key_of_the_contract_and_nothing_is_said_against_it(held):
    is_told(held)
    assert all(held[key] is not None for key in CONTRACT)
    assert held["verdict"] == ["ok"]
    assert held["task"]["kind"] == "vowel"
    assert held["flags"] == {}
    assert held["refused"].keys() <= held["exploratory"].keys()


def test_its_numbers_are_those_that_were_drawn(held):
    truth = HELD.truth
    assert held["f0_mean_hz"] == pytest.approx(truth.f0_mean_hz, rel=0.002)
    assert held["mpt_s"] == pytest.approx(1.5, abs=0.06)
    assert held["jitter_local_pct"] == pytest.approx(truth.jitter_local_pct, abs=0.15)
    assert held["shimmer_local_pct"] == pytest.approx(truth.shimmer_local_pct, abs=0.6)


@pytest.mark.parametrize("name", ["man", "woman"])
def test_measures_of_vowels_are_refused_on_speech_with_the_reason_and_others_are_not(name):
    result, _ = measured(*real_voice(name))
    is_told(result)
    assert result["task"]["kind"] == "speech"
    for key in OF_VOWELS:
        assert result[key] is None
        assert "sustained vowel" in result["refused"][key]
    for key in ("f0_mean_hz", "hnr_db", "cpps_db", "ltas_db", "intensity_mean_dbfs"):
        assert result[key] is not None


def test_a_number_that_a_measure_has_not_says_what_it_wants():
    result, _ = measured(HELD.samples)
    assert result["exploratory"]["spectral_median_hz"] is not None
    assert result["refused"]["modulation_slowing_db"].startswith("it wants 4 s or more")
    low, _ = measured(vowel(seconds=1.0, sample_rate_hz=8000, hnr_db=25.0).samples, 8000)
    assert low["f1_hz"] is not None
    assert "twice the formant ceiling" in low["refused"]["f4_hz"]


def test_silence_gives_one_reason_and_nothing_else():
    for samples in (np.zeros(RATE), np.full(RATE, 0.3), np.random.default_rng(1).normal(0, 2e-5, RATE)):
        result, seen = measured(samples)
        is_told(result)
        assert seen is None
        assert "silent" in result["error"]
        assert result["verdict"] == ["silent"]
        assert result["f0_mean_hz"] is None


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.1])
def test_next_to_nothing_is_too_short_for_anything(seconds):
    result, seen = measured(HELD.samples[: round(seconds * RATE)])
    is_told(result)
    assert seen is None
    assert result["verdict"] == ["too-short"]
    assert "0.15 s" in result["error"] or "empty" in result["error"]


def test_a_fifth_of_a_second_has_a_pitch_but_no_perturbation():
    result, _ = measured(HELD.samples[: RATE // 5])
    is_told(result)
    assert result["verdict"] == ["too-short"]
    assert result["f0_mean_hz"] == pytest.approx(120.0, rel=0.005)
    assert result["jitter_local_pct"] is None
    assert "too short" in result["refused"]["jitter_local_pct"]


@pytest.mark.parametrize(
    "sound",
    [
        np.random.default_rng(1).normal(0.0, 0.05, RATE),
        whispered(seconds=1.5),
        whispered(seconds=1.5, seed=5),
    ],
)
def test_noise_and_whisper_have_a_spectrum_but_no_voice(sound):
    result, _ = measured(sound)
    is_told(result)
    assert result["verdict"][0] == "no-voice"
    assert "no voice" in result["warnings"][0]
    assert all(result[key] is not None for key in OF_ANY_SOUND)
    assert all("no voice" in result["refused"][key] for key in OF_VOICES)


@pytest.mark.parametrize(
    "sound",
    [
        noted([(220.0, 277.2, 329.6), (293.7, 370.0, 440.0)] * 2, note_s=0.6),
        noted([(220.0, 330.0, 440.0)], note_s=1.5),
        noted([(note, 110.0) for note in (220.0, 246.9, 277.2, 293.7, 329.6)]),
    ],
)
def test_chords_are_no_voice(sound):
    result, _ = measured(sound)
    is_told(result)
    assert result["verdict"][0] in ("music", "several-voices")
    assert all("more than one" in result["refused"][key] for key in OF_VOICES)
    assert all(result[key] is not None for key in OF_ANY_SOUND)


def test_a_tune_is_told_to_be_one_and_its_pitch_holds():
    notes = [(note,) for note in (220.0, 246.9, 277.2, 293.7, 329.6)]
    result, _ = measured(noted(notes))
    is_told(result)
    assert "music" in result["verdict"]
    assert result["f0_mean_hz"] == pytest.approx(np.mean(notes), rel=0.01)


def test_two_held_vowels_at_once_are_refused():
    both = phonated(120.0, seconds=1.5) + phonated(
        205.0, seconds=1.5, formants=((320.0, 60.0), (800.0, 80.0))
    )
    result, _ = measured(both)
    is_told(result)
    assert result["verdict"][0] in ("music", "several-voices")
    assert result["f0_mean_hz"] is None


def test_of_two_who_speak_at_once_the_pitch_is_refused():
    (man, rate), (woman, _) = real_voice("man"), real_voice("woman")
    size = min(man.size, woman.size)
    result, _ = measured(man[:size] + woman[:size], rate)
    is_told(result)
    assert "several-voices" in result["verdict"]
    assert "two people" in result["refused"]["f0_mean_hz"]
    assert result["ltas_db"] is not None


def test_clipping_is_told_before_the_numbers():
    result, _ = measured(np.clip(HELD.samples * 4.0, -0.4, 0.4))
    is_told(result)
    assert result["verdict"] == ["clipped"]
    assert "40 % of full scale" in result["warnings"][0]
    assert result["f0_mean_hz"] == pytest.approx(120.0, rel=0.002)


def test_a_noisy_room_and_a_quiet_voice_are_told():
    rng = np.random.default_rng(1)
    padded = np.pad(HELD.samples, RATE // 2)
    noisy, _ = measured(padded + rng.normal(0.0, 0.01, padded.size))
    assert noisy["verdict"] == ["noise"]
    assert noisy["voice_over_background_db"] == pytest.approx(20.0, abs=1.5)
    quiet, _ = measured(0.01 * HELD.samples)
    assert quiet["verdict"] == ["too-quiet"]
    for result in (noisy, quiet):
        is_told(result)
        assert result["f0_mean_hz"] == pytest.approx(120.0, rel=0.002)


def test_perturbation_is_flagged_below_44100_hz_only():
    for rate in (8000, 16000):
        made = vowel(120.0, seconds=1.0, sample_rate_hz=rate, jitter_pct=0.5, shimmer_pct=3.0)
        result, _ = measured(made.samples, rate)
        is_told(result)
        assert result["verdict"] == ["low-rate"]
        assert {"jitter_local_pct", "shimmer_local_pct"} <= result["flags"].keys()
        assert "0.54 %" in result["flags"]["jitter_local_pct"]
        assert not {"f0_mean_hz", "hnr_db"} & result["flags"].keys()
        assert result["f0_mean_hz"] == pytest.approx(made.truth.f0_mean_hz, rel=0.002)


def test_96_khz_gives_what_44_khz_gives():
    made = vowel(120.0, seconds=1.0, sample_rate_hz=96000, jitter_pct=0.5, shimmer_pct=3.0)
    result, _ = measured(made.samples, 96000)
    is_told(result)
    assert result["verdict"] == ["ok"]
    assert result["f0_mean_hz"] == pytest.approx(made.truth.f0_mean_hz, rel=0.002)
    assert result["jitter_local_pct"] == pytest.approx(made.truth.jitter_local_pct, abs=0.1)


def test_a_rate_out_of_range_is_refused_in_one_line():
    result, seen = measured(np.zeros(19200), 192000)
    assert seen is None
    assert "8000 to 96000 Hz" in result["error"]


@pytest.mark.parametrize("dead", [np.zeros_like(HELD.samples), np.full_like(HELD.samples, 0.01)])
def test_of_two_channels_the_one_alive_is_measured_as_if_it_were_alone(dead, held):
    result, _ = measured(np.stack([dead, HELD.samples]))
    is_told(result)
    assert (result["channel"], result["channels"]) == (2, 2)
    assert result["verdict"] == ["dead-channel"]
    assert "Channel 1 is silent; channel 2 was measured" in result["warnings"][0]
    for key in ("f0_mean_hz", "jitter_local_pct", "hnr_db", "cpps_db"):
        assert result[key] == held[key]


def test_a_channel_that_is_asked_for_is_the_one_that_is_measured():
    stereo = np.stack([HELD.samples, vowel(220.0, seconds=1.5, level_dbfs=-26.0).samples])
    result, _ = measured(stereo, channel=1)
    is_told(result)
    assert result["channel"] == 2
    assert result["f0_mean_hz"] == pytest.approx(220.0, rel=0.002)
    with pytest.raises(ParameterError, match="channel 3"):
        measured(stereo, channel=2)
    dead, _ = measured(np.stack([HELD.samples, 0 * HELD.samples]), channel=1)
    assert "channel 2 is silent" in dead["error"]


def test_a_constant_offset_is_taken_out(held):
    result, _ = measured(0.5 * HELD.samples + 0.3)
    is_told(result)
    assert result["verdict"] == ["dc-offset"]
    for key in ("f0_mean_hz", "jitter_local_pct", "shimmer_local_pct", "hnr_db", "cpps_db", "f1_hz"):
        assert result[key] == pytest.approx(held[key], rel=1e-3)


def test_samples_that_are_no_numbers_are_told_and_the_rest_is_measured():
    broken = HELD.samples.copy()
    broken[1000:1010], broken[50000] = np.nan, -np.inf
    result, _ = measured(broken)
    is_told(result)
    assert result["verdict"] == ["broken-samples"]
    assert result["f0_mean_hz"] == pytest.approx(120.0, rel=0.002)
    nothing, _ = measured(np.full(RATE, np.nan))
    assert "no numbers" in nothing["error"]


def test_settings_of_the_person_are_used_and_echoed():
    result, _ = voice_result(
        take(HELD.samples), settings=VoiceSettings(pitch_floor_hz=75.0, pitch_ceiling_hz=500.0)
    )
    assert result["settings"]["common"] == {
        "pitch_floor_hz": 75.0, "pitch_ceiling_hz": 500.0, "formant_ceiling_hz": 5500.0,
    }  # fmt: skip
    assert result["settings"]["f0"]["floor_hz"] == 75.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"pitch_floor_hz": 20.0},
        {"pitch_ceiling_hz": 100.0},
        {"pitch_ceiling_hz": 3000.0},
        {"formant_ceiling_hz": math.nan},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ParameterError, match=r"must be .* Hz, got"):
        VoiceSettings(**wrong)


def test_progress_rises_to_one_and_the_same_recording_gives_the_same_twice(held):
    told: list[float] = []
    result, _ = measured(HELD.samples, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert result == held


def test_the_recording_may_be_read_only():
    block = HELD.samples[None].copy()
    block.flags.writeable = False
    assert voice_result(Take(block), settings=VoiceSettings())[0]["error"] is None
