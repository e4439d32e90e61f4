"""Sound through a codec, packet by packet, over a line that loses some: at any sample rate, in blocks of any length.

Losses follow Gilbert's model, two states with no loss in one and nothing but loss in the other (E. N. Gilbert,
"Capacity of a burst-noise channel", Bell Syst. Tech. J. 39, 1960; ITU-T G.1050 section 6).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dsp.errors import ParameterError, UnknownName
from dsp.noise import Noise
from dsp.resample import StreamResampler
from dsp.types import Block, Samples

if TYPE_CHECKING:
    from dsp.filters.base import CodecStream

_DRAWS = 64


class GilbertLoss:
    """Says of one packet after the other whether it is lost.

    Args:
        loss_pct: share that is lost in the long run, 0 to 100.
        burst: mean number lost in a row; chance alone gives ``1 / (1 - loss)``, and less is not made.
        seed: another number loses other packets.
    """

    def __init__(self, loss_pct: float, burst: float, seed: int) -> None:
        share = loss_pct / 100.0
        if share >= 1.0:
            self._enter = self._stay = 1.0
        else:
            length = max(burst, 1.0 / (1.0 - share))
            self._stay = 1.0 - 1.0 / length
            self._enter = share / ((1.0 - share) * length)
        self._noise = Noise(seed)
        self._draws: list[float] = []
        self._losing = False

    def next(self) -> bool:
        """Whether the next packet is lost."""
        if not self._draws:
            self._draws = self._noise.uniform(_DRAWS).tolist()[::-1]
        self._losing = self._draws.pop() < (self._stay if self._losing else self._enter)
        return self._losing

    def reset(self) -> None:
        """Begin again."""
        self._noise.reset()
        self._draws = []
        self._losing = False


class PacketLine:
    """Each channel through a codec of its own; a lost packet is lost for all channels.

    Args:
        open_stream: makes one codec stream.
        channels: of the blocks to come.
        sample_rate_hz: of the blocks to come.
        loss: which packets are lost.

    Raises:
        ParameterError: what *open_stream* raises, an unknown codec too; or no resampler for this rate.
    """

    def __init__(
        self,
        open_stream: Callable[[], "CodecStream"],
        channels: int,
        sample_rate_hz: int,
        loss: GilbertLoss,
    ) -> None:
        try:
            self._open = open_stream
            self._streams = [open_stream() for _ in range(channels)]
        except UnknownName as error:
            raise ParameterError(error.args[0]) from None
        first = self._streams[0]
        codec_hz, frame = first.sample_rate_hz, first.frame_samples
        self._loss = loss
        self._frame = frame
        self._fresh = True
        self._down = self._up = None
        resampling = 0
        if codec_hz != sample_rate_hz:
            self._down = [StreamResampler(sample_rate_hz, codec_hz) for _ in range(channels)]
            self._up = [StreamResampler(codec_hz, sample_rate_hz) for _ in range(channels)]
            resampling = round(self._down[0].delay_samples * sample_rate_hz / codec_hz)
            resampling += self._up[0].delay_samples
        # So many samples go in before one must have come out, at worst.
        self._prime = -(-frame * sample_rate_hz // codec_hz) + (0 if self._up is None else 2)
        self.delay_samples = self._prime + resampling + round(first.delay_samples * sample_rate_hz / codec_hz)
        """How much later the output comes, in samples at the rate of the blocks."""
        self.packets = 0
        self.lost = 0
        self._clear()

    def process(self, block: Block) -> Block:
        """Send *block*, ``(channels, n)``, through in place and return it; what is louder than full scale is clipped."""
        count = block.shape[1]
        if count == 0:
            return block
        self._fresh = False
        heard = [
            np.concatenate((waiting, channel if self._down is None else self._down[k].process(channel)))
            for k, (waiting, channel) in enumerate(zip(self._waiting, block, strict=True))
        ]
        packets = heard[0].size // self._frame
        losses = [self._loss.next() for _ in range(packets)]
        self.packets += packets
        self.lost += sum(losses)
        for k, samples in enumerate(heard):
            ready = [self._ready[k]]
            for number, lost in enumerate(losses):
                ready.append(
                    self._transmit(k, samples[number * self._frame : (number + 1) * self._frame], lost)
                )
            self._waiting[k] = samples[packets * self._frame :]
            joined = np.concatenate(ready)
            block[k] = joined[:count]
            self._ready[k] = joined[count:]
        return block

    def reset(self) -> None:
        """Forget the past: the codecs are opened anew."""
        if self._fresh:
            return
        self._streams = [self._open() for _ in self._streams]
        for resampler in (*(self._down or ()), *(self._up or ())):
            resampler.reset()
        self._loss.reset()
        self.packets = self.lost = 0
        self._clear()
        self._fresh = True

    def _clear(self) -> None:
        self._waiting: list[Samples] = [np.zeros(0, dtype=np.float32) for _ in self._streams]
        self._ready: list[Samples] = [np.zeros(self._prime, dtype=np.float32) for _ in self._streams]

    def _transmit(self, channel: int, frame: Samples, lost: bool) -> Samples:
        decoded = self._streams[channel].transmit(np.clip(frame, -1.0, 1.0), lost=lost)
        return decoded.copy() if self._up is None else self._up[channel].process(decoded)
