"""Extended reports of a session: what goes into ours, and what the peer's tell (RFC 3611)."""

from collections.abc import Callable

from softphone.rtp.reports import Reporter
from softphone.rtp.xr import DelaySince, ExtendedReport, ReferenceTime, VoipMetrics, XrBlock

_COMPACT_NTP_HZ = 65536


class Extended:
    """Both directions of them.

    Args:
        reporter: which has the time, and keeps the newest round trip.
        metrics: what we heard so far; None while that is nothing.
    """

    def __init__(self, reporter: Reporter, *, metrics: Callable[[float], VoipMetrics | None]) -> None:
        self.sends = False
        """Whether the peer asked for them, or can read them."""
        self.told: VoipMetrics | None = None
        """What the peer heard of us, by its newest report."""
        self._reporter = reporter
        self._metrics = metrics
        self._reference: tuple[int, int, float] | None = None
        """(SSRC, middle 32 bits of its reference time, when it came)."""

    def compose(self, ssrc: int, *, is_sender: bool, now: float) -> ExtendedReport | None:
        """The report to send along with the next SR or RR.

        Args:
            is_sender: a sender has its round trip by the SR that it sends; nobody else has (section 4.4).
        """
        if not self.sends:
            return None
        blocks: list[XrBlock] = []
        if not is_sender:
            blocks.append(ReferenceTime(self._reporter.ntp(now)))
        if self._reference is not None:
            source, last, came_at = self._reference
            delay = min(0xFFFFFFFF, max(0, int((now - came_at) * _COMPACT_NTP_HZ)))
            blocks.append(DelaySince(((source, last, delay),)))
            self._reference = None
        metrics = self._metrics(now)
        if metrics is not None:
            blocks.append(metrics)
        return ExtendedReport(ssrc, tuple(blocks)) if blocks else None

    def stop(self) -> None:
        """Send no more of them."""
        self.sends = False
        self._metrics = _nothing

    def read(self, report: ExtendedReport, *, ssrc: int, now: float) -> None:
        """Take one of the peer's; *ssrc* is ours."""
        for block in report.blocks:
            match block:
                case ReferenceTime(ntp_timestamp=ntp_timestamp):
                    self._reference = (report.ssrc, ntp_timestamp >> 16 & 0xFFFFFFFF, now)
                case DelaySince(sources=sources):
                    self._read_delay(sources, ssrc, now)
                case VoipMetrics() if block.ssrc == ssrc:
                    self.told = block

    def _read_delay(self, sources: tuple[tuple[int, int, int], ...], ssrc: int, now: float) -> None:
        for source, last, delay in sources:
            if source == ssrc and last:
                # Section 4.5: as with the delay since the last SR of RFC 3550 section 6.4.1.
                round_trip = (self._reporter.ntp(now) >> 16) - last - delay & 0xFFFFFFFF
                if round_trip < 0x80000000:
                    self._reporter.rtt_s = round_trip / _COMPACT_NTP_HZ


def _nothing(now: float) -> None:
    """Nobody listens any more."""
