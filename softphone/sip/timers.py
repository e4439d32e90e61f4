"""SIP timers A to M (RFC 3261 table 4, amended by RFC 6026 section 7), as data."""

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from softphone.sip.errors import LocalSipError

MAX_T1 = 60.0


class Timer(enum.Enum):
    """The timers of the four transaction machines; C belongs to proxies alone."""

    A = "A"
    """INVITE request retransmission, unreliable transports only."""
    B = "B"
    """INVITE transaction timeout."""
    D = "D"
    """Wait for response retransmissions."""
    E = "E"
    """Non-INVITE request retransmission, unreliable transports only."""
    F = "F"
    """Non-INVITE transaction timeout."""
    G = "G"
    """INVITE response retransmission, unreliable transports only."""
    H = "H"
    """Wait for ACK."""
    I = "I"  # noqa: E741 (the RFC's name)
    """Wait for ACK retransmissions."""
    J = "J"
    """Wait for non-INVITE request retransmissions."""
    K = "K"
    """Wait for response retransmissions."""
    L = "L"
    """Wait for retransmissions of an accepted INVITE (RFC 6026 section 7.1)."""
    M = "M"
    """Wait for retransmissions of a 2xx to INVITE (RFC 6026 section 7.2)."""
    TRYING = "100"
    """How long an INVITE may stay without any response before 100 is sent (RFC 3261 section 17.2.1)."""


@dataclass(frozen=True, slots=True)
class Timers:
    """The values the machines run by, all in seconds."""

    t1: float = 0.5
    """Round-trip time estimate."""
    t2: float = 4.0
    """Longest interval between retransmissions of a non-INVITE request or an INVITE response."""
    t4: float = 5.0
    """Longest time a message stays in the network."""
    trying: float = 0.2
    """After this an unanswered INVITE gets its 100 (RFC 3261 section 17.2.1)."""
    provisional_refresh: float = 60.0
    """A ringing INVITE repeats its provisional response this often (RFC 3261 section 13.3.1.1)."""
    reliable: bool = False
    """True over TCP and TLS: no retransmission, no wait for one."""

    def __post_init__(self) -> None:
        if not 0 < self.t1 <= MAX_T1:
            raise LocalSipError(f"T1 must be above 0 and at most {MAX_T1:g} s, got {self.t1:g} s")

    @property
    def transaction_timeout(self) -> float:
        """64*T1, the patience of timers B, F and H and of a 2xx waiting for its ACK."""
        return 64 * self.t1

    def seconds(self, timer: Timer) -> float | None:
        """Return what *timer* is first set to, or None where it is not started at all."""
        return TABLE_4[timer](self)

    def after(self, timer: Timer, interval: float) -> float:
        """Return what a retransmission timer is set to when it fires after *interval*."""
        doubled = 2 * interval
        # Timer A doubles without end (section 17.1.1.2), E and G up to T2 (17.1.2.2, 17.2.1).
        # A T1 chosen longer than T2, for a slow link, is the interval itself.
        return doubled if timer is Timer.A else min(doubled, max(self.t1, self.t2))

    def retransmissions(self, timer: Timer, *, within: float) -> list[float]:
        """Return when *timer* fires, counted from its start, before *within* seconds have passed."""

        def fires() -> Iterator[float]:
            interval, at = self.seconds(timer), 0.0
            while interval is not None and at + interval < within:
                at += interval
                yield at
                interval = self.after(timer, interval)

        return list(islice(fires(), 1000))


def _unreliable(value: Callable[[Timers], float]) -> Callable[[Timers], float | None]:
    return lambda timers: None if timers.reliable else value(timers)


def _zero_if_reliable(value: Callable[[Timers], float]) -> Callable[[Timers], float | None]:
    return lambda timers: 0.0 if timers.reliable else value(timers)


TABLE_4: Mapping[Timer, Callable[[Timers], float | None]] = {
    Timer.A: _unreliable(lambda timers: timers.t1),
    Timer.B: lambda timers: timers.transaction_timeout,
    # Section 17.1.1.2: at least 32 s, however short T1 was made.
    Timer.D: _zero_if_reliable(lambda timers: max(32.0, timers.transaction_timeout)),
    Timer.E: _unreliable(lambda timers: timers.t1),
    Timer.F: lambda timers: timers.transaction_timeout,
    Timer.G: _unreliable(lambda timers: timers.t1),
    Timer.H: lambda timers: timers.transaction_timeout,
    Timer.I: _zero_if_reliable(lambda timers: timers.t4),
    Timer.J: _zero_if_reliable(lambda timers: timers.transaction_timeout),
    Timer.K: _zero_if_reliable(lambda timers: timers.t4),
    Timer.L: lambda timers: timers.transaction_timeout,
    Timer.M: lambda timers: timers.transaction_timeout,
    Timer.TRYING: lambda timers: timers.trying,
}
