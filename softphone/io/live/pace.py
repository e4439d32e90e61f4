"""The clock of ports that have no device: blocks are due one after the other, in real time."""

import threading
import time
from collections.abc import Callable


class Pace:
    """Waits until blocks are due.

    Args:
        interval_s: length of a block.
        clock: monotonic seconds.
        wait: waits so many seconds, or until *stop* was called; whether it was.
    """

    def __init__(
        self,
        interval_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._stopped = threading.Event()
        self._wait = self._stopped.wait if wait is None else wait
        self._due: float | None = None
        self.late = 0
        """Blocks that were handed back after the next one was due: that many a sound device would have missed."""
        self.latency_s: float | None = None
        """From the first sample of the newest block to the moment when it was handed back."""

    def next(self) -> bool:
        """Wait until the next block is due; False: it is over."""
        now = self._clock()
        if self._due is None:
            self._due = now
        self._due += self._interval_s
        if now - self._due > self._interval_s:  # what was lost is not made up for by a burst
            self._due = now
        return not (self._wait(max(0.0, self._due - now)) or self._stopped.is_set())

    def done(self) -> None:
        """Be told that the newest block was handed back."""
        if self._due is None:
            return
        behind = self._clock() - self._due
        self.latency_s = self._interval_s + behind
        if behind > self._interval_s:
            self.late += 1

    def stop(self) -> None:
        """Let `next` return False; from any thread."""
        self._stopped.set()
