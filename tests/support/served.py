"""A command of ours that others steer: a process with `--serve`, its lines, and clients of it."""

import json
import os
import queue
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from support.command import COMMAND

from softphone.control.client import Client, connect

TOKEN = "a-token-for-tests"
PATIENCE_S = 20.0


class Served:
    """`softphone ARGUMENTS --serve 127.0.0.1:0 --json`, from when it serves to the end of its context."""

    def __init__(self, *arguments: str, serving_on_stdout: bool = True) -> None:
        self._arguments = arguments
        self._on_stdout = serving_on_stdout
        self.events: dict[str, dict[str, Any]] = {}
        self.url = ""
        self._lines: queue.Queue[str] = queue.Queue()
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [*COMMAND, *self._arguments, "--serve", "127.0.0.1:0", "--token-env", "TEST_TOKEN", "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TEST_TOKEN": TOKEN},
        )
        for stream, lines in ((self.process.stdout, self._lines.put), (self.process.stderr, self._note)):
            threading.Thread(target=self._read, args=(stream, lines), daemon=True).start()
        try:
            if self._on_stdout:
                self.url = self.event("serving")["url"]
            else:
                self.url = wait_for(self._url_told, "a line that says where it is steered from", self)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    @property
    def address(self) -> str:
        """Host and port."""
        return self.url.split("//")[1].strip("/")

    def event(self, name: str) -> dict[str, Any]:
        """The line ``{"event": name, ...}``."""
        while name not in self.events:
            found = self.line()
            self.events[found["event"]] = found
        return self.events[name]

    def line(self) -> dict[str, Any]:
        """The next line of JSON."""
        try:
            found: dict[str, Any] = json.loads(self._lines.get(timeout=PATIENCE_S))
        except queue.Empty:
            raise AssertionError(f"a line was wanted; on stderr there is {self.errors}") from None
        return found

    def result(self) -> dict[str, Any]:
        """The next RESULT."""
        while "event" in (found := self.line()):
            self.events[found["event"]] = found
        return found

    def client(self, name: str = "test") -> Client:
        """Somebody who steers."""
        return connect(self.address, token=TOKEN, name=name)

    def fetch(self, path: str) -> tuple[str, bytes]:
        """Content type and body of what a ticket is for."""
        with urllib.request.urlopen(self.url.rstrip("/") + path, timeout=PATIENCE_S) as answer:
            return answer.headers["Content-Type"], answer.read()

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def finish(self) -> int:
        """Wait for the end; the exit status."""
        return self.process.wait(PATIENCE_S)

    def _read(self, stream: Any, take: Callable[[str], None]) -> None:
        for line in stream:
            take(line)

    def _note(self, line: str) -> None:
        self.errors.append(line)

    def _url_told(self) -> str:
        return next((word for line in self.errors for word in line.split() if word.startswith("http://")), "")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def wait_for(what: Callable[[], Any], wanted: str, served: Served, patience_s: float = PATIENCE_S) -> Any:
    """What *what* gives as soon as it is anything."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.03)
    raise AssertionError(f"wanted {wanted} within {patience_s:g} s; stderr: {served.errors}")
