"""One second-order section of any kind of the Audio EQ Cookbook."""

from dataclasses import dataclass

from dsp.biquads import KINDS, acts, empty, q_of_bandwidth, q_of_slope, rbj_sections
from dsp.filters._sections import HIGHEST_HZ, LOWEST_HZ, Sections
from dsp.filters.base import FilterSpec, Setting
from dsp.params import choice, number


@dataclass(frozen=True, slots=True)
class BiquadParams:
    """Parameters of the biquad."""

    kind: str = choice(
        "peaking",
        KINDS,
        "what it does; bandpass has 0 dB at its peak, bandpass-skirt has Q there and fixed skirts",
    )
    freq_hz: float = number(
        1000.0, LOWEST_HZ, HIGHEST_HZ, "Hz", "cut-off, centre, or the middle of a shelf", log=True
    )
    q: float = number(0.7071, 0.01, 200.0, "", "sharpness; 0.7071 has no hump", log=True)
    gain_db: float = number(0.0, -40.0, 40.0, "dB", "gain of a peak or shelf", step=0.1)
    bandwidth_octaves: float | None = number(
        None, 0.01, 10.0, "octaves", "width, in place of q", log=True, optional=True
    )
    slope: float | None = number(
        None,
        0.01,
        1.0,
        "",
        "slope of a shelf, in place of q; 1 is the steepest without a hump",
        optional=True,
    )


def build(params: BiquadParams, setting: Setting) -> Sections:
    """Design it for *setting*; raises ParameterError for a frequency out of reach or an unstable design."""
    rate_hz = setting.sample_rate_hz
    if not acts(params.kind, params.freq_hz, rate_hz):
        return Sections(empty(), setting)
    q = params.q
    if params.slope is not None and params.kind.endswith("shelf"):
        q = q_of_slope(params.slope, params.gain_db)
    elif params.bandwidth_octaves is not None:
        q = q_of_bandwidth(params.bandwidth_octaves, params.freq_hz, rate_hz)
    return Sections(rbj_sections(params.kind, params.freq_hz, q, params.gain_db, rate_hz), setting)


SPECS = (
    FilterSpec(
        name="biquad",
        summary="One section: low-pass, high-pass, band-pass, notch, all-pass, peak or shelf",
        category="equaliser",
        source="R. Bristow-Johnson, Audio EQ Cookbook (W3C Working Group Note, 2021)",
        params=BiquadParams,
        build=build,
        linear=True,
    ),
)
