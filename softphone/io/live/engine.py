"""The live engine: a thread that moves blocks from a port through a chain back to the port, and measures as it goes."""

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass

import numpy as np

from dsp.chain import FilterChain
from dsp.live_meter import LiveMeter
from dsp.mending import mend
from dsp.spectrum import SpectrumTap
from dsp.types import Block
from softphone.errors import SoftphoneError
from softphone.io.audio.base import AudioSource, next_of
from softphone.io.dsp_faults import words
from softphone.io.live.port import Port
from softphone.io.live.prompt import prompt_thread

LOAD_S = 1.0
"""Over which the load is taken."""


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """How the engine does; reading changes nothing."""

    running: bool
    """Whether blocks are moved, or awaited."""
    finished: bool
    """Whether it is over: at the end of what there was to read, by `stop`, or by a fault."""
    error: str | None
    """The fault that ended it, in one line."""
    device: str
    """What it runs on, for people."""
    connected: bool
    """Whether the device is there."""
    reconnects: int
    """Times that it came back."""
    sample_rate_hz: int
    channels: int
    """Of the input."""
    channels_out: int
    block_ms: float
    latency_ms: float | None
    """Measured, from a sample's way in to its way out: device, our rings, and the delay of the chain."""
    load_pct: float
    """Time spent on a block by the block's length, mean of the newest second."""
    load_peak_pct: float
    """The greatest of the newest two seconds."""
    xruns: int
    """Times that sound was lost or missing."""
    xruns_ours: int
    """Those of them that were our making: a block that was not ready in time."""
    mended: int
    """Samples that came in, or out of the filters, as no number or far beyond full scale."""
    runaways: int
    """Times that the filters gave no numbers any more and were begun anew."""
    position_s: float
    """Of input so far."""
    total_s: float | None
    """Length of what there is to read; None: it does not end."""


