"""What the processes that this program starts to work for it have in common."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from typing import Any


def child_environment() -> dict[str, str]:
    """Ours, with this process's import path and one thread for linear algebra: other cores are for others."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": path}


def start_child(module: str) -> "subprocess.Popen[bytes]":
    """Run *module* as a program that answers, on its standard output, what it is asked on its standard input.

    Raises:
        OSError: it cannot be started.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
        start_new_session=True,  # Ctrl-C is for us; we end the child
    )


def exchange(
    process: "subprocess.Popen[bytes]", request: Iterable[bytes], timeout_s: float
) -> dict[str, Any] | None:
    """The line of JSON that *process* answers to *request*; None where it died, took too long or gave no object."""
    assert process.stdin is not None
    assert process.stdout is not None
    watchdog = threading.Timer(timeout_s, process.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        for part in request:
            process.stdin.write(part)
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)  # its own status is told, not that of our killing it
        answer = json.loads(line)
    except (OSError, ValueError):  # it has died: the answer is missing, or cut off
        return None
    finally:
        watchdog.cancel()
    return answer if isinstance(answer, dict) else None


def end_child(process: subprocess.Popen[bytes]) -> None:
    """End *process* and close its pipes."""
    with contextlib.suppress(OSError):
        process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()
