"""Muted ends: what is cut off the first or the last word."""

import numpy as np
import pytest
from support.line_faults import SPEAKERS, alignment, check, identity, speech


def first_word(samples):
    """The first sample of speech, roughly."""
    return int(np.argmax(np.abs(samples) > 0.05))


@pytest.mark.parametrize(("cut_ms", "words"), [(300, ("cut-start",)), (80, ("cut-start",)), (40, ())])
@pytest.mark.parametrize("name", SPEAKERS)
def test_first_words_that_the_aligner_misses_are_counted(name, cut_ms, words):
    said = speech(name)
    begin = first_word(said)
    cut = begin + cut_ms * 16
    aligned = alignment(16_000, [(cut, said.size, -cut)], missing=[(begin, cut)])
    found = check("muted-ends", said[cut:], 16_000, reference=said, aligned=aligned)
    assert found.words == words
    assert found.figures == {"cut_start_ms": cut_ms, "cut_end_ms": 0.0}


@pytest.mark.parametrize("name", SPEAKERS)
def test_last_words_and_words_in_the_middle_are_told_apart(name):
    said = speech(name)
    aligned = alignment(
        16_000, [(0, 48_000, 0.0), (51_200, 80_000, 0.0)], missing=[(48_000, 51_200), (80_000, 88_000)]
    )
    found = check("muted-ends", said[:80_000], 16_000, reference=said, aligned=aligned)
    assert found.words == ("cut-end",)
    assert found.figures == {"cut_start_ms": 0.0, "cut_end_ms": 500.0}
    assert found.spans == ((5.0, 5.0),)
    assert found.notes == (
        "Of the last words, 500 ms are not heard: the recording ends before they were said.",
    )


def test_a_loop_that_was_joined_late_is_not_cut():
    said = speech("man")
    aligned = alignment(16_000, [(30_000, said.size, -30_000)], missing=[(3_000, 30_000)], copies=2)
    assert check("muted-ends", said, 16_000, reference=said, aligned=aligned).words == ()


@pytest.mark.parametrize("name", SPEAKERS)
def test_without_a_reference_a_recording_that_begins_or_ends_within_a_word_is_told(name):
    said = speech(name)
    loud = np.flatnonzero(np.convolve(said**2, np.ones(1600) / 1600, "valid") > 0.005)
    first, last = int(loud[0]) + 800, int(loud[-1]) + 800
    assert check("muted-ends", said[first:], 16_000).words == ("cut-start",)
    assert check("muted-ends", said[:last], 16_000).words == ("cut-end",)
    assert check("muted-ends", said, 16_000).words == ()


def test_silence_is_not_cut():
    assert check("muted-ends", np.zeros(16_000), 16_000).words == ()
    assert check("muted-ends", np.zeros(3), 16_000).words == ()


def test_what_the_aligner_failed_to_recognise_but_is_heard_is_not_cut():
    said = speech("woman")
    begin = first_word(said)
    aligned = alignment(16_000, [(begin + 8_000, said.size, 0.0)], missing=[(begin, begin + 8_000)])
    assert check("muted-ends", said, 16_000, reference=said, aligned=aligned).words == ()
    muted = said.copy()
    muted[: begin + 8_000] = 0
    assert check("muted-ends", muted, 16_000, reference=said, aligned=aligned).words == ("cut-start",)


@pytest.mark.parametrize("name", SPEAKERS)
def test_words_that_the_aligner_laid_upon_silence_at_the_ends_are_cut(name):
    said = speech(name)
    loud = np.flatnonzero(np.abs(said) > 0.05)
    for word, part in (("cut-start", slice(0, loud[0] + 4_800)), ("cut-end", slice(loud[-1] - 4_800, None))):
        damaged = said.copy()
        damaged[part] = 0
        found = check("muted-ends", damaged, 16_000, reference=said, aligned=identity(said, 16_000))
        assert found.words == (word,)
        assert 64 <= found.figures[f"{word.replace('-', '_')}_ms"] <= 310
        assert found.notes[0].endswith("are not heard.")


@pytest.mark.parametrize("name", SPEAKERS)
def test_an_offset_of_the_wave_is_no_speech_at_the_ends(name):
    assert check("muted-ends", speech(name) + np.float32(0.05), 16_000).words == ()
