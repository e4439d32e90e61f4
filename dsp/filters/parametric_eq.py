"""Parametric equaliser: bands of any kind, one after the other."""

from dataclasses import dataclass

from dsp.biquads import KINDS, gain, join, rbj_sections
from dsp.filters._sections import HIGHEST_HZ, LOWEST_HZ, Sections
from dsp.filters.base import FilterSpec, Setting
from dsp.params import choice, flag, items, number


@dataclass(frozen=True, slots=True)
class EqBand:
    """One band of `ParametricEqParams`."""

    kind: str = choice("peaking", KINDS, "what the band does, as in biquad")
    freq_hz: float = number(
        1000.0, LOWEST_HZ, HIGHEST_HZ, "Hz", "cut-off, centre, or the middle of a shelf", log=True
    )
    gain_db: float = number(0.0, -40.0, 40.0, "dB", "gain of a peak or shelf", step=0.1)
    q: float = number(0.7071, 0.01, 200.0, "", "sharpness; 0.7071 has no hump", log=True)
    on: bool = flag(True, "whether the band acts")


@dataclass(frozen=True, slots=True)
class ParametricEqParams:
    """Parameters of the parametric equaliser."""

    gain_db: float = number(
        0.0, -40.0, 40.0, "dB", "gain of it all, to make room for what is raised", step=0.1
    )
    bands: tuple[EqBand, ...] = items(
        EqBand,
        (
            EqBand(kind="low-shelf", freq_hz=120.0),
            EqBand(freq_hz=400.0, q=1.0),
            EqBand(freq_hz=2500.0, q=1.0),
            EqBand(kind="high-shelf", freq_hz=6000.0),
        ),
        "the bands, in any order",
        counts=(0, 64),
    )


def build(params: ParametricEqParams, setting: Setting) -> Sections:
    """Design it for *setting*; raises ParameterError for a frequency out of reach or an unstable design."""
    sos = join(
        *(
            rbj_sections(
                band.kind,
                band.freq_hz,
                band.q,
                band.gain_db,
                setting.sample_rate_hz,
                f"bands.{index}.freq_hz",
            )
            for index, band in enumerate(params.bands)
            if band.on
        )
    )
    if params.gain_db != 0.0:
        sos = join(gain(10.0 ** (params.gain_db / 20.0)), sos)
    return Sections(sos, setting)


SPECS = (
    FilterSpec(
        name="parametric-eq",
        summary="Equaliser of up to 64 bands, each a peak, shelf, cut or notch where you want it",
        category="equaliser",
        source="R. Bristow-Johnson, Audio EQ Cookbook (W3C Working Group Note, 2021)",
        params=ParametricEqParams,
        build=build,
        linear=True,
    ),
)
