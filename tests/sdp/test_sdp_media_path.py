"""What both sides have to say alike of the way media takes: a=rtcp-mux, ICE, a=rtcp-xr and comfort noise."""

from dataclasses import replace

import pytest

from softphone.sdp import Capability, LocalMedia, SessionDescription, make_answer, make_offer, read_answer
from softphone.sdp.media import Ice

PCMU = Capability("PCMU", 8000, payload_type=0)
OPUS = Capability("opus", 48_000, 2)
L16 = Capability("L16", 16_000, 1)
CANDIDATE = "1 1 UDP 2130706431 {} 4000 typ host"


def local(host, *capabilities, **changes):
    base = LocalMedia(
        host=host, port=4000, rtcp_port=4001, session_id=1, ptime_ms=20, capabilities=capabilities or (PCMU,)
    )
    return replace(base, **changes)


def ice(host, **changes):
    return replace(Ice("abcd", "p" * 22, (CANDIDATE.format(host),)), **changes)


def negotiate(ours, theirs, said=lambda offer: offer):
    offer = make_offer(ours)
    answer, answered = make_answer(SessionDescription.parse(said(bytes(offer))), theirs)
    read = read_answer(offer, SessionDescription.parse(bytes(answer)), ours)
    return read, answered, bytes(offer).decode(), bytes(answer).decode()


@pytest.mark.parametrize("offers", [True, False])
@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize(
    ("what", "line"), [("rtcp_mux", "a=rtcp-mux\r\n"), ("rtcp_xr", "a=rtcp-xr:rcvr-rtt=all voip-metrics\r\n")]
)
def test_it_is_agreed_on_only_where_both_say_so(offers, answers, what, line):
    one, two, offer, answer = negotiate(
        local("192.0.2.1", **{what: offers}), local("192.0.2.2", **{what: answers})
    )
    assert (line in offer, line in answer) == (offers, offers and answers)
    assert getattr(one, what) is getattr(two, what) is (offers and answers)


def test_rtcp_goes_to_the_port_of_rtp_where_both_share_it_whatever_else_is_said():
    one, two, offer, answer = negotiate(
        local("192.0.2.1", rtcp_port=5001, rtcp_mux=True), local("192.0.2.2", rtcp_port=6001, rtcp_mux=True)
    )
    assert "a=rtcp:5001" in offer, "for a peer that does not share"
    assert "a=rtcp:" not in answer
    assert (one.remote_rtcp_host, one.remote_rtcp_port) == ("192.0.2.2", 4000)
    assert (two.remote_rtcp_host, two.remote_rtcp_port) == ("192.0.2.1", 4000)


def test_rtcp_goes_to_its_own_port_where_one_side_does_not_share():
    one, two, _, answer = negotiate(
        local("192.0.2.1", rtcp_port=5001, rtcp_mux=True), local("192.0.2.2", rtcp_port=6001)
    )
    assert "a=rtcp:6001" in answer
    assert (one.remote_rtcp_port, two.remote_rtcp_port) == (6001, 5001)


@pytest.mark.parametrize(
    ("said", "agreed"),
    [("voip-metrics", True), ("pkt-loss-rle VoIP-Metrics", True), ("stat-summary=loss", False), ("", False)],
)
def test_metrics_are_told_to_a_peer_that_asks_for_them(said, agreed):
    _, found, _, _ = negotiate(
        local("192.0.2.1", rtcp_xr=True),
        local("192.0.2.2", rtcp_xr=True),
        lambda offer: offer.replace(b"rcvr-rtt=all voip-metrics", said.encode()),
    )
    assert found.rtcp_xr is agreed


def test_each_side_learns_what_the_other_says_of_ice():
    ours, theirs = ice("192.0.2.1"), ice("192.0.2.2", ufrag="wxyz", lite=True)
    one, two, offer, answer = negotiate(local("192.0.2.1", ice=ours), local("192.0.2.2", ice=theirs))
    assert (one.ice, two.ice) == (theirs, ours)
    words = (
        "a=ice-ufrag:abcd\r\na=ice-pwd:pppppppppppppppppppppp\r\na=ice-options:ice2\r\na=candidate:1 1 UDP"
    )
    assert words in offer
    assert answer.index("a=ice-lite") < answer.index("m=audio"), "a word of the whole session"


