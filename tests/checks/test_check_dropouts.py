"""Dropouts: holes in words are seen, with zeros or with noise in them; pauses and codecs are left alone."""

import numpy as np
import pytest
from support.line_faults import CODECS, SPEAKERS, alignment, check, heard_through, identity, speech

from dsp.level import measure_level


def with_holes(samples, rate_hz, length_ms, share, fill_dbov=None):
    """Holes of *length_ms*; and how many ms of loud speech they took."""
    rng = np.random.default_rng(3)
    out, length, lost_ms = samples.copy(), length_ms * rate_hz // 1000, 0.0
    for hole in range(3, samples.size // length - 1):
        if rng.random() < share:
            start = hole * length + int(rng.integers(0, length // 2))
            if np.sqrt(np.mean(out[start : start + length] ** 2)) > 0.02:
                lost_ms += length_ms
            noise = 0.0 if fill_dbov is None else 10 ** (fill_dbov / 20) * rng.standard_normal(length)
            out[start : start + length] = noise
    return out, lost_ms


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("name", SPEAKERS)
def test_without_a_reference_the_count_is_that_of_the_meter_in_a_call(name, rate_hz):
    for length_ms in (6, 20, 100):
        damaged, _ = with_holes(speech(name, rate_hz), rate_hz, length_ms, 0.05)
        found, meter = check("dropouts", damaged, rate_hz), measure_level(damaged, rate_hz)
        assert found.figures["dropout_count"] == meter.dropouts > 0
        assert found.figures["dropout_ms"] == pytest.approx(meter.dropout_ms)
        assert found.words == ("dropouts",)
        assert len(found.spans) == min(50, meter.dropouts)


@pytest.mark.parametrize(("fill_dbov", "share"), [(None, 0.7), (-65.0, 0.7), (-50.0, 0.3)])
@pytest.mark.parametrize("name", SPEAKERS)
def test_with_a_reference_holes_with_noise_in_them_are_seen_too(name, fill_dbov, share):
    said = speech(name, 8_000)
    damaged, lost_ms = with_holes(said, 8_000, 60, 0.08, fill_dbov)
    found = check("dropouts", damaged, 8_000, reference=said, aligned=identity(said, 8_000))
    assert found.words == ("dropouts",)
    assert found.figures["dropout_ms"] >= share * lost_ms
    assert found.figures["longest_dropout_ms"] >= 55


@pytest.mark.parametrize("name", SPEAKERS)
def test_two_seconds_of_silence_while_the_reference_speaks_are_a_gap(name):
    said = speech(name)
    damaged = said.copy()
    damaged[32_000:64_000] = 0
    found = check("dropouts", damaged, 16_000, reference=said, aligned=identity(said, 16_000))
    assert found.words == ("dropouts",)
    assert found.figures["dropout_count"] == 1
    assert 1500 < found.figures["longest_dropout_ms"] <= 2020
    assert all(1.9 <= start < stop <= 4.1 for start, stop in found.spans)


@pytest.mark.parametrize("name", SPEAKERS)
def test_one_lost_packet_is_counted_and_has_no_word(name):
    damaged = speech(name)
    start = int(np.argmax(np.convolve(damaged**2, np.ones(320), "valid")))
    damaged[start : start + 320] = 0
    found = check("dropouts", damaged, 16_000)
    assert found.figures["dropout_count"] == 1
    assert found.spans[0] == pytest.approx((start / 16_000, start / 16_000 + 0.02), abs=0.001)
    assert found.words == ()


@pytest.mark.parametrize("codec", [None, *CODECS])
@pytest.mark.parametrize("name", SPEAKERS)
def test_clean_speech_has_no_gap_whatever_codec_it_went_through(name, codec):
    said = speech(name)
    samples, rate_hz = (said, 16_000) if codec is None else heard_through(codec, said)
    assert check("dropouts", samples, rate_hz).figures["dropout_count"] == 0


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_line_that_is_quieter_by_30_db_has_no_gap(name):
    said = speech(name)
    found = check("dropouts", said * 10**-1.5, 16_000, reference=said, aligned=identity(said, 16_000))
    assert found.figures["dropout_count"] == 0


def test_what_was_lost_in_place_between_two_stretches_is_a_gap():
    said = speech("woman")
    loudest = int(np.argmax(np.convolve(said**2, np.ones(1600), "valid")))
    damaged = said.copy()
    damaged[loudest : loudest + 1600] = 1e-3 * np.random.default_rng(1).standard_normal(1600)
    aligned = alignment(16_000, [(0, loudest, 0.0), (loudest + 1600, said.size, 0.0)])
    found = check("dropouts", damaged, 16_000, reference=said, aligned=aligned)
    assert found.figures["dropout_ms"] == pytest.approx(100, abs=15)


def test_gaps_and_repeats_that_were_said_are_told_and_are_not_the_lines():
    said, _ = with_holes(speech("man"), 16_000, 20, 0.1)
    loud = int(np.argmax(np.convolve(said**2, np.ones(1600), "valid")))
    said[loud : loud + 3200] = np.resize(said[loud : loud + 320], 3200)
    for name in ("dropouts", "repeats"):
        assert check(name, said, 16_000).words != ()
        found = check(name, said, 16_000, reference=said, aligned=identity(said, 16_000))
        assert found.words == ()
        assert "reference" in found.notes[1]
        assert found.figures == check(name, said, 16_000).figures


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_background_that_the_line_suppressed_is_not_gone(name):
    said = speech(name)
    noise = 0.2 * np.sqrt(np.mean(said**2)) * np.random.default_rng(1).standard_normal(said.size)
    noisy = (said + noise).astype(np.float32)
    found = check("dropouts", said, 16_000, reference=noisy, aligned=identity(noisy, 16_000))
    assert found.words == ()


@pytest.mark.parametrize("ms", [200, 500])
@pytest.mark.parametrize("name", SPEAKERS)
def test_silence_before_the_first_and_behind_the_last_word_that_is_heard_is_no_gap(name, ms):
    said = speech(name)
    loud = np.flatnonzero(np.abs(said) > 0.05)
    for part in (slice(0, loud[0] + 16 * ms), slice(loud[-1] - 16 * ms, None)):
        damaged = said.copy()
        damaged[part] = 0
        found = check("dropouts", damaged, 16_000, reference=said, aligned=identity(said, 16_000))
        assert (found.words, found.figures["dropout_ms"]) == ((), 0.0)
