"""L16: linear 16-bit samples in network byte order (RFC 3551 section 4.5.11), at 8 and 16 kHz."""

import numpy as np
from numpy.typing import NDArray

from dsp.codecs.base import CodecSettings, CodecSpec, Decoder, Encoder
from dsp.errors import BitstreamError, ParameterError
from dsp.types import Samples
from dsp.units import samples_of_ms

FULL_SCALE = 32768.0
PTIMES_MS = tuple(range(10, 121, 10))


class L16Encoder:
    """Samples -> two bytes each, the high one first."""

    def __init__(self, sample_rate_hz: int, ptime_ms: int) -> None:
        if ptime_ms not in PTIMES_MS:
            raise ParameterError(f"L16 packet interval must be 10 to 120 ms by 10, got {ptime_ms}")
        n = samples_of_ms(ptime_ms, sample_rate_hz)
        self._scaled: Samples = np.empty(n, dtype=np.float32)
        self._pcm: NDArray[np.int16] = np.empty(n, dtype=">i2")

    def encode(self, samples: Samples) -> bytes:
        """See `Encoder.encode`."""
        scaled = self._scaled
        if samples.shape != scaled.shape:
            raise ParameterError(f"L16 packet must be {scaled.size} samples, got {samples.shape}")
        np.multiply(samples, FULL_SCALE, out=scaled)
        np.fmax(scaled, -32768.0, out=scaled)
        np.fmin(scaled, 32767.0, out=scaled)
        np.rint(scaled, out=scaled)
        np.copyto(self._pcm, scaled, casting="unsafe")
        return self._pcm.tobytes()


class L16Decoder:
    """Two bytes -> one sample."""

    def decode(self, payload: bytes, out: Samples) -> int:
        """See `Decoder.decode`."""
        n = _samples(payload)
        if n > out.size:
            raise BitstreamError(f"L16 payload must be at most {2 * out.size} bytes, got {len(payload)}")
        np.multiply(np.frombuffer(payload, dtype=">i2"), np.float32(1 / FULL_SCALE), out=out[:n])
        return n

    def conceal(self, out: Samples) -> None:
        """See `Decoder.conceal`."""
        out[:] = 0.0

    def snapshot(self) -> object:
        """See `dsp.codecs.base.Mirrorable.snapshot`: a sample does not depend on those before it."""
        return None

    def restore(self, state: object) -> None:
        """See `dsp.codecs.base.Mirrorable.restore`."""

    def recover(self, next_payload: bytes, out: Samples) -> bool:
        """See `Decoder.recover`: L16 carries no copy."""
        return False


def _samples(payload: bytes) -> int:
    if not payload or len(payload) % 2:
        raise BitstreamError(f"L16 payload must be a positive even number of bytes, got {len(payload)}")
    return len(payload) // 2


def _l16_spec(name: str, rate_hz: int, bandwidth: str) -> CodecSpec:
    bit_rate_bps = 16 * rate_hz

    def make_encoder(settings: CodecSettings) -> Encoder:
        return L16Encoder(rate_hz, settings.ptime_ms)

    def make_decoder(settings: CodecSettings) -> Decoder:
        return L16Decoder()

    return CodecSpec(
        name=name,
        sdp_name="L16",
        clock_rate_hz=rate_hz,
        channels=1,
        payload_type=None,  # 10 and 11 are 44.1 kHz (RFC 3551 table 4)
        bit_rates_bps=(bit_rate_bps, bit_rate_bps, bit_rate_bps),
        ptimes_ms=PTIMES_MS,
        conceals=False,
        bandwidth=bandwidth,
        sample_rate_hz=lambda settings: rate_hz,
        fmtp=lambda settings: "",
        apply_fmtp=lambda settings, wishes: settings,
        payload_samples=lambda payload, sample_rate_hz: _samples(payload) * sample_rate_hz // rate_hz,
        delay_samples=lambda settings: 0,
        make_encoder=make_encoder,
        make_decoder=make_decoder,
        library=lambda: "built in",
    )


SPECS = (_l16_spec("l16", 8000, "narrowband"), _l16_spec("l16-wb", 16000, "wideband"))
