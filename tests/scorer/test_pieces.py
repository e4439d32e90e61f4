"""Where each part of the reference was recorded, and how it is cut."""

import pytest

from dsp.alignment.base import Alignment, Span, Stretch
from softphone.scorer.pieces import Copies, cut, told_together
from softphone.scorer.score import OK, ordered, p800_word

RATE = 1000


def stretch(start, stop, offset, copy=0, slope=0.0):
    return Stretch(start, stop, float(offset), slope, 1.0, copy, True)


def alignment(*stretches):
    copies = len({one.copy for one in stretches})
    return Alignment(RATE, 1, 0.0, True, copies, stretches, (), (), (), 1.0)


def test_all_of_the_reference_that_could_be_recorded_counts():
    copies = Copies(alignment(stretch(0, 10_000, 3000)), 10_000, 20_000)
    assert copies.ranges == {0: (0, 10_000)}
    assert copies.heard_at(0, 500) == 3500


def test_what_lies_outside_of_the_recording_does_not_count():
    copies = Copies(alignment(stretch(2000, 7000, -2000)), 10_000, 5000)
    assert copies.ranges == {0: (2000, 7000)}
    assert copies.is_outside(0, Span(0, 2000))
    assert copies.is_outside(0, Span(7000, 10_000))
    assert not copies.is_outside(0, Span(1000, 3000))


def test_what_was_not_heard_while_it_was_recorded_counts():
    """The first word was swallowed: the recording runs, but it is not in it."""
    copies = Copies(alignment(stretch(2000, 10_000, 5000)), 10_000, 20_000)
    assert copies.ranges == {0: (0, 10_000)}
    assert not copies.is_outside(0, Span(0, 2000))


def test_each_copy_has_its_place_and_the_last_may_be_cut_by_the_end():
    copies = Copies(
        alignment(stretch(0, 4000, 0), stretch(4000, 10_000, 50), stretch(0, 3000, 10_050, copy=1)),
        10_000,
        13_050,
    )
    assert copies.ranges == {0: (0, 10_000), 1: (0, 3000)}
    assert [copies.heard_at(0, at) for at in (0, 3999, 4000, 9000)] == [0, 3999, 4050, 9050]
    assert copies.heard_at(1, 100) == 10_150


def test_skew_moves_the_edges():
    copies = Copies(alignment(stretch(0, 10_000, 0, slope=0.001)), 10_000, 10_010)
    assert copies.ranges == {0: (0, 10_000)}
    assert copies.heard_at(0, 10_000) == pytest.approx(10_010)


def test_pieces_are_cut_in_pauses_and_cover_everything():
    copies = Copies(alignment(stretch(0, 150_000, 0)), 150_000, 150_000)
    spoken = [Span(at, at + 3000) for at in range(0, 150_000, 5000)]
    pieces = cut(copies, spoken, RATE)
    assert [piece.start for piece in pieces[1:]] == [piece.stop for piece in pieces[:-1]]
    assert (pieces[0].start, pieces[-1].stop) == (0, 150_000)
    assert all(piece.stop - piece.start <= 60_000 for piece in pieces)
    assert all(piece.stop % 5000 == 4000 for piece in pieces[:-1])
    assert len(pieces) == 3


def test_without_a_pause_it_is_cut_all_the_same():
    copies = Copies(alignment(stretch(0, 130_000, 0)), 130_000, 130_000)
    assert [piece.stop for piece in cut(copies, [], RATE)] == [60_000, 120_000, 130_000]


def test_short_utterances_are_told_with_their_neighbour():
    spoken = [Span(0, 300), Span(600, 3000), Span(3200, 3500), Span(9000, 9200)]
    assert told_together(spoken, RATE) == [Span(0, 3500), Span(9000, 9200)]
    assert told_together([], RATE) == []


@pytest.mark.parametrize(
    ("mos", "word"),
    [
        (1.0, "bad"),
        (1.49, "bad"),
        (1.5, "poor"),
        (2.5, "fair"),
        (3.49, "fair"),
        (3.5, "good"),
        (4.5, "excellent"),
        (5.0, "excellent"),
    ],
)
def test_the_words_are_those_of_the_nearest_category_of_p800(mos, word):
    assert p800_word(mos) == word


def test_words_have_an_order_and_ok_stands_alone():
    assert ordered([]) == [OK]
    assert ordered([OK]) == [OK]
    assert ordered(["zzz", "noise", OK, "silent", "noise", "aaa"]) == ["silent", "noise", "aaa", "zzz"]
