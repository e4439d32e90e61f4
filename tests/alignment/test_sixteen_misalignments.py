"""Each of the sixteen misalignments of both bundled speakers is found as it was made."""

import numpy as np
import pytest
from support.heard import RATE, bundled, noisy
from support.impairments import lossy
from support.misalign import MISALIGNMENTS, g711, jitter_moves, moved, skewed, word_at

from dsp.alignment import align, delay_trace
from dsp.track import ArrayTrack

STEP = 160
"""10 ms: how densely the truth is compared."""


def spoken(speech):
    """Positions of the reference at which somebody speaks: 20 ms less than 30 dB below the mean."""
    at = np.arange(STEP, speech.size - STEP, STEP)
    power = np.array([np.mean(speech[k - STEP : k + STEP] ** 2) for k in at])
    return at[power > 1e-3 * np.mean(speech**2)]


def found_at(alignment, positions):
    heard = np.full(positions.size, np.nan)
    for stretch in alignment.stretches:
        inside = (positions >= stretch.start) & (positions < stretch.stop)
        heard[inside] = [stretch.heard_at(float(p)) for p in positions[inside]]
    return heard


def errors_ms(speech, truth, alignment):
    """Of the trace where speech is, away from the 10 ms around a place where sound was put in or taken out."""
    at = spoken(speech)
    for start, _ in truth.trace[1:]:
        at = at[np.abs(at - start) > 0.01 * RATE]
    for start, _ in truth.lost:
        at = at[np.abs(at - start) > 0.01 * RATE]
    expected = truth.heard_at(at)
    inside = (expected >= 0) & (expected < truth.samples.size - 0.005 * RATE)
    found = found_at(alignment, at)
    assert np.isnan(found[np.isnan(expected)]).all(), "what was lost is not heard"
    wanted = inside & ~np.isnan(expected)
    assert not np.isnan(found[wanted]).any(), "what was heard is found"
    return 1000 * np.abs(found - expected)[wanted] / RATE


@pytest.mark.parametrize("name", MISALIGNMENTS)
@pytest.mark.parametrize("speaker", ["man", "woman"])
def test_the_trace_is_right_where_speech_is(speaker, name):
    speech = bundled(speaker)
    truth = MISALIGNMENTS[name](speech, RATE)
    found = align(ArrayTrack(speech, RATE), ArrayTrack(truth.samples, RATE))
    assert np.max(errors_ms(speech, truth, found)) < 0.05  # measured: 0.009; asked for: 5
    assert found.skew_ppm == pytest.approx(truth.skew_ppm, abs=5)  # measured: 1.5; asked for: 20
    assert found.polarity == truth.polarity
    assert found.waveform_kept
    assert found.copies == 1
    assert len(found.changes) == len(truth.trace) - 1
    steps = np.diff([offset for _, offset in truth.trace])
    assert [change.by for change in found.changes] == pytest.approx(steps, abs=1)
    assert len(found.inserted) == len(truth.inserted)
    for span, (start, stop) in zip(found.inserted, truth.inserted, strict=True):
        assert abs(span.start - start) < 0.005 * RATE
        assert abs(span.stop - stop) < 0.005 * RATE


@pytest.mark.parametrize(
    "name", ["insert-1s-pause", "delete-300ms-pause", "insert-100ms-word", "delete-20ms-word"]
)
def test_a_jump_says_whether_it_tore_a_word(name):
    speech = bundled("woman")  # the man has no pause of 300 ms
    found = align(ArrayTrack(speech, RATE), ArrayTrack(MISALIGNMENTS[name](speech, RATE).samples, RATE))
    assert [change.in_speech for change in found.changes] == [name.endswith("word")]


def test_a_cut_head_is_missing_and_nothing_else():
    speech = bundled("woman")
    cut = align(
        ArrayTrack(speech, RATE), ArrayTrack(MISALIGNMENTS["head-cut-1s"](speech, RATE).samples, RATE)
    )
    (missing,) = cut.missing
    assert (missing.span.start, missing.span.stop, missing.copy) == (0, RATE, 0)
    assert 0.7 * RATE < missing.speech <= RATE
    whole = align(ArrayTrack(speech, RATE), ArrayTrack(MISALIGNMENTS["delay-8s"](speech, RATE).samples, RATE))
    assert whole.missing == ()


