"""What scoring costs: a short pair, a long one, an hour, the import, and many pairs with one process and with two.

python -m benchmarks.scoring_cost [--rounds 5] [--minutes 60] [--pairs 200] [--speech FILE ...] [--json FILE] [--smoke]

The recording is the speech late by three seconds through G.711 with the noise of a line; each time it is said again it is
said a little faster or slower, so that no two parts of an hour are alike. Processor time is that of the whole
process, the import of Python and numpy included where a command is named.
"""

import csv
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from support.misalign import g711

from benchmarks.figures import Figure, deliver, options, progress
from benchmarks.startup import command, run
from dsp.alignment import align, utterances, warped
from dsp.metrics import visqol
from dsp.track import ArrayTrack
from softphone.io.speech import speech_path
from softphone.scorer.session import score_tracks

RATE_HZ = 16_000
SPEECH = ("builtin:man", "builtin:woman")
SHORT_S, LATE_S = 8.0, 3.0
NOISE_DBOV = -65.0
IMPORT = Figure("import of the scorer", "s", at_most=0.5)
SHORT = Figure("8 s pair: alignment and ViSQOL, CPU for a second", "ms/s", at_most=1000 / 80)
WHOLE = Figure("8 s pair: everything, CPU for a second", "ms/s")
COMMAND = Figure("softphone score, 8 s pair, from start to end", "s", at_most=0.6)
LONG = Figure("10 minutes: alignment and ViSQOL, CPU for a second", "ms/s", at_most=1000 / 100)
HOUR_CPU = Figure("long recording: everything, CPU for an hour", "s", at_most=60.0)
HOUR_RSS = Figure("long recording: largest memory", "MiB", at_most=300.0)
BATCH = Figure("many pairs with two processes, to the time of one", "s", at_most=1 / 1.8, of="ratio")


