"""Jumps of the delay: what a jitter buffer does when it grows or shrinks.

In a pause a small jump is not heard. Within speech it tears a hole or takes something out, as a gap does, and
the limits of gaps hold.

Source: ITU-T G.114: 150 ms of one-way delay are all that a conversation stands unharmed, so a jump of so much is a fault anywhere.
"""

from dsp.checks.base import MOST_SPANS, CheckSpec, Evidence, Figure, Finding, Verdict, times, word_from_ms

ANYWHERE_MS = 150.0


def _run(evidence: Evidence) -> Finding:
    alignment = evidence.alignment
    if alignment is None:
        return Finding({"delay_jumps": None, "delay_jump_ms": None, "largest_delay_jump_ms": None})
    rate = alignment.sample_rate_hz
    sizes = [1000.0 * abs(change.by) / rate for change in alignment.changes]
    largest = max(sizes, default=0.0)
    figures = {
        "delay_jumps": float(len(sizes)),
        "delay_jump_ms": sum(sizes),
        "largest_delay_jump_ms": largest,
    }
    torn = sum(size for size, change in zip(sizes, alignment.changes, strict=True) if change.in_speech)
    words: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    if torn >= word_from_ms(evidence.heard.speech_s) or largest >= ANYWHERE_MS:
        words = ("delay-jumps",)
        notes = (
            f"The delay jumps {times(len(sizes))}, by {largest:.0f} ms at most; {torn:.0f} ms of it within speech.",
        )
    spans = tuple(
        (change.at / rate, (change.at + max(0.0, change.by)) / rate)
        for change in alignment.changes[:MOST_SPANS]
    )
    return Finding(figures, words, spans, notes)


SPECS = (
    CheckSpec(
        name="delay-jumps",
        figures={
            "delay_jumps": Figure("count", "How often the delay jumped by 2 ms or more."),
            "delay_jump_ms": Figure("ms", "All jumps added up, whichever way."),
            "largest_delay_jump_ms": Figure("ms", "The largest of them."),
        },
        verdicts=(
            Verdict(
                "delay-jumps",
                "the delay jumps, so that words are torn or pauses change",
                "jumps within speech of 40 ms in all or more, and 1 % of the time of speech; or one of 150 ms or more anywhere",
            ),
        ),
        needs_reference=True,
        run=_run,
    ),
)
