"""A stretch of a recording, with what lies around it, and what is known of the recording as a whole."""

from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.pitch_track import PitchTrack
from dsp.types import Block, Samples

Floats = NDArray[np.float64]
T_co = TypeVar("T_co", covariant=True)

WHOLE_S = 45.0
"""A recording of up to this length is one section."""
SECTION_S = 30.0
"""Core of a section of a longer one."""


class Recording(Protocol):
    """A recording that can be read anywhere, more than once."""

    @property
    def sample_rate_hz(self) -> int:
        """Its rate."""

    @property
    def channels(self) -> int:
        """How many."""

    @property
    def size(self) -> int:
        """Samples of one channel."""

    def read(self, start: int, stop: int) -> Block:
        """Samples *start* to *stop* of all channels, ``(channels, stop - start)``; 0 <= start <= stop <= size."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What is known of the whole recording before its sections are looked at."""

    sample_rate_hz: int
    size: int
    """Samples."""
    mean: float
    """Of all samples, full scale = 1."""
    peak: float
    """Greatest magnitude of a sample minus `mean`."""

    @property
    def seconds(self) -> float:
        """Length."""
        return self.size / self.sample_rate_hz


@dataclass(frozen=True, slots=True, eq=False)
class Transforms:
    """Spectra of blocks of a section's samples, which two changes of its sample rate have in common."""

    up_to_hz: float
    """What is above is not kept."""
    lines: dict[tuple[int, int], NDArray[np.complex128]] = field(default_factory=dict)
    """By the first sample of the block, in the section, and its length."""


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """Samples `start` to `stop` of the recording, and as many around them as contours asked for.

    A frame belongs to the section in whose core its centre lies.
    """

    whole: Whole
    samples: Samples
    """Mono, margins included; where the recording begins or ends there is no margin."""
    first: int
    """Where in the recording ``samples[0]`` is."""
    start: int
    """Core: its first sample, in the recording."""
    stop: int
    """Core: the first sample behind it."""
    pitch: PitchTrack | None = None
    """Of core and margins; contours that need it come behind the pitch's."""
    transforms: Transforms | None = None
    """Filled by the first contour that changes the sample rate; None: each transforms the samples anew."""

    @classmethod
    def of_all(cls, samples: Samples, sample_rate_hz: int) -> "Section":
        """All of *samples*, ``(n,)``, a recording of their own."""
        mean = float(samples.mean(dtype=np.float64)) if samples.size else 0.0
        peak = float(max(samples.max() - mean, mean - samples.min())) if samples.size else 0.0
        return cls(Whole(sample_rate_hz, samples.size, mean, peak), samples, 0, 0, samples.size)

    def owned(self, times_s: Floats) -> NDArray[np.bool_]:
        """Which of *times_s* lie in the core, ``(n,)``."""
        at = times_s * self.whole.sample_rate_hz
        inside: NDArray[np.bool_] = (at >= self.start) & ((at < self.stop) | (self.stop == self.whole.size))
        return inside


class Contour(Protocol[T_co]):
    """Something that is measured along a recording; one object for one recording."""

    @property
    def margin_s(self) -> float:
        """How much of the recording it wants on either side of a core."""

    def push(self, section: Section) -> None:
        """Take the next section."""

    def finish(self) -> T_co:
        """What was found; after the last section."""
