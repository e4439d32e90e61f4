"""Butterworth filter: maximally flat."""

from dataclasses import dataclass

from dsp.filters._sections import BandParams, Sections, of_band
from dsp.filters.base import FilterSpec, Setting
from dsp.iir_design import butterworth


@dataclass(frozen=True, slots=True)
class ButterworthParams(BandParams):
    """Parameters of the Butterworth filter."""


def build(params: ButterworthParams, setting: Setting) -> Sections:
    """Design it for *setting*; raises ParameterError for an edge out of reach or an unstable design."""
    return of_band(
        params,
        setting,
        lambda edge: butterworth(params.order, edge, params.kind, setting.sample_rate_hz),
    )


SPECS = (
    FilterSpec(
        name="butterworth",
        summary="Low-pass, high-pass, band-pass or band-stop, maximally flat, -3 dB at its edges",
        category="equaliser",
        source="S. Butterworth, On the theory of filter amplifiers (1930); Oppenheim and Schafer, appendix B",
        params=ButterworthParams,
        build=build,
        linear=True,
    ),
)