class LiveEngine:
    """Runs *chain* over the blocks of *port* in a thread of its own.

    Args:
        port: where blocks come from and go to; its rate and its channels are those that *chain* was built for.
        chain: changed by one other thread, see `FilterChain`.
        spectrum: keep what `spectrum_in` and `spectrum_out` show.
        far: what the loudspeaker plays, at the port's rate; silence after its end.
        seconds: end after so much input.
        clock: monotonic seconds, for the load.
    """

    def __init__(
        self,
        port: Port,
        chain: FilterChain,
        *,
        spectrum: bool = True,
        far: AudioSource | None = None,
        seconds: float | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.port = port
        self.chain = chain
        rate = port.sample_rate_hz
        self.meter_in = LiveMeter(rate, port.channels_in)
        self.meter_out = LiveMeter(rate, chain.channels_out)
        self.spectrum_in = SpectrumTap(rate)
        self.spectrum_out = SpectrumTap(rate)
        self._keeps_spectrum = spectrum
        self._far = far
        self._left = None if seconds is None else round(seconds * rate)
        self._clock = clock
        self._thread = threading.Thread(target=self._run, name="live filter", daemon=True)
        self._over = threading.Event()
        self._on_end: Callable[[], None] | None = None
        self._error: str | None = None
        self.fault: Exception | None = None
        """What ended it, where it was no end."""
        self._frames = 0
        self._mended = 0
        self._runaways = 0
        self._load = _Load(rate)

    def start(self, on_end: Callable[[], None] | None = None) -> None:
        """Open the port and begin.

        Args:
            on_end: called in the engine's thread when it is over.

        Raises:
            SoftphoneError: the port cannot be opened.
        """
        self._on_end = on_end
        self._warm_up()
        try:
            self.port.open(self.chain.channels_out, delay_samples=self.chain.delay_samples)
        except BaseException:
            self.discard()
            raise
        self._thread.start()

    def _warm_up(self) -> None:
        """Have everything loaded and touched before the first block is due."""
        self.chain.process(np.zeros((self.port.channels_in, self.port.block_samples), dtype=np.float32))
        self.chain.reset()

    def discard(self) -> None:
        """Release what it holds, where it has not begun."""
        self.port.close()
        if self._far is not None:
            self._far.close()

    def stop(self) -> None:
        """End it, and wait until it has ended; a file is whole then."""
        self.port.stop()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def reached_its_seconds(self) -> bool:
        """Whether it ended because it was to run no longer."""
        return self._left == 0

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most so long; whether it has come."""
        return self._over.wait(seconds)

    def status(self) -> EngineStatus:
        """How it does; from any thread."""
        port, status = self.port, self.port.status()
        latency_ms = status.latency_ms
        if latency_ms is not None:
            latency_ms += 1000 * self.chain.delay_samples / port.sample_rate_hz
        return EngineStatus(
            running=self._thread.is_alive() and not self._over.is_set(),
            finished=self._over.is_set(),
            error=self._error,
            device=port.name,
            connected=status.connected,
            reconnects=status.reconnects,
            sample_rate_hz=port.sample_rate_hz,
            channels=port.channels_in,
            channels_out=self.chain.channels_out,
            block_ms=1000 * port.block_samples / port.sample_rate_hz,
            latency_ms=latency_ms,
            load_pct=self._load.mean_pct,
            load_peak_pct=self._load.peak_pct,
            xruns=status.xruns_system + status.xruns_ours,
            xruns_ours=status.xruns_ours,
            mended=self._mended,
            runaways=self._runaways,
            position_s=self._frames / port.sample_rate_hz,
            total_s=status.total_s,
        )

    def _run(self) -> None:
        try:
            try:
                with prompt_thread() if self.port.is_awaited else nullcontext():
                    self._move()
            except BaseException:
                with suppress(SoftphoneError):  # the first fault is the one to tell
                    self.port.close()
                raise
            finally:
                if self._far is not None:
                    self._far.close()
            self.port.close()
        except SoftphoneError as error:
            self.fault, self._error = error, words(error)
        except Exception as error:  # noqa: BLE001 - the top of a thread: told in the status
            self.fault, self._error = error, f"{type(error).__name__}: {words(error)}"
        finally:
            self._over.set()
            if self._on_end is not None:
                self._on_end()

    def _move(self) -> None:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # mended and counted
            while self._left != 0 and (block := self.port.read()) is not None:
                if self._left is not None:
                    block = block[:, : self._left]
                    self._left -= block.shape[1]
                self._frames += block.shape[1]
                self._step(block)
            for block in self.port.flush(self.chain.output_samples(self._frames)):
                self._step(block)

    def _step(self, block: Block) -> None:
        began = self._clock()
        count = block.shape[1]
        self._mended += mend(block)
        self.meter_in.process(block)
        if self._keeps_spectrum:
            self.spectrum_in.process(block)
        out = self._tamed(self.chain.process(block, next_of(self._far, count)))
        self.port.write(out)
        # What is measured of it need not be awaited.
        self.meter_out.process(out)
        if self._keeps_spectrum:
            self.spectrum_out.process(out)
        self._load.took(self._clock() - began, count)

    def _tamed(self, out: Block) -> Block:
        """*out* as numbers; filters that have run away begin anew."""
        if wrong := mend(out):
            self._mended += wrong
            if not np.any(out):
                self._runaways += 1
                self.chain.reset()
        return out


class _Load:
    """Time taken by time there was."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz
        self._span = round(LOAD_S * sample_rate_hz)
        self._frames = 0
        self._took_s = 0.0
        self._peak = 0.0
        self._peak_before = 0.0
        self._mean: float | None = None

    def took(self, seconds: float, frames: int) -> None:
        """Count a block of *frames* that took *seconds*."""
        self._frames += frames
        self._took_s += seconds
        if frames:
            self._peak = max(self._peak, seconds * self._rate_hz / frames)
        if self._frames >= self._span:
            self._mean = self._took_s * self._rate_hz / self._frames
            self._peak_before, self._peak = self._peak, 0.0
            self._frames, self._took_s = 0, 0.0

    @property
    def mean_pct(self) -> float:
        """Mean of the newest whole second, and of what there is before the first is full."""
        if self._mean is not None:
            return 100 * self._mean
        return 100 * self._took_s * self._rate_hz / self._frames if self._frames else 0.0

    @property
    def peak_pct(self) -> float:
        """The greatest of the newest seconds."""
        return 100 * max(self._peak, self._peak_before)
