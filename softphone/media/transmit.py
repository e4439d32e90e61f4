"""What is sent of a call's audio: samples -> packets."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dsp.codecs.base import CodecSettings, CodecSpec, Encoder
from dsp.resample import StreamResampler
from dsp.types import Samples
from softphone.media.budget import WireBudget
from softphone.media.filter_stage import FilterStage
from softphone.media.mute import Mute
from softphone.media.suppress import Suppression, Suppressor, SuppressorCost, make_suppressed
from softphone.rtp.session import RtpSession

Tap = Callable[[Samples], None]
"""Called with a block it must not change or keep; copies if it needs to, and never waits."""

NOTHING_LEFT_OUT = Suppression()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """All that a transmit path needs to send with one codec; made ahead, in any thread."""

    settings: CodecSettings
    payload_type: int
    clock_rate_hz: int
    encoder: Encoder
    suppressor: Suppressor | None
    """The encoder, where it leaves packets out."""
    resampler: StreamResampler | None
    """From the rate of the path; None where it is the codec's."""
    noise_payload_type: int | None = None
    """Of what describes a pause (RFC 3389); None: nothing does, or the codec itself."""


def outgoing(
    path_rate_hz: int,
    spec: CodecSpec,
    settings: CodecSettings,
    *,
    payload_type: int,
    suppression: Suppression = NOTHING_LEFT_OUT,
) -> Outgoing:
    """Get ready to send with *spec*.

    Args:
        path_rate_hz: of the blocks that are captured.
        payload_type: the number the peer gave the codec.
        suppression: what may be left out.

    Raises:
        ParameterError, LibraryMissing: as the codec does.
    """
    rate = spec.sample_rate_hz(settings)
    resampler = None if rate == path_rate_hz else StreamResampler(path_rate_hz, rate)
    encoder = make_suppressed(spec, settings, suppression)
    suppressor = encoder if isinstance(encoder, Suppressor) else None
    noise = suppression.noise_payload_type
    return Outgoing(settings, payload_type, spec.clock_rate_hz, encoder, suppressor, resampler, noise)


class TransmitPath:
    """Captured block -> filters -> mute -> taps -> encoder -> RTP session, one packet at a time.

    Args:
        spec: codec of the packets.
        settings: what was negotiated and asked for.
        payload_type: the number the peer gave the codec.
        suppression: what may be left out.
    """

    def __init__(
        self,
        spec: CodecSpec,
        settings: CodecSettings,
        session: RtpSession,
        *,
        payload_type: int,
        suppression: Suppression = NOTHING_LEFT_OUT,
    ) -> None:
        self.taps: list[Tap] = []
        self.stage: FilterStage | None = None
        """Filters what was captured."""
        self._mute: Mute | None = None
        self.budget: WireBudget | None = None
        """Asked about each packet."""
        self.header_bytes = 0
        """IP, UDP and RTP of a packet, for `budget`."""
        self._rate = spec.sample_rate_hz(settings)
        self.enabled = True
        """False while the negotiated direction forbids to send: packets are counted on in time, not sent."""
        self._session = session
        self._send = session.send
        self._suppressors: list[Suppressor] = []
        self.use(outgoing(self._rate, spec, settings, payload_type=payload_type, suppression=suppression))

    def change(self, spec: CodecSpec, settings: CodecSettings, *, payload_type: int) -> None:
        """Send with another codec from the next packet on."""
        self.use(outgoing(self._rate, spec, settings, payload_type=payload_type))

    def use(self, ready: Outgoing, *, after: Samples | None = None) -> None:
        """Send with what is *ready* from the next packet on; its packet interval may be another: see `packet_samples`.

        Args:
            after: the last block that was sent: with it the new encoder finds its feet. None: it begins with silence.
        """
        self.packet_samples = self._rate * ready.settings.ptime_ms // 1000
        """Samples of a block."""
        self._suppressor = ready.suppressor
        if ready.suppressor is not None:
            self._suppressors.append(ready.suppressor)
        self._resampler = ready.resampler
        self._encode = ready.encoder.encode
        self._payload_type = ready.payload_type
        self._noise_payload_type = ready.noise_payload_type
        self._ticks = ready.clock_rate_hz * ready.settings.ptime_ms // 1000
        if after is not None:
            block: Samples = np.zeros(self.packet_samples, dtype=np.float32)
            count = min(block.size, after.size)
            block[block.size - count :] = after[after.size - count :]
            self._encode(block if self._resampler is None else self._resampler.process(block))
            if self._suppressor is not None:
                self._suppressor.cost = SuppressorCost()
                self.resume()

    @property
    def muted(self) -> bool:
        """Whether silence is sent in place of what is captured."""
        return self._mute is not None and self._mute.on

    def mute(self, on: bool) -> None:
        """Send silence from the next block on, or what is captured again; the change is a fade of 10 ms."""
        if on and self._mute is None:
            self._mute = Mute(self._rate)
        if self._mute is not None:
            self._mute.on = on

    def resume(self) -> None:
        """What was encoded last was not heard: the next packet with sound in it is sent for sure."""
        if self._suppressor is not None:
            self._suppressor.resume()

    def withheld(self) -> dict[str, int] | None:
        """Packets that were left out, by cause, and of how many; None where nothing was to be left out."""
        costs = [each.cost for each in self._suppressors]
        if not costs and self.budget is None:
            return None
        return {
            "offered": sum(cost.offered for cost in costs),
            "credit": sum(cost.withheld_by_credit for cost in costs),
            "dtx": sum(cost.withheld_by_dtx for cost in costs),
            "descriptors": sum(cost.descriptors for cost in costs),
            "limit": 0 if self.budget is None else self.budget.withheld,
        }

    def send(self, block: Samples, *, now: float) -> None:
        """Encode and queue one packet of exactly ``packet_samples`` samples; *block* becomes what was sent."""
        if self.stage is not None:
            self.stage.process(block)
        if self._mute is not None:
            self._mute.process(block)
            if self._mute.idle:
                self._mute = None
        for tap in self.taps:
            tap(block)
        if self._resampler is not None:
            block = self._resampler.process(block)  # whole milliseconds in, as many out
        payload = self._encode(block) if self.enabled else b""
        budget = self.budget
        if budget is not None and payload and not budget.admits(len(payload) + self.header_bytes, now=now):
            payload = b""
            self.resume()
        if self._suppressor is not None:
            if self._session.dtmf_pending:
                self.resume()  # a digit goes out in place of the audio
            elif payload and self._suppressor.descriptor and self._noise_payload_type is not None:
                self._session.send_noise(
                    payload, payload_type=self._noise_payload_type, ticks=self._ticks, now=now
                )
                return
        self._send(payload, payload_type=self._payload_type, ticks=self._ticks, now=now)
