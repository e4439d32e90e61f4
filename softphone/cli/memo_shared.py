"""What all verbs of `memo` share: the store, what is told of a memo, and the words behind a verb."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from softphone.cli.progress import Bar
from softphone.cli.terminal import Terminal
from softphone.errors import SoftphoneError, UsageError

if TYPE_CHECKING:
    from softphone.io.memos.memo import Memo
    from softphone.io.memos.store import MemoStore

BAR_FROM_S = 60.0
"""A bar is shown where so much sound is to be measured or written: less is done before it is drawn."""
Result = dict[str, Any]


def opened(folder: str | None, terminal: Terminal) -> "tuple[MemoStore, Result]":
    """The store, after what had been cut off became memos; and the beginning of what is told as JSON."""
    from softphone.app.memo import open_store, recover_memos

    store = open_store(folder)
    found = recover_memos(store)
    for memo in found.memos:
        hint = "" if memo.result is not None else f"; softphone memo measure {quoted(memo.name)}"
        terminal.note(f"a recording that was cut off is now memo {memo.name} ({memo.seconds:.1f} s){hint}")
    for problem in found.problems:
        terminal.note(problem)
    return store, {"schema": 1, "recovered": [memo.name for memo in found.memos]}


def shown(memo: "Memo", told: Result, problem: SoftphoneError | None, terminal: Terminal) -> int:
    """Print *memo*, after what *told* has of it already, and *problem*; the exit status."""
    from softphone.app.memo import memo_info

    error = None if problem is None else " ".join(str(problem).split())
    if terminal.as_json:
        terminal.print_json(told | memo_info(memo, full=True) | {"error": error})
    else:
        from softphone.cli.memo_table import one_memo

        terminal.print(one_memo(memo))
    if error is not None:
        terminal.note(error)
    return 0 if problem is None else problem.exit_status


def watch(bar: Bar, memos: "Sequence[Memo]") -> Any:
    """What shows progress; None: nobody watches, or it is done at once."""
    long = sum(memo.seconds for memo in memos) >= BAR_FROM_S
    return bar.show if long and sys.stderr.isatty() else None


def one_word(wanted: str, words: list[str]) -> str | None:
    """The one word of *words*, or None; raises UsageError where there are more."""
    if len(words) > 1:
        raise UsageError(f"memo {wanted}: got {' '.join(words)!r}; a name of several words stands in quotes")
    return words[0] if words else None


def quoted(name: str) -> str:
    """*name* as it is typed in a shell."""
    import shlex

    return shlex.quote(name)
