"""How long a user waits: for help, for `answer` to listen, for a call to stand; beside baresip.

startup.py [--rounds 5]
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from support.command import COMMAND, Answering, softphone
from support.peers import Baresip, missing


def run(*command: str) -> float:
    """Return the seconds that *command* takes."""
    start = time.monotonic()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


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


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    steps: dict[str, Callable[[], float]] = {
        "python -c pass": lambda: run(sys.executable, "-c", "pass"),
        "softphone --help": lambda: run(*COMMAND, "--help"),
        "softphone call --help": lambda: run(*COMMAND, "call", "--help"),
        "softphone answer, until it listens": until_answer_listens,
        "softphone call, INVITE to 200": invite_to_answer,
    }
    if why := missing("baresip"):
        print(f"baresip is left out: {why}")
    else:
        steps["baresip, until it is ready"] = until_baresip_is_ready
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(given.rounds):  # interleaved: a slow moment of the machine is one for all
        for name, step in steps.items():
            taken[name].append(step())
    for name, seconds in taken.items():
        low, high = min(seconds), max(seconds)
        print(f"{name:36s} {statistics.median(seconds):6.3f} s ({low:.3f} to {high:.3f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
