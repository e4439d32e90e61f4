"""A caller of its own (raw SIP and RTP, Opus) that sends clicks and keeps what comes back, with times."""

import select
import socket
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from support.peers import free_port_range

from dsp.codecs import CodecSettings, Decoder, Encoder
from dsp.types import Samples
from softphone.io.libraries import codecs
from softphone.rtp.packet import RtpPacket

HOST = "127.0.0.1"
RATE_HZ = 48_000
BIT_RATE_BPS = 32_000
PAYLOAD_TYPE = 111
CLICK_EVERY_S = 0.9
_ANALYTIC_CLICK = np.hanning(480) * np.exp(2j * np.pi * 1000 * np.arange(480) / RATE_HZ) * 0.5
CLICK = _ANALYTIC_CLICK.imag.astype(np.float32)
"""Ten milliseconds of 1 kHz."""


@dataclass(slots=True)
class Echo:
    """What came back: samples, and when each packet of them came."""

    samples: list[Samples] = field(default_factory=list)
    arrivals: list[tuple[int, float]] = field(default_factory=list)
    """(index of the packet's first sample, time)."""

    def time_of(self, index: float) -> float:
        """Return when the sample at *index* would be heard, played at once as it comes."""
        first, at = max(pair for pair in self.arrivals if pair[0] <= index)
        return at + (index - first) / RATE_HZ


