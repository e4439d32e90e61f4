"""FIR filter: its taps from a sound file, or from a drawn response."""

from dataclasses import dataclass

import numpy as np

from dsp.convolution import Convolver
from dsp.errors import ParameterError
from dsp.filters.base import Filter, FilterSpec, Setting
from dsp.fir_design import NORMALISE, Taps, linear_phase, minimum_phase, normalised, taps_for, taps_of
from dsp.params import Axis, Point, choice, file, number, points
from dsp.types import Block


@dataclass(frozen=True, slots=True)
class FirParams:
    """Parameters of `Fir`."""

    file: str = file(
        "sound file with the taps, one channel for all or one for each; its rate should be the sound's"
    )
    points: tuple[Point, ...] = points(
        (),
        Axis(1.0, 96_000.0, "Hz"),
        Axis(-120.0, 40.0, "dB"),
        "drawn response: frequency and gain, straight lines between them on a logarithmic frequency axis",
    )
    phase: str = choice(
        "linear",
        ("linear", "minimum"),
        "of a drawn response: linear delays all alike, minimum does not delay",
    )
    resolution_hz: float = number(
        100.0,
        10.0,
        2000.0,
        "Hz",
        "of a drawn response: how near two different gains may lie; finer is longer",
        log=True,
    )
    normalise: str = choice(
        "none", NORMALISE, "of a file: none, its loudest frequency at 0 dB, or its energy 1"
    )


def _taps_of(params: FirParams, setting: Setting) -> tuple[Taps, int]:
    """Taps, ``(1 or channels, m)``, and the delay in samples that is the filter's own."""
    if params.file and params.points:
        raise ParameterError("file and points exclude each other: clear one of them")
    if params.file:
        response = setting.resources.read_response(params.file, setting.sample_rate_hz)
        taps = taps_of(response, setting.channels, params.file)
        if taps.shape[1] < 1:
            raise ParameterError(f"{params.file} is empty: wanted at least one tap")
        return normalised(taps, params.normalise, params.file), _delay_of(taps)
    if not params.points:
        return np.ones((1, 1)), 0
    rate_hz = setting.sample_rate_hz
    taps = linear_phase(params.points, taps_for(params.resolution_hz, rate_hz), rate_hz)
    if params.phase == "minimum":
        return minimum_phase(taps)[np.newaxis], 0
    return taps[np.newaxis], taps.size // 2


def _delay_of(taps: Taps) -> int:
    """Half the length of *taps* that are symmetric, or antisymmetric: their phase is linear. Else 0."""
    turned, near = taps[:, ::-1], 1e-5 * float(np.abs(taps).max())
    symmetric = np.allclose(taps, turned, rtol=0.0, atol=near)
    if symmetric or np.allclose(taps, -turned, rtol=0.0, atol=near):
        return int(taps.shape[1] - 1) // 2
    return 0


class Fir(Filter):
    """Convolves with its taps, without more delay than they have themselves."""

    def __init__(self, params: FirParams, setting: Setting) -> None:
        taps, self.delay_samples = _taps_of(params, setting)
        self._convolver = Convolver(taps, setting.channels)
        self.settle_samples = self._convolver.taps - 1
        self.tail_samples = self._convolver.taps - 1 - self.delay_samples

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        return self._convolver.process(block)

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._convolver.reset()


SPECS = (
    FilterSpec(
        name="fir",
        summary="FIR filter with taps from a file, or with a response drawn by points, of linear or minimum phase",
        category="equaliser",
        source="frequency sampling, Kaiser window; minimum phase by the real cepstrum (Oppenheim and Schafer, "
        "Discrete-Time Signal Processing, sections 7.5 and 13.8.1)",
        params=FirParams,
        build=Fir,
        linear=True,
    ),
)
