"""A queue of things that have deadlines."""

import heapq
from typing import Generic, Protocol, TypeVar


class Deadlined(Protocol):
    """Anything that wants to be called at a time."""

    def next_timeout(self) -> float | None:
        """When, or None."""


T = TypeVar("T", bound=Deadlined)

_SLACK = 64


class Agenda(Generic[T]):
    """Finds what is due without asking everything; an item may change its deadline at any time.

    Each item counts at its earliest deadline known; entries that turn out to be outdated are put right when
    they reach the top, so `next_timeout` never names a time at which nothing is due. They go all at once
    where they are the greater part: a deadline may be years ahead.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._queued: dict[int, float] = {}
        self._counter = 0

    def __len__(self) -> int:
        return len(self._heap)

    def schedule(self, item: T) -> None:
        """Take note of the deadline of *item*; call it whenever that may have changed."""
        at = item.next_timeout()
        if at is None:
            return
        queued = self._queued.get(id(item))
        if queued is None or at < queued:
            self._counter += 1
            heapq.heappush(self._heap, (at, self._counter, item))
            self._queued[id(item)] = at
            self._tidy()

    def discard(self, item: T) -> None:
        """Forget *item*, which has ended."""
        if self._queued.pop(id(item), None) is not None:
            self._tidy()

    def next_timeout(self) -> float | None:
        """When the next item is due, or None."""
        self._settle()
        return self._heap[0][0] if self._heap else None

    def pop_due(self, *, now: float) -> T | None:
        """Take out an item that is due at *now*; `schedule` it again when it has been served."""
        self._settle()
        if not self._heap or self._heap[0][0] > now:
            return None
        _, _, item = heapq.heappop(self._heap)
        self._queued.pop(id(item), None)
        return item

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._queued) + _SLACK:
            self._heap = [entry for entry in self._heap if self._queued.get(id(entry[2])) == entry[0]]
            heapq.heapify(self._heap)

    def _settle(self) -> None:
        while self._heap:
            at, _, item = self._heap[0]
            if self._queued.get(id(item)) == at and item.next_timeout() == at:
                return
            heapq.heappop(self._heap)
            if self._queued.get(id(item)) == at:
                del self._queued[id(item)]
                self.schedule(item)
