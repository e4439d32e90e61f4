"""The command `softphone` as a user runs it: a process of its own, its JSON read back."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

COMMAND = (sys.executable, "-P", "-m", "softphone")
"""What is installed, not what lies in the current folder (`-P`)."""


def softphone(*arguments: str, timeout_s: float = 60) -> tuple[int, dict[str, Any], str]:
    """Run the command with `--json`; return exit status, the one object on stdout, and stderr."""
    done = subprocess.run(
        [*COMMAND, *arguments, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.stdout.count("\n") == 1, f"one object wanted: {done.stdout!r} {done.stderr!r}"
    return done.returncode, json.loads(done.stdout), done.stderr


class Calling:
    """`softphone call --json`, running until Ctrl-C at the end of its context."""

    def __init__(self, uri: str, *arguments: str) -> None:
        self._command = [*COMMAND, "call", uri, "--json", *arguments]

    @property
    def pid(self) -> int:
        """Of the running process."""
        return self.process.pid

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        return self

    def finish(self, timeout_s: float = 30) -> tuple[int, dict[str, Any], str]:
        """Wait for its end; return exit status, RESULT, and stderr."""
        out, err = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, json.loads(out), err

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.interrupt()
            try:
                self.process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.communicate()


class Answering:
    """`softphone answer --json`, running from when it listens to the end of its context."""

    def __init__(self, *arguments: str, listen: str = "127.0.0.1:0") -> None:
        self._arguments: Sequence[str] = ("--listen", listen, *arguments)
        self.uri = ""

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [*COMMAND, "answer", "--json", *self._arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        event = json.loads(line) if line else {}
        if event.get("event") != "listening":
            self.process.kill()
            raise AssertionError(f"answer does not listen: {line!r} {self.process.communicate()}")
        self.uri = event["uri"]
        return self

    @property
    def address(self) -> str:
        """Host and port of its URI."""
        return self.uri.rpartition("@")[2].partition(";")[0]

    def finish(self, timeout_s: float = 30) -> tuple[int, list[dict[str, Any]], str]:
        """Wait for its end; return exit status, the RESULTs it printed, and stderr."""
        out, err = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()], err

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
