from dataclasses import replace

import pytest

from softphone.sdp import (
    Capability,
    Incompatible,
    LocalMedia,
    LocalSdpError,
    SessionDescription,
    make_answer,
    make_offer,
    read_answer,
    revised,
)

OPUS = Capability("opus", 48_000, 2, fmtp="maxaveragebitrate=16000;usedtx=1")
PCMU = Capability("PCMU", 8_000, 1, 0)
PCMA = Capability("PCMA", 8_000, 1, 8)
L16 = Capability("L16", 8_000, 1, max_ptime_ms=60)
L16_WIDE = Capability("L16", 16_000, 1)


def media(*capabilities, **changes):
    base = LocalMedia(
        host="10.0.0.1",
        port=7000,
        rtcp_port=7001,
        session_id=7,
        ptime_ms=20,
        capabilities=capabilities or (OPUS, PCMU),
    )
    return replace(base, **changes)


def sdp(*lines, session=()):
    head = ["v=0", "o=peer 1 1 IN IP4 10.0.0.9", "s=-", "c=IN IP4 10.0.0.9", "t=0 0", *session]
    return SessionDescription.parse("\n".join([*head, *lines]).encode())


def lines(description):
    return bytes(description).decode().split("\r\n")


def test_an_offer_lists_every_codec_and_an_event_type_for_each_clock_rate():
    assert lines(make_offer(media(OPUS, PCMU, L16))) == [
        "v=0",
        "o=- 7 1 IN IP4 10.0.0.1",
        "s=-",
        "c=IN IP4 10.0.0.1",
        "t=0 0",
        "m=audio 7000 RTP/AVP 96 0 97 98 99",
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 maxaveragebitrate=16000;usedtx=1",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:97 L16/8000",
        "a=rtpmap:98 telephone-event/48000",
        "a=fmtp:98 0-15",
        "a=rtpmap:99 telephone-event/8000",
        "a=fmtp:99 0-15",
        "a=ptime:20",
        "a=maxptime:120",
        "a=sendrecv",
        "",
    ]


def test_a_compact_offer_leaves_out_what_absence_says_as_well():
    offer = lines(make_offer(media(PCMU, compact=True)))
    assert offer[5:] == [
        "m=audio 7000 RTP/AVP 0 96",
        "a=rtpmap:96 telephone-event/8000",
        "a=ptime:20",
        "",
    ]


def test_a_compact_offer_of_opus_leaves_out_what_it_will_send():
    opus = Capability("opus", 48_000, 2, fmtp="maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0")
    assert "a=fmtp:96 maxplaybackrate=16000;stereo=0" in lines(make_offer(media(opus, compact=True)))
    assert "a=fmtp:96 maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0" in lines(
        make_offer(media(opus))
    )


def test_an_offer_names_an_rtcp_port_that_is_not_the_next_one():
    assert "a=rtcp:9001" in lines(make_offer(media(rtcp_port=9001)))


def test_an_offer_of_an_ipv6_host_says_ip6():
    offer = lines(make_offer(media(host="2001:db8::1", bandwidth_as_kbps=24)))
    assert "c=IN IP6 2001:db8::1" in offer
    assert "o=- 7 1 IN IP6 2001:db8::1" in offer
    assert "b=AS:24" in offer


def test_an_offer_without_codec_is_refused():
    with pytest.raises(LocalSdpError, match="at least one codec"):
        make_offer(replace(media(), capabilities=()))


def test_an_offer_of_more_codecs_than_numbers_is_refused():
    with pytest.raises(LocalSdpError, match="32 dynamic"):
        make_offer(media(*(Capability("L16", 1000 * rate, 1) for rate in range(1, 18))))


