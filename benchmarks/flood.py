"""A standing call while 5,000 messages a second come from everywhere: INVITE, OPTIONS, scanners and garbage (Linux).

    python -m benchmarks.flood [--seconds 10] [--rate 5000] [--sources 500] [--json FILE] [--smoke]

The program answers on one processor; flood and call run on another. The call's echo is timed packet by packet before the flood
and in it; what the process costs and holds is read beside it. At the end, still in the flood, the call must end by its BYE.
"""

import os
import random
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from support.command import Answering

from benchmarks import ROOT
from benchmarks.echo_load import Load, read_away
from benchmarks.figures import Figure, deliver, options, progress
from benchmarks.process_cost import cost_since, snapshot

LOST = Figure("echo packets of a standing call missing", "packets", at_most=0)
LATE = Figure("echo packets more than one interval late", "packets", at_most=0)
DELAY = Figure("latest echo packet, behind the earliest", "ms", at_most=20)
CPU = Figure("CPU while it is flooded", "ms/s", at_most=900)
MEMORY = Figure("memory at the end (RSS)", "MiB", at_most=250)
TAKEN = Figure("messages a second that came", "1/s")
KINDS = ("INVITE", "INVITE", "OPTIONS", "OPTIONS", "REGISTER", "scanner", "garbage", "garbage")
STEP_S = 0.002


def main() -> int:
    if sys.argv[1:2] == ["--send"]:
        return send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--sources", type=int, default=500)
    given = parser.parse_args()
    seconds = 2.0 if given.smoke else given.seconds
    return deliver(flooded(seconds, rate=given.rate, sources=given.sources), given.json)


def flooded(seconds: float, *, rate: int, sources: int) -> list[Figure]:
    """Measure one call; return the figures of the time in the flood."""
    if not sys.platform.startswith("linux"):
        return [
            figure.skip("wants 127.0.0.0/8 and /proc of Linux")
            for figure in (LOST, LATE, DELAY, CPU, MEMORY, TAKEN)
        ]
    with Answering("--echo", "--codec", "pcmu", "--ptime", "20") as callee:
        pin(callee.process.pid, 0)
        pin(0, -1)
        read_away(callee)
        load = Load(callee.uri, codec="pcmu", ptime_ms=20)
        load.call()
        quiet = load.run(seconds)
        progress(f"quiet:   {quiet}")
        with sending(callee.address, rate=rate, sources=sources) as sender:
            before = snapshot(callee.process.pid)
            heard = load.run(seconds)
            cost = cost_since(callee.process.pid, before)
            since = time.monotonic()
            load.hang_up()  # raises TimeoutError if BYE does not get through
            took_s = time.monotonic() - since
            sent = stop(sender)
        progress(f"flooded: {heard}\n         {cost}\n         BYE answered after {took_s:.3f} s")
    return [
        LOST.measured([heard.missing]),
        LATE.measured([heard.late]),
        DELAY.measured([heard.delay_max_ms]),
        CPU.measured([cost.cpu_ms_per_s]),
        MEMORY.measured([cost.rss_mib]),
        TAKEN.measured([sent]),
    ]


@contextmanager
def sending(target: str, *, rate: int, sources: int) -> Iterator[subprocess.Popen[str]]:
    """A process that floods *target*."""
    command = [sys.executable, "-m", "benchmarks.flood", "--send", target, str(rate), str(sources)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as sender:
        try:
            time.sleep(1.0)
            yield sender
        finally:
            if sender.poll() is None:
                sender.kill()


def stop(sender: subprocess.Popen[str]) -> float:
    """End the flood; return how many messages a second it was."""
    out, _ = sender.communicate("", timeout=10)
    return float(out)


def send(target: str, rate: int, sources: int) -> int:
    """Flood until standard input ends; print the rate that came of it."""
    host, _, port = target.rpartition(":")
    rng = random.Random(1)
    sockets = []
    for number in range(sources):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((f"127.{1 + number % 200}.{number // 200}.{1 + rng.randrange(250)}", 0))
        sock.setblocking(False)
        sockets.append(sock)
    start, sent = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - start) * rate)
        while sent < due:
            sock = sockets[rng.randrange(sources)]
            sock.sendto(
                message(rng, KINDS[sent % len(KINDS)], sent, sock.getsockname(), target), (host, int(port))
            )
            sent += 1  # what is answered stays in the sockets' buffers and is dropped there
        if select.select([sys.stdin], [], [], STEP_S)[0]:
            break
    print(sent / (time.monotonic() - start), flush=True)
    return 0


def message(rng: random.Random, kind: str, number: int, source: tuple[str, int], target: str) -> bytes:
    """One message of a flood."""
    if kind == "garbage":
        return rng.randbytes(rng.randrange(20, 900))
    method = "OPTIONS" if kind == "scanner" else kind
    agent = "friendly-scanner" if kind == "scanner" else "flood"
    host, port = source
    body = ""
    if method == "INVITE":
        body = (
            f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            "m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )
    content = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} sip:{number % 10000}@{target} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{number:x};rport\r\n"
        f"From: <sip:flood@{host}>;tag={number:x}\r\nTo: <sip:{number % 10000}@{target}>\r\n"
        f"Call-ID: {number:x}@{host}\r\nCSeq: 1 {method}\r\nContact: <sip:flood@{host}:{port}>\r\n"
        f"User-Agent: {agent}\r\nMax-Forwards: 70\r\n{content}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def pin(pid: int, processor: int) -> None:
    """Let a process run on one processor of those there are."""
    there = sorted(os.sched_getaffinity(0))
    if len(there) > 1:
        os.sched_setaffinity(pid, {there[processor]})


if __name__ == "__main__":
    sys.exit(main())
