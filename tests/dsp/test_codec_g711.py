"""G.711 against the printed tables of ITU-T G.711."""

import numpy as np
import pytest

from dsp.codecs import CodecSettings, codecs
from dsp.codecs.g711 import a_law_levels, mu_law_levels
from dsp.types import Samples

# G.711 table 2a, columns 3 (decision value), 6 (character signal of positive values) and 7 (output).
MU_LAW_OUTPUTS = {0: 0, 1: 2, 16: 33, 32: 99, 48: 231, 64: 495, 80: 1023, 96: 2079, 112: 4191, 127: 8031}
MU_LAW_DECISIONS = {1: 1, 2: 3, 16: 31, 32: 95, 48: 223, 64: 479, 80: 991, 96: 2015, 112: 4063, 127: 7903}
# G.711 table 1a, likewise.
A_LAW_OUTPUTS = {0: 1, 16: 33, 32: 66, 48: 132, 64: 264, 80: 528, 96: 1056, 112: 2112, 127: 4032}
A_LAW_DECISIONS = {1: 2, 16: 32, 32: 64, 48: 128, 64: 256, 80: 512, 96: 1024, 112: 2048, 127: 3968}


def encode(name: str, samples: Samples) -> bytes:
    encoder = codecs.get(name).make_encoder(CodecSettings(ptime_ms=10))
    padded = np.concatenate((samples, np.zeros(-samples.size % 80, dtype=np.float32)))
    return b"".join(map(encoder.encode, padded.reshape(-1, 80)))[: samples.size]


def decode(name: str, payload: bytes) -> Samples:
    out = np.zeros(960, dtype=np.float32)
    return out[: codecs.get(name).make_decoder(CodecSettings()).decode(payload, out)].copy()


def test_levels_are_those_of_the_printed_tables() -> None:
    for levels, outputs, decisions in (
        (mu_law_levels(), MU_LAW_OUTPUTS, MU_LAW_DECISIONS),
        (a_law_levels(), A_LAW_OUTPUTS, A_LAW_DECISIONS),
    ):
        assert {n: int(levels[1][n]) for n in outputs} == outputs
        assert {n: int(levels[0][n - 1]) for n in decisions} == decisions


@pytest.mark.parametrize(
    ("name", "steps", "characters"),
    [
        # Character signals as printed: largest positive, smallest positive, largest negative.
        ("pcmu", 8192, {8031: 0b10000000, 0: 0b11111111, -8031: 0b00000000}),
        ("pcma", 4096, {4032: 0b11111111 ^ 0x55, 1: 0b10000000 ^ 0x55, -4032: 0b01111111 ^ 0x55}),
    ],
)
def test_characters_are_those_of_the_printed_tables(
    name: str, steps: int, characters: dict[int, int]
) -> None:
    for value, character in characters.items():
        samples = np.full(80, value / steps, dtype=np.float32)
        assert encode(name, samples) == bytes([character]) * 80
        assert np.all(decode(name, bytes([character])) * steps == value)


@pytest.mark.parametrize("name", ["pcmu", "pcma"])
def test_every_code_survives_a_second_coding(name: str) -> None:
    every = bytes(range(256))
    again = bytearray(encode(name, decode(name, every)))
    if name == "pcmu":
        assert again[0x7F] == 0xFF  # the two zeros of mu-law are one value
        again[0x7F] = 0x7F
    assert bytes(again) == every


@pytest.mark.parametrize("name", ["pcmu", "pcma"])
def test_every_sample_goes_to_the_interval_it_lies_in(name: str) -> None:
    (decisions, _), steps = (mu_law_levels(), 8192) if name == "pcmu" else (a_law_levels(), 4096)
    pcm = np.arange(-32768, 32768)
    heard = decode_all(name, encode(name, (pcm / 32768).astype(np.float32)))
    edges = np.concatenate(([0], decisions * (32768 // steps), [32768]))
    interval = np.searchsorted(edges, np.abs(pcm), side="right") - 1
    magnitude = np.abs(heard) * 32768
    inside = (magnitude >= edges[interval]) & (magnitude <= edges[np.minimum(interval + 1, 128)])
    assert np.all(inside[np.abs(pcm) < 32768])
    assert np.all(np.diff(heard) >= 0)


def decode_all(name: str, payload: bytes) -> Samples:
    return np.concatenate([decode(name, payload[i : i + 960]) for i in range(0, len(payload), 960)])


def test_positive_samples_agree_with_the_standard_library() -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop", reason="audioop left Python with 3.13")
    pcm = np.arange(0, 32768, dtype=np.int16)
    for name, twin in (("pcmu", audioop.lin2ulaw), ("pcma", audioop.lin2alaw)):
        assert encode(name, (pcm / 32768).astype(np.float32)) == twin(pcm.tobytes(), 2)


def test_silence_has_the_idle_code_of_each_law() -> None:
    silence = np.zeros(80, dtype=np.float32)
    assert encode("pcmu", silence) == b"\xff" * 80
    assert encode("pcma", silence) == b"\xd5" * 80


def test_full_scale_has_the_overload_level_the_standard_names() -> None:
    # G.711 section 4: the overload points, 8159 and 4096, are +3.17 and +3.14 dBm0.
    assert 20 * np.log10(8159 / 8192) == pytest.approx(3.17 - 3.205, abs=0.01)
    assert mu_law_levels()[1][-1] * 4 == 32124
    assert a_law_levels()[1][-1] * 8 == 32256
