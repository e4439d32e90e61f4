"""References played in a loop, cut, with much else before, between and behind."""

import numpy as np
import pytest
from support.heard import RATE, bundled, coded
from support.misalign import g711, line_noise, skewed

from dsp.alignment import align, delay_trace
from dsp.track import ArrayTrack

MAN, WOMAN = bundled("man"), bundled("woman")


def aligned(reference, *parts):
    return align(ArrayTrack(reference, RATE), ArrayTrack(np.concatenate(parts).astype(np.float32), RATE))


def offsets(alignment):
    return [stretch.offset for stretch in alignment.stretches]


def test_a_loop_is_found_copy_by_copy_with_both_ends_cut():
    heard = g711(WOMAN, RATE)
    found = aligned(WOMAN, heard[50000:], heard, heard, heard[:60000], line_noise(3 * RATE))
    assert offsets(found) == [-50000 + n * WOMAN.size for n in range(4)]
    assert [stretch.copy for stretch in found.stretches] == [0, 1, 2, 3]
    assert found.copies == 4
    assert found.changes == ()
    assert found.inserted == ()
    assert [missing.copy for missing in found.missing] == [0, 3]
    assert found.missing[0].span.stop == 50000
    assert abs(found.missing[1].span.start - 60000) < 0.1 * RATE


def test_pauses_between_copies_are_no_jumps():
    heard = g711(MAN, RATE)
    found = aligned(MAN, heard, line_noise(240), heard, line_noise(RATE), heard)
    assert offsets(found) == [0, MAN.size + 240, 2 * MAN.size + 240 + RATE]
    assert found.changes == ()
    assert np.ptp(delay_trace(found)[1]) == 0


def test_a_minute_of_a_loop_with_skew_has_one_slope():
    looped = np.concatenate([g711(WOMAN, RATE)] * 8)[: 60 * RATE]
    found = aligned(WOMAN, skewed(looped, 150.0).samples)
    assert found.copies == 8
    assert found.skew_ppm == pytest.approx(150, abs=2)
    ends = [stretch.heard_at(stretch.start) for stretch in found.stretches]
    assert ends == pytest.approx([n * WOMAN.size * 1.00015 for n in range(8)], abs=3)


def test_a_loop_through_a_vocoder():
    found = aligned(WOMAN, *[coded(WOMAN, RATE, "codec2", 20)[: WOMAN.size]] * 3)
    assert not found.waveform_kept
    assert found.copies == 3
    assert offsets(found) == pytest.approx([320 + n * WOMAN.size for n in range(3)], abs=0.005 * RATE)


def test_part_of_a_longer_reference():
    longer = np.concatenate((MAN, WOMAN, MAN[::-1]))
    found = aligned(longer, g711(longer, RATE)[40000:200000])
    assert offsets(found) == [-40000]
    assert (found.missing[0].span.start, found.missing[0].span.stop) == (0, 40000)
    assert found.missing[-1].span.stop == longer.size


def test_a_reference_that_repeats_itself_is_one_copy():
    twice = np.concatenate((WOMAN, WOMAN))
    found = aligned(twice, g711(twice, RATE))
    assert found.copies == 1
    assert offsets(found) == [0]


def test_speech_of_somebody_else_around_it_is_left_alone():
    found = aligned(WOMAN, g711(MAN, RATE), g711(WOMAN, RATE), g711(MAN, RATE))
    assert offsets(found) == [MAN.size]
    assert (found.stretches[0].start, found.stretches[0].stop) == (0, WOMAN.size)


def test_utterances_that_were_left_out_between_two_others():
    whole = np.concatenate((WOMAN, MAN, WOMAN[::-1], MAN[: 3 * RATE]))
    heard = g711(whole, RATE)
    found = aligned(whole, heard[: WOMAN.size], line_noise(RATE), heard[WOMAN.size + MAN.size :])
    assert [round(change.by) for change in found.changes] == [RATE - MAN.size]
    (missing,) = found.missing
    assert missing.span.start == pytest.approx(WOMAN.size, abs=0.3 * RATE)
    assert missing.span.stop == pytest.approx(WOMAN.size + MAN.size, abs=0.3 * RATE)
    assert missing.speech > 5 * RATE


@pytest.mark.parametrize("seconds", [1.25, 2.0])
def test_little_more_than_a_second_is_enough(seconds):
    part = MAN[50000 : 50000 + int(seconds * RATE)]
    assert offsets(aligned(MAN, part)) == [-50000]
    assert offsets(aligned(part, MAN)) == [50000]


@pytest.mark.parametrize("by_s", [0.1, 0.4])
def test_half_a_second_that_went_elsewhere_is_followed(by_s):
    heard, start, stop, by = g711(WOMAN, RATE), 60000, 68000, int(by_s * RATE)
    found = aligned(WOMAN, heard[:start], line_noise(by), heard[start:stop], heard[stop + by :])
    assert offsets(found) == [0, by, 0]
    assert found.stretches[1].start == pytest.approx(start, abs=16)
    assert found.stretches[1].stop == pytest.approx(stop, abs=16)


def test_what_was_muted_in_the_middle_moves_nothing():
    heard = g711(WOMAN, RATE).copy()
    heard[60000:76000] = 0
    found = aligned(WOMAN, heard)
    assert offsets(found) == [0]
    assert found.missing == ()


def test_a_muted_beginning_is_missing():
    heard = g711(WOMAN, RATE).copy()
    heard[:RATE] = 0
    found = aligned(WOMAN, heard)
    assert offsets(found) == [0]
    (missing,) = found.missing
    assert missing.span.stop == pytest.approx(RATE, abs=0.05 * RATE)
