"""The engine: blocks through a chain in a thread of its own, and what it says of itself."""

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from dsp.chain import FilterChain
from dsp.filters import Setting
from dsp.preset import Preset
from dsp.types import Block, Samples
from softphone.errors import EnvironmentProblem
from softphone.io.live.engine import LiveEngine
from softphone.io.live.port import PortStatus
from softphone.io.live.prompt import SWITCH_S

RATE, N = 16000, 160


class ListPort:
    """Blocks from a list, without a clock; what is written is kept."""

    name = "a list"
    sample_rate_hz = RATE
    channels_in = 1
    block_samples = N
    is_awaited = False

    def __init__(self, sound: Samples, *, tail: bool = False) -> None:
        self.blocks = [sound[start : start + N] for start in range(0, sound.size, N)]
        self.written: list[Block] = []
        self.tail = tail
        self.channels_out = 0
        self.opened_with: tuple[int, int] | None = None
        self.closed = 0
        self.asked: int | None = None
        self.at_block: dict[int, Callable[[], None]] = {}
        self.refuses: Exception | None = None
        self.breaks_at: int | None = None
        self.endless = False
        self.stopped = threading.Event()
        self.turn = 0

    def open(self, channels_out: int, *, delay_samples: int = 0) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.channels_out = channels_out
        self.opened_with = (channels_out, delay_samples)

    def read(self) -> Block | None:
        self.at_block.get(self.turn, lambda: None)()
        if self.endless:
            self.stopped.wait(30)
        if self.turn == len(self.blocks) or self.stopped.is_set():
            return None
        self.turn += 1
        return self.blocks[self.turn - 1].copy().reshape(1, -1)

    def write(self, block: Block) -> None:
        if self.turn == self.breaks_at:
            raise EnvironmentProblem("the disk is full")
        self.written.append(block.copy())

    def flush(self, output_samples: int) -> Iterator[Block]:
        self.asked = output_samples
        if self.tail:
            yield np.zeros((1, output_samples - sum(each.shape[1] for each in self.written)), np.float32)

    def close(self) -> None:
        self.closed += 1

    def stop(self) -> None:
        self.stopped.set()

    def status(self) -> PortStatus:
        return PortStatus(latency_ms=12.0, xruns_system=2, xruns_ours=1, reconnects=4)

    @property
    def sound(self) -> Samples:
        return np.concatenate(self.written, axis=1)[0]


class Far:
    """Ones, counted."""

    sample_rate_hz = RATE
    duration_s = None

    def __init__(self) -> None:
        self.read_samples = 0
        self.closed = False

    def read(self, out: Samples) -> int:
        out[:] = 1.0
        self.read_samples += out.size
        return out.size

    def close(self) -> None:
        self.closed = True


def chain(*slots: dict[str, Any]) -> FilterChain:
    return FilterChain(Preset.parse({"filter": list(slots)}, "test"), Setting(RATE, 1))


def ran(engine: LiveEngine) -> None:
    engine.start()
    assert engine.wait(20)
    engine.stop()


NOISE: Samples = (0.1 * np.random.default_rng(5).standard_normal(RATE)).astype(np.float32)


def test_what_goes_through_the_engine_is_what_goes_through_the_chain() -> None:
    slots = ({"type": "butterworth", "kind": "highpass", "freq_hz": 200.0}, {"type": "limiter"})
    port = ListPort(NOISE, tail=True)
    engine = LiveEngine(port, chain(*slots))
    ran(engine)
    wanted = chain(*slots)
    assert port.opened_with == (1, wanted.delay_samples)
    assert port.asked == wanted.output_samples(RATE)
    np.testing.assert_allclose(port.sound[:RATE], wanted.process(NOISE.copy().reshape(1, -1))[0], atol=1e-6)
    assert port.closed == 1
    status = engine.status()
    assert (status.finished, status.running, status.error) == (True, False, None)
    assert status.position_s == 1.0


def test_a_change_is_heard_from_the_next_block_on() -> None:
    port = ListPort(np.full(RATE, 0.5, dtype=np.float32))
    engine = LiveEngine(port, chain({"type": "gain", "gain_db": 0.0}))
    port.at_block[50] = lambda: engine.chain.post("gain.gain_db", -20.0)
    ran(engine)
    assert (port.sound[: 50 * N] == 0.5).all()
    assert port.sound[50 * N] < 0.5
    assert port.sound[52 * N :] == pytest.approx(0.05)


def test_the_status_adds_up_port_and_chain() -> None:
    port = ListPort(NOISE)
    engine = LiveEngine(port, chain({"type": "limiter"}), clock=iter_clock(0.001))
    ran(engine)
    status = engine.status()
    assert engine.chain.delay_samples > 0
    assert status.latency_ms == pytest.approx(12.0 + 1000 * engine.chain.delay_samples / RATE)
    assert (status.xruns, status.xruns_ours, status.reconnects) == (3, 1, 4)
    assert (status.block_ms, status.channels, status.sample_rate_hz) == (10.0, 1, RATE)
    # The clock goes on by 1 ms from before each block to after it: 10 % of 10 ms.
    assert status.load_pct == pytest.approx(10.0)
    assert status.load_peak_pct == pytest.approx(10.0)


