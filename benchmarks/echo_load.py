"""Many calls at once to one URI, whose echo is timed packet by packet: raw SIP and RTP, no codec runs here.

    python -m benchmarks.echo_load sip:bob@127.0.0.1:5060 --calls 100 --codec pcmu --ptime 20 --seconds 10

Prints "standing" when all calls stand, then one JSON object of what came back. Packets of the calls are sent
spread over the interval, as those of independent callers are.
"""

import argparse
import json
import math
import re
import socket
import struct
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import IO

from support.command import Answering

from benchmarks.load import speech_packets

HOST = "127.0.0.1"
SETTLE_S = 2.0
"""Before anything counts: codec tables, first reports and jitter buffers are done."""
STEP_S = 0.001
HEADER = struct.Struct("!BBHII")
PAYLOAD_TYPES = {"pcmu": 0, "opus": 111}
CLOCK_HZ = {"pcmu": 8000, "opus": 48_000}
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("=qq")


@dataclass(slots=True)
class Heard:
    """What came back, of all calls."""

    sent: int = 0
    received: int = 0
    missing: int = 0
    """Sequence numbers that never came."""
    late: int = 0
    """Packets that came more than one packet interval after their place on the stream's grid."""
    silent: int = 0
    """Calls of which nothing came."""
    delay_p50_ms: float = 0.0
    """Behind the stream's earliest packet."""
    delay_p99_ms: float = 0.0
    delay_max_ms: float = 0.0
    load_late_ms: float = 0.0
    """The latest that this program itself sent a packet: a busy machine."""


@dataclass(slots=True)
class Stream:
    """One call's echo."""

    arrivals: list[float] = field(default_factory=list)
    places: list[float] = field(default_factory=list)
    """The timestamp of each packet, in seconds."""
    numbers: list[int] = field(default_factory=list)

    def clear(self) -> None:
        """Forget what was heard."""
        for kept in (self.arrivals, self.places, self.numbers):
            kept.clear()


