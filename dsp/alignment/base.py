"""What an aligner finds: which part of a recording is which part of the reference.

Conventions: positions are in samples of the one rate that both have; `start`, `stop` and `Span` of the reference count in
the reference, those of the degraded signal in the degraded signal. A *copy* is one playing of the reference: where it was
played in a loop, the recording holds several. Sample *i* of the reference (in a stretch) is heard at
``i + offset + slope * (i - start)``, which need not be whole.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Samples ``[start, stop)``."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of the reference that is heard without a jump."""

    start: int
    stop: int
    offset: float
    """Degraded position less reference position, at `start`."""
    slope: float
    """Clock skew: samples the degraded signal falls behind per sample of the reference; 1e-6 is 1 ppm."""
    correlation: float
    """Of the waveforms, 0 to 1; 0 where nothing is said, low for codecs that do not keep the waveform."""
    copy: int
    """Which playing of the reference, from 0."""
    measured: bool
    """False where nothing is said (a pause): the offset is that of a neighbour."""

    def heard_at(self, position: float) -> float:
        """Where in the degraded signal the reference's *position* is."""
        return position + self.offset + self.slope * (position - self.start)


@dataclass(frozen=True, slots=True)
class DelayChange:
    """The delay jumped."""

    at: int
    """First sample of the degraded signal that is later, or earlier, than before."""
    by: float
    """Samples; positive: later than before."""
    in_speech: bool
    """Whether somebody was speaking there (a word was torn or shortened), not in a pause."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Part of the reference that is not heard in a copy."""

    span: Span
    copy: int
    speech: int
    """Samples of it in which somebody speaks."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """All that was found."""

    sample_rate_hz: int
    polarity: int
    """-1 where the degraded signal is upside down, else 1."""
    skew_ppm: float
    """Positive: the degraded signal lasts longer."""
    waveform_kept: bool
    """False where only envelopes could be compared, as with a vocoder; positions are then good to some ms."""
    copies: int
    stretches: tuple[Stretch, ...]
    """In the order in which they are heard; of one copy they do not overlap in the reference."""
    changes: tuple[DelayChange, ...]
    """Jumps of 2 ms or more inside a copy, by time."""
    missing: tuple[Missing, ...]
    """What was said (speech in it) and is not heard: cut head or tail, words left out."""
    inserted: tuple[Span, ...]
    """Parts of the degraded signal, between heard ones of one copy, that are no part of the reference."""
    similarity: float
    """How alike the two are over all that was found, 0 to 1: the mean of envelope correlations."""
