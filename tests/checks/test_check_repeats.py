"""Repeated frames: seen where a packet is played twice, never in speech that nothing happened to."""

import numpy as np
import pytest
from support.line_faults import CODECS, SPEAKERS, check, heard_through, rounded, speech


def with_repeats(samples, rate_hz, length_ms, share, gain=1.0):
    """Frames of *length_ms*, here and there, in place of the next one, at *gain*; and how many ms of them are loud."""
    rng = np.random.default_rng(5)
    out, length, loud_ms = samples.copy(), length_ms * rate_hz // 1000, 0.0
    for frame in range(2, samples.size // length):
        if rng.random() < share:
            start = frame * length
            out[start : start + length] = rounded(gain * out[start - length : start])
            if np.sqrt(np.mean(out[start : start + length] ** 2)) > 0.01:
                loud_ms += length_ms
    return out, loud_ms


@pytest.mark.parametrize("gain", [1.0, 0.5])
@pytest.mark.parametrize("length_ms", [5, 20, 60])
@pytest.mark.parametrize("name", SPEAKERS)
def test_frames_played_twice_are_found_whole_or_faded(name, length_ms, gain):
    damaged, loud_ms = with_repeats(speech(name), 16_000, length_ms, 0.05, gain)
    found = check("repeats", damaged, 16_000)
    assert found.words == ("repeated-frames",)
    assert found.figures["repeated_ms"] >= 0.75 * loud_ms


@pytest.mark.parametrize("name", SPEAKERS)
def test_they_are_found_where_they_are_at_any_rate(name):
    for rate_hz in (8_000, 48_000):
        damaged, start = speech(name, rate_hz), rate_hz
        while np.sqrt(np.mean(damaged[start - rate_hz // 25 : start] ** 2)) < 0.03:
            start += rate_hz // 50
        damaged[start : start + rate_hz // 25] = damaged[start - rate_hz // 25 : start]
        found = check("repeats", damaged, rate_hz)
        assert found.figures["repeat_count"] == 1
        assert found.spans[0] == pytest.approx((start / rate_hz, start / rate_hz + 0.04), abs=0.002)


@pytest.mark.parametrize("name", SPEAKERS)
def test_one_repeated_frame_is_counted_and_has_no_word(name):
    damaged, start = speech(name), 16_000
    while np.sqrt(np.mean(damaged[start - 320 : start] ** 2)) < 0.03:
        start += 160
    damaged[start : start + 320] = damaged[start - 320 : start]
    found = check("repeats", damaged, 16_000)
    assert found.figures["repeat_count"] == 1
    assert found.words == ()


def test_a_stuck_buffer_is_one_long_repetition():
    damaged = speech("man")
    loudest = int(np.argmax(np.convolve(damaged**2, np.ones(320), "valid")))
    damaged[loudest : loudest + 16_000] = np.resize(damaged[loudest : loudest + 320], 16_000)
    found = check("repeats", damaged, 16_000)
    assert found.figures["repeated_ms"] == pytest.approx(980, abs=40)


@pytest.mark.parametrize("codec", [None, *CODECS])
@pytest.mark.parametrize("name", SPEAKERS)
def test_no_speech_repeats_itself_whatever_codec_it_went_through(name, codec):
    samples, rate_hz = (speech(name), 16_000) if codec is None else heard_through(codec, speech(name))
    assert check("repeats", samples, rate_hz).figures["repeat_count"] == 0


@pytest.mark.parametrize("hz", [(1000.0,), (440.0, 480.0), (941.0, 1477.0)])
def test_steady_tones_are_no_repetition(hz):
    at = np.arange(32_000) / 8_000
    tone = rounded(sum(0.1 * np.sin(2 * np.pi * each * at) for each in hz))
    assert check("repeats", np.concatenate((speech("man", 8_000), tone)), 8_000).figures["repeat_count"] == 0


def test_a_vowel_held_for_two_seconds_is_no_repetition():
    rng = np.random.default_rng(2)
    lengths = 1 / (120.0 * (1 + 0.005 * rng.standard_normal(240)))  # jitter of 0.5 %, as in healthy voices
    phase = np.interp(np.arange(30_000) / 16_000, np.concatenate(([0.0], np.cumsum(lengths))), np.arange(241))
    vowel = sum(np.sin(2 * np.pi * k * phase) / k**1.5 for k in range(1, 20)) * 0.1
    vowel += (
        10 ** (-25 / 20) * vowel.std() * rng.standard_normal(vowel.size)
    )  # and a harmonics-to-noise ratio of 25 dB
    assert check("repeats", rounded(vowel), 16_000).figures["repeat_count"] == 0


def test_silence_and_a_few_samples_are_no_fault():
    for samples in (np.zeros(16_000), np.zeros(0), np.ones(1), np.full(5_000, np.nan)):
        assert check("repeats", samples, 16_000).figures == {"repeat_count": 0.0, "repeated_ms": 0.0}
