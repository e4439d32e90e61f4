"""All figures, one benchmark after the other, each in a process of its own; then one table.

python -m benchmarks.run [--json FILE] [--smoke] [--only NAME,...]

The exit status is 1 when a benchmark crashed. A target that is missed is shown and is no failure: what is
measured depends on the machine. With SOFTPHONE_PEERS_REQUIRED set, a row skipped for want of a peer is one.
"""

import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from benchmarks.figures import Figure, options, progress, table

BENCHMARKS = (
    "call_cost",
    "mode_cost",
    "turns",
    "startup",
    "mouth_to_ear",
    "filter_file",
    "live_latency",
    "suppression",
    "misalignments",
    "scoring_cost",
    "voice_cost",
    "control_cost",
    "concurrent_calls",
    "signalling_rate",
    "flood",
)
KERNELS = ("test_filter_kernels", "test_kernels")
LIMIT_S, SMOKE_LIMIT_S = 1800, 60
"""For one benchmark."""


@dataclass(slots=True)
class Outcome:
    """What all benchmarks together found."""

    figures: list[Figure] = field(default_factory=list)
    kernels: list[dict[str, Any]] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    """Which, and how."""


def run_figures(name: str, outcome: Outcome, *, smoke: bool) -> None:
    """Run the module *name* and take its figures."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "figures.json"
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(path)]
        if smoke:
            command.append("--smoke")
        status = run(command, limit_s=SMOKE_LIMIT_S if smoke else LIMIT_S)
        if status == 0 and path.exists():
            outcome.figures += [Figure.from_dict(each) for each in json.loads(path.read_text())]
        else:
            outcome.crashed.append(f"{name}: exit status {status}")


def run_kernels(name: str, outcome: Outcome, *, smoke: bool) -> None:
    """Run the benchmarks of single kernels in the module *name*; in a smoke each just once, without a clock."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "kernels.json"
        command = [sys.executable, "-P", "-m", "pytest", str(ROOT / "benchmarks" / f"{name}.py"), "-q"]
        command += ["-p", "no:cacheprovider"]
        if smoke:
            command.append("--benchmark-disable")
        else:
            command += ["--benchmark-only", "--benchmark-quiet", f"--benchmark-json={path}"]
        status = run(command, limit_s=SMOKE_LIMIT_S if smoke else LIMIT_S)
        if status != 0:
            outcome.crashed.append(f"{name}: exit status {status}")
        elif path.exists():
            found = json.loads(path.read_text())["benchmarks"]
            outcome.kernels += [kernel_row(each) for each in found]


def kernel_row(found: dict[str, Any]) -> dict[str, Any]:
    """Return what the table needs of one benchmark of pytest-benchmark."""
    stats = found["stats"]
    return {
        "name": found["name"].removeprefix("test_"),
        "median_us": stats["median"] * 1e6,
        "q1_us": stats["q1"] * 1e6,
        "q3_us": stats["q3"] * 1e6,
        "rounds": stats["rounds"],
    }


def kernel_table(rows: list[dict[str, Any]]) -> str:
    """Return the kernels as text, in the order they ran."""
    width = max(len(row["name"]) for row in rows)
    lines = [f"{'kernel, microseconds a call':{width}}   {'median':>8}   {'quartiles':>20}   {'rounds':>7}"]
    for row in rows:
        quartiles = f"{row['q1_us']:.2f}..{row['q3_us']:.2f}"
        lines.append(
            f"{row['name']:{width}}   {row['median_us']:8.2f}   {quartiles:>20}   {row['rounds']:7d}"
        )
    return "\n".join(lines)


def run(command: list[str], *, limit_s: float) -> int | str:
    """Run *command*, its output on stderr; return its exit status, or that it took too long."""
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno())
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return f"none after {limit_s:g} s"
    finally:
        if process.poll() is None:
            # As Ctrl-C, so that it ends the peers it has started.
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def report(outcome: Outcome, *, smoke: bool) -> str:
    """Return what is printed at the end."""
    parts = []
    if outcome.figures:
        wanted = [figure for figure in outcome.figures if figure.at_most is not None]
        parts.append(table(wanted, judged=not smoke))
    if outcome.kernels:
        parts.append(kernel_table(outcome.kernels))
    parts += [f"crashed: {how}" for how in outcome.crashed]
    return "\n\n".join(parts)


def as_dict(outcome: Outcome, *, smoke: bool) -> dict[str, Any]:
    """Return all as JSON wants it."""
    return {
        "smoke": smoke,
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "figures": [figure.as_dict(judged=not smoke) for figure in outcome.figures],
        "kernels": outcome.kernels,
        "crashed": outcome.crashed,
    }


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--only", help=f"some of {','.join((*BENCHMARKS, *KERNELS))}")
    given = parser.parse_args()
    names = given.only.split(",") if given.only else [*BENCHMARKS, *KERNELS]
    if unknown := set(names) - {*BENCHMARKS, *KERNELS}:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}")
    outcome = Outcome()
    for name in names:
        progress(f"== {name}")
        start = time.monotonic()
        if name in KERNELS:
            run_kernels(name, outcome, smoke=given.smoke)
        else:
            run_figures(name, outcome, smoke=given.smoke)
        progress(f"== {name}: {time.monotonic() - start:.0f} s")
    print(report(outcome, smoke=given.smoke))
    if given.json is not None:
        given.json.write_text(json.dumps(as_dict(outcome, smoke=given.smoke), indent=1) + "\n")
    required = bool(os.environ.get("SOFTPHONE_PEERS_REQUIRED"))
    return int(bool(outcome.crashed) or (required and any(figure.skipped for figure in outcome.figures)))


if __name__ == "__main__":
    sys.exit(main())
