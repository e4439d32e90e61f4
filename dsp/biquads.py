"""Second-order sections: their design, response, settling time, and running them over the channels of a block.

Conventions: a section is a row ``b0 b1 b2 a0 a1 a2`` (as in ``scipy.signal.sosfilt``), sections in series are an
array of shape (n, 6), float64; no rows at all pass the sound as it is. Frequencies are in Hz.

Source: R. Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter coefficients" (Audio EQ Cookbook,
W3C Working Group Note, 2021): analogue prototypes through the bilinear transform, warped to be exact at ``freq_hz``.
"""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsp._native import BiquadCascade
from dsp.errors import ParameterError
from dsp.types import Block

Sos: TypeAlias = NDArray[np.float64]
"""Sections in series, shape (n, 6), rows ``b0 b1 b2 a0 a1 a2``."""

KINDS = (
    "lowpass",
    "highpass",
    "bandpass",
    "bandpass-skirt",
    "notch",
    "allpass",
    "peaking",
    "low-shelf",
    "high-shelf",
)
"""Cookbook sections: ``bandpass`` has 0 dB at its peak, ``bandpass-skirt`` has Q there and skirts that stay."""
NYQUIST_SHARE = 0.499
"""From this share of the sample rate on a frequency is out of reach."""
SETTLED = 10.0 ** (-90.0 / 20.0)
"""What is left of the past when a section counts as settled."""

_FLAT_ABOVE = ("lowpass", "bandstop", "notch", "allpass", "peaking", "high-shelf")
_LONGEST_MEASURED = 1 << 18
_RESPONSE_POINTS = 16_384


def empty() -> Sos:
    """No sections: the sound as it is."""
    return np.zeros((0, 6))


def gain(factor: float) -> Sos:
    """One section (1, 6) that multiplies by *factor*."""
    return np.array([[factor, 0.0, 0.0, 1.0, 0.0, 0.0]])


def join(*parts: Sos) -> Sos:
    """Sections of all *parts*, each (n, 6) or one row (6,), in series."""
    return np.concatenate([empty(), *(np.atleast_2d(part) for part in parts)])


def acts(kind: str, freq_hz: float, sample_rate_hz: float, name: str = "freq_hz") -> bool:
    """Whether a section *kind* at *freq_hz* has anything to act on; where not, it is left out.

    Args:
        name: what the frequency is called, for the message.

    Raises:
        ParameterError: *freq_hz* is out of reach at this rate and a flat response would be wrong: a high-pass,
            band-pass or low shelf would have to change all that there is.
    """
    if freq_hz < NYQUIST_SHARE * sample_rate_hz:
        return True
    if kind in _FLAT_ABOVE:
        return False
    raise out_of_reach(kind, freq_hz, sample_rate_hz, name)


def out_of_reach(kind: str, freq_hz: float, sample_rate_hz: float, name: str) -> ParameterError:
    """The error for a frequency that is out of reach at this rate."""
    return ParameterError(
        f"{name} of a {kind} must be below {NYQUIST_SHARE * sample_rate_hz:.10g} Hz "
        f"at a sample rate of {sample_rate_hz:.10g} Hz, got {freq_hz:.10g} Hz"
    )


def q_of_bandwidth(octaves: float, freq_hz: float, sample_rate_hz: float) -> float:
    """Q of a band *octaves* wide between its -3 dB points (peaking: between half its gain in dB)."""
    omega = 2.0 * math.pi * freq_hz / sample_rate_hz
    # Next to half the sample rate the warped width grows without end; 25 is as good as that.
    return 0.5 / math.sinh(min(25.0, 0.5 * math.log(2.0) * octaves * omega / math.sin(omega)))


def q_of_slope(slope: float, gain_db: float) -> float:
    """Q of a shelf of *slope* over 0 to 1: 1 is as steep as it can be without a hump."""
    a = 10.0 ** (gain_db / 40.0)
    return 1.0 / math.sqrt((a + 1.0 / a) * (1.0 / slope - 1.0) + 2.0)


def rbj(kind: str, freq_hz: float, q: float, gain_db: float, sample_rate_hz: float) -> Sos:
    """One section of the Audio EQ Cookbook, shape (6,), a0 = 1.

    Args:
        kind: one of `KINDS`.
        freq_hz: cut-off, centre or the middle of a shelf, over 0 and below half the sample rate.
        q: over 0; 0.7071 is maximally flat.
        gain_db: of ``peaking`` and of the shelves; others do not look at it.

    Raises:
        ParameterError: unknown kind, or a frequency or Q out of range.
    """
    if not 0.0 < freq_hz < 0.5 * sample_rate_hz:
        raise ParameterError(
            f"freq_hz must be over 0 and below {0.5 * sample_rate_hz:.10g} Hz, got {freq_hz:.10g} Hz"
        )
    if not 0.0 < q < math.inf:
        raise ParameterError(f"q must be over 0, got {q:.10g}")
    omega = 2.0 * math.pi * freq_hz / sample_rate_hz
    cos, sin = math.cos(omega), math.sin(omega)
    alpha = sin / (2.0 * q)
    # 1 -+ cos without cancellation, so that low frequencies keep their precision.
    one_minus, one_plus = 2.0 * math.sin(0.5 * omega) ** 2, 2.0 * math.cos(0.5 * omega) ** 2
    a = 10.0 ** (gain_db / 40.0)
    den = (1.0 + alpha, -2.0 * cos, 1.0 - alpha)
    match kind:
        case "lowpass":
            num = (0.5 * one_minus, one_minus, 0.5 * one_minus)
        case "highpass":
            num = (0.5 * one_plus, -one_plus, 0.5 * one_plus)
        case "bandpass":
            num = (alpha, 0.0, -alpha)
        case "bandpass-skirt":
            num = (0.5 * sin, 0.0, -0.5 * sin)
        case "notch":
            num = (1.0, -2.0 * cos, 1.0)
        case "allpass":
            num = (1.0 - alpha, -2.0 * cos, 1.0 + alpha)
        case "peaking":
            num = (1.0 + alpha * a, -2.0 * cos, 1.0 - alpha * a)
            den = (1.0 + alpha / a, -2.0 * cos, 1.0 - alpha / a)
        case "low-shelf" | "high-shelf":
            sign = 1.0 if kind == "low-shelf" else -1.0  # the two are mirrored: cos and -cos
            c, edge = sign * cos, 2.0 * math.sqrt(a) * alpha
            up, down = (a + 1.0), (a - 1.0)
            num = (
                a * (up - down * c + edge),
                2.0 * a * sign * (down - up * c),
                a * (up - down * c - edge),
            )
            den = (up + down * c + edge, -2.0 * sign * (down + up * c), up + down * c - edge)
        case _:
            raise ParameterError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    return np.array([*num, *den]) / den[0]


