"""Removes mains hum and its harmonics; follows the mains while its frequency drifts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp._native import BiquadCascade
from dsp.biquads import NYQUIST_SHARE, Sos, settle_samples
from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.mains import NOMINAL_HZ, REACH_HZ, MainsTracker
from dsp.params import choice, flag, integer, number
from dsp.types import Block

ORDER = 2
"""Of the low-pass that each notch is made from; so many sections are in a notch."""
DEPTH_DB = 46.0
"""Least attenuation in the middle of a notch, which is 0.10 as wide as all of it at -3 dB."""
TICKS = 25
"""Into so many parts a hop of the tracker is cut for retuning (20 ms)."""
TICK_STEP_HZ = 0.01
"""How far the frequency moves in a tick."""


@dataclass(frozen=True, slots=True)
class HumNotchParams:
    """Parameters of `HumNotch`."""

    mains: str = choice("auto", ("auto", "50", "60"), "mains frequency in Hz; auto waits until it hears hum")
    harmonics: int = integer(
        10, 1, 60, "", "how many multiples of the mains frequency are removed, itself included"
    )
    q: float = number(
        40.0,
        5.0,
        200.0,
        "",
        "mains frequency by the width of each notch at -3 dB; higher spares more of the voice, and acts more slowly",
        log=True,
    )
    track: bool = flag(True, "follow the mains where it is up to 1 Hz off, and while it drifts")


def notches(mains_hz: float, harmonics: int, width_hz: float, sample_rate_hz: float) -> Sos:
    """Design a Chebyshev type 2 band-stop around each of *harmonics* multiples of *mains_hz*.

    All are *width_hz* wide at -3 dB: wider ones at higher multiples, as a constant Q makes them, take several times
    as much of a voice. Multiples out of reach at this rate stand as sections that change nothing, so that the
    number of sections does not hang on *mains_hz*.

    Returns:
        Sections, shape (ORDER * harmonics, 6).
    """
    poles, zeros = _prototype()
    freqs = mains_hz * np.arange(1, harmonics + 1)
    within = freqs + width_hz < NYQUIST_SHARE * sample_rate_hz
    freqs = np.where(within, freqs, 0.25 * sample_rate_hz)
    low, high = (np.tan(np.pi * (freqs + side * width_hz / 2.0) / sample_rate_hz) for side in (-1.0, 1.0))
    centre, width = low * high, high - low  # low-pass to band-stop: s -> width s / (s^2 + centre)
    found = []
    for pole, zero in zip(poles, zeros, strict=True):
        half = width / (2.0 * pole)
        s = half + (1.0 if pole.imag >= 0.0 else -1.0) * np.sqrt(half * half - centre)
        shift = 0.5 * width * zero
        angle = 2.0 * np.arctan(shift + np.sqrt(shift * shift + centre))
        z = (1.0 + s) / (1.0 - s)  # bilinear transform
        one = np.ones_like(angle)
        rows = np.stack([one, -2.0 * np.cos(angle), one, one, -2.0 * z.real, np.square(np.abs(z))], axis=1)
        rows[:, :3] *= (rows[:, 3:].sum(axis=1) / rows[:, :3].sum(axis=1))[:, np.newaxis]
        rows[~within] = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
        found.append(rows)
    return np.concatenate(found)


def _prototype() -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Poles of the Chebyshev type 2 low-pass with -3 dB at 1 rad/s, and 1 / its zeros on the imaginary axis."""
    ripple = math.sqrt(10.0 ** (DEPTH_DB / 10.0) - 1.0)
    angles = np.pi * (2.0 * np.arange(ORDER) + 1.0) / (2.0 * ORDER)
    bend = math.asinh(ripple) / ORDER
    edge = math.cosh(math.acosh(ripple) / ORDER)
    poles = edge / (-math.sinh(bend) * np.sin(angles) + 1j * math.cosh(bend) * np.cos(angles))
    return poles, np.cos(angles) / edge


class _Notches:
    """Notches at one mains frequency, which can be moved a little while they run, over each channel."""

    def __init__(self, frequency_hz: float, params: HumNotchParams, setting: Setting) -> None:
        self.frequency_hz = frequency_hz
        self._params, self._rate_hz = params, setting.sample_rate_hz
        self._width_hz = min(NOMINAL_HZ, key=lambda nominal: abs(nominal - frequency_hz)) / params.q
        sos = self._design()
        self._running = [BiquadCascade(sos) for _ in range(setting.channels)]

    def _design(self) -> Sos:
        return notches(self.frequency_hz, self._params.harmonics, self._width_hz, self._rate_hz)

    def move_to(self, frequency_hz: float) -> None:
        self.frequency_hz = frequency_hz
        sos = self._design()
        for running in self._running:
            running.set(sos)

    def process(self, block: Block) -> None:
        for running, channel in zip(self._running, block, strict=True):
            running.process(channel)


