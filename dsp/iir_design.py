"""Classic IIR filters as second-order sections, designed in float64: prototype, band, bilinear transform, sections.

Every design takes ``order, freq_hz, kind, sample_rate_hz``: the order is that of the low-pass prototype (6 dB an
octave each, on each side of a band), *freq_hz* one edge, or ``(low, high)`` for ``bandpass`` and ``bandstop``.
All raise ParameterError, in one line, for what is out of range and for a design that would be unstable.

Sources: A. V. Oppenheim, R. W. Schafer, "Discrete-Time Signal Processing", 3rd ed., section 7.2 (bilinear transform)
and appendix B (prototypes); S. H. Linkwitz, "Active crossover networks for noncoincident drivers" (JAES 24(1), 1976).
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dsp.biquads import Sos, join, pole_radius
from dsp.errors import ParameterError
from dsp.iir_prototypes import (
    Prototype,
    Roots,
    bessel_prototype,
    butterworth_prototype,
    chebyshev1_prototype,
    chebyshev2_prototype,
    elliptic_prototype,
)

Edge: TypeAlias = float | tuple[float, float]
"""A cut-off in Hz, or (low, high)."""

KINDS = ("lowpass", "highpass", "bandpass", "bandstop")
_GRID = np.geomspace(1e-4, math.pi, 64)
"""Angles on the unit circle where the levels of sections are compared."""


def butterworth(order: int, freq_hz: Edge, kind: str, sample_rate_hz: float) -> Sos:
    """Maximally flat; -3 dB at *freq_hz*; order 1 to 24."""
    return digital(butterworth_prototype(order), freq_hz, kind, sample_rate_hz)


def chebyshev1(order: int, freq_hz: Edge, kind: str, sample_rate_hz: float, *, ripple_db: float) -> Sos:
    """Ripples by *ripple_db* (over 0) in the pass band, which ends at *freq_hz*; order 1 to 24."""
    return digital(chebyshev1_prototype(order, ripple_db), freq_hz, kind, sample_rate_hz)


def chebyshev2(order: int, freq_hz: Edge, kind: str, sample_rate_hz: float, *, stop_db: float) -> Sos:
    """Flat, and *stop_db* (over 0) down in the stop band, which begins at *freq_hz*; order 1 to 24."""
    return digital(chebyshev2_prototype(order, stop_db), freq_hz, kind, sample_rate_hz)


def elliptic(
    order: int, freq_hz: Edge, kind: str, sample_rate_hz: float, *, ripple_db: float, stop_db: float
) -> Sos:
    """The steepest of its order: *ripple_db* up to *freq_hz*, then *stop_db* (over *ripple_db*) down; order 1 to 24."""
    return digital(elliptic_prototype(order, ripple_db, stop_db), freq_hz, kind, sample_rate_hz)


def bessel(order: int, freq_hz: Edge, kind: str, sample_rate_hz: float, *, norm: str = "phase") -> Sos:
    """Flat group delay (as far as the bilinear transform keeps it); order 1 to 24.

    Args:
        norm: what happens at *freq_hz*: ``phase``: half of all phase is turned; ``magnitude``: -3 dB.
    """
    return digital(bessel_prototype(order, norm), freq_hz, kind, sample_rate_hz)


def linkwitz_riley(order: int, freq_hz: Edge, kind: str, sample_rate_hz: float) -> Sos:
    """A Butterworth of half the (even) *order*, 2 to 24, twice: -6 dB at *freq_hz*.

    Low-pass and high-pass at one frequency add up to an all-pass: for orders 4, 8, 12 ... as they are, for
    2, 6, 10 ... with the polarity of one turned round. Low-pass, high-pass, and band-pass as one of each.
    """
    if order % 2 or not 2 <= order <= 24:
        raise ParameterError(f"order must be even, 2 to 24, got {order}")
    low, high = _edges(freq_hz, kind, sample_rate_hz)
    if kind == "bandpass":
        half = join(
            butterworth(order // 2, low, "highpass", sample_rate_hz),
            butterworth(order // 2, high, "lowpass", sample_rate_hz),
        )
    elif kind == "bandstop":
        raise ParameterError("kind must be lowpass, highpass or bandpass, got 'bandstop'")
    else:
        half = butterworth(order // 2, freq_hz, kind, sample_rate_hz)
    return join(half, half)


def digital(prototype: Prototype, freq_hz: Edge, kind: str, sample_rate_hz: float) -> Sos:
    """Sections of *prototype* moved to *freq_hz* as *kind*, each with a level near the whole filter's own."""
    low, high = _edges(freq_hz, kind, sample_rate_hz)
    # s in units of twice the sample rate: z = (1 + s) / (1 - s), and 2 atan(w) is the digital frequency.
    low_w, high_w = (math.tan(math.pi * edge / sample_rate_hz) for edge in (low, high))
    zeros, poles, degree = prototype.zeros, prototype.poles, len(prototype.poles) - len(prototype.zeros)
    match kind:
        case "lowpass":
            zeros, poles = zeros * low_w, poles * low_w
            at_zero, reference = 0, 0.0
        case "highpass":
            zeros, poles = low_w / zeros, low_w / poles
            at_zero, reference = degree, math.pi
        case "bandpass":
            width, centre = high_w - low_w, math.sqrt(low_w * high_w)
            zeros, poles = _to_band(zeros * width, centre), _to_band(poles * width, centre)
            at_zero, reference = degree, 2.0 * math.atan(centre)
        case _:
            width, centre = high_w - low_w, math.sqrt(low_w * high_w)
            zeros, poles = _to_band(width / zeros, centre), _to_band(width / poles, centre)
            zeros = np.concatenate([zeros, *([[1j * centre, -1j * centre]] * degree)])
            at_zero, reference = 0, 0.0 if centre > 1.0 else math.pi
    # What the prototype has at infinity lies at s = 0 for a high-pass, and half of it for a band-pass.
    z_zeros = np.concatenate(
        [_bilinear(zeros), np.ones(at_zero), -np.ones(len(poles) - len(zeros) - at_zero)]
    )
    # At the reference every kind passes what the prototype passes at 0.
    sos = _sections(z_zeros, _bilinear(poles), reference)
    sos[0, :3] *= abs(prototype.gain * np.prod(-prototype.zeros) / np.prod(-prototype.poles))
    radius = pole_radius(sos)
    if not radius < 1.0:
        raise ParameterError(
            f"unstable design: {kind} of order {len(prototype.poles)} has a pole at radius {radius:.10g}"
        )
    return sos


