"""Airtime as a bar: the whole of it is what the same call with G.711 takes."""

import math
import sys
from collections.abc import Mapping
from typing import Any

CELLS = 4
GREEN = "green"
"""Of the gauge, on a terminal."""
_DRAWN = ("▕", "█", "▌", "░", "▏")
_PLAIN = ("[", "#", "-", ".", "]")


def gauge(airtime: Any) -> str:
    """Return a line like `0.85 ms/s ▕▌░░░▏ 0.04 x G.711`; empty where *airtime* is none that can be shown.

    Args:
        airtime: of a RESULT, perhaps a peer's: any JSON.
    """
    short = short_gauge(airtime)
    return short and f"{short} {_number(airtime, 'vs_g711_20ms'):.2f} x G.711"


def short_gauge(airtime: Any) -> str:
    """The same without the number that the bar shows."""
    ms, ratio = _number(airtime, "ms_per_s"), _number(airtime, "vs_g711_20ms")
    if math.isnan(ms) or math.isnan(ratio):
        return ""
    left, full, half, empty, right = _characters(sys.stdout.encoding or "utf-8")
    halves = min(2 * CELLS, max(1, round(2 * CELLS * ratio)))
    cells = full * (halves // 2) + half * (halves % 2)
    return f"{_short(ms)} ms/s {left}{cells}{empty * (CELLS - len(cells))}{right}"


def _number(airtime: Any, key: str) -> float:
    value = airtime.get(key) if isinstance(airtime, Mapping) else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e6:
        return math.nan
    return float(value)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _characters(encoding: str) -> tuple[str, str, str, str, str]:
    try:
        "".join(_DRAWN).encode(encoding)
    except UnicodeEncodeError:
        return _PLAIN
    return _DRAWN
