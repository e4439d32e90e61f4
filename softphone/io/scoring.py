"""Scoring in a process of its own, so that a running call pays neither its imports nor its time."""

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

MAX_OUTPUT_BYTES = 1 << 20
_CHILD = "softphone.io.scoring_child"


async def score_in_child(
    reference: str | Path,
    degraded: str | Path,
    *,
    timeout_s: float = 60.0,
    metric: str = "stoi",
    trusted: bool = True,
) -> dict[str, Any]:
    """Score a recording against what was sent.

    Args:
        reference: file, or ``builtin:NAME``.
        degraded: file.
        timeout_s: the child is killed after this time.

    Returns:
        The fields of `softphone.scorer.session.Score`, or ``{"error": why}`` where there is no score:
        a failed child never raises here. Cancelling this coroutine kills the child.
    """
    command = ["-P", "-m", _CHILD, "--metric", metric, *([] if trusted else ["--untrusted"])]
    return await _run_child([*command, "--", str(reference), str(degraded)], timeout_s)


async def _run_child(arguments: list[str], timeout_s: float) -> dict[str, Any]:
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for the call; whoever cancels the score ends the child
        )
    except OSError as error:
        return {"error": f"the scoring process did not start: {error}"}
    try:
        out, err = await asyncio.wait_for(child.communicate(), timeout_s)
    except TimeoutError:
        return {"error": f"scoring took longer than {timeout_s:g} s"}
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return _result(out, err, child.returncode)


def _environment() -> dict[str, str]:
    """Ours, with this process's import path and one thread for linear algebra: other cores are for calls."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": path}


def _result(out: bytes, err: bytes, status: int | None) -> dict[str, Any]:
    try:
        result = json.loads(out[:MAX_OUTPUT_BYTES])
    except ValueError:
        result = None
    if isinstance(result, dict):
        return result
    lines = err.decode(errors="replace").strip().splitlines()
    reason = lines[-1][:200] if lines else "it said nothing"
    return {"error": f"the scoring process ended with status {status}: {reason}"}
