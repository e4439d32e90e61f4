"""Graphic equaliser: one gain for each octave or third-octave band."""

from dataclasses import dataclass

from dsp.eq_design import OCTAVE_BANDS, THIRD_OCTAVE_BANDS, graphic
from dsp.filters._sections import Sections
from dsp.filters.base import FilterSpec, Setting
from dsp.params import numbers


@dataclass(frozen=True, slots=True)
class GraphicEqParams:
    """Parameters of the graphic equaliser."""

    gains_db: tuple[float, ...] = numbers(
        (0.0,) * OCTAVE_BANDS,
        -20.0,
        20.0,
        "dB",
        "10 gains, of the octave bands 31.5, 63, 125, 250, 500, 1k, 2k, 4k, 8k and 16k Hz, or "
        "31, of the third-octave bands from 20 Hz to 20 kHz",
        counts=(OCTAVE_BANDS, THIRD_OCTAVE_BANDS),
    )


def build(params: GraphicEqParams, setting: Setting) -> Sections:
    """Design it for *setting*; bands out of reach at its rate are left out. ParameterError: neither 10 nor 31 gains."""
    return Sections(graphic(params.gains_db, setting.sample_rate_hz), setting)


SPECS = (
    FilterSpec(
        name="graphic-eq",
        summary="Equaliser of 10 octave or 31 third-octave bands that reaches the gains that are drawn",
        category="equaliser",
        source="IEC 61260-1:2014 (bands); Valimaki and Liski, Accurate cascade graphic equalizer (IEEE SPL 24(2), 2017)",
        params=GraphicEqParams,
        build=build,
        linear=True,
    ),
)
