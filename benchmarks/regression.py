"""Whether a kernel has become slower, by its ratio to SciPy against the stored one.

python -m benchmarks.regression [--store] [--rounds 80]

Seconds say nothing on another machine, nor on this one when it is busy. So each kernel is timed beside SciPy
doing the same work, two milliseconds each in turn, and what is compared is ours / SciPy's: what slows the
machine slows both. The ratio is taken twice, as the median over the rounds and from the best time of each; the
exit status is 1 only if both are worse than stored by `FACTOR`. Noise that hits one side in most rounds and
in the best one alike is not to be expected; a lost vector path, a copy or a loop in Python is worse than that.

A CPU without AVX2 runs other code than what was stored: there the table is printed and nothing is judged.
`benchmarks/baseline.json` is written by `--store`, on a quiet machine.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import signal

from benchmarks.signals import over, peaks, speech_blocks, speech_of
from benchmarks.twins import all_pass, by_scipy, one_pole, overlap_add
from dsp._native import BiquadCascade, Envelope
from dsp.convolution import Convolver
from dsp.resample import StreamResampler

BASELINE = Path(__file__).with_name("baseline.json")
FACTOR = 2.0
"""How much worse than stored is a regression."""
TURN_S = 0.002
"""How long one side is timed in a round."""

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Pair:
    """One kernel and the same work in SciPy."""

    name: str
    ours: Work
    scipys: Work


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours to SciPy's, less than 1 is faster."""

    median: float
    best: float

    def worse_by(self, stored: float) -> float:
        """How many times the stored ratio this is, at the least."""
        return min(self.median, self.best) / stored


def biquads(sections: int, size: int) -> Pair:
    cascade, block, filtered = BiquadCascade(all_pass(sections)), speech_of(size), by_scipy(sections)
    return Pair(f"biquad_{sections}x{size}", lambda: cascade.process(block), lambda: filtered(block))


def two_channels() -> Pair:
    cascade = BiquadCascade(all_pass(8), 2)
    block = np.stack([speech_of(960), speech_of(960)])
    sos, state = peaks(8), np.zeros((8, 2, 2))

    def filtered() -> None:
        _, state[:] = signal.sosfilt(sos, block, zi=state)

    return Pair("biquad_8x2x960", lambda: cascade.process(block), filtered)


def convolution(taps: int) -> Pair:
    response = np.zeros(taps, dtype=np.float32)
    response[-1] = 1.0  # keeps every level, so that the blocks may go round and round
    convolver, blocks = Convolver(response), speech_blocks(960, 48_000)
    ours = over([block.reshape(1, -1) for block in blocks], convolver.process)
    return Pair(f"convolve_{taps}x960", ours, over(speech_blocks(960, 48_000), overlap_add(response, 960)))


def resampling() -> Pair:
    resampler, blocks = StreamResampler(16_000, 48_000), speech_blocks(960)
    return Pair(
        "resample_16k_to_48k_960",
        over(blocks, resampler.process),
        over(blocks, lambda block: signal.resample_poly(block, 3, 1)),
    )


def envelope() -> Pair:
    follower, out, blocks = (
        Envelope(48.0, 4800.0),
        np.zeros(960, dtype=np.float32),
        speech_blocks(960, 48_000),
    )
    rows = [block.reshape(1, -1) for block in blocks]
    return Pair(
        "envelope_1x960", over(rows, lambda row: follower.follow(row, out)), over(blocks, one_pole(4800.0))
    )


def pairs() -> list[Pair]:
    """Return all that is compared."""
    sizes = ((1, 160), (8, 160), (8, 960), (8, 48_000))
    return [
        *(biquads(sections, size) for sections, size in sizes),
        two_channels(),
        convolution(512),
        convolution(4096),
        resampling(),
        envelope(),
    ]


def calls_for(work: Work, seconds: float) -> int:
    """Return how often *work* can be done in that time, at least once."""
    work()
    count = 1
    while (took := timed(work, count)) < seconds / 4:
        count *= 2
    return max(1, round(count * seconds / took))


def timed(work: Work, calls: int) -> float:
    """Return the seconds of this thread on a processor that so many calls take: what others run counts on no side."""
    start = time.thread_time()
    for _ in range(calls):
        work()
    return time.thread_time() - start


def ratio_of(pair: Pair, rounds: int) -> Ratio:
    """Time both sides in turn, round after round."""
    our_calls, their_calls = calls_for(pair.ours, TURN_S), calls_for(pair.scipys, TURN_S)
    ours, theirs = [], []
    for number in range(rounds):
        if number % 2 == 0:
            ours.append(timed(pair.ours, our_calls) / our_calls)
            theirs.append(timed(pair.scipys, their_calls) / their_calls)
        else:
            theirs.append(timed(pair.scipys, their_calls) / their_calls)
            ours.append(timed(pair.ours, our_calls) / our_calls)
    each = [a / b for a, b in zip(ours, theirs, strict=True)]
    return Ratio(statistics.median(each), min(ours) / min(theirs))


def regressions(found: Mapping[str, Ratio], stored: Mapping[str, float]) -> list[str]:
    """Return the names of what has become worse by `FACTOR`."""
    return [
        name for name, ratio in found.items() if name in stored and ratio.worse_by(stored[name]) >= FACTOR
    ]


def table(found: Mapping[str, Ratio], stored: Mapping[str, float]) -> str:
    """Return all as text, one row each."""
    rows = [("kernel", "ours / SciPy now", "best of each", "stored", "change")]
    for name, ratio in found.items():
        before = stored.get(name)
        change = "new" if before is None else f"{ratio.median / before - 1.0:+.0%}"
        kept = "" if before is None else f"{before:.4f}"
        rows.append((name, f"{ratio.median:.4f}", f"{ratio.best:.4f}", kept, change))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def load(path: Path = BASELINE) -> dict[str, float]:
    """Return the stored ratios."""
    ratios = json.loads(path.read_text())["ratios"]
    return {str(name): float(ratio) for name, ratio in ratios.items()}


def store(found: Mapping[str, Ratio], path: Path = BASELINE) -> None:
    """Write the median ratios, and where they were measured."""
    measured = {
        "what": "ours / SciPy, median; written by python -m benchmarks.regression --store",
        "machine": platform.machine(),
        "path": BiquadCascade(peaks(8)).path,
        "ratios": {name: round(ratio.median, 5) for name, ratio in found.items()},
    }
    path.write_text(json.dumps(measured, indent=1) + "\n")


def has_vectors() -> bool:
    """Whether this CPU runs the code that the baseline is of."""
    return BiquadCascade(peaks(8)).path != "scalar"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", action="store_true", help="write the ratios as the new baseline")
    parser.add_argument("--rounds", type=int, default=80)
    given = parser.parse_args(arguments)
    found = {pair.name: ratio_of(pair, given.rounds) for pair in pairs()}
    if given.store:
        store(found)
    stored = load()
    print(table(found, stored))
    if not has_vectors():
        print("not judged: this CPU lacks the vector instructions of the baseline")
        return 0
    worse = regressions(found, stored)
    for name in worse:
        print(f"{name}: {found[name].worse_by(stored[name]):.1f} times the stored ratio")
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main())
