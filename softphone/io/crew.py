"""Processes that do jobs one after the other, each a line of JSON in and a line of JSON out; one that dies is replaced.

A job that ends its process is tried once more in a new one, then given up: it costs itself, nothing else.
"""

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from softphone.io.child_process import end_child, exchange, start_child

Job = TypeVar("Job")
Answer = dict[str, Any]

TIMEOUT_S = 1800.0
"""For one job; a recording of an hour takes a minute."""
ATTEMPTS = 2


class Hand:
    """One process, started when it is first asked and again after it has died.

    Args:
        module: run as a program; it answers each line of its standard input with one.
        timeout_s: for one job.
    """

    def __init__(self, module: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._module, self._timeout_s = module, timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def ask(self, job: Any) -> Answer:
        """Have *job* done; ``{"crashed": why}`` where its process ended, or took too long, each time it was tried."""
        why = ""
        for _ in range(ATTEMPTS):
            if self._closed:
                break
            try:
                process = self._running()
            except OSError as error:
                return {"crashed": f"the working process did not start: {error}"}
            answer = exchange(process, (json.dumps(job).encode() + b"\n",), self._timeout_s)
            if answer is not None:
                return answer
            self._end()
            why = (
                f"the working process ended with status {process.returncode}, or took longer than "
                f"{self._timeout_s:g} s, {ATTEMPTS} times"
            )
        return {"crashed": why or "the working process was stopped"}

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = start_child(self._module)
            if self._closed:  # meanwhile
                self._process.kill()
        return self._process

    def kill(self) -> None:
        """Stop what it does, from another thread; it does nothing more."""
        self._closed = True
        process = self._process
        if process is not None:
            with contextlib.suppress(OSError):
                process.kill()

    def close(self) -> None:
        """End the process."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            end_child(process)


def share_out(
    jobs: Sequence[Job], module: str, workers: int, as_json: Callable[[Job], Any]
) -> Iterator[tuple[Job, Answer]]:
    """Each of *jobs* with the answer of a process that runs *module*, in the order in which they are done.

    Args:
        workers: processes, each served by a thread.
        as_json: makes of a job what is sent.
    """
    if not jobs:
        return
    waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Job, Answer]] = queue.SimpleQueue()
    hands = [Hand(module) for _ in range(min(workers, len(jobs)))]

    def serve(hand: Hand) -> None:
        while (job := waiting.get()) is not None:
            done.put((job, hand.ask(as_json(job))))
        hand.close()

    for job in jobs:
        waiting.put(job)
    for _ in hands:
        waiting.put(None)
    threads = [threading.Thread(target=serve, args=(hand,), daemon=True) for hand in hands]
    for thread in threads:
        thread.start()
    try:
        for _ in jobs:
            yield done.get()
    finally:
        with contextlib.suppress(queue.Empty):
            while True:
                waiting.get_nowait()
        for _ in hands:
            waiting.put(None)
        for hand in hands:
            hand.kill()
        for thread in threads:
            thread.join()
