"""CPU, memory and context switches of running processes over a window (Linux).

python -m benchmarks.process_cost SECONDS NAME=PID ...
"""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Sums over the threads of one process, up to now."""

    at_s: float
    cpu_ns: int
    sleeps: int
    """Voluntary context switches: each is followed by a wake-up."""
    preemptions: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process used, per second of the window."""

    cpu_ms_per_s: float
    sleeps_per_s: float
    preemptions_per_s: float
    rss_mib: float
    """At the end of the window."""
    threads: int

    def __str__(self) -> str:
        return (
            f"CPU {self.cpu_ms_per_s:7.2f} ms/s   RSS {self.rss_mib:6.1f} MiB   {self.threads:3d} threads   "
            f"{self.sleeps_per_s:6.1f} sleeps/s   {self.preemptions_per_s:5.1f} preemptions/s"
        )


def snapshot(pid: int) -> Snapshot:
    """Read the counters of process *pid*."""
    cpu_ns = sleeps = preemptions = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            cpu_ns += int((task / "schedstat").read_text().split()[0])
            status = _fields(task / "status")
        except FileNotFoundError:  # a thread that has just ended
            continue
        sleeps += int(status["voluntary_ctxt_switches"])
        preemptions += int(status["nonvoluntary_ctxt_switches"])
    return Snapshot(time.monotonic(), cpu_ns, sleeps, preemptions)


def cost_since(pid: int, before: Snapshot) -> Cost:
    """Return what process *pid* used since *before*."""
    after = snapshot(pid)
    seconds = after.at_s - before.at_s
    status = _fields(Path(f"/proc/{pid}/status"))
    return Cost(
        cpu_ms_per_s=(after.cpu_ns - before.cpu_ns) / seconds / 1e6,
        sleeps_per_s=(after.sleeps - before.sleeps) / seconds,
        preemptions_per_s=(after.preemptions - before.preemptions) / seconds,
        rss_mib=int(status["VmRSS"].split()[0]) / 1024,
        threads=int(status["Threads"]),
    )


def measure(pids: Mapping[str, int], seconds: float) -> dict[str, Cost]:
    """Watch the processes *pids* for *seconds*, all in the same window."""
    before = {name: snapshot(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    return {name: cost_since(pid, before[name]) for name, pid in pids.items()}


def _fields(path: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in path.read_text().splitlines())
    return {name: value.strip() for name, _, value in lines}


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    wanted = {name: int(pid) for name, _, pid in (word.partition("=") for word in sys.argv[2:])}
    for name, cost in measure(wanted, float(sys.argv[1])).items():
        print(f"{name:12s} {cost}")
