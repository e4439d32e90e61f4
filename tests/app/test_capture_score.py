"""A whole capture scored: verdicts, references, calls of SIP, thresholds, and what a person is told."""

import gzip
import random
from dataclasses import replace

import numpy as np
import pytest
from support.capture_scores import MEASURE, score_bytes
from support.captures import (
    ALICE,
    BEGAN,
    BOB,
    SIP_ALICE,
    SIP_BOB,
    Seen,
    call,
    file_of,
    framed,
    pcap,
    sip,
    stream,
    talk,
    udp,
    without,
)
from support.peers import read_wav

from dsp.codecs import CodecSettings
from softphone.app.capture_options import capture_options, codec_choices, missed
from softphone.app.capture_score import CaptureOptions, score_capture
from softphone.cli.capture_table import capture_table
from softphone.errors import UsageError
from softphone.io.capture_file import is_capture_file
from softphone.score_config import ScoreOptions

MAN = talk("pcmu", 30.0)
WOMAN = talk("pcmu", 30.0, name="woman")
"""Whole, so that they end in a pause."""
ONE = stream(MAN, ssrc=1)
OTHER = stream(WOMAN, ssrc=2, source=BOB, destination=ALICE, began=BEGAN + 0.3)


def test_both_directions_of_a_good_call_are_ok_and_the_call_is_told(tmp_path):
    result = score_bytes(file_of(ONE, OTHER, extra=call("RTP/AVP 0", ends=BEGAN + 9)), tmp_path)
    assert (result["kind"], result["format"], result["verdict"]) == ("capture", "pcap", ["ok"])
    assert [each["verdict"] for each in result["streams"]] == [["ok"], ["ok"]]
    assert all(each["checks"]["level"]["figures"]["level_dbov"] is not None for each in result["streams"])
    (found,) = result["calls"]
    assert found["from"] == "sip:alice@192.0.2.1"
    assert (found["sip_status"], found["reason"], found["ended_by"]) == (200, "OK", "caller")
    assert found["setup_s"] == pytest.approx(0.4, abs=1e-3)
    assert found["ringing_s"] == pytest.approx(0.1, abs=1e-3)
    assert found["duration_s"] == pytest.approx(9.1, abs=1e-3)
    assert result["warnings"] == []
    assert result["mos_lqo"] is None


def test_who_hangs_up_in_the_middle_of_a_word_has_no_faulty_line(tmp_path):
    cut = stream(talk("pcmu", 3.3), ssrc=1)
    (found,) = score_bytes(file_of(cut), tmp_path)["streams"]
    assert found["checks"]["muted-ends"]["words"] == ["cut-end"]
    assert "cut-end" not in found["verdict"]


def test_the_stream_that_holds_the_reference_is_scored_against_it(tmp_path):
    result = score_bytes(file_of(without(ONE, range(40, 300, 3)), OTHER), tmp_path, reference="builtin:man")
    first, second = result["streams"]
    assert first["score"]["metric"] == "visqol"
    assert first["score"]["trusted"]
    assert first["mos_lqo"] == result["mos_lqo"]
    assert first["reference"] == "builtin:man"
    assert (second["mos_lqo"], second["score"]) == (None, None)
    assert "unrelated" not in second["verdict"]
    # Measured: 4.96 without losses, 4.2 with every third packet lost.
    assert 2.0 < first["mos_lqo"] < 4.7


def test_a_parametric_codec_is_scored_but_not_trusted(tmp_path):
    said = talk("vlc", 5.0, settings=CodecSettings(ptime_ms=64))
    media = f"RTP/AVP 97\r\na=rtpmap:97 VLC/8000\r\na=fmtp:97 {said.spec.fmtp(said.settings)}"
    data = file_of(stream(said, payload_type=97), extra=call(media))
    (found,) = score_bytes(data, tmp_path, reference="builtin:man")["streams"]
    assert found["score"] is not None
    assert not found["score"]["trusted"]


def test_a_call_that_was_answered_and_has_sound_one_way_only_is_one_way(tmp_path):
    result = score_bytes(file_of(ONE, extra=call("RTP/AVP 0")), tmp_path, judge=False)
    assert result["calls"][0]["verdict"] == ["one-way"]
    assert result["verdict"] == ["one-way"]
    held = score_bytes(
        file_of(ONE, extra=call("RTP/AVP 0\r\na=sendonly", "RTP/AVP 0\r\na=recvonly")), tmp_path
    )
    assert held["verdict"] == ["ok"]
    assert score_bytes(file_of(ONE), tmp_path, judge=False)["verdict"] == ["ok"], (
        "without SIP nothing says that there was another side"
    )


