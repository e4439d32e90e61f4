"""How much louder or quieter the line made the speech.

Measures: `gain_db`, active level of the degraded signal less that of the reference.
Source: ITU-T G.107 (06/2015), equations 7-2 to 7-13, with all else at its default: a loss of 10 dB on the way takes R from
93 to 79, a gain of 15 dB to 80, where ITU-T G.109 (table 1) puts the border between satisfied and some
dissatisfied listeners.
"""

from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict
from dsp.level import SILENT_S

ATTENUATED_DB = -10.0
AMPLIFIED_DB = 15.0
LEAST_S = 0.5
"""So much speech must be heard."""


def run(evidence: Evidence) -> Finding:
    """Compare the two levels."""
    level = evidence.heard.level
    heard = level.level_dbov
    said = evidence.said.level.level_dbov if evidence.said is not None else None
    if heard is None or said is None:
        return Finding({"gain_db": None})
    gain = heard - said
    words: tuple[str, ...] = ()
    is_heard = level.sounding_s >= SILENT_S or evidence.alignment is not None
    speaks = is_heard and evidence.heard.speech_s >= LEAST_S
    if speaks and gain <= ATTENUATED_DB:
        words = ("attenuated",)
    elif speaks and gain >= AMPLIFIED_DB:
        words = ("amplified",)
    return Finding({"gain_db": gain}, words)


SPECS = (
    CheckSpec(
        name="gain",
        figures={
            "gain_db": Figure(
                "dB",
                "How much louder (above 0) or quieter (below 0) the speech is than what was sent. -6 is half the amplitude.",
            )
        },
        verdicts=(
            Verdict(
                "attenuated",
                "the line made the speech much quieter than it was",
                f"gain of {ATTENUATED_DB:g} dB or less against the reference, where {LEAST_S:g} s of speech or more are heard",
            ),
            Verdict(
                "amplified",
                "the line made the speech much louder than it was",
                f"gain of +{AMPLIFIED_DB:g} dB or more against the reference, where {LEAST_S:g} s of speech or more are heard",
            ),
        ),
        needs_reference=True,
        run=run,
    ),
)
