"""The process that scores one recording.

`python -m softphone.io.scoring_child REFERENCE DEGRADED` prints one JSON object, a `Score` or an `error`.
It is a process of its own because what it imports and allocates must not weigh on a running call.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsp.errors import DspError
from dsp.metrics import MetricRefused
from dsp.types import Samples
from softphone.errors import SoftphoneError, UsageError
from softphone.io.speech import speech_path
from softphone.scorer.session import Score, score

if TYPE_CHECKING:
    import soundfile

MAX_RATE_HZ = 16000
"""Both files are brought to the lower of their rates, at most this one."""
MAX_SECONDS = 900
"""Audio beyond this is not looked at."""
_BLOCK_FRAMES = 1 << 16


def score_files(reference: str, degraded: str, *, metric: str = "stoi", trusted: bool = True) -> Score:
    """Score one sound file against another; either may be ``builtin:NAME``, of any rate and channel count.

    Raises:
        UsageError: a file is missing or is no sound file.
        MetricRefused: the audio cannot be judged.
    """
    import soundfile

    with _open(speech_path(reference)) as said, _open(speech_path(degraded)) as heard:
        rate = min(said.samplerate, heard.samplerate, MAX_RATE_HZ)
        try:
            before, after = _read(said, rate), _read(heard, rate)
        except (soundfile.SoundFileError, OSError) as error:
            raise UsageError(f"cannot read to the end: {error}") from error
    return score(before, after, rate, metric=metric, trusted=trusted)


def _open(path: Path) -> "soundfile.SoundFile":
    import soundfile

    if not path.is_file():
        raise UsageError(f"no such sound file: {path}")
    try:
        sound = soundfile.SoundFile(path)
    except (soundfile.SoundFileError, OSError) as error:
        reason = getattr(error, "error_string", error)  # without the path, which libsndfile repeats
        raise UsageError(f"{path} is not a sound file: {reason}") from error
    if sound.samplerate < 8000:
        sound.close()
        raise MetricRefused(f"{path} has {sound.samplerate} Hz; 8000 Hz or more is needed")
    return sound


def _read(sound: "soundfile.SoundFile", rate: int) -> Samples:
    """All channels mixed to one, resampled block by block."""
    import soxr

    stream = soxr.ResampleStream(sound.samplerate, rate, 1, dtype="float32")
    blocks: list[Samples] = []
    left = MAX_SECONDS * sound.samplerate
    while left > 0:
        frames = sound.read(min(left, _BLOCK_FRAMES), dtype="float32", always_2d=True)
        left -= len(frames)
        mono = np.ascontiguousarray(frames.mean(axis=1, dtype=np.float32))
        last = len(frames) < _BLOCK_FRAMES
        blocks.append(mono if sound.samplerate == rate else stream.resample_chunk(mono, last=last))
        if last:
            break
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the score, or ``{"error": ...}``; 0 where there is a score, else 1."""
    parser = argparse.ArgumentParser(prog="scoring_child", description=__doc__)
    parser.add_argument("reference")
    parser.add_argument("degraded")
    parser.add_argument("--metric", default="stoi")
    parser.add_argument("--untrusted", action="store_true", help="mark the score as not to be relied on")
    options = parser.parse_args(arguments)
    if hasattr(os, "nice"):
        os.nice(10)
    try:
        result = score_files(
            options.reference, options.degraded, metric=options.metric, trusted=not options.untrusted
        )
    except (SoftphoneError, DspError) as error:
        sys.stdout.write(json.dumps({"error": str(error.args[0]) if error.args else str(error)}) + "\n")
        return 1
    sys.stdout.write(json.dumps(result, allow_nan=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
