"""What measuring a voice costs: everything at 44.1 kHz beside Praat, the command's memory, and the live analysis.

python -m benchmarks.voice_cost [--rounds 5] [--minutes 5] [--hours 2] [--json FILE] [--smoke]

The vowel is a synthetic one with jitter, shimmer and noise; the speech is the bundled one, at 44.1 kHz. Praat, through
parselmouth, takes the same measures of the same samples in the same run; what of ours it has no counterpart for (HPR,
Hillenbrand's CPP, bandwidths, complexity, phonation time, what the task is) is not asked of it. Processor time is that of the
whole process.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from support.vowels import vowel

from benchmarks.figures import Figure, alternating, deliver, options, progress
from benchmarks.startup import command
from dsp.live_voice import LiveVoice
from dsp.phonation.phonation import VoiceSettings
from softphone.io.speech import speech_path
from softphone.scorer.voice import voice_result

RATE_HZ = 44_100
SPEECH = ("builtin:man", "builtin:woman")
BLOCK_S = 0.01
READS_PER_S = 20
TIMES_REAL_TIME = 60
VOWEL = Figure("vowel: everything, CPU for a second", "ms/s", at_most=1000 / TIMES_REAL_TIME)
TALK = Figure("speech: everything, CPU for a second", "ms/s", at_most=1000 / TIMES_REAL_TIME)
COMMAND = Figure(
    "softphone voice, minutes of speech: CPU for a second", "ms/s", at_most=1000 / TIMES_REAL_TIME
)
MEMORY = Figure("softphone voice, minutes of speech: largest memory", "MiB", at_most=120.0)
LONG = Figure("softphone voice, hours of speech: largest memory", "MiB")
LONG_CPU = Figure(
    "softphone voice, hours of speech: CPU for a second", "ms/s", at_most=1000 / TIMES_REAL_TIME
)
LIVE = Figure("live analysis of a vowel, 20 readings a second: share of a core", "%", at_most=3.0)
LIVE_TALK = Figure("live analysis of speech, 20 readings a second: share of a core", "%", at_most=3.0)

Sound = NDArray[np.float32]

LAUNCHER = """
import os, sys
nothing = os.open(os.devnull, os.O_RDWR)
actions = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, nothing, 1)]
_, status, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=actions), 0)
print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
"""Starts a command from a process that is small: the largest memory of a child begins with that of its parent."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording in memory."""

    samples: Sound
    sample_rate_hz: int = RATE_HZ
    channels: int = 1

    @property
    def size(self) -> int:
        return self.samples.size

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        return self.samples[None, start:stop]


def speech() -> Sound:
    """The bundled voices, one after the other."""
    parts = []
    for name in SPEECH:
        samples, rate_hz = soundfile.read(speech_path(name), dtype="float32")
        parts.append(soxr.resample(samples, rate_hz, RATE_HZ, "HQ"))
    return np.concatenate(parts).astype(np.float32)


def held(seconds: float) -> Sound:
    """A vowel."""
    return vowel(130.0, seconds=seconds, jitter_pct=0.6, shimmer_pct=4.0, hnr_db=22.0).samples


def cpu_s(work: Callable[[], Any]) -> float:
    """Processor time of *work*."""
    start = time.process_time()
    work()
    return time.process_time() - start


def praat() -> tuple[Callable[[Sound], Any] | None, str]:
    """What takes Praat's measures, and its name; None and the reason where it is not installed."""
    try:
        import parselmouth
        from support.praat_voice import praat_figures
    except ImportError as error:
        return None, f"parselmouth is not installed: {error}"
    return (
        lambda samples: praat_figures(samples, RATE_HZ)
    ), f"Praat {parselmouth.PRAAT_VERSION} (parselmouth {parselmouth.__version__})"


