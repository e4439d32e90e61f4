"""How loud the speech is.

Measures: `level_dbov`, the active speech level; `long_term_dbov`; `peak_dbov`; `activity_pct`.
Source: ITU-T P.56 (12/2011) method B for the level. Its limits are 10 dB below and 14 dB above -26 dBov, the level that
codecs are tested at (ITU-T G.191, P.800): see docs/verdicts.md.
"""

import math

from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict
from dsp.level import SILENT_S, TOO_LOUD_DBOV, TOO_QUIET_DBOV


def run(evidence: Evidence) -> Finding:
    """Level of the degraded signal; no word where nothing is heard at all."""
    level = evidence.heard.level
    words: tuple[str, ...] = ()
    if level.sounding_s >= SILENT_S:
        if level.level_dbov is None or level.level_dbov < TOO_QUIET_DBOV:
            words = ("too-quiet",)
        elif level.level_dbov > TOO_LOUD_DBOV:
            words = ("too-loud",)
    figures = {
        "level_dbov": level.level_dbov,
        "long_term_dbov": level.long_term_dbov,
        "peak_dbov": 20.0 * math.log10(level.peak) if level.peak > 0.0 else None,
        "activity_pct": 100.0 * level.activity,
    }
    return Finding(figures, words)


SPECS = (
    CheckSpec(
        name="level",
        figures={
            "level_dbov": Figure(
                "dBov",
                "How loud the speech is while somebody speaks (pauses do not count). 0 is the loudest that digital sound "
                "can be, a telephone usually has about -26.",
            ),
            "long_term_dbov": Figure("dBov", "How loud the whole recording is on average, pauses included."),
            "peak_dbov": Figure("dBov", "The loudest single moment; at 0 there is no room left."),
            "activity_pct": Figure(
                "%",
                "How much of the time there was sound that counts for the level; pauses under 0.2 s count, too.",
            ),
        },
        verdicts=(
            Verdict(
                "too-quiet",
                "the speech is so quiet that a listener has to turn it up",
                f"active speech level below {TOO_QUIET_DBOV:g} dBov",
            ),
            Verdict(
                "too-loud",
                "the speech is so loud that its peaks do not fit",
                f"active speech level above {TOO_LOUD_DBOV:g} dBov",
            ),
        ),
        needs_reference=False,
        run=run,
    ),
)
