"""The columns of a comparison or a sweep as a person reads them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    title: str
    unit: str
    text: Callable[[Row], str]


def _value(path: str, digits: int, scale: float = 1.0) -> Callable[[Row], str]:
    """What formats the value at *path*, keys joined by dots; a mean without its interval."""

    def text(row: Row) -> str:
        found: Any = row
        for key in path.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping):
            found = found.get("mean")
        return "" if found is None else f"{found * scale:.{digits}f}"

    return text


def _with_interval(name: str, digits: int) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        found = row.get(name)
        if found is None:
            return ""
        half = "" if found["ci95"] is None else f" ±{found['ci95']:.{digits}f}"
        return f"{found['mean']:.{digits}f}{half}"

    return text


def _condition(name: str, usual: float) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        found = row.get(name)
        return "" if found is None or found == usual else f"{found:g}"

    return text


def _lost(row: Row) -> str:
    """What really was lost, where something was to be."""
    return _value("lost_pct", 1)(row) if row.get("loss_pct") else ""


def _own_score(row: Row) -> str:
    """The scorer's metric, where it is another than STOI, which has a column."""
    return "" if row.get("score_metric") == "stoi" else _with_interval("score", 2)(row)


def _files(row: Row) -> str:
    counts = [found["n"] for found in row.values() if isinstance(found, Mapping) and "ci95" in found]
    return str(max(counts, default=0))


COLUMNS = (
    Column("codec", "", lambda row: str(row["codec"])),
    Column("packet", "ms", _value("ptime_ms", 0)),
    Column("loss", "%", _condition("loss_pct", 0.0)),
    Column("lost", "%", _lost),
    Column("burst", "", _condition("burst", 1.0)),
    Column("line delay", "ms", _condition("delay_ms", 0.0)),
    Column("line jitter", "ms", _condition("jitter_ms", 0.0)),
    Column("payload", "kb/s", _value("payload_bps", 2, 1e-3)),
    Column("wire", "kb/s", _value("wire_bps", 2, 1e-3)),
    Column("packets", "/s", _value("packets_per_s", 1)),
    Column("air", "ms/s", _value("airtime.ms_per_s", 2)),
    Column("enc", "ms/s", _value("encode_ms_per_s", 2)),
    Column("dec", "ms/s", _value("decode_ms_per_s", 2)),
    Column("delay", "ms", _value("algorithmic_delay_ms", 0)),
    Column("n", "", _files),
    Column("PESQ nb", "", _with_interval("pesq_nb", 2)),
    Column("raw", "", _value("pesq_nb_raw", 2)),
    Column("PESQ wb", "", _with_interval("pesq_wb", 2)),
    Column("STOI", "", _with_interval("stoi", 3)),
    Column("score", "", _own_score),
    Column("DNSMOS", "", _with_interval("dnsmos_ovrl", 2)),
    Column("PLCMOS", "", _with_interval("plcmos", 2)),
    Column("WER", "%", _with_interval("wer_pct", 0)),
    Column("concealed", "%", _value("concealed_pct", 1)),
    Column("E-model", "", lambda row: str(row.get("emodel_model") or "")),
    Column("R", "", _value("emodel_r", 1)),
    Column("MOS-CQE", "", _value("emodel_mos_cq", 2)),
    Column("mouth to ear", "ms", _value("mouth_to_ear_ms", 0)),
)


def cell(column: Column, row: Row) -> str:
    """What stands in *column* for *row*; empty where there is nothing."""
    return column.text(row)


def heading(column: Column) -> str:
    """Title and unit."""
    return f"{column.title} {column.unit}".rstrip()
