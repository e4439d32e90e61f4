"""The signal checks, run one after the other: what stands beside every score, and where there is no score alone."""

from dataclasses import dataclass, replace

from dsp.alignment.base import Alignment
from dsp.checks import CheckSpec, Evidence, checks
from dsp.checks.features import features_of
from dsp.errors import DspError
from dsp.track import Track
from softphone.scorer.score import Checked, reason, rounded

SEARCHED_S = 1.0
"""With so much sound in both, a reference that is not found is not there; with less there is nothing to find."""

OF_SILENCE = frozenset({"silent", "attenuated", "dc-offset"})
"""Words that tell something of a recording in which nothing is heard: of what nobody hears, no other fault is one."""

OF_SPEECH = frozenset({"too-quiet", "too-loud", "noise"})
"""Words that tell of speech, of which there is none where the noise of pauses is all that is heard."""


@dataclass(frozen=True, slots=True)
class Listening:
    """What there is to be checked."""

    degraded: Track
    """At the rate of the pair."""
    own: Track
    """The same at its own rate."""
    reference: Track | None = None
    alignment: Alignment | None = None
    far: Track | None = None


def run_checks(listening: Listening) -> tuple[dict[str, Checked], dict[str, str], list[str]]:
    """Run every check of the registry.

    Returns:
        What each found; why one could not be run; all words.
    """
    reference, alignment = listening.reference, listening.alignment
    heard = features_of(listening.degraded)
    said = None if reference is None else features_of(reference)
    searched = said is not None and min(said.level.sounding_s, heard.level.sounding_s) >= SEARCHED_S
    pair = Evidence(
        degraded=listening.degraded,
        heard=heard,
        reference=reference,
        said=said,
        alignment=alignment,
        unrelated=alignment is None and searched,
        far=listening.far,
    )
    alone = pair
    if listening.own is not listening.degraded:
        alone = replace(pair, degraded=listening.own, heard=features_of(listening.own))
    found: dict[str, Checked] = {}
    refused: dict[str, str] = {}
    words: list[str] = []
    for name in checks.names():
        spec: CheckSpec = checks.get(name)
        if spec.needs_reference and alignment is None:
            continue
        try:
            finding = spec.run(pair if spec.needs_reference or spec.sample_by_sample else alone)
        except DspError as error:
            refused[name] = reason(error)
            continue
        words += finding.words
        found[name] = Checked(
            figures={key: rounded(value, 4) for key, value in finding.figures.items()},
            words=list(finding.words),
            spans=[[round(begin, 3), round(end, 3)] for begin, end in finding.spans],
            notes=list(finding.notes),
        )
    told = _told(words)
    for checked in found.values():
        if not told.issuperset(checked["words"]):
            checked["words"], checked["spans"], checked["notes"] = [], [], []
    return found, refused, [word for word in words if word in told]


def _told(words: list[str]) -> frozenset[str]:
    """Those of *words* that mean something beside the others."""
    if "silent" in words:
        return OF_SILENCE.intersection(words)
    return frozenset(words) - (OF_SPEECH if "comfort-noise" in words else frozenset())
