"""What a filter file must provide.

A filter file ends with ``SPECS = (...)``. Its parameters are a frozen dataclass made of the fields of
`dsp.params`; its filter is built from them for one sample rate and channel count, keeps state, and takes blocks
of any length: the pieces equal the whole. A change of parameters builds a new filter; the chain fades from the
old one to the new one (`dsp.chain`), so a filter needs no setters.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dsp.errors import LibraryMissing, ParameterError
from dsp.registry import Registry
from dsp.types import Block, Samples

MAX_CHANNELS = 64

CATEGORIES = (
    "level",
    "equaliser",
    "dynamics",
    "restoration",
    "noise",
    "simulation",
    "tones",
    "time and pitch",
)
"""What filters are grouped by, in the order of the reference."""


class CodecStream(Protocol):
    """A codec's encoder and decoder, one frame after the other, as a filter sees it."""

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the samples it takes and gives."""

    @property
    def frame_samples(self) -> int:
        """Length of a frame."""

    @property
    def delay_samples(self) -> int:
        """How much later than its input a frame comes out."""

    def transmit(self, frame: Samples, *, lost: bool) -> Samples:
        """Encode *frame*, decode it or, where it is *lost*, conceal it; *frame_samples* samples."""


def _no_audio(name: str, sample_rate_hz: int) -> Block:
    raise ParameterError(f"no sound file can be read here, wanted {name} at {sample_rate_hz} Hz")


def _no_codec(name: str, bit_rate_bps: int | None, frame_ms: int) -> CodecStream:
    raise ParameterError(f"no codec is at hand here, wanted {name}")


def _no_libraries(name: str) -> Sequence[str]:
    raise LibraryMissing(f"no library is at hand here, wanted {name}")


@dataclass(frozen=True, slots=True)
class Resources:
    """What a filter cannot make itself and is handed by whoever builds it."""

    read_response: Callable[[str, int], Block] = _no_audio
    """(file name, sample rate) -> the impulse response in it, for that rate, ``(channels, n)``; raises ParameterError."""
    open_codec: Callable[[str, int | None, int], CodecStream] = _no_codec
    """(codec name, bit rate or None for its default, frame in ms); raises ParameterError, UnknownName."""
    find_library: Callable[[str], Sequence[str]] = _no_libraries
    """Name of a shared library or model -> paths of it, the best first; raises LibraryMissing."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a filter is built for."""

    sample_rate_hz: int
    channels: int = 1
    resources: Resources = field(default_factory=Resources)


class Filter(Protocol):
    """A stateful block processor. Subclass it and override what differs."""

    channels_out: int | None = None
    """Channels of what `process` returns; None: as many as come in."""
    delay_samples: int = 0
    """How much later than its input the output comes: what a file's start is cut by, and what A/B must line up."""
    tail_samples: int = 0
    """How long it sounds on after its input has ended, beyond `delay_samples`."""
    settle_samples: int = 0
    """How long a fresh filter takes in running sound until its output is that of one that always ran (to -90 dB).

    One that has adopted the past of another says how long it takes from there.
    """
    ready_samples: int | None = None
    """How long a fresh filter takes until it can be heard without a click; None: as long as it takes to settle."""
    rereads: bool = False
    """Whether it is so quick that it can be run over a fifth of a second at once between two blocks, to settle."""
    length_factor: float = 1.0
    """Length of the output by that of the input; only a filter whose spec `changes_length` has another."""

    def process(self, block: Block) -> Block:
        """Filter *block* and return it.

        Args:
            block: ``(channels, n)``, any n from 0 on, changed in place.

        Returns:
            *block* itself; another array only where the number of channels or the length differs, valid until
            the next call.
        """

    def reset(self) -> None:
        """Forget the past: be as just built."""

    def adopt(self, previous: "Filter") -> None:
        """Take what the filter *previous*, which this one replaces, has learned (a noise estimate, an envelope, a delay line).

        Called between blocks, before the first `process`; *previous* is of the same class and runs on for a while.
        """
        return None

    def hear_far(self, far: Samples) -> None:
        """Be told what the loudspeaker plays: mono, as long as the next block. Only if the spec says ``takes_far``."""
        return None

    def readings(self) -> Mapping[str, float | str]:
        """What its meters show now, by the names in ``FilterSpec.readings``: numbers, or a text that was read."""
        return {}


@dataclass(frozen=True, slots=True)
class Reading:
    """A meter of a filter."""

    name: str
    unit: str
    help: str


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """A filter as presets, the command line and remote control see it."""

    name: str
    """Lower case, words joined by ``-``."""
    summary: str
    """One line: what it does."""
    category: str
    """One of `CATEGORIES`."""
    source: str
    """Where its method is from: standard and section, paper, or "own" with the reason."""
    params: type[Any]
    """Frozen dataclass made of the fields of `dsp.params`; each has a default."""
    build: Callable[[Any, Setting], Filter]
    """Build it; raises ParameterError for what cannot be at this rate, LibraryMissing for an engine not installed."""
    linear: bool = False
    """Whether it is linear and time-invariant: then a change may leave no trace above -85 dB far from a tone."""
    generates: bool = False
    """Whether it makes sound out of silence."""
    takes_far: bool = False
    """Whether it needs the far signal (`Filter.hear_far`)."""
    changes_length: bool = False
    """Whether more or fewer samples come out than go in: only for files."""
    readings: tuple[Reading, ...] = ()
    """Its meters."""


filters: Registry[FilterSpec] = Registry("filter")
