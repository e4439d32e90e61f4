"""Whether the signal is upside down. Nobody hears it, but it cancels what is mixed with the original."""

from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict


def _run(evidence: Evidence) -> Finding:
    alignment = evidence.alignment
    if alignment is None or not alignment.waveform_kept:
        return Finding({"polarity": None})
    if alignment.polarity > 0:
        return Finding({"polarity": 1.0})
    return Finding(
        {"polarity": -1.0}, ("inverted",), (), ("The signal is upside down; alone, nobody hears that.",)
    )


SPECS = (
    CheckSpec(
        name="polarity",
        figures={"polarity": Figure("sign", "-1 where the signal is upside down, else 1.")},
        verdicts=(
            Verdict(
                "inverted",
                "the signal is upside down: for information, it is not heard",
                "the correlation of the waveforms of reference and recording is below 0",
            ),
        ),
        needs_reference=True,
        run=_run,
    ),
)
