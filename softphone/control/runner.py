"""What follows a desk: a chain that runs, with its meters; and these as events have them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from dsp.chain import FilterChain
from dsp.live_match import matched_gain_db
from dsp.live_meter import MeterReading

METER_DIGITS = 1
"""A tenth of a dB is what EBU Tech 3341 wants shown."""
DIGITS = 3


class Runner(Protocol):
    """A chain that runs, and its meters."""

    @property
    def chain(self) -> FilterChain:
        """What is changed."""

    def levels(self) -> Mapping[str, Any] | None:
        """``in`` and ``out`` (`MeterReading`) and what else it knows: ``at_s``, ``load_pct``, ``latency_ms``, ``block_ms``,
        ``xruns``, ``running``, ``device``; None: it has no meters."""

    def spectrum(self) -> tuple[Sequence[float], Sequence[float], Sequence[float]] | None:
        """Centres of bands in Hz, their levels before and after the chain in dB; None: not measured."""

    def reset_meters(self) -> None:
        """Begin anew with peaks and integrated loudness."""


def levels_of(name: str, runner: Runner) -> dict[str, Any] | None:
    """The body of a ``levels`` event of the chain called *name*; None: *runner* has no meters."""
    shown = runner.levels()
    if shown is None:
        return None
    readings = runner.chain.readings()
    numbers = {path: each for path, each in readings.items() if isinstance(each, (int, float))}
    body: dict[str, Any] = {"chain": name} | {key: _rounded(each, DIGITS) for key, each in shown.items()}
    return body | {
        "in": _shown(shown["in"]),
        "out": _shown(shown["out"]),
        "gain_reduction_db": _of(numbers, "gain_reduction_db"),
        "gates": _of(numbers, "open"),
        "readings": _readings(readings),
        "changing": runner.chain.changing,
    }


def readings_of(runner: Runner) -> dict[str, Any]:
    """What the meters of the filters show, by ``slot.name``."""
    return _readings(runner.chain.readings())


def spectrum_of(name: str, runner: Runner, *, axis: bool) -> dict[str, Any] | None:
    """The body of a ``spectrum`` event of the chain called *name*, in whole dB; None: *runner* does not measure it.

    Args:
        axis: whether the centres of the bands, ``hz``, are told too: they stay the same.
    """
    shown = runner.spectrum()
    if shown is None:
        return None
    hz, before, after = shown
    body: dict[str, Any] = {"chain": name}
    if axis:
        body["hz"] = [round(float(each), 1) for each in hz]
    return body | {
        "in_db": [round(float(each)) for each in before],
        "out_db": [round(float(each)) for each in after],
    }


def measured_gain_db(runner: Runner) -> float:
    """How much louder the sound after *runner*'s chain is than before it (`dsp.live_match`); 0 where it has no meters."""
    shown = runner.levels()
    return 0.0 if shown is None else matched_gain_db(_reading(shown["in"]), _reading(shown["out"]))


def _readings(shown: Mapping[str, float | str]) -> dict[str, Any]:
    return {path: _rounded(each, DIGITS) for path, each in shown.items()}


def _shown(reading: MeterReading | Mapping[str, Any]) -> dict[str, Any]:
    return {key: _rounded(each, METER_DIGITS) for key, each in asdict(_reading(reading)).items()}


def _reading(given: MeterReading | Mapping[str, Any]) -> MeterReading:
    return given if isinstance(given, MeterReading) else MeterReading(**given)


def _rounded(value: Any, digits: int) -> Any:
    if not isinstance(value, float):
        return value
    return round(value, digits) if math.isfinite(value) else None


def _of(numbers: Mapping[str, float], name: str) -> dict[str, Any]:
    """Slot -> its reading called *name*."""
    split = ((path.rpartition("."), each) for path, each in numbers.items())
    return {
        slot: _rounded(each, METER_DIGITS if name.endswith("_db") else DIGITS)
        for (slot, _, last), each in split
        if last == name
    }
