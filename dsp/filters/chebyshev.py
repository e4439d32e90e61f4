"""Chebyshev filter of type I: ripples in the pass band."""

from dataclasses import dataclass

from dsp.filters._sections import BandParams, Sections, of_band
from dsp.filters.base import FilterSpec, Setting
from dsp.iir_design import chebyshev1
from dsp.params import number


@dataclass(frozen=True, slots=True)
class ChebyshevParams(BandParams):
    """Parameters of the Chebyshev (type I) filter."""

    ripple_db: float = number(0.5, 0.01, 6.0, "dB", "ripple of the pass band, which ends at the edge")


def build(params: ChebyshevParams, setting: Setting) -> Sections:
    """Design it for *setting*; raises ParameterError for an edge out of reach or an unstable design."""
    return of_band(
        params,
        setting,
        lambda edge: chebyshev1(
            params.order, edge, params.kind, setting.sample_rate_hz, ripple_db=params.ripple_db
        ),
    )


SPECS = (
    FilterSpec(
        name="chebyshev",
        summary="Steeper than Butterworth, for ripples in what it lets through (Chebyshev type I)",
        category="equaliser",
        source="Parks and Burrus, Digital Filter Design (1987), section 7.3; Oppenheim and Schafer, appendix B",
        params=ChebyshevParams,
        build=build,
        linear=True,
    ),
)
