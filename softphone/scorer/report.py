"""A score as one HTML page that needs nothing else: what is wrong in words, when, how it looks, and what each number means."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsp.checks import Verdict, checks
from dsp.metrics import metrics
from dsp.track import Track
from softphone.scorer.html_page import whole_page
from softphone.scorer.report_plots import (
    Axis,
    Block,
    bars,
    curve,
    figure,
    grid,
    image,
    outline,
    steps,
    svg,
    trace,
)
from softphone.scorer.report_style import STYLE
from softphone.scorer.report_views import Timeline, Waveform, loudest, png, spectrogram, waveform
from softphone.scorer.score import HEADLINE, OK, p800_word

Result = Mapping[str, Any]

LOWEST_DBOV = -80.0
MOS_AXIS = Axis(1, 5, "MOS", (1, 2, 3, 4, 5))


def report(score: Result, degraded: Track, reference: Track | None, names: tuple[str, str | None]) -> bytes:
    """The page, UTF-8.

    Args:
        score: a `softphone.scorer.score.Score`; other keys may be there.
        degraded: what was recorded, and *reference* what was sent; None: there is none.
        names: of the two, as the user knows them.
    """
    name, sent = names
    title = f"Score of {name}"
    page = [
        _head(score, sent),
        _channels(score),
        _verdicts(score),
        _timeline(score, degraded, reference),
        _segments(score),
        _measures(score),
        _checks(score),
        _refused(score),
        _FOOT,
    ]
    return whole_page(title, STYLE, page)


def _head(score: Result, sent: str | None) -> str:
    mos = score["mos_lqo"]
    if mos is None:
        number = f'<b>&ndash;</b>no score<p class="note">{html.escape(score["refused"].get(HEADLINE, "nothing to judge"))}</p>'
    else:
        number = (
            f'<b class="{_quality(mos)}">{mos:.2f}</b>{p800_word(mos)}, of {score["max"]:g} ({score["unit"]})'
        )
        if not score["trusted"]:
            number += (
                f'<p class="note">Not to be relied on: {html.escape(str(score["untrusted_because"]))}.</p>'
            )
    facts = [("compared with", sent)] if sent else []
    facts.append(("length", f"{score['seconds']:.2f} s"))
    if score["delay_ms"] is not None:
        changes = len(score["delay_changes"])
        facts += [
            ("delay", f"{score['delay_ms']:.1f} ms"),
            ("changes of the delay", str(changes) if changes else "none"),
            ("clock skew", f"{score['skew_ppm']:.0f} ppm"),
        ]
    if score["gain_db"] is not None:
        facts.append(("gain", f"{score['gain_db']:+z.1f} dB"))
    if score.get("channel") is not None:
        facts.append(("channel", f"{score['channel']} of {len(score['channels'])}, the worst"))
    if score["polarity"] == -1:
        facts.append(("polarity", "upside down"))
    cells = "".join(f"<div><span>{html.escape(key)}</span>{html.escape(value)}</div>" for key, value in facts)
    return f'<div class="top"><div class="mos">{number}</div><div class="facts">{cells}</div></div>'


def _channels(score: Result) -> str:
    """What became of each channel of a file that has several."""
    rows = []
    for each in score.get("channels", ()):
        mos = each["mos_lqo"]
        said = f"{mos:.2f}, {p800_word(mos)}" if mos is not None else "no score"
        rows.append(f"<li>Channel {each['channel']}: {said}; {html.escape(', '.join(each['verdict']))}</li>")
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def _verdicts(score: Result) -> str:
    known = {each.word: each for name in checks.names() for each in checks.get(name).verdicts}
    items = []
    for word in score["verdict"]:
        if word == OK:
            items.append('<li class="ok"><b>ok</b>No check found anything wrong with the signal.</li>')
            continue
        notes = [
            note for check in score["checks"].values() if word in check["words"] for note in check["notes"]
        ]
        items.append(_verdict(word, known.get(word), notes))
    return f'<ul class="words">{"".join(items)}</ul>'


def _verdict(word: str, verdict: Verdict | None, notes: Sequence[str]) -> str:
    means = "" if verdict is None else html.escape(verdict.means)
    small = "".join(f"<small>{html.escape(note)}</small>" for note in dict.fromkeys(notes))
    return f"<li><b>{html.escape(word)}</b>{means}{small}</li>"


def _timeline(score: Result, degraded: Track, reference: Track | None) -> str:
    """Every plot over the time of the degraded signal."""
    seconds = degraded.size / degraded.sample_rate_hz
    if seconds == 0:
        return ""
    heard = waveform(degraded, Timeline(seconds))
    said, where = None, None
    if reference is not None and score["delay_trace"]:
        where = Timeline(seconds, _places(score))
        said = waveform(reference, where)
    parts = ["<h2>Over time</h2>", _mos_plot(score, seconds), _events(score, seconds)]
    parts += _waves(heard, said, seconds)
    parts.append(_levels(heard, said, seconds))
    parts += _spectra(degraded, reference if where is not None else None, where, seconds)
    parts.append(_delays(score, seconds))
    return "\n".join(part for part in parts if part)


def _places(score: Result) -> list[list[float]]:
    """[at_s, delay_ms] that lead from what is heard to where it stands in the reference, in whichever copy."""
    if score["copies"] == 1:
        return list(score["delay_trace"])
    return [
        [at, 1000 * (each["from_s"] - each["said_from_s"])]
        for each in score["segments"]
        for at in (each["from_s"], each["to_s"])
    ]


def _mos_plot(score: Result, seconds: float) -> str:
    judged = [each for each in score["segments"] if each["mos_lqo"] is not None]
    if not judged:
        return ""
    blocks = [
        Block(
            each["from_s"], each["to_s"], _quality(each["mos_lqo"]),
            f"{each['from_s']:.2f} to {each['to_s']:.2f} s: {each['mos_lqo']:.2f}, {p800_word(each['mos_lqo'])}",
            each["mos_lqo"],
        )
        for each in judged
    ]  # fmt: skip
    drawing = svg(grid(MOS_AXIS) + bars(blocks, seconds, MOS_AXIS), "score of each utterance")
    note = "One bar for each utterance, as high as its score: 5 excellent, 4 good, 3 fair, 2 poor, 1 bad."
    return figure("Score by utterance", drawing, MOS_AXIS, seconds, note=note)


def _events(score: Result, seconds: float) -> str:
    """What checks found, where, and what moved."""
    blocks = [
        Block(span[0], span[1], "bad", f"{', '.join(check['words'])}: {span[0]:.2f} to {span[1]:.2f} s")
        for check in score["checks"].values()
        if check["words"]
        for span in check["spans"]
    ]
    blocks += [
        Block(
            each["from_s"], each["to_s"], "event", f"inserted: {each['from_s']:.2f} to {each['to_s']:.2f} s"
        )
        for each in score["inserted"]
    ]
    blocks += [
        Block(each["at_s"], each["at_s"], "event", f"delay {each['by_ms']:+.1f} ms at {each['at_s']:.2f} s")
        for each in score["delay_changes"]
    ]
    if not blocks:
        return ""
    key = (
        '<p class="note key"><i class="bad" style="margin-left:0"></i>found by a check<i class="event"></i>'
        "inserted, or the delay moved</p>"
    )
    drawing = svg(bars(blocks, seconds), "where something was found")
    return figure("Where", drawing, None, seconds, shape="strip") + key


def _waves(heard: Waveform, said: Waveform | None, seconds: float) -> list[str]:
    peak = max([0.01, *(float(np.nanmax(np.abs(w))) for w in _extremes(heard, said) if np.isfinite(w).any())])
    axis = Axis(-peak, peak, "full scale", (round(-peak, 2), 0, round(peak, 2)))
    parts = []
    if said is not None:
        drawing = svg(grid(axis) + outline(said, axis, "ref"), "waveform of the reference")
        parts.append(
            figure(
                "Reference: what was sent",
                drawing,
                axis,
                seconds,
                note="Drawn where it is heard, or should be.",
            )
        )
    drawing = svg(grid(axis) + outline(heard, axis, "deg"), "waveform of the recording")
    parts.append(figure("Recording: what was heard", drawing, axis, seconds))
    return parts


def _extremes(heard: Waveform, said: Waveform | None) -> list[Any]:
    return [each for wave in (heard, said) if wave is not None for each in (wave.low, wave.high)]


def _levels(heard: Waveform, said: Waveform | None, seconds: float) -> str:
    axis = Axis(LOWEST_DBOV, 0, "dBov", (-80, -60, -40, -20, 0))
    inner = grid(axis)
    key = '<p class="note key"><i class="deg" style="margin-left:0"></i>recording'
    if said is not None:
        inner += curve(said.level_dbov, axis, "ref")
        key += '<i class="ref"></i>reference'
    inner += curve(heard.level_dbov, axis, "deg")
    return figure("Level", svg(inner, "level over time"), axis, seconds) + key + "</p>"


def _spectra(degraded: Track, reference: Track | None, where: Timeline | None, seconds: float) -> list[str]:
    top_hz = degraded.sample_rate_hz / 2
    axis = Axis(0, top_hz / 1000, "kHz", steps(0, top_hz / 1000, 5))
    pictures = [("Spectrogram of the recording", spectrogram(degraded, Timeline(seconds), top_hz))]
    if reference is not None and where is not None:
        pictures.insert(0, ("Spectrogram of the reference", spectrogram(reference, where, top_hz)))
    # Each against its own loudest, so that a difference of level, which stands above, does not hide that of the spectra.
    return [
        figure(
            title, image(png(picture, loudest(picture)), title), axis, seconds, shape="tall",
            note="Bright is loud; over 70 dB." if number == len(pictures) - 1 else "",
        )
        for number, (title, picture) in enumerate(pictures)
    ]  # fmt: skip


def _delays(score: Result, seconds: float) -> str:
    points = score["delay_trace"]
    if not points:
        return ""
    values = [each[1] for each in points]
    middle, spread = (max(values) + min(values)) / 2, max(max(values) - min(values), 20.0)
    low, high = middle - 0.7 * spread, middle + 0.7 * spread
    axis = Axis(low, high, "ms", steps(low, high, 5))
    drawing = svg(grid(axis) + trace(points, seconds, axis, "deg"), "delay over time")
    note = "How far the recording is behind the reference. A step is a jitter buffer that moved, a slope two clocks that differ."
    if score["copies"] > 1:
        note += f" The reference was heard {score['copies']} times; the curve goes on from one to the next."
    return figure("Delay", drawing, axis, seconds, note=note)


def _segments(score: Result) -> str:
    worst = score["worst"]
    if len(score["segments"]) < 2 or not worst:
        return ""
    rows = "".join(
        f'<tr><td class="n">{each["from_s"]:.2f}</td><td class="n">{each["to_s"]:.2f}</td>'
        f'<td class="n">{each["mos_lqo"]:.2f}</td><td>{p800_word(each["mos_lqo"])}</td></tr>'
        for each in worst
    )
    return (
        '<h2>Worst utterances</h2><div class="wide"><table><thead><tr><th class="n">from (s)</th><th class="n">to (s)</th>'
        f'<th class="n">MOS</th><th></th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _measures(score: Result) -> str:
    rows = []
    for name, value in score["metrics"].items():
        if value is None:
            continue
        spec = metrics.get(name) if name in metrics.names() else None
        if spec is None:
            rows.append(_row(name, value, "", ""))
            continue
        low, high = spec.range
        better = "higher is better" if spec.higher_is_better else "lower is better"
        rows.append(_row(spec.title, value, f"{spec.unit}, {low:g} to {high:g}; {better}", spec.meaning))
    if not rows:
        return ""
    return _table("Measures against the reference", rows)


def _checks(score: Result) -> str:
    rows = []
    for name, check in score["checks"].items():
        known = checks.get(name).figures if name in checks.names() else {}
        for key, value in check["figures"].items():
            if value is not None:
                of = known.get(key)
                rows.append(_row(key, value, of.unit if of else "", of.meaning if of else ""))
    return _table("The signal itself", rows) if rows else ""


def _row(name: str, value: float, unit: str, meaning: str) -> str:
    return (
        f'<tr><td>{html.escape(name)}</td><td class="n">{_number(value)}</td><td>{html.escape(unit)}</td>'
        f'<td class="m">{html.escape(meaning)}</td></tr>'
    )


def _number(value: float) -> str:
    """Four digits, or all in front of the point."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value + 0.0:.4g}"


def _table(title: str, rows: Sequence[str]) -> str:
    return (
        f'<h2>{title}</h2><div class="wide"><table class="means"><thead><tr><th></th><th class="n">value</th><th>unit</th>'
        f"<th>what it means</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _refused(score: Result) -> str:
    if not score["refused"]:
        return ""
    items = "".join(
        f"<li><b>{html.escape(name)}</b>: {html.escape(why)}</li>" for name, why in score["refused"].items()
    )
    return f"<h2>Not measured, and why</h2><ul>{items}</ul>"


def _quality(mos: float) -> str:
    return f"q{min(5, max(1, int(mos + 0.5)))}"


_FOOT = (
    "<h2>What MOS is</h2><p>A mean opinion score: what a room full of listeners would say on average, from 1 (bad) to 5 "
    "(excellent), after ITU-T P.800. MOS-LQO means that a model said it, not listeners: good to compare lines and codecs, "
    "good to some tenths, and never the whole truth. The verdicts above come first: a score is only worth as much as the "
    "recording it was made of.</p>"
)
