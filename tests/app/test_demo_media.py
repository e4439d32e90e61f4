"""The demo keeps its own packet interval where that suits, and leaves it to what else was asked for where it does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from softphone.app.demo import _sides, media_of
from softphone.config import CodecChoice, DemoOptions

OWN = DemoOptions().media


@pytest.mark.parametrize(
    ("changes", "ptime_ms"),
    [
        ({}, 60),
        ({"codecs": (CodecChoice("pcmu"),)}, 60),
        ({"codecs": (CodecChoice("vlc"),)}, None),
        ({"codecs": (CodecChoice("vlc"),), "ptime_ms": 96}, 96),
        ({"mode": "vlr"}, None),
        ({"max_wire_bps": 20000}, None),
    ],
)
def test_the_packet_interval(changes, ptime_ms):
    assert media_of(replace(OWN, **changes)).ptime_ms == ptime_ms


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_both_sides_are_told_how_to_encrypt(side):
    media = replace(
        OWN, srtp="require", srtp_keys="dtls", srtp_suites=("AEAD_AES_128_GCM", "AEAD_AES_256_GCM")
    )
    arguments = " ".join(_sides(DemoOptions(media=media), Path("."), side))
    assert "--srtp require --srtp-keys dtls --srtp-suites AEAD_AES_128_GCM,AEAD_AES_256_GCM" in arguments
    assert "--srtp" not in _sides(DemoOptions(), Path("."), side)