def test_echo_is_found_with_what_the_listeners_own_side_sent(tmp_path):
    from support.captures import Talk, speech

    rate, delay_s = 8000, 0.12
    far = speech("woman", 5.0, rate)
    mixed = speech("man", 5.0, rate) * np.float32(0.5)
    near = np.zeros_like(far)
    shift = round((delay_s + 0.3) * rate)
    near[shift:] = 0.2 * far[: far.size - shift]
    mixed = mixed[: near.size]
    mixed[:] = 0
    mixed += near
    encoder = MAN.spec.make_encoder(MAN.settings)
    payloads = [encoder.encode(mixed[i : i + 160]) for i in range(0, mixed.size - 159, 160)]
    back = Talk(MAN.spec, MAN.settings, payloads, mixed)
    result = score_bytes(file_of(stream(back, ssrc=1), OTHER), tmp_path)
    assert "echo" in result["streams"][0]["verdict"]
    assert "echo" not in result["streams"][1]["verdict"]


def test_heavy_loss_is_dropouts(tmp_path):
    rng = random.Random(2)
    lost = [i for i in range(5, len(ONE) - 5) if rng.random() < 0.2]
    result = score_bytes(file_of(without(ONE, lost)), tmp_path)
    assert "dropouts" in result["verdict"]


def test_a_failed_call_without_media_is_listed(tmp_path):
    busy = [
        Seen(BEGAN, framed(udp(sip("INVITE sip:bob@192.0.2.2 SIP/2.0"), SIP_ALICE, SIP_BOB))),
        Seen(BEGAN + 0.2, framed(udp(sip("SIP/2.0 486 Busy Here", tags=("a", "b")), SIP_BOB, SIP_ALICE))),
    ]
    result = score_bytes(pcap(busy), tmp_path, judge=False)
    assert result["streams"] == []
    assert (result["calls"][0]["sip_status"], result["calls"][0]["streams"]) == (486, [])
    assert result["warnings"] == ["no RTP stream was found"]
    assert result["verdict"] == []


def test_recordings_are_written_where_they_were_asked_for(tmp_path):
    out = tmp_path / "heard (ü)"
    result = score_bytes(file_of(ONE, OTHER), tmp_path, judge=False, out=str(out))
    paths = sorted(path.name for path in out.iterdir())
    assert paths == [
        "0-192.0.2.1_4000-192.0.2.2_5000-pcmu.wav",
        "1-192.0.2.2_5000-192.0.2.1_4000-pcmu.wav",
    ]
    heard, rate = read_wav(result["streams"][0]["recording"])
    assert rate == 8000
    assert heard.size == pytest.approx(160 * len(ONE), abs=800)
    with pytest.raises(UsageError, match="exists"):
        score_bytes(file_of(ONE), tmp_path, judge=False, out=str(out), force=False)


