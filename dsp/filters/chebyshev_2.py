"""Chebyshev filter of type II: flat, with a floor of even ripples."""

from dataclasses import dataclass

from dsp.filters._sections import BandParams, Sections, of_band
from dsp.filters.base import FilterSpec, Setting
from dsp.iir_design import chebyshev2
from dsp.params import number


@dataclass(frozen=True, slots=True)
class Chebyshev2Params(BandParams):
    """Parameters of the Chebyshev (type II) filter."""

    stop_db: float = number(
        60.0, 10.0, 140.0, "dB", "how far down the stop band is, which begins at the edge"
    )


def build(params: Chebyshev2Params, setting: Setting) -> Sections:
    """Design it for *setting*; raises ParameterError for an edge out of reach or an unstable design."""
    return of_band(
        params,
        setting,
        lambda edge: chebyshev2(
            params.order, edge, params.kind, setting.sample_rate_hz, stop_db=params.stop_db
        ),
    )


SPECS = (
    FilterSpec(
        name="chebyshev-2",
        summary="Flat in what it lets through, down to a fixed floor in what it stops (Chebyshev type II)",
        category="equaliser",
        source="Parks and Burrus, Digital Filter Design (1987), section 7.3; Oppenheim and Schafer, appendix B",
        params=Chebyshev2Params,
        build=build,
        linear=True,
    ),
)
