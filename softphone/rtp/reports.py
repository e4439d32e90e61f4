"""The RTCP side of a session: what we report, and what the peer's reports tell (RFC 3550 section 6.4)."""

from softphone.rtp.rtcp import (
    App,
    Bye,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SdesChunk,
    SdesItem,
    SenderReport,
    SourceDescription,
    write_compound,
)
from softphone.rtp.stats import Reception, RemoteStats
from softphone.rtp.xr import ExtendedReport

NAMELESS_REPORTS = 3
"""Reports in a row without the canonical name, where reduced-size RTCP was agreed on.

The fourth is a compound packet again, as RFC 5506 wants them at regular intervals.
"""
_COMPACT_NTP_HZ = 65536


class Reporter:
    """Reports of one session.

    Args:
        cname: canonical name, the same for as long as the session lasts.
        ntp_offset_s: seconds since 1900 minus monotonic seconds.
    """

    def __init__(self, *, cname: str, ntp_offset_s: float) -> None:
        self._cname = cname.encode()[:255]
        self._ntp_offset_s = ntp_offset_s
        self._named: int | None = None
        self._nameless = 0
        self._last_sr = 0
        self._last_sr_at = 0.0
        self._last_sr_ssrc: int | None = None
        self.reports_received = 0
        self.rtt_s: float | None = None
        self._block: ReportBlock | None = None
        self._block_expected = 0

    def ntp(self, now: float) -> int:
        """64 bit NTP time."""
        return int((now + self._ntp_offset_s) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF

    def compose(
        self,
        *,
        ssrc: int,
        sent: tuple[int, int, int] | None,
        reception: Reception | None,
        bye: bytes | None = None,
        app: App | None = None,
        extended: ExtendedReport | None = None,
        reduced: bool = False,
        now: float,
    ) -> bytes:
        """One compound packet.

        Args:
            ssrc: ours.
            sent: (RTP timestamp at *now*, packets, payload bytes) if we are a sender.
            reception: the peer's source; its counts since the last report begin anew.
            bye: reason, when this is the last one.
            app: to be sent along.
            extended: to be sent along.
            reduced: leave out the canonical name where it was told lately (RFC 5506).
        """
        # Section 6.4: a block only for a source that was heard since the last report.
        blocks: tuple[ReportBlock, ...] = ()
        if reception is not None and reception.arrived_since_report:
            blocks = (self._report_on(reception, now),)
        first: RtcpPacket
        if sent is None:
            first = ReceiverReport(ssrc, blocks)
        else:
            rtp_timestamp, packets, octets = (count & 0xFFFFFFFF for count in sent)
            first = SenderReport(ssrc, self.ntp(now), rtp_timestamp, packets, octets, blocks)
        parts: list[RtcpPacket] = [first]
        if not reduced or bye is not None or ssrc != self._named or not self._nameless:
            parts.append(SourceDescription((SdesChunk(ssrc, ((SdesItem.CNAME, self._cname),)),)))
            self._named, self._nameless = ssrc, NAMELESS_REPORTS
        else:
            self._nameless -= 1
        if extended is not None:
            parts.append(extended)
        if app is not None:
            parts.append(app)
        if bye is not None:
            parts.append(Bye((ssrc,), bye))
        return write_compound(parts)

    def farewell(self, ssrc: int) -> bytes:
        """The BYE of an identifier that is given up, without a report."""
        description = SourceDescription((SdesChunk(ssrc, ((SdesItem.CNAME, self._cname),)),))
        return write_compound((ReceiverReport(ssrc), description, Bye((ssrc,))))

    def _report_on(self, reception: Reception, now: float) -> ReportBlock:
        last_sr = delay = 0
        if reception.ssrc == self._last_sr_ssrc:
            last_sr = self._last_sr
            delay = min(0xFFFFFFFF, max(0, int((now - self._last_sr_at) * _COMPACT_NTP_HZ)))
        return ReportBlock(
            ssrc=reception.ssrc,
            fraction_lost=reception.fraction_lost(),
            cumulative_lost=reception.cumulative_lost,
            highest_sequence_number=reception.extended_highest_sequence_number,
            jitter=min(0xFFFFFFFF, int(reception.jitter_ticks)),
            last_sr=last_sr,
            delay_since_last_sr=delay,
        )

    def read(
        self, packet: SenderReport | ReceiverReport, *, ssrc: int, first_sequence_number: int, now: float
    ) -> None:
        """Take a report of the peer.

        Args:
            ssrc: ours, which the blocks that concern us name.
            first_sequence_number: of our first packet.
        """
        if isinstance(packet, SenderReport):
            # Zero would mean "no SR received": the SR that it hits is passed over.
            last_sr = packet.ntp_timestamp >> 16 & 0xFFFFFFFF
            if last_sr:
                self._last_sr, self._last_sr_at, self._last_sr_ssrc = last_sr, now, packet.ssrc
        for block in packet.reports:
            if block.ssrc != ssrc:
                continue
            self.reports_received += 1
            self._block = block
            self._block_expected = (block.highest_sequence_number - first_sequence_number + 1) & 0xFFFFFFFF
            if block.last_sr:
                # Section 6.4.1: A - LSR - DLSR, in 1/65536 s.
                round_trip = (self.ntp(now) >> 16) - block.last_sr - block.delay_since_last_sr & 0xFFFFFFFF
                if round_trip < 0x80000000:
                    self.rtt_s = round_trip / _COMPACT_NTP_HZ

    @property
    def fraction_lost(self) -> int:
        """Loss of 256 that the newest report tells."""
        return 0 if self._block is None else self._block.fraction_lost

    def remote(self, clock_rate_hz: int) -> RemoteStats:
        """What the newest report says of audio that we send in this clock."""
        block = self._block
        if block is None:
            return RemoteStats(None, None, None, 0)
        lost = max(0, block.cumulative_lost)
        # A receiver that counts its cycles otherwise than we do is not to make the loss absurd.
        expected = self._block_expected if lost <= self._block_expected < 1 << 31 else 0
        loss = 100 * lost / expected if expected else 100 * block.fraction_lost / 256
        return RemoteStats(loss, lost, block.jitter * 1000 / clock_rate_hz, self.reports_received)
