"""Adaptive jitter buffer: packets in arrival order in, audio, concealment and pauses at playout pace out.

The consumer is a tick that runs once per packet interval, drains its socket and then pops until it holds an
interval of audio, or several intervals when it fell behind, but whole ones: a part of one pulls a pop forward
by an interval. A packet's *margin* is the time from its arrival to its pop. What the buffer does:

* It starts when the first packet has a margin of `start_margin_ms`, plus what a tick that takes several
  packets at once needs on top.
* A packet that is missing when it is wanted is concealed. When it comes after all, before its successors
  were played, it is played: the delay has grown by what was concealed. When it comes after them it is
  discarded, and the second such packet within a window inserts as much concealment as it was late. So the
  delay grows with the lateness of packets and never with that of the tick, which only makes margins larger.
* When the least margin of a window exceeds the amount by which shortening can pull one pop forward, the
  rest is offered as `surplus_ticks`.
* Where the decoder can fill a gap from both sides (`at_hand`), a loss makes the delay grow by one packet, so
  that the packet behind the next gap is there when the gap is filled.
* A gap in the timestamps without one in the sequence numbers is a pause (DTX), not a loss.
* Longer than `conceal_limit_ms` without a packet is a pause too; what was held up in it is stale.
"""

from math import ceil, gcd, inf, lcm

from softphone.rtp.at_hand import NextAtHand
from softphone.rtp.bursts import BurstGaps
from softphone.rtp.gaps import GapMeter
from softphone.rtp.losses import Losses
from softphone.rtp.packet import RtpPacket
from softphone.rtp.playout import Conceal, Gap, Idle, JitterOptions, Phase, Play, Playout
from softphone.rtp.stale import StaleRun

__all__ = ["Conceal", "Gap", "Idle", "JitterBuffer", "JitterOptions", "Phase", "Play", "Playout"]

_Entry = tuple[int, int, float, RtpPacket]  # timestamp, ticks, arrival, packet

_NOWHERE = -(1 << 62)
_SILENT: _Entry = (_NOWHERE, 0, 0.0, RtpPacket(0, 0, 0, 0, b""))
_COUNTED_IN_TICKS = (
    *("clock_rate_hz", "_interval", "_safety", "_position", "_last_timestamp", "_fastest", "_fastest_before"),
    *("_starved", "_stretch", "_growth", "_surplus"),
)
SPACING = 0.9
"""Share of the packet interval by which two packets of one sender are apart at least, but for jitter."""
_MAX_WAITING = 256
_JUMP_S = 2.0


