"""Tones in a recording: push-button digits, ringing, busy, fax, a test tone, alone or under the speech.

Source of the names of tones: ITU-T E.182 (call progress), T.30 (fax), V.25 (modems) and O.6 (test tone); for how they are found
see `dsp.checks._tone_finder`.
"""

from dsp.checks._tone_finder import Tone, near, tones_of
from dsp.checks.base import MOST_SPANS, CheckSpec, Evidence, Figure, Finding, Verdict

NAMES = (
    ((350.0, 400.0, 425.0, 440.0, 450.0, 480.0, 620.0), "of the network: dialling, ringing or busy"),
    ((1000.0, 1004.0, 1020.0), "test tone"),
    ((1100.0,), "calling tone of a fax"),
    ((1300.0,), "calling tone of a modem"),
    ((2100.0,), "answering tone of a fax or modem"),
)
NAMED_WITHIN_HZ = 6.0


def _run(evidence: Evidence) -> Finding:
    tones = tones_of(evidence.degraded)
    notes = [_described(tones)] if tones else []
    strange = tones
    if tones and evidence.reference is not None:
        known = tones_of(evidence.reference)
        strange = [tone for tone in tones if not any(_same(tone, other) for other in known)]
        if len(strange) < len(tones):
            notes.append(f"{len(tones) - len(strange)} of them are in the reference, too.")
    loudest = max(tones, key=lambda tone: tone.level_dbov, default=None)
    steady = max([tone for tone in tones if tone.hz], key=lambda tone: tone.level_dbov, default=None)
    figures = {
        "tone_count": float(len(tones)),
        "tone_s": _together_s(tones),
        "tone_hz": steady.hz[0] if steady else None,
        "tone_dbov": loudest.level_dbov if loudest else None,
        "dtmf_digits": float(sum(bool(tone.digit) for tone in tones)),
    }
    spans = tuple((tone.start_s, tone.stop_s) for tone in tones[:MOST_SPANS])
    return Finding(figures, ("tones",) if strange else (), spans, tuple(notes))


def _together_s(tones: list[Tone]) -> float:
    """How long at least one of *tones*, which are in order, sounds."""
    total = until = 0.0
    for tone in tones:
        total += max(0.0, tone.stop_s - max(until, tone.start_s))
        until = max(until, tone.stop_s)
    return total


def _same(tone: Tone, other: Tone) -> bool:
    return tone.digit == other.digit and (bool(tone.digit) or near(tone, other))


def _described(tones: list[Tone]) -> str:
    parts = []
    digits = "".join(tone.digit for tone in tones)
    if digits:
        parts.append(f"the digits {digits}")
    for tone in [tone for tone in tones if not tone.digit][:5]:
        hz = " and ".join(f"{each:.0f}" for each in tone.hz)
        named = [
            what
            for known, what in NAMES
            if all(min(abs(k - each) for k in known) <= NAMED_WITHIN_HZ for each in tone.hz)
        ]
        what = f" ({named[0]})" if named else ""
        parts.append(
            f"{hz} Hz{what} at {tone.level_dbov:.0f} dBov from {tone.start_s:.1f} to {tone.stop_s:.1f} s"
        )
    return "There are tones in the recording: " + "; ".join(parts) + "."


SPECS = (
    CheckSpec(
        name="tones",
        figures={
            "tone_count": Figure(
                "count", "Tones in the recording, digits of a telephone's buttons (DTMF) included."
            ),
            "tone_s": Figure("s", "How long they last in all."),
            "tone_hz": Figure("Hz", "Frequency of the strongest that is no digit."),
            "tone_dbov": Figure("dBov", "Level of the strongest."),
            "dtmf_digits": Figure("count", "How many of them are digits."),
        },
        verdicts=(
            Verdict(
                "tones",
                "tones sound in the recording that are no part of the speech",
                "a DTMF digit; one or two lines with 95 % of the power, steady to 2 Hz, for 200 ms; or a line of -60 dBov, 8 dB "
                "over its neighbours at every moment of 2.5 s: above 330 Hz, and not in the reference",
            ),
        ),
        needs_reference=False,
        run=_run,
    ),
)
