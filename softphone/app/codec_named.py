"""What a person calls a codec (``opus:6000``, ``vlc:2400@128``) and the codec and settings it means."""

from dataclasses import dataclass

from dsp.codecs import CodecSettings, CodecSpec
from dsp.errors import UnknownName
from dsp.registry import Registry
from softphone.config import CodecChoice
from softphone.errors import UsageError
from softphone.io.dsp_faults import told_to_the_user
from softphone.io.libraries import codecs_with
from softphone.io.measured_codecs import measured_codecs

DEFAULT_PTIME_MS = 60
"""Where nothing is asked for: the headers of shorter packets outweigh the speech."""


@dataclass(frozen=True, slots=True)
class NamedCodec:
    """A codec, how it is to work, and what it was called."""

    name: str
    """As in a table: ``opus:6000``."""
    spec: CodecSpec
    settings: CodecSettings

    @property
    def sample_rate_hz(self) -> int:
        """Rate of its samples."""
        return self.spec.sample_rate_hz(self.settings)

    @property
    def packet_samples(self) -> int:
        """Samples in one packet."""
        return self.sample_rate_hz * self.settings.ptime_ms // 1000

    @property
    def delay_ms(self) -> float:
        """Algorithmic delay: the packet, which has to be waited for, and what encoder and decoder look ahead or hold back."""
        return self.settings.ptime_ms + 1000 * self.spec.delay_samples(self.settings) / self.sample_rate_hz


def all_codecs(*, opus: str | None = None, measuring: bool = False) -> Registry[CodecSpec]:
    """Every codec; *measuring* adds those that no call uses (`softphone.io.measured_codecs`)."""
    known = codecs_with(opus=opus)
    if not measuring:
        return known
    every: Registry[CodecSpec] = Registry("codec")
    for name in known.names():
        every.add(known.get(name))
    for spec in measured_codecs():
        every.add(spec)
    return every


def named_codec(
    text: str,
    *,
    ptime_ms: int | None = None,
    exact: bool = False,
    complexity: int = 5,
    opus: str | None = None,
    measuring: bool = False,
) -> NamedCodec:
    """The codec that ``name[:bit rate][@packet interval]`` means.

    Args:
        ptime_ms: packet interval where *text* names none.
        exact: refuse a *ptime_ms* that the codec does not make, which else becomes the nearest it makes, the
            shorter of two. One in *text* is always exact.
        complexity: effort of the encoder, 0 to 10.
        opus: path of the libopus to use.
        measuring: whether codecs that no call uses will do.

    Raises:
        UsageError: a codec nobody has, a bit rate or packet interval it does not do.
        EnvironmentProblem: its library is not on this system.
    """
    words, at, interval = text.strip().partition("@")
    if at and not (interval.isascii() and interval.isdigit()):
        raise UsageError(f"codec {text!r}: the packet interval after '@' must be a whole number of ms")
    choice = CodecChoice.parse(words)
    try:
        spec = all_codecs(opus=opus, measuring=measuring).get(choice.name)
    except UnknownName as error:
        raise UsageError(f"{error.args[0]}; see `softphone codec list`") from None
    low, default, high = spec.bit_rates_bps
    rate = default if choice.bit_rate_bps is None else choice.bit_rate_bps
    if not low <= rate <= high:
        wanted = f"{low}" if low == high else f"{low} to {high}"
        raise UsageError(f"bit rate of {spec.name} must be {wanted} b/s, got {rate}")
    asked = CodecSettings(bit_rate_bps=rate, complexity=complexity)
    with told_to_the_user(spec.name):
        spec.library()
        spec = spec if spec.at is None else spec.at(asked)
    wanted_ms = int(interval) if at else ptime_ms
    known = spec.ptimes_ms
    if wanted_ms is None:
        wanted_ms = _nearest(known, DEFAULT_PTIME_MS)
    elif wanted_ms not in known:
        if at or exact:
            intervals = ", ".join(map(str, known))
            at_rate = "" if spec.at is None else f" at {rate} b/s"
            raise UsageError(
                f"packet interval of {spec.name} must be one of {intervals} ms{at_rate}, got {wanted_ms}"
            )
        wanted_ms = _nearest(known, wanted_ms)
    settings = CodecSettings(bit_rate_bps=rate, ptime_ms=wanted_ms, complexity=complexity)
    return NamedCodec(spec.name if low == high else f"{spec.name}:{rate}", spec, settings)


def _nearest(known: tuple[int, ...], wanted: int) -> int:
    return min(known, key=lambda each: (abs(each - wanted), each))
