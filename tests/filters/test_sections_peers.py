"""The same sections in SoX and FFmpeg: their output, aligned, differs from ours by -90 dB or less."""

import math
import os
import subprocess
from typing import Any

import numpy as np
import pytest
from support.peers import missing

from dsp.filters import Setting, filters
from dsp.params import from_mapping
from dsp.types import Block

pytestmark = pytest.mark.interop

RATE_HZ = 48_000
Q = math.sqrt(0.5)
MOST_DB = -90.0

CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "lowpass": ({"freq_hz": 1000.0, "q": 2.0}, "lowpass 1000 2q", "lowpass=f=1000:t=q:w=2"),
    "highpass": ({"freq_hz": 300.0, "q": 0.5}, "highpass 300 0.5q", "highpass=f=300:t=q:w=0.5"),
    "bandpass": ({"freq_hz": 1500.0, "q": 3.0}, "bandpass 1500 3q", "bandpass=f=1500:t=q:w=3"),
    "bandpass-skirt": ({"freq_hz": 1500.0, "q": 3.0}, "bandpass -c 1500 3q", "bandpass=f=1500:t=q:w=3:csg=1"),
    "notch": ({"freq_hz": 50.0, "q": 30.0}, "bandreject 50 30q", "bandreject=f=50:t=q:w=30"),
    "allpass": ({"freq_hz": 2000.0, "q": 1.0}, "allpass 2000 1q", "allpass=f=2000:t=q:w=1"),
    "peaking": (
        {"freq_hz": 3000.0, "q": 1.5, "gain_db": -8.0},
        "equalizer 3000 1.5q -8",
        "equalizer=f=3000:t=q:w=1.5:g=-8",
    ),
    "low-shelf": (
        {"freq_hz": 200.0, "q": 0.9, "gain_db": 7.0},
        "bass 7 200 0.9q",
        "lowshelf=f=200:t=q:w=0.9:g=7",
    ),
    "high-shelf": (
        {"freq_hz": 6000.0, "q": 0.6, "gain_db": -9.0},
        "treble -9 6000 0.6q",
        "highshelf=f=6000:t=q:w=0.6:g=-9",
    ),
}


def run(program: str, arguments: list[str], sound: Block) -> Block:
    """*sound* through a program that reads and writes raw float32."""
    reason = missing(program)
    if reason is not None:
        if os.environ.get("SOFTPHONE_PEERS_REQUIRED"):
            pytest.fail(f"SOFTPHONE_PEERS_REQUIRED is set, but {reason}")
        pytest.skip(reason)
    done = subprocess.run(
        [program, *arguments], input=sound.tobytes(), capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return np.frombuffer(done.stdout, dtype="<f4")[np.newaxis]


def sox(effect: str, sound: Block) -> Block:
    raw = ["-t", "raw", "-e", "floating-point", "-b", "32", "-L", "-r", str(RATE_HZ), "-c", "1", "-"]
    return run("sox", ["-D", *raw, *raw, *effect.split()], sound)


def ffmpeg(graph: str, sound: Block) -> Block:
    raw = ["-f", "f32le", "-ar", str(RATE_HZ), "-ac", "1"]
    quiet = ["-hide_banner", "-loglevel", "error", "-nostdin"]
    return run("ffmpeg", [*quiet, *raw, "-i", "pipe:0", "-af", graph, *raw, "pipe:1"], sound)


def ours(name: str, values: dict[str, Any], sound: Block) -> Block:
    spec = filters.get(name)
    return spec.build(from_mapping(spec.params, values), Setting(RATE_HZ, 1)).process(sound.copy())


def noise() -> Block:
    return (0.05 * np.random.default_rng(4).standard_normal((1, RATE_HZ))).astype(np.float32)


def error_db(theirs: Block, found: Block) -> float:
    assert theirs.shape == found.shape
    wanted = theirs.astype(np.float64)
    return float(10 * np.log10(np.sum((wanted - found) ** 2) / np.sum(wanted**2) + 1e-30))


@pytest.mark.parametrize("kind", CASES)
def test_sox_gives_the_same(kind: str) -> None:
    values, effect, _ = CASES[kind]
    sound = noise()
    assert error_db(sox(effect, sound), ours("biquad", {"kind": kind} | values, sound)) < MOST_DB


@pytest.mark.parametrize("kind", CASES)
def test_ffmpeg_gives_the_same(kind: str) -> None:
    values, _, graph = CASES[kind]
    sound = noise()
    theirs = ffmpeg(f"{graph}:precision=f64", sound)
    assert error_db(theirs, ours("biquad", {"kind": kind} | values, sound)) < MOST_DB


def test_sox_and_ffmpeg_give_the_same_parametric_equaliser() -> None:
    """Eight bands in a row."""
    kinds = ["highpass", "low-shelf", "peaking", "notch", "allpass", "peaking", "high-shelf", "lowpass"]
    bands = [{"kind": kind, "q": Q} | CASES[kind][0] for kind in kinds]
    sound = noise()
    found = ours("parametric-eq", {"bands": bands}, sound)
    assert error_db(sox(" ".join(CASES[kind][1] for kind in kinds), sound), found) < MOST_DB
    graph = ",".join(f"{CASES[kind][2]}:precision=f64" for kind in kinds)
    assert error_db(ffmpeg(graph, sound), found) < MOST_DB
