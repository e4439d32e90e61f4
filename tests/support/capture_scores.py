"""Captures scored as the command does it, without the models that are installed or not."""

from pathlib import Path
from typing import Any

from softphone.app.capture_score import CaptureOptions, score_capture

MEASURE = ("visqol",)
"""Asked for, so that no optional model is run."""


def score_bytes(data: bytes, folder: Path, *, judge: bool = True, **options: Any) -> dict[str, Any]:
    """Write *data* to a file in *folder* and score it; without *judge* its sound is not looked at."""
    path = folder / "call.pcap"
    path.write_bytes(data)
    asked = CaptureOptions(str(path), **{"metrics": MEASURE, "force": True, **options})
    return score_capture(asked) if judge else score_capture(asked, scorer=unjudged)


def unjudged(job: Any) -> dict[str, Any]:
    """In place of a scorer, where a test is not about the sound."""
    return {"mos_lqo": None, "metrics": {}, "checks": {}, "refused": {}, "reference": None, "verdict": ["ok"]}


def streams_of(data: bytes, folder: Path, **options: Any) -> list[dict[str, Any]]:
    """The streams of a capture, their sound not judged."""
    found: list[dict[str, Any]] = score_bytes(data, folder, judge=False, **options)["streams"]
    return found
