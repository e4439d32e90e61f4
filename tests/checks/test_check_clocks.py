"""What the aligner found of time and sign, as verdicts: drift, jumps of the delay, polarity."""

import numpy as np
import pytest
from support.line_faults import SPEAKERS, alignment, check, speech
from support.misalign import MISALIGNMENTS

from dsp.alignment import align
from dsp.track import ArrayTrack

SAID = speech("man")
WHOLE = [(0, SAID.size, 0.0)]


def verdict(name, **options):
    return check(name, SAID, 16_000, reference=SAID, aligned=alignment(16_000, WHOLE, **options))


@pytest.mark.parametrize(
    ("ppm", "words"), [(-130.0, ("drift",)), (110.0, ()), (20.0, ()), (500.0, ("drift",))]
)
def test_clocks_more_than_120_ppm_apart_drift(ppm, words):
    found = verdict("drift", skew_ppm=ppm)
    assert found.words == words
    assert found.figures["skew_ppm"] == ppm


def test_eight_seconds_of_envelopes_cannot_tell_a_drift_of_500_ppm_and_ten_minutes_can():
    assert verdict("drift", skew_ppm=500.0, waveform_kept=False).words == ()
    long = alignment(16_000, [(0, 600 * 16_000, 0.0)], skew_ppm=500.0, waveform_kept=False)
    assert check("drift", SAID, 16_000, reference=SAID, aligned=long).words == ("drift",)


def test_a_signal_upside_down_is_told():
    assert verdict("polarity", polarity=-1).words == ("inverted",)
    assert verdict("polarity").words == ()
    assert verdict("polarity", polarity=-1, waveform_kept=False).figures["polarity"] is None


@pytest.mark.parametrize(
    ("jumps", "words"),
    [
        ([(20_000, 320.0, True)], ()),
        ([(20_000, 320.0, True), (40_000, -320.0, True), (60_000, 960.0, True)], ("delay-jumps",)),
        ([(20_000, 960.0, False), (40_000, -960.0, False)], ()),
        ([(20_000, 2_400.0, False)], ("delay-jumps",)),
    ],
)
def test_jumps_count_where_they_tear_words_or_are_large(jumps, words):
    found = verdict("delay-jumps", changes=jumps)
    assert found.words == words
    assert found.figures["delay_jumps"] == len(jumps)
    assert found.figures["delay_jump_ms"] == pytest.approx(sum(abs(by) for _, by, _ in jumps) / 16)
    assert found.figures["largest_delay_jump_ms"] == pytest.approx(max(abs(by) for _, by, _ in jumps) / 16)
    assert len(found.spans) == len(jumps)


@pytest.mark.parametrize("name", SPEAKERS)
def test_another_speakers_words_are_unrelated_and_unlike(name):
    other = next(each for each in SPEAKERS if each != name)
    found = check("unrelated", speech(other), 16_000, reference=speech(name), unrelated=True)
    assert found.words == ("unrelated",)
    assert found.figures["likeness"] < 0.55
    same = np.concatenate((np.zeros(30_000), 0.1 * speech(name)))
    found = check("unrelated", same, 16_000, reference=speech(name))
    assert found.words == ()
    assert found.figures["likeness"] > 0.85


def test_silence_is_not_unrelated_but_silent():
    found = check("unrelated", np.zeros(80_000), 16_000, reference=speech("man"), unrelated=True)
    assert found.words == ()
    assert found.figures["likeness"] is None


@pytest.mark.parametrize(
    ("fault", "said_by"),
    [
        ("delay-500ms", {}),
        ("insert-20ms-pause", {}),
        ("delete-20ms-word", {}),
        ("insert-100ms-word", {"delay-jumps": ("delay-jumps",)}),
        ("delete-300ms-pause", {"delay-jumps": ("delay-jumps",)}),
        ("skew-500ppm", {"drift": ("drift",)}),
        ("head-cut-1s", {"muted-ends": ("cut-start",)}),
        ("gain-minus-20db", {"polarity": ("inverted",)}),
    ],
)
@pytest.mark.parametrize("name", SPEAKERS)
def test_with_the_aligner_each_misalignment_has_its_word_and_no_other(name, fault, said_by):
    said = speech(name, 8_000)
    heard = MISALIGNMENTS[fault](said, 8_000).samples
    aligned = align(ArrayTrack(said, 8_000), ArrayTrack(heard, 8_000))
    for each in (
        "delay-jumps",
        "drift",
        "dropouts",
        "echo",
        "muted-ends",
        "polarity",
        "repeats",
        "tones",
        "unrelated",
    ):
        found = check(each, heard, 8_000, reference=said, aligned=aligned)
        assert found.words == said_by.get(each, ()), each
