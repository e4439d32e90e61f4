"""Codecs that ITU-T G.113 has figures of and no call of ours uses, by PyAV (`av`), for `tools.derive_equipment`.

Each is a function of (speech, sample rate, which packets are lost) that gives what is heard; delay is not taken off.
Losses are concealed by the decoder itself, which is told of them as its format allows.
"""

import io
from collections.abc import Callable, Sequence

import av
import numpy as np

from dsp.types import Samples

Coding = Callable[[Samples, Sequence[bool]], Samples]

G7231_FRAME = 240
G7231_BYTES = 24
G7231_FORBIDDEN = bytes((0xFC,)) + bytes((0xFF,)) * (G7231_BYTES - 1)
"""A frame of 6.3 kb/s whose pitch lag is no legal one: the decoder takes it for a frame in error (G.723.1 clause 3.10)."""


def _pcm(speech: Samples) -> np.ndarray:
    return np.clip(np.rint(speech * 32768.0), -32768, 32767).astype(np.int16).reshape(1, -1)


def _sound(frames: list[av.AudioFrame]) -> Samples:
    parts = [
        each.to_ndarray().reshape(-1) / (32768.0 if each.format.name.startswith("s16") else 1.0)
        for each in frames
    ]
    return np.concatenate(parts or [np.zeros(0)]).astype(np.float32)


def _coder(name: str, mode: str, rate_hz: int, bit_rate_bps: int, **options: str) -> av.AudioCodecContext:
    coder = av.CodecContext.create(name, mode)
    coder.sample_rate, coder.layout = rate_hz, "mono"
    if mode == "w":
        coder.format = "s16"
    coder.bit_rate = bit_rate_bps
    coder.options = options
    return coder


def _encoded(coder: av.AudioCodecContext, speech: Samples, rate_hz: int, frame_samples: int) -> list[bytes]:
    payloads = []
    whole = speech.size // frame_samples * frame_samples
    for begin in range(0, whole, frame_samples):
        frame = av.AudioFrame.from_ndarray(
            _pcm(speech[begin : begin + frame_samples]), format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts = rate_hz, begin
        payloads += [bytes(packet) for packet in coder.encode(frame)]
    return payloads + [bytes(packet) for packet in coder.encode(None)]


def g726(bit_rate_bps: int) -> Coding:
    """ITU-T G.726 at 16, 24, 32 or 40 kb/s, without losses."""

    def code(speech: Samples, losses: Sequence[bool]) -> Samples:
        stored = b"".join(_encoded(_coder("g726", "w", 8000, bit_rate_bps), speech, 8000, 160))
        size = {"code_size": str(bit_rate_bps // 8000), "sample_rate": "8000"}
        with av.open(io.BytesIO(stored), format="g726", options=size) as container:
            return _sound(list(container.decode(audio=0)))

    return code


def g7231(speech: Samples, losses: Sequence[bool]) -> Samples:
    """ITU-T G.723.1 at 6.3 kb/s in frames of 30 ms, without voice activity detection."""
    payloads = _encoded(_coder("g723_1", "w", 8000, 6300), speech, 8000, G7231_FRAME)
    decoder = _coder("g723_1", "r", 8000, 6300)
    frames = []
    for number, payload in enumerate(payloads):
        lost = number < len(losses) and losses[number]
        frames += decoder.decode(av.Packet(G7231_FORBIDDEN if lost else payload))
    return _sound(frames)


def g722(bit_rate_bps: int) -> Coding:
    """ITU-T G.722 at 64, 56 or 48 kb/s (modes 1 to 3: the decoder leaves out 0, 1 or 2 bits), without losses."""

    def code(speech: Samples, losses: Sequence[bool]) -> Samples:
        payloads = _encoded(_coder("g722", "w", 16_000, 64_000), speech, 16_000, 320)
        bits = bit_rate_bps // 8000
        decoder = _coder("g722", "r", 16_000, 64_000, bits_per_codeword=str(bits))
        return _sound([frame for each in payloads for frame in decoder.decode(av.Packet(each))])

    return code


AMR_FRAME = 160
AMR_NO_DATA = bytes((15 << 3 | 4,))
"""Frame type NO_DATA (RFC 4867 section 5.3): the decoder substitutes the frame, and mutes in the long run."""


def amr(bit_rate_bps: int) -> Coding:
    """3GPP AMR: at 12.2 kb/s the algorithm of GSM EFR, at 7.4 that of IS-641 (3GPP TS 26.071 clause 4)."""

    def code(speech: Samples, losses: Sequence[bool]) -> Samples:
        payloads = _encoded(_coder("libopencore_amrnb", "w", 8000, bit_rate_bps), speech, 8000, AMR_FRAME)
        decoder = _coder("libopencore_amrnb", "r", 8000, bit_rate_bps)
        frames = []
        for number, payload in enumerate(payloads):
            lost = number < len(losses) and losses[number]
            frames += decoder.decode(av.Packet(AMR_NO_DATA if lost else payload))
        return _sound(frames)

    return code
