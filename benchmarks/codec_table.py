"""VLC beside Opus, Codec2, AMR and G.711 on speakers it has never heard, and what is wanted of it.

python -m benchmarks.codec_table [--workers 2] [--json FILE] [--markdown FILE --plot PNG] [--out DIR] [--smoke]

Fetches its speech by itself (`benchmarks.heldout_speech`). Figures are means over the clips with their 95 % interval;
WER is over the LibriVox clips alone, of their transcripts, all words together. With --out a second run goes on where the
first was stopped. Timing needs a quiet machine and one worker. Figures of whole calls are measured elsewhere.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import progress
from benchmarks.heldout_speech import Clip, cache_folder, clips
from dsp.codecs import codecs
from softphone.app.codec_columns import COLUMNS, cell, heading
from softphone.app.codec_compare import compare
from softphone.app.codec_plot import rate_plot
from softphone.app.sweep import sweep
from softphone.cli.codec_table import comparison
from softphone.io.speech import speech_path
from softphone.measure_config import CompareOptions, SweepOptions

PACKET_MS, LONG_MS, SHORT_MS = 128, 144, 64
RATES = (1600, 2400, 3800, 6000)
PEERS = (
    "codec2:1200@40",
    "codec2:2400@60",
    "codec2:3200@60",
    "amr:4750@60",
    "opus:6000@60",
    "opus:9600@60",
    "pcmu@20",
)
WIDE, WIDE_PEERS = "vlc-wb:6000", ("opus:6000@60", "opus:9600@60", "amr:4750@60")
LOSS_PCT = 10.0
WORDS_OF = ("vlc:1600@128", "vlc:2400@128", "codec2:3200@60", "opus:6000@60", "amr:4750@60")
JUDGED = ("pesq_nb", "stoi", "dnsmos")

Rows = Mapping[tuple[str, float], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what is wanted."""

    name: str
    must: str
    aim: str
    measured: str
    verdict: str
    """``aim``, ``must``, ``missed`` or, where something was not measured, why."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes (1)")
    parser.add_argument("--out", metavar="DIR", help="keep rows there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw quality over rate")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write all tables there, too")
    parser.add_argument(
        "--smoke", action="store_true", help="bundled speech, two codecs; figures mean nothing"
    )
    given = parser.parse_args()
    why: list[str] = []
    folder = cache_folder() / "clips"
    folder.mkdir(parents=True, exist_ok=True)
    found = _smoke_clips() if given.smoke else clips(folder, why)
    for reason in why:
        progress(reason)
    if not found:
        progress("there is no speech to measure with")
        return 1
    tables = measured(found, given)
    lines = list(wanted(tables))
    for title, rows in tables.items():
        print(comparison(f"\n{title}", list(rows.values())))
    print(f"\n{len(found)} clips\n{table(lines)}")
    if given.plot is not None and not given.smoke:
        given.plot.write_bytes(rate_plot(drawn(tables["narrowband"], tables["wideband"])))
    if given.markdown is not None:
        given.markdown.write_text(markdown(tables, lines, len(found), given.plot), encoding="utf-8")
    if given.json is not None:
        rows = {title: list(rows.values()) for title, rows in tables.items()}
        given.json.write_text(
            json.dumps({"figures": [asdict(line) for line in lines], "rows": rows}, indent=1) + "\n"
        )
    return 0


def measured(found: Sequence[Clip], given: argparse.Namespace) -> dict[str, Rows]:
    """All rows, by table."""
    has_vlc = {name for name in ("vlc", "vlc-wb") if name in codecs.names()}
    for name in sorted({"vlc", "vlc-wb"} - has_vlc):
        progress(f"there is no codec {name}")
    ours = (
        tuple(f"vlc:{rate}@{packet}" for rate in RATES for packet in (PACKET_MS, LONG_MS))
        if "vlc" in has_vlc
        else ()
    )
    lossy = (f"vlc:2400@{SHORT_MS}",) if ours else ()
    if given.smoke:
        names = (*lossy, "pcmu@20")
        return {"smoke": _rows(found, names, ("stoi",), given, losses=(0.0,))}
    tables = {"narrowband": _rows(found, (*ours, *PEERS), JUDGED, given)}
    if lossy:
        tables["packets lost"] = _rows(
            found, (*lossy, "opus:6000@60", "codec2:3200@60"), JUDGED, given, losses=(0.0, LOSS_PCT)
        )
        tables["packets lost in a call"] = _calls(found, (*lossy, "opus:6000@60", "codec2:3200@60"), given)
    wide = [clip for clip in found if clip.is_wide]
    names = (f"{WIDE}@{PACKET_MS}", *WIDE_PEERS) if "vlc-wb" in has_vlc else WIDE_PEERS
    tables["wideband"] = _rows(wide, names, ("pesq_nb", "pesq_wb", "stoi", "dnsmos"), given)
    spoken = [clip for clip in found if clip.has_transcript]
    names = tuple(name for name in WORDS_OF if ours or not name.startswith("vlc"))
    if spoken:
        tables["words"] = _rows(spoken, names, ("words",), given)
    return tables


def _rows(
    found: Sequence[Clip],
    names: tuple[str, ...],
    measures: tuple[str, ...],
    given: argparse.Namespace,
    *,
    losses: tuple[float, ...] = (0.0,),
) -> Rows:
    progress(f"{len(names)} codecs, {len(found)} clips: {', '.join(measures)}")
    options = CompareOptions(
        codecs=names,
        losses_pct=losses,
        files=tuple(str(clip.path) for clip in found),
        measures=measures,
        workers=given.workers,
        out=given.out,
    )
    done = compare(options, lambda share: progress(f"  {100 * share:.0f} %") if share == 1 else None)
    for line in (*done.missing, *done.refused):
        progress(line)
    return _keyed(done.rows)


def _calls(found: Sequence[Clip], names: tuple[str, ...], given: argparse.Namespace) -> Rows:
    """The same losses in test calls: there the next packet is not at hand when one is missed."""
    progress(f"{len(names)} codecs, {len(found)} clips: calls")
    options = SweepOptions(
        codecs=names,
        losses_pct=(0.0, LOSS_PCT),
        speech=tuple(str(clip.path) for clip in found),
        workers=given.workers,
        out=given.out,
    )
    return _keyed(sweep(options).rows)


def _keyed(rows: Sequence[Mapping[str, Any]]) -> Rows:
    return {(f"{row['codec']}@{row['ptime_ms']}", row["loss_pct"]): row for row in rows}


def drawn(narrow: Rows, wide: Rows) -> list[dict[str, Any]]:
    """Rows of the picture: all clips, and of those with the band of 16 kHz PESQ-wb alone, as they are fewer."""
    rows = {key: dict(row) for key, row in narrow.items() if row["ptime_ms"] != LONG_MS}
    kept = ("codec", "ptime_ms", "loss_pct", "payload_bps", "wire_bps", "pesq_wb")
    for key, row in wide.items():
        rows.setdefault(key, {name: row[name] for name in kept})["pesq_wb"] = row["pesq_wb"]
    return list(rows.values())


def _smoke_clips() -> list[Clip]:
    return [Clip(Path(speech_path("builtin:man")), True, False)]


def wanted(tables: Mapping[str, Rows]) -> Iterator[Line]:
    """The lines of the table of figures that files can answer."""
    narrow, lossy = tables.get("narrowband", {}), tables.get("packets lost", {})
    wide, words = tables.get("wideband", {}), tables.get("words", {})
    limits = {
        1600: ((2.6, 0.86), (3.0, 0.90)),
        2400: ((2.9, 0.90), (3.3, 0.93)),
        3800: ((3.2, 0.91), (3.6, 0.945)),
        6000: ((3.35, 0.93), (3.7, 0.957)),
    }
    for rate, (must, aim) in limits.items():
        row = narrow.get((f"vlc:{rate}@{PACKET_MS}", 0.0))
        pair = (mean(row, "pesq_nb"), mean(row, "stoi"))
        text = f"{with_interval(row, 'pesq_nb', 2)} / {with_interval(row, 'stoi', 3)} at {kbps(row)}"
        yield line(
            f"{rate / 1000:g} kb/s: PESQ-nb / STOI", f"{must[0]:g} / {must[1]:g}", f"{aim[0]:g} / {aim[1]:g}", text, pair,
            lambda got, must=must: all(a >= b for a, b in zip(got, must, strict=True)),
            lambda got, aim=aim: all(a >= b for a, b in zip(got, aim, strict=True)),
        )  # fmt: skip
    row = wide.get((f"{WIDE}@{PACKET_MS}", 0.0))
    got = (mean(row, "pesq_wb"), mean(row, "payload_bps"))
    text = f"{with_interval(row, 'pesq_wb', 2)} at {kbps(row)}"
    yield line(
        "16 kHz <= 6.5 kb/s: PESQ-wb", "2.5", "2.9", text, got,
        lambda got: got[0] >= 2.5 and got[1] <= 6500, lambda got: got[0] >= 2.9 and got[1] <= 6500,
    )  # fmt: skip
    yield from _opinions(narrow)
    yield from _words(words)
    for how, rows in (
        ("next packet at hand", lossy),
        ("in a call, at once", tables.get("packets lost in a call", {})),
    ):
        clean, lost = (rows.get((f"vlc:2400@{SHORT_MS}", loss)) for loss in (0.0, LOSS_PCT))
        yield line(
            f"10 % loss at 2.4 kb/s, 64 ms, {how}: PESQ-nb",
            "-0.5",
            "-0.3",
            " -> ".join(with_interval(row, "pesq_nb", 2) for row in (clean, lost)),
            (mean(clean, "pesq_nb"), mean(lost, "pesq_nb")),
            lambda got: got[1] - got[0] >= -0.5,
            lambda got: got[1] - got[0] >= -0.3,
        )
    rows = [narrow.get((name, 0.0)) for name in (f"vlc:2400@{PACKET_MS}", "codec2:3200@60")]
    parts = (mean(rows[0], "encode_ms_per_s"), mean(rows[0], "decode_ms_per_s"))
    yield line(
        "encode + decode, ms per second",
        "3",
        "1.2 (low consumption)",
        f"{cost(rows[0])} (Codec2 3200: {cost(rows[1])})",
        parts,
        lambda got: sum(got) <= 3,
        lambda got: sum(got) <= 1.2,
    )
    yield _least_wire(narrow)


def _opinions(narrow: Rows) -> Iterator[Line]:
    names = ("vlc:3800@128", "vlc:2400@128", "codec2:3200@60", "opus:6000@60")
    rows = [narrow.get((name, 0.0)) for name in names]
    got = tuple(mean(row, "dnsmos_ovrl") for row in rows)
    text = ", ".join(
        f"{name.partition('@')[0]} {with_interval(row, 'dnsmos_ovrl', 2)}"
        for name, row in zip(names, rows, strict=True)
    )
    yield line(
        "DNSMOS not below Codec2 3200's", "at 3.8 kb/s", "at 2.4; Opus 6k's at 3.8", text, got,
        lambda got: got[0] >= got[2], lambda got: got[1] >= got[2] and got[0] >= got[3],
    )  # fmt: skip


def _words(words: Rows) -> Iterator[Line]:
    names = ("vlc:2400@128", "vlc:1600@128", "codec2:3200@60")
    rows = [words.get((name, 0.0)) for name in names]
    got = tuple(None if row is None else row["wer_pooled_pct"] for row in rows)
    text = ", ".join(
        f"{name.partition('@')[0]} {number(each, 1)} %" for name, each in zip(names, got, strict=True)
    )
    yield line(
        "WER not above Codec2 3200's",
        "at 2.4 kb/s",
        "at 1.6",
        text,
        got,
        lambda got: got[0] <= got[2],
        lambda got: got[1] <= got[2],
    )


def _least_wire(narrow: Rows) -> Line:
    """The lowest rate on the wire with PESQ-nb of 3.0 and 200 ms of algorithmic delay."""
    able = [
        row
        for (name, _), row in narrow.items()
        if name.startswith("vlc")
        and (mean(row, "pesq_nb") or 0.0) >= 3.0
        and (row["algorithmic_delay_ms"] or 1e9) <= 200
    ]
    row = min(able, key=lambda each: mean(each, "wire_bps") or 1e9, default=None)
    got = (mean(row, "wire_bps"), mean(row, "packets_per_s"))
    where = (
        ""
        if row is None
        else f"{row['codec']}, {row['ptime_ms']} ms, delay {row['algorithmic_delay_ms']:.0f} ms"
    )
    text = f"{where}: {number(got[0], 0)} b/s, {number(got[1], 1)} packets/s"
    return line(
        "wire at PESQ-nb >= 3.0 within 200 ms", "5.0 kb/s, 8 /s", "4.0, 7", text, got,
        lambda got: got[0] <= 5000 and got[1] <= 8, lambda got: got[0] <= 4000 and got[1] <= 7,
    )  # fmt: skip


def line(
    name: str,
    must: str,
    aim: str,
    text: str,
    got: tuple[float | None, ...],
    is_must: Callable[[tuple[float, ...]], bool],
    is_aim: Callable[[tuple[float, ...]], bool],
) -> Line:
    """A line with its verdict."""
    known = tuple(each for each in got if each is not None)
    if len(known) < len(got):
        return Line(name, must, aim, "", "not measured")
    return Line(name, must, aim, text, "aim" if is_aim(known) else "must" if is_must(known) else "missed")


def mean(row: Mapping[str, Any] | None, name: str) -> float | None:
    """The mean of a column; None where there is none."""
    found = None if row is None else row.get(name)
    return None if found is None else float(found["mean"])


def with_interval(row: Mapping[str, Any] | None, name: str, digits: int) -> str:
    """Mean and half width, for a person."""
    found = None if row is None else row.get(name)
    if found is None:
        return "?"
    half = "" if found["ci95"] is None else f" ±{found['ci95']:.{digits}f}"
    return f"{found['mean']:.{digits}f}{half}"


def kbps(row: Mapping[str, Any] | None) -> str:
    """Payload rate, for a person."""
    value = mean(row, "payload_bps")
    return "?" if value is None else f"{value / 1000:.2f} kb/s"


def cost(row: Mapping[str, Any] | None) -> str:
    """Processor time of encoder and decoder, for a person."""
    return " + ".join(number(mean(row, name), 2) for name in ("encode_ms_per_s", "decode_ms_per_s"))


def number(value: float | None, digits: int) -> str:
    """A number, or a question mark."""
    return "?" if value is None else f"{value:.{digits}f}"


def markdown(tables: Mapping[str, Rows], lines: Sequence[Line], count: int, plot: Path | None) -> str:
    """All tables as one document, which names the command that made it."""
    parts = [
        "# Codecs on speakers never heard before",
        f"Written by `python -m benchmarks.codec_table` over {count} clips; its columns are those of "
        "[codec-comparison.md](codec-comparison.md), means with 95 % intervals. Words are the LibriVox clips' alone.",
    ]
    if plot is not None:
        parts.append(f"![Quality over bit rate]({plot.name})")
    heads = ("figure", "must", "aim", "measured", "reached")
    parts.append(_grid(heads, [(one.name, one.must, one.aim, one.measured, one.verdict) for one in lines]))
    for title, rows in tables.items():
        shown = [one for one in COLUMNS if any(cell(one, row) for row in rows.values())]
        body = [tuple(cell(one, row) for one in shown) for row in rows.values()]
        parts += [f"## {title.capitalize()}", _grid(tuple(heading(one) for one in shown), body)]
    return "\n\n".join(parts) + "\n"


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def table(lines: Sequence[Line]) -> str:
    """All as text."""
    rows = [
        ("figure", "must", "aim", "measured", "reached"),
        *((one.name, one.must, one.aim, one.measured, one.verdict) for one in lines),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


if __name__ == "__main__":
    sys.exit(main())
