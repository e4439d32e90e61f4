"""Codecs that are measured beside ours and used in no call: AMR-NB by OpenCORE, inside the Python package PyAV (`av`).

Payload: RFC 4867 section 4.3, bandwidth-efficient: 4 bits of mode request, 6 bits of table of contents for each
frame of 20 ms, the frames' bits one after the other, zeros to the end of the byte. AMR-WB is not here: PyAV decodes it
but brings no encoder.
"""

import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.codecs import MAX_PACKET_MS, CodecSettings, CodecSpec, Decoder, Encoder
from dsp.errors import BitstreamError, LibraryMissing, ParameterError
from dsp.types import Samples

RATE_HZ = 8000
FRAME_SAMPLES = 160
FRAME_MS = 20
FRAME_BITS = (95, 103, 118, 134, 148, 159, 204, 244)
"""Speech bits of a frame by mode (3GPP TS 26.101 table 2)."""
BIT_RATES_BPS = (4750, 5150, 5900, 6700, 7400, 7950, 10_200, 12_200)
NO_REQUEST = 15
DELAY_SAMPLES = 40
"""The encoder looks 5 ms ahead (3GPP TS 26.090 section 4.3)."""
_PTIMES_MS = tuple(range(FRAME_MS, MAX_PACKET_MS + 1, FRAME_MS))
_INSTALL = 'AMR needs PyAV: pip install "softphone[amr]"'


def measured_codecs() -> tuple[CodecSpec, ...]:
    """Those of this module; whether one can be used, `CodecSpec.library` tells."""
    return (_AMR,)


def _mode(settings: CodecSettings) -> int:
    wanted = BIT_RATES_BPS[-1] if settings.bit_rate_bps is None else settings.bit_rate_bps
    if wanted < BIT_RATES_BPS[0]:
        raise ParameterError(f"AMR bit rate must be {BIT_RATES_BPS[0]} or more, got {wanted}")
    return max(mode for mode, rate in enumerate(BIT_RATES_BPS) if rate <= wanted)


def _av() -> Any:
    try:
        import av
    except ImportError:
        raise LibraryMissing(_INSTALL) from None
    return av


class AmrEncoder:
    """Samples -> payload."""

    def __init__(self, settings: CodecSettings) -> None:
        if settings.ptime_ms not in _PTIMES_MS:
            raise ParameterError(
                f"AMR packet interval must be one of {_PTIMES_MS} ms, got {settings.ptime_ms}"
            )
        self._av = _av()
        self._frames = settings.ptime_ms // FRAME_MS
        self._mode = _mode(settings)
        self._coder = self._av.CodecContext.create("libopencore_amrnb", "w")
        self._coder.sample_rate, self._coder.layout, self._coder.format = RATE_HZ, "mono", "s16"
        self._coder.bit_rate = BIT_RATES_BPS[self._mode]
        self._coder.open()

    def encode(self, samples: Samples) -> bytes:
        """See `dsp.codecs.base.Encoder.encode`."""
        wanted = self._frames * FRAME_SAMPLES
        if samples.shape != (wanted,):
            raise ParameterError(f"AMR packet must be {wanted} samples, got {samples.shape}")
        pcm = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
        bits = [_bits_of(NO_REQUEST, 4)]
        speech: list[NDArray[np.uint8]] = []
        for number, frame in enumerate(pcm.reshape(self._frames, 1, FRAME_SAMPLES)):
            more = number + 1 < self._frames
            bits.append(_bits_of(more << 5 | self._mode << 1 | 1, 6))
            given = self._av.AudioFrame.from_ndarray(frame.copy(), format="s16", layout="mono")
            given.sample_rate = RATE_HZ
            stored = b"".join(bytes(packet) for packet in self._coder.encode(given))
            octets = np.frombuffer(stored, dtype=np.uint8, offset=1)
            speech.append(np.unpackbits(octets)[: FRAME_BITS[self._mode]])
        return np.packbits(np.concatenate((*bits, *speech))).tobytes()


