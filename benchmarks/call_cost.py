"""What a call costs, beside baresip with the same codec settings: Opus 16 kb/s, 60 ms, complexity 5.

One leg: each program in turn calls the same kind of peer, sends speech, and records both directions.
Many legs: each program answers many calls in one process, and records none. A leg of ours is
compared with a leg of baresip's; rounds alternate, ratios are of the same round.

call_cost.py [--seconds 10] [--rounds 3] [--legs 60] [--their-legs 30] [--only one|many] [--status-line]
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import numpy as np
import soxr

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from process_cost import Cost, measure
from support.command import Answering, Calling
from support.peers import Baresip, missing, read_wav, write_wav

SETTLE_S = 2.0
"""After the call stands: imports, buffers and codec tables are done."""
BIT_RATE_BPS, PTIME_MS, COMPLEXITY = 16_000, 60, 5
OURS = (
    "--codec", f"opus:{BIT_RATE_BPS}", "--ptime", str(PTIME_MS), "--complexity", str(COMPLEXITY),
)  # fmt: skip
LEGS_PER_CALLER = 30


def long_speech(folder: Path, seconds: float) -> Path:
    """Write bundled speech, again and again, at the rate baresip wants."""
    speech = Path(__file__).parents[1] / "softphone" / "data" / "speech" / "man.wav"
    samples, rate_hz = read_wav(speech)
    again = np.tile(soxr.resample(samples, rate_hz, 48_000), int(seconds * rate_hz / len(samples)) + 1)
    path = folder / "speech48k.wav"
    write_wav(path, again, 48_000)
    return path


def baresip(
    wav: Path, *, dial: str | None = None, record: bool = False, calls: int = 4, status_line: bool = False
) -> Baresip:
    """Return a baresip with the settings compared here."""
    return Baresip(
        wav=wav, dial=dial, record=record, ptime_ms=PTIME_MS, bit_rate_bps=BIT_RATE_BPS,
        complexity=COMPLEXITY, calls=calls, seconds=600, status_line=status_line,
    )  # fmt: skip


@contextmanager
def one_leg_ours(wav: Path, folder: Path) -> Iterator[int]:
    """One call of ours to baresip; gives our process id."""
    recordings = ("--record", str(folder / "heard.wav"), "--record-sent", str(folder / "sent.wav"))
    with baresip(wav) as peer, Calling(peer.uri, *OURS, *recordings, "--seconds", "600") as call:
        peer.wait_for("Call established", 10)
        yield call.pid


@contextmanager
def one_leg_theirs(wav: Path, *, status_line: bool) -> Iterator[int]:
    """One call of baresip to baresip; gives the caller's process id."""
    with baresip(wav) as peer, baresip(wav, dial=peer.uri, record=True, status_line=status_line) as call:
        peer.wait_for("Call established", 10)
        yield call.pid


@contextmanager
def many_legs(uri: str, legs: int, wav: Path) -> Iterator[None]:
    """*legs* calls to *uri*, from as many baresips as that takes."""
    with ExitStack() as stack:
        for first in range(0, legs, LEGS_PER_CALLER):
            count = min(LEGS_PER_CALLER, legs - first)
            caller = stack.enter_context(baresip(wav, calls=count))
            for _ in range(count):
                caller.say(f"/dial {uri}")
                time.sleep(0.05)
            caller.wait_for("Call established", 20, times=count)
        yield


@contextmanager
def many_legs_ours(wav: Path, legs: int) -> Iterator[int]:
    """*legs* calls answered by one process of ours; gives its id."""
    with Answering(*OURS) as callee, many_legs(callee.uri, legs, wav):
        yield callee.process.pid


@contextmanager
def many_legs_theirs(wav: Path, legs: int) -> Iterator[int]:
    """*legs* calls answered by one baresip; gives its process id."""
    with baresip(wav, calls=legs) as callee, many_legs(callee.uri, legs, wav):
        yield callee.pid


def window(process: AbstractContextManager[int], seconds: float) -> Cost:
    """Measure one process while its calls stand."""
    with process as pid:
        time.sleep(SETTLE_S)
        return measure({"": pid}, seconds)[""]


def compare(
    name: str,
    ours: Callable[[], AbstractContextManager[int]],
    theirs: Callable[[], AbstractContextManager[int]],
    *,
    legs: tuple[int, int],
    rounds: int,
    seconds: float,
) -> float:
    """Print each round; return the median ratio of CPU per leg, ours to baresip's."""
    print(f"{name}: {legs[0]} of ours, {legs[1]} of baresip's, {rounds} rounds of {seconds:g} s")
    ratios = []
    for number in range(rounds):
        costs: dict[str, Cost] = {}
        order = [("ours", ours), ("baresip", theirs)]
        for who, make in order if number % 2 == 0 else order[::-1]:
            costs[who] = window(make(), seconds)
        for who, count in (("ours", legs[0]), ("baresip", legs[1])):
            print(f"  {who:8s} {costs[who].cpu_ms_per_s / count:6.2f} ms/s a leg   {costs[who]}")
        ratios.append(costs["ours"].cpu_ms_per_s / legs[0] / (costs["baresip"].cpu_ms_per_s / legs[1]))
    median = float(statistics.median(ratios))
    print(f"  ratio {median:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    return median


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--legs", type=int, default=60)
    parser.add_argument("--their-legs", type=int, default=30)
    parser.add_argument("--only", choices=("one", "many"))
    parser.add_argument("--status-line", action="store_true", help="let baresip print its status, as it does")
    given = parser.parse_args()
    if why := missing("baresip"):
        print(f"call_cost: nothing to compare with: {why}")
        return 0
    with tempfile.TemporaryDirectory(prefix="call-cost-") as name:
        folder = Path(name)
        wav = long_speech(folder, given.seconds + SETTLE_S + 30)
        common = {"rounds": given.rounds, "seconds": given.seconds}
        if given.only != "many":
            compare(
                "one leg, both directions recorded",
                lambda: one_leg_ours(wav, folder),
                lambda: one_leg_theirs(wav, status_line=given.status_line),
                legs=(1, 1),
                **common,
            )
        if given.only != "one":
            compare(
                "many legs in one process, no recording",
                lambda: many_legs_ours(wav, given.legs),
                lambda: many_legs_theirs(wav, given.their_legs),
                legs=(given.legs, given.their_legs),
                **common,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
