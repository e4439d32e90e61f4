"""What a line metric is: audio in, one number out, or a refusal."""

from collections.abc import Callable
from dataclasses import dataclass

from dsp.errors import DspError
from dsp.types import Samples


class MetricRefused(DspError, ValueError):
    """The audio is not what this metric can judge; no number would mean anything."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric of a line, with all that a report needs to print it."""

    name: str
    """Registry name, lower case."""
    unit: str
    """Name of the scale."""
    range: tuple[float, float]
    """Smallest and largest value."""
    higher_is_better: bool
    """Direction of the scale."""
    needs_reference: bool
    """Whether the first argument of `measure` is looked at."""
    sample_rates_hz: tuple[int, ...]
    """Rates it takes as they are; empty for any from 8000."""
    measure: Callable[[Samples, Samples, int], float]
    """(reference, degraded, sample_rate_hz) -> value; both aligned, of one length. Raises MetricRefused."""
