"""What the filters made of second-order sections share: running them, and the parameters of the classic designs."""

from collections.abc import Callable
from dataclasses import dataclass

from dsp.biquads import Cascade, Sos, acts, empty, out_of_reach
from dsp.filters.base import Filter, Setting
from dsp.iir_design import KINDS, Edge
from dsp.params import choice, integer, number
from dsp.types import Block

LOWEST_HZ, HIGHEST_HZ = 1.0, 48_000.0


class Sections(Filter):
    """Runs sections over all channels."""

    rereads = True

    def __init__(self, sos: Sos, setting: Setting) -> None:
        self._cascade = Cascade(sos, setting.channels)
        self.settle_samples = self._cascade.settle_samples

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        return self._cascade.process(block)

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._cascade.reset()


@dataclass(frozen=True, slots=True)
class BandParams:
    """Parameters that all classic designs have."""

    kind: str = choice("highpass", KINDS, "what it lets through; a high-pass cuts what is low")
    order: int = integer(4, 1, 24, "", "steepness: 6 dB per octave each, on each side of a band")
    freq_hz: float = number(
        100.0, LOWEST_HZ, HIGHEST_HZ, "Hz", "cut-off of a low-pass or high-pass", log=True
    )
    low_hz: float = number(300.0, LOWEST_HZ, HIGHEST_HZ, "Hz", "lower edge of a band", log=True)
    high_hz: float = number(3400.0, LOWEST_HZ, HIGHEST_HZ, "Hz", "upper edge of a band", log=True)


def of_band(params: BandParams, setting: Setting, design: Callable[[Edge], Sos]) -> Sections:
    """The filter that *design* gives for what there is at this rate.

    Args:
        params: of which the kind and the edges count.
        design: sections for an edge or for (low, high).

    Raises:
        ParameterError: an edge out of reach at this rate, or an unstable design.
    """
    rate_hz, kind = setting.sample_rate_hz, params.kind
    freq_hz, low_hz, high_hz = params.freq_hz, params.low_hz, params.high_hz
    if not kind.startswith("band"):
        return Sections(design(freq_hz) if acts(kind, freq_hz, rate_hz) else empty(), setting)
    if not acts(kind, low_hz, rate_hz, "low_hz"):
        return Sections(empty(), setting)
    if not acts(kind, high_hz, rate_hz, "high_hz"):
        raise out_of_reach(kind, high_hz, rate_hz, "high_hz")
    return Sections(design((low_hz, high_hz)), setting)
