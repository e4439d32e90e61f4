"""The command `score`: one recording, one capture, or a list of pairs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from softphone.app.score_trust import is_trusted
from softphone.errors import SoftphoneError, UsageError
from softphone.io.capture_file import is_capture_file
from softphone.io.part_file import write_whole
from softphone.io.score_file import FilePair, ScoreJob
from softphone.io.speech import PREFIX, speech_path
from softphone.io.target import check_apart, check_target
from softphone.score_config import ScoreOptions
from softphone.scorer.score import HEADLINE, NOTHING_HEARD

Progress = Callable[[float], None]


class ThresholdMissed(SoftphoneError):
    """A score is below `--min-mos`."""

    exit_status = 6


def is_capture(path: str) -> bool:
    """Whether *path* begins like a capture of packets."""
    return not path.startswith(PREFIX) and is_capture_file(path)


def score(options: ScoreOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Score one recording, and write the report that was asked for.

    Returns:
        A `softphone.io.score_file.FileScore`; with ``error`` and ``exit_status`` where `--min-mos` is missed (6), or nothing
        can be held against it (2).

    Raises:
        UsageError: a file that cannot be read, an unknown metric or codec.
        EnvironmentProblem: something is not installed, or cannot be written.
    """
    assert options.degraded is not None
    if Path(options.degraded).is_dir():
        raise UsageError(
            f"{options.degraded} is a folder: give one recording, or a list of them (--pairs PAIRS.csv --out SCORES.csv)"
        )
    if options.out is not None:
        raise UsageError(
            f"--out {options.out} goes with --pairs, or with a capture: leave it out for a recording"
        )
    job = ScoreJob(
        options.degraded, options.reference, options.far, options.metrics, is_trusted(options.codec)
    )
    if options.report is not None:
        check_target(options.report, force=options.force)
        for source in (options.degraded, options.reference, options.far):
            if source is not None:
                check_apart(speech_path(source), options.report)
    with FilePair(job, progress) as pair:
        result = pair.score()
        if options.report is not None:
            from softphone.scorer.report import report

            names = (options.degraded, result["reference"])
            page = report(result, *pair.tracks_of(result), names)
            write_whole(options.report, page, force=options.force)
    result["report"] = options.report
    result["error"] = None
    if options.min_mos is not None:
        problem = missed(result, options.min_mos)
        if problem is not None:
            result["error"], result["exit_status"] = str(problem), problem.exit_status
    return result


def missed(result: dict[str, Any], least: float) -> SoftphoneError | None:
    """Why *result* does not show a quality of *least* or more; None where it does."""
    mos, words = result["mos_lqo"], [word for word in NOTHING_HEARD if word in result["verdict"]]
    if mos is None and words:
        return ThresholdMissed(
            f"{result['degraded']} is {' and '.join(words)}: no MOS, wanted at least {least:g}"
        )
    if mos is None:
        return UsageError(
            f"--min-mos {least:g} needs a score, there is none: {result['refused'].get(HEADLINE, 'unknown')}"
        )
    if not result["trusted"]:
        return UsageError(
            f"--min-mos {least:g} needs a score that can be trusted, {mos:.2f} is not: {result['untrusted_because']}"
        )
    if mos < least:
        return ThresholdMissed(f"MOS of {result['degraded']} is {mos:.2f}, wanted at least {least:g}")
    return None
