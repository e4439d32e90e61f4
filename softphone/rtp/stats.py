"""Reception of one source (RFC 3550 appendices A.1, A.3 and A.8), and what a session has to tell."""

from array import array
from dataclasses import dataclass

from softphone.rtp.events import Address
from softphone.rtp.xr import VoipMetrics

MAX_DROPOUT = 3000
MAX_MISORDER = 100
_SEEN_MASK = (1 << (MAX_MISORDER + 28)) - 1
_TRANSITS = 1024
_TIMELINE_BREAK_S = 10.0

DUPLICATE = -1
JUMPED = -2


class Reception:
    """What arrived of one source.

    Args:
        ssrc: of the source.
        clock_rate_hz: of its audio.
        sequence_number: its first one.
        first_index: what that becomes when extended; any number from 2**16 on.
    """

    def __init__(self, ssrc: int, clock_rate_hz: int, sequence_number: int, first_index: int) -> None:
        self.ssrc = ssrc
        self.clock_rate_hz = clock_rate_hz
        self.first_index = self.highest_index = first_index
        self.left = False
        """It said BYE."""
        self.received = 1
        """Packets, each once."""
        self.duplicates = 0
        self.jitter_ticks = 0.0
        """Interarrival jitter, section 6.4.1."""
        self._first_sequence_number = self.highest_sequence_number = sequence_number
        self._seen = 1
        self._timestamp: int | None = None
        self._extended_timestamp = 0
        self._transit = 0.0
        self._transits = array("d", bytes(8 * _TRANSITS))
        self._transit_count = 0
        self._expected_prior = 0
        self._received_prior = 0

    @property
    def expected(self) -> int:
        """Packets the source has sent, as far as its sequence numbers tell."""
        return self.highest_index - self.first_index + 1

    @property
    def lost(self) -> int:
        """Packets that did not arrive."""
        return self.expected - self.received

    @property
    def extended_highest_sequence_number(self) -> int:
        """With the cycles in the upper 16 bits, as reports carry it."""
        return (self._first_sequence_number + max(0, self.expected - 1)) & 0xFFFFFFFF

    def track(self, sequence_number: int) -> int:
        """Account for one packet after the first.

        Returns:
            Its extended index, or DUPLICATE, or JUMPED: too far from the others to belong, not counted.
        """
        delta = (sequence_number - self.highest_sequence_number) & 0xFFFF
        if delta == 1:
            self._seen = (self._seen << 1 | 1) & _SEEN_MASK
            self.highest_sequence_number = sequence_number
            self.received += 1
            self.highest_index += 1
            return self.highest_index
        if 0 < delta < MAX_DROPOUT:
            self._seen = (self._seen << delta | 1) & _SEEN_MASK
            self.highest_sequence_number = sequence_number
            self.received += 1
            self.highest_index += delta
            return self.highest_index
        behind = -delta & 0xFFFF
        if behind > MAX_MISORDER:
            return JUMPED
        if self._seen >> behind & 1:
            self.duplicates += 1
            return DUPLICATE
        self._seen |= 1 << behind
        self.received += 1
        index = self.highest_index - behind
        if index < self.first_index:
            self._first_sequence_number = (self._first_sequence_number - self.first_index + index) & 0xFFFF
            self.first_index = index
        return index

    def extend(self, timestamp: int, arrival: float) -> int:
        """Account for an audio packet's timing; return its timestamp, extended."""
        if self._timestamp is None:
            self._timestamp = self._extended_timestamp = timestamp
            self._transit = arrival * self.clock_rate_hz - timestamp
        else:
            delta = (timestamp - self._timestamp) & 0xFFFFFFFF
            if delta & 0x80000000:
                delta -= 0x100000000
            self._timestamp = timestamp
            self._extended_timestamp += delta
        transit = arrival * self.clock_rate_hz - self._extended_timestamp
        difference = transit - self._transit
        self._transit = transit
        if difference < 0.0:
            difference = -difference
        if difference < _TIMELINE_BREAK_S * self.clock_rate_hz:
            # Appendix A.8.
            self.jitter_ticks += (difference - self.jitter_ticks) * 0.0625
        else:
            self._transit_count = 0
        self._transits[self._transit_count % _TRANSITS] = transit
        self._transit_count += 1
        return self._extended_timestamp

    def change_clock(self, clock_rate_hz: int) -> None:
        """The peer goes on with a codec of another clock rate."""
        self.jitter_ticks *= clock_rate_hz / self.clock_rate_hz
        self.clock_rate_hz = clock_rate_hz
        self._timestamp = None
        self._transit_count = 0

    @property
    def last_arrival(self) -> float | None:
        """When the packet that `extend` saw last came; None before there is one."""
        if self._timestamp is None:
            return None
        return (self._transit + self._extended_timestamp) / self.clock_rate_hz

    def delay_variation_ms(self, percentile: float) -> float:
        """That percentile of the delay above the least one, over the last 1024 packets."""
        transits = sorted(self._transits[: min(self._transit_count, _TRANSITS)])
        if not transits:
            return 0.0
        rank = max(0, -int(-len(transits) * percentile // 100) - 1)
        return (transits[rank] - transits[0]) * 1000 / self.clock_rate_hz

    def fraction_lost(self) -> int:
        """Loss of 256 since the last call, which only an RTCP report may make (appendix A.3)."""
        arrived = self.received + self.duplicates
        expected = self.expected - self._expected_prior
        lost = expected - (arrived - self._received_prior)
        self._expected_prior, self._received_prior = self.expected, arrived
        return min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0

    @property
    def cumulative_lost(self) -> int:
        """As reports carry it: duplicates count as received, 24 bit signed (appendix A.3)."""
        return max(-0x800000, min(0x7FFFFF, self.lost - self.duplicates))

    @property
    def arrived_since_report(self) -> bool:
        """Whether anything came since `fraction_lost` was called."""
        return self.received + self.duplicates != self._received_prior


@dataclass(frozen=True, slots=True)
class SentStats:
    """What went out; *wire* is IP, UDP, RTP and RTCP."""

    packets: int
    packets_per_s: float
    payload_bps: float
    wire_bps: float
    payload_bytes: int
    rtp_bytes: int
    """IP, UDP and RTP headers of the packets that carry audio or digits."""
    rtcp_packets: int
    rtcp_bytes: int
    """With their IP and UDP headers."""


@dataclass(frozen=True, slots=True)
class ReceivedStats(SentStats):
    """What came in from the peer. A number that nothing was received for is None."""

    lost: int
    """In the network, by sequence numbers."""
    loss_pct: float | None
    discarded: int
    """Came too late or did not fit."""
    discard_pct: float | None
    late: int
    overflowed: int
    duplicates: int
    strangers: int
    """Datagrams of somebody else."""
    undecodable: int
    """Datagrams that are no RTP or RTCP, or whose payload is none that was negotiated."""
    jitter_ms: float | None
    """RFC 3550 appendix A.8, of the newest packet."""
    pdv_p95_ms: float | None
    """95th percentile of the delay above the least, over the last 1024 packets."""
    playout_delay_ms: float | None
    """Mean time that packets wait to be played, smoothed."""
    burst_r: float
    """BurstR of G.107, of packets lost or discarded."""
    unresolved: int = 0
    """Packets with a short header whose context is not known; their numbers count as lost (docs/rtp-short.md)."""
    learnt: Address | None = None
    """Where the peer sends from, where that is no host that was signalled; it is sent to there."""


@dataclass(frozen=True, slots=True)
class RemoteStats:
    """What the peer's reports say about our packets; None before there is one."""

    loss_pct: float | None
    lost: int | None
    jitter_ms: float | None
    reports: int


@dataclass(frozen=True, slots=True)
class RtpStats:
    """A session at one moment. Reading it changes nothing."""

    sent: SentStats
    received: ReceivedStats
    remote: RemoteStats
    rtt_ms: float | None
    """Newest round trip by RTCP; None before there is one."""
    told: VoipMetrics | None = None
    """What the peer heard of us, by its newest extended report (RFC 3611)."""
    unanswered_packets: int = 0
    """Not sent, as nothing ever came from where they were to go."""


def overhead_bytes(remote: Address) -> int:
    """IP and UDP headers of a datagram to *remote*."""
    return 48 if ":" in remote[0] else 28


def traffic(
    seconds: float,
    overhead_bytes: int,
    *,
    packets: int,
    payload_bytes: int,
    header_bytes: int,
    rtcp_packets: int,
    rtcp_bytes: int,
) -> tuple[int, float, float, float, int, int, int, int]:
    """The fields of `SentStats` in their order.

    Args:
        overhead_bytes: IP and UDP headers of a datagram, which the byte counts are without.
    """
    header_bytes += packets * overhead_bytes
    rtcp_bytes += rtcp_packets * overhead_bytes
    wire_bytes = payload_bytes + header_bytes + rtcp_bytes
    rates = (packets / seconds, payload_bytes * 8 / seconds, wire_bytes * 8 / seconds)
    return (packets, *rates, payload_bytes, header_bytes, rtcp_packets, rtcp_bytes)
