"""A lossy, jittery line, a peer that talks and a tick that plays, all seeded and in virtual time."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from softphone.rtp.jitter import Conceal, Idle, JitterBuffer, JitterOptions, Play, Playout
from softphone.rtp.packet import RtpPacket


@dataclass
class Link:
    """One direction. Loss is Gilbert's two-state model; delays are uniform."""

    seed: int = 1
    loss: float = 0.0
    burst: float = 1.0
    delay_s: float = 0.02
    jitter_s: float = 0.0
    duplicate: float = 0.0
    in_order: bool = False
    outages: tuple[tuple[float, float], ...] = ()
    """(from, to): what is sent then is lost."""
    stalls: tuple[tuple[float, float], ...] = ()
    """(from, to): what would arrive then arrives at the end."""
    lost: int = 0
    duplicated: int = 0

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._bad = False
        self._last = 0.0

    def transfer(self, sent_at: float) -> list[float]:
        """When the copies of a datagram arrive."""
        rng = self._rng
        if self.loss:
            leave = 1 / self.burst if self._bad else self.loss / (self.burst * (1 - self.loss))
            self._bad ^= rng.random() < leave
        if self._bad or any(start <= sent_at < end for start, end in self.outages):
            self.lost += 1
            return []
        copies = 2 if rng.random() < self.duplicate else 1
        self.duplicated += copies - 1
        arrivals = []
        for _ in range(copies):
            at = sent_at + self.delay_s + rng.random() * self.jitter_s
            for start, end in self.stalls:
                if start <= at < end:
                    at = end
            if self.in_order:
                at = self._last = max(self._last, at)
            arrivals.append(at)
        return arrivals


@dataclass
class Sent:
    """One packet of the peer."""

    index: int
    timestamp: int
    ticks: int
    at: float


def talk(
    *,
    ptime_ms: float,
    seconds: float,
    clock_rate_hz: int = 48000,
    skew_ppm: float = 0.0,
    start: float = 0.0,
    pauses: Iterable[tuple[float, float]] = (),
) -> list[Sent]:
    """A peer's packets; in *pauses* it sends none, but its timestamps go on."""
    ticks = round(ptime_ms * clock_rate_hz / 1000)
    packets = []
    pauses = tuple(pauses)
    for slot in range(int(seconds * 1000 / ptime_ms)):
        at = start + (slot + 1) * ptime_ms / 1000 / (1 + skew_ppm * 1e-6)
        if not any(a <= at - start < b for a, b in pauses):
            packets.append(Sent(1000 + len(packets), 500_000 + slot * ticks, ticks, at))
    return packets


@dataclass
class Heard:
    """What the tick got."""

    buffer: JitterBuffer
    pops: list[tuple[float, Playout]] = field(default_factory=list)
    shortened_ticks: int = 0
    ticks: int = 0
    sent: int = 0
    lost: int = 0

    @property
    def played(self) -> list[int]:
        return [p.packet.ssrc for _, p in self.pops if isinstance(p, Play)]

    def between(self, start: float, end: float) -> list[Playout]:
        return [p for at, p in self.pops if start <= at < end]

    def concealed_ms(self, start: float = 0.0, end: float = 1e9) -> float:
        ticks = sum(p.ticks for p in self.between(start, end) if isinstance(p, Conceal))
        return ticks * 1000 / self.buffer.clock_rate_hz

    def idle_ms(self, start: float = 0.0, end: float = 1e9) -> float:
        ticks = sum(p.ticks for p in self.between(start, end) if isinstance(p, Idle))
        return ticks * 1000 / self.buffer.clock_rate_hz

    def balance(self) -> tuple[int, int]:
        """(packets that arrived, those whose fate is known): equal, or one was lost inside."""
        buffer = self.buffer
        return self.sent - self.lost, buffer.played + buffer.discarded + buffer.waiting_packets


def listen(
    packets: list[Sent],
    link: Link,
    *,
    interval_ms: float,
    seconds: float,
    clock_rate_hz: int = 48000,
    phase_s: float = 0.0,
    lateness: Callable[[int], float] = lambda tick: 0.0,
    shorten: bool = True,
    options: JitterOptions | None = None,
) -> Heard:
    """Drain what has arrived at each tick, then pop until an interval of audio is there."""
    interval = round(interval_ms * clock_rate_hz / 1000)
    heard = Heard(JitterBuffer(clock_rate_hz, interval, options), sent=len(packets))
    arrivals = []
    for order, packet in enumerate(packets):
        for copy, at in enumerate(link.transfer(packet.at)):
            if copy == 0:
                arrivals.append((at, order, packet))
    heard.lost = link.lost
    arrivals.sort(key=lambda a: a[:2])
    at, held = 0, 0
    for tick in range(1, int(seconds * 1000 / interval_ms)):
        now = phase_s + tick * interval_ms / 1000 + lateness(tick)
        while at < len(arrivals) and arrivals[at][0] <= now:
            arrival, _, sent = arrivals[at]
            packet = RtpPacket(96, sent.index & 0xFFFF, sent.timestamp & 0xFFFFFFFF, sent.index, b"x")
            heard.buffer.push(sent.index, sent.timestamp, sent.ticks, arrival, packet)
            at += 1
        while held < interval:
            playout = heard.buffer.pop(now=now)
            heard.pops.append((now, playout))
            held += playout.ticks
            if shorten and playout.surplus_ticks:
                taken = min(playout.surplus_ticks, held - 1, interval // 4)
                held -= taken
                heard.shortened_ticks += taken
        held -= interval
        heard.ticks += 1
    return heard
