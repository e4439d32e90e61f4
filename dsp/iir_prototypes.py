"""Analogue low-pass prototypes with their edge at 1 rad/s: zeros, poles and gain.

Sources: T. W. Parks, C. S. Burrus, "Digital Filter Design" (Wiley, 1987), chapter 7 (Butterworth, Chebyshev);
S. J. Orfanidis, "Lecture Notes on Elliptic Filter Design" (Rutgers University, 2006); W. E. Thomson, "Delay
networks having maximally flat frequency characteristics" (Proc. IEE 96, part III, 1949) for Bessel.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError

Roots = NDArray[np.complex128]
MAX_ORDER = 24
_SMALLEST_MODULUS = 1e-5
"""Below this complement of the modulus poles lie within 1e-10 of the frequency axis."""
_PLACES = 200


@dataclass(frozen=True, slots=True)
class Prototype:
    """``H(s) = gain * prod(s - zeros) / prod(s - poles)``; complex roots come in conjugate pairs."""

    zeros: Roots
    poles: Roots
    gain: float

    def __post_init__(self) -> None:
        for roots in (self.zeros, self.poles):
            roots.flags.writeable = False


_kept = functools.lru_cache(maxsize=64)
"""A prototype is designed once: what changes most, a frequency that is turned, does not change it."""


@_kept
def butterworth_prototype(order: int) -> Prototype:
    """Poles evenly on the left half of the unit circle; -3 dB at 1 rad/s."""
    _check_order(order)
    return Prototype(_roots(()), -np.exp(1j * _angles(order)), 1.0)


@_kept
def chebyshev1_prototype(order: int, ripple_db: float) -> Prototype:
    """Poles on an ellipse; the pass band ripples by *ripple_db* and ends at 1 rad/s."""
    _check_order(order)
    _check_over_zero("ripple_db", ripple_db)
    epsilon = _epsilon(ripple_db)
    poles = -np.sinh(math.asinh(1.0 / epsilon) / order + 1j * _angles(order))
    gain = float(np.prod(-poles).real)
    return Prototype(_roots(()), poles, gain / math.hypot(1.0, epsilon) if order % 2 == 0 else gain)


@_kept
def chebyshev2_prototype(order: int, stop_db: float) -> Prototype:
    """The inverse of type I: flat pass band, and at least *stop_db* down from 1 rad/s on."""
    _check_order(order)
    _check_over_zero("stop_db", stop_db)
    angles = _angles(order)
    zeros = 1j / np.sin(angles[np.abs(angles) > 1e-9])
    poles = -1.0 / np.sinh(math.asinh(_epsilon(stop_db)) / order + 1j * angles)
    return Prototype(zeros, poles, float((np.prod(-poles) / np.prod(-zeros)).real))


@_kept
def elliptic_prototype(order: int, ripple_db: float, stop_db: float) -> Prototype:
    """Equal ripple on both sides: *ripple_db* up to 1 rad/s, at least *stop_db* down behind a band as narrow as can be."""
    _check_order(order)
    _check_over_zero("ripple_db", ripple_db)
    if not ripple_db < stop_db < math.inf:
        raise ParameterError(f"stop_db must be over ripple_db ({ripple_db:.10g} dB), got {stop_db:.10g} dB")
    epsilon = _epsilon(ripple_db)
    if order == 1:
        return Prototype(_roots(()), _roots((-1.0 / epsilon,)), 1.0 / epsilon)
    selectivity1 = epsilon / _epsilon(stop_db)
    k, k_prime = _solve_degree(order, selectivity1)
    quarter = _complete(k_prime)
    v = _arc_sc(1.0 / epsilon, selectivity1) * quarter / (order * _complete_of(selectivity1))
    s_v, c_v, d_v = _jacobi(v, k_prime, k)
    zeros: list[complex] = []
    poles: list[complex] = []
    for number in range(1 - order % 2, order, 2):
        s, c, d = _jacobi(number * quarter / order, k, k_prime)
        pole = -complex(c * d * s_v * c_v, s * d_v) / (c_v * c_v + (k * s * s_v) ** 2)
        if number == 0:
            poles.append(complex(pole.real))
            continue
        poles += [pole, pole.conjugate()]
        zeros += [1j / (k * s), -1j / (k * s)]
    gain = float((np.prod(-_roots(poles)) / np.prod(-_roots(zeros))).real)
    return Prototype(
        _roots(zeros), _roots(poles), gain / math.hypot(1.0, epsilon) if order % 2 == 0 else gain
    )


@_kept
def bessel_prototype(order: int, norm: str) -> Prototype:
    """Maximally flat group delay.

    Args:
        norm: ``phase``: the phase at 1 rad/s is half of all it turns, as with a Butterworth of that order, and both
            have the same far slope; ``magnitude``: -3 dB at 1 rad/s; ``delay``: a group delay of 1 s.
    """
    _check_order(order)
    poles = _roots(_bessel_roots(order))
    match norm:
        case "phase":
            poles = poles / float(np.exp(np.mean(np.log(np.abs(poles)))))
        case "magnitude":
            poles = poles / _half_power(poles)
        case "delay":
            pass
        case _:
            raise ParameterError(f"norm must be phase, magnitude or delay, got {norm!r}")
    return Prototype(_roots(()), poles, float(np.prod(-poles).real))


def _roots(values: tuple[complex, ...] | list[complex]) -> Roots:
    return np.array(values, dtype=np.complex128)


def _angles(order: int) -> NDArray[np.float64]:
    return np.pi / (2.0 * order) * np.arange(1.0 - order, order, 2.0)


def _epsilon(db: float) -> float:
    """``sqrt(10^(db/10) - 1)``, exact for small *db* too."""
    return math.sqrt(math.expm1(0.1 * math.log(10.0) * db))


def _check_order(order: int) -> None:
    if not 1 <= order <= MAX_ORDER:
        raise ParameterError(f"order must be 1 to {MAX_ORDER}, got {order}")


def _check_over_zero(name: str, value: float) -> None:
    if not 0.0 < value < math.inf:
        raise ParameterError(f"{name} must be over 0 dB, got {value:.10g} dB")


def _complete(k_prime: float) -> float:
    """Complete elliptic integral K of the complementary modulus *k_prime*, by the arithmetic-geometric mean."""
    return 0.5 * math.pi / _means(k_prime)[-1][0]


def _complete_of(k: float) -> float:
    return _complete(_complement(k))


def _complement(k: float) -> float:
    return math.sqrt((1.0 - k) * (1.0 + k))


def _means(k_prime: float) -> list[tuple[float, float]]:
    """The steps (a, b) of the arithmetic-geometric mean of 1 and *k_prime* until they agree."""
    found = [(1.0, k_prime)]
    while abs(found[-1][0] - found[-1][1]) > 1e-15 * found[-1][0]:
        a, b = found[-1]
        found.append((0.5 * (a + b), math.sqrt(a * b)))
    return found


def _arc_sc(tangent: float, k_prime: float) -> float:
    """u with ``sn(u)/cn(u) = tangent`` for the complementary modulus *k_prime* (DLMF 19.8.17: Landen's transformation)."""
    means = _means(k_prime)
    phi, slope = math.atan(tangent), tangent
    for a, b in means[:-1]:
        phi += math.atan(b / a * slope) + math.pi * math.floor(phi / math.pi + 0.5)
        slope = math.tan(phi)
    return float(phi / (2.0 ** (len(means) - 1) * means[-1][0]))


def _jacobi(u: float, k: float, k_prime: float) -> tuple[float, float, float]:
    """``sn u, cn u, dn u`` (DLMF 22.20(ii)); both moduli are given, so that neither loses digits next to 1."""
    means = _means(k_prime)
    phi = float(2.0 ** (len(means) - 1) * means[-1][0] * u)
    for (a_before, b_before), (a, _) in zip(means[-2::-1], means[:0:-1], strict=True):
        phi = 0.5 * (phi + math.asin(0.5 * (a_before - b_before) / a * math.sin(phi)))
    s, c = math.sin(phi), math.cos(phi)
    return s, c, math.hypot(k_prime, k * c)


def _solve_degree(order: int, k1: float) -> tuple[float, float]:
    """The modulus k, and its complement, with ``order * K'(k) / K(k) = K'(k1) / K(k1)``, by nomes."""
    log_nome = -math.pi * _complete(k1) / _complete_of(k1) / order
    if log_nome < -math.pi:
        k = _modulus(math.exp(log_nome))
        return k, _complement(k)
    k_prime = _modulus(math.exp(math.pi**2 / log_nome))
    if k_prime < _SMALLEST_MODULUS:
        raise ParameterError(f"unstable design: an elliptic filter of order {order} would be too steep here")
    return _complement(k_prime), k_prime


def _modulus(nome: float) -> float:
    """``(theta_2 / theta_3)^2`` at *nome*, at most exp(-pi) (DLMF 22.2.2, 20.2.2, 20.2.3)."""
    theta2 = math.fsum(nome ** (n * (n + 1)) for n in range(6))
    theta3 = 1.0 + 2.0 * math.fsum(nome ** (n * n) for n in range(1, 6))
    return 4.0 * math.sqrt(nome) * (theta2 / theta3) ** 2


def _half_power(poles: Roots) -> float:
    """The frequency where ``prod(p) / prod(jw - p)`` has fallen to 1/sqrt(2): bisection."""
    low, high = 0.0, 4.0 * float(np.abs(poles).max())
    for _ in range(60):
        middle = 0.5 * (low + high)
        loss = float(np.sum(np.log(np.abs(1j * middle - poles) / np.abs(poles))))
        low, high = (low, middle) if loss > 0.5 * math.log(2.0) else (middle, high)
    return 0.5 * (low + high)


@functools.lru_cache(maxsize=MAX_ORDER)
def _bessel_roots(order: int) -> tuple[complex, ...]:
    """Roots of the reverse Bessel polynomial theta_n: all together in floats (Ehrlich and Aberth), then each one exactly."""
    z = 0.9 * order * np.exp(1j * np.pi * (0.5 + (np.arange(order) + 0.5) / order))
    own = np.eye(order, dtype=bool)
    for _ in range(60):
        before, value = np.ones(order, dtype=np.complex128), z + 1.0
        for m in range(2, order + 1):  # theta_m = (2m - 1) theta_(m-1) + s^2 theta_(m-2)
            before, value = value, (2 * m - 1) * value + z * z * before
        newton = value / (value - z * before)  # theta_n' = theta_n - s theta_(n-1)
        apart = z[:, np.newaxis] - z[np.newaxis, :]
        pull = np.where(own, 0.0, 1.0 / np.where(own, 1.0, apart)).sum(axis=1)
        z = z - newton / (1.0 - newton * pull)
    upper = [_refine(order, complex(root)) for root in z if root.imag > 1e-3]
    real = [complex(_refine(order, complex(root)).real) for root in z if abs(root.imag) <= 1e-3]
    return (*upper, *(root.conjugate() for root in upper), *real)


def _refine(order: int, root: complex) -> complex:
    """Newton's method for a root of theta_n in integers with 200 binary places: floats lose 12 digits at order 24."""
    # Coefficient of s^k: (2n - k)! / (2^(n-k) k! (n-k)!)
    coefficients = [
        math.factorial(2 * order - k) // (2 ** (order - k) * math.factorial(k) * math.factorial(order - k))
        for k in range(order + 1)
    ]
    x, y = (int(part * 2.0**60) << (_PLACES - 60) for part in (root.real, root.imag))
    for _ in range(6):
        value_x = value_y = slope_x = slope_y = 0
        for coefficient in reversed(coefficients):
            slope_x, slope_y = (
                ((slope_x * x - slope_y * y) >> _PLACES) + value_x,
                ((slope_x * y + slope_y * x) >> _PLACES) + value_y,
            )
            value_x, value_y = (
                ((value_x * x - value_y * y) >> _PLACES) + (coefficient << _PLACES),
                (value_x * y + value_y * x) >> _PLACES,
            )
        size = slope_x * slope_x + slope_y * slope_y
        x -= ((value_x * slope_x + value_y * slope_y) << _PLACES) // size
        y -= ((value_y * slope_x - value_x * slope_y) << _PLACES) // size
    return complex(x / (1 << _PLACES), y / (1 << _PLACES))