def in_turns(figure: Figure, samples: Sound, rounds: int) -> Figure:
    """Ours and Praat's, of the same samples."""
    theirs, name = praat()
    works = {"ours": lambda: voice_result(Heard(samples), settings=VoiceSettings())}
    if theirs is not None:
        works["theirs"] = lambda: theirs(samples)
    for work in works.values():
        work()
    spent: dict[str, list[float]] = {which: [] for which in works}
    for number in range(rounds):
        for which in alternating(("ours", "theirs"), number):
            if which in works:
                spent[which].append(1000.0 * RATE_HZ / samples.size * cpu_s(works[which]))
    return figure.measured(spent["ours"], spent.get("theirs", ()), peer=name if theirs is not None else "")


def live_share_pct(samples: Sound) -> float:
    """Of a core, for blocks as a device gives them and readings as a page wants them."""
    voice = LiveVoice(RATE_HZ)
    block = round(BLOCK_S * RATE_HZ)
    every = round(1.0 / READS_PER_S / BLOCK_S)

    def listen() -> None:
        for number, start in enumerate(range(0, samples.size - block + 1, block), start=1):
            voice.process(samples[None, start : start + block])
            if number % every == 0:
                voice.read()
                voice.vowel()

    return 100.0 * cpu_s(listen) * RATE_HZ / samples.size


def spent_by(words: Sequence[str]) -> tuple[float, float]:
    """(CPU s, largest MiB) of a command.

    Raises:
        RuntimeError: it failed.
    """
    launch = (sys.executable, "-S", "-c", LAUNCHER, *words)
    told = subprocess.run(launch, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
    status, spent, memory = told.stdout.split()
    if status != "0":
        raise RuntimeError(f"{' '.join(words)} ended with status {status}")
    return float(spent), float(memory) / (2**20 if sys.platform == "darwin" else 2**10)


def of_command(folder: Path, part: Sound, seconds: float) -> tuple[float, float]:
    """CPU in ms for a second, and the largest memory in MiB, of the command that measures *seconds* of *part* over and over."""
    path = folder / "voice.wav"
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, "PCM_16") as file:
        left = round(seconds * RATE_HZ)
        while left > 0:
            file.write(part[:left])
            left -= part.size
    spent, mib = spent_by((*command(), "voice", str(path), "--json"))
    path.unlink()
    return 1000.0 * spent / seconds, mib


def in_commands(part: Sound, rounds: int, minutes: float, hours: float) -> list[Figure]:
    """What a user pays; start of Python and of numpy included."""
    with tempfile.TemporaryDirectory() as name:
        progress(f"voice_cost: {minutes:g} minutes")
        some = [of_command(Path(name), part, 60.0 * minutes) for _ in range(rounds)]
        progress(f"voice_cost: {hours:g} hours")
        long = of_command(Path(name), part, 3600.0 * hours)
    return [
        COMMAND.measured([spent for spent, _ in some]),
        MEMORY.measured([mib for _, mib in some]),
        LONG_CPU.measured([long[0]]),
        LONG.measured([long[1]]),
    ]


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--hours", type=float, default=2.0)
    given = parser.parse_args()
    seconds = 20.0
    if given.smoke:
        given.rounds, given.minutes, given.hours, seconds = 1, 0.05, 0.015, 2.0
    talk = speech()
    talk = talk[: round(2.0 * RATE_HZ)] if given.smoke else talk
    found = in_commands(talk, min(given.rounds, 3), given.minutes, given.hours)
    progress("voice_cost: vowel")
    sound = held(seconds)
    found.append(in_turns(VOWEL, sound, given.rounds))
    progress("voice_cost: speech")
    found.append(in_turns(TALK, talk, given.rounds))
    progress("voice_cost: live")
    found.append(LIVE.measured([live_share_pct(sound) for _ in range(given.rounds)]))
    found.append(LIVE_TALK.measured([live_share_pct(talk) for _ in range(given.rounds)]))
    return deliver(found, given.json)


if __name__ == "__main__":
    sys.exit(main())
