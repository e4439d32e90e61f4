"""What can be asked of `codec encode`, `codec decode`, `codec compare` and `sweep`, as frozen data checked when made."""

from dataclasses import dataclass

from softphone.config import DEFAULT_RADIO, check_range
from softphone.errors import UsageError

MAX_JOBS = 100_000
MEASURES = ("pesq_nb", "pesq_wb", "stoi", "dnsmos", "plcmos", "words")
"""What `codec compare` can measure, in the order in which it does."""


def _check_each(what: str, values: tuple[float, ...], low: float, high: float, unit: str) -> None:
    if not values:
        raise UsageError(f"{what} needs at least one value, got none")
    for value in values:
        check_range(what, value, low, high, unit)
    if len(set(values)) < len(values):
        raise UsageError(f"{what} names a value twice: {','.join(f'{value:g}' for value in values)}")


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """A sound file that becomes a file of packets."""

    codec: str
    source: str
    target: str
    bit_rate_bps: int | None = None
    ptime_ms: int | None = None
    complexity: int = 5
    opus_library: str | None = None
    force: bool = False

    def __post_init__(self) -> None:
        check_range("--bitrate", self.bit_rate_bps, 450, 1_000_000, "b/s")
        check_range("--ptime", self.ptime_ms, 10, 160, "ms")
        check_range("--complexity", self.complexity, 0, 10)


@dataclass(frozen=True, slots=True)
class SpectralChange:
    """What a decoder of VLC changes; see `dsp.codecs.vlc.effects.Effects` for units and ranges."""

    shift_hz: float = 0.0
    pitch_ratio: float = 1.0
    equaliser_db: tuple[tuple[float, float], ...] = ()
    """(frequency in Hz, gain in dB)."""
    denoise_db: float = 0.0


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """A file of packets that becomes a sound file."""

    source: str
    target: str
    shift_hz: float = 0.0
    pitch_ratio: float = 1.0
    equaliser_db: tuple[tuple[float, float], ...] = ()
    denoise_db: float = 0.0
    opus_library: str | None = None
    force: bool = False

    @property
    def change(self) -> SpectralChange:
        """What was asked of the decoder besides decoding."""
        return SpectralChange(self.shift_hz, self.pitch_ratio, self.equaliser_db, self.denoise_db)


@dataclass(frozen=True, slots=True)
class Grid:
    """What `compare` and `sweep` have in common: codecs, conditions, and who does the work."""

    codecs: tuple[str, ...] | None = None
    """``name[:bit rate][@packet interval]``; None: what is installed of a usual choice."""
    ptimes_ms: tuple[int, ...] | None = None
    """Packet intervals of codecs that name none; None: one near 60 ms."""
    losses_pct: tuple[float, ...] = (0.0,)
    bursts: tuple[float, ...] = (1.0,)
    """Mean number of packets lost in a row."""
    seed: int = 1
    complexity: int = 5
    opus_library: str | None = None
    out: str | None = None
    """Folder where rows are kept, so that a second run goes on where the first one ended."""
    workers: int = 1
    dask: str | None = None
    """Address of a Dask scheduler, or ``local``."""
    plot: str | None = None
    radio: str = DEFAULT_RADIO
    """Technology, or technology:rate in Mb/s, that airtime is reckoned for."""
    force: bool = False

    def __post_init__(self) -> None:
        if self.codecs is not None and (not self.codecs or len(set(self.codecs)) < len(self.codecs)):
            raise UsageError(
                f"--codecs wants codecs, each of them once, got {','.join(self.codecs) or 'nothing'}"
            )
        if self.ptimes_ms is not None:
            _check_each("--ptime", self.ptimes_ms, 10, 160, "ms")
        _check_each("--loss", self.losses_pct, 0, 100, "percent")
        _check_each("--burst", self.bursts, 1, 1000, "packets")
        check_range("--seed", self.seed, 0, 2**63 - 1)
        check_range("--complexity", self.complexity, 0, 10)
        check_range("--workers", self.workers, 1, 1024, "processes")


@dataclass(frozen=True, slots=True)
class CompareOptions(Grid):
    """Sound files through several codecs."""

    files: tuple[str, ...] = ()
    measures: tuple[str, ...] | None = None
    """Of `MEASURES`; None: all that are installed."""
    report: str | None = None
    """HTML file."""

    def __post_init__(self) -> None:
        # Slots make a new class of this one, which `super()` without arguments would miss.
        Grid.__post_init__(self)
        strangers = [name for name in self.measures or () if name not in MEASURES]
        if strangers or self.measures == ():
            raise UsageError(
                f"--measures must be of {', '.join(MEASURES)}, got {', '.join(strangers) or 'none'}"
            )


@dataclass(frozen=True, slots=True)
class SweepOptions(Grid):
    """Speech through several codecs over several lines."""

    speech: tuple[str, ...] = ("builtin:man", "builtin:woman")
    delays_ms: tuple[float, ...] = (0.0,)
    jitters_ms: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        # Slots make a new class of this one, which `super()` without arguments would miss.
        Grid.__post_init__(self)
        _check_each("--delay", self.delays_ms, 0, 10_000, "ms")
        _check_each("--jitter", self.jitters_ms, 0, 10_000, "ms")