class Load:
    """All calls to one URI."""

    def __init__(self, uri: str, *, codec: str, ptime_ms: int) -> None:
        self._uri, self._codec, self._ptime_ms = uri, codec, ptime_ms
        host, _, port = uri.rpartition("@")[2].partition(":")
        self._sip = _socket()
        self._sip.connect((host, int(port)))
        self._rtp = _socket()
        self._rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._rtp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._rtp.setblocking(False)
        self._calls: list[tuple[str, str, tuple[str, int]]] = []
        self._streams: dict[int, Stream] = {}

    def call(self) -> None:
        """Set one more call up."""
        number = len(self._calls)
        port, payload_type = self._rtp.getsockname()[1], PAYLOAD_TYPES[self._codec]
        name = "PCMU/8000" if self._codec == "pcmu" else "opus/48000/2"
        sdp = (
            f"v=0\r\no=- {number + 1} 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} {name}\r\na=ptime:{self._ptime_ms}\r\n"
        )
        call_id = f"load{number}-{time.monotonic_ns()}"
        answer = self._asked("INVITE", call_id, 1, "", sdp)
        if " 200 " not in answer.partition("\r\n")[0]:
            raise RuntimeError(f"the call is refused:\n{answer}")
        tag = re.search(r"(?im)^(?:to|t):.*;tag=([^;\s]+)", answer)
        media = re.search(r"(?m)^m=audio (\d+)", answer)
        if tag is None or media is None:
            raise RuntimeError(f"no tag or no audio in\n{answer}")
        self._say("ACK", call_id, 1, tag[1])
        self._calls.append((call_id, tag[1], (HOST, int(media[1]))))
        self._streams[int(media[1])] = Stream()

    def run(self, seconds: float) -> Heard:
        """Send in all calls for *seconds* after settling; return what came back."""
        payloads = speech_packets() if self._codec == "opus" else [bytes([0x7F]) * (8 * self._ptime_ms)]
        payload_type, step = PAYLOAD_TYPES[self._codec], CLOCK_HZ[self._codec] * self._ptime_ms // 1000
        interval_s, count = self._ptime_ms / 1000, len(self._calls)
        heard = Heard()
        for stream in self._streams.values():
            stream.clear()
        self._drain()
        start = time.monotonic() + 0.01
        settled = start + SETTLE_S
        total = math.ceil((SETTLE_S + seconds) / interval_s) * count
        send, done, worst = self._rtp.sendto, 0, 0.0
        while done < total:
            now = time.monotonic()
            while done < total and (due := start + done * interval_s / count) <= now:
                number, index = divmod(done, count)
                header = HEADER.pack(
                    0x80, payload_type, number & 0xFFFF, number * step & 0xFFFFFFFF, index + 1
                )
                send(header + payloads[number % len(payloads)], self._calls[index][2])
                if due > settled:
                    worst = max(worst, time.monotonic() - due)
                done += 1
            self._listen(settled)
            time.sleep(STEP_S)
        time.sleep(0.2)
        self._listen(settled)
        heard.sent, heard.load_late_ms = total, worst * 1000
        self._judge(heard)
        return heard

    def hang_up(self) -> None:
        """End all calls, a few at a time."""
        for call_id, tag, _ in self._calls:
            self._asked("BYE", call_id, 2, tag)

    def _listen(self, settled: float) -> None:
        to_monotonic = time.monotonic() - time.time()
        while True:
            try:
                data, ancillary, _, addr = self._rtp.recvmsg(2048, 64)
            except BlockingIOError:
                return
            if len(data) < HEADER.size or data[1] & 0x7F != PAYLOAD_TYPES[self._codec]:
                continue
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
            arrived = seconds + to_monotonic + nanoseconds * 1e-9
            if arrived < settled:
                continue
            _, _, number, timestamp, _ = HEADER.unpack_from(data)
            stream = self._streams[addr[1]]
            stream.arrivals.append(arrived)
            stream.places.append(timestamp / CLOCK_HZ[self._codec])
            stream.numbers.append(number)

    def _drain(self) -> None:
        self._listen(float("inf"))

    def _judge(self, heard: Heard) -> None:
        delays: list[float] = []
        for stream in self._streams.values():
            if not stream.arrivals:
                heard.silent += 1
                continue
            wrap = (1 << 32) / CLOCK_HZ[self._codec]
            first = stream.places[0]
            behind = [
                at - (place - first) % wrap for at, place in zip(stream.arrivals, stream.places, strict=True)
            ]
            earliest = min(behind)
            delays += [one - earliest for one in behind]
            span = (stream.numbers[-1] - stream.numbers[0]) % 65536 + 1
            heard.missing += span - len(set(stream.numbers))
        heard.received = len(delays)
        delays.sort()
        if delays:
            heard.late = sum(one > self._ptime_ms / 1000 for one in delays)
            heard.delay_p50_ms = delays[len(delays) // 2] * 1000
            heard.delay_p99_ms = delays[len(delays) * 99 // 100] * 1000
            heard.delay_max_ms = delays[-1] * 1000

    def _say(self, method: str, call_id: str, number: int, tag: str, body: str = "") -> None:
        host, port = self._sip.getsockname()
        to = f"<{self._uri}>" + (f";tag={tag}" if tag else "")
        content = "Content-Type: application/sdp\r\n" if body else ""
        self._sip.send(
            (
                f"{method} {self._uri} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{method}{call_id}\r\n"
                f"From: <sip:load@{host}:{port}>;tag=load\r\nTo: {to}\r\nCall-ID: {call_id}\r\n"
                f"CSeq: {number} {method}\r\nMax-Forwards: 70\r\nContact: <sip:load@{host}:{port}>\r\n"
                f"{content}Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()
        )

    def _asked(self, method: str, call_id: str, number: int, tag: str, body: str = "") -> str:
        """Ask until there is a final answer; raises TimeoutError after 10 s."""
        for _ in range(20):
            self._say(method, call_id, number, tag, body)
            deadline = time.monotonic() + 0.5
            while (left := deadline - time.monotonic()) > 0:
                self._sip.settimeout(left)
                try:
                    text = self._sip.recv(4096).decode(errors="replace")
                except TimeoutError:
                    break
                if (
                    text.startswith("SIP/2.0 ")
                    and text[8] != "1"
                    and call_id in text
                    and f" {method}" in text
                ):
                    return text
        raise TimeoutError(f"no answer to {method}")


def read_away(callee: Answering) -> None:
    """Read what *callee* prints, from threads: a pipe that is full would stop it."""

    def read(pipe: IO[str] | None) -> None:
        for _ in pipe or ():
            pass

    for pipe in (callee.process.stdout, callee.process.stderr):
        threading.Thread(target=read, args=(pipe,), daemon=True).start()


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, 0))
    return sock


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("uri")
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--codec", choices=tuple(PAYLOAD_TYPES), default="pcmu")
    parser.add_argument("--ptime", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    load = Load(given.uri, codec=given.codec, ptime_ms=given.ptime)
    for _ in range(given.calls):
        load.call()
    print("standing", flush=True)
    heard = load.run(given.seconds)
    print(json.dumps(asdict(heard)), flush=True)
    load.hang_up()
    return 0


if __name__ == "__main__":
    sys.exit(main())
