"""A network in virtual time: cores of five verbs, a seeded line between them, no socket and no clock.

`VirtualNetwork` owns time. Attach cores under addresses, then `run_until` a time or a condition. The line
loses, doubles and delays datagrams after the seed it was given; the same seed gives the same run. A core
here is anything with the five verbs, so SIP endpoints, RTP sessions, call managers and scripted peers all do.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

Address = tuple[str, int]


class Core(Protocol):
    """The five verbs."""

    def receive_datagram(self, data: bytes, addr: Address, *, now: float) -> None: ...
    def datagrams_to_send(self, *, now: float) -> list[tuple[bytes, Address]]: ...
    def handle_timeout(self, *, now: float) -> None: ...
    def next_timeout(self) -> float | None: ...
    def next_event(self) -> Any: ...


@dataclass(frozen=True)
class Sent:
    """One datagram as it was put on the line, whatever became of it."""

    at: float
    source: Address
    destination: Address
    data: bytes

    @property
    def start_line(self) -> str:
        """First line as text, for SIP."""
        return self.data.split(b"\r\n", 1)[0].decode("utf-8", "replace")


@dataclass
class Line:
    """What the line does to datagrams; probabilities are 0 to 1, times are seconds."""

    delay_s: float = 0.01
    jitter_s: float = 0.0
    """Up to so much more delay, drawn for each copy: more than the spacing of datagrams reorders them."""
    loss: float = 0.0
    duplicate: float = 0.0
    drop: Callable[[Sent], bool] | None = None
    """Asked for each datagram before chance is; True loses it."""


@dataclass
class _Node:
    core: Core
    on_event: Callable[[Any], None] | None
    events: list[Any] = field(default_factory=list)


class VirtualNetwork:
    """Cores, the line between them, and the time they share."""

    def __init__(self, *, seed: int = 0, line: Line | None = None, now: float = 0.0) -> None:
        self.now = now
        self.line = Line() if line is None else line
        self.log: list[Sent] = []
        self.lost = 0
        self._rng = random.Random(seed)
        self._nodes: dict[Address, _Node] = {}
        self._queue: list[tuple[float, int, Address, Address, bytes]] = []
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._counter = 0
        self._pumping = False

    def attach(
        self, address: Address, core: Core, on_event: Callable[[Any], None] | None = None
    ) -> list[Any]:
        """Put *core* on the net; return the list its events are collected in, in order.

        *on_event* is called with each event as it happens and may use the core, whose answers are carried.
        """
        node = _Node(core, on_event)
        self._nodes[address] = node
        return node.events

    def detach(self, address: Address) -> None:
        """Take a core off the net; what is sent to it is lost."""
        del self._nodes[address]

    def call_at(self, at: float, callback: Callable[[], None]) -> None:
        """Call *callback* at a time; then the cores are drained."""
        self._counter += 1
        heapq.heappush(self._calls, (at, self._counter, callback))

    def inject(self, data: bytes, source: Address, destination: Address) -> None:
        """Deliver a datagram at once, past the line, as if from *source*."""
        node = self._nodes[destination]
        node.core.receive_datagram(data, source, now=self.now)
        self.pump()

    def pump(self) -> None:
        """Take events and datagrams from all cores until there are none; call after using a core directly."""
        if self._pumping:
            return
        self._pumping = True
        try:
            busy = True
            while busy:
                busy = False
                for address, node in list(self._nodes.items()):
                    while (event := node.core.next_event()) is not None:
                        busy = True
                        node.events.append(event)
                        if node.on_event is not None:
                            node.on_event(event)
                    for data, destination in node.core.datagrams_to_send(now=self.now):
                        busy = True
                        self._carry(Sent(self.now, address, destination, data))
        finally:
            self._pumping = False

    def run_until(
        self,
        end: float | None = None,
        *,
        condition: Callable[[], bool] | None = None,
        max_steps: int = 200_000,
    ) -> None:
        """Run to time *end*, or until *condition* holds, or (with neither) until nothing is left to happen.

        With both, not reaching the condition by *end* is an error.
        """
        self.pump()
        for _ in range(max_steps):
            if condition is not None and condition():
                return
            at = self._next()
            if at is None or (end is not None and at > end):
                if condition is not None:
                    raise AssertionError(f"condition not reached by {self.now if end is None else end} s")
                if end is not None:
                    self.now = max(self.now, end)
                return
            self.now = max(self.now, at)
            self._step()
            self.pump()
        raise AssertionError(f"still busy after {max_steps} steps, at {self.now} s")

    def run_for(self, seconds: float) -> None:
        """Run for so long from now."""
        self.run_until(self.now + seconds)

    def sent(self, source: Address, prefix: str = "") -> list[Sent]:
        """Return what *source* has sent whose first line starts with *prefix*."""
        return [item for item in self.log if item.source == source and item.start_line.startswith(prefix)]

    def _next(self) -> float | None:
        times = [node.core.next_timeout() for node in self._nodes.values()]
        if self._queue:
            times.append(self._queue[0][0])
        if self._calls:
            times.append(self._calls[0][0])
        return min((at for at in times if at is not None), default=None)

    def _step(self) -> None:
        while self._calls and self._calls[0][0] <= self.now:
            heapq.heappop(self._calls)[2]()
            self.pump()
        while self._queue and self._queue[0][0] <= self.now:
            _, _, source, destination, data = heapq.heappop(self._queue)
            node = self._nodes.get(destination)
            if node is not None:
                node.core.receive_datagram(data, source, now=self.now)
                self.pump()
        for node in list(self._nodes.values()):
            at = node.core.next_timeout()
            if at is not None and at <= self.now:
                node.core.handle_timeout(now=self.now)
                self.pump()

    def _carry(self, item: Sent) -> None:
        self.log.append(item)
        line = self.line
        if (line.drop is not None and line.drop(item)) or (line.loss and self._rng.random() < line.loss):
            self.lost += 1
            return
        copies = 2 if line.duplicate and self._rng.random() < line.duplicate else 1
        for _ in range(copies):
            delay = line.delay_s + (self._rng.random() * line.jitter_s if line.jitter_s else 0.0)
            self._counter += 1
            heapq.heappush(
                self._queue, (item.at + delay, self._counter, item.source, item.destination, item.data)
            )