def test_two_of_ours_agree_and_each_knows_the_numbers_of_the_other():
    caller, callee = media(OPUS, PCMU), media(PCMU, OPUS, host="10.0.0.2", port=8000, rtcp_port=8001)
    offer = make_offer(caller)
    answer, at_callee = make_answer(SessionDescription.parse(bytes(offer)), callee)
    at_caller = read_answer(offer, SessionDescription.parse(bytes(answer)), caller)
    assert answer.media[0].formats == ("96", "0", "97", "98")
    assert (at_caller.remote_host, at_caller.remote_port, at_caller.remote_rtcp_port) == (
        "10.0.0.2",
        8000,
        8001,
    )
    assert (at_callee.remote_host, at_callee.remote_port, at_callee.remote_rtcp_port) == (
        "10.0.0.1",
        7000,
        7001,
    )
    for agreed in (at_caller, at_callee):
        assert (agreed.codec.name, agreed.codec.payload_type, agreed.codec.channels) == ("opus", 96, 2)
        assert [each.payload_type for each in agreed.send] == [96, 0]
        assert [each.payload_type for each in agreed.receive] == [96, 0]
        assert agreed.receive_dtmf == {97: 48_000, 98: 8_000}
        assert (agreed.send_dtmf_payload_type, agreed.send_dtmf_clock_rate_hz) == (97, 48_000)
        assert agreed.direction == "sendrecv"
        assert agreed.codec.fmtp == {"maxaveragebitrate": "16000", "usedtx": "1"}


def test_the_answer_honours_the_offers_order_and_numbers():
    offer = sdp(
        "m=audio 4000 RTP/AVP 0 121 111 100",
        "a=rtpmap:111 OPUS/48000/2",
        "a=rtpmap:121 L16/16000",
        "a=rtpmap:100 telephone-event/48000",
    )
    answer, agreed = make_answer(offer, media(OPUS, L16_WIDE, PCMU))
    assert answer.media[0].formats == ("0", "121", "111", "100")
    assert [(each.name, each.payload_type) for each in agreed.send] == [
        ("PCMU", 0),
        ("L16", 121),
        ("opus", 111),
    ]
    assert "a=rtpmap:111 opus/48000/2" not in lines(answer)
    assert "a=rtpmap:111 OPUS/48000/2" in lines(answer)


def test_codecs_match_by_name_clock_rate_and_channels():
    offer = sdp(
        "m=audio 4000 RTP/AVP 97 98 99 100",
        "a=rtpmap:97 L16/16000/2",
        "a=rtpmap:98 pcmu/16000",
        "a=rtpmap:99 l16/16000/1",
        "a=rtpmap:100 opus/48000",
    )
    answer, agreed = make_answer(offer, media(OPUS, PCMU, L16_WIDE))
    assert answer.media[0].formats == ("99",)
    assert agreed.codec.name == "L16"


def test_static_types_need_no_rtpmap():
    _, agreed = make_answer(sdp("m=audio 4000 RTP/AVP 18 8 0"), media(PCMU, PCMA))
    assert [each.payload_type for each in agreed.send] == [8, 0]


def test_an_rtpmap_wins_over_a_static_type():
    with pytest.raises(Incompatible):
        make_answer(sdp("m=audio 4000 RTP/AVP 0", "a=rtpmap:0 GSM/8000"), media(PCMU))


def test_event_types_follow_the_clock_rates_of_the_codecs_in_common():
    offer = sdp(
        "m=audio 4000 RTP/AVP 0 97 101 102",
        "a=rtpmap:97 opus/48000/2",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:102 telephone-event/48000",
    )
    answer, agreed = make_answer(offer, media(PCMU))
    assert answer.media[0].formats == ("0", "101")
    assert (agreed.send_dtmf_payload_type, tuple(agreed.receive_dtmf)) == (101, (101,))
    _, agreed = make_answer(offer, media(OPUS))
    assert (agreed.send_dtmf_payload_type, tuple(agreed.receive_dtmf)) == (102, (102,))
    _, agreed = make_answer(offer, media(OPUS, PCMU, dtmf=False))
    assert (agreed.send_dtmf_payload_type, tuple(agreed.receive_dtmf)) == (None, ())


