"""G.711, mu-law and A-law (ITU-T G.711, RFC 3551 section 4.5.14), by table both ways.

The tables follow the standard's definition: `decision values` part the range of magnitudes into 128
intervals, and each interval has one `value at the decoder output` (G.711 tables 1 and 2). mu-law counts
in steps of 1/8192 of our full scale, A-law of 1/4096, so that +3.17 and +3.14 dBm0 are the overload
points the standard names.
"""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dsp.codecs.base import CodecSettings, CodecSpec, Decoder, Encoder
from dsp.errors import BitstreamError, ParameterError
from dsp.types import Samples
from dsp.units import samples_of_ms

SAMPLE_RATE_HZ = 8000
PTIMES_MS = tuple(range(10, 121, 10))

MU_LAW_STEPS = 8192
A_LAW_STEPS = 4096


def mu_law_levels() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Decision values x1..x127 and decoder outputs y0..y127 of G.711 table 2, in 1/8192."""
    n = np.arange(128)
    segment, step = n >> 4, n & 15
    outputs = ((2 * step + 33) << segment) - 33
    starts = ((2 * step + 32) << segment) - 33
    return starts[1:], outputs


def a_law_levels() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Decision values x1..x127 and decoder outputs y1..y128 of G.711 table 1, in 1/4096."""
    n = np.arange(128)
    segment, step = n >> 4, n & 15
    outputs = np.where(segment == 0, 2 * step + 1, (2 * step + 33) << np.maximum(segment - 1, 0))
    starts = np.where(segment == 0, 2 * step, (2 * step + 32) << np.maximum(segment - 1, 0))
    return starts[1:], outputs


def _tables(
    levels: tuple[NDArray[np.int64], NDArray[np.int64]], steps: int, flip: int
) -> tuple[NDArray[np.uint8], Samples]:
    """Code of each 16-bit sample, indexed by sample + 32768, and sample of each code.

    Bit 1 of the character signal is the sign, 1 for positive; *flip* are the bits inverted for the line.
    """
    decisions, outputs = levels
    pcm = np.arange(-32768, 32768)
    interval = np.searchsorted(decisions * (32768 // steps), np.abs(pcm), side="right")
    encode = ((interval | np.where(pcm >= 0, 0x80, 0)) ^ flip).astype(np.uint8)
    code = np.arange(256) ^ flip
    magnitude = outputs[code & 0x7F] / steps
    decode = np.where(code & 0x80, magnitude, -magnitude).astype(np.float32)
    decode += np.float32(0.0)  # mu-law has a negative zero; one zero is enough
    return encode, decode


class G711Encoder:
    """Samples -> one byte each."""

    def __init__(self, name: str, table: NDArray[np.uint8], ptime_ms: int) -> None:
        if ptime_ms not in PTIMES_MS:
            raise ParameterError(f"{name} packet interval must be 10 to 120 ms by 10, got {ptime_ms}")
        n = samples_of_ms(ptime_ms, SAMPLE_RATE_HZ)
        self._name = name
        self._table = table
        self._scaled: Samples = np.empty(n, dtype=np.float32)
        self._index: NDArray[np.intp] = np.empty(n, dtype=np.intp)
        self._codes: NDArray[np.uint8] = np.empty(n, dtype=np.uint8)

    def encode(self, samples: Samples) -> bytes:
        """See `Encoder.encode`."""
        scaled = self._scaled
        if samples.shape != scaled.shape:
            raise ParameterError(f"{self._name} packet must be {scaled.size} samples, got {samples.shape}")
        np.multiply(samples, 32768.0, out=scaled)
        np.fmax(scaled, -32768.0, out=scaled)
        np.fmin(scaled, 32767.0, out=scaled)
        np.rint(scaled, out=scaled)
        np.add(scaled, 32768.0, out=self._index, casting="unsafe")
        np.take(self._table, self._index, out=self._codes, mode="clip")
        return self._codes.tobytes()


class G711Decoder:
    """One byte -> one sample."""

    def __init__(self, name: str, table: Samples) -> None:
        self._name = name
        self._table = table

    def decode(self, payload: bytes, out: Samples) -> int:
        """See `Decoder.decode`."""
        n = len(payload)
        if not 0 < n <= out.size:
            raise BitstreamError(f"{self._name} payload must be 1 to {out.size} bytes, got {n}")
        np.take(self._table, np.frombuffer(payload, dtype=np.uint8), out=out[:n], mode="clip")
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
        """See `Decoder.recover`: G.711 carries no copy."""
        return False


def _g711_spec(
    name: str,
    payload_type: int,
    levels: Callable[[], tuple[NDArray[np.int64], NDArray[np.int64]]],
    steps: int,
    flip: int,
) -> CodecSpec:
    sdp_name = name.upper()

    @functools.cache
    def tables() -> tuple[NDArray[np.uint8], Samples]:
        return _tables(levels(), steps, flip)

    def make_encoder(settings: CodecSettings) -> Encoder:
        return G711Encoder(sdp_name, tables()[0], settings.ptime_ms)

    def make_decoder(settings: CodecSettings) -> Decoder:
        return G711Decoder(sdp_name, tables()[1])

    def payload_samples(payload: bytes, sample_rate_hz: int) -> int:
        if not payload:
            raise BitstreamError(f"{sdp_name} payload must have at least 1 byte, got 0")
        return len(payload) * sample_rate_hz // SAMPLE_RATE_HZ

    return CodecSpec(
        name=name,
        sdp_name=sdp_name,
        clock_rate_hz=SAMPLE_RATE_HZ,
        channels=1,
        payload_type=payload_type,
        bit_rates_bps=(64000, 64000, 64000),
        ptimes_ms=PTIMES_MS,
        conceals=False,
        bandwidth="narrowband",
        sample_rate_hz=lambda settings: SAMPLE_RATE_HZ,
        fmtp=lambda settings: "",
        apply_fmtp=lambda settings, wishes: settings,
        payload_samples=payload_samples,
        delay_samples=lambda settings: 0,
        make_encoder=make_encoder,
        make_decoder=make_decoder,
        library=lambda: "built in",
    )


SPECS = (
    # G.711 table 2a: a larger magnitude has the smaller number.
    _g711_spec("pcmu", 0, mu_law_levels, MU_LAW_STEPS, 0x7F),
    # G.711 table 1a: the even bits are inverted.
    _g711_spec("pcma", 8, a_law_levels, A_LAW_STEPS, 0x55),
)
