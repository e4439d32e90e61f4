"""A port that plays a sound file on a device: the device's blocks set the pace, the file's are heard."""

from collections.abc import Iterator

import numpy as np

from dsp.types import Block
from softphone.io.live.port import Port, PortStatus
from softphone.io.sound_file import SoundReader

AFTER_S = 0.5
"""Silence behind the end, so that the device has played all before it is given back."""
_READ_SAMPLES = 4096


class PlayPort:
    """See `softphone.io.live.port.Port`.

    Args:
        reader: what is heard; closed with the port.
        device: where; at the file's rate.
    """

    is_awaited = True

    def __init__(self, reader: SoundReader, device: Port) -> None:
        self._reader, self._device = reader, device
        self.name = device.name
        self.sample_rate_hz = reader.sample_rate_hz
        self.channels_in = reader.channels
        self.block_samples = device.block_samples
        self._blocks = reader.blocks(_READ_SAMPLES)
        self._held: Block = np.zeros((reader.channels, 0), dtype=np.float32)
        self._after = round(AFTER_S * reader.sample_rate_hz)

    @property
    def channels_out(self) -> int:
        """See `Port.channels_out`."""
        return self._device.channels_out

    def open(self, channels_out: int, *, delay_samples: int = 0) -> None:
        """See `Port.open`."""
        self._after += delay_samples
        self._device.open(channels_out)

    def read(self) -> Block | None:
        """See `Port.read`."""
        due = self._device.read()
        if due is None:
            return None
        wanted = due.shape[1]
        block: Block = np.zeros((self.channels_in, wanted), dtype=np.float32)
        given = 0
        while given < wanted:
            if not self._held.shape[1]:
                held = next(self._blocks, None)
                if held is None:
                    break
                self._held = held.copy()
            piece = self._held[:, : wanted - given]
            block[:, given : given + piece.shape[1]] = piece
            self._held = self._held[:, piece.shape[1] :]
            given += piece.shape[1]
        if given < wanted:
            if self._after <= 0:
                return None
            self._after -= wanted - given
        return block

    def write(self, block: Block) -> None:
        """See `Port.write`."""
        self._device.write(block)

    def flush(self, output_samples: int) -> Iterator[Block]:
        """See `Port.flush`."""
        return self._device.flush(output_samples)

    def close(self) -> None:
        """See `Port.close`."""
        self._reader.close()
        self._device.close()

    def stop(self) -> None:
        """See `Port.stop`."""
        self._device.stop()

    def status(self) -> PortStatus:
        """See `Port.status`."""
        status = self._device.status()
        return PortStatus(
            connected=status.connected,
            reconnects=status.reconnects,
            latency_ms=status.latency_ms,
            xruns_system=status.xruns_system,
            xruns_ours=status.xruns_ours,
            total_s=self._reader.seconds,
        )
