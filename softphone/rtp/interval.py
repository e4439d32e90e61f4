"""When the next RTCP packet goes out (RFC 3550 sections 6.2, 6.3 and appendix A.7), for two parties."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

MINIMUM_S = 5.0
"""The minimum that section 6.2 recommends."""
BANDWIDTH_SHARE = 0.05
SENDERS_SHARE = 0.25
COMPENSATION = 2.71828 - 1.5
"""Timer reconsideration makes the mean interval too short by this (section 6.3.1)."""


class RtcpTimer:
    """The transmission interval with timer reconsideration.

    Args:
        rng: spreads the interval, so that two parties do not fall into step.
        bandwidth_bps: of the session, RTP with IP and UDP; None when it is not known.
        minimum_s: least mean interval before the reduction below.
        interval_s: least mean interval without that reduction, in place of *minimum_s*; None: there is none.
        shares_bps: bandwidth of RTCP for senders and for receivers (b=RS and b=RR of RFC 3556) in place of 5 % of
            *bandwidth_bps*; both 0: nothing is reported.
        first_size_bytes: probable size of the first packet, IP and UDP included.
    """

    def __init__(
        self,
        *,
        rng: "random.Random",
        bandwidth_bps: float | None,
        minimum_s: float,
        interval_s: float | None = None,
        shares_bps: tuple[float, float] | None = None,
        first_size_bytes: int,
        now: float,
    ) -> None:
        self._rng = rng
        self._asked_minimum_s = minimum_s
        self._shares_bps = shares_bps
        self._silent = shares_bps is not None and sum(shares_bps) <= 0
        self._without_share = False
        self._average_size = float(first_size_bytes)
        self._initial = True
        self._last_at = now
        self._last_sent_at: float | None = None
        self._peer_at: float | None = None
        self._peer_sent_at: float | None = None
        self._limit(bandwidth_bps, interval_s)
        self._interval_s = self._minimum_s
        """The one computed last, without its spread."""
        self.due: float | None = None if self._silent else now + self._interval(now)
        """When to call `expire`; None after `stop`."""

    def _limit(self, bandwidth_bps: float | None, interval_s: float | None) -> None:
        self._minimum_s = self._asked_minimum_s if interval_s is None else interval_s
        self._bytes_per_s: float | None = None
        self._senders_share = SENDERS_SHARE
        if bandwidth_bps is not None and bandwidth_bps > 0:
            self._bytes_per_s = BANDWIDTH_SHARE * bandwidth_bps / 8
            if interval_s is None:
                # Section 6.2: 360 over the bandwidth in kb/s may replace the minimum where that is less.
                self._minimum_s = min(self._asked_minimum_s, 360 / (bandwidth_bps / 1000))
        if self._shares_bps is not None and not self._silent:
            senders_bps, receivers_bps = self._shares_bps
            self._bytes_per_s = (senders_bps + receivers_bps) / 8
            self._senders_share = senders_bps / (senders_bps + receivers_bps)

    def change(self, now: float, *, bandwidth_bps: float | None, interval_s: float | None) -> None:
        """Report in another interval from now on; the arguments are those of the timer."""
        self._limit(bandwidth_bps, interval_s)
        if self.due is not None and not self._initial:
            self.due = max(now, self._last_at + self._interval(now))

    def _deterministic(self, now: float) -> float:
        """Td of section 6.3.1, without the spread."""
        minimum = self._minimum_s / 2 if self._initial else self._minimum_s
        if self._bytes_per_s is None:
            return minimum
        # Section 6.3.5: who is silent for five intervals is no member; who sends no RTP for two, no sender.
        members = 1 + self._heard(self._peer_at, now, 5)
        we_sent = self._heard(self._last_sent_at, now, 2)
        senders = we_sent + self._heard(self._peer_sent_at, now, 2)
        bytes_per_s = self._bytes_per_s
        if senders <= members * self._senders_share:
            bytes_per_s *= self._senders_share if we_sent else 1 - self._senders_share
            members = senders if we_sent else members - senders
        # RFC 3556 section 2: who has no share of the bandwidth does not report; it looks again.
        wanted = self._average_size * members / bytes_per_s if bytes_per_s > 0 else minimum
        self._without_share = bytes_per_s <= 0
        self._interval_s = max(minimum, wanted)
        return self._interval_s

    def _heard(self, at: float | None, now: float, intervals: int) -> bool:
        return at is not None and now - at < intervals * max(self._interval_s, self._minimum_s)

    def _interval(self, now: float) -> float:
        return self._deterministic(now) * (self._rng.random() + 0.5) / COMPENSATION

    def hurry(self, now: float) -> None:
        """Let the first packet go at once, which section 6.2 allows in a unicast session."""
        if self._initial and self.due is not None:
            self._initial = False
            self._last_at = self.due = now

    def heard(self, now: float, *, sent_rtp: bool) -> None:
        """The peer is there."""
        self._peer_at = now
        if sent_rtp:
            self._peer_sent_at = now

    def sent_rtp(self, now: float) -> None:
        """We are a sender."""
        self._last_sent_at = now

    def measure(self, size_bytes: int) -> None:
        """Average in the size of a packet sent or received, IP and UDP included (section 6.3.3)."""
        self._average_size += (size_bytes - self._average_size) / 16

    def peer_left(self, now: float) -> None:
        """Reverse reconsideration: one member of two is left (section 6.3.4)."""
        if self.due is not None and self._peer_at is not None:
            self.due = now + (self.due - now) / 2
            self._last_at = now - (now - self._last_at) / 2
        self._peer_at = self._peer_sent_at = None

    def expire(self, now: float) -> bool:
        """Whether to send; if not, `due` has moved (section 6.3.6)."""
        if self.due is None or now < self.due:
            return False
        if self.due > self._last_at:
            due = self._last_at + self._interval(now)
            if due > now:
                self.due = due
                return False
        self._last_at = now
        self._initial = False
        self.due = now + self._interval(now)
        return not self._without_share

    def stop(self) -> None:
        """No more after a BYE."""
        self.due = None