class Probe:
    """One call to a tool, from `__enter__` to `hang_up`."""

    def __init__(self, uri: str, ptime_ms: int, *, bit_rate_bps: int = BIT_RATE_BPS) -> None:
        self.ptime_ms = ptime_ms
        self._bit_rate_bps = bit_rate_bps
        self._uri = uri
        host, _, port = uri.rpartition("@")[2].partition(":")
        self._sip = _socket(0)
        self._sip.connect((host, int(port)))
        rtp_port = free_port_range(2)
        self._rtp = _socket(rtp_port)
        self._remote = (HOST, 0)
        self._tag = ""
        settings = CodecSettings(bit_rate_bps=bit_rate_bps, ptime_ms=ptime_ms, complexity=5)
        spec = codecs().get("opus")
        self.encoder, self.decoder = spec.make_encoder(settings), spec.make_decoder(settings)
        self._fresh_codec = spec.make_encoder(settings), spec.make_decoder(settings)
        self._call_id = f"probe{rtp_port}"

    @property
    def codec_delay_s(self) -> float:
        """Delay of one encoder and decoder, measured with a click; ask once."""
        return _codec_delay_s(*self._fresh_codec, self.ptime_ms)

    def send_packet(self, payload: bytes, number: int) -> None:
        """Send the packet of interval *number*."""
        packet = RtpPacket(
            payload_type=PAYLOAD_TYPE,
            sequence_number=(1000 + number) & 0xFFFF,
            timestamp=number * self.ptime_ms * RATE_HZ // 1000,
            ssrc=0x50524F42,
            payload=payload,
        )
        self._rtp.sendto(bytes(packet), self._remote)

    def call(self) -> None:
        """Set the call up."""
        local = self._rtp.getsockname()[1]
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {local} RTP/AVP {PAYLOAD_TYPE}\r\na=rtpmap:{PAYLOAD_TYPE} opus/48000/2\r\n"
            f"a=fmtp:{PAYLOAD_TYPE} maxaveragebitrate={self._bit_rate_bps}\r\n"
            f"a=ptime:{self.ptime_ms}\r\na=sendrecv\r\n"
        )
        self._say("INVITE", 1, sdp)
        deadline = time.monotonic() + 10
        while True:
            answer = self._hear(deadline)
            status = int(answer.split(" ", 2)[1])
            if status >= 300:
                raise RuntimeError(f"the tool refuses the probe:\n{answer}")
            if status >= 200:
                break
        to = next(line for line in answer.split("\r\n") if line.lower().startswith(("to:", "t:")))
        self._tag = to.rpartition("tag=")[2].partition(";")[0]
        media = next(line for line in answer.split("\r\n") if line.startswith("m=audio"))
        self._remote = (HOST, int(media.split()[1]))
        self._say("ACK", 1)

    def hang_up(self) -> None:
        """End the call."""
        self._say("BYE", 2)
        self._hear(time.monotonic() + 5)
        self._sip.close()
        self._rtp.close()

    def run(self, clicks: int, *, settle_s: float) -> tuple[list[float], Echo]:
        """Send *clicks*, the first after *settle_s*; return when each was sent, and what came back."""
        tick = self.ptime_ms * RATE_HZ // 1000
        total = int((settle_s + clicks * CLICK_EVERY_S + 1.0) * 1000 / self.ptime_ms)
        voice = np.zeros(total * tick, dtype=np.float32)
        rng = np.random.default_rng(1)
        voice += rng.standard_normal(len(voice)).astype(np.float32) * 1e-4
        # Clicks fall on all parts of a packet in turn.
        at = [
            int((settle_s + n * CLICK_EVERY_S) * RATE_HZ) + n * tick // max(clicks, 1) for n in range(clicks)
        ]
        for index in at:
            voice[index : index + len(CLICK)] += CLICK
        sent = np.zeros(total)
        echo = _EchoDecoder(self.decoder)
        start = time.monotonic() + 0.05
        for number in range(total):
            self._listen_until(start + number * self.ptime_ms / 1000, echo)
            payload = self.encoder.encode(voice[number * tick : (number + 1) * tick])
            sent[number] = time.monotonic()
            self.send_packet(payload, number)
        return [sent[index // tick] + index % tick / RATE_HZ for index in at], echo.result

    def _listen_until(self, due: float, echo: "_EchoDecoder") -> None:
        while (left := due - time.monotonic()) > 0:
            if select.select([self._rtp], [], [], left)[0]:
                data = self._rtp.recv(2048)
                echo.take(data, time.monotonic())

    def _say(self, method: str, number: int, body: str = "") -> None:
        host, port = self._sip.getsockname()
        to = f"<{self._uri}>" + (f";tag={self._tag}" if self._tag else "")
        content = "Content-Type: application/sdp\r\n" if body else ""
        self._sip.send(
            (
                f"{method} {self._uri} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{method}{number}\r\n"
                f"From: <sip:probe@{host}:{port}>;tag=probe\r\nTo: {to}\r\nCall-ID: {self._call_id}\r\n"
                f"CSeq: {number} {method}\r\nMax-Forwards: 70\r\nContact: <sip:probe@{host}:{port}>\r\n"
                f"{content}Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()
        )

    def _hear(self, deadline: float) -> str:
        self._sip.settimeout(max(0.01, deadline - time.monotonic()))
        while True:
            text = self._sip.recv(4096).decode(errors="replace")
            if text.startswith("SIP/2.0 "):
                return text


class _EchoDecoder:
    """Decodes what comes back in the order of its timestamps; what is missing is silence."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._first: int | None = None
        self._out = np.zeros(RATE_HZ * 120 // 1000, dtype=np.float32)
        self.result = Echo()

    def take(self, data: bytes, at: float) -> None:
        packet = RtpPacket.parse(data)
        if self._first is None:
            self._first = packet.timestamp
        index = (packet.timestamp - self._first) & 0xFFFFFFFF
        if index >= 1 << 31:
            return
        count = self._decoder.decode(packet.payload, self._out)
        have = sum(map(len, self.result.samples))
        if index > have:
            self.result.samples.append(np.zeros(index - have, dtype=np.float32))
        if index >= have:
            self.result.samples.append(self._out[:count].copy())
            self.result.arrivals.append((index, at))


def likeness(signal: Samples) -> NDArray[np.float64]:
    """Return how like the click the signal is from each sample on, whatever the phase of its carrier."""
    return np.abs(np.correlate(signal, _ANALYTIC_CLICK, mode="valid"))


def _codec_delay_s(encoder: Encoder, decoder: Decoder, ptime_ms: int) -> float:
    """Return the delay of one encoder and decoder, measured with a click."""
    tick = ptime_ms * RATE_HZ // 1000
    voice = np.zeros(8 * tick, dtype=np.float32)
    at = 4 * tick + 100
    voice[at : at + len(CLICK)] = CLICK
    out = np.zeros(RATE_HZ * 120 // 1000, dtype=np.float32)
    heard = []
    for begin in range(0, len(voice), tick):
        count = decoder.decode(encoder.encode(voice[begin : begin + tick]), out)
        heard.append(out[:count].copy())
    after, before = (int(np.argmax(likeness(x))) for x in (np.concatenate(heard), voice))
    return (after - before) / RATE_HZ


def _socket(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, port))
    return sock