def test_a_peer_with_8000_hz_events_beside_opus_only_gets_its_digits():
    offer = sdp(
        "m=audio 4000 RTP/AVP 97 101", "a=rtpmap:97 opus/48000/2", "a=rtpmap:101 telephone-event/8000"
    )
    answer, agreed = make_answer(offer, media(OPUS))
    assert answer.media[0].formats == ("97", "101")
    assert (agreed.send_dtmf_payload_type, agreed.send_dtmf_clock_rate_hz) == (101, 8_000)


def test_the_first_stream_that_suits_is_taken_and_the_others_are_refused_in_their_places():
    offer = sdp(
        "m=video 4010 RTP/AVP 31 32 33",
        "m=audio 4020 RTP/SAVP 0",
        "m=audio 4030 RTP/AVP 18",
        "m=audio 4000 RTP/AVP 0",
        "m=audio 4040 RTP/AVP 0",
        "m=image 4050 udptl t38",
        "m=text 0 RTP/AVP",
    )
    answer, agreed = make_answer(offer, media(PCMU))
    assert [str(each) for each in answer.media] == [
        "video 0 RTP/AVP 31",
        "audio 0 RTP/SAVP 0",
        "audio 0 RTP/AVP 18",
        "audio 7000 RTP/AVP 0",
        "audio 0 RTP/AVP 0",
        "image 0 udptl t38",
        "text 0 RTP/AVP 0",
    ]
    assert agreed.remote_port == 4000


@pytest.mark.parametrize(
    ("stream", "complaint"),
    [
        ("m=audio 4000 RTP/AVP 18 3", "codec: wanted PCMU/8000, got G729/8000, GSM/8000"),
        ("m=audio 4000 RTP/SAVP 0", "encryption: wanted none, got RTP/SAVP with no key that we know"),
        (
            "m=audio 4000 TCP/RTP/AVP 0",
            "wanted m=audio with a port over RTP/AVP, got m=audio 4000 TCP/RTP/AVP",
        ),
        ("m=audio 0 RTP/AVP 0", "got m=audio 0 RTP/AVP"),
        ("m=video 4000 RTP/AVP 31", "got m=video"),
        ("a=x", "got none"),
        ("m=audio 4000 RTP/AVP 96\na=rtpmap:96 telephone-event/8000", "codec: wanted PCMU/8000, got none"),
    ],
)
def test_an_offer_without_a_stream_for_us_says_what_was_wanted_and_got(stream, complaint):
    with pytest.raises(Incompatible, match=complaint):
        make_answer(sdp(*stream.split("\n")), media(PCMU))


def test_what_a_peer_calls_its_codec_is_printable():
    offer = SessionDescription.parse(
        b"v=0\no=- 1 1 IN IP4 1.1.1.1\nc=IN IP4 1.1.1.1\nm=audio 4 RTP/AVP 97\na=rtpmap:97 \xff\x1b/8000"
    )
    with pytest.raises(Incompatible) as failure:
        make_answer(offer, media(PCMU))
    assert str(failure.value).isprintable()


def test_a_stream_without_an_address_is_incompatible():
    offer = SessionDescription.parse(b"v=0\no=- 1 1 IN IP4 1.1.1.1\nm=audio 4 RTP/AVP 0")
    with pytest.raises(Incompatible, match="a c= line"):
        make_answer(offer, media(PCMU))


@pytest.mark.parametrize(
    ("theirs", "ours", "agreed"),
    [
        ("sendrecv", "sendrecv", "sendrecv"),
        ("sendonly", "sendrecv", "recvonly"),
        ("recvonly", "sendrecv", "sendonly"),
        ("inactive", "sendrecv", "inactive"),
        ("sendrecv", "recvonly", "recvonly"),
        ("sendonly", "sendonly", "inactive"),
        ("recvonly", "sendonly", "sendonly"),
    ],
)
def test_the_direction_is_mirrored_and_ours_limits_it(theirs, ours, agreed):
    local = media(PCMU, direction=ours)
    answer, negotiated = make_answer(sdp("m=audio 4000 RTP/AVP 0", f"a={theirs}"), local)
    assert negotiated.direction == agreed
    assert f"a={agreed}" in lines(answer)
    assert (
        read_answer(make_offer(local), sdp("m=audio 4 RTP/AVP 0", f"a={theirs}"), local).direction == agreed
    )


