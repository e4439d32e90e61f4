"""Write the test vectors of VLC's bitstream: ``python -m tools.make_vlc_vectors``.

Payloads come from made parameters, seeded; what they decode to from the plain-Python decoder of the tests, not from the
kernel. Writes ``tests/dsp/vlc_vectors.json`` and the section "Test vectors" of ``docs/vlc-format.md``.
"""

import json
import re
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from dsp.codecs.vlc.model import NARROW, PACKETS_MS, WIDE, Model, PacketParameters
from dsp.codecs.vlc.packet import PacketCoder
from dsp.codecs.vlc.tables import tables

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.vlc_reference import read_symbols, rebuild, silence_levels  # noqa: E402

VECTORS = ROOT / "tests" / "dsp" / "vlc_vectors.json"
FORMAT = ROOT / "docs" / "vlc-format.md"
STEPS = {64: 24, 96: 20, 128: 16, 144: 9}


def syllables(model: Model, packet_ms: int) -> PacketParameters:
    """A made packet: a vowel that swells, its formants moving, then a hiss."""
    frames = packet_ms // 8
    t = (np.arange(frames)[:, np.newaxis] + 0.5) / frames
    place = (np.arange(model.bands) + 0.5) / model.bands
    vowel = -34.0 + 14.0 * np.cos(2 * np.pi * (2.5 * place - 0.6 * t)) - 22.0 * place - 20.0 * (t - 0.4) ** 2
    hiss = -62.0 + 16.0 * place
    voice = 1.0 / (1.0 + np.exp((t - 0.65) * 30.0))
    at = (np.arange(model.voicing_bands) + 0.5) / model.voicing_bands
    return PacketParameters(
        levels_db=(voice * vowel + (1.0 - voice) * hiss).astype(np.float32),
        voicing=(voice * (0.95 - 0.4 * at)).astype(np.float32),
        f0_hz=(110.0 + 40.0 * np.sin(2.5 * t[:, 0])).astype(np.float32),
        voiced=np.repeat(voice[::2, 0] > 0.5, 2),
    )


def payloads() -> list[tuple[Model, bytes]]:
    """Of every model and length one coded packet; a random one and an empty one."""
    found = []
    for model in (NARROW, WIDE):
        for ms in PACKETS_MS:
            coder = PacketCoder(model, ms)
            found.append((model, coder.encode(syllables(model, ms), STEPS[ms])))
        found.append((model, bytes((0x9F,)) + np.random.default_rng(7).bytes(24)))
        found.append((model, bytes((0x00,))))
    return found


def vector(model: Model, payload: bytes) -> dict[str, Any]:
    """What *payload* decodes to."""
    ms, step = PACKETS_MS[payload[0] >> 6], payload[0] & 63
    table = tables(model, ms)
    symbols = read_symbols(table, payload)
    levels, voicing = rebuild(table, symbols, step, model.bands)
    whole = np.concatenate([levels.ravel(), voicing.ravel()]).astype("<i4").tobytes()
    return {
        "model": model.name,
        "payload": payload.hex(),
        "packet_ms": ms,
        "step": step,
        "gain": symbols.gain,
        "f0": symbols.f0,
        "levels": levels.tolist(),
        "voicing": voicing.tolist(),
        "crc32": f"{zlib.crc32(whole):08x}",
    }


def silence(model: Model) -> dict[str, Any]:
    """A silence descriptor and its levels."""
    at = (np.arange(model.bands) + 0.5) / model.bands
    noise = (-66.0 - 12.0 * at + 5.0 * np.cos(2 * np.pi * at)).astype(np.float32)
    payload = PacketCoder(model, 128).write_silence(noise)
    return {
        "model": model.name,
        "payload": payload.hex(),
        "packet_ms": 128,
        "levels": silence_levels(payload, model.bands),
    }


def page(vectors: list[dict[str, Any]], descriptors: list[dict[str, Any]]) -> str:
    """The section of the format's page."""
    parts = []
    for each in vectors:
        first, last = each["levels"][0], each["levels"][-1]
        parts.append(
            f"{each['model']} {each['packet_ms']} ms, step {each['step']}, g {each['gain']}, crc {each['crc32']}\n"
            f"  payload  {each['payload']}\n"
            f"  f0       {' '.join(map(str, each['f0']))}\n"
            f"  levels   {first[0]} {first[1]} {first[2]} .. {first[-1]} | {last[0]} {last[1]} {last[2]} .. {last[-1]}\n"
            f"  voicing  {' '.join(map(str, each['voicing'][0]))}"
        )
    parts += [
        f"{each['model']} {each['packet_ms']} ms, silence descriptor\n"
        f"  payload  {each['payload']}\n"
        f"  levels   {' '.join(map(str, each['levels']))}"
        for each in descriptors
    ]
    return "```\n" + "\n".join(parts) + "\n```\n"


def main() -> None:
    """Command line."""
    vectors = [vector(model, payload) for model, payload in payloads()]
    descriptors = [silence(model) for model in (NARROW, WIDE)]
    rows = ",\n".join(json.dumps(each) for each in vectors)
    noise = ",\n".join(json.dumps(each) for each in descriptors)
    VECTORS.write_text(f'{{"speech": [\n{rows}\n],\n"silence": [\n{noise}\n]}}\n')
    text = FORMAT.read_text()
    FORMAT.write_text(re.sub(r"(?s)(?<=<!-- vectors -->\n).*\Z", lambda _: page(vectors, descriptors), text))


if __name__ == "__main__":
    main()
