"""Plots of a report on a voice, each with its numbers as a table for whoever does not see it."""

import html
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dsp.phonation.phonation import Phonation
from dsp.track import Track
from softphone.scorer.report_plots import (
    WIDTH,
    Axis,
    clock,
    figure,
    framed,
    grid,
    image,
    moments,
    outline,
    steps,
    svg,
    trace,
)
from softphone.scorer.report_views import Timeline, loudest, png, waveform
from softphone.scorer.voice_report_views import (
    Contours,
    Floats,
    contours,
    formant_spectrogram,
    medians,
    thinned,
)

SPECTROGRAM_HZ = 5500.0
PARTS = 12
"""Rows of a table over time."""
LEAST_PARTS_S = 0.1
LTAS_RANGE_DB = 90.0
LEVEL_RANGE_DB = 60.0
LONGEST_QUEFRENCY_S = 0.018


def over_time(seen: Phonation, track: Track) -> str:
    """Waveform, spectrogram with pitch and formants, pitch, level; then what stands there in numbers."""
    shown = contours(seen)
    parts = [
        "<h2>Over time</h2>",
        _waveform(track, shown.seconds),
        _spectrogram(seen, shown, track),
        _pitch(shown),
        _level(shown),
        _numbers_over_time(shown),
    ]
    return "\n".join(part for part in parts if part)


def ltas(result: Any) -> str:
    """The long-term average spectrum."""
    if not result["ltas_hz"] or not result["ltas_db"]:
        return ""
    hz, level = (np.asarray(result[key], dtype=np.float64) for key in ("ltas_hz", "ltas_db"))
    axis = _below_top(float(level.max()), LTAS_RANGE_DB, "dB/Hz")
    top_hz = float(hz[-1] + hz[0])
    drawing = grid(axis) + trace(_pairs(*thinned(hz, level)), top_hz, axis, "deg")
    peak = hz[int(np.argmax(level))]
    label = f"long-term average spectrum, strongest at {peak:.0f} Hz"
    note = "Mean power over the whole recording, in bands of 100 Hz: dB re full scale, per hertz."
    table = _details(
        "The spectrum in numbers",
        ("from (Hz)", "to (Hz)", "level (dB/Hz)"),
        [
            (f"{low:.0f}", f"{high:.0f}", f"{_mean_db(level[(hz >= low) & (hz < high)]):.1f}")
            for low, high in _octaves(top_hz)
            if ((hz >= low) & (hz < high)).any()
        ],
    )
    marks = [(100 * each / (top_hz / 1000), f"{each:g} kHz") for each in steps(0, top_hz / 1000)]
    return framed("Long-term average spectrum (LTAS)", svg(drawing, label), axis, marks, note=note) + table


def cepstrum(seen: Phonation) -> str:
    """The mean cepstrum with the peak of the voice, and the trend line it stands out of."""
    found = seen.cepstra
    inside = (found.quefrency_s > 0) & (found.quefrency_s <= LONGEST_QUEFRENCY_S)
    at, level = found.quefrency_s[inside], found.mean_cepstrum_db[inside]
    if not at.size or not np.isfinite(level).all():
        return ""
    slope, intercept = found.trend
    ends = np.array([at[0], at[-1]])
    line = slope * ends + intercept
    behind = level[at >= 0.001] if (at >= 0.001).any() else level
    low = 10 * math.floor((min(float(behind.min()), float(line.min())) - 2) / 10)
    high = 10 * math.ceil((max(float(behind.max()), float(line.max())) + 2) / 10)
    axis = Axis(low, high, "dB", steps(low, high, 5))
    width = float(at[-1])
    drawing = grid(axis) + trace(_pairs(*thinned(at, level)), width, axis, "deg")
    drawing += trace(_pairs(ends, line), width, axis, "ref")
    peak_s = found.peak_quefrency_s
    note = "Grey: the trend line."
    label = "mean cepstrum"
    if math.isfinite(peak_s) and peak_s > 0:
        top, foot = float(np.interp(peak_s, at, level)), slope * peak_s + intercept
        drawing += trace([[peak_s, foot], [peak_s, top]], width, axis, "peak")
        label += f", its peak at {1000 * peak_s:.2f} ms ({1 / peak_s:.0f} Hz), {top - foot:.1f} dB above the trend line"
        note += (
            f" Red: how far the peak at {1000 * peak_s:.2f} ms, one period at {1 / peak_s:.0f} Hz, stands out of it in the mean of "
            "all frames. CPP and CPPS in the table are means of what each frame gives."
        )
    marks = [(100 * each / (1000 * width), f"{each:g} ms") for each in steps(0, 1000 * width)]
    return framed("Cepstrum, mean of all frames", svg(drawing, label), axis, marks, note=note)