def test_direction_and_ptime_of_the_session_count_where_the_stream_has_none():
    session = ("a=sendonly", "a=ptime:40")
    _, agreed = make_answer(sdp("m=audio 4000 RTP/AVP 0", session=session), media(PCMU))
    assert (agreed.direction, agreed.ptime_ms) == ("recvonly", 40)
    _, agreed = make_answer(
        sdp("m=audio 4 RTP/AVP 0", "a=ptime:30", "a=sendrecv", session=session), media(PCMU)
    )
    assert (agreed.direction, agreed.ptime_ms) == ("sendrecv", 30)


@pytest.mark.parametrize(("line", "host"), [("c=IN IP4 0.0.0.0", "10.0.0.1"), ("c=IN IP6 ::", "2001:db8::1")])
def test_an_unspecified_address_is_hold(line, host):
    _, agreed = make_answer(sdp("m=audio 4000 RTP/AVP 0", line), media(PCMU, host=host))
    assert agreed.direction == "recvonly"
    assert (agreed.sends, agreed.receives) == (False, True)


def test_an_ipv6_address_of_the_stream_wins_over_that_of_the_session():
    offer = sdp("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:DB8:0::09")
    _, agreed = make_answer(offer, media(PCMU, host="2001:db8::1"))
    assert (agreed.remote_host, agreed.remote_rtcp_host) == ("2001:db8::9", "2001:db8::9")


def test_telephone_events_without_a_clock_are_none():
    offer = sdp("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/0")
    answer, agreed = make_answer(offer, media(PCMU))
    assert answer.media[0].formats == ("0",)
    assert (agreed.send_dtmf_payload_type, agreed.receive_dtmf) == (None, {})


def test_an_ipv6_address_with_a_zone_of_the_peer_is_none():
    for zone in ("eth0", "\x1b[2J"):
        with pytest.raises(Incompatible, match="wanted an IPv6 address of one host"):
            make_answer(
                sdp("m=audio 4000 RTP/AVP 0", f"c=IN IP6 fe80::1%{zone}"), media(PCMU, host="2001:db8::1")
            )


@pytest.mark.parametrize(
    "host", ["pbx.example", "2001:db8::9", "224.0.0.5/127", "255.255.255.255", "10.0.0.256", "1", "\x1b[2J"]
)
def test_media_go_to_an_address_of_one_host_in_our_family_only(host):
    with pytest.raises(Incompatible, match="wanted an IPv4 address of one host") as failure:
        make_answer(sdp("m=audio 4000 RTP/AVP 0", f"c=IN IP4 {host}"), media(PCMU))
    assert str(failure.value).isprintable()
    with pytest.raises(Incompatible, match="wanted an IPv4 address of one host"):
        make_answer(sdp("m=audio 4000 RTP/AVP 0", f"a=rtcp:5 IN IP4 {host}"), media(PCMU))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=rtcp:53020", ("10.0.0.9", 53020)),
        ("a=rtcp:53020 IN IP4 10.0.0.8", ("10.0.0.8", 53020)),
        ("a=rtcp:99999", ("10.0.0.9", 4001)),
        ("a=rtcp:none", ("10.0.0.9", 4001)),
        ("a=x", ("10.0.0.9", 4001)),
    ],
)
def test_rtcp_goes_where_its_attribute_says(line, expected):
    _, agreed = make_answer(sdp("m=audio 4000 RTP/AVP 0", line), media(PCMU))
    assert (agreed.remote_rtcp_host, agreed.remote_rtcp_port) == expected


