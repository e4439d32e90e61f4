"""AMR-NB in comparisons: the payload of RFC 4867, and what becomes of bytes that are none."""

import contextlib
import random

import numpy as np
import pytest

from dsp.codecs import CodecSettings
from dsp.errors import BitstreamError, LibraryMissing
from softphone.app.codec_measure import read_sound
from softphone.io.measured_codecs import FRAME_BITS, measured_codecs

AMR = measured_codecs()[0]


@pytest.mark.parametrize(("rate", "ptime_ms", "size"), [(4750, 20, 14), (4750, 60, 39), (12_200, 20, 32)])
def test_a_payload_has_the_bits_of_rfc_4867(rate: int, ptime_ms: int, size: int) -> None:
    pytest.importorskip("av")
    settings = CodecSettings(bit_rate_bps=rate, ptime_ms=ptime_ms)
    frames, mode = ptime_ms // 20, 0 if rate == 4750 else 7
    assert size == -(
        -(4 + frames * (6 + FRAME_BITS[mode])) // 8
    )  # section 4.3: CMR, table of contents, speech
    speech = read_sound("builtin:man", 8000)[8000 : 8000 + 8 * ptime_ms]
    payload = AMR.make_encoder(settings).encode(speech)
    assert len(payload) == size
    assert payload[0] >> 4 == 15
    assert AMR.payload_samples(payload, 8000) == 8 * ptime_ms
    out = np.zeros(8 * 160, dtype=np.float32)
    assert AMR.make_decoder(settings).decode(payload, out) == 8 * ptime_ms


def test_any_bytes_are_a_payload_or_refused() -> None:
    rng = random.Random(1)
    for _ in range(500):
        data = rng.randbytes(rng.randrange(40))
        with contextlib.suppress(BitstreamError):
            assert AMR.payload_samples(data, 8000) % 160 == 0


def test_without_pyav_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LibraryMissing, match=r'pip install "softphone\[amr\]"'):
        AMR.library()
