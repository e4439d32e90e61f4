"""Elliptic (Cauer) filter: the steepest of its order."""

from dataclasses import dataclass

from dsp.filters._sections import BandParams, Sections, of_band
from dsp.filters.base import FilterSpec, Setting
from dsp.iir_design import elliptic
from dsp.params import number


@dataclass(frozen=True, slots=True)
class EllipticParams(BandParams):
    """Parameters of the elliptic filter."""

    ripple_db: float = number(0.1, 0.01, 6.0, "dB", "ripple of the pass band, which ends at the edge")
    stop_db: float = number(60.0, 10.0, 140.0, "dB", "how far down the stop band is")


def build(params: EllipticParams, setting: Setting) -> Sections:
    """Design it for *setting*; raises ParameterError for an edge out of reach or an unstable design."""
    return of_band(
        params,
        setting,
        lambda edge: elliptic(
            params.order,
            edge,
            params.kind,
            setting.sample_rate_hz,
            ripple_db=params.ripple_db,
            stop_db=params.stop_db,
        ),
    )


SPECS = (
    FilterSpec(
        name="elliptic",
        summary="The steepest edge for its order, with ripples on both sides of it (Cauer)",
        category="equaliser",
        source="S. J. Orfanidis, Lecture Notes on Elliptic Filter Design (2006); DLMF chapter 22",
        params=EllipticParams,
        build=build,
        linear=True,
    ),
)
