"""A recording goes through every contour in sections; what comes out does not depend on where these are cut."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from support.sections_of import real_voice
from support.takes import Endless, measured
from support.vowels import vowel

from dsp.phonation import analysis
from dsp.phonation.analysis import NothingToMeasure, phonation
from dsp.phonation.phonation import VoiceSettings

CLOSE = {
    "jitter_local_pct": 0.01, "jitter_rap_pct": 0.01, "shimmer_local_pct": 0.02, "shimmer_local_db": 0.005, "hnr_db": 0.03,
    "cpps_db": 0.03, "cpp_db": 0.03, "f0_mean_hz": 0.05, "f0_median_hz": 0.05, "intensity_mean_dbfs": 0.01, "hpr_db": 0.05,
    "f1_hz": 3.0, "f2_hz": 5.0, "voiced_fraction": 0.005, "alpha_ratio_db": 0.02,
}  # fmt: skip
"""A tenth of what a measure must be accurate to, and less."""


def in_sections(monkeypatch: pytest.MonkeyPatch, section_s: float) -> None:
    monkeypatch.setattr(analysis, "WHOLE_S", section_s)
    monkeypatch.setattr(analysis, "SECTION_S", section_s)


def test_a_vowel_in_sections_gives_what_it_gives_whole(monkeypatch):
    samples = vowel(130.0, seconds=5.0, jitter_pct=0.6, shimmer_pct=3.0, hnr_db=22.0).samples
    whole, _ = measured(samples)
    in_sections(monkeypatch, 1.7)
    parts, _ = measured(samples)
    assert parts["task"] == whole["task"]
    assert parts["verdict"] == whole["verdict"]
    for key, close in CLOSE.items():
        assert parts[key] == pytest.approx(whole[key], abs=close), key


def test_speech_in_sections_gives_what_it_gives_whole(monkeypatch):
    samples, rate = real_voice("woman")
    whole, _ = measured(samples, rate)
    in_sections(monkeypatch, 2.5)
    parts, _ = measured(samples, rate)
    assert parts["task"]["kind"] == whole["task"]["kind"] == "speech"
    for key, close in CLOSE.items():
        if whole[key] is not None:
            assert parts[key] == pytest.approx(whole[key], abs=2.0 * close), key


def test_sections_cover_the_recording_once(monkeypatch):
    in_sections(monkeypatch, 1.0)
    seen: list[Any] = []
    push = analysis.TextureContour.push

    def spy(self: Any, section: Any) -> None:
        seen.append(section)
        push(self, section)

    monkeypatch.setattr(analysis.TextureContour, "push", spy)
    samples = vowel(200.0, seconds=3.4, sample_rate_hz=16000).samples
    measured(samples, 16000)
    edges = [(section.start, section.stop) for section in seen]
    assert edges == [(0, 16000), (16000, 32000), (32000, 48000), (48000, samples.size)]
    for section in seen:
        here = slice(section.first, section.first + section.samples.size)
        assert np.array_equal(section.samples, samples[here])
        assert section.first <= section.start
        assert here.stop >= section.stop


def kept_of(seconds: float, made: np.ndarray) -> tuple[int, int, int]:
    """Bytes of the contours, of everything that the heap keeps, and the longest read."""
    recording = Endless(made, seconds, sample_rate_hz=8000)
    tracemalloc.start()
    seen = phonation(recording)
    heap = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert seen.whole.seconds == seconds
    return sum(each.nbytes for each in arrays_of(seen)), heap, recording.longest_read


def arrays_of(seen: Any) -> Iterator[np.ndarray]:
    for each in fields(seen):
        value = getattr(seen, each.name)
        if isinstance(value, np.ndarray):
            yield value
        elif is_dataclass(value):
            yield from arrays_of(value)


def test_memory_grows_with_the_contours_only(monkeypatch):
    in_sections(monkeypatch, 10.0)
    made, _ = real_voice("man")
    short, heap, read = kept_of(46.0, made)
    long, heap_again, read_again = kept_of(76.0, made)
    assert read_again <= read <= 25 * 8000
    # A second has 80 frames of pitch (24 bytes), 200 of harmonicity (4), 160 of formants (16), 75 of intensity (4), and of this
    # voice some 70 pulses (12): two hours have 50 MB. Samples would take 32 kB here and 172 at 44.1 kHz.
    assert 5_000 < (long - short) / 30.0 < 7_500
    # Of these the formants alone lie on the heap.
    assert (heap_again - heap) / 30.0 < 5_000


def test_a_long_recording_keeps_the_means_of_its_cepstra_and_a_short_one_each():
    samples, rate = real_voice("man")
    samples = samples[: 4 * rate]
    short = phonation(Endless(samples, 4.0, rate)).cepstra
    assert short.cpps_db.size == short.times_s.size == short.frames == 1951
    for name, mean in short.means_db.items():
        assert np.nanmean(getattr(short, name), dtype=np.float64) == pytest.approx(mean, rel=1e-6)
    long = phonation(Endless(samples, 48.0, rate)).cepstra
    assert long.frames == 23951
    assert long.cpps_db.size == long.cpp_hillenbrand_db.size == 0
    for name, mean in long.means_db.items():
        assert mean == pytest.approx(short.means_db[name], abs=0.2)


def test_the_chosen_channel_and_the_settings_are_told():
    block = np.stack([0.3 * vowel(120.0, seconds=0.5).samples, vowel(200.0, seconds=0.5).samples])
    recording = Endless(block[0], 0.5)
    assert phonation(recording).channel == 0
    settings = VoiceSettings(pitch_floor_hz=75.0)
    found = phonation(recording, settings=settings)
    assert found.settings == settings
    assert found.pitch.step_s == pytest.approx(0.01)


def test_what_cannot_be_measured_says_which_word_it_is():
    for samples, rate, word in (
        (np.zeros(8000), 8000, "silent"),
        (np.ones(80), 8000, "too-short"),
        (np.ones(8000), 4000, "wrong-rate"),
    ):
        with pytest.raises(NothingToMeasure) as caught:
            phonation(Endless(samples.astype(np.float32), samples.size / rate, rate))
        assert caught.value.word == word
