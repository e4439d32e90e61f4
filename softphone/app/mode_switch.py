"""The modes of one running call: which one each direction is in, and how what is sent gets from one to the next."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from softphone.app.codec_choice import CodecInUse, is_very_low_rate, narrowed, under
from softphone.app.modes import ModeChange, Stream, check_mode
from softphone.media.budget import WireBudget
from softphone.media.paths import Outgoing, outgoing

log = logging.getLogger(__name__)

MAX_CHANGES = 1000
"""Changes that are kept; a peer can make as many as it sends packets."""
LOWER = 0.9
"""Of the rate on the wire that was chosen for, what is tried next where it was too much."""

Background = Callable[[Callable[[], Any], Callable[[Any], None]], None]
"""Runs the first in a thread, and the second with its result between two ticks."""


def at_once(work: Callable[[], Any], then: Callable[[Any], None]) -> None:
    """A `Background` without a thread."""
    then(work())


class ModeSwitch:
    """Moves what is sent among *streams*.

    Args:
        streams: what is possible, by mode.
        first: the one of them that the call begins with.
        path_rate_hz: sample rate of what is captured.
        background: what makes an encoder while the audio goes on.
        move: told a stream and what was made ready for it, between two ticks: sends it from the next one on.
        budget: of what is sent, where there is a limit.
        header_bytes: IP, UDP and RTP of a packet.
    """

    def __init__(
        self,
        streams: dict[str, Stream],
        first: Stream,
        *,
        path_rate_hz: int,
        background: Background,
        move: Callable[[Stream, Outgoing], None],
        budget: WireBudget | None,
        header_bytes: int,
    ) -> None:
        self.stream = first
        """What is sent."""
        self.received_mode: str | None = None
        """What the peer sends, as far as can be told; None: nothing yet."""
        self.wished_mode: str | None = None
        """What one side asked the other for last."""
        self.changes: list[ModeChange] = []
        self._streams = streams
        self._wanted: Stream | None = first
        self._path_rate_hz = path_rate_hz
        self._background = background
        self._move = move
        self._header_bytes = header_bytes
        self._wire_bps = 0.0 if budget is None else budget.limit_bps
        self._started_at = time.monotonic()

    @property
    def modes(self) -> tuple[str, ...]:
        """What can be sent to this peer."""
        return tuple(self._streams)

    def send_in(self, mode: str, *, bit_rate_bps: int | None = None, ptime_ms: int | None = None) -> None:
        """Send in *mode* as soon as its encoder is made; of several that are asked for, the last counts.

        Args:
            bit_rate_bps: no higher one; None: that of the mode.
            ptime_ms: no longer packets; None: those of the mode.

        Raises:
            UsageError: no such mode, or nothing to send in it to this peer.
        """
        check_mode(mode, self._streams)
        stream = self._streams[mode]
        codec = narrowed(stream.codec, bit_rate_bps=bit_rate_bps, ptime_ms=ptime_ms)
        self._prepare(stream if codec == stream.codec else replace(stream, codec=codec))

    def follow(self, streams: dict[str, Stream]) -> None:
        """Take another set of streams (a re-INVITE brought them) and go on in the same mode, where it is still there."""
        self._streams = streams
        stream = streams.get(self.stream.mode, streams["normal"])
        if (stream.codec, stream.payload_type) != (self.stream.codec, self.stream.payload_type):
            self._wanted = stream
            self._arrive(stream, self._ready(stream))

    def lower_rate(self) -> None:
        """More was to be sent than the limit allows: go on at a rate, or in longer packets, that take less."""
        self._wire_bps *= LOWER
        stream, spec = self.stream, self.stream.codec.spec
        codec = under(
            stream.codec, int(self._wire_bps), header_bytes=self._header_bytes, fixed_rate=spec.symmetric
        )
        if codec is not None and codec.settings != stream.codec.settings:
            log.info("%s at %s b/s from now on", spec.name, codec.settings.bit_rate_bps)
            self._streams[stream.mode] = replace(stream, codec=codec)
            self._prepare(self._streams[stream.mode])

    def note_received(self, codec: CodecInUse, *, wish: str | None = None) -> None:
        """The peer's audio comes in *codec* from now on.

        Args:
            wish: the mode that the peer's SDP names for the call.
        """
        mode = "normal"
        if is_very_low_rate(codec.spec):
            mode = next((word for word in (self.wished_mode, wish) if word in ("vlc", "vlr")), "vlc")
        if self.received_mode is not None and mode != self.received_mode:
            self._note("received", mode, codec)
        self.received_mode = mode

    def note_wish(self, mode: str) -> None:
        """The peer has confirmed a wish of ours, or wishes so itself: then it sends so, too, as a rule.

        Between vlc and vlr nothing in its packets would tell.
        """
        self.wished_mode = mode
        if self.received_mode in ("vlc", "vlr") and mode in ("vlc", "vlr") and mode != self.received_mode:
            self._note("received", mode, self.stream.codec)
            self.received_mode = mode

    def stop(self) -> None:
        """Nothing moves any more; who was told of it is let go."""
        self._wanted = None
        self._move = lambda stream, ready: None

    def _prepare(self, stream: Stream) -> None:
        self._wanted = stream
        if stream != self.stream:
            self._background(lambda: self._ready(stream), lambda ready: self._arrive(stream, ready))

    def _ready(self, stream: Stream) -> Outgoing:
        codec = stream.codec
        return outgoing(
            self._path_rate_hz,
            codec.spec,
            codec.settings,
            payload_type=stream.payload_type,
            suppression=stream.suppression,
        )

    def _arrive(self, stream: Stream, ready: Outgoing) -> None:
        if stream is not self._wanted or stream == self.stream:
            return
        before, self.stream = self.stream, stream
        self._move(stream, ready)
        if stream.mode != before.mode:
            self._note("sent", stream.mode, stream.codec)

    def _note(self, direction: str, mode: str, codec: CodecInUse) -> None:
        if len(self.changes) < MAX_CHANGES:
            at_s = round(time.monotonic() - self._started_at, 2)
            self.changes.append(ModeChange(at_s, direction, mode, codec.spec.name))
