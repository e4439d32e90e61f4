"""DC block: a high-pass of first order, far below the voice."""

from dataclasses import dataclass

from dsp.filters._sections import Sections
from dsp.filters.base import FilterSpec, Setting
from dsp.iir_design import butterworth
from dsp.params import number


@dataclass(frozen=True, slots=True)
class DcBlockParams:
    """Parameters of the DC block."""

    freq_hz: float = number(10.0, 1.0, 200.0, "Hz", "where it is 3 dB down", log=True)


def build(params: DcBlockParams, setting: Setting) -> Sections:
    """Design it for *setting*."""
    return Sections(butterworth(1, params.freq_hz, "highpass", setting.sample_rate_hz), setting)


SPECS = (
    FilterSpec(
        name="dc-block",
        summary="Takes the constant part out: centres a signal that lies beside zero",
        category="restoration",
        source="J. O. Smith, Introduction to Digital Filters with Audio Applications, appendix B (DC blocker)",
        params=DcBlockParams,
        build=build,
        linear=True,
    ),
)
