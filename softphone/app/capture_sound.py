"""What is said of the sound of a captured stream: it is scored as any recording, echo looked for with the other direction."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dsp.checks.drift import MOST_PPM
from softphone.app.capture_pairs import Pair, is_one_way, other_side
from softphone.app.capture_stream import Direction
from softphone.app.score_trust import PARAMETRIC
from softphone.capture.figures import SKEW_ERROR_PPM
from softphone.io.score_file import FileScore, ScoreJob
from softphone.io.sound_file import SoundReader, SoundWriter
from softphone.io.sound_format import SoundFormat
from softphone.io.track_file import MIN_RATE_HZ
from softphone.scorer.live import CONCEALED_SHARE
from softphone.scorer.score import OK, ordered

WAV = SoundFormat("WAV", "PCM_16")
LEAST_S = 0.2
"""A recording shorter than this is not judged."""
DRIFT_PPM = MOST_PPM + SKEW_ERROR_PPM
"""Clocks that keep to their Recommendations do not differ by more, and by how much they do is known so well."""
HUNG_UP = frozenset({"cut-start", "cut-end"})
"""Without a reference they say that a recording begins or ends in the middle of a word: people hang up there."""
_BLOCK = 1 << 16

Scorer = Callable[[ScoreJob], FileScore]


def judged(
    number: int,
    pair: Pair,
    directions: list[Direction],
    *,
    spare: Path,
    reference: str | None,
    metrics: tuple[str, ...] | None,
    scorer: Scorer,
) -> dict[str, Any]:
    """What is said of the sound of stream *number*: verdict, checks, scores.

    Args:
        pair: its call.
        directions: of the whole capture, with their recordings.
        spare: folder for what is needed meanwhile.
        reference, metrics, scorer: as asked for.
    """
    direction = directions[number]
    played = direction.played
    words = _line_words(number, pair, directions)
    keys: dict[str, Any] = {
        "mos_lqo": None, "score": None, "metrics": {}, "checks": {}, "refused": {}, "reference": None,
    }  # fmt: skip
    if direction.recording is None or played is None or played.heard is None:
        return keys | {"verdict": ordered(words) if words else []}
    rate = direction.plan.format.sample_rate_hz if direction.plan.format is not None else None
    if played.heard.seconds < LEAST_S or rate is None or rate < MIN_RATE_HZ:
        keys["refused"] = {"checks": f"{played.heard.seconds:.2f} s of sound is too little to be judged"}
        return keys | {"verdict": ordered(words) if words else []}
    far = _far(number, pair, directions, spare)
    trusted = direction.plan.format is None or direction.plan.format.name not in PARAMETRIC
    score, refused = None, {}
    if reference is not None:
        score = scorer(ScoreJob(direction.recording, reference, far, metrics, trusted))
        refused = score["refused"]
    if score is None or score["mos_lqo"] is None:  # what is not in it says nothing of it
        score = scorer(ScoreJob(direction.recording, far=far, metrics=metrics, trusted=trusted))
        score["refused"] |= refused
    strange = {OK} if score["mos_lqo"] is not None else {OK, *HUNG_UP}
    words += [word for word in score["verdict"] if word not in strange]
    keys |= {key: score[key] for key in ("mos_lqo", "metrics", "checks", "refused", "reference")}
    if score["mos_lqo"] is not None:
        keys["score"] = {key: score[key] for key in ("metric", "value", "unit", "max", "trusted")}
        keys["segments"], keys["worst"] = score["segments"], score["worst"]
        keys["delay_ms"], keys["delay_changes"] = score["delay_ms"], score["delay_changes"]
    return keys | {"verdict": ordered(words) if words else [OK]}


def _line_words(number: int, pair: Pair, directions: list[Direction]) -> list[str]:
    """What the packets say, whatever is in them."""
    direction = directions[number]
    played, skew = direction.played, direction.figures.skew_ppm
    words = []
    if (
        played is not None
        and played.heard is not None
        and played.concealed_ms >= CONCEALED_SHARE * played.played_ms > 0
    ):
        words.append("dropouts")
    if is_one_way(pair, directions):
        words.append("one-way")
    if skew is not None and abs(skew) > DRIFT_PPM:
        words.append("drift")
    return words


def _far(number: int, pair: Pair, directions: list[Direction], spare: Path) -> str | None:
    """The recording of the other way, begun at the same moment as that of *number*."""
    other = other_side(pair, number, directions)
    if other is None or directions[other].recording is None:
        return None
    recording = directions[other].recording
    early_s = directions[number].stream.at[0] - directions[other].stream.at[0]
    path = spare / "far.wav"
    with SoundReader(str(recording)) as reader:
        skip = round(early_s * reader.sample_rate_hz)
        with SoundWriter(path, WAV, sample_rate_hz=reader.sample_rate_hz, channels=1, force=True) as writer:
            wait = max(0, -skip)
            while wait > 0:
                count = min(wait, _BLOCK)
                writer.write(np.zeros((1, count), dtype=np.float32))
                wait -= count
            for block in reader.blocks(_BLOCK):
                drop = min(max(0, skip), block.shape[1])
                skip -= drop
                writer.write(block[:, drop:])
            if writer.frames == 0:
                return None
            writer.commit()
    return str(path)
