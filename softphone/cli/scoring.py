"""The command `score`."""

import argparse
import sys
from dataclasses import asdict

from softphone.cli.parser import given_options
from softphone.cli.progress import Bar, stopping
from softphone.cli.terminal import Terminal
from softphone.errors import SoftphoneError, UsageError
from softphone.score_config import ScoreOptions
from softphone.settings import Settings, load_settings

BAR_FROM_BYTES = 20_000_000
"""A bar is shown for files of this size or more: smaller ones are done before it is drawn."""


def run(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone score`."""
    settings = load_settings("score", given.config)
    settings.add(given_options(given), "--")
    options = _options(given.words, settings)
    if options.pairs is not None:
        return _batch(options, terminal)
    assert options.degraded is not None
    from softphone.app import score as app

    if app.is_capture(options.degraded):
        return _capture(options, terminal)
    watched = sys.stderr.isatty() and _size(options.degraded) >= BAR_FROM_BYTES
    with stopping(), Bar("scoring") as bar:
        result = app.score(options, bar.show if watched else None)
    for line in result["warnings"]:
        terminal.note(line)
    if terminal.as_json:
        terminal.print_json(result)
    else:
        from softphone.cli.score_table import one_score

        terminal.print(one_score(result))
        if options.report is not None:
            terminal.print(f"report: {options.report}")
    if result["error"] is not None:
        terminal.note(result["error"])
    return int(result.get("exit_status", 0))


def _capture(options: ScoreOptions, terminal: Terminal) -> int:
    from softphone.app.capture_options import capture_options, missed
    from softphone.app.capture_score import score_capture

    asked = capture_options(options)
    with stopping(), Bar("scoring") as bar:
        result = score_capture(asked, bar.show if sys.stderr.isatty() else None)
    problem = None if options.min_mos is None else missed(result, options.min_mos)
    result["error"] = None if problem is None else str(problem)
    if terminal.as_json:
        terminal.print_json(result)
    else:
        from softphone.cli.capture_table import capture_table

        terminal.print(capture_table(result))
    if problem is None:
        return 0
    terminal.note(str(problem))
    return problem.exit_status


def _batch(options: ScoreOptions, terminal: Terminal) -> int:
    from softphone.app.score import ThresholdMissed
    from softphone.app.score_batch import score_pairs

    try:
        with stopping(), Bar("scoring") as bar:
            done = score_pairs(options, bar.show if sys.stderr.isatty() else None)
    except KeyboardInterrupt:
        raise SoftphoneError(
            f"interrupted: the rows done are in {options.out}, the same command goes on from there"
        ) from None
    error, status = None, 0
    if done.missed:
        error, status = (
            f"{done.missed} of {done.rows} recordings miss --min-mos {options.min_mos:g}",
            ThresholdMissed.exit_status,
        )
    elif done.untested:
        error, status = (
            f"{done.untested} of {done.rows} recordings have no score that --min-mos {options.min_mos:g} can be held against",
            UsageError.exit_status,
        )
    if terminal.as_json:
        terminal.print_json({"schema": 1, **asdict(done), "error": error})
    else:
        from softphone.cli.score_table import batch

        terminal.print(batch(done))
    if error is not None:
        terminal.note(error)
    return status


def _options(words: list[str], settings: Settings) -> ScoreOptions:
    if len(words) > 1:
        raise UsageError(f"score takes one recording, got {len(words)}: name many in a list, with --pairs")
    options = settings.apply(ScoreOptions(degraded=words[0] if words else None))
    if options.degraded is None and options.pairs is None:
        raise UsageError("score wants a recording, or --pairs PAIRS.csv --out SCORES.csv; got neither")
    return options


def _size(path: str) -> int:
    from softphone.io.speech import speech_path

    try:
        return speech_path(path).stat().st_size
    except OSError:
        return 0
