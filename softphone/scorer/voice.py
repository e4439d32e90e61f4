"""The result of a voice: suitability first, then every measure, each with its settings and source, or why it is refused.

Which measures need a sustained vowel follows published use. Jitter, shimmer, NHR and phonation time are defined on one, where the
speaker wants cycle to equal cycle; in speech intonation, consonants and onsets would be measured as roughness. HNR is reported for
both (of speech within AVQI, for one), as are F0, CPP and CPPS, the long-term spectrum and what is made from it.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict, cast

import numpy as np

from dsp.errors import DspError
from dsp.phonation.analysis import NothingToMeasure, phonation
from dsp.phonation.phonation import Phonation, VoiceSettings
from dsp.phonation.section import Recording
from dsp.phonation.suitability import FULL_RATE_HZ
from dsp.voice import Figure, VoiceMeasure, measures
from softphone.scorer.score import OK, reason

SCHEMA = 1
EXAMPLE = "(0.44 % of jitter at 44.1 kHz becomes 0.54 % at 16 kHz)"
OF_PITCH = frozenset({"f0", "voice_range"})
"""Measures that a pitch torn between two voices says nothing of."""
DIGITS = 7
"""Significant digits of a number."""


class VoiceTask(TypedDict):
    """What was spoken."""

    kind: str
    """``vowel``, ``speech`` or ``none``."""
    reason: str
    confidence: float
    voiced_s: float
    longest_phonation_s: float
    spans: list[list[float]]
    """[from_s, to_s] of steady vowels."""


class VoiceResult(TypedDict):
    """What is printed; beside these keys stands every figure of every measure that is not exploratory, null where refused."""

    schema: int
    file: str
    seconds: float
    sample_rate_hz: int
    channel: int
    """Which was measured, from 1."""
    channels: int
    task: VoiceTask | None
    verdict: list[str]
    """Words of what makes the numbers doubtful, the worst first; "ok" alone: nothing."""
    warnings: list[str]
    """The same in sentences."""
    level_dbov: float | None
    """Active level after P.56."""
    background_dbov: float | None
    voice_over_background_db: float | None
    refused: dict[str, str]
    """Figure: why there is no number of it."""
    flags: dict[str, str]
    """Figure: what to bear in mind with its number."""
    exploratory: dict[str, Any]
    """Figures without norms."""
    sources: dict[str, str]
    """Measure: where it is defined."""
    settings: dict[str, Any]
    """``common``, and of each measure."""
    error: str | None
    """Why there is nothing at all."""


def voice_result(
    recording: Recording,
    *,
    settings: VoiceSettings,
    channel: int | None = None,
    name: str = "",
    progress: Callable[[float], None] | None = None,
) -> tuple[VoiceResult, Phonation | None]:
    """Measure all of a voice.

    Args:
        recording: of 8000 to 96000 Hz.
        channel: from 0; None: the only one alive, else the loudest.
        name: what it is called, for the result.
        progress: told the share that is done, 0 to 1.

    Returns:
        The result, of plain Python values only, without NaN, and all that was seen; None where nothing at all can be
        measured: `error` then says why.

    Raises:
        ParameterError: no such channel.
    """
    try:
        seen = phonation(recording, channel=channel, settings=settings, progress=progress)
    except NothingToMeasure as error:
        return _nothing(recording, settings, channel, name, error), None
    suitable, task = seen.suitability, seen.task
    common = VoiceResult(
        schema=SCHEMA,
        file=name,
        seconds=_plain(recording.size / recording.sample_rate_hz),
        sample_rate_hz=recording.sample_rate_hz,
        channel=seen.channel + 1,
        channels=recording.channels,
        task=VoiceTask(
            kind=task.kind,
            reason=task.reason,
            confidence=round(task.confidence, 2),
            voiced_s=_plain(task.voiced_s),
            longest_phonation_s=_plain(task.longest_phonation_s),
            spans=[[round(start, 3), round(stop, 3)] for start, stop in task.spans],
        ),
        verdict=list(suitable.words) or [OK],
        warnings=list(suitable.sentences),
        level_dbov=_plain(suitable.level_dbov),
        background_dbov=_plain(suitable.background_dbov),
        voice_over_background_db=_plain(suitable.voice_over_background_db),
        refused={},
        flags={},
        exploratory={},
        sources={},
        settings=_common(settings),
        error=None,
    )
    figures: dict[str, Any] = {}
    for measure in _ordered():
        found, refused = _measured(measure, seen)
        (common["exploratory"] if measure.exploratory else figures).update(found)
        common["refused"].update(refused)
        common["sources"][measure.name] = measure.source
        common["settings"][measure.name] = _plain(measure.settings(settings))
        if measure.perturbation and recording.sample_rate_hz < FULL_RATE_HZ:
            flag = f"measured at {recording.sample_rate_hz} Hz it is too high {EXAMPLE}"
            common["flags"].update({key: flag for key, value in found.items() if value is not None})
    return cast(VoiceResult, {**common, **figures}), seen


def _ordered() -> Iterable[VoiceMeasure]:
    return sorted((measures.get(name) for name in measures.names()), key=lambda each: (each.order, each.name))


def _measured(measure: VoiceMeasure, seen: Phonation) -> tuple[dict[str, Any], dict[str, str]]:
    """Figures of *measure*, None where there is no number, and why there is none."""
    values: Mapping[str, Any] = {}
    why = _unsuitable(measure, seen)
    if why is None:
        try:
            values = measure.run(seen)
        except DspError as error:
            why = reason(error)
    if why is not None:
        return dict.fromkeys(measure.figures), dict.fromkeys(measure.figures, why)
    found = {key: _plain(values[key]) for key in measure.figures}
    return found, {key: _wanting(measure.figures[key]) for key, value in found.items() if value is None}


def _wanting(figure: Figure) -> str:
    """Why *figure* is not there where its measure gave others."""
    if figure.wants:
        return f"it wants {figure.wants}"
    return "the recording has too little of what it is made from: record more of it"


def _unsuitable(measure: VoiceMeasure, seen: Phonation) -> str | None:
    """Why *measure* means nothing here; None: it does."""
    task, suitable = seen.task, seen.suitability
    if measure.without_voice:
        return None
    if not suitable.has_voice:
        return f"there is no voice in the recording: {task.reason}"
    if not suitable.is_one_voice:
        return "more than one voice or instrument sounds at once; record one voice alone"
    if not suitable.pitch_holds and (measure.task == "vowel" or measure.name in OF_PITCH):
        return "the pitch leaps to and fro, as where two people speak at once; record one voice alone"
    if measure.task == "vowel" and task.kind != "vowel":
        return f"it needs a sustained vowel; {task.reason}: hold a vowel for 3 s"
    return None


def _common(settings: VoiceSettings) -> dict[str, Any]:
    return {
        "common": {
            "pitch_floor_hz": settings.pitch_floor_hz,
            "pitch_ceiling_hz": settings.pitch_ceiling_hz,
            "formant_ceiling_hz": settings.formant_ceiling_hz,
        }
    }


def _nothing(
    recording: Recording, settings: VoiceSettings, channel: int | None, name: str, error: NothingToMeasure
) -> VoiceResult:
    """The result where nothing can be measured."""
    rate = recording.sample_rate_hz
    common = VoiceResult(
        schema=SCHEMA,
        file=name,
        seconds=_plain(recording.size / rate) if rate > 0 else 0.0,
        sample_rate_hz=rate,
        channel=1 if channel is None else channel + 1,
        channels=recording.channels,
        task=None,
        verdict=[error.word],
        warnings=[],
        level_dbov=None,
        background_dbov=None,
        voice_over_background_db=None,
        refused={},
        flags={},
        exploratory={},
        sources={},
        settings=_common(settings),
        error=reason(error),
    )
    figures = {key: None for measure in _ordered() if not measure.exploratory for key in measure.figures}
    return cast(VoiceResult, {**common, **figures})


def _plain(value: Any) -> Any:
    """*value* as JSON has it: Python's own numbers, to `DIGITS`; None for what is no number."""
    match value:
        case None | str() | bool():
            return value
        case np.bool_():
            return bool(value)
        case int() | np.integer():
            return int(value)
        case float() | np.floating():
            number = float(value)
            return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
        case _:
            return [_plain(each) for each in value]