@pytest.mark.parametrize(
    ("attributes", "changes", "ptime_ms"),
    [
        ((), {}, 20),
        (("a=ptime:40",), {}, 40),
        (("a=ptime: 40.5 ",), {}, 40),
        (("a=ptime:0",), {}, 20),
        (("a=ptime:soon",), {}, 20),
        (("a=ptime:100", "a=maxptime:60"), {}, 60),
        (("a=maxptime:60",), {"ptime_ms": 120}, 60),
        (("a=ptime:40",), {"ptime_ms": 60, "ptime_fixed": True}, 60),
        (("a=ptime:20", "a=maxptime:40"), {"ptime_ms": 60, "ptime_fixed": True}, 40),
        (("a=ptime:100",), {"capabilities": (replace(PCMU, max_ptime_ms=80),)}, 80),
    ],
)
def test_the_packet_interval_is_the_peers_wish_within_the_limits(attributes, changes, ptime_ms):
    _, agreed = make_answer(sdp("m=audio 4000 RTP/AVP 0", *attributes), media(PCMU, **changes))
    assert agreed.ptime_ms == ptime_ms


def test_an_answer_repeats_the_packet_interval_of_the_offer_unless_ours_was_asked_for():
    offer = sdp("m=audio 4000 RTP/AVP 0", "a=ptime:60")
    assert "a=ptime:60" in lines(make_answer(offer, media(PCMU))[0])
    assert "a=ptime:40" in lines(make_answer(offer, media(PCMU, ptime_ms=40, ptime_fixed=True))[0])
    assert "a=ptime:50" in lines(make_answer(offer, media(PCMU, max_ptime_ms=50))[0])


def test_the_bandwidth_of_the_stream_wins_over_that_of_the_session():
    _, agreed = make_answer(sdp("m=audio 4000 RTP/AVP 0", session=("b=AS:64",)), media(PCMU))
    assert agreed.bandwidth_as_kbps == 64
    _, agreed = make_answer(sdp("m=audio 4000 RTP/AVP 0", "b=TIAS:9000", "b=AS:24"), media(PCMU))
    assert agreed.bandwidth_as_kbps == 24
    _, agreed = make_answer(sdp("m=audio 4000 RTP/AVP 0", "b=AS:0"), media(PCMU))
    assert agreed.bandwidth_as_kbps is None


def test_the_answer_repeats_the_times_of_the_offer():
    offer = SessionDescription.parse(bytes(sdp("m=audio 4000 RTP/AVP 0")).replace(b"t=0 0", b"t=12 34"))
    assert "t=12 34" in lines(make_answer(offer, media(PCMU))[0])


def test_an_answer_without_rtpmaps_is_read_with_those_of_the_offer():
    local = media(OPUS, PCMU)
    agreed = read_answer(make_offer(local), sdp("m=audio 4000 RTP/AVP 96 97"), local)
    assert (agreed.codec.name, agreed.send_dtmf_payload_type) == ("opus", 97)


def test_an_answer_with_numbers_of_its_own_is_sent_those_and_understood_both_ways():
    local = media(OPUS, PCMU)
    answer = sdp(
        "m=audio 4000 RTP/AVP 120 0", "a=rtpmap:120 opus/48000/2", "a=fmtp:120 useinbandfec=1; stereo=0;cbr"
    )
    agreed = read_answer(make_offer(local), answer, local)
    assert [each.payload_type for each in agreed.send] == [120, 0]
    assert [each.payload_type for each in agreed.receive] == [96, 0, 120]
    assert agreed.codec.fmtp == {"useinbandfec": "1", "stereo": "0", "cbr": ""}


