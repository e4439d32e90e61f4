"""Through a speech codec and back, over a line that may lose packets: what the other side of a call would hear."""

from dataclasses import dataclass

from dsp.filters.base import CodecStream, Filter, FilterSpec, Reading, Setting
from dsp.packet_line import GilbertLoss, PacketLine
from dsp.params import integer, number, text
from dsp.types import Block


@dataclass(frozen=True, slots=True)
class CodecParams:
    """Parameters of `CodecFilter`."""

    name: str = text("opus", "which codec; those installed are listed by: softphone codec list")
    bit_rate_bps: int | None = integer(
        None, 500, 510_000, "b/s", "bit rate; auto: the codec's default", log=True, optional=True
    )
    frame_ms: int = integer(20, 10, 160, "ms", "sound in one packet; which lengths there are, the codec says")
    loss_pct: float = number(0.0, 0.0, 100.0, "%", "packets lost")
    burst: float = number(
        1.0, 1.0, 100.0, "packets", "mean number lost in a row; 1: as chance has it", log=True
    )
    seed: int = integer(1, 0, 2**31 - 1, "", "another number loses other packets")


class CodecFilter(Filter):
    """Encodes and decodes each channel by itself."""

    def __init__(self, params: CodecParams, setting: Setting) -> None:
        def open_stream() -> CodecStream:
            return setting.resources.open_codec(params.name, params.bit_rate_bps, params.frame_ms)

        loss = GilbertLoss(params.loss_pct, params.burst, params.seed)
        self._line = PacketLine(open_stream, setting.channels, setting.sample_rate_hz, loss)
        self.delay_samples = self._line.delay_samples
        # A decoder that began in running sound is in step with its encoder after some packets.
        self.settle_samples = self.delay_samples + 5 * params.frame_ms * setting.sample_rate_hz // 1000

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        return self._line.process(block)

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._line.reset()

    def readings(self) -> dict[str, float]:
        """See `Filter.readings`."""
        line = self._line
        return {
            "packets": float(line.packets),
            "lost_pct": 100.0 * line.lost / line.packets if line.packets else 0.0,
        }


SPECS = (
    FilterSpec(
        name="codec",
        summary="Through a speech codec at a bit rate, with packets lost and concealed",
        category="simulation",
        source="the codec's own; losses: E. N. Gilbert, Bell Syst. Tech. J. 39, 1960",
        params=CodecParams,
        build=CodecFilter,
        generates=True,  # idle noise: A-law has no zero
        readings=(
            Reading("packets", "", "packets so far"),
            Reading("lost_pct", "%", "share of them that was lost"),
        ),
    ),
)
