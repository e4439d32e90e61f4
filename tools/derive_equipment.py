"""Derive equipment figures of Opus, Codec2, VLC and linear samples for the E-model: ``python -m tools.derive_equipment``.

Fits ``tools/equipment_measured.csv`` (see `tools.equipment_fit`) and writes ``dsp/metrics/equipment_derived.py`` and the tables of
``docs/e-model.md``. With ``--measure FILE|FOLDER ...`` the speech of those and the bundled speech is coded, lost, concealed and
measured by PESQ first (`tools.equipment_sweep`; needs `pesq` and `av`; about 25 minutes of one core for ten recordings of 8 s).
"""

import argparse
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from dsp.emodel_terms import NARROWBAND
from softphone.app.score_trust import PARAMETRIC
from tools.equipment_fit import SCALES, Derived, derive
from tools.equipment_rows import read_rows, write_rows

ROOT = Path(__file__).parent.parent
MEASURED = ROOT / "tools" / "equipment_measured.csv"
MODULE = ROOT / "dsp" / "metrics" / "equipment_derived.py"
PAGE = ROOT / "docs" / "e-model.md"
BEGIN, END = "<!-- made by tools.derive_equipment: begin -->", "<!-- made by tools.derive_equipment: end -->"
NAMES = {
    "pcmu": "G.711 µ-law, ours", "pcmu-silence": "G.711 µ-law, silence for what is lost", "g726": "G.726",
    "g722": "G.722", "g723.1": "G.723.1", "amr:12200": "GSM EFR, as AMR 12.2", "amr:7400": "IS-641, as AMR 7.4",
    "direct": "the recording itself",
}  # fmt: skip


def module_text(derived: Derived) -> str:
    """``dsp/metrics/equipment_derived.py``."""
    rows = []
    for each in derived.codecs:
        row = each.equipment
        scale = "NARROWBAND" if row.scale == NARROWBAND else "WIDEBAND"
        source = "_DOUBTFUL" if row.codec in PARAMETRIC else "_SOURCE"
        rows.append(
            f'    _row("{row.codec}", {scale}, {row.ie}, {row.bpl}, {source}, {row.bit_rate_bps}, {row.packet_ms}),'
        )
    known = [
        f'    ("{SCALES[each.scale]}", "{each.condition}", {each.loss_pct:.1f}, {each.published:.1f}, {each.derived:.1f}),'
        for each in derived.anchors
    ]
    return "\n".join(
        [
            '"""Equipment figures derived here, of codecs that ITU-T G.113 does not hold.',
            "",
            "Made by: ``python -m tools.derive_equipment`` from tools/equipment_measured.csv; edit nothing here.",
            "",
            "Conventions: as in `dsp.metrics.equipment`.",
            "Source: mean MOS-LQO of PESQ over speech coded, lost at random and concealed; fitted after ITU-T P.834 and P.834.1 as",
            "docs/e-model.md tells. How good the figures are, `ANCHORS` says: what the ITU has published beside what the same",
            "measurement makes of it.",
            '"""',
            "",
            "from dsp.emodel_terms import NARROWBAND, WIDEBAND, Equipment",
            "from dsp.metrics.base import MetricSpec",
            "",
            '_SOURCE = "derived by PESQ: docs/e-model.md"',
            '_DOUBTFUL = "derived by PESQ, which flatters codecs that send parameters: docs/e-model.md"',
            "",
            "",
            "def _row(",
            "    codec: str, scale: str, ie: float, bpl: float, source: str, bit_rate_bps: int | None, packet_ms: int",
            ") -> Equipment:",
            "    return Equipment(codec, scale, ie, bpl, source, bit_rate_bps, packet_ms, published=False)",
            "",
            "",
            "DERIVED: tuple[Equipment, ...] = (",
            *rows,
            ")",
            "ANCHORS: tuple[tuple[str, str, float, float, float], ...] = (",
            *known,
            ")",
            '"""Scale, condition, per cent lost, Ie (under loss Ie,eff) as published, as derived."""',
            "",
            "SPECS: tuple[MetricSpec, ...] = ()",
            "",
        ]
    )


