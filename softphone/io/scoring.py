"""Scoring in a process of its own, so that a running call pays neither its imports nor its time."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from softphone.io.child_process import child_environment

MAX_OUTPUT_BYTES = 1 << 24
NICE = 10
_ARGUMENTS = ("-P", "-m", "softphone.io.scoring_child", "--nice", str(NICE))


async def score_in_child(
    reference: str | Path,
    degraded: str | Path,
    *,
    far: str | Path | None = None,
    timeout_s: float = 60.0,
    trusted: bool = True,
) -> dict[str, Any]:
    """Score a recording against what was sent.

    Args:
        reference: file, or ``builtin:NAME``.
        degraded: file.
        far: file of what this side sent meanwhile.
        timeout_s: the child is killed after this time.
        trusted: False where the caller knows that the metrics mislead on this codec.

    Returns:
        ``{"score": CallScore | None, "verdict": [...], "refused": {metric: why}}``, or ``{"error": why}``: a failed child never
        raises here. Cancelling this coroutine kills the child.
    """
    request = {
        "degraded": str(degraded),
        "reference": str(reference),
        "far": None if far is None else str(far),
        "trusted": trusted,
        "for_call": True,
    }
    return await _run_child(_ARGUMENTS, request, timeout_s)


async def score_file_in_child(
    degraded: str,
    *,
    folder: Path,
    reference: str | None = None,
    far: str | None = None,
    trusted: bool | None = None,
    report: str | None = None,
    names: tuple[str, str | None] = ("", None),
    timeout_s: float = 60.0,
) -> dict[str, Any]:
    """Score a recording whole, against what was sent or by itself, and make a page of it where it is asked for.

    Args:
        degraded: file; it, *far* and *report* are names in *folder*, so that what is said of them names no folder.
        reference: file, or ``builtin:NAME``; None: only the signal is checked.
        far: file of what this side sent meanwhile.
        trusted: False where the metrics mislead on the codec; None where nobody knows.
        report: file for the page (HTML), replaced if it is there.
        names: of recording and reference, as the page is to call them.
        timeout_s: the child is killed after this time.

    Returns:
        A `softphone.io.score_file.FileScore`, or ``{"error": why}``, as `score_in_child`.
    """
    request: dict[str, Any] = {"degraded": degraded, "reference": reference, "far": far, "trusted": trusted}
    if report is not None:
        request["report"] = {"path": report, "names": names}
    return await _run_child(_ARGUMENTS, request, timeout_s, folder)


async def _run_child(
    arguments: Sequence[str], request: dict[str, Any], timeout_s: float, folder: Path | None = None
) -> dict[str, Any]:
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=child_environment(),
            cwd=folder,
            limit=MAX_OUTPUT_BYTES,
            start_new_session=True,  # Ctrl-C is for the call; whoever cancels the score ends the child
        )
    except OSError as error:
        return {"error": f"the scoring process did not start: {error}"}
    try:
        out, err = await asyncio.wait_for(_asked(child, json.dumps(request).encode() + b"\n"), timeout_s)
    except TimeoutError:
        return {"error": f"scoring took longer than {timeout_s:g} s"}
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return _result(out, err, child.returncode)


async def _asked(child: asyncio.subprocess.Process, line: bytes) -> tuple[bytes, bytes]:
    """The first line it answers, and what it says on standard error; then it is told to end."""
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    said = asyncio.ensure_future(child.stderr.read())
    try:
        with contextlib.suppress(ConnectionError):
            child.stdin.write(line)
            await child.stdin.drain()
        out = b""
        with contextlib.suppress(ValueError):  # longer than any answer
            out = await child.stdout.readline()
        child.stdin.close()
        err = await said
        await child.wait()
    finally:
        said.cancel()
    return out, err


def _result(out: bytes, err: bytes, status: int | None) -> dict[str, Any]:
    try:
        result = json.loads(out)
    except ValueError:
        result = None
    if isinstance(result, dict):
        return result
    lines = err.decode(errors="replace").strip().splitlines()
    reason = lines[-1][:200] if lines else "it said nothing"
    return {"error": f"the scoring process ended with status {status}: {reason}"}
