"""Mouth-to-ear delay of a whole call, by clicks through a tool that sends back what it plays, beside baresip.

A probe calls the tool (raw SIP and RTP, Opus) and sends silence with a click now and then. The tool plays
what it hears into its own microphone. Between the arrival of a click and the departure of its echo lie the
tool's playout (jitter buffer, decoder, player) and its capture (one packet, encoder): together the way from
the mouth to the ear between two such tools, on a network without delay, where the codec's delay counts once.

mouth_to_ear.py [--clicks 10] [--ptime 20,60] [--only ours|baresip]
"""

import argparse
import select
import socket
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from support.command import Answering
from support.peers import Baresip, free_port_range, missing

from dsp.codecs import CodecSettings, Decoder, Encoder
from softphone.io.libraries import codecs
from softphone.rtp.packet import RtpPacket

HOST = "127.0.0.1"
RATE_HZ = 48_000
BIT_RATE_BPS = 32_000
PAYLOAD_TYPE = 111
SETTLE_S = 3.0
"""Before the first click: jitter buffers have found their delay."""
CLICK_EVERY_S = 0.9
ECHO_WITHIN_S = 0.7
_ANALYTIC_CLICK = np.hanning(480) * np.exp(2j * np.pi * 1000 * np.arange(480) / RATE_HZ) * 0.5
CLICK = _ANALYTIC_CLICK.imag.astype(np.float32)
"""Ten milliseconds of 1 kHz."""


@dataclass(slots=True)
class Echo:
    """What came back: samples, and when each packet of them came."""

    samples: list[np.ndarray] = field(default_factory=list)
    arrivals: list[tuple[int, float]] = field(default_factory=list)
    """(index of the packet's first sample, time)."""

    def time_of(self, index: float) -> float:
        """Return when the sample at *index* would be heard, played at once as it comes."""
        first, at = max(pair for pair in self.arrivals if pair[0] <= index)
        return at + (index - first) / RATE_HZ


class Probe:
    """One call to a tool, from `__enter__` to `hang_up`."""

    def __init__(self, uri: str, ptime_ms: int) -> None:
        self.ptime_ms = ptime_ms
        self._uri = uri
        host, _, port = uri.rpartition("@")[2].partition(":")
        self._sip = _socket(0)
        self._sip.connect((host, int(port)))
        rtp_port = free_port_range(2)
        self._rtp = _socket(rtp_port)
        self._remote = (HOST, 0)
        self._tag = ""
        settings = CodecSettings(bit_rate_bps=BIT_RATE_BPS, ptime_ms=ptime_ms, complexity=5)
        spec = codecs().get("opus")
        self.encoder, self.decoder = spec.make_encoder(settings), spec.make_decoder(settings)
        self.codec_delay_s = _codec_delay_s(
            spec.make_encoder(settings), spec.make_decoder(settings), ptime_ms
        )
        self._call_id = f"probe{rtp_port}"

    def call(self) -> None:
        """Set the call up."""
        local = self._rtp.getsockname()[1]
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {local} RTP/AVP {PAYLOAD_TYPE}\r\na=rtpmap:{PAYLOAD_TYPE} opus/48000/2\r\n"
            f"a=fmtp:{PAYLOAD_TYPE} maxaveragebitrate={BIT_RATE_BPS}\r\n"
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

    def run(self, clicks: int) -> tuple[list[float], Echo]:
        """Send *clicks*; return when each was sent, and what came back."""
        tick = self.ptime_ms * RATE_HZ // 1000
        total = int((SETTLE_S + clicks * CLICK_EVERY_S + 1.0) * 1000 / self.ptime_ms)
        voice = np.zeros(total * tick, dtype=np.float32)
        rng = np.random.default_rng(1)
        voice += rng.standard_normal(len(voice)).astype(np.float32) * 1e-4
        # Clicks fall on all parts of a packet in turn.
        at = [
            int((SETTLE_S + n * CLICK_EVERY_S) * RATE_HZ) + n * tick // max(clicks, 1) for n in range(clicks)
        ]
        for index in at:
            voice[index : index + len(CLICK)] += CLICK
        sent = np.zeros(total)
        echo = _EchoDecoder(self.decoder)
        start = time.monotonic() + 0.05
        for number in range(total):
            self._listen_until(start + number * self.ptime_ms / 1000, echo)
            payload = self.encoder.encode(voice[number * tick : (number + 1) * tick])
            packet = RtpPacket(
                payload_type=PAYLOAD_TYPE,
                sequence_number=(1000 + number) & 0xFFFF,
                timestamp=number * tick,
                ssrc=0x50524F42,
                payload=payload,
            )
            sent[number] = time.monotonic()
            self._rtp.sendto(bytes(packet), self._remote)
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


