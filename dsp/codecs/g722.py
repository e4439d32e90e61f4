"""G.722 at 64 kbit/s (ITU-T G.722 mode 1, RFC 3551 section 4.5.2): wideband, by a kernel of our own.

Each octet holds two samples at 16 kHz, and yet RTP counts it as one tick of 8 kHz: RFC 3551 keeps the clock
rate that RFC 1890 had wrong. Losses are for a concealer; the decoder's own state heals, because predictor
and scale factor of both ends forget (G.722 sections 3.5 and 3.6).
"""

from dsp._native import G722Decoder as NativeDecoder
from dsp._native import G722Encoder as NativeEncoder
from dsp.codecs.base import CodecSettings, CodecSpec, Decoder, Encoder
from dsp.errors import BitstreamError, ParameterError
from dsp.types import Samples
from dsp.units import samples_of_ms

SAMPLE_RATE_HZ = 16000
CLOCK_RATE_HZ = 8000
SAMPLES_PER_OCTET = 2
DELAY_SAMPLES = 22
"""Of both quadrature mirror filters, 24 taps each, on pairs of samples (G.722 section 5.2)."""
PTIMES_MS = tuple(range(10, 121, 10))


class G722Encoder:
    """Two samples -> one octet."""

    def __init__(self, ptime_ms: int) -> None:
        if ptime_ms not in PTIMES_MS:
            raise ParameterError(f"G722 packet interval must be 10 to 120 ms by 10, got {ptime_ms}")
        self._samples = samples_of_ms(ptime_ms, SAMPLE_RATE_HZ)
        self._native = NativeEncoder()

    def encode(self, samples: Samples) -> bytes:
        """See `Encoder.encode`."""
        if samples.shape != (self._samples,):
            raise ParameterError(f"G722 packet must be {self._samples} samples, got {samples.shape}")
        return self._native.encode(samples)


class G722Decoder:
    """One octet -> two samples."""

    def __init__(self) -> None:
        self._native = NativeDecoder()

    def decode(self, payload: bytes, out: Samples) -> int:
        """See `Decoder.decode`."""
        most = out.size // SAMPLES_PER_OCTET
        if not 0 < len(payload) <= most:
            raise BitstreamError(f"G722 payload must be 1 to {most} bytes, got {len(payload)}")
        return self._native.decode(payload, out)

    def conceal(self, out: Samples) -> None:
        """See `Decoder.conceal`."""
        out[:] = 0.0

    def recover(self, next_payload: bytes, out: Samples) -> bool:
        """See `Decoder.recover`: G.722 carries no copy."""
        return False


def _make_encoder(settings: CodecSettings) -> Encoder:
    return G722Encoder(settings.ptime_ms)


def _make_decoder(settings: CodecSettings) -> Decoder:
    return G722Decoder()


def _payload_samples(payload: bytes, sample_rate_hz: int) -> int:
    if not payload:
        raise BitstreamError("G722 payload must have at least 1 byte, got 0")
    return len(payload) * SAMPLES_PER_OCTET * sample_rate_hz // SAMPLE_RATE_HZ


SPECS = (
    CodecSpec(
        name="g722",
        sdp_name="G722",
        clock_rate_hz=CLOCK_RATE_HZ,
        channels=1,
        payload_type=9,
        bit_rates_bps=(64000, 64000, 64000),
        ptimes_ms=PTIMES_MS,
        conceals=False,
        bandwidth="wideband",
        sample_rate_hz=lambda settings: SAMPLE_RATE_HZ,
        fmtp=lambda settings: "",
        apply_fmtp=lambda settings, wishes: settings,
        payload_samples=_payload_samples,
        delay_samples=lambda settings: DELAY_SAMPLES,
        make_encoder=_make_encoder,
        make_decoder=_make_decoder,
        library=lambda: "built in",
    ),
)
