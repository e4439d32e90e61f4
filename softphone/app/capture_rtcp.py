"""RTCP of a capture: what receivers report, and round trips as the capturing machine sees them (RFC 3550 section 6.4.1).

A report names the newest sender report it has (LSR) and how long ago that was (DLSR). The time between the two, as captured, less
DLSR is the way from the capturing machine to the receiver and back; with the same for the other direction it is the whole
round trip.
"""

from collections import OrderedDict
from dataclasses import dataclass

from softphone.capture import Datagram, Flow
from softphone.rtp.errors import RtcpError
from softphone.rtp.rtcp import ReceiverReport, ReportBlock, SenderReport, parse_compound

MAX_SENDER_REPORTS = 65_536
MAX_ROUND_TRIP_S = 30.0


@dataclass(slots=True)
class Reported:
    """What the receiver of a stream said of it."""

    reports: int = 0
    newest: ReportBlock | None = None
    worst_fraction: int = 0
    """Of 256."""
    most_jitter: int = 0
    round_trip_s: float = 0.0
    """Sum over `round_trips`."""
    round_trips: int = 0


class RtcpBook:
    """RTCP datagrams -> what is reported of each stream."""

    def __init__(self) -> None:
        self.packets = 0
        self.unreadable = 0
        self._reported: dict[tuple[str, int], Reported] = {}
        self._sent: OrderedDict[tuple[int, int], float] = OrderedDict()
        """(SSRC, middle 32 bits of its NTP time stamp) -> when it went by."""

    def add(self, datagram: Datagram) -> None:
        """Take one datagram."""
        self.packets += 1
        try:
            packets = parse_compound(datagram.payload, reduced=True)
        except RtcpError:
            self.unreadable += 1
            return
        flow = Flow(datagram.key)
        for packet in packets:
            if isinstance(packet, SenderReport):
                self._sent[packet.ssrc, packet.ntp_timestamp >> 16 & 0xFFFFFFFF] = datagram.at
                if len(self._sent) > MAX_SENDER_REPORTS:
                    self._sent.popitem(last=False)
            if isinstance(packet, SenderReport | ReceiverReport):
                for block in packet.reports:
                    self._report(flow.destination[0], block, datagram.at)

    def of(self, host: str, ssrc: int) -> Reported | None:
        """What was said of the stream that *host* sends with *ssrc*."""
        return self._reported.get((host, ssrc))

    def _report(self, host: str, block: ReportBlock, at: float) -> None:
        found = self._reported.setdefault((host, block.ssrc), Reported())
        found.reports += 1
        found.newest = block
        found.worst_fraction = max(found.worst_fraction, block.fraction_lost)
        found.most_jitter = max(found.most_jitter, block.jitter)
        sent_at = self._sent.get((block.ssrc, block.last_sr)) if block.last_sr else None
        if sent_at is not None:
            round_trip = at - sent_at - block.delay_since_last_sr / 65_536
            # DLSR is counted in 15 us; over a wire of nothing the difference can come out below zero.
            if -1e-3 < round_trip < MAX_ROUND_TRIP_S:
                found.round_trip_s += max(0.0, round_trip)
                found.round_trips += 1
