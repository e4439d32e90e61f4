"""What each side of a call sends in each mode, from offer and answer alone: no socket, no clock."""

import pytest
from support.codecs import names

from softphone.app.codec_choice import chosen_codecs, fixed_ptime_ms, longest_of, stated_ptime_ms
from softphone.app.modes import (
    check_mode,
    credit_with,
    first_mode,
    formats_in,
    limit_of,
    repeats_ms_of,
    streams_of,
)
from softphone.config import CodecChoice, MediaOptions
from softphone.errors import UsageError
from softphone.sdp import LocalMedia, SessionDescription, make_answer, make_offer, read_answer

HEADERS = 40
needs_codec2 = pytest.mark.skipif("codec2" not in names(), reason="libcodec2 is not installed")


def options(codecs="opus,codec2:1300", **changes):
    return MediaOptions(codecs=tuple(map(CodecChoice.parse, codecs.split(","))), **changes)


def local(media, host):
    chosen = chosen_codecs(media)
    described = LocalMedia(
        host=host, port=7000, rtcp_port=7001, session_id=1, capabilities=tuple(one.capability for one in chosen),
        ptime_ms=stated_ptime_ms(media, chosen), max_ptime_ms=longest_of(chosen),
        ptime_fixed=fixed_ptime_ms(media) is not None or media.max_wire_bps is not None,
        bandwidth_as_kbps=None if media.max_wire_bps is None else media.max_wire_bps // 1000,
    )  # fmt: skip
    return chosen, described


def call(caller, callee):
    """Both sides of a call: (media options, codecs chosen, what was negotiated, what can be sent)."""
    (at_caller, offering), (at_callee, answering) = local(caller, "10.0.0.1"), local(callee, "10.0.0.2")
    offer = make_offer(offering)
    answer, by_callee = make_answer(SessionDescription.parse(bytes(offer)), answering)
    by_caller = read_answer(offer, SessionDescription.parse(bytes(answer)), offering)
    return [
        (media, chosen, negotiated, streams_of(negotiated, chosen, media, header_bytes=HEADERS))
        for media, chosen, negotiated in ((caller, at_caller, by_caller), (callee, at_callee, by_callee))
    ]


def sent(side):
    media, _, negotiated, streams = side
    stream = streams[first_mode(negotiated, streams, media)]
    return stream.mode, stream.codec.spec.name, stream.codec.settings.ptime_ms


def stranger(*lines):
    text = ["v=0", "o=- 1 1 IN IP4 10.0.0.9", "s=-", "c=IN IP4 10.0.0.9", "t=0 0", *lines]
    return SessionDescription.parse("\r\n".join([*text, ""]).encode())


def answered(media, *lines):
    chosen, described = local(media, "10.0.0.1")
    negotiated = read_answer(make_offer(described), stranger(*lines), described)
    return media, chosen, negotiated, streams_of(negotiated, chosen, media, header_bytes=HEADERS)


NORMAL, VLC, VLR = ("normal", "opus", 20), ("vlc", "codec2", 160), ("vlr", "codec2", 160)


@needs_codec2
@pytest.mark.parametrize(
    ("caller", "callee", "from_caller", "from_callee"),
    [
        (None, None, NORMAL, NORMAL),
        ("vlc", None, VLC, VLC),
        (None, "vlr", VLR, VLR),
        ("vlr", "vlr", VLR, VLR),
        ("vlr", "vlc", VLR, VLC),
        ("vlr", "normal", VLR, NORMAL),
        ("normal", "vlc", NORMAL, VLC),
    ],
)
def test_each_side_sends_in_its_own_mode_else_as_the_other_wishes(caller, callee, from_caller, from_callee):
    sides = call(options(mode=caller), options(mode=callee))
    assert [sent(side) for side in sides] == [from_caller, from_callee]


@needs_codec2
@pytest.mark.parametrize("mode", [None, "normal", "vlc", "vlr"])
def test_a_stranger_gets_a_normal_call_at_once(mode):
    lines = ("m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 opus/48000/2", "a=ptime:20")
    side = answered(options("opus,pcmu,codec2", mode=mode), *lines)
    assert sent(side) == ("normal", "pcmu", 20)
    assert list(side[3]) == ["normal"]
    with pytest.raises(UsageError, match="mode vlr needs VLC or Codec2 in common with the peer"):
        check_mode("vlr", side[3])


@needs_codec2
def test_a_stranger_is_never_asked_for_packets_that_only_the_modes_have():
    _, described = local(options("opus,pcmu,codec2", mode="vlr"), "10.0.0.1")
    text = bytes(make_offer(described)).decode()
    assert "a=ptime:20\r\n" in text
    assert "packet=160;credit=2;wish=vlr\r\n" in text
    fixed = bytes(make_offer(local(options("opus,vlc", mode="vlr", ptime_ms=96), "10.0.0.1")[1])).decode()
    assert "a=ptime:20\r\n" in fixed
    assert ";packet=96;credit=4;" in fixed
    assert "wish" not in bytes(make_offer(local(options("opus,pcmu,codec2"), "10.0.0.1")[1])).decode()


