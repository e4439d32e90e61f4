"""Measurements of speech in a child process: PESQ, DNSMOS, PLCMOS and a recogniser, which import much and may crash."""

import atexit
import functools
import json
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np

from dsp.types import Samples
from softphone.io.child_process import end_child, exchange, start_child

TIMEOUT_S = 300.0
_CHILD = "softphone.io.measuring_child"


class Measuring:
    """A child that measures, started when it is first asked and again after a crash. One request at a time."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None

    def measure(self, what: str, sample_rate_hz: int, *signals: Samples) -> dict[str, Any]:
        """Have *signals* measured.

        Args:
            what: name of a metric (`softphone.io.every_metric`), or ``words``.
            signals: reference and degraded, or one alone. ``dnsmos`` gives three numbers: speech, background and all.

        Returns:
            ``{"value": ...}``, ``{"refused": why}`` or ``{"missing": what to install}``; a crash and a time-out
            are refusals, too. It never raises for what happens in the child.
        """
        arrays = [np.ascontiguousarray(each, dtype=np.float32) for each in signals]
        head = {"what": what, "sample_rate_hz": sample_rate_hz, "sizes": [each.size for each in arrays]}
        try:
            process = self._running()
        except OSError as error:
            return {"refused": f"the measuring process did not start: {error}"}
        request = (json.dumps(head).encode() + b"\n", *(each.tobytes() for each in arrays))
        try:
            answer = exchange(process, request, self._timeout_s)
        except BaseException:  # Ctrl-C leaves an answer in the pipe that belongs to no one
            self.close()
            raise
        if answer is not None:
            return answer
        self.close()
        return {
            "refused": f"measuring {what} ended its process with status {process.returncode}, "
            f"or took longer than {self._timeout_s:g} s"
        }

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = start_child(_CHILD)
        return self._process

    def close(self) -> None:
        """End the child."""
        process, self._process = self._process, None
        if process is not None:
            end_child(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@functools.cache
def shared_measuring() -> Measuring:
    """The one of this process; it ends with us."""
    child = Measuring()
    atexit.register(child.close)
    return child


def missing(measures: Sequence[str]) -> dict[str, str]:
    """Which of *measures* cannot be had here, each with one line that says what to install."""
    from importlib.util import find_spec

    from dsp.errors import LibraryMissing
    from dsp.metrics.pesq import INSTALL
    from softphone.io import dnsmos, plcmos, recogniser

    found: dict[str, str] = {}
    for name in measures:
        try:
            if name.startswith("pesq") and find_spec("pesq") is None:
                found[name] = INSTALL
            elif name == "dnsmos":
                dnsmos.model_path()
            elif name == "plcmos":
                plcmos.model_path()
            elif name == "words":
                recogniser.check()
        except LibraryMissing as error:
            found[name] = str(error)
    return found
