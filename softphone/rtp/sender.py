"""The sending half of a session: sequence numbers, timestamps and identifier of our packets (RFC 3550 section 5.1)."""

from typing import TYPE_CHECKING

from softphone.rtp.dtmf import DtmfSender
from softphone.rtp.errors import LocalRtpError
from softphone.rtp.events import Address
from softphone.rtp.interval import RtcpTimer
from softphone.rtp.packet import pack_header
from softphone.rtp.short import ShortSender

if TYPE_CHECKING:
    import random

Ours = tuple[int, tuple[int, int, int] | None]
"""Our SSRC, and (RTP timestamp, packets, payload bytes) if we are a sender, as a report wants them."""


class Sender:
    """Payloads -> datagrams to one peer; the arguments are those of `softphone.rtp.session.RtpSession`.

    Args:
        timer: told of the first packet.
    """

    def __init__(
        self,
        *,
        remote: Address,
        remote_rtcp: Address,
        clock_rate_hz: int,
        dtmf_send: int | None,
        dtmf_send_clock_rate_hz: int | None,
        ssrc: int,
        sequence_number: int,
        timestamp: int,
        rng: "random.Random",
        timer: RtcpTimer,
        now: float,
    ) -> None:
        self.out: list[tuple[bytes, Address]] = []
        """What is to go out, RTCP included, in this order."""
        self.remote, self.remote_rtcp = remote, remote_rtcp
        self.clock_rate_hz = clock_rate_hz
        """Of the payload type sent last."""
        self.ssrc = ssrc
        self.sequence_number = self.first_sequence_number = sequence_number
        """The next one, and the first with this SSRC."""
        self.short: ShortSender | None = None
        """Where short headers were agreed on."""
        self.packets = self.payload_bytes = self.header_bytes = 0
        self.sent_at = now
        """When the last packet was made."""
        self.quota: int | None = None
        """So many packets may still go out to a peer that has not been heard; None: any number."""
        self.unanswered_packets = 0
        """Not sent for want of it."""
        self._timestamp, self._timestamp_at = timestamp, now
        self._marker = 0x80
        self._rng = rng
        self._timer = timer
        self._dtmf_payload_type = dtmf_send
        self._digits = DtmfSender(clock_rate_hz, dtmf_send_clock_rate_hz)
        self.dtmf_busy = False
        """Whether digits wait or are being sent."""
        self._packets_base = self._bytes_base = 0
        self._reported = self._reported_before = 0

    def send(
        self, payload: bytes, *, payload_type: int, ticks: int, now: float, clock_rate_hz: int | None = None
    ) -> None:
        """Queue the packet of one interval of *ticks*.

        Digits that wait take the place of the audio. An empty payload sends nothing (DTX, repeat credit).

        Args:
            payload_type: any that the peer takes, another one at any time.
            ticks: in units of the payload type's clock.
            clock_rate_hz: that clock; None: as before. Another one begins another SSRC (RFC 7160 section 4.1), and
                digits that wait are lost.
        """
        if clock_rate_hz is not None and clock_rate_hz != self.clock_rate_hz:
            self.change_clock(clock_rate_hz, self._digits.clock_rates_hz[1])
        timestamp = self._timestamp
        self._timestamp = (timestamp + ticks) & 0xFFFFFFFF
        self._timestamp_at = now
        marker = self._marker
        short = self.short
        if self.dtmf_busy:
            report = self._digits.report(timestamp, ticks)
            self.dtmf_busy = self._digits.pending
            if report is not None and self._dtmf_payload_type is not None:
                payload, timestamp, first = report
                payload_type = self._dtmf_payload_type
                short = None  # the timestamps of an event stand still
                marker = 0x80 if first else 0
                self._marker = 0x80
            else:
                self._marker = 0
        else:
            self._marker = 0
        if not payload:
            # RFC 3551 section 4.1: the first packet after a silence has the marker.
            self._marker = 0x80
            return
        if self.quota is not None and not self._may_send():
            return
        number = self.sequence_number
        if short is None:
            header = pack_header(0x80, marker | payload_type, number, timestamp, self.ssrc)
        else:
            header = short.header(
                marker, payload_type, number, timestamp, self.ssrc, ticks, self.clock_rate_hz, now
            )
        self.out.append((header + payload, self.remote))
        self.sequence_number = (number + 1) & 0xFFFF
        self.sent_at = now
        self.header_bytes += len(header)
        self.payload_bytes += len(payload)
        self.packets += 1
        if self.packets == 1:
            self._timer.hurry(now)

    def send_noise(self, payload: bytes, *, payload_type: int, ticks: int, now: float) -> None:
        """Queue a description of a pause, which has no marker; what follows it has, as the first of a talkspurt.

        RFC 3551 section 4.1; RFC 3389 section 4.
        """
        self._marker = 0
        self.send(payload, payload_type=payload_type, ticks=ticks, now=now)
        self._marker = 0x80

    def send_rtcp(self, data: bytes) -> None:
        """Queue a datagram of RTCP."""
        self.out.append((data, self.remote_rtcp))

    def _may_send(self) -> bool:
        """Whether the peer, who has not been heard, may be sent one packet more."""
        if not self.quota:
            self.unanswered_packets += 1
            self._marker = 0x80
            return False
        self.quota -= 1
        return True

    def send_dtmf(self, digits: str, *, tone_ms: float, gap_ms: float) -> None:
        """Queue digits, which go out in place of audio packets.

        Raises:
            LocalRtpError: if the peer takes none, or one of them is no key.
        """
        if self._dtmf_payload_type is None:
            raise LocalRtpError(f"DTMF {digits!r} cannot be sent: the peer takes no telephone-event")
        self._digits.queue(digits, tone_ms=tone_ms, gap_ms=gap_ms)
        self.dtmf_busy = self._digits.pending

    def change_formats(self, clock_rate_hz: int, dtmf_send: int | None, dtmf_clock_rate_hz: int) -> None:
        """The peer takes other formats; digits that wait are lost if a clock rate changes."""
        self._dtmf_payload_type = dtmf_send
        self.change_clock(clock_rate_hz, dtmf_clock_rate_hz)
        self.dtmf_busy = dtmf_send is not None and self._digits.pending

    def change_clock(self, clock_rate_hz: int, dtmf_clock_rate_hz: int) -> None:
        """Go on in another clock."""
        if self._digits.clock_rates_hz != (clock_rate_hz, dtmf_clock_rate_hz):
            self._digits = DtmfSender(clock_rate_hz, dtmf_clock_rate_hz)
            self.dtmf_busy = False
        if clock_rate_hz != self.clock_rate_hz:
            self.clock_rate_hz = clock_rate_hz
            if self.packets:
                # RFC 7160 section 4.1. The sequence numbers go on, so that one of ours knows at once whose SSRC it is.
                self.renew_ssrc()

    def renew_ssrc(self) -> bool:
        """Go on under another SSRC; whether anything was sent with the old one."""
        used = self.packets > self._packets_base
        old = self.ssrc
        while self.ssrc == old:
            self.ssrc = self._rng.getrandbits(32)
        # RFC 3550 section 6.4.1: the counts of a sender begin anew with its SSRC.
        self._packets_base = self._reported = self._reported_before = self.packets
        self._bytes_base = self.payload_bytes
        self.first_sequence_number = self.sequence_number
        return used

    def describe(self, now: float) -> Ours:
        """What a report says of us; only a report may ask, as it is remembered."""
        sent = None
        # Section 6.4: SR by who has sent since the report before the last, else RR.
        if self.packets > self._reported_before:
            behind = round((now - self._timestamp_at) * self.clock_rate_hz)
            sent = (
                self._timestamp + behind,
                self.packets - self._packets_base,
                self.payload_bytes - self._bytes_base,
            )
        self._reported_before, self._reported = self._reported, self.packets
        return self.ssrc, sent
