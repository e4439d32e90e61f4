"""What the live filter adds to a sound device: delay, time until a change is heard, and misses beside a heavy chain.

The device is JACK's dummy driver (48 kHz, periods of 10 ms), a clock that is not ours. *Added*: noise goes through a
callback that only copies, and through the filter; the difference of the two round trips. *Change*: from `chain.post` of
-20 dB on a tone to the callback that plays the first block that differs (it ends more than 1 dB lower). *Misses*: blocks that
were not ready in time, in so many seconds, beside a thread that builds the whole chain about ten times a second. *Beside a busy
thread*: the same with one preset and a thread of Python that computes without end, as Python comes, with threads that change after
0.5 ms, and with a real-time priority as well (softphone/io/live/prompt.py). Without JACK the null device stands in for all but the
first.

python -m benchmarks.live_latency [--seconds 30] [--json FILE] [--smoke]
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from support.jack import PERIOD, RATE_HZ, Jack, jack_missing

from benchmarks.figures import Figure, deliver, options, progress
from dsp.chain import FilterChain
from dsp.filters import Setting
from dsp.preset import Preset
from dsp.types import Block, Samples
from softphone.app.filtering import preset_file
from softphone.io.live import prompt
from softphone.io.live.device_port import DevicePort
from softphone.io.live.engine import LiveEngine
from softphone.io.live.null_port import TONE_LEVEL_DBOV, NullPort
from softphone.io.live.port import Port
from softphone.io.live.rings import Rings

BLOCK_MS = 1000 * PERIOD / RATE_HZ
HEAVY = ("noise-strong", "podcast-voice", "voice-clear", "broadcast-limit")
"""Presets that run one after the other."""
ADDED = Figure("live: delay added to the device", "ms", at_most=BLOCK_MS + 2)
CHANGE = Figure("live: from a change to the block that plays it", "ms", at_most=BLOCK_MS + 15)
MISSES = Figure("live: blocks not ready in time, heavy chain and presets built", "", at_most=0)
LOAD = Figure("live: load of the heavy chain", "% of a core")
BESIDE = "live: blocks not ready in time beside a busy thread, "
READINESS = {
    "as Python comes": (sys.getswitchinterval(), False),
    "threads change after 0.5 ms": (prompt.SWITCH_S, False),
    "with a real-time priority as well": (prompt.SWITCH_S, True),
}
"""After how long a thread lets another one go on, and whether the live thread asks for a priority."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    rounds: int = 5
    changes: int = 40
    seconds: float = 30.0
    busy_seconds: float = 16.0


SMOKE = Scale(rounds=1, changes=2, seconds=1.0, busy_seconds=0.5)