class AmrDecoder:
    """Payload -> samples."""

    def __init__(self, settings: CodecSettings) -> None:
        _mode(settings)
        self._av = _av()
        self._coder = self._av.CodecContext.create("libopencore_amrnb", "r")
        self._coder.sample_rate, self._coder.layout = RATE_HZ, "mono"

    def decode(self, payload: bytes, out: Samples) -> int:
        """See `dsp.codecs.base.Decoder.decode`."""
        frames = _frames_of(payload)
        if len(frames) * FRAME_SAMPLES > out.size:
            raise ParameterError(f"out must hold {len(frames) * FRAME_SAMPLES} samples, holds {out.size}")
        for number, stored in enumerate(frames):
            block = out[number * FRAME_SAMPLES : (number + 1) * FRAME_SAMPLES]
            block[:] = 0.0
            for frame in self._coder.decode(self._av.Packet(stored)):
                samples = frame.to_ndarray().reshape(-1)[: block.size]
                scale = 32768.0 if samples.dtype == np.int16 else 1.0
                block[: samples.size] = samples / scale
        return len(frames) * FRAME_SAMPLES

    def conceal(self, out: Samples) -> None:
        """See `dsp.codecs.base.Decoder.conceal`."""
        out[:] = 0.0

    def recover(self, next_payload: bytes, out: Samples) -> bool:
        """See `dsp.codecs.base.Decoder.recover`: the payload carries no copy."""
        return False


def _bits_of(value: int, count: int) -> NDArray[np.uint8]:
    return np.array([value >> shift & 1 for shift in range(count - 1, -1, -1)], dtype=np.uint8)


def _frames_of(payload: bytes) -> list[bytes]:
    """The frames in storage format (RFC 4867 section 5), one byte of header before each; raises BitstreamError."""
    bits = np.unpackbits(np.frombuffer(payload, dtype=np.uint8))
    position, modes = 4, []
    more = True
    while more:
        head = bits[position : position + 6]
        if head.size < 6:
            raise BitstreamError(f"AMR payload of {len(payload)} bytes ends in its table of contents")
        mode = int(head[1:5] @ (8, 4, 2, 1))
        if mode >= len(FRAME_BITS):
            raise BitstreamError(f"AMR payload must hold speech frames of modes 0 to 7, got type {mode}")
        modes.append(mode)
        more = bool(head[0])
        position += 6
    if len(modes) > len(_PTIMES_MS) or position + sum(FRAME_BITS[mode] for mode in modes) > bits.size:
        raise BitstreamError(f"AMR payload of {len(payload)} bytes cannot hold {len(modes)} frames")
    frames = []
    for mode in modes:
        speech = np.packbits(bits[position : position + FRAME_BITS[mode]]).tobytes()
        frames.append(bytes((mode << 3 | 4,)) + speech)
        position += FRAME_BITS[mode]
    return frames


def _payload_samples(payload: bytes, sample_rate_hz: int) -> int:
    return len(_frames_of(payload)) * FRAME_SAMPLES


def _encoder(settings: CodecSettings) -> Encoder:
    return AmrEncoder(settings)


def _decoder(settings: CodecSettings) -> Decoder:
    return AmrDecoder(settings)


def _sample_rate(settings: CodecSettings) -> int:
    return RATE_HZ


def _delay(settings: CodecSettings) -> int:
    return DELAY_SAMPLES


def _fmtp(settings: CodecSettings) -> str:
    return ""


def _apply(settings: CodecSettings, wishes: Mapping[str, str]) -> CodecSettings:
    return settings


def _library() -> str:
    if importlib.util.find_spec("av") is None:
        raise LibraryMissing(_INSTALL)
    return f"OpenCORE AMR-NB in PyAV {_av().__version__}"


_AMR = CodecSpec(
    name="amr",
    sdp_name="AMR",
    clock_rate_hz=RATE_HZ,
    channels=1,
    payload_type=None,
    bit_rates_bps=(BIT_RATES_BPS[0], BIT_RATES_BPS[-1], BIT_RATES_BPS[-1]),
    ptimes_ms=_PTIMES_MS,
    conceals=False,
    bandwidth="narrowband",
    sample_rate_hz=_sample_rate,
    fmtp=_fmtp,
    apply_fmtp=_apply,
    payload_samples=_payload_samples,
    delay_samples=_delay,
    make_encoder=_encoder,
    make_decoder=_decoder,
    library=_library,
)
