"""Parameters of RFC 7587 section 6.1, both ways."""

import pytest

from dsp.codecs import CodecSettings, codecs

OPUS = codecs.get("opus")


def test_what_we_want_is_written_as_the_rfc_says() -> None:
    assert OPUS.fmtp(CodecSettings()) == (
        "maxplaybackrate=16000;sprop-maxcapturerate=16000;maxaveragebitrate=16000;stereo=0"
    )
    everything = CodecSettings(bit_rate_bps=32000, fec=True, dtx=True, cbr=True)
    assert OPUS.fmtp(everything) == "maxaveragebitrate=32000;stereo=0;useinbandfec=1;usedtx=1;cbr=1"


def test_the_rtpmap_is_always_the_same() -> None:
    assert (OPUS.sdp_name, OPUS.clock_rate_hz, OPUS.channels, OPUS.payload_type) == ("opus", 48000, 2, None)


def test_the_sample_rate_follows_the_bit_rate() -> None:
    rates = {
        bit_rate: OPUS.sample_rate_hz(CodecSettings(bit_rate_bps=bit_rate))
        for bit_rate in (6000, 24000, 24001)
    }
    assert rates == {6000: 16000, 24000: 16000, 24001: 48000}
    assert OPUS.sample_rate_hz(CodecSettings()) == 16000


@pytest.mark.parametrize(
    ("ours", "limit", "sent"),
    [
        (16000, "8000", 8000),
        (16000, "64000", 16000),
        (None, "12000", 12000),
        (None, "64000", 16000),
        (16000, "5999", 16000),  # section 6.1: out of range
        (16000, "510001", 16000),
        (16000, "-8000", 16000),
        (16000, "8e3", 16000),
        (16000, "", 16000),
        (16000, "9" * 5000, 16000),
        (16000, "٨٠٠٠", 16000),
    ],
)
def test_the_peers_average_bit_rate_binds_us(ours: int | None, limit: str, sent: int) -> None:
    applied = OPUS.apply_fmtp(CodecSettings(bit_rate_bps=ours), {"maxaveragebitrate": limit})
    assert applied.bit_rate_bps == sent


def test_the_peers_playback_rate_binds_us() -> None:
    for told, before, after in (
        ("8000", None, 8000),
        ("24000", 16000, 16000),
        ("x", 16000, 16000),
        ("1", None, None),
    ):
        applied = OPUS.apply_fmtp(CodecSettings(max_audio_rate_hz=before), {"maxplaybackrate": told})
        assert applied.max_audio_rate_hz == after


def test_fec_is_spent_only_on_a_peer_that_uses_it() -> None:
    ours = CodecSettings(fec=True)
    assert OPUS.apply_fmtp(ours, {"useinbandfec": "1"}).fec
    assert not OPUS.apply_fmtp(ours, {"useinbandfec": "0"}).fec
    assert not OPUS.apply_fmtp(ours, {}).fec
    assert not OPUS.apply_fmtp(CodecSettings(), {"useinbandfec": "1"}).fec


def test_the_peers_wish_for_dtx_and_constant_rate_is_met() -> None:
    applied = OPUS.apply_fmtp(CodecSettings(), {"usedtx": "1", "cbr": " 1 "})
    assert applied.dtx
    assert applied.cbr
    assert OPUS.apply_fmtp(CodecSettings(dtx=True), {}).dtx


def test_what_one_of_ours_writes_the_other_reads() -> None:
    asked = CodecSettings(bit_rate_bps=8000, fec=True, dtx=True, cbr=True, ptime_ms=60)
    wishes = dict(wish.split("=") for wish in OPUS.fmtp(asked).split(";"))
    applied = OPUS.apply_fmtp(CodecSettings(bit_rate_bps=24000, fec=True, ptime_ms=60), wishes)
    assert applied == CodecSettings(
        bit_rate_bps=8000, fec=True, dtx=True, cbr=True, ptime_ms=60, max_audio_rate_hz=16000
    )
