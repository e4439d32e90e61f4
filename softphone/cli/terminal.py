"""Standard output and error: results on the one, a live line, warnings and errors on the other."""

import json
import math
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from softphone.cli.gauge import short_gauge
from softphone.errors import EnvironmentProblem

_CLEAR_LINE = "\r\x1b[2K"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """Where a command prints.

    Args:
        as_json: results as JSON.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.reader_left = False
        """Whether nobody reads standard output any more."""
        self._live = False

    @property
    def on_progress(self) -> Callable[[Mapping[str, Any]], None] | None:
        """What to call with the figures of a running call; None in a pipe, where nobody watches."""
        return self._show_figures if self.is_watched else None

    @property
    def is_watched(self) -> bool:
        """Whether there is a terminal for a live line."""
        return sys.stderr.isatty()

    def show(self, line: str) -> None:
        """Renew the live line, where there is a terminal for it."""
        if self.is_watched:
            self._write_error(_CLEAR_LINE + fitting(line, _columns()))
            self._live = True

    def _show_figures(self, figures: Mapping[str, Any]) -> None:
        bar = short_gauge(figures.get("airtime"))
        if bar and "NO_COLOR" not in os.environ:
            bar = f"\x1b[32m{bar}\x1b[0m"
        self.show(live_line(figures) + (bar and f"   {bar}"))

    def clear(self) -> None:
        """Take the live line away."""
        if self._live:
            self._live = False
            self._write_error(_CLEAR_LINE)

    def error(self, message: str, **more: object) -> None:
        """Say in one line what went wrong; JSON on standard output, too, with *more* in it, where that was asked for."""
        line = " ".join(message.split())
        self.note(line)
        if self.as_json:
            self.print_json({"error": line, **more})

    def note(self, message: str) -> None:
        """Say something on standard error."""
        self.clear()
        self._write_error(f"softphone: {harmless(message)}\n")

    def show_block(self, text: str) -> None:
        """Print lines of our own on standard error as they are, colours and all."""
        self.clear()
        self._write_error(text + "\n")

    def print_json(self, value: Mapping[str, Any]) -> None:
        """Print one object on a line of its own."""
        # ASCII only: any reader takes it, and nothing in it steers a terminal.
        self.print(json.dumps(_finite(value), allow_nan=False))

    def print(self, text: str) -> None:
        """Print on standard output."""
        self.clear()
        if self.reader_left:
            return
        try:
            print(_writable(text), flush=True)
        except BrokenPipeError:
            self._leave_output()
        except OSError as error:
            self._leave_output()
            raise EnvironmentProblem(
                f"standard output cannot be written ({error.strerror}): what it was to hold is lost"
            ) from None

    def _leave_output(self) -> None:
        self.reader_left = True
        # Else the interpreter flushes into what is closed or full again when it leaves.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def stop_if_unread(self) -> None:
        """End what runs, as Ctrl-C does, where nobody reads its output any more."""
        if self.reader_left:
            signal.raise_signal(signal.SIGINT)

    def _write_error(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:  # the reader or the terminal has gone, or the disk is full
            self._live = False


def _columns() -> int | None:
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return None
    return columns or None  # 0: the terminal does not say


def fitting(line: str, columns: int | None) -> str:
    """*line* on one row of a terminal, for what runs over it cannot be renewed: closer together, else without its last figures.

    Args:
        line: figures with three spaces between them; colours take no room.
        columns: of the terminal; None: unknown.
    """
    if columns is None or _room(line) <= columns:
        return line
    figures = line.split("   ")
    while len(figures) > 1 and _room("  ".join(figures)) > columns:
        figures.pop()
    return "  ".join(figures) if len(figures) > 1 else figures[0][:columns]


def _room(text: str) -> int:
    return len(_COLOUR.sub("", text))


def live_line(figures: Mapping[str, Any]) -> str:
    """Return the line that stands on a terminal while a call does.

    Args:
        figures: `elapsed_s`, and `total_s`, `loss_pct` and `level_dbov` where they are known.
    """
    total, loss, level = (figures.get(key) for key in ("total_s", "loss_pct", "level_dbov"))
    return (
        f"talking {figures['elapsed_s']:.0f}"
        + ("" if total is None else f" of {total:.0f}")
        + " s"
        + ("" if loss is None else f"   loss {loss:.1f} %")
        + ("" if level is None or not math.isfinite(level) else f"   level {level:.1f} dBov")
    )


def visible(text: str) -> str:
    """*text*, which may quote a peer, as one line: what would steer a terminal or begin another line stands as an escape."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def harmless(text: str) -> str:
    """*text*, which may quote a peer, without what steers a terminal; lines and tabs stay."""
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)


def _writable(text: str) -> str:
    """*text* with escapes for what the encoding of standard output lacks, as in the name of a file."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _finite(value: Any) -> Any:
    """JSON knows neither infinity nor NaN: what is not a number is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value


def level_text(level: float | None) -> str:
    """*level*, of whatever unit of decibels, to a tenth; None is silence."""
    return "silence" if level is None else f"{level:.1f}"


def rounded(values: dict[str, Any]) -> dict[str, Any]:
    """*values* without digits that mean nothing."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found[name] = rounded(value)
        else:
            digits = 6 if name == "seconds" else 4  # a length is to give the number of its samples
            found[name] = round(value, digits) if isinstance(value, float) else value
    return found
