"""A voice while it is recorded: what is read of it, and the figures of a vowel, against what it was made from."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile
from support.vowels import vowel

from dsp.errors import ParameterError
from dsp.live_pitch import STEP_S
from dsp.live_voice import TRACE_S, LiveVoice, LiveVoiceReading, LiveVowel
from dsp.phonation.cepstrum import CepstrumContour
from dsp.phonation.harmonicity import HarmonicityContour
from dsp.phonation.perturbation import jitter_of, shimmer_of
from dsp.phonation.phonation import VoiceSettings
from dsp.phonation.pitch import PitchContour, PitchSettings, pitch_of
from dsp.phonation.pulses import PulseContour
from dsp.phonation.section import Section, Whole
from dsp.running_spectrum import RunningSpectrum
from dsp.types import Samples
from softphone.io.speech import speech_path

RATE_HZ = 44_100
READS_PER_S = 22


def heard(
    samples: Samples, rate_hz: int = RATE_HZ, *, block: int = 882, voice: LiveVoice | None = None
) -> Iterator[tuple[LiveVoiceReading, LiveVowel]]:
    """What is read while *samples* pass."""
    voice = LiveVoice(rate_hz) if voice is None else voice
    due = 0.0
    for start in range(0, samples.size, block):
        voice.process(samples[None, start : start + block])
        due += block * READS_PER_S / rate_hz
        if due >= 1.0:
            due -= 1.0
            yield voice.read(), voice.vowel()


def last(samples: Samples, rate_hz: int = RATE_HZ) -> tuple[LiveVoiceReading, LiveVowel]:
    *_, newest = heard(samples, rate_hz)
    return newest


def noise(seconds: float, rms: float = 0.05, seed: int = 1) -> Samples:
    return (rms * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("f0_hz", [75.0, 180.0, 450.0])
def test_the_pitch_is_that_of_the_voice(f0_hz: float, rate_hz: int) -> None:
    made = vowel(f0_hz, seconds=2.0, sample_rate_hz=rate_hz)
    reading, _ = last(made.samples, rate_hz)
    assert reading.f0_hz == pytest.approx(f0_hz, rel=0.002)
    assert np.all(np.abs(reading.trace_hz / f0_hz - 1.0) < 0.002)
    assert reading.frames == pytest.approx(2.0 / STEP_S, abs=12)


def test_the_trace_is_the_pitch_of_the_recording_wherever_it_was_read() -> None:
    sound, rate_hz = soundfile.read(speech_path("builtin:woman"), dtype="float32")
    sound = sound[: 6 * rate_hz]
    step = round(STEP_S * rate_hz)
    whole = pitch_of(sound, rate_hz, PitchSettings(step_s=step / rate_hz))
    traces = []
    for block in (160, 1013):
        *_, (reading, _) = heard(sound, rate_hz, block=block)
        traces.append(reading.trace_hz)
        at = (0.5 * 3 / 60 * rate_hz + step * np.arange(reading.frames)) / rate_hz
        nearest = np.rint((at - whole.times_s[0]) / whole.step_s).astype(int)
        other = whole.f0_hz[np.clip(nearest, 0, whole.f0_hz.size - 1)]
        both = (other > 0.0) & (reading.trace_hz > 0.0)
        assert (
            np.mean((other > 0.0) == (reading.trace_hz > 0.0)) > 0.93
        )  # 0.98 measured: the end of the path differs
        assert np.median(np.abs(reading.trace_hz[both] / other[both] - 1.0)) < 0.005
    count = min(map(len, traces))
    assert np.mean(np.isclose(traces[0][:count], traces[1][:count], rtol=1e-3)) > 0.97


def test_an_octave_that_the_path_went_astray_by_is_corrected() -> None:
    made = vowel(160.0, seconds=4.5, jitter_pct=1.5, shimmer_pct=6.0, hnr_db=15.0)
    traces = [reading.trace_hz for reading, _ in heard(made.samples)]
    assert min(trace.min() for trace in traces) < 100.0
    assert traces[-1].min() > 145.0


def test_level_and_peak_are_those_of_the_newest_tenth_of_a_second() -> None:
    at = np.arange(RATE_HZ)
    tone = (0.5 * np.sin(2 * np.pi * 441 * at / RATE_HZ)).astype(np.float32)
    loud_before = np.concatenate([noise(0.5, 0.2), tone])
    reading, _ = last(loud_before)
    assert reading.level_dbfs == pytest.approx(-9.03, abs=0.02)
    assert reading.peak_dbfs == pytest.approx(-6.02, abs=0.02)
    assert reading.seconds == pytest.approx(1.5, abs=0.05)
    assert reading.clipped == 0


def test_silence_has_no_level_no_pitch_and_no_spectrum() -> None:
    reading, found = last(np.zeros(RATE_HZ, dtype=np.float32))
    assert (reading.level_dbfs, reading.peak_dbfs, reading.f0_hz, reading.hpr_db) == (None, None, None, None)
    assert reading.ltas_db is None
    assert found.state == "silence"


def test_samples_at_full_scale_are_counted_in_all_channels() -> None:
    voice = LiveVoice(RATE_HZ)
    block = np.zeros((2, 1000), dtype=np.float32)
    block[0, 10:13] = 1.0
    block[1, 500] = -1.0
    voice.process(block)
    voice.process(np.zeros((2, 1000), dtype=np.float32))
    assert voice.read().clipped == 4


def test_what_is_no_number_is_silence() -> None:
    voice = LiveVoice(RATE_HZ)
    block = np.full((1, 4410), 0.1, dtype=np.float32)
    block[0, 7] = math.nan
    voice.process(block)
    voice.process(np.full((1, 4410), math.inf, dtype=np.float32))
    reading = voice.read()
    assert reading.level_dbfs is None or math.isfinite(reading.level_dbfs)
    assert np.all(np.isfinite(block[0, 8:])), "what was handed in is not changed"


def test_the_spectrum_is_power_by_hertz() -> None:
    reading, _ = last(noise(3.0))
    assert reading.ltas_db is not None
    wanted = 10 * math.log10(0.05**2 / (RATE_HZ / 2))
    assert np.mean(reading.ltas_db) == pytest.approx(wanted, abs=0.2)
    assert (
        np.max(np.abs(reading.ltas_db - wanted)) < 3.5
    )  # 4 lines a band, some 130 frames: 0.4 dB of deviation
    assert reading.ltas_hz[0] == 50.0
    assert reading.ltas_hz[-1] == 9950.0
    assert reading.hpr_db is None, "noise has no voice"


def test_hpr_is_of_the_voiced_parts_alone() -> None:
    made = vowel(150.0, seconds=2.0, hnr_db=25.0).samples
    hiss = noise(1.0, 0.05)
    power = np.abs(np.fft.rfft(made * np.hanning(made.size))) ** 2
    high = np.fft.rfftfreq(made.size, 1 / RATE_HZ) > 6000.0
    wanted = 10 * math.log10(power[high].sum() / power.sum())
    reading, _ = last(np.concatenate([made, np.zeros(8820, dtype=np.float32), hiss]))
    assert reading.hpr_db == pytest.approx(wanted, abs=0.5)
    assert reading.ltas_db is not None
    assert (
        10 * math.log10(np.sum(10 ** (reading.ltas_db[60:] / 10)) / np.sum(10 ** (reading.ltas_db / 10)))
        > wanted + 3
    )


def test_pauses_leave_the_spectrum_as_it_was_and_newer_sound_takes_its_place() -> None:
    low = (0.2 * np.sin(2 * np.pi * 300 * np.arange(2 * RATE_HZ) / RATE_HZ)).astype(np.float32)
    spectrum = RunningSpectrum(RATE_HZ)
    spectrum.process(low)
    before = spectrum.levels_db()
    spectrum.process(noise(4.0, 1e-4))  # 64 dB below
    after = spectrum.levels_db()
    assert before is not None
    assert after is not None
    assert np.allclose(before[2:4], after[2:4], atol=0.2)  # the frame in which it ends
    spectrum.process(noise(9.0, 0.1))
    newer = spectrum.levels_db()
    assert newer is not None
    assert np.argmax(newer) in (2, 3)  # three times the memory: 13 dB less
    assert newer[3] < before[3] - 10.0


def test_without_power_above_6_khz_there_is_no_hpr() -> None:
    made = vowel(120.0, seconds=1.0, sample_rate_hz=8000)
    reading, _ = last(made.samples, 8000)
    assert reading.hpr_db is None
    assert reading.ltas_hz[-1] == 3950.0


def of_the_whole(samples: Samples) -> dict[str, float | None]:
    """The figures by the contours of a recording."""
    whole = Whole(RATE_HZ, samples.size, float(samples.mean()), float(np.abs(samples).max()))
    section = Section(whole, samples, 0, 0, samples.size)
    pitch = PitchContour(PitchSettings()).push(section)
    section = Section(whole, samples, 0, 0, samples.size, pitch)
    pulses, hnr, cepstra = PulseContour(), HarmonicityContour("cc", floor_hz=60.0), CepstrumContour()
    for contour in (pulses, hnr, cepstra):
        contour.push(section)
    cycles = pulses.finish()
    return {
        "jitter": jitter_of(cycles).local_pct,
        "shimmer": shimmer_of(cycles).local_pct,
        "hnr": hnr.finish().mean_db,
        "cpps": float(np.mean(cepstra.finish().cpps_db)),
    }


@pytest.mark.parametrize(("jitter_pct", "shimmer_pct", "hnr_db"), [(0.3, 2.0, 25.0), (1.5, 6.0, 15.0)])
def test_the_figures_of_a_vowel_are_those_of_its_recording(
    jitter_pct: float, shimmer_pct: float, hnr_db: float
) -> None:
    made = vowel(160.0, seconds=4.5, jitter_pct=jitter_pct, shimmer_pct=shimmer_pct, hnr_db=hnr_db)
    found = [each for _, each in heard(made.samples)]
    newest = found[-1]
    wanted = of_the_whole(made.samples[-round(3.5 * RATE_HZ) : -round(0.3 * RATE_HZ)])
    assert newest.state == "vowel"
    assert newest.lasts
    assert newest.measured_s == pytest.approx(3.0, abs=0.05)
    assert newest.f0_hz == pytest.approx(made.truth.f0_mean_hz, rel=0.005)
    # Of nearly the same 3 s: what is left is how far they differ from each other.
    assert newest.jitter_local_pct == pytest.approx(wanted["jitter"], rel=0.06)
    assert newest.shimmer_local_pct == pytest.approx(wanted["shimmer"], rel=0.06)
    assert newest.hnr_db == pytest.approx(wanted["hnr"], abs=0.4)
    assert newest.cpps_db == pytest.approx(wanted["cpps"], abs=0.4)


def test_figures_come_after_a_second_and_anew_each_second() -> None:
    made = vowel(200.0, seconds=4.0, jitter_pct=0.5)
    found = [each for _, each in heard(made.samples)]
    first = next(index for index, each in enumerate(found) if each.measured_s is not None)
    assert 1.0 <= first / READS_PER_S <= 1.4
    assert {each.state for each in found[1:first]} <= {"begun", "silence"}
    changes = [
        index for index in range(1, len(found)) if found[index].measured_s != found[index - 1].measured_s
    ]
    values = [index for index in range(1, len(found)) if found[index].hnr_db != found[index - 1].hnr_db]
    assert len(values) == 3
    assert max(np.diff(values)) / READS_PER_S <= 1.0 + 1 / READS_PER_S
    assert changes


def test_the_figures_stay_when_the_vowel_is_over() -> None:
    made = vowel(140.0, seconds=2.5)
    newest = last(np.concatenate([made.samples, np.zeros(RATE_HZ, dtype=np.float32)]))[1]
    assert newest.state == "silence"
    assert newest.why == "No voice."
    assert not newest.lasts
    assert newest.hnr_db is not None


@pytest.mark.parametrize(
    ("state", "samples"),
    [
        ("quiet", 0.02 * vowel(150.0, seconds=2.0, level_dbfs=-20.0).samples),
        ("clipped", np.clip(30.0 * vowel(150.0, seconds=2.0).samples, -1.0, 1.0)),
        ("moving", vowel(120.0, seconds=2.4, f0_hz_per_s=60.0).samples),
        ("begun", vowel(150.0, seconds=0.7).samples),
    ],
)
def test_what_cannot_be_measured_says_why(state: str, samples: Samples) -> None:
    newest = last(np.asarray(samples, dtype=np.float32))[1]
    assert newest.state == state
    assert newest.why
    assert not newest.lasts
    assert (newest.jitter_local_pct, newest.hnr_db) == (None, None)


def test_a_vowel_after_a_breath_has_begun_and_is_no_speech() -> None:
    one, breath = vowel(180.0, seconds=2.0).samples, np.zeros(round(0.4 * RATE_HZ), dtype=np.float32)
    found = [each.state for _, each in heard(np.concatenate([one, breath, one]))]
    assert "speech" not in found
    assert found[-1] == "vowel"
    assert found.index("begun", found.index("vowel")) > 0


@pytest.mark.parametrize("name", ["man", "woman"])
def test_speech_has_no_figures_of_a_vowel(name: str) -> None:
    sound, rate_hz = soundfile.read(speech_path(f"builtin:{name}"), dtype="float32")
    found = [each for _, each in heard(sound[: 8 * rate_hz], rate_hz)]
    assert all(each.hnr_db is None for each in found)
    assert "speech" in {each.state for each in found}
    assert "vowel" not in {each.state for each in found}


def test_who_reads_late_finds_a_gap_and_not_the_past() -> None:
    made = vowel(150.0, seconds=5.0)
    voice = LiveVoice(RATE_HZ)
    voice.process(made.samples[None, :RATE_HZ])
    voice.read()
    voice.process(made.samples[None, RATE_HZ:])
    reading = voice.read()
    assert reading.f0_hz == pytest.approx(150.0, rel=0.002)
    assert np.isnan(reading.trace_hz).any()
    assert reading.trace_hz.size == reading.frames
    voice.vowel()


def test_a_long_recording_keeps_ten_seconds_of_pitch() -> None:
    made = vowel(150.0, seconds=3.0)
    voice = LiveVoice(RATE_HZ)
    for _ in range(5):
        for _ in heard(made.samples, voice=voice):
            pass
    reading = voice.read()
    assert reading.trace_hz.size == round(TRACE_S / STEP_S)
    assert reading.frames > 1450


def test_blocks_longer_than_what_is_kept_are_taken_too() -> None:
    voice = LiveVoice(RATE_HZ)
    voice.process(noise(9.0)[None, :])
    assert voice.read().seconds == pytest.approx(9.0)


@pytest.mark.parametrize("rate_hz", [4000, 192_000])
def test_other_rates_are_refused(rate_hz: int) -> None:
    with pytest.raises(ParameterError, match="8000 to 96000 Hz"):
        LiveVoice(rate_hz)


def test_floor_and_ceiling_are_those_asked_for() -> None:
    made = vowel(90.0, seconds=1.5)
    voice = LiveVoice(RATE_HZ, VoiceSettings(pitch_floor_hz=150.0, pitch_ceiling_hz=400.0))
    *_, (reading, _) = heard(made.samples, voice=voice)
    trace = reading.trace_hz[reading.trace_hz > 0.0]
    assert trace.size == 0 or trace.min() > 140.0
