"""Linkwitz-Riley filter: the two sides of a crossover that add up flat."""

from dataclasses import dataclass

from dsp.errors import ParameterError
from dsp.filters._sections import HIGHEST_HZ, LOWEST_HZ, BandParams, Sections, of_band
from dsp.filters.base import FilterSpec, Setting
from dsp.iir_design import linkwitz_riley
from dsp.params import choice, integer, number


@dataclass(frozen=True, slots=True)
class LinkwitzRileyParams(BandParams):
    """Parameters of the Linkwitz-Riley filter."""

    kind: str = choice(
        "highpass",
        ("lowpass", "highpass", "bandpass"),
        "which part of a crossover; a band-pass is one in the middle",
    )
    order: int = integer(
        4,
        2,
        24,
        "",
        "steepness, even: 6 dB per octave each; the sides of 2, 6, 10 ... add up with one inverted",
    )
    freq_hz: float = number(
        1000.0,
        LOWEST_HZ,
        HIGHEST_HZ,
        "Hz",
        "crossover of a low-pass or high-pass, where it is 6 dB down",
        log=True,
    )


def build(params: LinkwitzRileyParams, setting: Setting) -> Sections:
    """Design it for *setting*; raises ParameterError for an odd order or an edge out of reach."""
    if params.order % 2:
        raise ParameterError(f"order must be even, 2 to 24, got {params.order}")
    return of_band(
        params,
        setting,
        lambda edge: linkwitz_riley(params.order, edge, params.kind, setting.sample_rate_hz),
    )


SPECS = (
    FilterSpec(
        name="linkwitz-riley",
        summary="One side of a crossover: low-pass and high-pass at the same frequency add up flat",
        category="equaliser",
        source="S. H. Linkwitz, Active crossover networks for noncoincident drivers (JAES 24(1), 1976)",
        params=LinkwitzRileyParams,
        build=build,
        linear=True,
    ),
)