def iter_clock(step_s: float) -> Callable[[], float]:
    """A clock that goes on by *step_s* each time it is looked at."""
    turns = iter(range(1_000_000))
    return lambda: next(turns) * step_s


def test_meters_and_spectra_see_what_goes_in_and_what_comes_out() -> None:
    tone = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE)).astype(np.float32)
    engine = LiveEngine(ListPort(tone), chain({"type": "gain", "gain_db": -12.0}))
    ran(engine)
    before, after = engine.meter_in.read(), engine.meter_out.read()
    assert before.rms_dbfs is not None
    assert after.rms_dbfs is not None
    assert before.rms_dbfs == pytest.approx(-9.03, abs=0.01)
    assert after.rms_dbfs == pytest.approx(before.rms_dbfs - 12.0, abs=0.01)
    hz, levels_in = engine.spectrum_in.levels_db()
    _, levels_out = engine.spectrum_out.levels_db()
    band = int(np.argmax(levels_in))
    assert hz[band] == pytest.approx(1000, rel=0.05)
    assert levels_in[band] - levels_out[band] == pytest.approx(12.0, abs=0.01)


def test_spectra_that_nobody_wants_cost_nothing() -> None:
    engine = LiveEngine(ListPort(NOISE), chain(), spectrum=False)
    ran(engine)
    assert engine.spectrum_in.levels_db()[1].max() == -120.0


def test_what_is_no_number_is_mended_and_counted() -> None:
    sound = NOISE.copy()
    sound[100], sound[200], sound[300] = np.nan, np.inf, 1e9
    port = ListPort(sound)
    engine = LiveEngine(port, chain({"type": "butterworth", "kind": "highpass", "freq_hz": 200.0}))
    ran(engine)
    assert engine.status().mended == 3
    assert np.isfinite(port.sound).all()


def test_filters_that_run_away_begin_anew() -> None:
    port = ListPort(NOISE)
    running = chain({"type": "gain", "gain_db": 0.0})
    engine = LiveEngine(port, running)
    real, turns = running.process, iter(range(10_000))

    def process(block: Block, far: Samples | None = None) -> Block:
        out = real(block, far)
        if next(turns) in (40, 41):
            out[:] = np.nan
        return out

    running.process = process  # type: ignore[method-assign]
    ran(engine)
    assert engine.status().runaways == 2
    assert np.isfinite(port.sound).all()
    assert port.sound[50 * N :].any()


@pytest.mark.parametrize("awaited", [True, False])
def test_only_a_device_makes_threads_change_more_often_and_only_while_it_runs(awaited: bool) -> None:
    before = sys.getswitchinterval()
    seen: list[float] = []
    port = ListPort(NOISE)
    port.is_awaited = awaited
    port.at_block[3] = lambda: seen.append(sys.getswitchinterval())
    ran(LiveEngine(port, chain()))
    assert seen == [pytest.approx(SWITCH_S if awaited else before)]
    assert sys.getswitchinterval() == before


def test_it_runs_just_as_long_as_it_was_told_to() -> None:
    port = ListPort(NOISE)
    engine = LiveEngine(port, chain(), seconds=0.1234)
    ran(engine)
    assert port.sound.size == round(0.1234 * RATE)
    assert engine.reached_its_seconds


def test_an_echo_canceller_hears_the_far_end_in_step() -> None:
    far = Far()
    port = ListPort(NOISE, tail=True)
    engine = LiveEngine(port, chain({"type": "echo-canceller"}), far=far)
    ran(engine)
    assert engine.status().error is None
    assert far.read_samples == port.sound.size
    assert far.closed


def test_a_fault_while_it_runs_ends_it_in_one_line_and_gives_the_port_back() -> None:
    port = ListPort(NOISE)
    port.breaks_at = 7
    told = threading.Event()
    engine = LiveEngine(port, chain())
    engine.start(told.set)
    assert engine.wait(20)
    assert told.wait(20)
    engine.stop()
    assert engine.status().error == "the disk is full"
    assert isinstance(engine.fault, EnvironmentProblem)
    assert port.closed == 1


def test_a_port_that_cannot_be_opened_says_so_to_who_starts() -> None:
    port = ListPort(NOISE)
    port.refuses = EnvironmentProblem("no such device")
    far = Far()
    engine = LiveEngine(port, chain(), far=far)
    with pytest.raises(EnvironmentProblem, match="no such device"):
        engine.start()
    engine.stop()
    assert port.closed == 1
    assert far.closed
    assert not engine.status().running


def test_stop_ends_what_waits_for_sound() -> None:
    port = ListPort(NOISE)
    port.endless = True
    engine = LiveEngine(port, chain())
    engine.start()
    assert engine.status().running
    engine.stop()
    assert engine.status().finished
    assert port.closed == 1
