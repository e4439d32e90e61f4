import numpy as np
import pytest

from dsp.codecs import CodecSettings, codecs
from dsp.errors import BitstreamError


def test_bytes_are_in_network_order() -> None:
    encoder = codecs.get("l16").make_encoder(CodecSettings(ptime_ms=10))
    samples = np.zeros(80, dtype=np.float32)
    samples[:4] = 0.5, -0.5, 1.0, -1.0
    assert encoder.encode(samples)[:8] == bytes.fromhex("4000 c000 7fff 8000")


def test_every_value_comes_back_exactly() -> None:
    spec = codecs.get("l16-wb")
    pcm = np.arange(-32768, 32768, dtype=np.int32)
    encoder, decoder = spec.make_encoder(CodecSettings(ptime_ms=80)), spec.make_decoder(CodecSettings())
    out = np.zeros(1920, dtype=np.float32)
    heard = []
    for block in (pcm[: 51 * 1280] / 32768).astype(np.float32).reshape(-1, 1280):
        count = decoder.decode(encoder.encode(block), out)
        heard.append(out[:count].copy())
    assert np.array_equal(np.concatenate(heard) * 32768, pcm[: 51 * 1280])


def test_half_a_sample_is_refused() -> None:
    spec = codecs.get("l16")
    with pytest.raises(BitstreamError, match="even number of bytes, got 321"):
        spec.make_decoder(CodecSettings()).decode(bytes(321), np.zeros(960, dtype=np.float32))
    with pytest.raises(BitstreamError):
        spec.payload_samples(bytes(3), 8000)


def test_two_rates_are_two_formats_of_one_name() -> None:
    narrow, wide = codecs.get("l16"), codecs.get("l16-wb")
    assert (narrow.sdp_name, narrow.clock_rate_hz) == ("L16", 8000)
    assert (wide.sdp_name, wide.clock_rate_hz) == ("L16", 16000)
