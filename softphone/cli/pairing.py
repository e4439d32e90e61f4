"""How others get in: the address with its token, on standard error and nowhere else, and as a QR code on a terminal."""

import os
import shlex
import sys
from collections.abc import Iterator
from typing import Any

from softphone.cli.terminal import Terminal
from softphone.serve_config import Serving

_QUIET_ZONE = 2
"""Modules of light around the code; ISO/IEC 18004 asks for 4, and readers on telephones do with less."""

_HALVES = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
_INK = "\x1b[38;5;16;48;5;231m"
_PLAIN = "\x1b[0m"


def show(serving: Serving, terminal: Terminal, *, event: bool = False) -> None:
    """Say where *serving* is reached and by which token; the token goes to standard error only.

    Args:
        event: with `--json`, print a line ``{"event": "serving", ...}`` on standard output, too: addresses without a token.
    """
    for line in lines(serving):
        terminal.note(line)
    code = "" if serving.token_was_given else qr_code(serving.control_url)
    if code and _fits(code):
        terminal.show_block(code)
    if event and terminal.as_json:
        terminal.print_json(as_event(serving))


def lines(serving: Serving) -> Iterator[str]:
    """What a person reads."""
    if serving.token_was_given:
        yield f"steer at {serving.urls[0]} with the token that was given"
    else:
        yield f"steer at {serving.control_url}"
        yield f"look only: {serving.view_url}"
    others = serving.urls[1:]
    if others:
        yield f"also at {', '.join(others)}"
    yield from serving.notices
    if serving.fingerprint is not None:
        yield f"from a terminal: `softphone remote --at {_at(serving)} --tls-fingerprint {serving.fingerprint}`"
    if serving.osc is not None:
        host, port = serving.osc
        yield f"Open Sound Control over UDP at {f'[{host}]' if ':' in host else host}:{port}"
    if serving.announced is not None:
        yield f"announced as {serving.announced}: `softphone remote --at {shlex.quote(serving.announced)}`"


def as_event(serving: Serving) -> dict[str, Any]:
    """What a program is told on standard output: nothing secret."""
    return {
        "event": "serving",
        "url": serving.urls[0],
        "urls": list(serving.urls),
        "fingerprint": serving.fingerprint,
        "osc": None if serving.osc is None else list(serving.osc),
        "announced": serving.announced,
    }


def _at(serving: Serving) -> str:
    return serving.urls[0].split("//", 1)[-1].rstrip("/")


def qr_code(text: str) -> str:
    """*text* as a QR code (ISO/IEC 18004) in half blocks, dark on light whatever the colours of the terminal."""
    import segno

    rows = [bytes(row) for row in segno.make(text, error="l", micro=False).matrix_iter(border=_QUIET_ZONE)]
    if len(rows) % 2:
        rows.append(bytes(len(rows[0])))
    return "\n".join(
        _INK + "".join(_HALVES[upper, lower] for upper, lower in zip(*pair, strict=True)) + _PLAIN
        for pair in zip(rows[::2], rows[1::2], strict=True)
    )


def _fits(code: str) -> bool:
    """Whether standard error is a terminal that shows *code* whole."""
    if not sys.stderr.isatty():
        return False
    try:
        code.encode(sys.stderr.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    rows = code.split("\n")
    columns = len(rows[0].removeprefix(_INK).removesuffix(_PLAIN))
    try:
        size = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return size.columns >= columns and size.lines > len(rows)