def delays_ms(sent: Sequence[float], echo: Echo, codec_delay_s: float) -> list[float]:
    """Return the mouth-to-ear delay of each click whose echo was found."""
    heard = np.concatenate(echo.samples)
    likeness = _likeness(heard)
    times = np.array([at for _, at in echo.arrivals])
    firsts = np.array([index for index, _ in echo.arrivals])
    found = []
    for at in sent:
        begin = int(firsts[min(int(np.searchsorted(times, at)), len(firsts) - 1)])
        end = min(begin + int(ECHO_WITHIN_S * RATE_HZ), len(likeness))
        if end - begin < len(CLICK):
            continue
        peak = begin + int(np.argmax(likeness[begin:end]))
        if likeness[peak] > 0.1 * float(CLICK @ CLICK):
            found.append((echo.time_of(peak) - at - codec_delay_s) * 1000)
    return found


def _likeness(signal: np.ndarray) -> np.ndarray:
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
    after, before = (int(np.argmax(_likeness(x))) for x in (np.concatenate(heard), voice))
    return (after - before) / RATE_HZ


def _socket(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, port))
    return sock


def measure(tool: AbstractContextManager[Answering | Baresip], ptime_ms: int, clicks: int) -> list[float]:
    """Return the delays through *tool*, in ms."""
    with tool as running:
        probe = Probe(running.uri, ptime_ms)
        probe.call()
        sent, echo = probe.run(clicks)
        probe.hang_up()
    return delays_ms(sent, echo, probe.codec_delay_s)


def tool(who: str, ptime_ms: int) -> Answering | Baresip:
    """Return one that answers, and sends back what it plays."""
    if who == "baresip":
        return Baresip(echo=True, ptime_ms=ptime_ms, bit_rate_bps=BIT_RATE_BPS, record=False)
    codec = f"opus:{BIT_RATE_BPS}"
    return Answering("--echo", "--codec", codec, "--ptime", str(ptime_ms), "--calls", "1")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clicks", type=int, default=10, help="a call")
    parser.add_argument("--calls", type=int, default=3, help="to each")
    parser.add_argument("--ptime", default="20,60")
    parser.add_argument("--only", choices=("ours", "baresip"))
    given = parser.parse_args()
    programs = [given.only] if given.only else ["ours", "baresip"]
    if "baresip" in programs and (why := missing("baresip")):
        print(f"baresip is left out: {why}")
        programs.remove("baresip")
    for ptime_ms in map(int, given.ptime.split(",")):
        delays: dict[str, list[list[float]]] = {who: [] for who in programs}
        for _ in range(given.calls):
            for who in programs:
                delays[who].append(measure(tool(who, ptime_ms), ptime_ms, given.clicks))
        for who, calls in delays.items():
            every = [delay for call in calls for delay in call]
            if not every:
                print(f"{who:8s} Opus {ptime_ms} ms: no click came back")
                return 1
            medians = ", ".join(f"{statistics.median(call):.1f}" for call in calls if call)
            print(
                f"{who:8s} Opus {ptime_ms} ms: mouth to ear {statistics.median(every):.1f} ms "
                f"(calls {medians}); {len(every)} of {given.clicks * given.calls} clicks came back"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
