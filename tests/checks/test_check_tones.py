"""Tones: digits, call progress and test tones are named and placed; speech, hum and what the reference holds are no tones."""

import numpy as np
import pytest
from support.line_faults import CODECS, SPEAKERS, check, heard_through, identity, rounded, speech

from dsp.dtmf import digit_samples


def tone(hz, dbov, seconds, rate_hz):
    return (
        np.sqrt(2)
        * 10 ** (dbov / 20)
        * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)
    )


def dialled(samples, rate_hz, digits):
    out, length = samples.copy(), round(0.08 * rate_hz)
    for place, digit in enumerate(digits):
        start = round((0.3 + 0.9 * place) * rate_hz)
        out[start : start + length] = digit_samples(
            digit, (0.1, 0.1), rate_hz, length=length, start=0, stop=length
        )
    return rounded(out)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("name", SPEAKERS)
def test_digits_in_speech_are_read_with_their_times(name, rate_hz):
    found = check("tones", dialled(speech(name, rate_hz), rate_hz, "159#"), rate_hz)
    assert found.words == ("tones",)
    assert found.figures["dtmf_digits"] == found.figures["tone_count"] == 4
    assert [start for start, _ in found.spans] == pytest.approx([0.3, 1.2, 2.1, 3.0], abs=0.05)
    assert "159#" in found.notes[0]


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_test_tone_of_minus_45_dbov_under_speech_is_seen_and_one_of_minus_70_is_not(name):
    said = speech(name)
    for dbov, words in ((-30.0, ("tones",)), (-45.0, ("tones",)), (-70.0, ())):
        found = check("tones", said + tone(1000, dbov, said.size / 16_000, 16_000), 16_000)
        assert found.words == words
        if words:
            assert found.figures["tone_hz"] == pytest.approx(1000, abs=2)
            assert found.figures["tone_dbov"] == pytest.approx(dbov, abs=3)
            assert "test tone" in found.notes[0]


@pytest.mark.parametrize(
    ("hz", "said"),
    [((440, 480), "network"), ((425,), "network"), ((1100,), "fax"), ((2100,), "fax or modem")],
)
def test_tones_of_the_network_and_of_machines_are_named(hz, said):
    sound = sum(tone(each, -26, 0.5, 8_000) for each in hz)
    found = check(
        "tones", np.concatenate((speech("man", 8_000), np.zeros(4_000), sound, np.zeros(4_000))), 8_000
    )
    assert found.figures["tone_count"] == 1
    assert found.figures["tone_s"] == pytest.approx(0.5, abs=0.07)
    assert said in found.notes[0]


@pytest.mark.parametrize("name", SPEAKERS)
def test_busy_beside_speech_is_heard_cadence_by_cadence(name):
    busy = np.tile(
        np.concatenate((tone(480, -24, 0.25, 8_000) + tone(620, -24, 0.25, 8_000), np.zeros(2_000))), 4
    )
    found = check("tones", np.concatenate((speech(name, 8_000), busy)), 8_000)
    assert found.figures["tone_count"] == 4


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_beep_of_60_ms_is_too_short(name):
    found = check(
        "tones", np.concatenate((speech(name), tone(1000, -20, 0.06, 16_000), np.zeros(16_000))), 16_000
    )
    assert found.figures["tone_count"] == 0


@pytest.mark.parametrize("codec", [None, *CODECS])
@pytest.mark.parametrize("name", SPEAKERS)
def test_speech_is_no_tone_whatever_codec_it_went_through(name, codec):
    samples, rate_hz = (speech(name), 16_000) if codec is None else heard_through(codec, speech(name))
    assert check("tones", samples, rate_hz).figures["tone_count"] == 0


@pytest.mark.parametrize("name", SPEAKERS)
def test_hum_is_no_tone(name):
    said = speech(name)
    hum = sum(tone(50 * k, -40 - 3 * k, said.size / 16_000, 16_000) for k in range(1, 6))
    assert check("tones", said + hum, 16_000).figures["tone_count"] == 0


def test_a_tone_that_was_said_is_told_and_is_no_fault():
    said = dialled(speech("woman"), 16_000, "42")
    found = check("tones", said, 16_000, reference=said, aligned=identity(said, 16_000))
    assert found.figures["dtmf_digits"] == 2
    assert found.words == ()
    other = check("tones", said, 16_000, reference=speech("woman"), aligned=identity(said, 16_000))
    assert other.words == ("tones",)


def test_silence_and_a_few_samples_hold_no_tone():
    for samples in (np.zeros(16_000), np.zeros(0), np.ones(1), np.full(5_000, np.nan)):
        assert check("tones", samples, 16_000).figures["tone_count"] == 0


def test_two_tones_at_once_do_not_last_twice_as_long():
    both = tone(700, -30, 4, 16_000) + tone(1900, -31, 4, 16_000) + tone(2900, -32, 4, 16_000)
    found = check("tones", both, 16_000)
    assert found.figures["tone_count"] == 3
    assert found.figures["tone_s"] == pytest.approx(4, abs=0.6)
