"""Results as tables a person reads; rich is imported here and only here."""

import io
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from softphone.cli.gauge import GREEN, gauge

Result = Mapping[str, Any]

_RULE = "─"
_LONGEST_CELL = 32
"""Of the last column of a listing."""


def calls_side_by_side(title: str, sides: Mapping[str, Result]) -> str:
    """Return a table with a row for each figure and a column for each side of one call."""
    table = _table("", *sides)
    for name, figure in _ROWS:
        cells = [figure(result) for result in sides.values()]
        if any(cells):
            table.add_row(name, *(Text(cell, GREEN) if name == "airtime" else cell for cell in cells))
    # A path is to be copied: on a line of its own nothing cuts it.
    recordings = [
        f"recording, {side}: {result['recording']}"
        for side, result in sides.items()
        if result.get("recording")
    ]
    return "\n".join((title, _rendered(table), *recordings))


def calls_one_a_line(title: str, results: Sequence[Result]) -> str:
    """Return a table with a row for each call."""
    columns = [row for row in _ROWS if row[0] in ("talk", "loss", "verdict", "score")]
    rows = [
        [result["started_at"], str(result["outcome"]), *(figure(result) for _, figure in columns)]
        for result in results
    ]
    return listing(title, ["started", "outcome", *(name for name, _ in columns)], rows)


def call_on_a_line(number: int, result: Result) -> str:
    """Return one call of many as a line of text."""
    columns = [row for row in _ROWS if row[0] in ("talk", "loss", "verdict", "score")]
    shown = [f"{name} {text}" for name, figure in columns if (text := figure(result))]
    return ", ".join([f"{number}: {result['started_at']} {result['outcome']}", *shown])


def listing(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a plain table; what is too long for its last column stands below, after the row's first cell."""
    table = _table(*columns)
    below = []
    for row in rows:
        last = row[-1]
        if len(last) > _LONGEST_CELL:
            below.append(f"{row[0]}: {last}")
            last = "see below"
        table.add_row(*row[:-1], last)
    return "\n".join((title, _rendered(table), *below))


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column is columns[0])
    return table


def _rendered(table: Table) -> str:
    terminal = sys.stdout.isatty()
    out = io.StringIO()
    width = shutil.get_terminal_size().columns if terminal else 100
    Console(file=out, width=width, force_terminal=terminal, markup=False, highlight=False).print(table)
    lines = (line.rstrip() for line in out.getvalue().splitlines())
    return "\n".join(lines).replace(_RULE, _rule(sys.stdout.encoding or "utf-8"))


def _rule(encoding: str) -> str:
    """What rules are drawn with, where *encoding* may lack the box characters."""
    try:
        _RULE.encode(encoding)
    except UnicodeEncodeError:
        return "-"
    return _RULE


def _figure(path: str, form: str) -> Callable[[Result], str]:
    """Return what formats the value at *path* (keys joined by dots), as `""` where there is none."""
    keys = path.split(".")

    def figure(result: Result) -> str:
        value: Any = result
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return _text(value, form)

    return figure


def _text(value: Any, form: str) -> str:
    if value is None:
        return ""
    try:
        return form.format(value)
    except (TypeError, ValueError):  # from a peer's result: any JSON at all
        return str(value)


def _outcome(result: Result) -> str:
    status = "" if result.get("sip_status") is None else f" ({result['sip_status']} {result.get('reason')})"
    return f"{result.get('outcome')}{status}"


def _mode(result: Result) -> str:
    mode = result.get("mode")
    return "" if mode in (None, "normal") else str(mode)


def _codec(result: Result) -> str:
    codec = result.get("codec")
    if not isinstance(codec, Mapping):
        return ""
    return f"{codec.get('name')} {codec.get('bit_rate_bps')} b/s, {codec.get('ptime_ms')} ms"


def _transfer(result: Result) -> str:
    transfer = result.get("transfer")
    return f"to {transfer.get('target')} ({transfer.get('status')})" if isinstance(transfer, Mapping) else ""


def _script(result: Result) -> str:
    steps = result.get("script")
    if not isinstance(steps, list):
        return ""
    met = sum(isinstance(each, Mapping) and bool(each.get("ok")) for each in steps)
    return f"{met} of {len(steps)} steps as expected"


def _score(result: Result) -> str:
    score = result.get("score")
    if not isinstance(score, Mapping):
        return ""
    value, best = _text(score.get("value"), "{:.2f}"), _text(score.get("max"), " of {:g}")
    doubt = "" if score.get("trusted", True) else ", not to be trusted"
    return f"{value}{best} {score.get('unit')}{doubt}"


def _emodel(result: Result) -> str:
    emodel = result.get("emodel")
    if not isinstance(emodel, Mapping) or emodel.get("r") is None:  # what a peer tells in brief has no R
        return ""
    ground = (
        ""
        if emodel.get("grounded")
        else ", derived"
        if emodel.get("equipment") == "derived"
        else ", ungrounded"
    )
    return f"R {_text(emodel.get('r'), '{:.1f}')} ({emodel.get('model')}{ground})"


def _verdict(result: Result) -> str:
    verdict = result.get("verdict")
    return ", ".join(map(str, verdict)) if isinstance(verdict, list) else ""


def _filters(result: Result) -> str:
    found = result.get("filter")
    if not isinstance(found, Mapping):
        return ""
    return ", ".join(f"{side} {name}" for side, name in found.items() if name)


_ROWS: tuple[tuple[str, Callable[[Result], str]], ...] = (
    ("outcome", _outcome),
    ("ended by", _figure("ended_by", "{}")),
    ("mode", _mode),
    ("codec", _codec),
    ("filters", _filters),
    ("setup", _figure("setup_s", "{:.3f} s")),
    ("first audio", _figure("first_rtp_s", "{:.3f} s")),
    ("talk", _figure("duration_s", "{:.1f} s")),
    ("sent", _figure("sent.packets", "{} packets")),
    ("sent payload", _figure("sent.payload_bps", "{:.0f} b/s")),
    ("sent on the wire", _figure("sent.wire_bps", "{:.0f} b/s")),
    ("received", _figure("received.packets", "{} packets")),
    ("loss", _figure("received.loss_pct", "{:.1f} %")),
    ("discarded", _figure("received.discard_pct", "{:.1f} %")),
    ("jitter", _figure("received.jitter_ms", "{:.1f} ms")),
    ("playout delay", _figure("received.playout_delay_ms", "{:.0f} ms")),
    ("round trip", _figure("rtt_ms", "{:.1f} ms")),
    ("level heard", _figure("received.level_dbov", "{:.1f} dBov")),
    ("verdict", _verdict),
    ("score", _score),
    ("E-model", _emodel),
    ("MOS-CQE", _figure("emodel.mos_cq", "{:.2f}")),
    ("DTMF heard", _figure("dtmf_received", "{}")),
    ("early media", _figure("early_media_s", "{:.1f} s")),
    ("redirected to", _figure("redirected_to", "{}")),
    ("transfer", _transfer),
    ("script", _script),
    ("airtime", lambda result: gauge(result.get("airtime"))),
    ("radio", _figure("airtime.radio_mw", "{:.1f} mW")),
    ("CPU", _figure("cost.cpu_ms_per_s", "{:.1f} ms/s")),
    ("memory", _figure("cost.rss_mib", "{:.0f} MiB")),
)
