"""What a call costs, beside baresip with the same codec settings: Opus 16 kb/s, 60 ms, complexity 5.

One leg: each program in turn calls the same kind of peer, sends speech, and records both directions.
Many legs: each program answers many calls in one process, and records none. A leg of ours is
compared with a leg of baresip's, in rounds in which both are measured, one after the other.

python -m benchmarks.call_cost [--seconds 10] [--rounds 5] [--legs 60] [--their-legs 30] [--only one|many]
                               [--status-line] [--json FILE] [--smoke]
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soxr
from support.command import Answering, Calling
from support.peers import Baresip, read_wav, write_wav

from benchmarks import ROOT
from benchmarks.figures import (
    Figure,
    alternating,
    baresip_missing,
    baresip_name,
    deliver,
    options,
    progress,
)
from benchmarks.process_cost import Cost, measure

BIT_RATE_BPS, PTIME_MS, COMPLEXITY = 16_000, 60, 5
OURS = (
    "--codec", f"opus:{BIT_RATE_BPS}", "--ptime", str(PTIME_MS), "--complexity", str(COMPLEXITY),
)  # fmt: skip
ONE_LEG = Figure("CPU of one leg, both directions recorded", "ms/s", at_most=0.8, of="ratio")
MEMORY = Figure("memory of that leg (RSS)", "MiB", at_most=50)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    rounds: int = 5
    seconds: float = 10.0
    settle_s: float = 2.0
    """After the call stands: imports, buffers and codec tables are done."""
    legs: int = 60
    their_legs: int = 30


SMOKE = Scale(rounds=1, seconds=1.0, settle_s=0.5, legs=4, their_legs=2)


def many_legs_figure(scale: Scale) -> Figure:
    """Return the row of many legs, without values."""
    name = f"CPU of a leg, {scale.legs} in one process beside {scale.their_legs} of the peer's"
    return Figure(name, "ms/s", at_most=0.5, of="ratio")


def long_speech(folder: Path, seconds: float) -> Path:
    """Write bundled speech, again and again, at the rate baresip wants."""
    speech = ROOT / "softphone" / "data" / "speech" / "man.wav"
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
        still_standing(peer)


@contextmanager
def one_leg_theirs(wav: Path, *, status_line: bool) -> Iterator[int]:
    """One call of baresip to baresip; gives the caller's process id."""
    with baresip(wav) as peer, baresip(wav, dial=peer.uri, record=True, status_line=status_line) as call:
        peer.wait_for("Call established", 10)
        yield call.pid
        still_standing(peer)


@contextmanager
def many_legs(uri: str, legs: int) -> Iterator[None]:
    """*legs* calls to *uri*, from a load that costs little (`benchmarks.load`)."""
    command = [sys.executable, "-m", "benchmarks.load", uri, str(legs)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as load:
        assert load.stdin is not None
        assert load.stdout is not None
        try:
            if load.stdout.readline() != "standing\n":
                raise RuntimeError(f"{legs} calls to {uri} do not stand")
            yield
            if load.poll() is not None:
                raise RuntimeError(f"the load ended with status {load.returncode} while it was measured")
        finally:
            load.stdin.close()
            try:
                load.wait(30)
            except subprocess.TimeoutExpired:
                load.kill()


@contextmanager
def many_legs_ours(legs: int) -> Iterator[int]:
    """*legs* calls answered by one process of ours; gives its id."""
    with Answering(*OURS) as callee, many_legs(callee.uri, legs):
        yield callee.process.pid


@contextmanager
def many_legs_theirs(wav: Path, legs: int) -> Iterator[int]:
    """*legs* calls answered by one baresip; gives its process id."""
    with baresip(wav, calls=legs) as callee, many_legs(callee.uri, legs):
        yield callee.pid
        still_standing(callee)


def still_standing(peer: Baresip) -> None:
    """Raise RuntimeError if a call of *peer* has ended: one that is gone costs nothing."""
    if "terminated (duration" in peer.log:
        raise RuntimeError(f"a call ended while it was measured:\n{peer.log[-1000:]}")


def window(process: AbstractContextManager[int], scale: Scale) -> Cost:
    """Measure one process while its calls stand."""
    with process as pid:
        time.sleep(scale.settle_s)
        return measure({"": pid}, scale.seconds)[""]


def rounds_of(
    name: str,
    ours: Callable[[], AbstractContextManager[int]],
    theirs: Callable[[], AbstractContextManager[int]],
    scale: Scale,
) -> tuple[list[Cost], list[Cost]]:
    """Measure both once a round; return what ours cost, and what baresip did."""
    costs: tuple[list[Cost], list[Cost]] = ([], [])
    for number in range(scale.rounds):
        pairs = (("ours", costs[0], ours), ("baresip", costs[1], theirs))
        for who, taken, make in alternating(pairs, number):
            taken.append(window(make(), scale))
            progress(f"{name}, round {number + 1} of {scale.rounds}: {who:8s} {taken[-1]}")
    return costs


def one_leg(wav: Path, folder: Path, scale: Scale, *, status_line: bool = False) -> list[Figure]:
    """Return CPU and memory of one leg."""
    make_ours = partial(one_leg_ours, wav, folder)
    make_theirs = partial(one_leg_theirs, wav, status_line=status_line)
    ours, theirs = rounds_of("one leg", make_ours, make_theirs, scale)
    peer = baresip_name()
    return [
        ONE_LEG.measured([c.cpu_ms_per_s for c in ours], [c.cpu_ms_per_s for c in theirs], peer=peer),
        MEMORY.measured([c.rss_mib for c in ours], [c.rss_mib for c in theirs], peer=peer),
    ]


def many(wav: Path, scale: Scale) -> list[Figure]:
    """Return CPU a leg, of many."""
    make_ours = partial(many_legs_ours, scale.legs)
    make_theirs = partial(many_legs_theirs, wav, scale.their_legs)
    ours, theirs = rounds_of("many legs", make_ours, make_theirs, scale)
    return [
        many_legs_figure(scale).measured(
            [cost.cpu_ms_per_s / scale.legs for cost in ours],
            [cost.cpu_ms_per_s / scale.their_legs for cost in theirs],
            peer=baresip_name(),
        )
    ]


def figures(scale: Scale, *, only: str | None = None, status_line: bool = False) -> list[Figure]:
    """Measure; without baresip, or /proc, say why not."""
    why = baresip_missing() if sys.platform == "linux" else "CPU is read in the /proc of Linux"
    if why:
        return [figure.skip(why) for figure in (ONE_LEG, MEMORY, many_legs_figure(scale))]
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="call-cost-") as name:
        folder = Path(name)
        wav = long_speech(folder, scale.seconds + scale.settle_s + 30)
        if only != "many":
            found += one_leg(wav, folder, scale, status_line=status_line)
        if only != "one":
            found += many(wav, scale)
    return found


def main() -> int:
    parser = options(__doc__)
    usual = Scale()
    parser.add_argument("--seconds", type=float, default=usual.seconds)
    parser.add_argument("--rounds", type=int, default=usual.rounds)
    parser.add_argument("--legs", type=int, default=usual.legs)
    parser.add_argument("--their-legs", type=int, default=usual.their_legs)
    parser.add_argument("--only", choices=("one", "many"))
    parser.add_argument("--status-line", action="store_true", help="let baresip print its status, as it does")
    given = parser.parse_args()
    scale = Scale(given.rounds, given.seconds, usual.settle_s, given.legs, given.their_legs)
    found = figures(SMOKE if given.smoke else scale, only=given.only, status_line=given.status_line)
    return deliver(found, given.json)


if __name__ == "__main__":
    sys.exit(main())
