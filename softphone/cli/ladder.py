"""The command `ladder`: who sent what to whom in a call, drawn from a trace or a capture."""

import argparse
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from softphone.cli.parser import given_options
from softphone.cli.progress import Bar, stopping
from softphone.cli.terminal import Terminal
from softphone.errors import UsageError
from softphone.ladder_config import LadderOptions
from softphone.settings import load_settings

if TYPE_CHECKING:
    from softphone.app.ladder import Ladder

MAX_DRAWN = 8
"""Ladders that are drawn without being asked for one by one."""
_PIPE_COLUMNS = 100


def run(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone ladder`.

    Raises:
        UsageError: the file holds none, or not the one asked for.
    """
    settings = load_settings("ladder", given.config)
    settings.add(given_options(given), "--")
    options = settings.apply(LadderOptions(given.trace))
    from softphone.app.ladder_file import read_ladders

    with stopping(), Bar("reading") as bar:
        found = read_ladders(options.trace, bar.show if sys.stderr.isatty() else None)
    chosen = _chosen(found.ladders, options)
    if options.svg is not None and chosen:
        _draw(chosen, options)
    for warning in found.warnings:
        terminal.note(warning)
    if terminal.as_json:
        terminal.print_json(
            {
                "schema": 1,
                "file": options.trace,
                "calls": [each.as_json() for each in chosen or found.ladders],
                "svg": options.svg,
                "warnings": found.warnings,
            }
        )
    elif not chosen:
        _list(found.ladders, terminal)
    elif options.svg is None:
        _print(chosen, terminal)
    else:
        terminal.print(f"{len(chosen)} drawn into {options.svg}")
    return 0


def _chosen(ladders: Sequence["Ladder"], options: LadderOptions) -> Sequence["Ladder"]:
    """What is to be drawn; nothing where there are many and none was named."""
    wanted = options.call
    if wanted == "all":
        return ladders
    if wanted is None:
        if len(ladders) <= MAX_DRAWN:
            return ladders
        if options.svg is not None:
            raise UsageError(f"{options.trace} holds {len(ladders)} calls: give --call N, a Call-ID, or all")
        return ()
    if wanted.isdecimal() and 1 <= int(wanted) <= len(ladders):
        return (ladders[int(wanted) - 1],)
    found = [each for each in ladders if each.call_id == wanted]
    if not found:
        raise UsageError(
            f"--call must be 1 to {len(ladders)}, a Call-ID of {options.trace}, or all, got {wanted!r}"
        )
    return found


def _draw(ladders: Sequence["Ladder"], options: LadderOptions) -> None:
    from softphone.app.ladder_svg import ladders_svg
    from softphone.io.part_file import write_whole

    assert options.svg is not None
    write_whole(options.svg, ladders_svg(ladders).encode("utf-8", "replace"), force=options.force)


def _print(ladders: Sequence["Ladder"], terminal: Terminal) -> None:
    from softphone.app.ladder_text import ladder_text

    watched = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if watched else _PIPE_COLUMNS
    ascii_only = not _draws_boxes(sys.stdout.encoding or "utf-8")
    terminal.print("\n\n".join(ladder_text(each, width=width, ascii_only=ascii_only) for each in ladders))


def _draws_boxes(encoding: str) -> bool:
    try:
        "│─═→↻·…".encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _list(ladders: Sequence["Ladder"], terminal: Terminal) -> None:
    from softphone.app.ladder_times import clock_of
    from softphone.cli.table import listing

    began_at = ladders[0].began_at
    columns = ["call", "at", "method", "ending", "from", "to"]
    rows = [
        [
            str(each.number),
            f"{each.began_at - began_at:.3f} s",
            each.method,
            each.ending,
            each.from_uri,
            each.to_uri,
        ]
        for each in ladders
    ]
    title = f"{len(ladders)} calls, the first at {clock_of(began_at)}; --call N draws one"
    terminal.print(listing(title, columns, rows))
