"""Measuring a memo, or making the page about it, in a process of its own (`softphone.io.memo_child`), which ends with it."""

import json
import subprocess
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.child_process import end_child, exchange, start_child
from softphone.io.voice_job import VoiceJob

MODULE = "softphone.io.memo_child"
TIMEOUT_S = 900.0


class MemoMeasuring:
    """Does one thing after the other; from any thread."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def measure(self, job: VoiceJob, name: str, *, report: Path | None = None) -> dict[str, Any]:
        """What `softphone voice` says of *job*.

        Args:
            job: what to measure, and how.
            name: of the memo, as the page is to call it.
            report: file for the page, replaced if it is there; None: no page.

        Raises:
            UsageError: it cannot be measured, and why.
            EnvironmentProblem: the process died, took too long, or could not start; or `close` ended it.
        """
        request = {"job": asdict(job), "name": name, "report": None if report is None else str(report)}
        with self._turn:
            process = self._started()
            answer = exchange(process, [json.dumps(request).encode() + b"\n"], self._timeout_s)
            with self._lock:
                self._process = None
            end_child(process)
        if answer is None:
            why = "the program is about to end" if self._closed else "its process died, or took too long"
            raise EnvironmentProblem(f"memo {name} was not measured: {why}")
        if "exit_status" in answer:
            raise UsageError(str(answer["error"]))
        return answer

    def _started(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._closed:
                raise EnvironmentProblem("nothing is measured any more: the program is about to end")
            try:
                self._process = start_child(MODULE)
            except OSError as error:
                raise EnvironmentProblem(f"the process that measures did not start: {error}") from None
            return self._process

    def close(self) -> None:
        """Measure nothing more; what is being measured is given up."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
