"""VLC packets: parameters <-> payload (docs/vlc-format.md, "Payload").

Byte 0 of a payload: bits 7 and 6 are the packet's length (`PACKETS_MS`), bits 5 to 0 the quantiser's step of a
speech packet (0 to 31), or 32 for a silence descriptor; others are of no version yet.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp._native import VlcPacketCoder
from dsp.codecs.vlc.model import FRAME_MS, PACKETS_MS, Array, Model, PacketParameters
from dsp.codecs.vlc.tables import (
    CLASSES,
    CONTEXTS,
    GROUP_GAINS,
    GROUPS,
    MAGNITUDES,
    STEPS,
    Tables,
    cosine_table,
    sharpened,
    tables,
)
from dsp.errors import BitstreamError, ParameterError

BIT_WEIGHT = 0.07
"""What a bit may cost in squared error, in squares of the step, when the encoder rounds (chosen on development speech)."""
SILENCE_BYTES = 4
_SILENCE = 32
_LENGTH_SHIFT = 6
_GAIN_UNIT_DB, _GAIN_LOWEST_DB, _GAIN_LEVELS = 0.875, -108.0, 128
_SHAPE_UNIT_DB, _SHAPE_TERMS, _SHAPE_MOST = 3, 4, 7
_UNVOICED_F0_HZ = 110.0


@dataclass(frozen=True, slots=True, eq=False)
class SilenceDescriptor:
    """The background noise from here to the next packet."""

    levels_db: Array
    """``(bands,)``, as in `PacketParameters`."""


@dataclass(frozen=True, slots=True, eq=False)
class IntegerParameters:
    """What the bits of a speech packet say, exactly; n frames."""

    step_index: int
    levels: NDArray[np.int32]
    """``(n, bands)`` in 1/256 dB."""
    voicing: NDArray[np.int32]
    """``(n, voicing_bands)`` in 1/4096."""
    f0: NDArray[np.int32]
    """``(packet_ms / 16,)``: fiftieths of an octave above 55 Hz, -1 where unvoiced."""


def packet_ms(payload: bytes) -> int:
    """Length of the packet of *payload*.

    Raises:
        BitstreamError: if it is no payload of this version.
    """
    if not payload:
        raise BitstreamError("a VLC payload has at least 1 byte, got none")
    if payload[0] & 63 > _SILENCE:
        raise BitstreamError(f"VLC payload of kind {payload[0] & 63}: this version knows 0 to {_SILENCE}")
    return PACKETS_MS[payload[0] >> _LENGTH_SHIFT]


def is_silence(payload: bytes) -> bool:
    """Whether *payload* is a silence descriptor."""
    return bool(payload) and payload[0] & 63 == _SILENCE


def payload_samples(payload: bytes, sample_rate_hz: int) -> int:
    """Samples in *payload*, without decoding; raises BitstreamError."""
    return packet_ms(payload) * sample_rate_hz // 1000


@functools.cache
def _forward(model: Model, milliseconds: int) -> bytes:
    """What the encoder needs beyond the tables, for `VlcPacketCoder`: mean, inverse bases, DCT of frames of 8 and 16 ms.

    The tables' mean and bases sharpen and smooth what they give; the encoder knows how and leaves that out.
    """
    table = tables(model, milliseconds)
    frames = milliseconds // FRAME_MS
    sharp = sharpened(model.bands, model.voicing_bands)
    gains = np.asarray(GROUP_GAINS)[:, np.newaxis, np.newaxis]
    across = gains * (sharp @ np.linalg.inv(table.basis / 16384.0))
    parts = (
        table.mean / 4096.0 @ np.linalg.inv(sharp),
        across.transpose(0, 2, 1),
        cosine_table(frames),
        np.sqrt(2.0) * cosine_table(frames // 2),
    )
    return b"".join(np.ascontiguousarray(part, dtype=np.float32).tobytes() for part in parts)


def _native(model: Model, milliseconds: int, table: Tables) -> VlcPacketCoder:
    shape = (
        milliseconds // FRAME_MS,
        model.bands,
        model.voicing_bands,
        GROUPS,
        CLASSES,
        CONTEXTS,
        MAGNITUDES,
    )
    return VlcPacketCoder(
        (*shape, PACKETS_MS.index(milliseconds)), table.packed(), _forward(model, milliseconds)
    )


class PacketCoder:
    """Codes packets of one length; every payload stands alone."""

    def __init__(self, model: Model, packet_ms: int) -> None:
        if packet_ms not in PACKETS_MS:
            raise ParameterError(f"VLC packets last {', '.join(map(str, PACKETS_MS))} ms, got {packet_ms}")
        self.model = model
        self.packet_ms = packet_ms
        self._coder = _native(model, packet_ms, tables(model, packet_ms))
        self._length = PACKETS_MS.index(packet_ms) << _LENGTH_SHIFT
        terms = np.arange(1, _SHAPE_TERMS + 1)[:, np.newaxis] * (np.arange(model.bands) + 0.5)
        self._shapes = np.floor(np.cos(np.pi * terms / model.bands) * 16384 + 0.5).astype(np.int64)

    def encode(
        self, parameters: PacketParameters, step_index: int, *, bit_weight: float = BIT_WEIGHT
    ) -> bytes:
        """Code *parameters* of frames of 8 or of 16 ms.

        Args:
            parameters: of the packet, ``packet_ms / 8`` or ``packet_ms / 16`` frames; what is not finite is
                taken as the least value.
            step_index: of the quantiser's step, 2 dB * 2 ** (index / 8); 0 to 31, smaller is better.
            bit_weight: squared error, in squares of the step, that is worth a bit.

        Raises:
            ValueError: if the numbers of frames or bands differ, or the step is out of range.
        """
        p = parameters
        frames = p.levels_db.shape[0]
        return self._coder.encode(p.levels_db, p.voicing, p.f0_hz, p.voiced, frames, step_index, bit_weight)

    def decode_integers(self, payload: bytes, hop_ms: int = FRAME_MS) -> IntegerParameters:
        """Decode a speech payload, bit-exactly; frames of *hop_ms*, 8 or 16.

        Raises:
            BitstreamError: if *payload* is not a speech packet of this length.
        """
        self._check(payload)
        frames = self.packet_ms // hop_ms
        levels = np.empty((frames, self.model.bands), np.int32)
        voicing = np.empty((frames, self.model.voicing_bands), np.int32)
        f0 = np.empty(self.packet_ms // 16, np.int32)
        step = self._coder.decode(payload, levels, voicing, f0, frames)
        return IntegerParameters(step, levels, voicing, f0)

    def decode(
        self, payload: bytes, hop_ms: int = FRAME_MS, *, unvoiced_f0_hz: float = _UNVOICED_F0_HZ
    ) -> PacketParameters | SilenceDescriptor:
        """Decode any payload of this packet length.

        Args:
            payload: one payload.
            hop_ms: time between the frames wanted, 8 or 16.
            unvoiced_f0_hz: f0 of a packet without a voiced frame.

        Raises:
            BitstreamError: if *payload* is of another length or kind.
        """
        if is_silence(payload):
            return SilenceDescriptor(self._read_silence(payload))
        self._check(payload)
        model, frames = self.model, self.packet_ms // hop_ms
        levels_db = np.empty((frames, model.bands), np.float32)
        voicing = np.empty((frames, model.voicing_bands), np.float32)
        f0_hz, voiced = np.empty(frames, np.float32), np.empty(frames, np.bool_)
        self._coder.decode_parameters(
            payload, levels_db, voicing, f0_hz, voiced, frames, model.f0_min_hz, unvoiced_f0_hz
        )
        return PacketParameters(levels_db, voicing, f0_hz, voiced)

    def _check(self, payload: bytes) -> None:
        if packet_ms(payload) != self.packet_ms or is_silence(payload):
            raise BitstreamError(
                f"wanted a VLC speech packet of {self.packet_ms} ms, got byte 0 {payload[0]:#04x}"
            )

    def write_silence(self, levels_db: Array) -> bytes:
        """Describe background noise of *levels_db*, ``(bands,)``, in `SILENCE_BYTES` bytes or fewer."""
        levels = np.clip(np.nan_to_num(levels_db, nan=-200.0), -200.0, 60.0).astype(np.float64)
        mean = float(levels.mean())
        gain = int(np.clip(np.floor((mean - _GAIN_LOWEST_DB) / _GAIN_UNIT_DB + 0.5), 0, _GAIN_LEVELS - 1))
        terms = (levels - mean) @ self._shapes.T * (2.0 / (16384.0 * self.model.bands * _SHAPE_UNIT_DB))
        units = np.clip(np.floor(terms + 0.5), -_SHAPE_MOST, _SHAPE_MOST).astype(int) % 16
        first, second, third, fourth = (int(unit) for unit in units)
        payload = bytes((self._length | _SILENCE, gain, first << 4 | second, third << 4 | fourth))
        return payload.rstrip(b"\0")

    def _read_silence(self, payload: bytes) -> Array:
        if packet_ms(payload) != self.packet_ms:
            raise BitstreamError(
                f"wanted a VLC packet of {self.packet_ms} ms, got one of {packet_ms(payload)} ms"
            )
        _, gain, low, high = payload[:SILENCE_BYTES].ljust(SILENCE_BYTES, b"\0")
        units = np.array(
            [(unit ^ 8) - 8 for unit in (low >> 4, low & 15, high >> 4, high & 15)], dtype=np.int64
        )
        shape = (units @ self._shapes * (_SHAPE_UNIT_DB * 256) + 8192) >> 14
        levels = shape + int(_GAIN_LOWEST_DB) * 256 + (gain & 127) * int(_GAIN_UNIT_DB * 256)
        return np.asarray(levels / 256.0, dtype=np.float32)


__all__ = ["BIT_WEIGHT", "STEPS", "IntegerParameters", "PacketCoder", "SilenceDescriptor"]
