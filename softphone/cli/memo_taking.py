"""`memo record`, `memo import` and `memo measure`: a memo that comes to be, and what is measured of it."""

import sys
from typing import TYPE_CHECKING

from softphone.cli.memo_shared import Result, one_word, opened, quoted, shown, watch
from softphone.cli.progress import Bar, stopping
from softphone.cli.terminal import Terminal, level_text
from softphone.errors import SoftphoneError, UsageError
from softphone.memo_config import ImportOptions, MeasureOptions, MeasureSettings, RecordOptions
from softphone.settings import Settings

if TYPE_CHECKING:
    from softphone.app.memo_run import Taken
    from softphone.io.memos.memo import Memo
    from softphone.io.memos.store import MemoStore
    from softphone.io.memos.take import TakeStatus


def record_memo(words: list[str], settings: Settings, terminal: Terminal) -> int:
    """Run `softphone memo record`."""
    name = one_word("record [NAME]", words)
    options = settings.apply(RecordOptions(name=name))
    serve = settings.serve()
    if serve is not None and not options.live:
        raise UsageError("memo record: --serve is for --live: give it, too")
    if options.play is not None and settings.values.get("rate", (None, ""))[1] == "--rate":
        raise UsageError(
            "memo record: --rate is a device's; what is played with --play has its own: leave it out"
        )
    store, told = opened(options.folder, terminal)
    from softphone.app.memo_run import make_take, record

    if options.live:
        from softphone.cli import live_voice

        done = live_voice.record_live(store, options, serve, terminal)
    else:
        done = record(
            make_take(store, options), on_status=lambda status: terminal.show(recording_line(status))
        )
    terminal.clear()
    return _told_taken(store, done, options, told, terminal)


def _told_taken(
    store: "MemoStore", done: "Taken", options: RecordOptions, told: Result, terminal: Terminal
) -> int:
    memo, error = done.memo, done.fault
    for warning in done.warnings:
        terminal.note(warning)
    problem: SoftphoneError | None = error
    if not options.no_measure and memo.result is None:
        try:
            memo = _measured(store, [memo], options)[0]
        except KeyboardInterrupt:
            problem = problem or SoftphoneError(
                f"interrupted before {memo.name} was measured; it is kept: softphone memo measure {quoted(memo.name)}"
            )
        except UsageError as fault:
            problem = problem or fault
        problem = problem or _nothing_in(memo)
    told |= {"ended_by": done.ended_by, "warnings": list(done.warnings)}
    return shown(memo, told, problem, terminal)


def import_memo(words: list[str], settings: Settings, terminal: Terminal) -> int:
    """Run `softphone memo import`."""
    if not 1 <= len(words) <= 2:
        raise UsageError(f"memo import: wanted FILE [NAME]; got {' '.join(words) or 'nothing'}")
    base = ImportOptions(file=words[0], name=words[1] if len(words) == 2 else None)
    options = settings.apply(base)
    store, told = opened(options.folder, terminal)
    from softphone.io.memos.transfer import import_sound

    with stopping(), Bar("taking in") as bar:
        done = import_sound(
            store,
            options.file,
            options.name,
            note=options.note,
            tags=options.tags,
            progress=bar.show if sys.stderr.isatty() else None,
        )
    memo, warnings = done.memo, list(done.warnings)
    if options.name is not None and memo.name != options.name.strip():
        warnings.append(f"there is a memo {options.name.strip()} already: this one is {memo.name}")
    for warning in warnings:
        terminal.note(warning)
    problem: SoftphoneError | None = None
    if not options.no_measure:
        try:
            memo = _measured(store, [memo], options)[0]
        except UsageError as fault:
            problem = fault
        problem = problem or _nothing_in(memo)
    return shown(memo, told | {"warnings": warnings}, problem, terminal)


def measure_memos(words: list[str], settings: Settings, terminal: Terminal) -> int:
    """Run `softphone memo measure`."""
    options = settings.apply(MeasureOptions(names=tuple(words)))
    store, told = opened(options.folder, terminal)
    from softphone.app.memo import chosen, memo_info

    memos = chosen(store, options.names, options.tags)
    if not memos:
        raise UsageError("there are no such memos to measure: `softphone memo list` shows which there are")
    failed: list[tuple[str, str]] = []
    memos = _measured(store, memos, options, failed)
    failed += [(memo.name, str(problem)) for memo in memos if (problem := _nothing_in(memo)) is not None]
    error = None
    if failed:
        error = f"{len(failed)} of {len(memos)} memos could not be measured: {failed[0][0]}: {failed[0][1]}"
    if terminal.as_json:
        told |= {"memos": [memo_info(memo) for memo in memos], "failed": dict(failed), "error": error}
        terminal.print_json(told)
    else:
        from softphone.cli.memo_table import listed

        terminal.print(listed(memos, store.folder))
    if error is not None:
        terminal.note(error)
    return UsageError.exit_status if failed else 0


def _measured(
    store: "MemoStore",
    memos: "list[Memo]",
    settings: MeasureSettings,
    failed: list[tuple[str, str]] | None = None,
) -> "list[Memo]":
    """*memos* with their results; those that cannot be measured are in *failed*, where that is None the first is raised."""
    from softphone.app.memo import measure_memo

    found = []
    with stopping(), Bar("measuring") as bar:
        tell = watch(bar, memos)
        for number, memo in enumerate(memos):

            def progress(share: float, begun: int = number) -> None:
                if tell is not None:
                    tell((begun + share) / len(memos))

            try:
                memo = measure_memo(store, memo, settings, progress)
            except UsageError as error:
                if failed is None:
                    raise
                failed.append((memo.name, str(error)))
            found.append(memo)
    return found


def _nothing_in(memo: "Memo") -> UsageError | None:
    """That nothing at all could be measured, and why."""
    error = (memo.result or {}).get("error")
    return None if not error else UsageError(str(error))


def recording_line(status: "TakeStatus") -> str:
    """The line that stands on a terminal while a memo is recorded."""
    total = "" if status.total_s is None else f" of {status.total_s:.0f}"
    clipped = "   too loud" if status.peak_dbfs is not None and status.peak_dbfs > -0.1 else ""
    return (
        f"recording {status.name}   {status.seconds:.0f}{total} s   level {level_text(status.level_dbfs)} dBFS"
        f"   peak {level_text(status.peak_dbfs)} dBFS{clipped}   Ctrl-C ends"
    )
