"""The voice on a terminal while it is recorded: level, pitch, spectrum, and the figures of a vowel; lines that renew themselves."""

import math
import os
import sys
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsp.live_voice import LiveVoiceReading, LiveVowel
from softphone.cli.terminal import Terminal, harmless

if TYPE_CHECKING:
    from softphone.app.memo_run import Taken
    from softphone.io.memos.store import MemoStore
    from softphone.memo_config import RecordOptions
    from softphone.serve_config import ServeOptions

LEAST_COLUMNS, MOST_COLUMNS = 72, 100
"""Of the picture; a narrower terminal shows the left part of it, without colours."""
TRACE_ROWS, LTAS_ROWS = 5, 4
LABEL = 9
"""Columns before a picture."""
FLOOR_DBFS = -60.0
LTAS_SPAN_DB = 80.0
NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
BRAILLE = 0x2800
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Of a braille character, by row and column (Unicode 15, section 21.1)."""
_BLOCKS = " ▁▂▃▄▅▆▇█"
_PLAIN_BLOCKS = " ..::||##"
RED, BOLD, DIM, RESET = "\x1b[31;1m", "\x1b[1m", "\x1b[2m", "\x1b[0m"
UP, CLEAR = "\x1b[{}A", "\r\x1b[2K"

Values = NDArray[np.float64]


def record_live(
    store: "MemoStore", options: "RecordOptions", serve: "ServeOptions | None", terminal: Terminal
) -> "Taken":
    """Run `softphone memo record --live`: seen here where somebody watches, or on a page where one is served.

    Raises:
        SoftphoneError: see `softphone.app.memo_run.record`.
    """
    from softphone.app import voice_page

    if serve is not None:
        from softphone.cli import pairing

        return voice_page.serve_memos(options, serve, on_serving=lambda where: pairing.show(where, terminal))
    if not terminal.is_watched:
        return voice_page.record_live(store, options, None)
    view = LiveVoiceView(options.pitch_floor_hz, options.pitch_ceiling_hz)
    try:
        return voice_page.record_live(
            store, options, lambda one: view.show(one.take.name or "", one.voice.read(), one.voice.vowel())
        )
    finally:
        view.clear()


class LiveVoiceView:
    """Draws on standard error, each time over what it drew before.

    Args:
        low_hz, high_hz: floor and ceiling of the pitch.
    """

    def __init__(self, low_hz: float, high_hz: float) -> None:
        self._span = low_hz, high_hz
        self._drawn = 0
        self._is_plain = not _can_write(_BLOCKS + chr(BRAILLE))
        self._is_dull = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"

    def show(self, name: str, reading: LiveVoiceReading, vowel: LiveVowel) -> None:
        """Draw what is so now with the memo *name*."""
        columns, rows = _size()
        lines = voice_lines(name, reading, vowel, self._span, columns=columns, plain=self._is_plain)
        if len(lines) >= rows:  # what has left the screen cannot be drawn over
            lines = [*lines[:3], *lines[-2:]]
        if self._is_dull:
            lines = [_without_colour(line) for line in lines]
        up = UP.format(self._drawn) if self._drawn else ""
        _write(up + "".join(f"{CLEAR}{line}\n" for line in lines))
        self._drawn = len(lines)

    def clear(self) -> None:
        """Take it away."""
        if self._drawn:
            _write(UP.format(self._drawn) + f"{CLEAR}\n" * self._drawn + UP.format(self._drawn))
            self._drawn = 0


def voice_lines(
    name: str,
    reading: LiveVoiceReading,
    vowel: LiveVowel,
    span_hz: tuple[float, float],
    *,
    columns: int = 80,
    plain: bool = False,
) -> list[str]:
    """The picture, line by line, each narrower than *columns*.

    Args:
        name: of the memo.
        reading: what the voice does.
        vowel: the figures of one.
        span_hz: lowest and highest pitch.
        columns: of the terminal.
        plain: ASCII alone.
    """
    width = min(MOST_COLUMNS, max(LEAST_COLUMNS, columns)) - 1
    room = width - LABEL
    minutes, seconds = divmod(int(reading.seconds), 60)
    title = f"recording {harmless(name)}"[: width - 24]
    lines = [f"{BOLD}{title}{RESET}  {minutes}:{seconds:02d}  {DIM}Ctrl-C ends it{RESET}"]
    lines.append(_level_line(reading, width, plain))
    pitch = "-" if reading.f0_hz is None else f"{reading.f0_hz:.1f} Hz  {note_of(reading.f0_hz)}"
    lines.append(f"{'pitch':<{LABEL}}{BOLD}{pitch}{RESET}")
    low, high = span_hz
    marks = [f"{high:.0f}", *[""] * (TRACE_ROWS - 2), f"{low:.0f}"]
    marks[TRACE_ROWS // 2] = f"{math.sqrt(low * high):.0f}"
    rows = _trace_rows(reading.trace_hz, room, span_hz, plain)
    lines += [f"{mark:>{LABEL - 2}} {row}".rstrip() for mark, row in zip(marks, rows, strict=True)]
    hpr = "-" if reading.hpr_db is None else f"{reading.hpr_db:.1f} dB"
    lines.append(f"{'spectrum':<{LABEL}}HPR {BOLD}{hpr}{RESET}")
    lines += [f"{'':<{LABEL - 1}}{row}".rstrip() for row in _ltas_rows(reading.ltas_db, room, plain)]
    lines.append(f"{'':<{LABEL - 1}}{_axis(reading.ltas_hz, room)}")
    lines += _vowel_lines(vowel, width)
    return lines if columns > width else [_without_colour(line)[: columns - 1] for line in lines]


def note_of(hz: float) -> str:
    """*hz* as a note, with how many hundredths of a semitone it is off: 221 is ``A3 +8``."""
    at = 69.0 + 12.0 * math.log2(hz / 440.0)
    note = round(at)
    return f"{NOTES[note % 12]}{note // 12 - 1} {round(100 * (at - note)):+d}"


def _level_line(reading: LiveVoiceReading, width: int, plain: bool) -> str:
    level = "silence" if reading.level_dbfs is None else f"{reading.level_dbfs:.1f} dBFS"
    tail = f"{RED}CLIPPED {reading.clipped}{RESET}" if reading.clipped else "no clip"
    bar_room = width - LABEL - 13 - 2 - 16
    share = _share(reading.level_dbfs)
    peak = min(bar_room - 1, int(bar_room * _share(reading.peak_dbfs)))
    full, empty, mark = ("#", ".", "|") if plain else ("█", "░", "│")
    cells = [full if index < round(bar_room * share) else empty for index in range(bar_room)]
    if peak > 0:
        cells[peak] = mark
    return f"{'level':<{LABEL}}{level:<13}{''.join(cells)}  {tail}"


def _share(dbfs: float | None) -> float:
    return 0.0 if dbfs is None else min(1.0, max(0.0, 1.0 - dbfs / FLOOR_DBFS))


def _trace_rows(trace_hz: Values, room: int, span_hz: tuple[float, float], plain: bool) -> list[str]:
    """The pitch of the newest 10 s, the newest at the right end."""
    across, down = (1, 1) if plain else (2, 4)
    low, high = (math.log2(hz) for hz in span_hz)
    dots = np.zeros((TRACE_ROWS * down, room * across), dtype=bool)
    frames = 1000
    known = np.full(frames, np.nan)
    newest = trace_hz[-frames:]
    known[frames - newest.size :] = newest
    voiced = np.flatnonzero(known > 0.0)
    if voiced.size:
        x = voiced * dots.shape[1] // frames
        place = (high - np.log2(known[voiced])) / (high - low)
        y = np.clip((place * dots.shape[0]).astype(int), 0, dots.shape[0] - 1)
        dots[y, x] = True
    if plain:
        return ["".join("*" if dot else " " for dot in row) for row in dots]
    cells = dots.reshape(TRACE_ROWS, 4, room, 2)
    codes = np.einsum("rdca,da->rc", cells.astype(int), _DOTS)
    return ["".join(chr(BRAILLE + code) if code else " " for code in row) for row in codes.tolist()]


def _ltas_rows(levels_db: Values | None, room: int, plain: bool) -> list[str]:
    """The spectrum as columns."""
    if levels_db is None:
        return [""] * LTAS_ROWS
    at = np.arange(room) * levels_db.size // room
    columns = np.maximum.reduceat(levels_db, np.unique(at)) if levels_db.size > room else levels_db[at]
    top = 10.0 * math.ceil(float(levels_db.max()) / 10.0)
    eighths = np.clip(1.0 - (top - columns) / LTAS_SPAN_DB, 0.0, 1.0) * 8 * LTAS_ROWS
    blocks = _PLAIN_BLOCKS if plain else _BLOCKS
    rows = []
    for row in range(LTAS_ROWS - 1, -1, -1):
        filled = np.clip(np.round(eighths - 8 * row), 0, 8).astype(int)
        rows.append("".join(blocks[each] for each in filled.tolist()))
    return rows


def _axis(hz: Values, room: int) -> str:
    top = float(hz[-1]) + 50.0
    line = [" "] * room
    for mark in range(0, int(top) + 1, 2000):
        word = "0" if mark == 0 else f"{mark // 1000}k"
        at = min(room - len(word), int(mark / top * room))
        line[at : at + len(word)] = word
    return "".join(line).rstrip() if room else ""


def _vowel_lines(vowel: LiveVowel, width: int) -> list[str]:
    figures = (
        ("jitter", vowel.jitter_local_pct, 2, "%"),
        ("shimmer", vowel.shimmer_local_pct, 2, "%"),
        ("HNR", vowel.hnr_db, 1, "dB"),
        ("CPPS", vowel.cpps_db, 1, "dB"),
    )
    shown = "  ".join(
        f"{name} {BOLD}{_number(value, digits)}{RESET} {unit}" for name, value, digits, unit in figures
    )
    of = "" if vowel.measured_s is None else f"of {vowel.measured_s:.1f} s{'' if vowel.lasts else ', before'}"
    return [
        f"{'vowel':<{LABEL}}{shown}",
        f"{'':<{LABEL}}{DIM}{_joined(of, vowel.why)[: width - LABEL]}{RESET}",
    ]


def _joined(*words: str) -> str:
    return "; ".join(filter(None, words))


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _without_colour(line: str) -> str:
    for code in (RED, BOLD, DIM, RESET):
        line = line.replace(code, "")
    return line


def _size() -> tuple[int, int]:
    """Columns and rows of the terminal that is drawn on; 80 and 24 where it does not say."""
    try:
        found = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        return 80, 24
    return found.columns or 80, found.lines or 24


def _can_write(text: str) -> bool:
    try:
        text.encode(sys.stderr.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:  # the terminal has gone
        return
