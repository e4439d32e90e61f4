"""What the processes that this program starts to work for it have in common."""

import contextlib
import os
import subprocess
import sys


def child_environment() -> dict[str, str]:
    """Ours, with this process's import path and one thread for linear algebra: other cores are for others."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": path}


def end_child(process: subprocess.Popen[bytes]) -> None:
    """End *process* and close its pipes."""
    with contextlib.suppress(OSError):
        process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()
