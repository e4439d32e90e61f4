"""How many calls `softphone answer` echoes at once on one processor, without a late packet of its own making (Linux).

    python -m benchmarks.concurrent_calls [--seconds 10] [--calls 100] [--json FILE] [--smoke]

PCMU in packets of 20 ms, Opus 16 kb/s in packets of 60 ms. The program runs on the first processor, `benchmarks.echo_load`
on the last. A packet is late that comes back more than one packet interval behind its place on the grid of its stream.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from support.command import Answering

from benchmarks import ROOT
from benchmarks.echo_load import SETTLE_S, Heard, read_away
from benchmarks.figures import Figure, deliver, options, progress
from benchmarks.process_cost import Cost, cost_since, snapshot


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of calls."""

    codec: str
    ptime_ms: int

    @property
    def name(self) -> str:
        """For the table."""
        return f"{self.codec} {self.ptime_ms} ms"


KINDS = (Kind("pcmu", 20), Kind("opus:16000", 60))


def figures(seconds: float, calls: int) -> list[Figure]:
    """Measure each kind."""
    found: list[Figure] = []
    for kind in KINDS:
        rows = rows_of(kind, calls)
        if not sys.platform.startswith("linux"):
            found += [row.skip("processors are chosen and CPU is read as on Linux") for row in rows]
            continue
        heard, cost = echoed(kind, seconds, calls)
        progress(f"{kind.name}: {heard}\n    {cost}")
        values = (
            heard.late + heard.missing + heard.silent,
            heard.delay_max_ms,
            cost.cpu_ms_per_s,
            cost.rss_mib,
        )
        found += [row.measured([value]) for row, value in zip(rows, values, strict=True)]
    return found


def rows_of(kind: Kind, calls: int) -> tuple[Figure, ...]:
    """The rows of one kind, without values."""
    name = f"{calls} echo calls, {kind.name}"
    return (
        Figure(f"{name}: late, missing, or calls without echo", "packets", at_most=0),
        Figure(f"{name}: latest packet behind its grid", "ms", at_most=kind.ptime_ms),
        Figure(f"{name}: CPU of the one processor", "ms/s", at_most=900),
        Figure(f"{name}: memory (RSS)", "MiB"),
    )


def echoed(kind: Kind, seconds: float, calls: int) -> tuple[Heard, Cost]:
    """Let *calls* calls be echoed for *seconds*."""
    there = sorted(os.sched_getaffinity(0))
    with Answering("--echo", "--codec", kind.codec, "--ptime", str(kind.ptime_ms)) as callee:
        os.sched_setaffinity(callee.process.pid, {there[0]})
        read_away(callee)
        command = [
            sys.executable, "-m", "benchmarks.echo_load", callee.uri, "--calls", str(calls),
            "--codec", kind.codec.partition(":")[0], "--ptime", str(kind.ptime_ms), "--seconds", str(seconds),
        ]  # fmt: skip
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as load:
            assert load.stdout is not None
            os.sched_setaffinity(load.pid, {there[-1]})
            if load.stdout.readline() != "standing\n":
                raise RuntimeError(f"{calls} calls do not stand")
            time.sleep(SETTLE_S)
            before = snapshot(callee.process.pid)
            told = json.loads(load.stdout.readline())
            cost = cost_since(callee.process.pid, before)
            load.wait(60)
    return Heard(**told), cost


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--calls", type=int, default=100)
    given = parser.parse_args()
    found = figures(1.0, 5) if given.smoke else figures(given.seconds, given.calls)
    return deliver(found, given.json)


if __name__ == "__main__":
    sys.exit(main())
