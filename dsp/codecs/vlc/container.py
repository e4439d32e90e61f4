"""Files of VLC packets (docs/vlc-format.md, "File").

A header of 12 bytes, then one record a packet:

===========  =====  ===================================================================
field        bytes  content
===========  =====  ===================================================================
magic        4      ``SVLC``
version      1      1
model        1      0 ``vlc`` (8 kHz), 1 ``vlc-wb`` (16 kHz)
packet       1      code of the packet's length: 0 to 3 for 64, 96, 128, 144 ms
reserved     1      0
samples      4      of the recording, most significant byte first
===========  =====  ===================================================================

A record starts with a byte n. 1 to 253: a payload of n bytes follows. 254: two bytes with its size (most
significant first) and the payload follow. 0: one byte k follows, and the packet is the same as k packets back
(1 to 255), itself and all others counted.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.codecs.vlc.model import NARROW, PACKETS_MS, WIDE, Model
from dsp.codecs.vlc.packet import PacketCoder, is_silence, packet_ms
from dsp.errors import BitstreamError, ParameterError

MAGIC = b"SVLC"
VERSION = 1
NEAR_DB = 1.0
"""Packets whose levels differ less than this (root of the mean square) are taken for the same."""
_MODELS = (NARROW, WIDE)
_HEADER = struct.Struct(">4sBBBBI")
_REPEAT, _LONG = 0, 254
_MOST_BACK = 255
_NEAR_VOICING = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What a file holds."""

    model: Model
    packet_ms: int
    samples: int
    """Of the recording, at the model's rate; the packets may hold more (the last is filled up) or, where the
    file was cut off, fewer."""
    payloads: tuple[bytes, ...]
    """One a packet; repeats resolved."""


class _Similar:
    """Finds a packet among those before that sounds the same."""

    def __init__(self, model: Model, milliseconds: int, near_db: float) -> None:
        self._coder = PacketCoder(model, milliseconds)
        self._near = near_db
        frames = milliseconds // 16
        self._shape = (model.bands + model.voicing_bands) * frames
        self._past = np.full((_MOST_BACK, self._shape), np.inf, np.float32)
        self._pitch: list[bytes] = []
        self._bands = model.bands * frames
        self._count = 0

    def _features(self, payload: bytes) -> tuple[NDArray[np.float32], bytes]:
        if is_silence(payload):
            return np.full(self._shape, np.inf, np.float32), payload
        coded = self._coder.decode_integers(payload, 16)
        levels = coded.levels.ravel() / np.float32(256.0 * self._near)
        voicing = coded.voicing.ravel() / np.float32(4096.0 * _NEAR_VOICING)
        return np.concatenate([levels, voicing]).astype(np.float32), coded.f0.tobytes()

    def back(self, payload: bytes) -> int:
        """How many packets ago the same was sent, 0 if never; takes note of *payload*."""
        features, pitch = self._features(payload)
        found = 0
        for k in range(1, min(self._count, _MOST_BACK) + 1):
            place = (self._count - k) % _MOST_BACK
            if self._pitch[place] != pitch:
                continue
            if is_silence(payload):
                found = k
                break
            off = np.square(self._past[place] - features)
            if float(off[: self._bands].mean()) < 1.0 and float(off[self._bands :].mean()) < 1.0:
                found = k
                break
        place = self._count % _MOST_BACK
        if found:  # what is heard there, so that small differences do not add up
            before = (self._count - found) % _MOST_BACK
            features, pitch = self._past[before].copy(), self._pitch[before]
        self._past[place] = features
        if place < len(self._pitch):
            self._pitch[place] = pitch
        else:
            self._pitch.append(pitch)
        self._count += 1
        return found


def write_file(recording: Recording, *, near_db: float = NEAR_DB) -> bytes:
    """Return the file; packets that repeat one of the 255 before take two bytes.

    Args:
        recording: its payloads all have its packet length.
        near_db: how far levels may differ for that, in dB; 0 for none but equal payloads.

    Raises:
        ParameterError: if a payload is of another length, too long, or there are too many samples.
    """
    if not 0 <= recording.samples < 1 << 32:
        raise ParameterError(f"a VLC file holds 0 to {(1 << 32) - 1} samples, got {recording.samples}")
    code = PACKETS_MS.index(recording.packet_ms)
    parts = [_HEADER.pack(MAGIC, VERSION, _MODELS.index(recording.model), code, 0, recording.samples)]
    similar = _Similar(recording.model, recording.packet_ms, max(near_db, 1e-3))
    for payload in recording.payloads:
        if packet_ms(payload) != recording.packet_ms or len(payload) >= 1 << 16:
            raise ParameterError(
                f"wanted payloads of {recording.packet_ms} ms, got one of {packet_ms(payload)} ms"
            )
        back = similar.back(payload)
        if back:
            parts.append(bytes((_REPEAT, back)))
        elif len(payload) < _LONG:
            parts.append(bytes((len(payload),)) + payload)
        else:
            parts.append(struct.pack(">BH", _LONG, len(payload)) + payload)
    return b"".join(parts)


def read_file(data: bytes) -> Recording:
    """Read a file; of one that was cut off, what is whole.

    Raises:
        BitstreamError: if it is no VLC file, one of a newer version, or damaged.
    """
    if not data.startswith(MAGIC):
        raise BitstreamError(
            f"no VLC file: it starts with {data[:4]!r}, wanted {MAGIC!r} (`softphone codec encode vlc`)"
        )
    if len(data) < _HEADER.size:
        raise BitstreamError(f"VLC file has {len(data)} bytes, its header alone takes {_HEADER.size}")
    _, version, model_code, length_code, _, samples = _HEADER.unpack_from(data)
    if version != VERSION:
        raise BitstreamError(
            f"VLC file of version {version}: this program reads version {VERSION}; get a newer one"
        )
    if model_code >= len(_MODELS) or length_code >= len(PACKETS_MS):
        raise BitstreamError(
            f"VLC file of model {model_code}, packet {length_code}: version 1 has 0 to 1, 0 to 3"
        )
    milliseconds = PACKETS_MS[length_code]
    payloads: list[bytes] = []
    at = _HEADER.size
    while at < len(data):
        kind = data[at]
        at += 1
        if kind == _REPEAT:
            if at == len(data):
                break
            back = data[at]
            at += 1
            if not 1 <= back <= len(payloads):
                raise BitstreamError(
                    f"VLC file: packet {len(payloads)} repeats the one {back} back, which is not there"
                )
            payloads.append(payloads[-back])
            continue
        if kind > _LONG:
            raise BitstreamError(
                f"VLC file: record of kind {kind} at byte {at - 1}, version 1 has 0 to {_LONG}"
            )
        size = kind
        if kind == _LONG:
            if at + 2 > len(data):
                break
            size = int.from_bytes(data[at : at + 2], "big")
            at += 2
        if at + size > len(data):
            break
        payload = bytes(data[at : at + size])
        at += size
        if packet_ms(payload) != milliseconds:
            raise BitstreamError(
                f"VLC file: packet {len(payloads)} lasts {packet_ms(payload)} ms, wanted {milliseconds}"
            )
        payloads.append(payload)
    return Recording(_MODELS[model_code], milliseconds, samples, tuple(payloads))
