"""One timer for the audio of every call of a process: all calls of one packet interval share each wake-up.

On a `MediaLoop` the ticks run inside the wait for the sockets: what asyncio does around a timer costs, in a process
whose caches have gone cold since the last packet, about as much as the tick's own Python. On any other loop they are
ordinary timers.
"""

import asyncio
import selectors
import sys
import time
from collections.abc import Callable

Tick = Callable[[float], bool]
"""Called with the time, once per packet interval; returns whether it gave the event loop something to do."""

Events = list[tuple[selectors.SelectorKey, int]]


class _Group:
    """Ticks of one interval, on a grid that starts when the first of them joins."""

    def __init__(self, interval_s: float, now: float) -> None:
        self.ticks: list[Tick] = []
        self.due = now + interval_s
        """When the next tick is due."""
        self._interval = interval_s

    def run(self, now: float) -> bool:
        """Call every tick; whether one of them gave the event loop something to do."""
        self.due += self._interval
        if self.due <= now:  # fell behind: keep the phase, drop the ticks that were missed
            self.due += ((now - self.due) // self._interval + 1) * self._interval
        has_work = False
        for tick in tuple(self.ticks):
            has_work |= tick(now)
        return has_work


class _TickSelector(selectors.DefaultSelector):
    """Waits for sockets, and runs ticks while it waits."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[_Group] = []
        self.on_fault: Callable[[Exception], None] | None = None
        """Told what a tick raised; None: it is raised from `select`."""

    def select(self, timeout: float | None = None) -> Events:
        """As any selector; returns early when a tick gave the event loop something to do."""
        groups = self.groups
        if not groups:
            return super().select(timeout)
        now = time.monotonic()
        deadline = None if timeout is None else now + timeout
        while groups:
            due = groups[0].due if len(groups) == 1 else min(group.due for group in groups)
            until = due if deadline is None or due < deadline else deadline
            events = super().select(until - now if until > now else 0)
            now = time.monotonic()
            has_work = False
            if now >= due:
                has_work = self._run_due(now)
            if events or has_work or (deadline is not None and now >= deadline):
                return events
            now = time.monotonic()
        return []

    def _run_due(self, now: float) -> bool:
        has_work = False
        for group in tuple(self.groups):
            if now >= group.due:
                try:
                    has_work |= group.run(now)
                except Exception as error:
                    # As asyncio does with a callback: the loop goes on, and whoever watches it is told.
                    if self.on_fault is None:
                        raise
                    self.on_fault(error)
                    has_work = True
        return has_work


class MediaLoop(asyncio.SelectorEventLoop):
    """An event loop for calls."""

    def __init__(self) -> None:
        self.ticking = _TickSelector()
        super().__init__(self.ticking)
        self.ticking.on_fault = self._on_fault

    def _on_fault(self, error: Exception) -> None:
        self.call_exception_handler({"message": "exception in a media tick", "exception": error})


def new_media_loop() -> asyncio.AbstractEventLoop:
    """A loop for calls where the system has one that can start processes, too; else the system's own kind."""
    return asyncio.new_event_loop() if sys.platform == "win32" else MediaLoop()


class MediaClock:
    """Calls ticks on a fixed grid; must be used from the event loop's thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._groups: dict[int, _Group] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def join(self, interval_ms: int, tick: Tick, *, since: float | None = None) -> float:
        """Call *tick* every *interval_ms* from now on; returns the time the first block starts at.

        Args:
            since: when the last tick of another interval came, which this one goes on from where it is the first; None: now.
        """
        group = self._groups.get(interval_ms)
        if group is None:
            start = time.monotonic() if since is None else since
            group = self._groups[interval_ms] = _Group(interval_ms / 1000, start)
            if isinstance(self._loop, MediaLoop):
                self._loop.ticking.groups.append(group)
            else:
                self._arm(interval_ms)
        group.ticks.append(tick)
        return group.due - interval_ms / 1000

    def leave(self, interval_ms: int, tick: Tick) -> None:
        """Stop calling *tick*; the timer goes with the last one. Unknown ticks are ignored."""
        group = self._groups.get(interval_ms)
        if group is None or tick not in group.ticks:
            return
        group.ticks.remove(tick)
        if group.ticks:
            return
        del self._groups[interval_ms]
        if isinstance(self._loop, MediaLoop):
            self._loop.ticking.groups.remove(group)
        else:
            self._timers.pop(interval_ms).cancel()

    def _arm(self, interval_ms: int) -> None:
        self._timers[interval_ms] = self._loop.call_at(
            self._groups[interval_ms].due, self._on_timer, interval_ms
        )

    def _on_timer(self, interval_ms: int) -> None:
        self._groups[interval_ms].run(time.monotonic())
        if interval_ms in self._groups:
            self._arm(interval_ms)