class JitterBuffer:
    """One source's packets, by extended sequence number and extended timestamp.

    Args:
        clock_rate_hz: of the timestamps.
        interval_ticks: audio the consumer takes per tick.
    """

    def __init__(self, clock_rate_hz: int, interval_ticks: int, options: JitterOptions | None = None) -> None:
        options = JitterOptions() if options is None else options
        self.clock_rate_hz = clock_rate_hz
        self.played = 0
        """Packets given out."""
        self.late = 0
        """Packets that came too late to be played."""
        self.overflowed = 0
        """Packets thrown away because too many waited."""
        self.losses = Losses(clock_rate_hz)
        self.mean_margin_s = 0.0
        """Time that packets wait here, smoothed over 16 of them."""
        self.least_margin_s = inf
        """The least margin since half a window ago or more recently."""
        self._interval = interval_ticks
        self._packet_ticks = interval_ticks
        self._grid = interval_ticks
        """Pops can come earlier or later by multiples of this only, since the tick takes whole packets."""
        self.spacing_s = 0.0
        """A packet that came less than this ago has no other behind it that the next pops need; 0: not known."""
        self._start_margin_s = options.start_margin_ms / 1000
        self._safety = ceil(options.safety_ms * clock_rate_hz / 1000)
        self._max_delay_s = options.max_delay_ms / 1000
        self.conceal_limit_ms = options.conceal_limit_ms
        """With nothing arriving, concealment ends after this."""
        self._window_s = options.window_s
        self.phase = Phase.WAITING
        """What the playout is doing."""
        self._waiting: dict[int, _Entry] = {}
        self._next = _NOWHERE
        self._position = _NOWHERE
        self._starved = 0
        self._starved_at = 0.0
        """When the phase ceased to be PLAYING."""
        self._surplus = 0
        self._offer_at = -inf
        self._rotate_at = -inf
        self._least_before = inf
        self._fastest = self._fastest_before = inf
        self._last_index = self._last_timestamp = 0
        self._stretch = 0
        self._growth = 0
        self._last_late_at = -inf
        self._stale = StaleRun()
        self.at_hand = NextAtHand()
        self._gaps = GapMeter()

    @property
    def discarded(self) -> int:
        """Packets that arrived and were not played: too late, or too many."""
        return self.late + self.overflowed

    @property
    def waiting_packets(self) -> int:
        """Packets held."""
        return len(self._waiting)

    @property
    def packet_ms(self) -> float:
        """Audio in a packet, as far as is known."""
        return 1000 * self._packet_ticks / self.clock_rate_hz

    @property
    def max_delay_ms(self) -> float:
        """See `softphone.rtp.playout.JitterOptions`."""
        return 1000 * self._max_delay_s

    def burst_gaps(self) -> BurstGaps:
        """How losses, and packets that came too late, lay among the others so far."""
        return self.losses.runs.read(self._next)

    # -- arrivals

    def push(self, index: int, timestamp: int, ticks: int, arrival: float, packet: RtpPacket) -> None:
        """Take an audio packet; *index* and *timestamp* are extended, *arrival* is in seconds."""
        transit = arrival * self.clock_rate_hz - timestamp
        if transit < self._fastest:
            self._fastest = transit
        if (
            timestamp < self._position or index < self._next or len(self._waiting) >= _MAX_WAITING
        ) and not self._admit(index, timestamp, ticks, arrival, transit):
            return
        self._waiting[index] = (timestamp, ticks, arrival, packet)
        self._last_index = index
        self._last_timestamp = timestamp

    def skip(self, index: int) -> None:
        """A packet with this index came, but it holds no audio to play."""
        if self.phase is not Phase.WAITING and index >= self._next and len(self._waiting) < _MAX_WAITING:
            self._waiting[index] = _SILENT

    def restart(self) -> None:
        """The source begins anew: other timestamps follow, with indices that continue."""
        self._fastest = self._fastest_before = inf
        self._last_late_at = -inf
        self._gaps.restart(self._last_index + 1)
        if not self._waiting:
            self._rewind()
        else:
            # What waits is played first; the first packet of the new time line then sets the position.
            self._last_timestamp = _NOWHERE

    def rescale(self, factor: int) -> None:
        """Count in ticks that are shorter by *factor* from now on: a codec of another clock rate was agreed on."""
        for name in _COUNTED_IN_TICKS:
            setattr(self, name, getattr(self, name) * factor)
        for part in (self._gaps, self.losses, self._stale):
            part.rescale(factor)
        for index, entry in self._waiting.items():
            if entry is not _SILENT:
                self._waiting[index] = (entry[0] * factor, entry[1] * factor, *entry[2:])
        self._set_packet_ticks(self._packet_ticks * factor)

    def change_interval(self, interval_ticks: int) -> None:
        """The consumer takes this much audio per tick from now on."""
        self._interval = interval_ticks
        self._set_packet_ticks(self._packet_ticks)

    def following(self, index: int) -> tuple[int, int] | None:
        """(timestamp that packet *index* has by its number alone, end of the newest packet); None before there is any."""
        if not self._last_index or self._last_timestamp <= _NOWHERE:
            return None
        last = self._waiting.get(self._last_index, _SILENT)
        end = self._last_timestamp + (self._packet_ticks if last is _SILENT else last[1])
        return end + (index - self._last_index - 1) * self._packet_ticks, end

    def _rewind(self) -> None:
        self._waiting.clear()
        self.phase = Phase.WAITING
        self._next = self._position = _NOWHERE
        self._stretch = 0

    def _admit(self, index: int, timestamp: int, ticks: int, arrival: float, transit: float) -> bool:
        """Decide about a packet whose time has passed, or that meets a full buffer."""
        if index < self._next:
            self._too_late_to_order(index, arrival, transit)
            return False
        if len(self._waiting) >= _MAX_WAITING:
            del self._waiting[min(self._waiting)]
            self.overflowed += 1
        if timestamp >= self._position:
            return True
        expected = self._last_timestamp + (index - self._last_index) * self._packet_ticks
        if abs(timestamp - expected) > _JUMP_S * self.clock_rate_hz:
            self._fastest = self._fastest_before = transit
            return True
        if self.phase is Phase.PAUSED:
            # What a long outage held up is stale; what is late by the usual jitter, or as it holds more, is not.
            stale = self._position - timestamp > max(ticks, self._packet_ticks) + self._interval
        else:
            fastest = min(self._fastest, self._fastest_before)
            stale = transit - fastest > self._max_delay_s * self.clock_rate_hz
        if not stale:
            return True
        if not self._stale.lasts(index, transit, self._packet_ticks // 2):
            self.late += 1
            return False
        self._fastest = self._fastest_before = transit
        self._rewind()
        return True

    def _too_late_to_order(self, index: int, arrival: float, transit: float) -> None:
        """Discard a packet whose successors were played, and make room for the next one like it."""
        self.late += 1
        again = arrival - self._last_late_at < self._window_s
        self._last_late_at = arrival
        grow = self.losses.lateness_ticks(index, arrival, self._growth)
        delay = transit - min(self._fastest, self._fastest_before)
        if again and grow > 0 and delay <= self._max_delay_s * self.clock_rate_hz:
            grow = ceil(grow / self._grid) * self._grid
            self._stretch += grow
            self._growth += grow
            self._position -= grow

    # -- playout

    def pop(self, *, now: float) -> Playout:
        """What to play next; whatever it is, its `ticks` of audio are accounted for as played."""
        if now >= self._rotate_at:
            self._rotate(now)
        entry = self._waiting.get(self._next)
        if entry is None or entry[0] != self._position:
            return self._pop_irregular(now)
        return self._play(entry, now)

    def _play(self, entry: _Entry, now: float) -> Playout:
        timestamp, ticks, arrival, packet = entry
        margin = now - arrival
        if margin > self._max_delay_s and self._shed(now):
            return self.pop(now=now)
        index = self._next
        del self._waiting[index]
        gaps = self._gaps
        lost = suppressed = 0
        if timestamp != gaps.end or index != gaps.index:
            lost, suppressed = gaps.measure(index, timestamp, self._packet_ticks)
            gaps.silent = 0
        gaps.end = timestamp + ticks
        self._next = gaps.index = index + 1
        self._position += ticks
        if ticks != self._packet_ticks:
            self._set_packet_ticks(ticks)
        self.phase = Phase.PLAYING
        self.played += 1
        self.mean_margin_s += (margin - self.mean_margin_s) * 0.0625 if self.played > 1 else margin
        if margin < self.least_margin_s:
            self.least_margin_s = margin
            if self._surplus:
                self._surplus = min(self._surplus, self._surplus_of(margin))
        surplus = self._surplus
        if surplus:
            if now < self._offer_at:
                surplus = 0
            else:
                # What is taken of it shows in the margins of the packets of the next cycle.
                cycle = lcm(ticks, self._interval) + self._interval // 2
                self._offer_at = now + cycle / self.clock_rate_hz
        return Play(packet, ticks, surplus, lost, suppressed)

    def _rotate(self, now: float) -> None:
        """Begin another half of the window."""
        least = min(self.least_margin_s, self._least_before)
        whole = self.least_margin_s < inf and self._least_before < inf
        held = self._packet_ticks if self.at_hand.active(now) else 0
        self._surplus = self._surplus_of(least, held) if whole else 0
        self._least_before, self.least_margin_s = self.least_margin_s, inf
        self._fastest_before = self._fastest
        self._fastest = inf
        self._rotate_at = now + self._window_s / 2

    def _surplus_of(self, margin: float, held: int = 0) -> int:
        # Shortening by less than a step of the grid may pull a pop forward by the whole step.
        surplus = int(margin * self.clock_rate_hz) - self._grid - self._safety - held
        return surplus if surplus >= self._safety else 0

    def _need_s(self) -> float:
        """Margin to begin with: a tick that takes several packets at once wants the last of them too."""
        return self._start_margin_s + (self._interval - self._grid) / self.clock_rate_hz

    def _shed(self, now: float) -> bool:
        """Throw away what has waited far too long; whether there was anything to throw away."""
        keep_s = self._need_s() + self._interval / self.clock_rate_hz
        shed = 0
        for index in sorted(self._waiting)[:-1]:
            entry = self._waiting[index]
            if entry is not _SILENT:
                if now - entry[2] <= keep_s:
                    break
                shed += 1
            del self._waiting[index]
        self.overflowed += shed
        head = min(self._waiting)
        self._next = head
        if self._waiting[head] is not _SILENT:
            self._position = self._waiting[head][0]
        return shed > 0

    def _set_packet_ticks(self, ticks: int) -> None:
        self._packet_ticks = ticks
        self._grid = gcd(ticks, self._interval)
        # A tick that wants several packets at once has to look for all of them.
        self.spacing_s = SPACING * ticks / self.clock_rate_hz if ticks >= self._interval else 0.0

    def _begin(self, now: float) -> bool:
        head = self._waiting[min(self._waiting)]
        self._set_packet_ticks(head[1])
        if now - head[2] < self._need_s():
            return False
        stale_s = self._need_s() + self._interval / self.clock_rate_hz + 0.1
        if now - head[2] > stale_s:
            self._shed(now)
        self._next = min(self._waiting)
        self._position = self._waiting[self._next][0]
        self.losses.runs.begin(self._next)
        return True

    def _pop_irregular(self, now: float) -> Playout:
        if self.phase is Phase.WAITING and (not self._waiting or not self._begin(now)):
            return Idle(self._interval)
        while True:
            while self._waiting.get(self._next) is _SILENT:
                del self._waiting[self._next]
                self._next += 1
                self._gaps.silent += 1
                self._pause(now)
            if not self._waiting:
                return self._starve(now)
            head_index = self._next if self._next in self._waiting else min(self._waiting)
            head = self._waiting[head_index]
            if head is not _SILENT:
                break
            self._note_missing(head_index, now)
        return self._reach(head_index, head, now)

    def _reach(self, head_index: int, head: _Entry, now: float) -> Playout:
        """Fill the gap before the first packet that waits, or play it."""
        gap = head[0] - self._position
        waited = now - head[2]
        if gap > 0 and waited + gap / self.clock_rate_hz > self._max_delay_s:
            # The time line has jumped, or playout stood still: do not sit the difference out.
            gap = min(gap, max(0, int((self._need_s() - waited) * self.clock_rate_hz)))
            self._note_missing(head_index, now)
            self._position = head[0] - gap
        missing = head_index - self._next
        if missing and gap >= 0:
            self.at_hand.lost(now)
            if gap == 0 and self.at_hand.active(now):
                # It was concealed without its successor; conceal as much once more, and lag behind from here on.
                gap = self._packet_ticks
                self._position -= gap
                self._growth += gap
        if gap > 0 and missing:
            slots = -(-gap // self._packet_ticks)
            if slots < missing:
                # The first of them were concealed while nothing waited.
                self._note_missing(head_index - slots, now)
                missing = slots
            chunk = min(self._packet_ticks, gap - (missing - 1) * self._packet_ticks)
            whole = chunk == gap == self._packet_ticks
            self._note_missing(self._next + 1, now)
            self._position += chunk
            return Conceal(chunk, head[3].payload if whole else None, gap=Gap.LOST)
        if gap > 0:
            return self._wait(gap, now)
        self._growth += min(-gap, int(self._max_delay_s * self.clock_rate_hz))
        self._note_missing(head_index, now)
        self._position = head[0]
        self._stretch = 0
        return self._play(head, now)

    def _pause(self, now: float) -> None:
        if self.phase is Phase.PLAYING:
            self._starved_at = now
        self.phase = Phase.PAUSED

    def _wait(self, gap: int, now: float) -> Playout:
        """Pass the time to a packet that is next in sequence but not yet due."""
        if self._stretch:
            chunk = min(gap, self._stretch, self._packet_ticks)
            self._stretch -= chunk
            self._position += chunk
            return Conceal(chunk, None, gap=Gap.INSERTED)
        self._pause(now)
        chunk = min(gap, self._interval)
        self._position += chunk
        return Idle(chunk, gap=Gap.OTHER if self._gaps.silent else Gap.SUPPRESSED)

    def _starve(self, now: float) -> Playout:
        if self.phase is Phase.PLAYING:
            self.phase = Phase.STARVED
            self._starved = 0
            self._starved_at = now
        limit = ceil(self.conceal_limit_ms * self.clock_rate_hz / 1000)
        if self.phase is Phase.STARVED and self._starved < limit:
            chunk = min(self._packet_ticks, self._interval)
            self._starved += chunk
            self._position += chunk
            self._stretch = max(0, self._stretch - chunk)
            return Conceal(chunk, None)
        self.phase = Phase.PAUSED
        self._position += self._interval
        return Idle(self._interval)

    def _note_missing(self, until: int, now: float) -> None:
        """Step over the packets before index *until*, which were wanted and not there."""
        first = self._next
        if until <= first:
            return
        self._next = until
        since = now if self.phase is Phase.PLAYING else self._starved_at
        self.losses.add(first, until, since, now, packet_ticks=self._packet_ticks, growth=self._growth)
