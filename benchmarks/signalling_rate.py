"""Calls a second that `softphone answer` takes from sipp, INVITE to BYE, without a failed one (Linux).

    python -m benchmarks.signalling_rate [--rate 150] [--seconds 60] [--json FILE] [--smoke]

sipp's own scenario `uac`: it hangs up as soon as it has acknowledged the answer. Each call opens its audio all the same.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from support.command import Answering
from support.peers import free_port_range, missing

from benchmarks.echo_load import read_away
from benchmarks.figures import Figure, deliver, options, progress
from benchmarks.process_cost import Cost, cost_since, snapshot

_COUNT = r"{}\s*\|[^|]*\|\s*([\d.]+)"


def figures(rate: int, seconds: float) -> list[Figure]:
    """Let sipp call, and read what it counted."""
    name = f"{rate} calls/s for {seconds:g} s from sipp"
    rows = (
        Figure(f"{name}: failed calls", "calls", at_most=0),
        Figure(f"{name}: messages sent again by sipp", "messages"),
        Figure(f"{name}: rate that came of it", "calls/s"),
        Figure(f"{name}: CPU of the one processor", "ms/s", at_most=900),
        Figure(f"{name}: memory at the end (RSS)", "MiB", at_most=200),
    )
    why = missing("sipp") or ("" if sys.platform.startswith("linux") else "CPU is read in the /proc of Linux")
    if why:
        return [row.skip(why) for row in rows]
    there = sorted(os.sched_getaffinity(0))
    with Answering("--codec", "pcmu") as callee, tempfile.TemporaryDirectory(prefix="sipp-") as folder:
        os.sched_setaffinity(callee.process.pid, {there[0]})
        read_away(callee)
        before = snapshot(callee.process.pid)
        said = sipp(callee.address, rate, seconds, Path(folder), processor=there[-1])
        cost: Cost = cost_since(callee.process.pid, before)
    counts = [_number(said, what) for what in ("Failed call", "Retransmissions", "Call Rate")]
    progress(f"{counts}   {cost}")
    if _number(said, "Successful call") + counts[0] < rate * seconds:
        raise RuntimeError(f"sipp did not make its calls:\n{said[-2000:]}")
    values = (*counts, cost.cpu_ms_per_s, cost.rss_mib)
    return [row.measured([value]) for row, value in zip(rows, values, strict=True)]


def sipp(target: str, rate: int, seconds: float, folder: Path, *, processor: int) -> str:
    """Run sipp; return the last screen that it wrote."""
    calls = round(rate * seconds)
    screen = folder / "screen.txt"
    command = [
        "sipp", "-sn", "uac", "-d", "0", "-r", str(rate), "-m", str(calls), "-l", str(rate * 30),
        "-i", "127.0.0.1", "-p", str(free_port_range(1)), "-mp", str(free_port_range(4)), "-nostdin",
        "-timeout", str(round(seconds + 60)), "-trace_screen", "-screen_file", str(screen), target,
    ]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds + 90,
        check=False,
    )
    return screen.read_text(errors="replace") if screen.exists() else done.stdout


def _number(said: str, what: str) -> float:
    found = re.findall(_COUNT.format(re.escape(what)), said)
    return float(found[-1]) if found else 0.0


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--rate", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    found = figures(20, 2.0) if given.smoke else figures(given.rate, given.seconds)
    return deliver(found, given.json)


if __name__ == "__main__":
    sys.exit(main())