def _edges(freq_hz: Edge, kind: str, sample_rate_hz: float) -> tuple[float, float]:
    if kind not in KINDS:
        raise ParameterError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    band = isinstance(freq_hz, tuple)
    if band != kind.startswith("band"):
        raise ParameterError(f"{kind} needs {'one frequency' if band else 'a low and a high frequency'}")
    low, high = freq_hz if isinstance(freq_hz, tuple) else (freq_hz, freq_hz)
    for edge in (low, high):
        if not 0.0 < edge < 0.5 * sample_rate_hz:
            raise ParameterError(
                f"freq_hz must be over 0 and below {0.5 * sample_rate_hz:.10g} Hz, got {edge:.10g} Hz"
            )
    if band and not low < high:
        raise ParameterError(f"low_hz must be below high_hz, got {low:.10g} Hz and {high:.10g} Hz")
    return low, high


def _to_band(roots: Roots, centre: float) -> Roots:
    """Each root s of a low-pass (in units of the band's width) to the two of ``s = (p^2 + centre^2) / p``."""
    half = 0.5 * roots
    spread = np.sqrt(half * half - centre * centre)
    # The larger of the two has no cancellation; their product is centre^2.
    larger = np.where((half * spread.conj()).real >= 0.0, half + spread, half - spread)
    return np.concatenate([larger, centre * centre / larger])


def _bilinear(roots: Roots) -> Roots:
    return (1.0 + roots) / (1.0 - roots)


