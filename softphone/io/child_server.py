"""The program that a working process runs: jobs from standard input, a line of JSON each, and a line of JSON in answer.

When standard input ends, so does the process, whatever it is doing: nobody waits for its answer any more.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO, NoReturn

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def serve(answer: Answer) -> NoReturn:
    """Answer each line of standard input by *answer*; what libraries print goes to standard error."""
    target = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_requests, args=(sys.stdin.buffer, requests), daemon=True).start()
    while True:
        try:
            found = answer(requests.get())
        except Exception as error:  # noqa: BLE001 - the top of this shell: a fault of ours costs its file, and is told
            found = {"error": f"internal error: {type(error).__name__}: {error}", "exit_status": 1}
        target.write(json.dumps(found, allow_nan=False).encode() + b"\n")
        target.flush()


def _requests(source: BinaryIO, requests: "queue.SimpleQueue[dict[str, Any]]") -> None:
    """Put every request of *source* into *requests*; when it ends, end this process."""
    while line := source.readline():
        requests.put(json.loads(line))
    os._exit(0)