def test_what_an_answer_leaves_out_is_neither_sent_nor_received():
    local = media(OPUS, PCMU)
    agreed = read_answer(make_offer(local), sdp("m=audio 4000 RTP/AVP 0"), local)
    assert [each.payload_type for each in agreed.send] == [0]
    assert [each.payload_type for each in agreed.receive] == [0]
    assert (agreed.send_dtmf_payload_type, tuple(agreed.receive_dtmf)) == (None, ())


@pytest.mark.parametrize(
    "stream",
    ["m=audio 0 RTP/AVP 0", "m=video 4 RTP/AVP 0", "a=x", "m=audio 4 RTP/AVP 8", "m=audio 4 RTP/SAVP 0"],
)
def test_an_answer_that_refuses_or_invents_is_incompatible(stream):
    local = media(PCMU)
    with pytest.raises(Incompatible):
        read_answer(make_offer(local), sdp(stream), local)


def test_the_version_goes_up_when_something_changed_and_only_then():
    first = revised(make_offer(media()), None)
    assert revised(make_offer(media()), first) == first
    second = revised(make_offer(media(direction="inactive")), first)
    assert second.origin.version == 2
    assert revised(make_offer(media()), second).origin.version == 3


# Recorded from baresip 1.0.0 (Debian 12), account with audio_codecs=opus/48000/1,pcmu.
BARESIP_OFFER = (
    b"v=0\r\no=- 499353993 1687831458 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"a=tool:baresip 1.0.0\r\nm=audio 22812 RTP/AVP 96 0 101\r\na=rtpmap:96 opus/48000/2\r\n"
    b"a=fmtp:96 stereo=0;sprop-stereo=0;maxaveragebitrate=16000\r\na=rtpmap:0 PCMU/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\na=label:1\r\na=rtcp-rsize\r\n"
    b"a=ssrc:3916747937 cname:sip:baresip@127.0.0.1:60155\r\na=minptime:20\r\na=ptime:20\r\n"
)
# Its answer to an offer of opus 96, PCMU 0, telephone-event/48000 97 and telephone-event/8000 98.
BARESIP_ANSWER = (
    b"v=0\r\no=- 3441626353 990089945 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"a=tool:baresip 1.0.0\r\nm=audio 20712 RTP/AVP 96 0 98\r\na=rtpmap:96 opus/48000/2\r\n"
    b"a=fmtp:96 stereo=0;sprop-stereo=0;maxaveragebitrate=16000\r\na=rtpmap:0 PCMU/8000\r\n"
    b"a=rtpmap:98 telephone-event/8000\r\na=fmtp:98 0-15\r\na=sendrecv\r\na=label:1\r\n"
    b"a=ssrc:453997158 cname:sip:baresip@127.0.0.1:60520\r\na=minptime:20\r\na=ptime:20\r\n"
)


@pytest.mark.parametrize("body", [BARESIP_OFFER, BARESIP_ANSWER])
def test_what_baresip_writes_is_read_and_written_back(body):
    assert bytes(SessionDescription.parse(body)) == body


def test_an_offer_of_baresip_is_answered_with_its_numbers_and_its_only_event_clock():
    answer, agreed = make_answer(SessionDescription.parse(BARESIP_OFFER), media(OPUS, PCMU))
    assert answer.media[0].formats == ("96", "0", "101")
    assert (agreed.codec.name, agreed.remote_port, agreed.ptime_ms) == ("opus", 22812, 20)
    assert agreed.codec.fmtp["maxaveragebitrate"] == "16000"
    assert (agreed.send_dtmf_payload_type, agreed.send_dtmf_clock_rate_hz) == (101, 8_000)


def test_an_answer_of_baresip_is_read():
    local = media(OPUS, PCMU)
    agreed = read_answer(make_offer(local), SessionDescription.parse(BARESIP_ANSWER), local)
    assert [each.name for each in agreed.send] == ["opus", "PCMU"]
    assert agreed.receive_dtmf == {98: 8_000}
    assert (agreed.send_dtmf_payload_type, agreed.send_dtmf_clock_rate_hz) == (98, 8_000)
