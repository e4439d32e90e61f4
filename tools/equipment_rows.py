"""The measurements that `tools.derive_equipment` fits: ``tools/equipment_measured.csv``, and which codecs they are of."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

NARROW, WIDE = "narrowband", "wideband"

OURS = {
    NARROW: (
        "opus:6000@20", "opus:6000@60", "opus:8000@20", "opus:8000@60", "opus:10000@20", "opus:10000@60",
        *(f"codec2:{rate}@{ptime}" for rate in (700, 1200, 1300, 1400, 1600, 2400, 3200) for ptime in (40, 120)),
        *(f"vlc:{rate}@{ptime}" for rate in (1200, 1600, 2400, 3600, 6000) for ptime in (64, 128)),
        "l16@20", "l16@60",
    ),
    WIDE: (
        *(f"opus:{rate}@{ptime}" for rate in (12_000, 16_000, 20_000, 24_000) for ptime in (20, 60)),
        *(f"vlc-wb:{rate}@{ptime}" for rate in (3800, 6000, 8000) for ptime in (64, 128)),
        "g722@20", "g722@60", "l16-wb@20", "l16-wb@60",
    ),
}  # fmt: skip
"""Codecs of ours, as `softphone.app.codec_named.named_codec` reads them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A row of the file of measurements."""

    metric: str
    """``pesq_nb``, ``pesq_wb`` or, at no loss only, ``visqol``."""
    scale: str
    condition: str
    loss_pct: float
    """As asked for."""
    lost_pct: float
    """As it was, the mean."""
    mos: float
    sd: float
    """Of the recordings and seeds."""
    count: int


def read_rows(path: Path) -> list[Measured]:
    """The rows of the file of measurements."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        return [
            Measured(
                row["metric"], row["scale"], row["condition"], float(row["loss_pct"]), float(row["lost_pct"]), float(row["mos"]),
                float(row["sd"]), int(row["count"]),
            )
            for row in csv.DictReader(lines)
        ]  # fmt: skip


def write_rows(path: Path, rows: Iterable[Measured], head: Sequence[str]) -> None:
    """Write them, with *head* as comments."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in head:
            file.write(f"# {line}\n")
        file.write("metric,scale,condition,loss_pct,lost_pct,mos,sd,count\n")
        for row in rows:
            file.write(
                f"{row.metric},{row.scale},{row.condition},{row.loss_pct:g},{row.lost_pct:.2f},{row.mos:.4f},"
                f"{row.sd:.3f},{row.count}\n"
            )