def _waveform(track: Track, seconds: float) -> str:
    wave = waveform(track, Timeline(seconds))
    peak = max(0.01, float(np.nanmax(np.abs([wave.low, wave.high]))))
    peak = min(1.0, math.ceil(peak * 20) / 20) if peak <= 1 else peak
    axis = Axis(-peak, peak, "full scale", (-peak, 0, peak))
    drawing = svg(
        grid(axis) + outline(wave, axis, "deg"), f"waveform, {seconds:.2f} s, peak {peak:.2f} of full scale"
    )
    return figure("Waveform", drawing, axis, seconds)


def _spectrogram(seen: Phonation, shown: Contours, track: Track) -> str:
    top_hz = min(track.sample_rate_hz / 2, max(SPECTROGRAM_HZ, seen.settings.formant_ceiling_hz))
    axis = Axis(0, top_hz / 1000, "kHz", steps(0, top_hz / 1000, 7))
    picture = formant_spectrogram(track, shown.seconds, top_hz)
    inner = _dots(shown, axis)
    right, note = None, "Bright is loud; over 70 dB, high frequencies lifted by 6 dB an octave."
    if inner:
        note += " White: formants F1 to F4."
    if np.isfinite(shown.f0_hz).any():
        right = _f0_axis(shown.f0_hz)
        inside = _within(shown.f0_hz, right)
        inner += _curve(shown.pitch_at_s, inside, shown.seconds, right, "f0 under")
        inner += _curve(shown.pitch_at_s, inside, shown.seconds, right, "f0")
        note += " Blue line: pitch (F0), whose scale is on the right."
    drawing = image(png(picture, loudest(picture)), "spectrogram") + svg(
        inner, "pitch and formants over the spectrogram"
    )
    marks = [
        (100 * tick / max(shown.seconds, 1e-9), clock(tick, shown.seconds)) for tick in moments(shown.seconds)
    ]
    return framed(
        "Spectrogram with pitch and formants", drawing, axis, marks, right=right, shape="tall", note=note
    )


def _pitch(shown: Contours) -> str:
    if not np.isfinite(shown.f0_hz).any():
        return ""
    axis = _f0_axis(shown.f0_hz)
    voiced = shown.f0_hz[np.isfinite(shown.f0_hz)]
    label = f"pitch over time, {voiced.min():.0f} to {voiced.max():.0f} Hz, median {np.median(voiced):.0f} Hz"
    inside = _within(shown.f0_hz, axis)
    drawing = svg(grid(axis) + _curve(shown.pitch_at_s, inside, shown.seconds, axis, "deg"), label)
    outside = 1 - np.count_nonzero(np.isfinite(inside)) / voiced.size
    note = (
        f"{100 * outside:.1f} % of it, single moments far from the rest, lie outside this scale."
        if outside
        else ""
    )
    return figure("Pitch (F0)", drawing, axis, shown.seconds, note=note)


def _level(shown: Contours) -> str:
    heard = shown.level_db[np.isfinite(shown.level_db)]
    if not heard.size:
        return ""
    axis = _below_top(float(heard.max()), LEVEL_RANGE_DB, "dBFS")
    label = f"level over time, at most {heard.max():.1f} dB re full scale, median {np.median(heard):.1f} dB"
    inside = _within(shown.level_db, axis)
    drawing = svg(grid(axis) + _curve(shown.level_at_s, inside, shown.seconds, axis, "deg"), label)
    return figure(
        "Intensity",
        drawing,
        axis,
        shown.seconds,
        note="Re full scale: how loud it was in the room, a file does not know.",
    )


