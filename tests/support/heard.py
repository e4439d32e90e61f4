"""What a line, a codec or a room makes of speech; everything seeded."""

from functools import cache

import numpy as np
import soundfile
import soxr

from dsp.codecs import CodecSettings, codecs
from dsp.types import Samples
from softphone.io.speech import speech_path

RATE = 16000


@cache
def bundled(name: str) -> Samples:
    """The bundled speaker *name*, at `RATE`."""
    samples, rate_hz = soundfile.read(speech_path(f"builtin:{name}"), dtype="float32")
    assert rate_hz == RATE
    samples.flags.writeable = False
    return samples


def noisy(samples: Samples, snr_db: float, *, seed: int = 1) -> Samples:
    """With white noise so far below its own power."""
    noise = np.random.default_rng(seed).standard_normal(samples.size)
    scale = np.sqrt(np.mean(samples.astype(np.float64) ** 2)) * 10 ** (-snr_db / 20)
    return np.asarray(samples + scale * noise, dtype=np.float32)


def coded(
    samples: Samples, rate_hz: int, name: str, ptime_ms: int, bit_rate_bps: int | None = None
) -> Samples:
    """Through the codec *name* and back, at the same rate; late by the codec's own delay."""
    spec, settings = codecs.get(name), CodecSettings(ptime_ms=ptime_ms, bit_rate_bps=bit_rate_bps)
    own = spec.sample_rate_hz(settings)
    sound = samples if own == rate_hz else soxr.resample(samples, rate_hz, own)
    n = own * ptime_ms // 1000
    padded = np.zeros(-(-sound.size // n) * n + 3 * n, dtype=np.float32)
    padded[: sound.size] = sound
    encoder, decoder = spec.make_encoder(settings), spec.make_decoder(settings)
    out, buffer = np.zeros_like(padded), np.zeros(own * 160 // 1000, dtype=np.float32)
    for start in range(0, padded.size, n):
        count = decoder.decode(encoder.encode(padded[start : start + n]), buffer)
        out[start : start + count] = buffer[:count]
    back = out if own == rate_hz else soxr.resample(out, own, rate_hz)
    return np.ascontiguousarray(back, dtype=np.float32)
