"""One open PortAudio stream of a live filter: its callback, its rings, and the times it was told."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsp.resample import StreamResampler
from dsp.types import Block, Samples
from softphone.errors import EnvironmentProblem
from softphone.io.audio.portaudio import note_closed, note_open, opening
from softphone.io.live.device_names import working_format
from softphone.io.live.rings import Rings
from softphone.io.live.wake import Wake

_MOST_CALLBACK_FRAMES = 1 << 16


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a stream is to carry."""

    device: tuple[int | None, int | None]
    """Input and output by number; None: there is none."""
    names: str
    sample_rate_hz: int
    """Of the chain."""
    block_ms: float
    channels_out: int
    """Of the chain."""


class DeviceLink:
    """A stream from its opening to its end; a device that was unplugged and is back gets another.

    Args:
        sounddevice: the module.
        wanted: what it is to carry.
        wake: posted by the callback when there is a block.

    Raises:
        EnvironmentProblem: it cannot be opened.
    """

    def __init__(self, sounddevice: Any, wanted: Wanted, wake: Wake) -> None:
        rate, channels = working_format(
            sounddevice, wanted.device, wanted.sample_rate_hz, wanted.channels_out
        )
        if channels[1] > 1 and wanted.channels_out > channels[1]:
            raise EnvironmentProblem(
                f"the filters give {wanted.channels_out} channels and {wanted.names} plays {channels[1]}: "
                "choose another device"
            )
        self._sounddevice = sounddevice
        self._wake = wake
        self.sample_rate_hz = rate
        self._channels = channels
        self._chain_rate_hz = wanted.sample_rate_hz
        frames = max(1, round(rate * wanted.block_ms / 1000))
        exact = frames * wanted.sample_rate_hz % rate == 0
        self.rings = Rings(rate, frames, max(1, channels[1]), exact=exact)
        self._nothing: Samples = np.zeros(_MOST_CALLBACK_FRAMES, dtype=np.float32)
        self._unheard: Samples = np.zeros(_MOST_CALLBACK_FRAMES, dtype=np.float32)
        self._to_chain: StreamResampler | None = None
        self._to_device: list[StreamResampler] = []
        if rate != wanted.sample_rate_hz:
            self._to_chain = StreamResampler(rate, wanted.sample_rate_hz)
            self._to_device = [
                StreamResampler(wanted.sample_rate_hz, rate) for _ in range(wanted.channels_out)
            ]
        self.ended = False
        """Whether PortAudio said that it calls no more."""
        self.input_overflows = 0
        self.output_underflows = 0
        self._device_s = 0.0
        with opening:
            self._stream = self._open(wanted)
            note_open(self._stream)
        self._stated_s = self._latency_stated()

    def _open(self, wanted: Wanted) -> Any:
        sounddevice = self._sounddevice
        common = {
            "samplerate": self.sample_rate_hz,
            "blocksize": self.rings.block_frames,
            "dtype": "float32",
            "latency": "low",
            "finished_callback": self._finished,
        }
        stream: Any = None
        source, sink = wanted.device
        try:
            if source is None:
                stream = sounddevice.OutputStream(
                    device=sink, channels=self._channels[1], callback=self._only_out, **common
                )
            elif sink is None:
                stream = sounddevice.InputStream(
                    device=source, channels=self._channels[0], callback=self._only_in, **common
                )
            else:
                stream = sounddevice.Stream(
                    device=(source, sink), channels=self._channels, callback=self._both, **common
                )
            stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            if stream is not None:
                stream.close()
            raise EnvironmentProblem(
                f"sound device {wanted.names} cannot be opened ({error}): close what uses it, or choose another"
            ) from None
        return stream

    def _both(self, indata: Any, outdata: Any, frames: int, time: Any, status: Any) -> None:
        self.rings.exchange(indata[:, 0], outdata.reshape(-1))
        self._device_s = time.outputBufferDacTime - time.inputBufferAdcTime
        self._posted(status)

    def _only_in(self, indata: Any, frames: int, time: Any, status: Any) -> None:
        self.rings.exchange(indata[:, 0], self._unheard[:frames])
        self._device_s = time.currentTime - time.inputBufferAdcTime
        self._posted(status)

    def _only_out(self, outdata: Any, frames: int, time: Any, status: Any) -> None:
        self.rings.exchange(self._nothing[:frames], outdata.reshape(-1))
        self._device_s = time.outputBufferDacTime - time.currentTime
        self._posted(status)

    def _posted(self, status: Any) -> None:
        if status:
            self.input_overflows += bool(status.input_overflow)
            self.output_underflows += bool(status.output_underflow)
        self._wake.post()

    def _finished(self) -> None:
        self.ended = True
        self._wake.post()

    def take(self) -> Block | None:
        """The next block at the chain's rate, ``(1, n)``, valid until the next; None: not yet."""
        mono = self.rings.take()
        if mono is None:
            return None
        if self._to_chain is not None:
            mono = self._to_chain.process(mono)
        return mono.reshape(1, -1)

    def give(self, block: Block) -> None:
        """Have *block* played, at the chain's rate."""
        if self._to_device:
            block = np.stack([each.process(row) for each, row in zip(self._to_device, block, strict=True)])
        outs = max(1, self._channels[1])
        if block.shape[0] != outs:
            mono = block if block.shape[0] == 1 else block.mean(axis=0, keepdims=True)
            block = np.repeat(mono, outs, axis=0)
        self.rings.give(block)

    @property
    def latency_s(self) -> float:
        """From the microphone to the loudspeaker as the callback was told, our rings and changes of rate included."""
        device_s = self._device_s if self._device_s > 0 else self._stated_s
        resampled_s = 0.0
        if self._to_chain is not None:
            resampled_s = (
                self._to_chain.delay_samples / self._chain_rate_hz
                + self._to_device[0].delay_samples / self.sample_rate_hz
            )
        return device_s + self.rings.waiting_frames / self.sample_rate_hz + resampled_s

    def _latency_stated(self) -> float:
        """What PortAudio says of the stream, where it gives its callback no times."""
        stated = self._stream.latency
        return float(sum(stated)) if isinstance(stated, tuple) else float(stated)

    def close(self) -> None:
        """Give the device back, also one that is gone.

        PortAudio may wait here for a callback that never comes: 10 minutes, where a JACK server is gone.
        """
        with suppress(self._sounddevice.PortAudioError):
            self._stream.abort()
        with suppress(self._sounddevice.PortAudioError):
            self._stream.close()
        note_closed(self._stream)
