"""The process that measures for `softphone.io.measuring`, so that what crashes there crashes nothing else.

It reads requests from standard input, each a line of JSON and behind it as many float32 samples as ``sizes`` says, and
answers each with one line: ``{"value": ...}``, ``{"refused": why}`` or ``{"missing": what to install}``.
"""

import json
import os
import queue
import sys
import threading
from typing import Any, BinaryIO, NoReturn, TypeAlias

import numpy as np

from dsp.errors import DspError, LibraryMissing
from dsp.metrics import MetricRefused
from dsp.types import Samples
from softphone.io.every_metric import every_metric

Request: TypeAlias = tuple[dict[str, Any], list[Samples]]


def answer(request: dict[str, Any], signals: list[Samples]) -> dict[str, Any]:
    """What one request comes to."""
    what, rate = request["what"], request["sample_rate_hz"]
    try:
        match what:
            case "dnsmos":
                from softphone.io.dnsmos import opinion

                found = opinion(signals[0], rate)
                return {"value": [found.speech, found.background, found.overall]}
            case "words":
                from softphone.io.recogniser import words_heard

                return {"value": words_heard(signals[0], rate)}
            case _:
                spec = every_metric().get(what)
                return {"value": spec.measure(signals[0], signals[-1], rate)}
    except LibraryMissing as error:
        return {"missing": str(error)}
    except (MetricRefused, DspError) as error:
        return {"refused": str(error.args[0] if error.args else error)}


def requests_of(source: BinaryIO, requests: "queue.SimpleQueue[Request]") -> None:
    """Put every request of *source* into *requests*; when it ends, so does this process, whatever it is measuring.

    Nobody waits for an answer any more then, and what runs may run for long.
    """
    while line := source.readline():
        request = json.loads(line)
        data = [source.read(4 * size) for size in request["sizes"]]
        requests.put((request, [np.frombuffer(each, dtype=np.float32).copy() for each in data]))
    os._exit(0)


def main() -> NoReturn:
    """Serve standard input; what libraries print goes to standard error."""
    target = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if hasattr(os, "nice"):
        os.nice(5)
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    threading.Thread(target=requests_of, args=(sys.stdin.buffer, requests), daemon=True).start()
    while True:
        request, signals = requests.get()
        target.write(json.dumps(answer(request, signals)).encode() + b"\n")
        target.flush()


if __name__ == "__main__":
    main()
