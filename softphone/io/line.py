"""A simulated bad line, one direction of it: loss in bursts (Gilbert's model), delay and jitter.

Pure: time comes in, randomness is the generator handed in, so that one seed always gives one line.
"""

import heapq
import random
from dataclasses import dataclass
from typing import TypeAlias

from softphone.errors import UsageError
from softphone.io.udp import Address

Delivery: TypeAlias = tuple[bytes, Address, float]
"""A datagram, its address, and when it comes out of the line."""

JITTER_SHAPE = 4.0
"""Shape of the gamma distribution of queueing delay: none below zero, a tail to the right."""


@dataclass(slots=True)
class LineStats:
    """What the line did."""

    datagrams: int = 0
    """Datagrams that went in."""
    lost: int = 0


class Line:
    """What happens to each datagram of one direction.

    Loss is Gilbert's two-state model: a good state that loses nothing and a bad one that loses everything,
    left with probability ``1 / burst`` per datagram and entered so often that ``loss_pct`` are lost in the
    long run. Where independent losses would come in longer bursts than asked for, losses are independent.

    A datagram takes ``delay_ms`` and a queueing time on top: gamma distributed with standard deviation
    ``jitter_ms`` and mean ``2 * jitter_ms``, independent from one to the next, so that order may change.

    Args:
        rng: where chance comes from.
        loss_pct: share of datagrams lost, 0 to 100.
        burst: mean number of datagrams lost in a row, at least 1.
        delay_ms: least delay.
        jitter_ms: standard deviation of the delay.

    Raises:
        UsageError: for a value out of its range.
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        loss_pct: float = 0.0,
        burst: float = 1.0,
        delay_ms: float = 0.0,
        jitter_ms: float = 0.0,
    ) -> None:
        if not 0.0 <= loss_pct <= 100.0:
            raise UsageError(f"loss of a line must be 0 to 100 percent, got {loss_pct:g}")
        if not burst >= 1.0:
            raise UsageError(f"mean burst of losses must be at least 1 packet, got {burst:g}")
        if not (delay_ms >= 0.0 and jitter_ms >= 0.0):
            raise UsageError(
                f"delay and jitter of a line must not be negative, got {delay_ms:g} and {jitter_ms:g} ms"
            )
        self.stats = LineStats()
        self._rng = rng
        self._delay_s = delay_ms / 1000.0
        self._jitter_scale_s = jitter_ms / 1000.0 / JITTER_SHAPE**0.5
        loss = loss_pct / 100.0
        self._leave_bad = min(1.0 / burst, 1.0 - loss)
        # Stationary share of the bad state = enter / (enter + leave) = loss.
        self._enter_bad = self._leave_bad * loss / (1.0 - loss) if loss < 1.0 else 1.0
        self._is_bad = rng.random() < loss
        self._queue: list[tuple[float, int, bytes, Address]] = []

    def transfer(self, data: bytes, addr: Address, at: float) -> list[Delivery]:
        """What becomes of a datagram that enters at *at*: no delivery or one. Nothing is kept."""
        self.stats.datagrams += 1
        is_lost = self._is_bad
        self._is_bad = (
            self._rng.random() >= self._leave_bad if is_lost else self._rng.random() < self._enter_bad
        )
        if is_lost:
            self.stats.lost += 1
            return []
        due = at + self._delay_s
        if self._jitter_scale_s > 0.0:
            due += self._rng.gammavariate(JITTER_SHAPE, self._jitter_scale_s)
        return [(data, addr, due)]

    def put(self, data: bytes, addr: Address, at: float) -> None:
        """Send a datagram into the line at *at*; `release` takes it out."""
        for _, _, due in self.transfer(data, addr, at):
            heapq.heappush(self._queue, (due, self.stats.datagrams, data, addr))

    def next_due(self) -> float | None:
        """When the next datagram comes out."""
        return self._queue[0][0] if self._queue else None

    def release(self, now: float) -> list[Delivery]:
        """Take out what has come through by *now*, in the order of its coming."""
        out: list[Delivery] = []
        while self._queue and self._queue[0][0] <= now:
            due, _, data, addr = heapq.heappop(self._queue)
            out.append((data, addr, due))
        return out
