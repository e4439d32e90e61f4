"""Pictures of a comparison or a sweep: quality over bit rate and over loss, by matplotlib, which is imported on use."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from softphone.app.codec_compare import codec_name
from softphone.app.codec_measure import ORIGINAL
from softphone.errors import EnvironmentProblem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUALITIES = (
    ("pesq_nb", "PESQ narrowband (P.862.1)", (1.0, 4.7)),
    ("pesq_wb", "PESQ wideband (P.862.2)", (1.0, 4.7)),
    ("dnsmos_ovrl", "DNSMOS overall", (1.0, 4.5)),
    ("stoi", "STOI", (0.5, 1.01)),
    ("wer_pct", "Words wrong (%)", (0.0, 100.0)),
)
"""Drawn as far as they were measured."""
_COLOURS = ("#c1272d", "#0b62a4", "#2e7d32", "#7b3fa0", "#b26a00", "#00838f", "#5d4037", "#546e7a", "#ad1457")
_MARKS = "osD^vPX*<"
_FAINT = "#c9c9c9"

Row = Mapping[str, Any]
Name = Callable[[Row], str]
"""What a row's line is called."""


def rate_plot(rows: Sequence[Row]) -> bytes:
    """PNG: each quality over the payload rate and over the rate on the wire, with 95 % intervals.

    Raises:
        EnvironmentProblem: matplotlib is not installed.
    """
    coded = [row for row in rows if row["codec"] != ORIGINAL]
    losses = sorted({row["loss_pct"] for row in coded})
    least = [row for row in coded if row["loss_pct"] == losses[0]] if losses else []
    shown = _shown(least)
    figure, grid = _figure(max(1, len(shown)), 2)
    for line, (name, title, limits) in enumerate(shown):
        for column, (rate, label) in enumerate(
            (("payload_bps", "Payload (kb/s)"), ("wire_bps", "On the wire, IPv4+UDP+RTP (kb/s)"))
        ):
            _draw(grid[line][column], least, rate, name, 1000.0, _by_codec(least))
            grid[line][column].set_xscale("log")
            _plain_ticks(grid[line][column])
            grid[line][column].set_xlabel(label)
            grid[line][column].set_ylabel(title)
            grid[line][column].set_ylim(*limits)
    return _png(figure, grid, 5)


def loss_plot(rows: Sequence[Row]) -> bytes:
    """PNG: each quality over the packets lost; raises as `rate_plot`."""
    coded = [row for row in rows if row["codec"] != ORIGINAL]
    shown = _shown(coded)
    figure, grid = _figure(max(1, len(shown)), 1)
    for line, (name, title, limits) in enumerate(shown):
        _draw(grid[line][0], coded, "loss_pct", name, 1.0, _by_condition)
        grid[line][0].set_xlabel("Packets lost (%)")
        grid[line][0].set_ylabel(title)
        grid[line][0].set_ylim(*limits)
    return _png(figure, grid, 2)


def _shown(rows: Sequence[Row]) -> list[tuple[str, str, tuple[float, float]]]:
    return [each for each in QUALITIES if any(row.get(each[0]) is not None for row in rows)]


def _figure(lines: int, columns: int) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise EnvironmentProblem('plots need matplotlib: pip install "softphone[plots]"') from None
    figure = Figure(figsize=(5.5 * columns + 1.5, 3.6 * lines + 0.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(lines, columns, squeeze=False, sharex="col")
    for axes in grid.flat:
        axes.tick_params(labelbottom=True)
    return figure, grid


def _draw(axes: "Axes", rows: Sequence[Row], across: str, up: str, scale: float, name_of: Name) -> None:
    """Points of each name, joined; a name has one colour and mark in every panel."""
    groups: dict[str, list[tuple[float, float, float]]] = {name_of(row): [] for row in rows}
    for row in rows:
        x, y = row.get(across), row.get(up)
        if x is not None and y is not None:
            at = x["mean"] if isinstance(x, Mapping) else x
            half = (y["ci95"] or 0.0) if y["n"] > 2 else 0.0
            groups[name_of(row)].append((at / scale, y["mean"], half))
    for number, (name, points) in enumerate(groups.items()):
        xs, ys, errors = zip(*sorted(points), strict=True) if points else ((), (), ())
        axes.errorbar(
            xs, ys, yerr=errors, label=name, color=_COLOURS[number % len(_COLOURS)],
            marker=_MARKS[number % len(_MARKS)], markersize=6, linewidth=1.6, capsize=3, elinewidth=0.8,
        )  # fmt: skip
    axes.grid(visible=True, color=_FAINT, linewidth=0.6)


def _by_codec(rows: Sequence[Row]) -> Name:
    """A line for each codec, and for each packet interval where it was measured at several."""
    packets: dict[str, set[int]] = {}
    for row in rows:
        packets.setdefault(codec_name(row["codec"]), set()).add(row["ptime_ms"])
    several = {codec for codec, intervals in packets.items() if len(intervals) > 1}

    def name(row: Row) -> str:
        codec = codec_name(row["codec"])
        return f"{codec} {row['ptime_ms']} ms" if codec in several else codec

    return name


def _by_condition(row: Row) -> str:
    """A line for each codec, rate, packet interval and line."""
    return " ".join((row["codec"], f"{row['ptime_ms']} ms", *_conditions(row)))


def _conditions(row: Row) -> list[str]:
    """What tells lines of one codec apart beside the loss."""
    words = []
    if (row.get("burst") or 1.0) != 1.0:
        words.append(f"burst {row['burst']:g}")
    if row.get("jitter_ms"):
        words.append(f"jitter {row['jitter_ms']:g} ms")
    if row.get("delay_ms"):
        words.append(f"delay {row['delay_ms']:g} ms")
    return words


def _plain_ticks(axes: "Axes") -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _png(figure: Any, grid: Any, across: int) -> bytes:
    handles, labels = grid[0][0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=min(across, len(labels)), fontsize=9)
    made = io.BytesIO()
    figure.savefig(made, format="png")
    return made.getvalue()