def _named(condition: str) -> str:
    name, _, interval = condition.partition("@")
    codec, _, rate = name.partition(":")
    words = NAMES.get(name) or f"{NAMES[codec]}{f' at {int(rate) / 1000:g} kb/s' if rate else ''}"
    return f"{words}, {interval} ms" if interval else words


def _robustness(robust: Sequence[tuple[str, float, float]]) -> list[str]:
    if not robust:
        return []
    rows = [f"| {_named(condition)} | {bpl:g} | {own:g} |" for condition, bpl, own in robust]
    return ["**Bpl of anchors.**", "", "| anchor | published | derived |", "|---|---|---|", *rows, ""]


def _rms(residuals: Iterable[float]) -> float:
    squares = [each**2 for each in residuals]
    return float((sum(squares) / len(squares)) ** 0.5)


def page_text(derived: Derived) -> str:
    """The tables of ``docs/e-model.md``."""
    text = []
    for scale, title in SCALES.items():
        line, seen = derived.lines[scale], derived.witness
        mine = [each for each in derived.anchors if each.scale == scale]
        clean = [each for each in mine if each.loss_pct == 0]
        rms = _rms(each.derived - each.published for each in clean)
        other = _rms(seen[scale, each.condition] - each.published for each in clean)
        text += [
            f"**Anchors, {scale} ({title}).** Ie = {line.slope:g} x raw {'+' if line.offset >= 0 else '-'} {abs(line.offset):g}. "
            f"Root mean square of the residuals without loss: {rms:.1f} by PESQ, {other:.1f} by ViSQOL.",
            "",
            "| anchor | lost % | raw | published | derived | residual | by ViSQOL |",
            "|---|---|---|---|---|---|---|",
            *(
                f"| {_named(each.condition)} | {each.loss_pct:.1f} | {each.raw:.1f} | {each.published:.1f} | {each.derived:.1f} | "
                f"{each.derived - each.published:+.1f} | {'' if each.loss_pct else f'{seen[scale, each.condition]:.1f}'} |"
                for each in mine
            ),
            "",
            *_robustness(derived.robust if title == NARROWBAND else ()),
            f"**Derived, {scale} ({title}).** Misfit is the root mean square of Ie,eff as measured minus as by the formula.",
            "",
            "| codec | b/s | packet ms | Ie | Bpl | misfit | Ie by ViSQOL |",
            "|---|---|---|---|---|---|---|",
            *(
                f"| {row.codec} | {row.bit_rate_bps} | {row.packet_ms} | {row.ie} | {row.bpl} | {each.rms:.1f} | "
                f"{seen[scale, each.condition]:.1f} |"
                for each in derived.codecs
                if (row := each.equipment).scale == title
            ),
            "",
        ]
    return "\n".join(text)


def _speech(arguments: Sequence[str]) -> list[str]:
    files = []
    for each in arguments:
        path = Path(each)
        files += sorted(map(str, path.glob("*.wav"))) if path.is_dir() else [each]
    return ["builtin:man", "builtin:woman", *files]


def main() -> None:
    """Measure if asked to, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--measure", nargs="*", metavar="FILE|FOLDER", help="speech of 16 kHz beside the bundled"
    )
    asked = parser.parse_args()
    if asked.measure is not None:
        from tools.equipment_sweep import SEEDS, measure_all

        files = _speech(asked.measure)
        head = [
            "Mean MOS-LQO, written by python -m tools.derive_equipment --measure",
            f"{len(files)} recordings: {', '.join(Path(each).name for each in files)}; {len(SEEDS)} patterns of random loss each",
        ]
        write_rows(MEASURED, measure_all(files), head)
    derived = derive(read_rows(MEASURED))
    MODULE.write_text(module_text(derived), encoding="utf-8", newline="\n")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(MODULE)], check=True)
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(
        f"{before}{BEGIN}\n\n{page_text(derived)}\n{END}{after}",
        encoding="utf-8",
        newline="\n",
    )


if __name__ == "__main__":
    main()
