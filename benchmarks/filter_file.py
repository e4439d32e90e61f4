"""A ten-minute file through eight biquads, beside FFmpeg and SoX; and what importing all filters takes.

python -m benchmarks.filter_file [--rounds 5] [--minutes 10] [--json FILE] [--smoke]

48 kHz, mono, 16 bit in and out. The whole process is timed by the clock. The time of the filter alone is
processor time, less that of a plain copy of the file by the same tool in the same round.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from benchmarks.figures import Figure, alternating, deliver, options, progress
from benchmarks.signals import BANDS, speech_of
from benchmarks.startup import command

RATE_HZ = 48_000
IMPORT = Figure("import dsp.filters, beyond numpy", "ms", at_most=30.0)
LEAST_S = 1e-4
"""A filter that takes less than the clock shows is taken to take this."""

PRESET = "\n".join(
    ['about = "Eight peaks"', "[[filter]]", 'type = "parametric-eq"']
    + [
        f'[[filter.bands]]\nkind = "peaking"\nfreq_hz = {freq_hz}\nq = {q}\ngain_db = {gain_db}'
        for freq_hz, q, gain_db in BANDS
    ]
)
NOTHING = 'about = "A copy"\n'


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process took."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that filters files."""

    name: str
    filtering: Sequence[str]
    copying: Sequence[str]


def spent_by(words: Sequence[str]) -> Spent:
    """Run a command to its end; raises RuntimeError if it fails."""
    start = time.monotonic()
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"exit status {process.returncode} of {' '.join(words)}")
    return Spent(time.monotonic() - start, used.ru_utime + used.ru_stime)


def ours(folder: Path) -> Tool:
    """Return the installed command."""
    for name, text in (("peaks", PRESET), ("copy", NOTHING)):
        (folder / f"{name}.toml").write_text(text)
    there = (str(folder / "in.wav"), str(folder / "ours.wav"), "--force")
    return Tool(
        "softphone filter",
        (*command(), "filter", str(folder / "peaks.toml"), *there),
        (*command(), "filter", str(folder / "copy.toml"), *there),
    )


def ffmpeg(folder: Path) -> Tool:
    words = ("ffmpeg", "-y", "-v", "error", "-i", str(folder / "in.wav"))
    bands = ",".join(f"equalizer=f={freq_hz}:t=q:w={q}:g={gain_db}" for freq_hz, q, gain_db in BANDS)
    out = str(folder / "ffmpeg.wav")
    # An explicit encoder: otherwise a copy would not pass through samples at all.
    return Tool(
        version("ffmpeg", "-version"),
        (*words, "-af", bands, "-c:a", "pcm_s16le", out),
        (*words, "-c:a", "pcm_s16le", out),
    )


def sox(folder: Path) -> Tool:
    words = ("sox", "-D", str(folder / "in.wav"), str(folder / "sox.wav"))
    bands = [word for f, q, g in BANDS for word in ("equalizer", str(f), f"{q}q", str(g))]
    return Tool(version("sox", "--version"), (*words, *bands), words)


def version(program: str, option: str) -> str:
    """Return name and version as the program says them."""
    said = subprocess.run([program, option], capture_output=True, text=True, check=False, timeout=10).stdout
    number = next((word for word in said.split() if word.strip("vV")[:1].isdigit()), "")
    return f"{program} {number}".strip()


PEERS: dict[str, Callable[[Path], Tool]] = {"ffmpeg": ffmpeg, "sox": sox}


def import_ms() -> float:
    """Return what importing all filters takes after numpy, in a process of its own."""
    code = "import time, numpy; t = time.perf_counter(); import dsp.filters; print(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout) * 1e3


def figures(rounds: int, samples: int) -> list[Figure]:
    """Measure all tools in turn, round after round."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        soundfile.write(folder / "in.wav", speech_of(samples, RATE_HZ), RATE_HZ, subtype="PCM_16")
        peers = {program: make(folder) for program, make in PEERS.items() if shutil.which(program)}
        tools = {"ours": ours(folder), **peers}
        whole: dict[str, list[float]] = {key: [] for key in tools}
        alone: dict[str, list[float]] = {key: [] for key in tools}
        imports = []
        for number in range(rounds):
            progress(f"filter_file: round {number + 1} of {rounds}")
            order = list(tools) if number % 2 == 0 else list(reversed(tools))
            for key in order:
                first, second = alternating((tools[key].filtering, tools[key].copying), number)
                took = {first: spent_by(first), second: spent_by(second)}
                filtering, copying = took[tools[key].filtering], took[tools[key].copying]
                whole[key].append(filtering.wall_s)
                alone[key].append(max(filtering.cpu_s - copying.cpu_s, LEAST_S))
            imports.append(import_ms())
    found = [IMPORT.measured(imports)]
    for program in PEERS:
        # The targets are against FFmpeg, the faster one.
        wanted = program == "ffmpeg"
        for what, unit, values, at_most in (
            ("whole process", "s", whole, 1.0),
            ("filter alone, processor time", "s", alone, 0.2),
        ):
            figure = Figure(
                f"{samples / RATE_HZ:g} s through 8 biquads: {what}, {program}",
                unit,
                at_most=at_most if wanted else None,
                of="ratio",
            )
            if program in tools:
                found.append(figure.measured(values["ours"], values[program], peer=tools[program].name))
            else:
                found.append(figure.skip(f"{program} is not installed"))
    return found


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=10.0)
    given = parser.parse_args()
    rounds, seconds = (1, 2.0) if given.smoke else (given.rounds, 60.0 * given.minutes)
    return deliver(figures(rounds, round(seconds * RATE_HZ)), given.json)


if __name__ == "__main__":
    sys.exit(main())