def rbj_sections(
    kind: str, freq_hz: float, q: float, gain_db: float, sample_rate_hz: float, name: str = "freq_hz"
) -> Sos:
    """`rbj` as (1, 6), or (0, 6) where it would be flat: out of reach at this rate, or a gain of 0 dB.

    Raises:
        ParameterError: as `rbj` and `acts`.
    """
    if kind in ("peaking", "low-shelf", "high-shelf") and gain_db == 0.0:
        return empty()
    if not acts(kind, freq_hz, sample_rate_hz, name):
        return empty()
    return rbj(kind, freq_hz, q, gain_db, sample_rate_hz)[np.newaxis]


def response(sos: Sos, freqs_hz: ArrayLike, sample_rate_hz: float) -> NDArray[np.complex128]:
    """Complex response at *freqs_hz*, in their shape."""
    freqs = np.asarray(freqs_hz, dtype=np.float64)
    delay = np.exp(-2j * np.pi * freqs / sample_rate_hz)
    found = np.ones(freqs.shape, dtype=np.complex128)
    for b0, b1, b2, a0, a1, a2 in np.atleast_2d(sos):
        found *= (b0 + delay * (b1 + delay * b2)) / (a0 + delay * (a1 + delay * a2))
    return found


def response_throughout(sos: Sos, sample_rate_hz: float) -> NDArray[np.complex128]:
    """Complex response at many frequencies, evenly from 0 to half the sample rate: what means are taken of."""
    grid = (np.arange(_RESPONSE_POINTS) + 0.5) * (sample_rate_hz / 2.0 / _RESPONSE_POINTS)
    return response(sos, grid, sample_rate_hz)


def pole_radius(sos: Sos) -> float:
    """Largest distance of a pole from 0; stable below 1."""
    rows = np.atleast_2d(sos)
    if rows.shape[0] == 0:
        return 0.0
    a1, a2 = rows[:, 4] / rows[:, 3], rows[:, 5] / rows[:, 3]
    root = np.sqrt(np.asarray(a1 * a1 - 4.0 * a2, dtype=np.complex128))
    return float(np.maximum(np.abs(-a1 + root), np.abs(-a1 - root)).max() / 2.0)


def settle_samples(sos: Sos) -> int:
    """Samples until -90 dB of what a section held is left.

    From the largest pole radius r: ``ln(10^(90/20)) / -ln r``. Equal poles and resonances ring longer than that, so
    where it is short enough to try, the impulse response is looked at: the sum of magnitudes of what lies behind is
    90 dB below that of all, and below 1 (the input).

    Raises:
        ParameterError: unstable.
    """
    rows = np.ascontiguousarray(np.atleast_2d(sos), dtype=np.float64)
    radius = pole_radius(rows)
    if len(rows) == 0:
        return 0
    if not radius < 1.0:
        raise ParameterError(f"unstable design: a pole lies at radius {radius:.10g}")
    if radius == 0.0:
        return 2 * len(rows)
    least = math.ceil(math.log(1.0 / SETTLED) / -math.log(radius))
    if 4 * least > _LONGEST_MEASURED:
        return least
    impulse = np.zeros(4 * least + 64 * len(rows), dtype=np.float32)
    impulse[0] = 1.0
    BiquadCascade(rows).process(impulse)
    left = np.cumsum(np.abs(impulse[::-1]), dtype=np.float64)[::-1]
    return max(least, int(np.count_nonzero(left > SETTLED * min(1.0, left[0]))))


class Cascade:
    """Runs sections over each channel of a block, float64 inside, with state.

    Args:
        sos: (n, 6); with no rows it is the identity.
        channels: of the blocks to come.

    Raises:
        ParameterError: a section is not finite or unstable.
    """

    def __init__(self, sos: Sos, channels: int = 1) -> None:
        rows = np.ascontiguousarray(np.atleast_2d(sos), dtype=np.float64)
        self.settle_samples = settle_samples(rows)
        """See `settle_samples`."""
        try:
            self._running = BiquadCascade(rows, channels) if len(rows) else None
        except ValueError as error:
            raise ParameterError(f"unstable design: {error}") from None

    def process(self, block: Block) -> Block:
        """Filter *block*, ``(channels, n)`` C-contiguous float32, in place and return it."""
        if self._running is not None:
            self._running.process(block)
        return block

    def reset(self) -> None:
        """Forget the past."""
        if self._running is not None:
            self._running.reset()
