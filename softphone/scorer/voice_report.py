"""A measured voice as one HTML page that needs nothing else: what to know first, how it looks, what each number means."""

import html
from collections.abc import Mapping
from typing import Any

from dsp.phonation.phonation import Phonation
from dsp.phonation.section import Recording
from softphone.scorer.html_page import whole_page
from softphone.scorer.voice_report_plots import cepstrum, ltas, over_time
from softphone.scorer.voice_report_style import STYLE
from softphone.scorer.voice_report_tables import made_with, measured, not_measured
from softphone.scorer.voice_report_views import ChannelTrack
from softphone.scorer.voice_view import NO_DIAGNOSIS, groups, what_it_is

Result = Mapping[str, Any]

OK = "ok"
HEADLINES = ("f0_median_hz", "jitter_local_pct", "shimmer_local_pct", "hnr_db", "cpps_db")
"""What stands in large print, where it was measured."""


def voice_report(
    result: Result,
    seen: Phonation,
    recording: Recording,
    *,
    name: str,
    sex: str | None = None,
    age: float | None = None,
) -> bytes:
    """The page, UTF-8; its size does not grow with the recording's length.

    Args:
        result: a `softphone.scorer.voice.VoiceResult`; other keys may be there.
        seen: what *result* was made from.
        recording: what was measured; it is read twice, from its beginning to its end.
        name: of it, as the user knows it.
        sex: ``f`` or ``m``: whose norms are shown; None: all.
        age: in years; None: norms of all ages.
    """
    title = f"Voice in {name}"
    page = [
        _warnings(result, seen),
        _head(result, sex, age),
        f'<p class="says"><b>No diagnosis</b>{html.escape(NO_DIAGNOSIS)}</p>',
        over_time(seen, ChannelTrack(recording, seen.channel)),
        "<h2>In the mean</h2>",
        ltas(result),
        cepstrum(seen),
        measured(result, sex, age),
        not_measured(result),
        made_with(result),
    ]
    return whole_page(title, STYLE, page)


def _warnings(result: Result, seen: Phonation) -> str:
    """What is wrong with the recording, before any number."""
    words = [word for word in result["verdict"] if word != OK]
    if not words and not result["warnings"]:
        return '<ul class="warn"><li class="ok"><b>ok</b>Nothing in the recording stands against measuring it.</li></ul>'
    means = dict(zip(seen.suitability.words, seen.suitability.sentences, strict=True))
    told = [(word, means.get(word, "")) for word in words]
    told += [("", text) for text in result["warnings"] if text not in means.values()]
    items = "".join(
        f"<li>{f'<b>{html.escape(word)}</b>' if word else ''}{html.escape(text)}</li>" for word, text in told
    )
    return f'<ul class="warn">{items}</ul>'


def _head(result: Result, sex: str | None, age: float | None) -> str:
    kind, why = what_it_is(result)
    kind = kind.removeprefix("a ")
    large = f"<b>{html.escape(kind[0].upper() + kind[1:])}</b>"
    rows = {row.key: row for group in groups(result, sex=sex, age=age) for row in group.rows}
    facts = [
        (row.figure.label, f"{row.text} {row.figure.unit}")
        for row in (rows.get(key) for key in HEADLINES)
        if row
    ]
    facts += [
        ("length", f"{result['seconds']:.2f} s"),
        ("sample rate", f"{result['sample_rate_hz']} Hz"),
    ]
    if result["channels"] > 1:
        facts.append(("channel", f"{result['channel']} of {result['channels']}"))
    if result.get("from_s"):
        facts.append(("measured from", f"{result['from_s']:g} s on"))
    whose = {"f": "women", "m": "men"}.get(sex or "")
    if whose or age is not None:
        aged = f"{age:g} years" if age is not None else ""
        facts.append(("norms for", ", ".join(filter(None, (whose or "all", aged)))))
    cells = "".join(f"<div><span>{html.escape(key)}</span>{html.escape(value)}</div>" for key, value in facts)
    return (
        f'<div class="top"><div class="mos task">{large}<p class="note">{html.escape(why)}</p></div>'
        f'<div class="facts">{cells}</div></div>'
    )
