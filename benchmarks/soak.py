"""An hour of one call, and short calls beside it: what grows, and whether the playout delay drifts (Linux).

    python -m benchmarks.soak [--minutes 60] [--json FILE] [--smoke]

A callee echoes; a caller of ours talks to it the whole time, and others come and go, one at a time. Memory is read 60 times:
growth is the slope of a line through the readings after the first tenth, times the time. The playout delay of the long call, at
its end, is compared with that of a call of some seconds; the jitter buffer moves it in steps of a packet, 20 ms.
"""

import statistics
import sys
import time
from pathlib import Path

from support.command import Answering, Calling, softphone

from benchmarks.echo_load import read_away
from benchmarks.figures import Figure, deliver, options, progress

READINGS = 60
CODEC = ("--codec", "opus:16000", "--ptime", "20")
SHORT_S = 3


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    given = parser.parse_args()
    return deliver(soaked(20.0 if given.smoke else given.minutes * 60), given.json)


def soaked(seconds: float) -> list[Figure]:
    """Let calls stand and come for *seconds*."""
    name = f"{seconds / 60:g} minutes"
    rows = (
        Figure(f"{name}: growth of the callee's memory (RSS)", "MiB", at_most=2),
        Figure(f"{name}: growth of the caller's memory (RSS)", "MiB", at_most=2),
        Figure(f"{name}: drift of the playout delay", "ms", at_most=20),
        Figure(f"{name}: packets lost", "packets", at_most=0),
        Figure(f"{name}: short calls beside it that failed", "calls", at_most=0),
    )
    if not sys.platform.startswith("linux"):
        return [row.skip("memory is read in the /proc of Linux") for row in rows]
    with Answering("--echo", *CODEC) as callee:
        read_away(callee)
        early = playout_delay_ms(callee.uri)
        with Calling(callee.uri, *CODEC, "--seconds", str(round(seconds))) as caller:
            sizes: tuple[list[float], list[float]] = ([], [])
            failed = calls = 0
            start = time.monotonic()
            while (at := time.monotonic() - start) < seconds - 2 * SHORT_S:
                failed += softphone("call", callee.uri, *CODEC, "--seconds", str(SHORT_S))[0] != 0
                calls += 1
                if len(sizes[0]) <= at / seconds * READINGS:
                    for kept, pid in zip(sizes, (callee.process.pid, caller.pid), strict=True):
                        kept.append(rss_mib(pid))
                    progress(
                        f"{at:7.0f} s   {calls} calls   callee {sizes[0][-1]:.2f} MiB   caller {sizes[1][-1]:.2f} MiB"
                    )
            status, result, err = caller.finish(timeout_s=60)
    if status != 0:
        raise RuntimeError(f"the long call ended with status {status}: {err}")
    received = result["received"]
    growths = [growth(kept) for kept in sizes]
    drift = abs(received["playout_delay_ms"] - early)
    values = (*growths, drift, received["lost"], failed)
    return [row.measured([value]) for row, value in zip(rows, values, strict=True)]


def playout_delay_ms(uri: str) -> float:
    """Of a call that has just begun."""
    _, result, _ = softphone("call", uri, *CODEC, "--seconds", "8")
    return float(result["received"]["playout_delay_ms"])


def growth(sizes: list[float]) -> float:
    """What the line through the readings, less those of the start, rises from its first to its last."""
    settled = sizes[len(sizes) // 10 :]
    if len(settled) < 3:
        return max(sizes) - min(sizes)
    slope, _ = statistics.linear_regression(range(len(settled)), settled)
    return slope * (len(settled) - 1)


def rss_mib(pid: int) -> float:
    """Memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has ended")


if __name__ == "__main__":
    sys.exit(main())
