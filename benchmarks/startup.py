"""How long a user waits: for help, for `answer` to listen, for a call to stand.

python -m benchmarks.startup [--rounds 7] [--json FILE] [--smoke]
"""

import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from support.command import COMMAND, Answering, softphone
from support.peers import Baresip

from benchmarks.figures import (
    Figure,
    alternating,
    baresip_missing,
    baresip_name,
    deliver,
    options,
    progress,
)

HELP = Figure("softphone --help", "s", at_most=0.15)
CALL_HELP = Figure("softphone call --help", "s")
STANDING = Figure("call standing after INVITE", "s", at_most=0.2)
LISTENING = Figure("softphone answer, until it listens", "s")


def run(*command: str) -> float:
    """Return the seconds that *command* takes."""
    start = time.monotonic()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def python_alone() -> float:
    """Return the seconds that the interpreter takes for nothing: no command in Python is faster."""
    return run(sys.executable, "-c", "pass")


def until_answer_listens() -> float:
    start = time.monotonic()
    with Answering("--calls", "1"):
        return time.monotonic() - start


def until_baresip_is_ready() -> float:
    start = time.monotonic()
    with Baresip():
        return time.monotonic() - start


def invite_to_answer() -> float:
    """Return `setup_s` of a call between two of ours."""
    with Answering("--calls", "1") as callee:
        _, result, err = softphone("call", callee.uri, "--seconds", "0.5")
    if result.get("setup_s") is None:
        raise RuntimeError(f"the call did not stand: {err}")
    return float(result["setup_s"])


def command() -> tuple[str, ...]:
    """Return what a user types; from a tree that is not installed, the nearest to it."""
    script = Path(sys.executable).with_name("softphone")
    return (str(script),) if script.exists() else COMMAND


@dataclass(frozen=True, slots=True)
class Step:
    """What is timed, and what beside it in the same round."""

    figure: Figure
    ours: Callable[[], float]
    theirs: Callable[[], float] | None = None
    peer: str = ""


def steps() -> list[Step]:
    """Return all that is to be timed here."""
    python = f"Python {platform.python_version()} doing nothing"
    with_baresip: tuple[Callable[[], float] | None, str] = (None, "")
    if not baresip_missing():
        with_baresip = until_baresip_is_ready, baresip_name()
    return [
        Step(HELP, lambda: run(*command(), "--help"), python_alone, python),
        Step(CALL_HELP, lambda: run(*command(), "call", "--help"), python_alone, python),
        Step(LISTENING, until_answer_listens, *with_baresip),
        Step(STANDING, invite_to_answer),
    ]


def figures(rounds: int) -> list[Figure]:
    """Time every step once a round."""
    wanted = steps()
    ours: dict[str, list[float]] = {step.figure.name: [] for step in wanted}
    theirs: dict[str, list[float]] = {step.figure.name: [] for step in wanted}
    for number in range(rounds):
        progress(f"startup: round {number + 1} of {rounds}")
        for step in wanted:
            for who, timed in alternating(((ours, step.ours), (theirs, step.theirs)), number):
                if timed is not None:
                    who[step.figure.name].append(timed())
    return [
        step.figure.measured(ours[step.figure.name], theirs[step.figure.name], peer=step.peer)
        for step in wanted
    ]


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    return deliver(figures(1 if given.smoke else given.rounds), given.json)


if __name__ == "__main__":
    sys.exit(main())
