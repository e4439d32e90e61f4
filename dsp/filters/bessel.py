"""Bessel (Thomson) filter: keeps the shape of waves."""

from dataclasses import dataclass

from dsp.filters._sections import BandParams, Sections, of_band
from dsp.filters.base import FilterSpec, Setting
from dsp.iir_design import bessel
from dsp.params import choice


@dataclass(frozen=True, slots=True)
class BesselParams(BandParams):
    """Parameters of the Bessel filter."""

    norm: str = choice(
        "magnitude",
        ("magnitude", "phase"),
        "what happens at the edge: -3 dB, or half of all phase is turned, as with Butterworth",
    )


def build(params: BesselParams, setting: Setting) -> Sections:
    """Design it for *setting*; raises ParameterError for an edge out of reach or an unstable design."""
    return of_band(
        params,
        setting,
        lambda edge: bessel(params.order, edge, params.kind, setting.sample_rate_hz, norm=params.norm),
    )


SPECS = (
    FilterSpec(
        name="bessel",
        summary="Gentle filter with nearly the same delay for all it lets through (Bessel-Thomson)",
        category="equaliser",
        source="W. E. Thomson, Delay networks having maximally flat frequency characteristics (1949)",
        params=BesselParams,
        build=build,
        linear=True,
    ),
)
