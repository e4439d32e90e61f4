"""Scores of other tools, each given the files as a user would give them; each runs in a process of its own, for it may crash."""

import importlib.util
import multiprocessing
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self

import numpy as np
import soxr

from dsp.types import Samples

TIMEOUT_S = 900.0


def _pesq(reference: Samples, degraded: Samples, rate_hz: int) -> float:
    from pesq import pesq

    return float(pesq(rate_hz, reference, degraded, "nb"))


def _visqol(reference: Samples, degraded: Samples, rate_hz: int) -> float:
    import visqol

    if rate_hz != 16_000:
        reference, degraded = (soxr.resample(each, rate_hz, 16_000) for each in (reference, degraded))
    judge = visqol.VisqolApi()
    judge.create(mode="speech", use_lattice_model=False)
    return float(
        judge.measure_from_arrays(reference.astype(np.float64), degraded.astype(np.float64), 16_000).moslqo
    )


def _stoi(reference: Samples, degraded: Samples, rate_hz: int) -> float:
    from pystoi import stoi

    length = min(reference.size, degraded.size)
    return float(stoi(reference[:length].astype(np.float64), degraded[:length].astype(np.float64), rate_hz))


PEERS: dict[str, tuple[str, Callable[[Samples, Samples, int], float]]] = {
    "PESQ-nb": ("pesq", _pesq),
    "visqol-python": ("visqol", _visqol),
    "STOI": ("pystoi", _stoi),
}
"""Column -> the package it needs, and what it says of (reference, degraded, rate)."""


def installed() -> tuple[str, ...]:
    """Columns whose package is here."""
    return tuple(
        name for name, (package, _) in PEERS.items() if importlib.util.find_spec(package) is not None
    )


class Peers:
    """Asks other tools, one at a time."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def score(self, name: str, reference: Samples, degraded: Samples, rate_hz: int) -> float | str:
        """The score, or why there is none."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        future: Future[float] = self._pool.submit(PEERS[name][1], reference, degraded, rate_hz)
        try:
            value = future.result(TIMEOUT_S)
        except BrokenProcessPool:
            self.close()
            return "crashed"
        except TimeoutError:
            self.close()
            return "took too long"
        except (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError) as error:
            return f"refused: {type(error).__name__}"
        return value if np.isfinite(value) else "no number"

    def close(self) -> None:
        """End the process."""
        pool, self._pool = self._pool, None
        if pool is not None:
            for process in list((pool._processes or {}).values()):
                process.kill()
            pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
