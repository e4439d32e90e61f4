"""What a score is: the keys that are printed, and the order of the words."""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

HEADLINE = "visqol"
"""The metric that gives `mos_lqo`."""
OK = "ok"
NOTHING_HEARD = ("one-way", "silent", "comfort-noise", "unrelated")
"""Words after which a quality that was asked for is missed, not unknown: nothing of the reference is there."""
WORDS = (
    *NOTHING_HEARD, "clipped", "too-quiet", "too-loud", "attenuated", "amplified", "echo", "dropouts", "repeated-frames",
    "cut-start", "cut-end", "delay-jumps", "tones", "noise", "hum", "drift",
)  # fmt: skip
"""Words in the order in which they are told, the worst first; others come behind, by name."""
WORST = 5
"""Segments that are listed as the worst."""


class Segment(TypedDict):
    """An utterance, where it is heard."""

    from_s: float
    to_s: float
    mos_lqo: float | None
    said_from_s: float
    """Where it begins in the reference."""
    copy: int
    """Which playing of the reference, from 0."""


class DelayChange(TypedDict):
    """The delay moved."""

    at_s: float
    """When, in the degraded signal."""
    by_ms: float
    """Positive: later than before."""
    in_speech: bool
    """Whether a word was torn or shortened by it."""


class NotHeard(TypedDict):
    """Part of the reference that is not in the recording."""

    from_s: float
    """In the reference."""
    to_s: float
    copy: int
    speech_s: float
    """What is said in it."""
    outside: bool
    """It would lie before the beginning or behind the end of the recording: it is not judged."""


class Part(TypedDict):
    """Part of the degraded signal."""

    from_s: float
    to_s: float


class Checked(TypedDict):
    """What one signal check found."""

    figures: dict[str, float | None]
    words: list[str]
    spans: list[list[float]]
    """Where, as [from_s, to_s] in the degraded signal."""
    notes: list[str]


class Score(TypedDict):
    """One score, as printed; null is what could not be measured."""

    mos_lqo: float | None
    metrics: dict[str, float | None]
    delay_ms: float | None
    """Offset of the first thing that was heard: degraded behind reference."""
    delay_changes: list[DelayChange]
    skew_ppm: float | None
    """Positive: the degraded signal lasts longer."""
    gain_db: float | None
    """Active level of the degraded signal minus that of the reference, over what was heard."""
    verdict: list[str]
    segments: list[Segment]
    seconds: float
    """Length of the degraded signal."""
    scored_s: float
    """Length of the reference that was held against it, all its copies."""
    speech_s: float | None
    """Of that, in which somebody speaks."""
    metric: str
    value: float | None
    unit: str
    max: float
    trusted: bool
    untrusted_because: str | None
    checks: dict[str, Checked]
    refused: dict[str, str]
    """Metric or check: why there is no number of it."""
    missing: list[NotHeard]
    inserted: list[Part]
    polarity: int | None
    copies: int
    waveform_kept: bool | None
    similarity: float | None
    """Of the envelopes, over all that was found, 0 to 1."""
    worst: list[Segment]
    trace: list[list[float]]
    """[at_s, mos_lqo] of windows of the degraded signal."""
    delay_trace: list[list[float]]
    """[at_s, delay_ms]."""
    reference: str | None


class CallScore(TypedDict):
    """What of a score stands in the RESULT of a call."""

    metric: str
    value: float
    unit: str
    max: float
    trusted: bool
    verdict: list[str]
    metrics: dict[str, float | None]
    delay_ms: float | None
    delay_changes: list[DelayChange]
    skew_ppm: float | None
    gain_db: float | None
    seconds: float
    scored_s: float
    segments: list[Segment]


def call_score(score: Mapping[str, Any]) -> CallScore | None:
    """What a RESULT tells of *score*; None where there is no MOS."""
    if score["value"] is None:
        return None
    return CallScore(
        metric=score["metric"],
        value=score["value"],
        unit=score["unit"],
        max=score["max"],
        trusted=score["trusted"],
        verdict=score["verdict"],
        metrics=score["metrics"],
        delay_ms=score["delay_ms"],
        delay_changes=score["delay_changes"],
        skew_ppm=score["skew_ppm"],
        gain_db=score["gain_db"],
        seconds=score["seconds"],
        scored_s=score["scored_s"],
        segments=score["segments"],
    )


def ordered(words: Iterable[str]) -> list[str]:
    """*words* without "ok", each once, in the order of `WORDS`; "ok" alone where there is none."""
    given = set(words) - {OK}
    return [*(word for word in WORDS if word in given), *sorted(given - set(WORDS))] or [OK]


def p800_word(mos: float) -> str:
    """The word for *mos* on the listening-quality scale of ITU-T P.800 (annex B.4.5), nearest category."""
    names = ("bad", "poor", "fair", "good", "excellent")
    return names[min(4, max(0, int(mos + 0.5) - 1))]


def reason(error: BaseException) -> str:
    """The message of *error*; a KeyError would print it in quotes."""
    return str(error.args[0] if error.args else error)


def rounded(value: Any, digits: int) -> float | None:
    """*value* without digits that mean nothing."""
    return None if value is None else round(float(value), digits)