def speech_of(files: Sequence[str], seconds: float) -> np.ndarray:
    """*seconds* of speech, no part of it like another."""
    clips = [soundfile.read(speech_path(name), dtype="float32")[0] for name in files]
    rng = np.random.default_rng(1)
    parts: list[np.ndarray] = []
    have = 0
    while have < seconds * RATE_HZ:
        clip = clips[len(parts) % len(clips)]
        part = clip
        if len(parts) >= len(clips):
            part = soxr.resample(clip, RATE_HZ * float(rng.uniform(0.85, 1.15)), RATE_HZ)
        parts.append(np.concatenate((part, np.zeros(RATE_HZ // 2))).astype(np.float32))
        have += parts[-1].size
    return np.concatenate(parts)[: round(seconds * RATE_HZ)]


def heard_of(said: np.ndarray) -> np.ndarray:
    """What comes out of the line."""
    noise = 10 ** (NOISE_DBOV / 20) * np.random.default_rng(2).standard_normal(
        said.size + round(LATE_S * RATE_HZ)
    )
    noise[round(LATE_S * RATE_HZ) :] += g711(said, RATE_HZ)
    return noise.astype(np.float32)


def cpu_s(work: Callable[[], Any]) -> float:
    """Processor time of *work*."""
    start = time.process_time()
    work()
    return time.process_time() - start


def aligned_and_judged(said: ArrayTrack, heard: ArrayTrack) -> float:
    """The least that a score takes."""
    found = align(said, heard)
    utterances(said)
    before, after = warped(said, heard, found, copy=0, start=0, stop=said.size)
    return visqol.mos_of(visqol.patches(before, after, said.sample_rate_hz))


def spent_by(words: Sequence[str]) -> tuple[float, float]:
    """(CPU s, largest MiB) of a command."""
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} ended with status {process.returncode}")
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale


def batch_s(folder: Path, heard: Path, said: Path, count: int, workers: int) -> float:
    """Seconds for *count* pairs."""
    pairs, scores = folder / "pairs.csv", folder / "scores.csv"
    with pairs.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("degraded", "reference"))
        for number in range(count):
            name = folder / f"heard-{number}.wav"
            if not name.exists():
                os.link(heard, name)
            rows.writerow((name.name, said))
    words = (
        "score",
        "--pairs",
        str(pairs),
        "--out",
        str(scores),
        "--workers",
        str(workers),
        "--force",
        "--json",
    )
    start = time.monotonic()
    done = subprocess.run([*command(), *words], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    seconds = time.monotonic() - start
    if json.loads(done.stdout)["scored"] != count:
        raise RuntimeError(f"not all of {count} pairs were scored: {done.stdout.decode()}")
    return seconds


def write_pair(files: Sequence[str], seconds: float, said: Path, heard: Path) -> None:
    """Write speech, and what is heard of it."""
    speech = speech_of(files, seconds)
    soundfile.write(said, speech, RATE_HZ)
    soundfile.write(heard, heard_of(speech), RATE_HZ)


def in_commands(files: Sequence[str], rounds: int, minutes: float, count: int) -> list[Figure]:
    """What a user waits for, in processes of their own.

    Before all else, while this one is small: a child's largest memory begins with that of its parent.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sent, got = folder / "said.wav", folder / "heard.wav"
        write_pair(files, SHORT_S, sent, got)
        progress("scoring_cost: commands")
        imports = (sys.executable, "-P", "-c", "import softphone.io.score_file")
        arguments = ("score", str(got), "--reference", str(sent), "--json")
        found = [
            IMPORT.measured([run(*imports) for _ in range(rounds)]),
            COMMAND.measured([run(*command(), *arguments) for _ in range(rounds)]),
        ]
        progress(f"scoring_cost: {minutes:g} minutes")
        hour = folder / "hour-said.wav", folder / "hour-heard.wav"
        spawn = multiprocessing.get_context("spawn")
        maker = spawn.Process(target=write_pair, args=(files, 60 * minutes, *hour))
        maker.start()
        maker.join()
        spent, mib = spent_by((*command(), "score", str(hour[1]), "--reference", str(hour[0]), "--json"))
        found += [HOUR_CPU.measured([spent * 60 / minutes]), HOUR_RSS.measured([mib])]
        progress(f"scoring_cost: {count} pairs")
        one, two = (batch_s(folder, got, sent, count, workers) for workers in (1, 2))
        return [*found, BATCH.measured([two], [one], peer="one process")]


def in_this_process(files: Sequence[str], rounds: int, minutes: float) -> list[Figure]:
    """What the scorer itself takes."""
    said = speech_of(files, SHORT_S)
    tracks = ArrayTrack(said, RATE_HZ), ArrayTrack(heard_of(said), RATE_HZ)
    progress("scoring_cost: short pair")
    aligned_and_judged(*tracks)
    score_tracks(*tracks)
    short = [1000 / SHORT_S * cpu_s(lambda: aligned_and_judged(*tracks)) for _ in range(rounds)]
    whole = [1000 / SHORT_S * cpu_s(lambda: score_tracks(*tracks)) for _ in range(rounds)]
    progress("scoring_cost: ten minutes")
    long = speech_of(files, min(600.0, 60 * minutes))
    long_tracks = ArrayTrack(long, RATE_HZ), ArrayTrack(heard_of(long), RATE_HZ)
    of_long = 1000 * RATE_HZ / long.size * cpu_s(lambda: aligned_and_judged(*long_tracks))
    progress(f"scoring_cost: a short pair at {1000 / statistics.median(short):.0f} times real time")
    return [SHORT.measured(short), WHOLE.measured(whole), LONG.measured([of_long])]


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--speech", nargs="+", default=SPEECH, metavar="FILE")
    given = parser.parse_args()
    if given.smoke:
        given.rounds, given.minutes, given.pairs = 1, 0.3, 2
    found = in_commands(given.speech, given.rounds, given.minutes, given.pairs)
    found += in_this_process(given.speech, given.rounds, given.minutes)
    return deliver(found, given.json)


if __name__ == "__main__":
    sys.exit(main())