def _numbers_over_time(shown: Contours) -> str:
    count = max(1, min(PARTS, int(shown.seconds / LEAST_PARTS_S)))
    edges = np.linspace(0, shown.seconds, count + 1)
    rows = []
    for low, high in itertools.pairwise(edges):
        f0 = medians(shown.f0_hz[(shown.pitch_at_s >= low) & (shown.pitch_at_s < high)])
        level = medians(shown.level_db[(shown.level_at_s >= low) & (shown.level_at_s < high)])
        formants = medians(shown.formants_hz[(shown.formants_at_s >= low) & (shown.formants_at_s < high)])
        rows.append(
            (
                f"{low:.2f}", f"{high:.2f}", _or_dash(f0, 1), _or_dash(level, 1),
                *(_or_dash(each, 0) for each in formants),
            )
        )  # fmt: skip
    head = ("from (s)", "to (s)", "pitch (Hz)", "level (dBFS)", "F1 (Hz)", "F2 (Hz)", "F3 (Hz)", "F4 (Hz)")
    return _details("The same in numbers: medians of equal parts", head, rows)


def _details(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that opens when it is asked for."""
    cells = "".join(f'<th class="n" scope="col">{html.escape(each)}</th>' for each in head)
    lines = "".join(
        "<tr>" + "".join(f'<td class="n">{html.escape(each)}</td>' for each in row) + "</tr>" for row in rows
    )
    return (
        f'<details><summary>{html.escape(title)}</summary><div class="wide"><table><caption class="unseen">{html.escape(title)}'
        f"</caption><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table></div></details>"
    )


def _dots(shown: Contours, axis: Axis) -> str:
    places = [
        f"M{WIDTH * at / max(shown.seconds, 1e-9):.1f} {axis.y(float(hz) / 1000):.1f}h0"
        for at, row in zip(shown.formants_at_s, shown.formants_hz, strict=True)
        for hz in row
        if math.isfinite(hz) and hz <= 1000 * axis.high
    ]
    if not places:
        return ""
    path = "".join(places)
    return f'<path class="formant under" d="{path}"/><path class="formant" d="{path}"/>'


def _curve(times_s: Floats, values: Floats, seconds: float, axis: Axis, kind: str) -> str:
    return trace(_pairs(times_s, values), seconds, axis, kind)


def _pairs(x: Floats, y: Floats) -> list[list[float]]:
    return [[float(a), float(b)] for a, b in zip(x, y, strict=True)]


def _f0_axis(f0_hz: Floats) -> Axis:
    """From a little below to a little above nearly all of it, 20 % of it at least."""
    low, high = (float(each) for each in np.nanquantile(f0_hz, (0.02, 0.98)))
    room = max(0.2 * (high - low), 0.1 * low)
    low, high = max(0.0, low - room), high + room
    return Axis(low, high, "Hz", steps(low, high, 5))


def _within(values: Floats, axis: Axis) -> Floats:
    """*values*, NaN where *axis* does not reach."""
    found: Floats = np.where((values >= axis.low) & (values <= axis.high), values, math.nan)
    return found


def _below_top(highest: float, span: float, unit: str) -> Axis:
    top = 10.0 * math.ceil((highest + 1) / 10)
    return Axis(top - span, top, unit, tuple(np.arange(top - span, top + 1, span / 3).tolist()))


def _octaves(top_hz: float) -> list[tuple[float, float]]:
    edges = [0.0, 125.0, *(125.0 * 2**each for each in range(1, 9))]
    kept = [each for each in edges if each < top_hz]
    return list(zip(kept, [*kept[1:], top_hz], strict=True))


def _mean_db(level: Floats) -> float:
    return float(10 * np.log10(np.mean(10 ** (level / 10))))


def _or_dash(value: Floats, digits: int) -> str:
    return f"{float(value):.{digits}f}" if np.isfinite(value) else "\N{EN DASH}"
