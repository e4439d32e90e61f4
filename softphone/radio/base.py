"""What a radio technology must provide, and what it is given: a trace of IP datagrams."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from dsp.registry import Registry

Assumption: TypeAlias = str | float


@dataclass(frozen=True, slots=True)
class Traffic:
    """IP datagrams that one radio carried: {length in bytes, IP header included: how many}.

    Counts need not be whole: a flow given by its rate has some.
    """

    sent: Mapping[float, float]
    received: Mapping[float, float]

    @classmethod
    def of(cls, trace: Iterable[tuple[float, int, bool]]) -> "Traffic":
        """Count a packet trace.

        Args:
            trace: (time in s, bytes of the datagram, whether we sent it). No technology here asks for the times.
        """
        sides: tuple[dict[float, float], dict[float, float]] = ({}, {})
        for _, size, is_sent in trace:
            side = sides[0 if is_sent else 1]
            side[size] = side.get(size, 0) + 1
        return cls(*sides)

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(_joined(self.sent, other.sent), _joined(self.received, other.received))

    @property
    def sent_datagrams(self) -> float:
        """How many were sent."""
        return sum(self.sent.values())

    @property
    def received_datagrams(self) -> float:
        """How many were received."""
        return sum(self.received.values())


def _joined(one: Mapping[float, float], other: Mapping[float, float]) -> dict[float, float]:
    return {size: one.get(size, 0) + other.get(size, 0) for size in {**one, **other}}


@dataclass(frozen=True, slots=True)
class AirTimes:
    """What became of the time, in all."""

    transmit_us: float
    """Our transmitter was on."""
    receive_us: float | None = None
    """Frames and acknowledgements for us were on the air; None: not modelled."""
    wait_us: float | None = None
    """Nobody sent, and nobody else could: space between frames, back-off, signal extension; None: not modelled."""


@dataclass(frozen=True, slots=True)
class Power:
    """What a radio draws, in mW, and what it radiates."""

    transmit_mw: float
    receive_mw: float
    idle_mw: float
    """Awake, neither transmitting nor receiving."""
    sleep_mw: float
    transmit_dbm: float

    @property
    def radiated_mw(self) -> float:
        """Transmit power at the antenna."""
        return float(10 ** (self.transmit_dbm / 10))


@dataclass(frozen=True, slots=True)
class Constant:
    """A number that a technology is reckoned with."""

    name: str
    value: str
    """With its unit."""
    source: str
    assumed: bool = False
    """It is a choice of ours, not a document's."""


@dataclass(frozen=True, slots=True)
class RadioSpec:
    """A radio technology as the meter, the options and the documents see it."""

    name: str
    """Registry name, lower case."""
    title: str
    rates_mbps: tuple[float, ...]
    """Rates of the physical layer, ascending."""
    default_mbps: float
    times: Callable[[Traffic, float, float], AirTimes]
    """(traffic, seconds it took, rate in Mb/s) -> what it took of the air."""
    assumes: Callable[[float], Mapping[str, Assumption]]
    """Rate in Mb/s -> what a reader of a result has to know of the model."""
    constants: tuple[Constant, ...]
    power: Power | None = None
    """None where there is no honest model."""


radios: Registry[RadioSpec] = Registry("radio technology")
