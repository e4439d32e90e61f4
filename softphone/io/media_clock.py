"""One timer for the audio of every call of a process: all calls of one packet interval share each wake-up."""

import asyncio
from collections.abc import Callable

Tick = Callable[[float], None]
"""Called with the time of the event loop, once per packet interval."""


class _Group:
    """Ticks of one interval, on a grid that starts when the first of them joins."""

    def __init__(self, loop: asyncio.AbstractEventLoop, interval_s: float) -> None:
        self.ticks: list[Tick] = []
        self._loop = loop
        self._interval = interval_s
        self.due = loop.time() + interval_s
        """When the next tick is due."""
        self._timer = loop.call_at(self.due, self._run)

    def _run(self) -> None:
        now = self._loop.time()
        self.due += self._interval
        if self.due <= now:  # fell behind: keep the phase, drop the ticks that were missed
            self.due += ((now - self.due) // self._interval + 1) * self._interval
        self._timer = self._loop.call_at(self.due, self._run)
        for tick in tuple(self.ticks):
            tick(now)

    def close(self) -> None:
        self._timer.cancel()


class MediaClock:
    """Calls ticks on a fixed grid; must be used from the event loop's thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._groups: dict[int, _Group] = {}

    def join(self, interval_ms: int, tick: Tick) -> float:
        """Call *tick* every *interval_ms* from now on; returns the time the first block starts at."""
        group = self._groups.get(interval_ms)
        if group is None:
            group = self._groups[interval_ms] = _Group(self._loop, interval_ms / 1000)
        group.ticks.append(tick)
        return group.due - interval_ms / 1000

    def leave(self, interval_ms: int, tick: Tick) -> None:
        """Stop calling *tick*; the timer goes with the last one. Unknown ticks are ignored."""
        group = self._groups.get(interval_ms)
        if group is None or tick not in group.ticks:
            return
        group.ticks.remove(tick)
        if not group.ticks:
            group.close()
            del self._groups[interval_ms]