def test_a_gzipped_capture_is_unpacked_and_one_whose_end_is_missing_is_told(tmp_path):
    data = gzip.compress(file_of(ONE))
    assert score_bytes(data, tmp_path, judge=False)["streams"][0]["packets"] == len(ONE)
    short = score_bytes(data[: len(data) // 2], tmp_path, judge=False)
    assert 10 < short["streams"][0]["packets"] < len(ONE)
    assert "its end is missing or damaged" in short["warnings"][0]


def test_a_capture_is_known_by_its_first_bytes_whatever_it_is_called(tmp_path):
    for name, data, known in (
        ("a.wav", file_of(ONE), True),
        ("b", gzip.compress(file_of(ONE)), True),
        ("c.pcap", b"RIFF", False),
    ):
        (tmp_path / name).write_bytes(data)
        assert is_capture_file(tmp_path / name) is known
    assert not is_capture_file(tmp_path)
    assert not is_capture_file(tmp_path / "missing")


def test_files_that_are_no_captures_are_refused_in_a_line(tmp_path):
    with pytest.raises(UsageError, match="is no capture: wanted a pcap or pcapng file"):
        score_bytes(b"hello, world", tmp_path, judge=False)
    with pytest.raises(UsageError, match="cannot be read"):
        score_capture(CaptureOptions(str(tmp_path / "missing.pcap")))


def test_what_is_wrong_with_a_capture_is_told(tmp_path):
    cut = Seen(ONE[7].at, ONE[7].seen().data[:60], len(ONE[7].seen().data))
    odd = Seen(BEGAN + 0.05, framed(b"\x43" + bytes(19)))
    back = replace(ONE[30].seen(), at=BEGAN - 1)
    data = pcap(
        [
            *(each.seen() for each in ONE[:7]),
            cut,
            odd,
            *(each.seen() for each in ONE[8:30]),
            back,
            ONE[31].seen(),
        ]
    )
    result = score_bytes(data[:-10], tmp_path, judge=False)
    text = "\n".join(result["warnings"])
    assert "the file ends in the middle of a packet" in text
    assert "1 frames are cut short" in text
    assert "2 frames are stamped earlier" in text
    assert "1 IP packets have headers that make no sense" in text


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_capture_is_scored_as_far_as_it_goes(seed, tmp_path):
    """Fuzz: whatever is in the packets, there is a result."""
    rng = random.Random(seed)
    data = bytearray(file_of(ONE[:80], OTHER[:80], extra=call("RTP/AVP 0 111\r\na=rtpmap:111 opus/48000/2")))
    for _ in range(400):
        data[rng.randrange(24, len(data))] = rng.randrange(256)
    result = score_bytes(bytes(data), tmp_path, judge=False)
    assert result["kind"] == "capture"
    assert capture_table(result)


def test_the_table_has_a_column_for_each_stream_and_says_what_is_to_be_known(tmp_path):
    unknown = stream(
        talk("codec2", 3.0, settings=CodecSettings(bit_rate_bps=2400, ptime_ms=40)),
        payload_type=107,
        ssrc=3,
        source=("192.0.2.7", 1),
    )
    text = capture_table(
        score_bytes(file_of(ONE, OTHER, unknown, extra=call("RTP/AVP 0")), tmp_path, judge=False)
    )
    assert "3 RTP streams: ok" in text
    assert "sip:alice@192.0.2.1" in text
    assert "pcmu 64000 b/s, 20 ms" in text
    assert "stream 0: payload type 107 is dynamic" in text or "stream 1: payload type 107 is dynamic" in text
    assert "R 9" in text


def test_the_options_of_score_are_read_for_a_capture():
    said = ScoreOptions(
        "a.pcap", codec="97=opus,98=codec2:1300", reference="builtin:man", out="dir", metrics=MEASURE
    )
    asked = capture_options(said)
    assert asked == CaptureOptions("a.pcap", "builtin:man", "dir", {97: "opus", 98: "codec2:1300"}, MEASURE)
    assert codec_choices(None) == {}
    for wrong in ("opus", "200=opus", "97=", "x=opus"):
        with pytest.raises(UsageError, match="--codec of a capture wants a payload type from 0 to 127"):
            codec_choices(wrong)
    with pytest.raises(UsageError, match="no codec named 'morse'"):
        codec_choices("97=morse")
    for field in ("far", "report"):
        with pytest.raises(UsageError, match=f"--{field} is for one recording"):
            capture_options(ScoreOptions("a.pcap", **{field: "x.html"}))


def test_a_threshold_is_held_against_the_worst_stream(tmp_path):
    good = score_bytes(file_of(ONE), tmp_path, judge=False)
    assert missed(good, 4.0) is None
    lossy = score_bytes(file_of(without(ONE, range(20, 200, 8)), OTHER), tmp_path, judge=False)
    problem = missed(lossy, 4.0)
    assert problem is not None
    assert problem.exit_status == 6
    assert "MOS of stream 0" in str(problem)
    opus = score_bytes(file_of(stream(talk("opus", 3.0), payload_type=111)), tmp_path, judge=False)
    problem = missed(opus, 3.0)
    assert problem is not None
    assert problem.exit_status == 2
    assert "give --reference" in str(problem)
    assert missed(score_bytes(pcap([]), tmp_path, judge=False), 3.0) is not None


def test_a_senders_clock_that_is_off_is_drift(tmp_path):
    long = replace(MAN, payloads=MAN.payloads * 2)
    for skew_ppm, words in ((0, ["ok"]), (100, ["ok"]), (-300, ["drift"])):
        (found,) = score_bytes(file_of(stream(long, skew_ppm=skew_ppm)), tmp_path, judge=False)["streams"]
        assert found["verdict"] == words
        assert found["skew_ppm"] == pytest.approx(skew_ppm, abs=5)


def test_streams_that_stand_in_the_capture_twice_are_told_and_counted_once(tmp_path):
    twice = pcap(
        seen for each in ONE[:100] for seen in (each.seen(), replace(each.seen(), at=each.at + 1e-5))
    )
    result = score_bytes(twice, tmp_path, judge=False)
    assert (result["streams"][0]["packets"], result["streams"][0]["duplicates"]) == (100, 0)
    assert result["warnings"] == [
        "streams stand in the capture twice (several interfaces, or a mirror of both sides): 100 copies were left out"
    ]


def test_a_stream_that_is_over_before_it_can_be_judged_has_its_reason(tmp_path):
    (found,) = score_bytes(file_of(ONE[:6], extra=call("RTP/AVP 0")), tmp_path)["streams"]
    assert (found["packets"], found["verdict"]) == (6, [])
    assert "too little to be judged" in found["refused"]["checks"]
