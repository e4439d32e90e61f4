"""Telephone events for the keys of a telephone (RFC 4733)."""

import struct
from collections import deque
from dataclasses import dataclass

from softphone.rtp.errors import LocalRtpError
from softphone.rtp.seq import uint32_delta

DIGITS = "0123456789*#ABCD"
"""A digit's place is its event code (RFC 4733 section 3.2)."""
MAX_DURATION = 0xFFFF
END_PACKETS = 3
"""The final report is sent this often (section 2.5.1.4)."""
MAX_QUEUED = 1000

_EVENT = struct.Struct("!BBH")
_END = 0x80
_VOLUME = 10
"""-10 dBm0, an ordinary level."""
_SILENCE_ENDS_S = 0.5
_FORGET_S = 60.0


@dataclass(slots=True)
class _Tone:
    code: int
    segment: int
    """Timestamp of the segment reported."""
    left_ticks: int
    """Of the event from the segment's start on."""
    reported: bool = False
    ends_left: int = END_PACKETS


class DtmfSender:
    """Digits -> one event packet per packet interval, in place of audio.

    Args:
        clock_rate_hz: of the timestamps, which events share with the audio (section 2.1).
        event_clock_rate_hz: of the durations, that of the payload type: 8000 where the peer has telephone-event for no
            other rate; None: that of the timestamps.
    """

    def __init__(self, clock_rate_hz: int, event_clock_rate_hz: int | None = None) -> None:
        self._clock_rate_hz = clock_rate_hz
        self._event_clock_rate_hz = clock_rate_hz if event_clock_rate_hz is None else event_clock_rate_hz
        self._queue: deque[tuple[int, int, int]] = deque()  # code, tone ticks, gap ticks
        self._tone: _Tone | None = None
        self._gap_ticks = 0
        self._free_at: int | None = None

    @property
    def clock_rates_hz(self) -> tuple[int, int]:
        """Of the timestamps, and of the durations."""
        return self._clock_rate_hz, self._event_clock_rate_hz

    @property
    def pending(self) -> bool:
        """Whether there is something left to report."""
        return self._tone is not None or bool(self._queue)

    def queue(self, digits: str, *, tone_ms: float, gap_ms: float) -> None:
        """Add *digits* to what is to be sent.

        Raises:
            LocalRtpError: if one of them is no key, or a time is not positive.
        """
        if tone_ms <= 0 or gap_ms < 0:
            raise LocalRtpError(f"DTMF tone must be above 0 ms and gap not below, got {tone_ms} and {gap_ms}")
        codes = [DIGITS.find(digit) for digit in digits.upper()]
        if -1 in codes:
            raise LocalRtpError(f"DTMF digits must be of {DIGITS}, got {digits!r}")
        if len(self._queue) + len(codes) > MAX_QUEUED:
            raise LocalRtpError(f"DTMF queue holds at most {MAX_QUEUED} digits")
        tone, gap = (max(1, round(ms * self._clock_rate_hz / 1000)) for ms in (tone_ms, gap_ms))
        self._queue.extend((code, tone, gap) for code in codes)

    def report(self, timestamp: int, ticks: int) -> tuple[bytes, int, bool] | None:
        """What to send for the packet interval of *ticks* that begins at *timestamp*.

        Returns:
            (payload, timestamp of the packet, marker), or None: audio has this interval.
        """
        tone = self._tone
        if tone is None:
            tone = self._begin(timestamp)
            if tone is None:
                return None
        elapsed = (timestamp + ticks - tone.segment) & 0xFFFFFFFF
        marker = not tone.reported
        tone.reported = True
        if elapsed >= tone.left_ticks and tone.left_ticks <= MAX_DURATION:
            tone.ends_left -= 1
            if not tone.ends_left:
                self._free_at = (tone.segment + tone.left_ticks + self._gap_ticks) & 0xFFFFFFFF
                self._tone = None
            payload = _EVENT.pack(tone.code, _END | _VOLUME, self._duration(tone.left_ticks))
            return payload, tone.segment, marker
        segment = tone.segment
        if elapsed >= MAX_DURATION:
            # Section 2.5.1.3: report the greatest duration without the end bit, go on in a new segment.
            elapsed = MAX_DURATION
            tone.segment = (segment + MAX_DURATION) & 0xFFFFFFFF
            tone.left_ticks -= MAX_DURATION
        return _EVENT.pack(tone.code, _VOLUME, self._duration(elapsed)), segment, marker

    def _duration(self, ticks: int) -> int:
        return min(MAX_DURATION, ticks * self._event_clock_rate_hz // self._clock_rate_hz)

    def _begin(self, timestamp: int) -> _Tone | None:
        if not self._queue or (self._free_at is not None and uint32_delta(timestamp, self._free_at) < 0):
            return None
        code, ticks, self._gap_ticks = self._queue.popleft()
        self._tone = _Tone(code, timestamp, ticks)
        return self._tone


@dataclass(slots=True)
class _Heard:
    code: int
    segment: int
    before_ticks: int
    """Duration of the segments before this one."""
    ticks: int
    last_at: float


class DtmfReceiver:
    """Event packets -> digits, each once, whichever of its packets were lost.

    A digit is told when its end is known: by an end packet, by the next event, or by silence.
    """

    def __init__(self) -> None:
        self._now: _Heard | None = None
        self._clock_rate_hz = 8000
        self._last_segment: int | None = None
        self._last_at = 0.0

    @property
    def due(self) -> float | None:
        """When to call `expire`."""
        return None if self._now is None else self._now.last_at + _SILENCE_ENDS_S

    def restart(self) -> list[tuple[str, float]]:
        """The source has changed; its timestamps begin anew. Returns as `receive`."""
        ended = self._end()
        self._last_segment = None
        return ended

    def receive(
        self, payload: bytes, timestamp: int, clock_rate_hz: int, arrival: float
    ) -> list[tuple[str, float]]:
        """Take one payload; returns the (digit, duration in ms) that ended. Unknown events are left out."""
        ended: list[tuple[str, float]] = []
        self._clock_rate_hz = clock_rate_hz
        # Section 2.5.1.5: several events in a payload follow each other without a gap.
        for at in range(0, len(payload) - 3, 4):
            code, flags, duration = _EVENT.unpack_from(payload, at)
            if code < len(DIGITS):
                ended += self._report(code, timestamp, duration, arrival)
                if flags & _END and self._now is not None and self._now.segment == timestamp:
                    ended += self._end()
            timestamp = (timestamp + duration) & 0xFFFFFFFF
        return ended

    def expire(self, now: float) -> list[tuple[str, float]]:
        """End an event whose end packets were lost."""
        return self._end() if self.due is not None and now >= self.due else []

    def _report(self, code: int, timestamp: int, duration: int, arrival: float) -> list[tuple[str, float]]:
        event = self._now
        if event is not None and event.segment == timestamp:
            event.ticks = max(event.ticks, duration)
            event.last_at = arrival
            return []
        ahead = 1 if self._last_segment is None else uint32_delta(timestamp, self._last_segment)
        if ahead <= 0 and arrival - self._last_at < _FORGET_S:
            return []
        self._last_segment, self._last_at = timestamp, arrival
        if event is not None and event.code == code and ahead == MAX_DURATION:
            event.before_ticks += MAX_DURATION
            event.segment, event.ticks, event.last_at = timestamp, duration, arrival
            return []
        ended = self._end()
        self._now = _Heard(code, timestamp, 0, duration, arrival)
        return ended

    def _end(self) -> list[tuple[str, float]]:
        event, self._now = self._now, None
        if event is None:
            return []
        return [(DIGITS[event.code], (event.before_ticks + event.ticks) * 1000 / self._clock_rate_hz)]
