"""Whether anything is heard at all.

Measures: `sounding_s`, `silence_pct`, `first_sound_s`.
Source: own definition, the same that a running call uses: frames of 20 ms below -60 dBov are silent. The quietest clips
of real speech that the limits were tried with have pauses at -100 dBov and speech at -39.
"""

from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict
from dsp.level import SILENT_S


def run(evidence: Evidence) -> Finding:
    """Look at the frames of the level meter."""
    level = evidence.heard.level
    figures = {
        "sounding_s": level.sounding_s,
        "silence_pct": 100.0 * level.silence_share,
        "first_sound_s": level.first_sound_s,
    }
    return Finding(figures, ("silent",) if level.sounding_s < SILENT_S else ())


SPECS = (
    CheckSpec(
        name="silence",
        figures={
            "sounding_s": Figure(
                "s", "How long there is any sound, counted in steps of 20 ms that reach -60 dBov."
            ),
            "silence_pct": Figure("%", "How much of the recording is quieter than that."),
            "first_sound_s": Figure("s", "When the first sound begins; nothing where there is none."),
        },
        verdicts=(
            Verdict(
                "silent",
                "nothing is heard",
                f"less than {SILENT_S:g} s of the recording reaches -60 dBov",
            ),
        ),
        needs_reference=False,
        run=run,
    ),
)