def test_a_mode_nobody_has_is_refused():
    with pytest.raises(UsageError, match="--mode must be one of normal, vlc, vlr, got 'vlx'"):
        MediaOptions(mode="vlx")
    with pytest.raises(UsageError, match="a mode is one of normal, vlc, vlr, got 'fast'"):
        check_mode("fast", ("normal",))


@needs_codec2
def test_the_shorter_packet_and_the_lower_credit_count():
    (_, chosen, negotiated, streams), (_, at_callee, by_callee, theirs) = call(
        options(mode="vlr", ptime_ms=80), options(mode="vlr")
    )
    assert streams["vlr"].codec.settings.ptime_ms == theirs["vlr"].codec.settings.ptime_ms == 80
    assert streams["vlr"].suppression.credit == theirs["vlr"].suppression.credit == 2  # of 5 and 2 packets
    assert list(repeats_ms_of(negotiated, chosen).values()) == [160]
    assert list(repeats_ms_of(by_callee, at_callee).values()) == [320]
    assert credit_with(at_callee[1], by_callee.send[1]) == 2


@needs_codec2
def test_only_the_mode_of_least_airtime_leaves_packets_out_and_reports_less_often():
    streams = call(options(mode="vlr"), options())[0][3]
    assert streams["vlr"].suppression.dtx
    assert streams["vlr"].report_interval_s == 15
    for mode in ("normal", "vlc"):
        assert not streams[mode].suppression.dtx
        assert streams[mode].suppression.level == "off"
        assert streams[mode].report_interval_s is None
    assert streams["vlc"].codec.settings.complexity == 3
    assert streams["vlr"].codec.settings.complexity == 5