class Watch:
    """Looks at what a port plays: when the first block was handed over that ends 1 dB lower than the tone, or more."""

    def __init__(self, peak: float) -> None:
        self._least = peak * 10 ** (-1 / 20)
        self._begun_s: float | None = None
        self.took_s: float | None = None

    def expect(self) -> None:
        """A change is about to be posted."""
        self.took_s, self._begun_s = None, time.perf_counter()

    def see(self, playing: Samples) -> None:
        """Be shown what a callback plays."""
        if self._begun_s is not None and np.abs(playing[-PERIOD // 10 :]).max() < self._least:
            self.took_s, self._begun_s = time.perf_counter() - self._begun_s, None


class WatchedNull(NullPort):
    """The null device, seen by a watch."""

    watch: Watch

    def write(self, block: Block) -> None:
        """See `Port.write`."""
        super().write(block)
        self.watch.see(block[0])


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Show *watch* what callbacks play."""
    real = Rings.exchange

    def exchange(rings: Rings, captured: Samples, playing: Samples) -> None:
        real(rings, captured, playing)
        watch.see(playing)

    Rings.exchange = exchange  # type: ignore[method-assign]
    try:
        yield
    finally:
        Rings.exchange = real  # type: ignore[method-assign]


def added_ms(jack: Jack, scale: Scale) -> list[float]:
    """The delay that is ours, round by round."""
    found = []
    for _ in range(scale.rounds):
        with jack.pass_through() as program:
            bare = jack.round_trip_samples(program)
            program.end()
        with jack.live("no-filter") as program:
            ours = jack.round_trip_samples(program)
            program.end(interrupt=True)
        found.append(1000 * (ours - bare) / RATE_HZ)
        progress(f"live: {found[-1]:g} ms added")
    return found


def changes_ms(*, on_jack: bool, scale: Scale) -> list[float]:
    """From a change to the block that plays it."""
    watch = Watch(10 ** (TONE_LEVEL_DBOV / 20) * 2**0.5)
    port: Port
    if on_jack:
        port = DevicePort("null:tone=1000", "system", RATE_HZ, block_ms=BLOCK_MS)
    else:
        port = WatchedNull("null:tone=1000", RATE_HZ, block_ms=BLOCK_MS)
        port.watch = watch
    preset = Preset.parse({"filter": [{"type": "gain", "gain_db": 0.0}]}, "gain")
    engine = LiveEngine(port, FilterChain(preset, Setting(RATE_HZ, 1)))
    random = np.random.default_rng(1)
    found: list[float] = []
    with watched(watch):
        engine.start()
        time.sleep(0.5)
        for _ in range(scale.changes):
            watch.expect()
            engine.chain.post("gain.gain_db", -20.0)
            time.sleep(0.15)
            if watch.took_s is not None:
                found.append(1000 * watch.took_s)
            engine.chain.post("gain.gain_db", 0.0)
            time.sleep(0.15 + 0.01 * float(random.random()))
        engine.stop()
    return found


def misses(*, on_jack: bool, scale: Scale) -> tuple[int, float]:
    """Blocks that were not ready in time, and the load in percent, with the heavy chain."""
    slots = [
        entry | {"slot": f"{name}-{entry['slot']}"}
        for name in HEAVY
        for entry in preset_file(name).load().as_mapping()["filter"]
    ]
    preset = Preset.parse({"filter": slots}, "heavy")
    engine = LiveEngine(_port(on_jack=on_jack), FilterChain(preset, Setting(RATE_HZ, 1)))
    engine.start()
    until = time.monotonic() + scale.seconds
    setting = Setting(RATE_HZ, 1)
    while time.monotonic() < until:
        FilterChain(preset, setting)
        time.sleep(0.1)
    status = engine.status()
    engine.stop()
    return status.xruns_ours, status.load_pct


def _port(*, on_jack: bool) -> Port:
    if on_jack:
        return DevicePort("system", "system", RATE_HZ, block_ms=BLOCK_MS)
    return NullPort("null:tone=1000", RATE_HZ, block_ms=BLOCK_MS)


@contextmanager
def ready(switch_s: float, *, priority: bool) -> Iterator[None]:
    """What the live thread does to be woken in time, for so long."""
    real = prompt.SWITCH_S, prompt._ask_for_priority
    prompt.SWITCH_S = switch_s
    if not priority:
        prompt._ask_for_priority = lambda: None
    try:
        yield
    finally:
        prompt.SWITCH_S, prompt._ask_for_priority = real


def misses_beside_a_busy_thread(
    switch_s: float, *, priority: bool, on_jack: bool, seconds: float
) -> tuple[int, float]:
    """Blocks that were not ready in time beside this thread, which computes; and the switch interval that it had."""
    chain = FilterChain(preset_file("voice-clear").load(), Setting(RATE_HZ, 1))
    engine = LiveEngine(_port(on_jack=on_jack), chain)
    with ready(switch_s, priority=priority):
        engine.start()
        until, turns = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            turns += 1
        interval_s = sys.getswitchinterval()
        status = engine.status()
        engine.stop()
    return status.xruns_ours, interval_s


def measure(scale: Scale) -> list[Figure]:
    """All figures."""
    why = jack_missing()
    if why:
        return [ADDED.skip(why), *_measured(on_jack=False, scale=scale)]
    import sounddevice

    with Jack() as jack:
        added = ADDED.measured(added_ms(jack, scale))
        os.environ.update(jack.environment)
        sounddevice._terminate()
        sounddevice._initialize()  # which looks for the server just started
        figures = [added, *_measured(on_jack=True, scale=scale)]
        sounddevice._terminate()
    sounddevice._initialize()
    return figures


def _measured(*, on_jack: bool, scale: Scale) -> list[Figure]:
    changes = CHANGE.measured(changes_ms(on_jack=on_jack, scale=scale))
    late, load_pct = misses(on_jack=on_jack, scale=scale)
    beside = []
    for how, (switch_s, priority) in READINESS.items():
        missed, _ = misses_beside_a_busy_thread(
            switch_s, priority=priority, on_jack=on_jack, seconds=scale.busy_seconds
        )
        beside.append(Figure(BESIDE + how, "").measured([missed]))
    return [changes, MISSES.measured([late]), LOAD.measured([load_pct]), *beside]


def main() -> int:
    """Measure, and print or write."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long misses are counted (30)")
    given = parser.parse_args()
    scale = SMOKE if given.smoke else Scale(seconds=given.seconds)
    return deliver(measure(scale), given.json)


if __name__ == "__main__":
    sys.exit(main())
