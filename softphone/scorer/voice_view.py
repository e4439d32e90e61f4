"""A measured voice in the order in which people read it: groups of measures, each number with its unit, flag and norm."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsp.voice import Figure, VoiceMeasure, measures
from dsp.voice_norms import Norm, norms

Result = Mapping[str, Any]

NO_DIAGNOSIS = (
    "These are measurements of a recording, and no diagnosis: microphone, room, loudness and the day move them. "
    "What ails a voice, a physician or a speech therapist finds out."
)
EXPLORATORY = "exploratory, without norms"
GROUPS = (
    ("pitch", ("f0",)),
    ("perturbation", ("jitter", "shimmer", "breaks")),
    ("noise", ("hnr", "nhr")),
    ("cepstrum", ("cpp",)),
    ("spectrum", ("ltas", "hpr", "alpha_ratio", "hammarberg", "level_difference", "spectral_slope")),
    ("formants", ("formants",)),
    ("range, level and time", ("voice_range", "intensity", "phonation_time")),
)
"""Titles and the measures below them; a measure of no group is among the others."""
OTHERS = "other measures"
KINDS = {"vowel": "a sustained vowel", "speech": "connected speech", "none": "no voice"}
HELD_OR_NOT = {"vowel": "a held sound", "speech": "a changing sound"}
SEVERAL = frozenset({"several-voices", "music"})
LONGEST_ACRONYM = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One number."""

    key: str
    figure: Figure
    measure: VoiceMeasure
    value: float
    flag: str | None
    """What to say of it, as where the sample rate is too low; None: nothing."""
    norms: tuple[Norm, ...]
    """Published for the same algorithm and task, for the sex asked for, else for both; norms of an age want one."""

    @property
    def text(self) -> str:
        """The number as people read it, without its unit."""
        return number(self.value, self.figure.digits)


@dataclass(frozen=True, slots=True)
class Group:
    """Measures that tell of the same thing."""

    title: str
    rows: tuple[Row, ...]


def groups(result: Result, *, sex: str | None = None, age: float | None = None) -> tuple[Group, ...]:
    """What was measured in *result*, a `softphone.scorer.voice.VoiceResult`; groups without a number are left out."""
    places = {name: title for title, names in GROUPS for name in names}
    found: dict[str, list[Row]] = {
        title: [] for title in (*(each for each, _ in GROUPS), OTHERS, EXPLORATORY)
    }
    for measure in in_order():
        title = EXPLORATORY if measure.exploratory else places.get(measure.name, OTHERS)
        found[title] += _rows(result, measure, sex, age)
    return tuple(Group(title, tuple(rows)) for title, rows in found.items() if rows)


def in_order() -> list[VoiceMeasure]:
    """All measures; those without norms come last."""
    known = (measures.get(name) for name in measures.names())
    return sorted(known, key=lambda each: (each.exploratory, each.order, each.name))


def what_it_is(result: Result) -> tuple[str, str]:
    """What was recorded, and by what it was told; chords, tunes and two voices are neither a vowel nor speech."""
    task = result["task"]
    if not SEVERAL.isdisjoint(result["verdict"]) and task["kind"] in HELD_OR_NOT:
        return HELD_OR_NOT[task["kind"]], "measures are taken or refused as of " + KINDS[task["kind"]]
    return KINDS.get(task["kind"], task["kind"]), task["reason"]


def plain_keys() -> list[str]:
    """Of every figure but curves, in the order of a table."""
    return [key for measure in in_order() for key, figure in measure.figures.items() if not figure.curve]


def refusals(result: Result) -> list[tuple[str, str]]:
    """(what was not measured, why), what has one reason together; a measure all of whose figures share it by its name."""
    refused: Mapping[str, str] = result["refused"]
    reasons: dict[str, list[str]] = {}
    for measure in in_order():
        keys = [key for key in measure.figures if key in refused]
        if len(keys) == len(measure.figures) and len({refused[key] for key in keys}) == 1:
            reasons.setdefault(refused[keys[0]], []).append(spoken(measure.name))
            continue
        for key in keys:
            reasons.setdefault(refused[key], []).append(measure.figures[key].label)
    return [(", ".join(names), why) for why, names in reasons.items()]


def spoken(name: str) -> str:
    """The name of a measure as people write it: HNR, spectral slope."""
    return name.upper() if len(name) <= LONGEST_ACRONYM else name.replace("_", " ")


def values_of(result: Result) -> Mapping[str, Any]:
    """Every figure by its key, exploratory ones, too."""
    return {**result, **result["exploratory"]}


def number(value: float, digits: int) -> str:
    """*value* with *digits* behind the point; a zero has no sign."""
    return f"{value:z.{digits}f}"


def settings_of(result: Result, measure: VoiceMeasure) -> Mapping[str, Any]:
    """What *measure* was made with."""
    found: Mapping[str, Any] = result["settings"].get(measure.name, {})
    return found


def settings_text(settings: Mapping[str, Any]) -> str:
    """*settings* in a line; those of a figure of its own behind the figure's key."""
    return "; ".join(
        f"{key}: {settings_text(value)}" if isinstance(value, Mapping) else f"{key} {_setting(value)}"
        for key, value in settings.items()
    )


def _setting(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case str():
            return value
        case Sequence():
            return " to ".join(_setting(each) for each in value)
        case _:
            return str(value)


def _rows(result: Result, measure: VoiceMeasure, sex: str | None, age: float | None) -> Iterator[Row]:
    values = values_of(result)
    for key, figure in measure.figures.items():
        value = values.get(key)
        if figure.curve or value is None:
            continue
        known = norms(key, sex, age, result["task"]["kind"])
        if age is None:
            known = tuple(norm for norm in known if norm.ages is None)
        yield Row(key, figure, measure, value, result["flags"].get(key), known)
