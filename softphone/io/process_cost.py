"""What this process has cost so far: CPU time, memory, wake-ups."""

import os
import sys
import time
from dataclasses import dataclass

if sys.platform != "win32":
    import resource


@dataclass(frozen=True, slots=True)
class ProcessCost:
    """A reading; the cost of a stretch is the difference of two."""

    at: float
    """Monotonic seconds."""
    cpu_s: float
    """User and system time of all threads."""
    wakeups: int | None
    """Times the process gave up the processor of its own will, None where the system does not count them."""

    @classmethod
    def now(cls) -> "ProcessCost":
        """Read the counters."""
        wakeups = None
        if sys.platform != "win32":
            wakeups = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        return cls(at=time.monotonic(), cpu_s=time.process_time(), wakeups=wakeups)


def resident_mib() -> float | None:
    """Memory of this process that is in RAM now (Linux), or at its peak (macOS); None where it is not known."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            pages = int(statm.read().split()[1])
    except OSError:
        return _peak_mib()
    return pages * os.sysconf("SC_PAGESIZE") / (1 << 20)


def _peak_mib() -> float | None:
    if sys.platform == "win32":
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