@needs_codec2
@pytest.mark.parametrize("limit", [4000, 8000, 16000, 32000])
def test_a_limit_binds_both_directions_through_the_offer_and_through_the_answer(limit):
    free, bound = options(), options(max_wire_bps=limit)
    for sides in (call(bound, free), call(free, bound)):
        for media, _, negotiated, streams in sides:
            assert limit_of(negotiated, media) == limit
            for stream in streams.values():
                settings = stream.codec.settings
                packet = -(-settings.bit_rate_bps * settings.ptime_ms // 8000) + HEADERS
                assert packet * 8000 / settings.ptime_ms <= 0.92 * limit


def test_a_limit_of_a_stranger_is_kept_as_ours_would_be():
    lines = ("m=audio 4000 RTP/AVP 96", "b=AS:24", "a=rtpmap:96 opus/48000/2", "a=ptime:20")
    media, _, negotiated, streams = answered(options("opus:32000"), *lines)
    settings = streams["normal"].codec.settings
    assert limit_of(negotiated, media) == 24_000
    assert (settings.bit_rate_bps, settings.ptime_ms) == (16_000, 60)


def test_a_limit_of_a_stranger_below_all_its_codecs_gets_what_comes_nearest():
    lines = ("m=audio 4000 RTP/AVP 0 96", "b=AS:5", "a=rtpmap:96 opus/48000/2", "a=ptime:20", "a=maxptime:60")
    streams = answered(options("opus,pcmu"), *lines)[3]
    codec = streams["normal"].codec
    assert (codec.spec.name, codec.settings.bit_rate_bps, codec.settings.ptime_ms) == ("opus", 6000, 60)


def test_a_limit_no_codec_can_keep_names_the_lowest_that_would_do():
    with pytest.raises(UsageError, match="the lowest limit that would work is 9500 b/s") as caught:
        chosen_codecs(options("opus,pcmu", max_wire_bps=9000))
    assert "\n" not in str(caught.value)
    assert chosen_codecs(options("opus,pcmu", max_wire_bps=9500))[0].settings.ptime_ms == 120


@needs_codec2
def test_a_limit_is_told_in_the_rate_of_each_codec_too():
    media = MediaOptions(max_wire_bps=5000)
    (vlc,) = chosen_codecs(media)
    text = bytes(make_offer(local(media, "10.0.0.1")[1])).decode()
    assert f"v=1;bitrate={vlc.settings.bit_rate_bps};packet=144" in text
    assert "b=AS:5\r\n" in text
    wide = bytes(make_offer(local(options("opus", max_wire_bps=16_000), "10.0.0.1")[1])).decode()
    assert "maxaveragebitrate=12000;" in wide
    assert "a=ptime:120\r\n" in wide


def test_the_answer_to_a_stranger_states_a_limit_and_the_packets_that_keep_it():
    offer = stranger("m=audio 4000 RTP/AVP 96 0", "a=rtpmap:96 opus/48000/2", "a=ptime:20")
    _, answering = local(options("opus,pcmu", max_wire_bps=20_000), "10.0.0.2")
    answer = bytes(make_answer(offer, answering)[0]).decode()
    assert "b=AS:20\r\n" in answer
    assert "m=audio 7000 RTP/AVP 96\r\n" in answer, "64 kb/s do not fit"
    assert "a=ptime:120\r\n" in answer
    assert "maxaveragebitrate=14000" in answer


def test_codecs_that_do_not_fit_are_not_offered_and_the_best_comes_first():
    chosen = chosen_codecs(options("pcmu,codec2:3200,opus", max_wire_bps=32_000))
    assert [one.spec.name for one in chosen] == ["opus", "codec2"]
    assert stated_ptime_ms(options("pcmu,opus", max_wire_bps=32_000), chosen) == chosen[0].settings.ptime_ms


def names_of(media, **options):
    return [str(one.spec.name) for one in chosen_codecs(media, **options)]


def test_vlc_stands_behind_the_codecs_that_everybody_has_unless_somebody_chose():
    assert names_of(MediaOptions()) == ["opus", "pcmu", "pcma", "vlc"]
    assert names_of(MediaOptions(), answers=True) == ["opus", "pcmu", "pcma", "vlc", "vlc-wb"]
    assert names_of(options("opus,pcmu")) == ["opus", "pcmu"]
    assert names_of(options("opus,pcmu", mode="vlr")) == ["opus", "pcmu", "vlc"]
    assert names_of(options("vlc-wb,opus", mode="vlr")) == ["vlc-wb", "opus"]
    assert set(names_of(MediaOptions(max_wire_bps=8000))) == {"vlc", "vlc-wb"}


def test_vlc_is_offered_beside_the_others_with_its_own_packet_and_rate():
    offer = bytes(make_offer(local(MediaOptions(mode="vlr"), "10.0.0.1")[1])).decode()
    assert "m=audio 7000 RTP/AVP 96 0 8 97 " in offer
    assert "a=rtpmap:97 VLC/8000\r\n" in offer
    assert "a=fmtp:97 v=1;bitrate=6000;packet=144;credit=2;wish=vlr\r\n" in offer
    assert "a=ptime:20\r\n" in offer
    assert "a=maxptime:144\r\n" in offer


@pytest.mark.parametrize(("caller", "callee"), [("vlr", None), (None, "vlr"), ("vlr", "vlr"), ("vlc", "vlr")])
def test_two_of_ours_with_nothing_but_a_mode_agree_on_vlc(caller, callee):
    for side in call(MediaOptions(mode=caller), MediaOptions(mode=callee)):
        mode, codec, ptime_ms = sent(side)
        assert (codec, ptime_ms) == ("vlc", 144)
        assert mode in ("vlc", "vlr")
        assert side[3]["vlr"].suppression.credit == 2


def test_a_rate_and_a_packet_interval_are_for_the_codec_of_the_mode():
    opus, vlc = (
        one.settings for one in chosen_codecs(options("opus,vlc", mode="vlr", bit_rate_bps=1600, ptime_ms=96))
    )
    assert (vlc.bit_rate_bps, vlc.ptime_ms) == (1600, 96)
    assert (opus.bit_rate_bps, opus.ptime_ms) == (16_000, 20)
    opus, *_, vlc = (one.settings for one in chosen_codecs(MediaOptions(bit_rate_bps=24_000, ptime_ms=60)))
    assert (opus.bit_rate_bps, opus.ptime_ms) == (24_000, 60)
    assert (vlc.bit_rate_bps, vlc.ptime_ms) == (2400, 64)
    with pytest.raises(UsageError, match="bit rate of vlc must be 1200 to 6000 b/s, got 24000"):
        chosen_codecs(options("opus,vlc", mode="vlc", bit_rate_bps=24_000))
    with pytest.raises(UsageError, match="packet interval of vlc must be one of 64, 96, 128, 144 ms, got 60"):
        chosen_codecs(options("opus", mode="vlc", ptime_ms=60))


def test_in_mode_vlc_the_receiver_takes_the_least_cpu_too():
    (_, chosen, negotiated, _), _ = call(MediaOptions(mode="vlc"), MediaOptions())
    by_mode = {
        mode: {
            one.spec.name: one.settings.decoder_complexity
            for one in formats_in(mode, negotiated, chosen).values()
        }
        for mode in ("normal", "vlc", "vlr")
    }
    assert by_mode["vlc"] == {"opus": None, "pcmu": None, "pcma": None, "vlc": 3}
    assert set(by_mode["vlr"].values()) == set(by_mode["normal"].values()) == {None}
