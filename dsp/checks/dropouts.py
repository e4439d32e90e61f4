"""Gaps in the speech: sound that stops at once and comes back.

Two kinds are found. Without a reference, a run of near-zero samples of 5 ms to 1 s that begins within 3 ms of sound and
after which sound comes back, just as `dsp.level` counts them in a running call. With a reference, besides, any
stretch between two others of what is heard in which the reference speaks and next to nothing is heard (`_gap_finder`): there no
zeros are needed, nor does sound have to come back within a second.

Source: our own; the word's limits are those of the verdicts on a running call.
"""

from collections.abc import Iterator

import numpy as np

from dsp.checks._gap_finder import lost_speech
from dsp.checks.base import MOST_SPANS, CheckSpec, Evidence, Figure, Finding, Verdict, times, word_from_ms
from dsp.checks.features import FAINT, Features, finite, spans_of
from dsp.track import Track

SHORTEST_S, LONGEST_S = 0.005, 1.0
"""Of a run of near-zero samples."""
SOUND_BEFORE = 0.01
"""Magnitude that is reached within the last 3 ms before such a run: words fade, they do not stop there."""
AS_QUIET, LEAST = 4.0, 1e-9
"""Times the power within two gaps, and -90 dBov: no more between them, and they are one."""


def _run(evidence: Evidence) -> Finding:
    heard = evidence.heard
    gaps = list(_near_zero(evidence.degraded, heard))
    if evidence.alignment is not None and evidence.said is not None:
        gaps += lost_speech(evidence.degraded, heard, evidence.said, evidence.alignment).between
        gaps = _without_sound_between(_united(gaps), heard)
    gaps = _united(gaps)
    lengths = [1000.0 * (stop - start) / heard.sample_rate_hz for start, stop in gaps]
    total_ms = sum(lengths)
    figures = {
        "dropout_count": float(len(gaps)),
        "dropout_ms": total_ms,
        "longest_dropout_ms": max(lengths, default=0.0),
    }
    limit_ms = word_from_ms(heard.level.activity * heard.level.seconds)
    words: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    if total_ms >= limit_ms:
        notes = (
            f"The sound is gone {times(len(gaps))} for {total_ms:.0f} ms in all, at most for {max(lengths):.0f} ms.",
        )
        had_ms = _had_ms(evidence)
        if total_ms - had_ms >= limit_ms:
            words = ("dropouts",)
        else:
            notes = (*notes, f"The reference has {had_ms:.0f} ms of gaps itself.")
    rate = heard.sample_rate_hz
    return Finding(
        figures, words, tuple((start / rate, stop / rate) for start, stop in gaps[:MOST_SPANS]), notes
    )


def _had_ms(evidence: Evidence) -> float:
    """How long the gaps are that the reference has already."""
    if evidence.reference is None or evidence.said is None or evidence.alignment is None:
        return 0.0
    gaps = _united(list(_near_zero(evidence.reference, evidence.said)))
    return (
        evidence.alignment.copies
        * 1000.0
        * sum(stop - start for start, stop in gaps)
        / evidence.said.sample_rate_hz
    )


def _near_zero(track: Track, heard: Features) -> Iterator[tuple[int, int]]:
    """Runs of near-zero samples, to the sample, by the definition of `dsp.level`."""
    rate = heard.sample_rate_hz
    subframe, frame = round(rate / 1000), heard.frame_samples
    reach = round(LONGEST_S / heard.frame_s) + 2
    # A run of 5 ms lies in two frames at most.
    pairs = heard.faint[:-1] + heard.faint[1:] >= SHORTEST_S * 1000 * subframe
    peak = heard.peak
    likely = (
        np.append(pairs, False) | np.append(False, pairs) if heard.frames else np.zeros(0, dtype=np.bool_)
    )
    for first, last in spans_of(likely):
        for piece in range(first - 1, last, reach):
            # Long enough for every run that begins in the piece, and a frame more on either side for its neighbours.
            ahead = min(last + 1, piece + 2 * reach)
            if not (peak[max(0, piece) : ahead] >= SOUND_BEFORE).any():
                continue
            begin = piece * frame
            samples = finite(track.read(begin, ahead * frame))
            size = np.abs(samples)
            edges = np.flatnonzero(np.diff(np.concatenate(([False], size <= FAINT, [False])))).reshape(-1, 2)
            lengths = edges[:, 1] - edges[:, 0]
            fits = (lengths >= SHORTEST_S * 1000 * subframe) & (lengths <= LONGEST_S * rate)
            for start, stop in edges[fits].tolist():
                at = begin + start
                before = size[max(0, (at // subframe - 3) * subframe - begin) : start]
                if stop < size.size and before.size and float(before.max()) >= SOUND_BEFORE:
                    yield at, begin + stop


def _without_sound_between(gaps: list[tuple[int, int]], heard: Features) -> list[tuple[int, int]]:
    """*gaps*, in order, those made one between which the reference paused and it stayed as quiet."""
    joined: list[tuple[int, int]] = []
    for start, stop in gaps:
        if joined:
            before, after = joined[-1]
            edges = [-(-before // heard.frame_samples), after // heard.frame_samples]
            edges += [-(-start // heard.frame_samples), stop // heard.frame_samples]
            inside = np.concatenate((heard.power[edges[0] : edges[1]], heard.power[edges[2] : edges[3]]))
            between = heard.power[edges[1] : edges[2]]
            if (
                inside.size
                and between.size
                and float(between.max()) <= AS_QUIET * float(inside.max()) + LEAST
            ):
                joined[-1] = before, stop
                continue
        joined.append((start, stop))
    return joined


def _united(gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """*gaps* in order, those that touch made one."""
    united: list[tuple[int, int]] = []
    for start, stop in sorted(gaps):
        if united and start <= united[-1][1]:
            united[-1] = united[-1][0], max(stop, united[-1][1])
        else:
            united.append((start, stop))
    return united


SPECS = (
    CheckSpec(
        name="dropouts",
        figures={
            "dropout_count": Figure("count", "How often the sound was gone in the middle of speech."),
            "dropout_ms": Figure("ms", "How long these gaps last in all."),
            "longest_dropout_ms": Figure("ms", "The longest of them."),
        },
        verdicts=(
            Verdict(
                "dropouts",
                "the sound is gone again and again in the middle of speech",
                "near-zero samples (3e-4 of full scale) for 5 ms to 1 s right after sound, or, with a reference, 15 ms or more "
                "heard 20 dB under what was said: 40 ms in all or more, and 1 % of the active time",
            ),
        ),
        needs_reference=False,
        run=_run,
    ),
)
