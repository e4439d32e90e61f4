"""The demo keeps its own packet interval where that suits, and leaves it to what else was asked for where it does not."""

from dataclasses import replace

import pytest

from softphone.app.demo import media_of
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
