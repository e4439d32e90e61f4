"""Measured voices as tables a person reads, 80 columns wide."""

import re
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from softphone.scorer.voice_view import NO_DIAGNOSIS, Row, groups, refusals, what_it_is

if TYPE_CHECKING:
    from softphone.app.voice_batch import VoiceBatch

Result = Mapping[str, Any]

COLUMNS = 80
_TOGETHER = "\N{NO-BREAK SPACE}"
_UNIT = re.compile(r"(?<=\d) (?=(%|dB|dBFS|Hz|kHz|s|ms)(\W|$))")
LABEL = 26
VALUE = 10
UNIT = 10
INDICES = {
    "avqi": "AVQI 03.01",
    "dsi": "DSI (2000)",
    "dsi_beta": "DSI-beta (2017)",
}
COMPONENTS = {
    "cpps_db": ("CPPS", "dB"),
    "hnr_db": ("HNR", "dB"),
    "shimmer_local_pct": ("shimmer (local)", "%"),
    "shimmer_local_db": ("shimmer (local, dB)", "dB"),
    "slope_db": ("spectral slope", "dB"),
    "tilt_db": ("spectral tilt", "dB"),
    "mpt_s": ("maximum phonation time", "s"),
    "f0_high_hz": ("highest pitch", "Hz"),
    "i_low_db_spl": ("lowest intensity", "dB SPL"),
    "jitter_local_pct": ("jitter (local)", "%"),
    "jitter_ppq5_pct": ("jitter (PPQ5)", "%"),
}


def one_voice(result: Result, *, sex: str | None = None, age: float | None = None) -> str:
    """Lines of one recording: what is wrong with it, what it is, then the measures, and last what could not be measured."""
    lines = [str(result["file"])]
    words = [word for word in result["verdict"] if word != "ok"]
    lines += _wrapped("problems", ", ".join(words) or "none found")
    for text in result["warnings"]:
        lines += _wrapped("", text)
    lines += _facts(result)
    shown = groups(result, sex=sex, age=age)
    for group in shown:
        lines += ["", f"  {group.title}"]
        for row in group.rows:
            lines += _row(row)
    flags = dict.fromkeys(row.flag for group in shown for row in group.rows if row.flag)
    for text in flags:
        lines += ["", *_filled(f"* {text}", "  ", "    ")]
    refused = refusals(result)
    if refused:
        lines += ["", "  not measured"]
        for labels, why in refused:
            lines += _filled(f"{labels}: {why}", "    ", "      ")
    sources = dict.fromkeys(norm.source for group in shown for row in group.rows for norm in row.norms)
    if sources:
        lines += ["", "  norms"]
        for source in sources:
            lines += _filled(source, "    ", "      ")
    lines += ["", *_filled(NO_DIAGNOSIS, "  ", "  ")]
    return "\n".join(lines)


def index(result: Result) -> str:
    """Lines of an index from several recordings."""
    lines = [
        "Acoustic Voice Quality Index 03.01" if result["index"] == "avqi" else "Dysphonia Severity Index"
    ]
    for number, text in enumerate(result["warnings"] or ["none found"]):
        lines += _wrapped("" if number else "problems", text)
    for what, name in result["files"].items():
        lines += _wrapped(what, name)
    lines += [
        "",
        *(f"  {name:<{LABEL}}{result[key]:>8.2f}" for key, name in INDICES.items() if key in result),
        "",
        "  made from",
    ]
    for key, value in result["components"].items():
        label, unit = COMPONENTS.get(key, (key, ""))
        lines.append(f"    {label:<{LABEL}}{value:>{VALUE}.2f} {unit}".rstrip())
    if result["norms"]:
        lines += ["", "  norms"]
        for norm in result["norms"]:
            lines += _filled(f"{norm['text']}: {norm['source']}", "    ", "      ")
    return "\n".join([*lines, "", *_filled(NO_DIAGNOSIS, "  ", "  ")])


def batch(done: "VoiceBatch") -> str:
    """Lines of a list."""
    rows = [
        ("recordings", f"{done.rows}, of them {done.reused} done before"),
        ("sustained vowels", str(done.vowels)),
        ("connected speech", str(done.speech)),
        ("no voice in it", str(done.without_voice)),
        ("failed", f"{done.failed} (why stands in the column error)"),
        ("took", f"{done.took_s:.1f} s"),
    ]
    return "\n".join([f"measures: {done.out}", *(f"  {name:<18}{text}" for name, text in rows)])


def _facts(result: Result) -> list[str]:
    lines = _wrapped("what it is", ": ".join(what_it_is(result)))
    place = "" if result["channels"] == 1 else f", channel {result['channel']} of {result['channels']}"
    begins = f" from {result['from_s']:g} s on" if result["from_s"] else ""
    lines += _wrapped("length", f"{result['seconds']:.2f} s{begins} at {result['sample_rate_hz']} Hz{place}")
    chosen = result["settings"]["common"]
    lines += _wrapped(
        "settings",
        f"pitch {chosen['pitch_floor_hz']:g} to {chosen['pitch_ceiling_hz']:g} Hz, formants below "
        f"{chosen['formant_ceiling_hz']:g} Hz; those of each measure: --json",
    )
    return lines + _wrapped("took", f"{result['took_s']:.2f} s")


def _row(row: Row) -> list[str]:
    mark = "*" if row.flag else " "
    value = f"{row.text:>{VALUE}}{mark}{row.figure.unit:<{UNIT}}"
    norms = "; ".join(norm.text for norm in row.norms)
    left = f"    {row.figure.label:<{LABEL}}{value}"
    if not norms:
        return [left.rstrip()]
    beside = textwrap.wrap(norms, max(16, COLUMNS - len(left) - 1))
    return [f"{left} {beside[0]}", *(" " * (len(left) + 1) + line for line in beside[1:])]


def _wrapped(name: str, text: str) -> list[str]:
    return _filled(text, f"  {name:<12}", " " * 14)


def _filled(text: str, first: str, later: str) -> list[str]:
    """Lines of *text*; no number is parted from its unit."""
    lines = textwrap.wrap(
        _UNIT.sub(_TOGETHER, text),
        COLUMNS,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_TOGETHER, " ") for line in lines] or [first.rstrip()]
