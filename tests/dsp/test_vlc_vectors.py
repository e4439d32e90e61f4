"""Test vectors of VLC's bitstream: payloads whose integers are printed (tools/make_vlc_vectors.py; docs/vlc-format.md)."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from support.vlc_reference import silence_levels

from dsp.codecs.vlc.model import NARROW, WIDE
from dsp.codecs.vlc.packet import PacketCoder, SilenceDescriptor

FILE = json.loads((Path(__file__).parent / "vlc_vectors.json").read_text())
PAGE = (Path(__file__).parents[2] / "docs" / "vlc-format.md").read_text()
MODELS = {"vlc": NARROW, "vlc-wb": WIDE}


def test_there_are_vectors_of_every_model_and_length() -> None:
    assert {(each["model"], each["packet_ms"]) for each in FILE["speech"]} == {
        (model, ms) for model in MODELS for ms in (64, 96, 128, 144)
    }
    assert len(FILE["silence"]) == 2


@pytest.mark.parametrize("vector", FILE["speech"], ids=lambda each: each["crc32"])
def test_a_payload_decodes_to_its_printed_integers(vector: dict[str, object]) -> None:
    coder = PacketCoder(MODELS[str(vector["model"])], int(str(vector["packet_ms"])))
    got = coder.decode_integers(bytes.fromhex(str(vector["payload"])))
    assert got.step_index == vector["step"]
    assert got.f0.tolist() == vector["f0"]
    assert got.levels.tolist() == vector["levels"]
    assert got.voicing.tolist() == vector["voicing"]
    whole = np.concatenate([got.levels.ravel(), got.voicing.ravel()]).astype("<i4").tobytes()
    assert f"{zlib.crc32(whole):08x}" == vector["crc32"]
    assert str(vector["payload"]) in PAGE
    assert str(vector["crc32"]) in PAGE


@pytest.mark.parametrize("vector", FILE["silence"], ids=lambda each: each["model"])
def test_a_silence_descriptor_decodes_to_its_printed_integers(vector: dict[str, object]) -> None:
    model = MODELS[str(vector["model"])]
    payload = bytes.fromhex(str(vector["payload"]))
    decoded = PacketCoder(model, 128).decode(payload)
    assert isinstance(decoded, SilenceDescriptor)
    assert (decoded.levels_db * 256).tolist() == vector["levels"]
    assert silence_levels(payload, model.bands) == vector["levels"]
    assert str(vector["payload"]) in PAGE
