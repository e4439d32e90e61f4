"""The command `memo`."""

import argparse
import sys
from typing import TYPE_CHECKING

from softphone.cli.memo_shared import one_word, opened, shown, watch
from softphone.cli.memo_taking import import_memo, measure_memos, record_memo
from softphone.cli.parser import given_options
from softphone.cli.progress import Bar, stopping
from softphone.cli.terminal import Terminal, level_text, rounded
from softphone.errors import SoftphoneError, UsageError
from softphone.memo_config import (
    DeleteOptions,
    ExportOptions,
    HistoryOptions,
    ListOptions,
    PlayOptions,
    ShowOptions,
)
from softphone.settings import Settings, load_settings

if TYPE_CHECKING:
    from softphone.io.live.engine import LiveEngine
    from softphone.io.memos.memo import Memo


def run(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone memo`."""
    settings = load_settings("memo", given.config)
    settings.add(given_options(given), "--")
    return _VERBS[given.verb](given.words, settings, terminal)


def _list(words: list[str], settings: Settings, terminal: Terminal) -> int:
    _no_words("list", words)
    options = settings.apply(ListOptions())
    store, told = opened(options.folder, terminal)
    from softphone.app.memo import chosen, memo_info

    memos = chosen(store, (), options.tags)
    if terminal.as_json:
        told |= {"folder": str(store.folder), "memos": [memo_info(memo) for memo in memos], "error": None}
        terminal.print_json(told)
    else:
        from softphone.cli.memo_table import listed

        terminal.print(listed(memos, store.folder))
    return 0


def _show(words: list[str], settings: Settings, terminal: Terminal) -> int:
    options = settings.apply(ShowOptions(one_word("show [NAME]", words)))
    store, told = opened(options.folder, terminal)
    from softphone.app.memo import one

    return shown(one(store, options.name), told, None, terminal)


def _play(words: list[str], settings: Settings, terminal: Terminal) -> int:
    options = settings.apply(PlayOptions(one_word("play [NAME]", words)))
    store, told = opened(options.folder, terminal)
    from softphone.app.memo_run import play

    done = play(store, options, on_status=lambda engine: terminal.show(playing_line(engine)))
    terminal.clear()
    told |= {
        "name": done.memo.name,
        "id": done.memo.id,
        "device": done.device,
        "filter": done.preset,
        "seconds": done.seconds,
        "ended_by": done.ended_by,
        "xruns": done.xruns,
        "error": None,
    }
    if terminal.as_json:
        terminal.print_json(rounded(told))
    else:
        through = "" if done.preset is None else f" through {done.preset}"
        terminal.print(f"{done.memo.name}: {done.seconds:.1f} s heard on {done.device}{through}")
    return 0


def _delete(words: list[str], settings: Settings, terminal: Terminal) -> int:
    options = settings.apply(DeleteOptions(tuple(words)))
    store, told = opened(options.folder, terminal)
    from softphone.app.memo import chosen

    memos = chosen(store, options.names)
    if not options.yes and not _is_agreed(memos, terminal):
        raise SoftphoneError("nothing was deleted")
    for memo in memos:
        store.delete(memo)
    if terminal.as_json:
        terminal.print_json(told | {"deleted": [memo.name for memo in memos], "error": None})
    else:
        terminal.print(f"deleted: {', '.join(memo.name for memo in memos)}")
    return 0


def _is_agreed(memos: "list[Memo]", terminal: Terminal) -> bool:
    if terminal.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("memo delete asks at a terminal; anywhere else give --yes: what is deleted is gone")
    named = ", ".join(f"{memo.name} ({memo.seconds:.1f} s, {memo.started_at[:10]})" for memo in memos)
    terminal.note(f"delete {named}, sound and results? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _export(words: list[str], settings: Settings, terminal: Terminal) -> int:
    options = settings.apply(ExportOptions(tuple(words)))
    out = options.named()
    store, told = opened(options.folder, terminal)
    from softphone.app.memo import chosen
    from softphone.app.memo_export import export

    memos = chosen(store, options.names, options.tags)
    with stopping(), Bar("exporting") as bar:
        done = export(store, memos, out, force=options.force, progress=watch(bar, memos))
    if terminal.as_json:
        told |= {
            "out": done.out,
            "memos": done.memos,
            "sounds": done.sounds,
            "files": list(done.files),
            "error": None,
        }
        terminal.print_json(told)
    else:
        sounds = f", {done.sounds} of them with sound" if done.sounds else ""
        terminal.print(f"{done.out}: {done.memos} memos{sounds}")
    return 0


def _history(words: list[str], settings: Settings, terminal: Terminal) -> int:
    if len(words) != 1:
        raise UsageError(
            f"memo history: wanted MEASURE, as `memo history cpps_db`; got {' '.join(words) or 'nothing'}"
        )
    options = settings.apply(HistoryOptions(words[0]))
    if options.out is not None and not options.force:
        from softphone.io.target import check_target

        check_target(options.out, force=False)
    store, told = opened(options.folder, terminal)
    from softphone.app.memo_history import history_of
    from softphone.cli.memo_chart import history_info, history_text

    found = history_of(store, options)
    if terminal.as_json:
        terminal.print_json(told | history_info(found) | {"error": None})
    else:
        terminal.print(history_text(found))
    return 0


def playing_line(engine: "LiveEngine") -> str:
    """The line that stands on a terminal while a memo is heard."""
    status = engine.status()
    total = "" if status.total_s is None else f" of {status.total_s:.0f}"
    level = engine.meter_out.read().rms_dbfs
    return f"playing   {status.position_s:.0f}{total} s   level {level_text(level)} dBFS"


def _no_words(verb: str, words: list[str]) -> None:
    if words:
        raise UsageError(f"memo {verb} takes no names, got {words[0]!r}; `memo show NAME` tells of one")


_VERBS = {
    "record": record_memo,
    "list": _list,
    "show": _show,
    "play": _play,
    "delete": _delete,
    "export": _export,
    "import": import_memo,
    "measure": measure_memos,
    "history": _history,
}
