"""What we would like the peer to send, in RTCP APP packets named "MODE" (RFC 3550 section 6.7; docs/rtp-short.md).

Bit budget of the APP's data, 64 bits: 1 wish there, 1 echo there, 2 mode, 4 credit | 8 number of the wish | 8 number
echoed | 8 payload type (255: any) | 24 bit rate in bit/s (0: any) | 8 packet interval in ms (0: any).
"""

import struct
from collections import deque
from dataclasses import dataclass

from softphone.rtp.errors import RtcpError
from softphone.rtp.events import ModeWished, RtpEvent, WishConfirmed, WishUnanswered
from softphone.rtp.rtcp import App
from softphone.rtp.wish import MODES, ModeWish

APP_NAME = b"MODE"
APP_SUBTYPE = 0
"""Version of the layout."""
REPEAT_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""From each sending of a wish to the next, until it is echoed; then from the last one to giving up, the last again."""
SOONEST_S = 0.25
"""Between two early packets, whatever asks for them."""

_LAYOUT = struct.Struct("!BBBBI")
_WISH, _ECHO = 0x80, 0x40
_ANY_TYPE = 255
_NUMBERS = 256


@dataclass(frozen=True, slots=True)
class ModeApp:
    """One such packet: a wish, the echo of one, or both."""

    number: int
    """Of the wish, modulo 256."""
    wish: ModeWish | None
    echo: int | None
    """Number of the peer's newest wish."""

    @classmethod
    def parse(cls, data: bytes) -> "ModeApp":
        """Parse the data of an APP packet; what follows the first eight bytes is for later versions.

        Raises:
            RtcpError: if it is too short or holds a mode or payload type that there is not.
        """
        if len(data) < _LAYOUT.size:
            raise RtcpError(f"RTCP APP MODE must hold {_LAYOUT.size} bytes, got {len(data)}")
        first, number, echo, payload_type, rest = _LAYOUT.unpack_from(data)
        wish = None
        if first & _WISH:
            mode = first >> 4 & 3
            if mode >= len(MODES):
                raise RtcpError(f"RTCP APP MODE must be of {len(MODES)} modes, got number {mode}")
            if payload_type > 127 and payload_type != _ANY_TYPE:
                raise RtcpError(f"RTCP APP MODE payload type must be below 128 or 255, got {payload_type}")
            wish = ModeWish(
                MODES[mode],
                payload_type=None if payload_type == _ANY_TYPE else payload_type,
                bit_rate_bps=rest >> 8 or None,
                ptime_ms=rest & 0xFF or None,
                credit=first & 15,
            )
        return cls(number, wish, echo if first & _ECHO else None)

    def __bytes__(self) -> bytes:
        first, payload_type, rest = 0, _ANY_TYPE, 0
        wish = self.wish
        if wish is not None:
            first = _WISH | MODES.index(wish.mode) << 4 | wish.credit
            payload_type = _ANY_TYPE if wish.payload_type is None else wish.payload_type
            rest = (wish.bit_rate_bps or 0) << 8 | (wish.ptime_ms or 0)
        if self.echo is not None:
            first |= _ECHO
        return _LAYOUT.pack(first, self.number, self.echo or 0, payload_type, rest)


class Wishes:
    """The newest wish of each side, sent until it is known to have arrived.

    Args:
        events: where it tells what came.
    """

    def __init__(self, events: deque[RtpEvent]) -> None:
        self.wish: ModeWish | None = None
        """Ours."""
        self.confirmed = False
        """Whether the peer has it."""
        self.due: float | None = None
        """When to send a packet although no report is due."""
        self._events = events
        self._number = 0
        self._repeats = 0
        self._sent_at: float | None = None
        self._peer_number: int | None = None
        self._echo_owed = False

    def ask(self, wish: ModeWish, now: float) -> None:
        """Wish this from now on."""
        if self.wish is not None:
            self._number = (self._number + 1) % _NUMBERS
        self.wish, self.confirmed, self._repeats = wish, False, 0
        self._hurry(now)

    @property
    def pending(self) -> bool:
        """Whether `packet` has something to tell."""
        return self._echo_owed or (self.wish is not None and not self.confirmed and self.due is not None)

    def packet(self, ssrc: int, now: float) -> App:
        """What to send at *now*, early or with a report."""
        wish = None if self.confirmed else self.wish
        self._echo_owed = False
        self._sent_at = now
        self.due = None
        if wish is not None and self._repeats <= len(REPEAT_S):
            self.due = now + REPEAT_S[min(self._repeats, len(REPEAT_S) - 1)]
            self._repeats += 1
        data = bytes(ModeApp(self._number, wish, self._peer_number))
        return App(APP_SUBTYPE, ssrc, APP_NAME, data)

    def expire(self, now: float) -> bool:
        """Whether a packet is to go out now; a wish that was repeated in vain is given up."""
        if self.due is None or now < self.due:
            return False
        if self._repeats > len(REPEAT_S) and not self._echo_owed:
            self.due = None
            if self.wish is not None:
                self._events.append(WishUnanswered(self.wish))
            return False
        return True

    def receive(self, app: App, now: float) -> None:
        """Take an APP packet of the peer; those of other names and versions are not ours to read.

        Raises:
            RtcpError: as `ModeApp.parse`.
        """
        if app.name != APP_NAME or app.subtype != APP_SUBTYPE:
            return
        got = ModeApp.parse(app.data)
        if (
            got.echo == self._number
            and self.wish is not None
            and not self.confirmed
            and self._sent_at is not None
        ):
            self.confirmed = True
            self.due = None
            self._events.append(WishConfirmed(self.wish))
        if got.wish is None:
            return
        ahead = 1 if self._peer_number is None else (got.number - self._peer_number) % _NUMBERS
        if ahead >= _NUMBERS // 2:
            return  # an older one that came late
        if ahead:
            self._peer_number = got.number
            self._events.append(ModeWished(got.wish))
        self._echo_owed = True
        self._hurry(now)

    def _hurry(self, now: float) -> None:
        soonest = now if self._sent_at is None else max(now, self._sent_at + SOONEST_S)
        self.due = soonest if self.due is None else min(self.due, soonest)
