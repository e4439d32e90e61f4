"""What the jitter buffer is told, and what it tells its consumer to do next."""

from dataclasses import dataclass
from enum import Enum, auto

from softphone.rtp.packet import RtpPacket


class Gap(Enum):
    """Why there is no packet to play."""

    UNKNOWN = auto()
    """Nothing later is here: it is late, lost or was never sent, or nothing came yet."""
    LOST = auto()
    """A later packet is here and the sequence numbers have a hole: it is late or lost."""
    SUPPRESSED = auto()
    """The next packet by number is here and not due yet: nothing was sent for this time (DTX, repeat credit)."""
    OTHER = auto()
    """As before, and packets that hold no audio took at least some of the time: digits, as a rule."""
    INSERTED = auto()
    """No packet stands for this time: it is put in so that the next ones come less late."""


@dataclass(slots=True)
class Play:
    """Decode this packet. (Not frozen, as these are made once per packet.)"""

    packet: RtpPacket
    ticks: int
    """Duration of its audio in timestamp units."""
    surplus_ticks: int
    """How much less audio the consumer may make of what it holds without running dry."""
    lost: int = 0
    """Packets between the one played before and this one that did not come in time."""
    suppressed_ticks: int = 0
    """Time between the two that nothing was sent for, by the timestamps; the lost ones are taken to be as long as the
    one played before. What was played meanwhile was told by the steps between."""


@dataclass(slots=True)
class Conceal:
    """Fill in for audio that was lost or is late."""

    ticks: int
    next_payload: bytes | None
    """The packet right behind the lost one, when it is here and the whole lost packet is to be filled:
    its in-band FEC may hold it."""
    surplus_ticks: int = 0
    gap: Gap = Gap.UNKNOWN


@dataclass(slots=True)
class Idle:
    """Nothing to fill in: nothing came yet, or the peer pauses, or is gone for so long that it seems to."""

    ticks: int
    surplus_ticks: int = 0
    gap: Gap = Gap.UNKNOWN


Playout = Play | Conceal | Idle


class Phase(Enum):
    """What the playout does when the next packet is not there."""

    WAITING = auto()
    """Nothing was played yet: idle."""
    PLAYING = auto()
    """Conceal, it is late or lost."""
    STARVED = auto()
    """Has been concealing with nothing waiting."""
    PAUSED = auto()
    """Idle: the peer has stopped, or sends something that is no audio."""


@dataclass(frozen=True, slots=True)
class JitterOptions:
    """How patient the buffer is."""

    start_margin_ms: float = 5.0
    """Margin of the first packet played."""
    safety_ms: float = 5.0
    """Margin that is left when a surplus is taken; a surplus of less is not offered."""
    max_delay_ms: float = 500.0
    """A packet this much slower than the fastest one is discarded; longer waits are cut."""
    conceal_limit_ms: float = 200.0
    """With nothing arriving, concealment ends after this.

    A codec whose concealment makes the comfort noise of a pause wants the time between two descriptions of
    that noise, 400 ms for Opus.
    """
    window_s: float = 6.0
    """Time over which margins and transits are judged."""