def _sections(zeros: Roots, poles: Roots, reference: float) -> Sos:
    """Pair poles, the nearest to the unit circle first, with the zeros nearest to them.

    Args:
        zeros: as many as poles; both with complex roots in conjugate pairs.
        reference: angle on the unit circle where each section gets a level of 1.
    """
    upper, real = _split(poles)
    upper_zeros, real_zeros = _split(zeros)
    delay = complex(math.cos(reference), -math.sin(reference))
    rows = []
    if len(real) % 2:
        pole = real.pop()
        rows.append((_polynomial([_take_nearest(real_zeros, pole)]), _polynomial([pole])))
    pairs = [(pole, pole.conjugate()) for pole in upper]
    pairs += [(real[i + 1], real[i]) for i in range(0, len(real), 2)]
    pairs.sort(key=lambda pair: -abs(pair[0]))
    rows += [
        (_polynomial(_take_zeros(pair[0], upper_zeros, real_zeros)), _polynomial(pair)) for pair in pairs
    ]
    sections = []
    for num, den in rows:
        level = abs(_value(num, delay)), abs(_value(den, delay))
        if 0.0 in level:
            raise ParameterError("unstable design: poles and edges are nearer than float64 can tell apart")
        sections.append([*(num * (level[1] / level[0])), *den])
    return _in_order(np.array(sections), np.abs(np.angle(poles)))


def _in_order(sos: Sos, angles: NDArray[np.float64]) -> Sos:
    """Put next, each time, the section after which what will be passed lies least below the loudest.

    What is pressed down by some sections and raised again by others is lost in the rounding of what is loud in
    between: a wide band-stop of order 24 would gain 1e16 times full scale.

    Args:
        angles: of the poles, where the sections are loudest.
    """
    if len(sos) == 1:
        return sos
    delay = np.exp(-1j * np.concatenate([angles, _GRID]))
    b0, b1, b2, a0, a1, a2 = sos.T[:, :, np.newaxis]
    gains = (b0 + delay * (b1 + delay * b2)) / (a0 + delay * (a1 + delay * a2))
    levels = np.log(np.abs(gains) + 1e-300)
    whole = levels.sum(axis=0)
    passed = whole > whole.max() - math.log(2.0)
    so_far, left, order = np.zeros(len(delay)), list(range(len(sos))), []
    while len(left) > 1:
        tried = so_far + levels[left]
        chosen = left.pop(int(np.argmin(tried.max(axis=1) - tried[:, passed].min(axis=1))))
        so_far += levels[chosen]
        order.append(chosen)
    return sos[order + left]


def _split(roots: Roots) -> tuple[list[complex], list[complex]]:
    """The upper one of each complex pair, and the real roots, the largest last."""
    upper = [complex(root) for root in roots if root.imag > 0.0]
    real = sorted((complex(root.real) for root in roots if root.imag == 0.0), key=abs)
    return upper, real


def _take_zeros(pole: complex, upper: list[complex], real: list[complex]) -> Sequence[complex]:
    """Take the zero nearest to *pole* with its conjugate, or two real ones."""
    if not real or (upper and _distance(upper, pole) <= _distance(real, pole)):
        zero = _take_nearest(upper, pole)
        return zero, zero.conjugate()
    return _take_nearest(real, pole), _take_nearest(real, pole)


def _distance(roots: list[complex], pole: complex) -> float:
    return min(abs(root - pole) for root in roots)


def _take_nearest(roots: list[complex], pole: complex) -> complex:
    return roots.pop(min(range(len(roots)), key=lambda index: abs(roots[index] - pole)))


def _polynomial(roots: Sequence[complex]) -> NDArray[np.float64]:
    """Coefficients of one or two roots in powers of the delay."""
    first, second = (*roots, 0j)[:2]
    return np.array([1.0, -(first + second).real, (first * second).real])


def _value(coefficients: NDArray[np.float64], delay: complex) -> complex:
    c0, c1, c2 = (float(each) for each in coefficients)
    return c0 + delay * (c1 + delay * c2)
