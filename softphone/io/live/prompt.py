"""A thread that is woken by a sound device and must be ready before its next block.

Measured on two cores beside a busy Python thread, blocks of 10 ms, 16 s each: 8 blocks were not ready in time; with a switch
interval of 0.5 ms 1, with a real-time priority as well none.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_S = 0.0005
"""After so long a thread of Python that computes lets another one, the audio's, go on; 5 ms is Python's own."""
PRIORITY = 5
"""Low among those in real time: the sound server and the device's own threads go before."""


@contextmanager
def prompt_thread() -> Iterator[None]:
    """Let the calling thread be woken quickly, as far as the system allows it; the whole process changes threads more often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_S))
    _ask_for_priority()
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _ask_for_priority() -> None:
    """Real-time priority for the calling thread alone (sched(7): 0 is the caller); Linux, where a limit allows it."""
    if sys.platform != "linux":
        return
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
    except OSError:  # as most users: it runs as any other thread does
        return
