"""Clocks that do not agree: the recording lasts longer, or less long, than what was said.

Source: ITU-T G.711 section 2: the sampling rate is within 50 parts per million of its nominal value, so two ends differ by no
more than 100.
"""

from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict

MOST_PPM, KNOWN_TO_PPM = 100.0, 20.0
"""What clocks may differ by, and how well the aligner knows it."""
ENVELOPE_S = 0.020
"""How well a change of delay is known from envelopes: where no waveform was kept, it must add up to this."""


def _run(evidence: Evidence) -> Finding:
    alignment = evidence.alignment
    if alignment is None or not alignment.stretches:
        return Finding({"skew_ppm": None})
    skew = alignment.skew_ppm
    known = [stretch for stretch in alignment.stretches if stretch.measured]
    span = sum(stretch.stop - stretch.start for stretch in known) / alignment.sample_rate_hz
    certain = alignment.waveform_kept or abs(skew) * 1e-6 * span >= ENVELOPE_S
    if abs(skew) <= MOST_PPM + KNOWN_TO_PPM or not certain:
        return Finding({"skew_ppm": skew})
    way = "slower" if skew > 0 else "faster"
    note = f"The recording is {way} than what was said by {abs(skew):.0f} millionths: {abs(skew) * 3.6:.0f} ms in an hour."
    return Finding({"skew_ppm": skew}, ("drift",), (), (note,))


SPECS = (
    CheckSpec(
        name="drift",
        figures={
            "skew_ppm": Figure(
                "ppm", "By how many millionths the recording is slower than what was said; negative: faster."
            )
        },
        verdicts=(
            Verdict(
                "drift",
                "the clocks of the two ends do not agree, so that sound is lost or made up from time to time",
                "the skew is over 120 ppm either way: twice what ITU-T G.711 allows a clock, and 20 ppm of doubt",
            ),
        ),
        needs_reference=True,
        run=_run,
    ),
)