class HumNotch(Filter):
    """Notches at the mains frequency and its multiples; the frequency is looked for twice a second.

    A small change of frequency moves the notches in steps of 0.01 Hz. Where hum is found for the first time, or at
    the other nominal frequency, other notches warm up for half a second beside the old ones and are faded in.
    """

    def __init__(self, params: HumNotchParams, setting: Setting) -> None:
        self._params, self._setting = params, setting
        self._fixed_hz = 0.0 if params.mains == "auto" else float(params.mains)
        nominal = (self._fixed_hz,) if self._fixed_hz else NOMINAL_HZ
        self._tracker = MainsTracker(setting.sample_rate_hz, setting.channels, nominal)
        self._listens = params.track or not self._fixed_hz
        self._tick = -(-self._tracker.hop_samples // TICKS)
        slowest_hz = self._fixed_hz or NOMINAL_HZ[0]
        slowest = notches(slowest_hz, 1, slowest_hz / params.q, setting.sample_rate_hz)
        self.settle_samples = settle_samples(slowest)
        self._start()

    def _start(self) -> None:
        wanted = self._wanted_hz()
        self._notches = self._make(wanted) if wanted else None
        self._incoming: _Notches | None = None
        self._fading = False
        self._place = 0
        """Samples since the last look of the tracker."""

    def _make(self, frequency_hz: float) -> _Notches:
        return _Notches(frequency_hz, self._params, self._setting)

    def _wanted_hz(self) -> float:
        found = self._tracker.frequency_hz if self._params.track else self._tracker.nominal_found_hz
        return found or self._fixed_hz

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        if not self._listens:
            self._run(block)
            return block
        count, done, hop = block.shape[1], 0, self._tracker.hop_samples
        while done < count:
            busy = self._fading or self._to_move() != 0.0
            end = min(hop, (self._place // self._tick + 1) * self._tick) if busy else hop
            part = block[:, done : min(count, done + end - self._place)]
            self._tracker.hear(part)
            self._run(part)
            done += part.shape[1]
            self._place += part.shape[1]
            if self._place == hop or self._place % self._tick == 0:
                self._end_tick()
        return block

    def _run(self, part: Block) -> None:
        """Filter *part*, which lies within one tick where something is being faded in."""
        new = part.copy() if self._incoming is not None else part
        if self._notches is not None:
            self._notches.process(part)
        if self._incoming is None:
            return
        self._incoming.process(new)
        if self._fading:
            steps = np.arange(self._place + 1, self._place + 1 + part.shape[1])
            part += (0.5 - 0.5 * np.cos(np.pi * steps / (self._tick + 1))).astype(np.float32) * (new - part)

    def _end_tick(self) -> None:
        if self._fading:
            self._notches, self._incoming, self._fading = self._incoming, None, False
        if self._notches is not None and (step := self._to_move()):
            self._notches.move_to(self._notches.frequency_hz + step)
        if self._place < self._tracker.hop_samples:
            return
        self._place = 0
        self._tracker.update()
        if self._incoming is not None:
            self._fading = True
        elif (wanted := self._wanted_hz()) and self._far(wanted):
            self._incoming = self._make(wanted)

    def _far(self, wanted_hz: float) -> bool:
        return self._notches is None or abs(wanted_hz - self._notches.frequency_hz) > 2.0 * REACH_HZ

    def _to_move(self) -> float:
        """How far the notches are to be moved at the end of this tick."""
        wanted = self._wanted_hz()
        if self._notches is None or self._incoming is not None or self._far(wanted):
            return 0.0
        return max(-TICK_STEP_HZ, min(TICK_STEP_HZ, wanted - self._notches.frequency_hz))

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._tracker.reset()
        self._start()

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`: the mains frequency, and what it is known from."""
        if isinstance(previous, HumNotch):
            self._tracker.adopt(previous._tracker)
            self._start()

    def readings(self) -> Mapping[str, float]:
        """See `Filter.readings`."""
        return {"frequency_hz": 0.0 if self._notches is None else self._notches.frequency_hz}


SPECS = (
    FilterSpec(
        name="hum-notch",
        summary="Removes mains hum of 50 or 60 Hz and its harmonics, and follows it while it drifts",
        category="restoration",
        source="Chebyshev type 2 band-stop (Parks and Burrus, Digital Filter Design, 1987, section 7.2.6) at each multiple; "
        "tracking: own, quadratic interpolation of spectral peaks (J. O. Smith, Spectral Audio Signal Processing, 2011)",
        params=HumNotchParams,
        build=HumNotch,
        readings=(
            Reading("frequency_hz", "Hz", "mains frequency that is being removed; 0: no hum was heard yet"),
        ),
    ),
)
