"""Codecs and conditions whose quality listeners have judged, and what came of it.

Sources. *G.113*: ITU-T G.113 appendix I, equipment impairment factors, which are derived from listening tests
(`dsp.metrics.equipment`); AMR at 12.2 kb/s is GSM EFR and at 7.4 kb/s is IS-641 (3GPP TS 26.071), and takes their values. *AMR*:
the modes by rate, the two lowest counted as alike (3GPP TR 26.975 characterises them; its tables were not at hand). *MNRU*: ITU-T
P.810, the modulated noise reference unit, whose ratio Q is the yardstick of the ITU's listening tests. *Codec2*: four modes by
rate, as its author ranks them; no formal test is published. `TOLD_APART`: pairs of codecs of different kinds.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr

from dsp.metrics.equipment import G113
from dsp.types import Samples
from softphone.app.codec_measure import _encoded, decoded_sound
from softphone.app.codec_named import named_codec

RATE_HZ = 8000
FRAME = 240
SEARCH = 400
"""How far (samples) the delay of a codec of PyAV is searched for."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What is done to the speech."""

    name: str
    run: Callable[[Samples], Samples]
    """From 8 kHz to 8 kHz, of the same length, without delay."""
    ranks: dict[str, float]
    """Group -> place in it: the higher, the better listeners found it."""


G113_NAMES = {
    "pcmu": ("pcmu", 64_000),
    "g726:40000": ("g726", 40_000),
    "amr:12200": ("gsm-efr", 12_200),
    "g726:32000": ("g726", 32_000),
    "amr:7400": ("is-641", 7400),
    "g723.1:6300": ("g723.1", 6300),
    "g726:24000": ("g726", 24_000),
    "g726:16000": ("g726", 16_000),
}
AMR = {4750: 1, 5150: 1, 5900: 2, 6700: 3, 7400: 4, 7950: 5, 10_200: 6, 12_200: 7}
MNRU = (35, 30, 25, 20, 15, 10, 5)
CODEC2 = {3200: 4, 2400: 3, 1300: 2, 700: 1}
OTHERS = ("vlc:1600", "vlc:2400", "vlc:3800", "opus:6000", "opus:9600")
TOLD_APART = (
    ("g723.1:6300", "g726:24000"),
    ("amr:7400", "g726:24000"),
    ("g723.1:6300", "g726:16000"),
    ("amr:7400", "g726:16000"),
    ("g723.1:6300", "codec2:3200"),
    ("amr:4750", "codec2:2400"),
    ("amr:4750", "codec2:1300"),
    ("amr:4750", "codec2:700"),
)
"""(better, worse). The first four follow from G.113. Those with Codec2 are assumed: no published test has both; AMR and G.723.1
were made for telephone quality, Codec2 for half the rate and digital radio."""


def conditions() -> list[Condition]:
    """All that can be had here."""
    ie = {(row.codec, row.bit_rate_bps): row.ie for row in reversed(G113)}
    ranks: dict[str, dict[str, float]] = {}
    for name, key in G113_NAMES.items():
        ranks.setdefault(name, {})["G.113"] = -ie[key]
    for rate, rank in AMR.items():
        ranks.setdefault(f"amr:{rate}", {})["AMR"] = float(rank)
    for q in MNRU:
        ranks[f"mnru:{q}"] = {"MNRU": float(q)}
    for rate, rank in CODEC2.items():
        ranks[f"codec2:{rate}"] = {"Codec2": float(rank)}
    return [Condition(name, _way(name), ranks.get(name, {})) for name in (*ranks, *OTHERS)]


def _way(name: str) -> Callable[[Samples], Samples]:
    kind, _, rate = name.partition(":")
    match kind:
        case "mnru":
            return _mnru(int(rate))
        case "g726":
            return _pyav("g726", int(rate))
        case "g723.1":
            return _pyav("g723_1", int(rate))
        case _:
            return _ours(name)


def _ours(name: str) -> Callable[[Samples], Samples]:
    """A codec of `softphone codec list`, or AMR, without loss."""

    def run(speech: Samples) -> Samples:
        codec = named_codec(name, measuring=True)
        rate = codec.sample_rate_hz
        sound = np.asarray(soxr.resample(speech, RATE_HZ, rate), dtype=np.float32)
        payloads = _encoded(codec, sound)
        heard = decoded_sound(codec, payloads, [False] * len(payloads))
        heard = heard[codec.spec.delay_samples(codec.settings) :][: sound.size]
        return _fitted(np.asarray(soxr.resample(heard, rate, RATE_HZ), dtype=np.float32), speech.size)

    return run


def _pyav(name: str, bit_rate_bps: int) -> Callable[[Samples], Samples]:
    """A codec of PyAV, through a WAV file in memory; its delay is taken off."""

    def run(speech: Samples) -> Samples:
        import av

        padded = np.zeros(-(-(speech.size + SEARCH) // FRAME) * FRAME, dtype=np.float32)
        padded[: speech.size] = speech
        pcm = np.clip(np.rint(padded * 32768.0), -32768, 32767).astype(np.int16)
        file = io.BytesIO()
        with av.open(file, "w", format="wav") as target:
            stream: Any = target.add_stream(name, rate=RATE_HZ)
            stream.layout, stream.bit_rate = "mono", bit_rate_bps
            for block in pcm.reshape(-1, 1, FRAME):
                given = av.AudioFrame.from_ndarray(block.copy(), format="s16", layout="mono")
                given.sample_rate = RATE_HZ
                target.mux(stream.encode(given))
            target.mux(stream.encode(None))
        file.seek(0)
        with av.open(file) as source:
            heard = [frame.to_ndarray().reshape(-1) for frame in source.decode(audio=0)]
        sound = np.concatenate([each / (32768.0 if each.dtype == np.int16 else 1.0) for each in heard])
        size = 1 << (sound.size + speech.size).bit_length()
        cross = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(speech, size)))
        late = int(np.argmax(np.abs(cross[:SEARCH])))
        return _fitted(sound[late:].astype(np.float32), speech.size)

    return run


def _mnru(q_db: int) -> Callable[[Samples], Samples]:
    """Noise that follows the speech, *q_db* below it (P.810, narrowband)."""

    def run(speech: Samples) -> Samples:
        noise = np.random.default_rng(1).standard_normal(speech.size)
        return np.asarray(speech * (1.0 + 10.0 ** (-q_db / 20.0) * noise), dtype=np.float32)

    return run


def _fitted(sound: Samples, count: int) -> Samples:
    return np.concatenate((sound, np.zeros(max(0, count - sound.size), dtype=np.float32)))[:count]
