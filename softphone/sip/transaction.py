"""What the four transaction machines of RFC 3261 section 17 (amended by RFC 6026) have in common.

A machine is a table `(state, input) -> (state, actions)` beside a table of the timers that run in each
state; the tables are in `client_transaction.py` and `server_transaction.py`. This engine looks up and
counts time. An absent pair is an input that means nothing in that state: it is absorbed, nothing changes.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from softphone.sip.events import Address
from softphone.sip.timers import Timer, Timers


class State(enum.Enum):
    """States of all four machines, by the names of RFC 3261 figures 5 to 8 and RFC 6026."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Input(enum.Enum):
    """What can happen to a transaction."""

    START = "start"
    """The creator starts it."""
    RECEIVE_1XX = "1xx received"
    RECEIVE_2XX = "2xx received"
    RECEIVE_300_699 = "300-699 received"
    RECEIVE_REQUEST = "request received again"
    RECEIVE_ACK = "ACK received"
    RESPOND_1XX = "1xx from the user"
    RESPOND_2XX = "2xx from the user"
    RESPOND_300_699 = "300-699 from the user"
    TRANSPORT_ERROR = "transport error"
    TIMER_A = "timer A"
    TIMER_B = "timer B"
    TIMER_D = "timer D"
    TIMER_E = "timer E"
    TIMER_F = "timer F"
    TIMER_G = "timer G"
    TIMER_H = "timer H"
    TIMER_I = "timer I"
    TIMER_J = "timer J"
    TIMER_K = "timer K"
    TIMER_L = "timer L"
    TIMER_M = "timer M"
    TIMER_TRYING = "timer 100"


class Action(enum.Enum):
    """What a machine does on a transition."""

    SEND = "send"
    """Send the newest message of the transaction for the first time."""
    RESEND = "send again"
    """Send the newest message of the transaction again."""
    SEND_ACK = "send ACK"
    """Acknowledge a final answer other than 2xx (section 17.1.1.3)."""
    SEND_TRYING = "send 100"
    PASS_UP = "pass up"
    """Hand the message that came in to the transaction user."""
    REPORT_TIMEOUT = "report timeout"
    REPORT_TRANSPORT_ERROR = "report transport error"


TIMER_INPUT: Mapping[Timer, Input] = {timer: Input(f"timer {timer.value}") for timer in Timer}

Transitions = Mapping[tuple[State, Input], tuple[State, tuple[Action, ...]]]


@dataclass(frozen=True, slots=True)
class Machine:
    """One of the four machines, as data."""

    name: str
    initial: State
    transitions: Transitions
    timers: Mapping[State, tuple[Timer, ...]]
    """Which timers run in a state. Entering it starts those that do not run and stops all others."""
    limits: Mapping[State, tuple[Timer, ...]] = field(default_factory=dict)
    """Which timers its user may start in a state, to wait no longer."""


REPEATING = frozenset({Timer.A, Timer.E, Timer.G})
"""Timers that are set again when they fire and leave the state as it is."""


@dataclass(slots=True)
class Account:
    """Bytes that went over the wire for one purpose."""

    bytes_sent: int = 0
    bytes_received: int = 0


class Transaction:
    """State and deadlines of one run of a machine; subclasses carry out its actions."""

    __slots__ = (
        "_deadlines",
        "_intervals",
        "_timers",
        "account",
        "fallback",
        "machine",
        "owner",
        "peer",
        "reason",
        "source",
        "state",
    )

    def __init__(self, machine: Machine, *, timers: Timers, peer: Address) -> None:
        self.peer = peer
        """Where its messages go."""
        self.account: Account | None = None
        """Who pays for its bytes."""
        self.owner: object = None
        """What the transaction user knows it by."""
        self.source: Address | None = None
        """Where the peer's newest message came from."""
        self.fallback: Address | None = None
        """Where its messages go if they cannot go to `peer`."""
        self.reason = ""
        """Why its messages could not be delivered, in a line for a person; empty where nobody said."""
        self.machine = machine
        self.state = machine.initial
        self._timers = timers
        self._deadlines: dict[Timer, float] = {}
        self._intervals: dict[Timer, float] = {}

    @property
    def is_repeating(self) -> bool:
        """Whether it sends its message again and again until the peer answers."""
        return not REPEATING.isdisjoint(self._deadlines)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is next due, or None."""
        return min(self._deadlines.values(), default=None)

    def handle_timeout(self, *, now: float) -> None:
        """Fire every timer due at *now*, the earliest first."""
        for timer in sorted(self._deadlines, key=self._deadlines.__getitem__):
            at = self._deadlines.get(timer)
            if at is None or at > now:
                continue
            del self._deadlines[timer]
            before = self.state
            self._fire(TIMER_INPUT[timer], now=now)
            if timer in REPEATING and self.state is before:
                interval = self._timers.after(timer, self._intervals[timer])
                if timer is Timer.E and self.state is State.PROCEEDING:
                    interval = self._timers.t2  # section 17.1.2.2
                self._set(timer, interval, now=now)

    def stop(self) -> None:
        """End it at once, with nothing sent or told."""
        self.state = State.TERMINATED
        self._deadlines.clear()

    def _fire(self, signal: Input, *, now: float) -> None:
        entry = self.machine.transitions.get((self.state, signal))
        if entry is None:
            return
        before, (self.state, actions) = self.state, entry
        if self.state is not before or signal is Input.START:
            self._start_timers(now=now)
        for action in actions:
            self._act(action)

    def _start_timers(self, *, now: float) -> None:
        wanted = self.machine.timers.get(self.state, ())
        for timer in [timer for timer in self._deadlines if timer not in wanted]:
            del self._deadlines[timer]
        for timer in wanted:
            seconds = self._timers.seconds(timer)
            if timer not in self._deadlines and seconds is not None:
                self._set(timer, seconds, now=now)

    def _set(self, timer: Timer, interval: float, *, now: float) -> None:
        self._intervals[timer] = interval
        self._deadlines[timer] = now + interval

    def _act(self, action: Action) -> None:
        raise NotImplementedError
