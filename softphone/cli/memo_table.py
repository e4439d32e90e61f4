"""Memos as tables a person reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from softphone.app.memo import kind_of
from softphone.cli.table import listing
from softphone.io.memos.memo import Memo

_COLUMNS = (
    ("f0_median_hz", "F0 Hz", 0),
    ("jitter_local_pct", "jitter %", 2),
    ("shimmer_local_pct", "shim. %", 2),
    ("hnr_db", "HNR", 1),
    ("cpps_db", "CPPS", 1),
)


def listed(memos: Sequence[Memo], folder: Path) -> str:
    """A row for each memo."""
    if not memos:
        return f"no memos in {folder}: record one with `softphone memo record`"
    rows = []
    for memo in memos:
        result: dict[str, Any] = memo.result or {}
        figures = [_figure(result.get(key), digits) for key, _, digits in _COLUMNS]
        recorded = memo.started_at[:16].replace("T", "\N{NO-BREAK SPACE}")
        rows.append([memo.name, recorded, f"{memo.seconds:.1f}", _task(memo), *figures, ", ".join(memo.tags)])
    columns = ["memo", "recorded", "s", "task", *(title for _, title, _ in _COLUMNS), "tags"]
    count = "1 memo" if len(memos) == 1 else f"{len(memos)} memos"
    return listing(f"{count} in {folder}", columns, rows).replace("\N{NO-BREAK SPACE}", " ")


def one_memo(memo: Memo) -> str:
    """All of one memo."""
    channels = "1 channel" if memo.channels == 1 else f"{memo.channels} channels"
    rows = [
        ("recorded", f"{memo.started_at[:16].replace('T', ' ')}, {_ORIGINS[memo.origin]} {memo.device}"),
        ("length", f"{memo.seconds:.2f} s, {channels}, {memo.sample_rate_hz} Hz"),
        ("sound", str(memo.path)),
    ]
    if memo.tags:
        rows.append(("tags", ", ".join(memo.tags)))
    if memo.note:
        rows.append(("note", memo.note.replace("\n", "\n            ")))
    lines = [f"memo {memo.name}", *(f"  {name:<8}  {text}" for name, text in rows)]
    result = memo.result
    if result is None:
        return "\n".join([*lines, "  not measured yet: `softphone memo measure` does it"])
    lines.append(f"  measured  {str(memo.measured_at)[:16].replace('T', ' ')}, version {memo.version}")
    if result.get("error"):
        return "\n".join([*lines, f"  {result['error']}"])
    from softphone.cli.voice_table import one_voice

    return "\n".join([*lines, "", one_voice(result)])


_ORIGINS = {"recorded": "from", "recovered": "cut off, from", "imported": "imported from"}


def _task(memo: Memo) -> str:
    if memo.result is None:
        return "unmeasured"
    if memo.result.get("error"):
        return "no voice"
    return kind_of(memo.result) or ""


def _figure(value: object, digits: int) -> str:
    return f"{value:z.{digits}f}" if isinstance(value, int | float) else ""
