"""Scores as tables a person reads."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from softphone.scorer.score import HEADLINE, p800_word

if TYPE_CHECKING:
    from softphone.app.score_batch import Batch

Result = Mapping[str, Any]

MOST_CHANGES = 8
PARTS = {"dnsmos_sig": "DNSMOS speech", "dnsmos_bak": "DNSMOS background"}
"""Figures that a metric gives beside its own."""


def one_score(result: Result) -> str:
    """Lines of one recording."""
    lines = [str(result["degraded"])]
    lines += _rows(_figures(result))
    for channel in result["channels"]:
        text = _mos(channel) if channel["mos_lqo"] is not None else _no_mos(channel)
        lines.append(f"  channel {channel['channel']}: {text}; {', '.join(channel['verdict'])}")
    lines += [f"  {note}" for note in dict.fromkeys(_notes(result))]
    return "\n".join(lines)


def _notes(result: Result) -> list[str]:
    """Sentences on what was found, with its numbers; where a check has none, what its words mean."""
    from dsp.checks import checks

    notes: list[str] = []
    for name, check in result["checks"].items():
        known = (
            {each.word: each.means for each in checks.get(name).verdicts} if name in checks.names() else {}
        )
        notes += check["notes"] if check["words"] else []
        if not check["notes"]:
            notes += [f"{word}: {known[word]}." for word in check["words"] if word in known]
    return notes


def batch(done: "Batch") -> str:
    """Lines of a list."""
    mean = "none" if done.mos_lqo_mean is None else f"{done.mos_lqo_mean:.2f}, least {done.mos_lqo_least:.2f}"
    rows = [
        ("recordings", f"{done.rows}, of them {done.reused} done before"),
        ("scored", str(done.scored)),
        ("mean MOS", mean),
        ("not judged", f"{done.refused} (why stands in the column refused)"),
        ("failed", f"{done.failed} (why stands in the column error)"),
        ("took", f"{done.took_s:.1f} s"),
    ]
    return "\n".join([f"scores: {done.out}", *_rows(rows)])


def _figures(result: Result) -> list[tuple[str, str]]:
    rows = [("score", _mos(result) if result["mos_lqo"] is not None else _no_mos(result))]
    if result["mos_lqo"] is not None and not result["trusted"]:
        rows.append(("", f"not to be trusted: {result['untrusted_because']}"))
    if result["channel"] is not None:
        rows.append(("channel", f"{result['channel']} of {len(result['channels'])}, the worst"))
    rows.append(("verdict", ", ".join(result["verdict"])))
    if result["reference"] is not None:
        rows.append(("reference", str(result["reference"])))
    length = f"{result['seconds']:.2f} s"
    if result["scored_s"]:
        length += f", {result['scored_s']:.2f} s of the reference held against it"
        length += f" ({result['copies']} copies)" if result["copies"] > 1 else ""
    rows.append(("length", length))
    if result["delay_ms"] is not None:
        rows.append(("delay", f"{result['delay_ms']:.1f} ms"))
        rows.append(("delay changes", _changes(result["delay_changes"])))
        rows.append(("clock skew", f"{result['skew_ppm']:.0f} ppm"))
    if result["gain_db"] is not None:
        rows.append(("gain", f"{result['gain_db']:+z.1f} dB"))
    if result["polarity"] == -1:
        rows.append(("polarity", "upside down"))
    lost = [part for part in result["missing"] if not part["outside"]]
    if lost:
        rows.append(
            ("not heard", ", ".join(f"{p['from_s']:.1f}-{p['to_s']:.1f} s" for p in lost[:MOST_CHANGES]))
        )
    others = [_measure(name, value) for name, value in result["metrics"].items() if name != HEADLINE]
    if any(others):
        rows.append(("measures", ", ".join(filter(None, others))))
    why_not = result["refused"].get(HEADLINE)
    refused = [(name, why) for name, why in result["refused"].items() if name != HEADLINE and why != why_not]
    rows += [("no " + name, why) for name, why in refused]
    worst = [f"{s['from_s']:.1f}-{s['to_s']:.1f} s {s['mos_lqo']:.2f}" for s in result["worst"][:3]]
    if len(result["segments"]) > 1 and worst:
        rows.append(("worst parts", ", ".join(worst)))
    rows.append(("took", f"{result['took_s']:.2f} s"))
    return rows


def _measure(name: str, value: float | None) -> str:
    """``STOI 0.986``; empty without a value."""
    from softphone.io.every_metric import every_metric

    if value is None:
        return ""
    known = every_metric()
    if name not in known.names():
        return f"{PARTS.get(name, name)} {value:.3g}"
    spec = known.get(name)
    return f"{spec.title} {value:.3g}{' dB' if spec.unit == 'dB' else ''}"


def _mos(result: Result) -> str:
    mos = result["mos_lqo"]
    return f"{mos:.2f} of {result['max']:g} {result['unit']}, {p800_word(mos)}"


def _no_mos(result: Result) -> str:
    return f"none: {result['refused'].get(HEADLINE, 'unknown')}"


def _changes(changes: Sequence[Mapping[str, Any]]) -> str:
    if not changes:
        return "none"
    shown = [
        f"{change['by_ms']:+.0f} ms at {change['at_s']:.2f} s{', in speech' if change['in_speech'] else ''}"
        for change in changes[:MOST_CHANGES]
    ]
    more = len(changes) - len(shown)
    return "; ".join(shown) + (f"; {more} more" if more else "")


def _rows(rows: Sequence[tuple[str, str]]) -> list[str]:
    width = max(len(name) for name, _ in rows)
    return [f"  {name.ljust(width)}  {text}".rstrip() for name, text in rows]
