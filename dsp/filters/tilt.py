"""Tilt: one slider from dark to bright."""

from dataclasses import dataclass

from dsp.eq_design import tilt
from dsp.filters._sections import Sections
from dsp.filters.base import FilterSpec, Setting
from dsp.params import number


@dataclass(frozen=True, slots=True)
class TiltParams:
    """Parameters of the tilt."""

    db_per_octave: float = number(
        0.0, -6.0, 6.0, "dB/octave", "slope from 20 Hz to 20 kHz; brighter above 0, darker below", step=0.1
    )
    pivot_hz: float = number(1000.0, 100.0, 3500.0, "Hz", "where the level stays", log=True)


def build(params: TiltParams, setting: Setting) -> Sections:
    """Design it for *setting*."""
    return Sections(tilt(params.db_per_octave, params.pivot_hz, setting.sample_rate_hz), setting)


SPECS = (
    FilterSpec(
        name="tilt",
        summary="Brighter or darker by one slider: a straight slope around a pivot",
        category="equaliser",
        source="Smith and Smith, Closed form fractional integration and differentiation (arXiv:1606.06154); "
        "gains solved as in Valimaki and Liski (IEEE SPL 24(2), 2017)",
        params=TiltParams,
        build=build,
        linear=True,
    ),
)
