"""Clipping: flat tops at full scale and below it, through codecs that keep the wave, and none where nothing was cut."""

from dataclasses import replace

import numpy as np
import pytest
import soxr
from support.line_faults import SPEAKERS, alignment, check, heard_through, identity, rounded, speech

from dsp.level import measure_level
from softphone.scorer.live import LineFacts, verdicts

RATE_HZ = 16_000
QUIETER = 0.25
"""12 dB less, after the tops were cut off."""


def cut(samples: np.ndarray, share: float, *, one_side: bool = False) -> np.ndarray:
    """The wave cut off where *share* of the active samples lie beyond; its tops then stand at full scale."""
    wave = samples if one_side else np.abs(samples)
    count = round(share * measure_level(samples, RATE_HZ).activity * samples.size)
    limit = np.sort(wave)[-count]
    low = -1.0 if one_side else -limit
    return (np.clip(samples, low, limit) / limit).astype(np.float32)


@pytest.mark.parametrize("share", [0.003, 0.01, 0.05])
@pytest.mark.parametrize("codec", [None, "pcmu", "pcma"])
@pytest.mark.parametrize("name", SPEAKERS)
def test_tops_cut_off_before_the_sound_was_made_quieter_are_seen(name, codec, share):
    narrow = soxr.resample(speech(name), RATE_HZ, 8000)
    damaged = rounded(QUIETER * cut(narrow, share))
    heard, rate_hz = (damaged, 8000) if codec is None else heard_through(codec, damaged, 8000)
    found = check("clipping", heard, rate_hz)
    assert found.words == ("clipped",)
    assert found.figures["clip_level_dbov"] == pytest.approx(-12.0, abs=0.5)
    assert found.figures["clipped_pct"] == pytest.approx(100 * share, rel=0.6)
    assert 1 <= len(found.spans) <= 50


@pytest.mark.parametrize("name", SPEAKERS)
def test_one_side_cut_off_is_enough(name):
    assert check("clipping", rounded(QUIETER * cut(speech(name), 0.003, one_side=True)), RATE_HZ).words == (
        "clipped",
    )


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_few_samples_at_the_top_are_nothing(name):
    found = check("clipping", rounded(QUIETER * cut(speech(name), 0.0003)), RATE_HZ)
    assert found.words == ()
    assert found.figures["clip_level_dbov"] is None


@pytest.mark.parametrize("gain_db", [0, 8, 12, 14, 16, 20])
@pytest.mark.parametrize("name", SPEAKERS)
def test_at_full_scale_a_running_call_says_the_same(name, gain_db):
    heard = rounded(speech(name) * 10 ** (gain_db / 20))
    live = verdicts(
        measure_level(heard, RATE_HZ), LineFacts(packets_sent=9, packets_received=9, played_ms=7000)
    )
    found = check("clipping", heard, RATE_HZ)
    assert ("clipped" in found.words) == ("clipped" in live)


@pytest.mark.parametrize("name", SPEAKERS)
def test_peaks_that_only_the_reference_has_were_cut_off_before_resampling(name):
    said = soxr.resample(speech(name), RATE_HZ, 8000)
    heard = soxr.resample(QUIETER * cut(speech(name), 0.005), RATE_HZ, 8000)[: said.size]
    assert check("clipping", heard, 8000, reference=said, aligned=identity(said, 8000)).words == ("clipped",)
    vocoder = replace(identity(said, 8000), waveform_kept=False)
    assert check("clipping", heard, 8000, reference=said, aligned=vocoder).words == ()


@pytest.mark.parametrize("name", SPEAKERS)
def test_what_was_clipped_before_is_not_the_fault_of_the_line(name):
    said = rounded(QUIETER * cut(speech(name), 0.01))
    found = check("clipping", said, RATE_HZ, reference=said, aligned=identity(said, RATE_HZ))
    assert found.words == ()
    assert found.notes


def test_a_tone_stands_at_its_top_for_long_and_is_not_clipped():
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(8 * RATE_HZ) / RATE_HZ)
    assert check("clipping", tone, RATE_HZ).words == ()


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_recording_that_lacks_the_loudest_word_of_the_reference_is_not_clipped(name):
    said = speech(name)
    loudest = np.zeros_like(said)
    loudest[:8_000] = said[np.argmax(np.abs(said)) - 4_000 :][:8_000]
    said = rounded(np.concatenate((0.9 * loudest[:8_000] / np.abs(loudest).max(), 0.3 * said)))
    rest = said[8_000:]
    aligned = alignment(RATE_HZ, [(8_000, said.size, -8_000)], missing=[(0, 8_000)])
    assert check("clipping", rest, RATE_HZ, reference=said, aligned=aligned).words == ()
    damaged, rate_hz = heard_through("pcmu", soxr.resample(cut(rest, 0.01), RATE_HZ, 8000), 8000)
    assert check("clipping", damaged, rate_hz).words == ("clipped",)
