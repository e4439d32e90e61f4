"""A limit on the wire, kept packet by packet: a bucket that fills with time and that all which is sent is taken out of.

*Conventions*: bytes are those of whole IP datagrams. The bucket is empty at the beginning, so that the mean since then can at no
moment exceed the limit but by what is sent without being asked for (reports, digits), which is paid for by the packets that follow.
"""

DEPTH_S = 2.0
"""What was not used longer ago than this is lost: a burst after a pause is no longer than that."""
MARGIN = 0.98
"""Of the limit, what the bucket fills with: two ends do not begin to count at the same moment."""
JUDGE_S = 4.0
"""How often `is_over` looks back."""
REPORT_BYTES = 120
"""A compound packet of RTCP with one report and a name, and what lies below it."""
PATIENCE_S = 10.0
"""How long a report waits."""
OVER_SHARE = 0.05
"""Packets withheld, of those offered, from which on a lower rate is better."""


class WireBudget:
    """What one direction may send.

    Args:
        limit_bps: on the wire (b/s).
        now: when its first packet is begun to be captured (s).
    """

    def __init__(self, limit_bps: float, *, now: float) -> None:
        self.limit_bps = limit_bps
        self.withheld = 0
        """Packets that were not sent."""
        self._bytes_per_s = MARGIN * limit_bps / 8
        self._depth = DEPTH_S * self._bytes_per_s
        self._tokens = 0.0
        self._queued = 0
        self._filled_at = now
        self._offered = self._refused = 0
        self._judged_at = now

    def admits(self, size: int, *, now: float) -> bool:
        """Whether a datagram of *size* bytes may be sent now; counted if not."""
        self._fill(now)
        self._offered += 1
        if self._queued + size <= self._tokens:
            self._queued += size
            return True
        self._refused += 1
        self.withheld += 1
        return False

    def affords_report(self, *, since: float, now: float) -> bool:
        """Whether RTCP due *since* then may go: it waits, for a while, until no packet need be withheld for it."""
        self._fill(now)
        return self._tokens - self._queued >= REPORT_BYTES or now - since > PATIENCE_S

    def spend(self, size: int) -> None:
        """Take *size* bytes out that were sent: whatever was admitted before, and all that was not asked about."""
        self._tokens -= size
        self._queued = 0

    def is_over(self, *, now: float) -> bool:
        """Whether too many packets were withheld since it last said so or a while has passed: lower the rate."""
        if now - self._judged_at < JUDGE_S:
            return False
        over = self._refused > 1 and self._refused > OVER_SHARE * self._offered
        self._offered = self._refused = 0
        self._judged_at = now
        return over

    def _fill(self, now: float) -> None:
        self._tokens = min(self._depth, self._tokens + (now - self._filled_at) * self._bytes_per_s)
        self._filled_at = now


class ReceivedWatch:
    """Looks now and then whether what comes in keeps to a limit that only its sender can keep.

    Args:
        now: when it begins (s).
    """

    def __init__(self, *, now: float) -> None:
        self.due = now + JUDGE_S
        """When to ask again."""
        self._at = now
        self._wire_bytes = self._payload_bytes = 0

    def excess(self, wire_bytes: int, payload_bytes: int, *, limit_bps: float, now: float) -> int | None:
        """The bit rate (b/s) that would have kept to the limit since the last time; None: it was kept.

        Args:
            wire_bytes: all that came in so far.
            payload_bytes: what of it was payload.
        """
        seconds = max(now - self._at, 1e-3)
        wire_bps = 8 * (wire_bytes - self._wire_bytes) / seconds
        payload_bps = 8 * (payload_bytes - self._payload_bytes) / seconds
        self._at, self.due = now, now + JUDGE_S
        self._wire_bytes, self._payload_bytes = wire_bytes, payload_bytes
        if wire_bps <= limit_bps:
            return None
        return max(1, int(MARGIN * (payload_bps - (wire_bps - limit_bps))))