def test_the_trace_over_time_holds_every_jump():
    speech = bundled("man")
    truth = MISALIGNMENTS["jitter-moves"](speech, RATE)
    at_s, delay_ms = delay_trace(align(ArrayTrack(speech, RATE), ArrayTrack(truth.samples, RATE)))
    assert np.all(np.diff(at_s) >= 0)
    assert delay_ms[::2] == pytest.approx([1000 * offset / RATE for _, offset in truth.trace], abs=0.01)
    assert delay_ms[1::2] == pytest.approx(delay_ms[::2])


@pytest.mark.parametrize("ppm", [-2000.0, -300.0, 30.0])
def test_a_clock_that_is_off_in_either_direction(ppm):
    speech = bundled("woman")
    found = align(ArrayTrack(speech, RATE), ArrayTrack(skewed(g711(speech, RATE), ppm).samples, RATE))
    assert found.skew_ppm == pytest.approx(ppm, abs=5)
    assert found.changes == ()


def test_skew_and_jumps_at_once():
    speech = bundled("woman")
    truth = jitter_moves(speech, g711(speech, RATE), RATE)
    heard = skewed(truth.samples, 700.0).samples
    found = align(ArrayTrack(speech, RATE), ArrayTrack(heard, RATE))
    assert found.skew_ppm == pytest.approx(700, abs=20)
    assert [change.by for change in found.changes] == pytest.approx(
        np.diff([o for _, o in truth.trace]), abs=2
    )


def test_a_clock_that_changes_is_followed():
    speech = np.concatenate([bundled("woman"), bundled("man")] * 3)
    heard, half = g711(speech, RATE), speech.size // 2
    first = skewed(heard[:half], 300.0).samples
    recorded = np.concatenate((first, skewed(heard[half:], -200.0).samples))
    found = align(ArrayTrack(speech, RATE), ArrayTrack(recorded, RATE))
    at = np.arange(0, speech.size - RATE, STEP)
    expected = np.where(at < half, at * 1.0003, (at - half) * 0.9998 + first.size)
    assert 1000 * np.max(np.abs(found_at(found, at) - expected)) / RATE < 1  # measured: 0.1; asked for: 5
    assert found.changes == ()
    assert found.copies == 1


@pytest.mark.parametrize("by_ms", [10, -10, 15, -15])
@pytest.mark.parametrize("speaker", ["man", "woman"])
def test_jumps_of_10_ms_in_a_word_are_found(speaker, by_ms):
    speech, by = bundled(speaker), by_ms * RATE // 1000
    at = word_at(speech, RATE, share=(0.3, 0.7))
    truth = moved(g711(speech, RATE), [(at, by)])
    found = align(ArrayTrack(speech, RATE), ArrayTrack(truth.samples, RATE))
    assert [round(change.by) for change in found.changes] == [by]
    assert np.max(errors_ms(speech, truth, found)) < 5


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("condition", ["clean", "loss", "noise"])
def test_any_jumps_are_found_and_no_others(condition, seed):
    rng = np.random.default_rng(seed)
    speech = bundled("man" if seed % 2 else "woman")
    heard = lossy(speech, RATE, 5, seed=seed) if condition == "loss" else g711(speech, RATE)
    words = [word_at(speech, RATE, share=(s, s + 0.08)) for s in (0.15, 0.35, 0.55, 0.75)]
    moves = [(at, int(rng.uniform(0.01, 0.06) * RATE) * int(rng.choice([-1, 1]))) for at in words]
    truth = moved(heard, moves)
    recorded = noisy(truth.samples, 10, seed=seed) if condition == "noise" else truth.samples
    found = align(ArrayTrack(speech, RATE), ArrayTrack(recorded, RATE))
    assert [change.by for change in found.changes] == pytest.approx([by for _, by in moves], abs=2)
    at = spoken(speech)
    wrong = np.abs(found_at(found, at) - truth.heard_at(at)) > 0.005 * RATE
    # Where a lost packet hides the jump nobody can tell within it; measured: 0.5 % at most.
    assert np.count_nonzero(wrong) <= 0.02 * at.size