@pytest.mark.parametrize(("offers", "answers"), [(True, False), (False, True)])
def test_ice_is_done_only_where_both_do_it(offers, answers):
    one, two, _, answer = negotiate(
        local("192.0.2.1", ice=ice("192.0.2.1") if offers else None),
        local("192.0.2.2", ice=ice("192.0.2.2") if answers else None),
    )
    assert (one.ice, two.ice) == (None, None)
    assert "a=ice" not in answer
    assert "a=candidate" not in answer


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a=ice-ufrag:abcd", b"a=ice-ufrag:ab"),
        (b"a=ice-pwd:pppp", b"a=ice-pwd:p ppp"),
        (b"a=ice-pwd:", b"a=x:"),
        (b"c=IN IP4 192.0.2.1", b"c=IN IP4 192.0.2.77"),
        (b"m=audio 4000", b"m=audio 4002"),
    ],
    ids=["short name", "bad password", "no password", "another host than its candidates", "another port"],
)
def test_ice_that_is_broken_or_bent_by_a_gateway_is_left_alone(before, after):
    _, found, _, answer = negotiate(
        local("192.0.2.1", ice=ice("192.0.2.1")),
        local("192.0.2.2", ice=ice("192.0.2.2")),
        lambda offer: offer.replace(before, after),
    )
    assert found.ice is None
    assert "a=ice" not in answer


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        (b"c=IN IP4 192.0.2.1", b"c=IN IP4 0.0.0.0", 1),
        (b"m=audio 4000", b"m=audio 9", 1),
        (b"a=candidate:1 1 UDP 2130706431", b"a=candidate:\xc2\xb2 1 UDP 1", 0),
        (b"a=candidate:", b"a=candidate:1 1 UDP 1 x 1 typ host tail \x07\r\na=candidate:", 1),
    ],
    ids=["address to follow", "port to follow", "no candidate that can be read", "one that cannot"],
)
def test_of_the_candidates_those_that_can_be_read_are_kept(before, after, left):
    _, found, _, _ = negotiate(
        local("192.0.2.1", ice=ice("192.0.2.1")),
        local("192.0.2.2", ice=ice("192.0.2.2")),
        lambda offer: offer.replace(before, after),
    )
    assert len(found.ice.candidates) == left


def test_an_address_may_be_written_in_several_ways():
    ours = local("2001:db8::1", ice=ice("2001:DB8:0:0::1"))
    _, found, _, _ = negotiate(ours, local("2001:db8::2", ice=ice("2001:db8::2")))
    assert found.ice is not None


def test_of_many_candidates_a_bounded_number_is_kept():
    _, found, _, _ = negotiate(
        local("192.0.2.1", ice=replace(ice("192.0.2.1"), candidates=(CANDIDATE.format("192.0.2.1"),) * 200)),
        local("192.0.2.2", ice=ice("192.0.2.2")),
    )
    assert len(found.ice.candidates) == 64


def test_what_is_said_of_ice_for_the_whole_session_counts_for_the_stream():
    offer = bytes(make_offer(local("192.0.2.1", ice=ice("192.0.2.1"))))
    words = b"a=ice-ufrag:abcd\r\na=ice-pwd:pppppppppppppppppppppp\r\n"
    moved = offer.replace(words, b"").replace(b"m=audio", words + b"m=audio")
    _, found = make_answer(SessionDescription.parse(moved), local("192.0.2.2", ice=ice("192.0.2.2")))
    assert (found.ice.ufrag, found.ice.lite) == ("abcd", False)


def test_the_password_of_ice_is_not_shown():
    assert "ppp" not in repr(ice("192.0.2.1"))


def test_comfort_noise_is_offered_at_each_clock_rate_whose_codec_has_no_pauses_of_its_own():
    offer = bytes(make_offer(local("192.0.2.1", OPUS, PCMU, L16, comfort_noise=True, dtmf=False))).decode()
    assert "m=audio 4000 RTP/AVP 96 0 97 13 98\r\n" in offer
    assert "a=rtpmap:13 CN/8000\r\n" in offer
    assert "a=rtpmap:98 CN/16000\r\n" in offer
    assert "CN/48000" not in offer
    assert "a=fmtp:13" not in offer


def test_comfort_noise_of_8_khz_needs_no_line_where_bytes_are_dear():
    offer = bytes(make_offer(local("192.0.2.1", comfort_noise=True, dtmf=False, compact=True))).decode()
    assert offer.endswith("m=audio 4000 RTP/AVP 0 13\r\na=ptime:20\r\n")


@pytest.mark.parametrize("offers", [True, False])
@pytest.mark.parametrize("answers", [True, False])
def test_comfort_noise_is_sent_and_taken_only_where_both_can(offers, answers):
    one, two, _, answer = negotiate(
        local("192.0.2.1", comfort_noise=offers), local("192.0.2.2", comfort_noise=answers)
    )
    both = offers and answers
    for each in (one, two):
        assert each.receive_comfort_noise == ({13: 8000} if both else {})
        assert each.send_comfort_noise_payload_type == (13 if both else None)
        assert [codec.name for codec in each.receive] == ["PCMU"]
    assert ("m=audio 4000 RTP/AVP 0 13 96\r\n" in answer or "0 96 13" in answer) is both


def test_comfort_noise_is_sent_at_the_clock_rate_of_the_codec_that_is_sent():
    one, two, _, _ = negotiate(
        local("192.0.2.1", L16, PCMU, comfort_noise=True, dtmf=False),
        local("192.0.2.2", PCMU, L16, comfort_noise=True, dtmf=False),
    )
    assert one.receive_comfort_noise == two.receive_comfort_noise == {97: 16_000, 13: 8000}
    assert one.send_comfort_noise_payload_type == two.send_comfort_noise_payload_type == 97


def test_a_peer_whose_noise_has_another_clock_rate_than_the_codec_gets_none():
    _, found, _, answer = negotiate(
        local("192.0.2.1", L16, comfort_noise=True),
        local("192.0.2.2", L16, comfort_noise=True),
        lambda offer: offer.replace(b"CN/16000", b"CN/32000"),
    )
    assert (found.receive_comfort_noise, found.send_comfort_noise_payload_type) == ({}, None)
    assert "CN/" not in answer
