"""What both sides have to say alike: a=x-rtp-short, a=rtcp-rsize, b=RS and b=RR, and the version of a codec of ours."""

import pytest

from softphone.sdp import Capability, LocalMedia, SessionDescription, make_answer, make_offer, read_answer

PCMU = Capability("PCMU", 8000, payload_type=0)


def local(host, **changes):
    return LocalMedia(
        host=host,
        port=4000,
        rtcp_port=4001,
        session_id=1,
        ptime_ms=20,
        **({"capabilities": (PCMU,), "short_rtp": True, "reduced_rtcp": True} | changes),
    )


def negotiate(ours, theirs):
    offer = make_offer(ours)
    answer, answered = make_answer(SessionDescription.parse(bytes(offer)), theirs)
    return (
        read_answer(offer, SessionDescription.parse(bytes(answer)), ours),
        answered,
        bytes(offer),
        bytes(answer),
    )


@pytest.mark.parametrize("offers", [True, False])
@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("what", ["short_rtp", "reduced_rtcp"])
def test_it_is_agreed_on_only_where_both_say_so(offers, answers, what):
    one, two, offer, answer = negotiate(
        local("192.0.2.1", **{what: offers}), local("192.0.2.2", **{what: answers})
    )
    line = {"short_rtp": b"a=x-rtp-short:1\r\n", "reduced_rtcp": b"a=rtcp-rsize\r\n"}[what]
    assert (line in offer, line in answer) == (offers, offers and answers)
    assert getattr(one, what) is getattr(two, what) is (offers and answers)


@pytest.mark.parametrize(
    ("said", "agreed"), [("1", True), ("2 1", True), ("2", False), ("11", False), ("", False)]
)
def test_the_version_is_one_of_those_said(said, agreed):
    offer = bytes(make_offer(local("192.0.2.1"))).replace(b"x-rtp-short:1", b"x-rtp-short:" + said.encode())
    _, negotiated = make_answer(SessionDescription.parse(offer), local("192.0.2.2"))
    assert negotiated.short_rtp is agreed


def test_the_bandwidth_of_rtcp_is_that_of_the_other_side():
    one, two, offer, _ = negotiate(
        local("192.0.2.1", rtcp_bandwidth_bps=(200, 100), bandwidth_as_kbps=6), local("192.0.2.2")
    )
    assert b"b=AS:6\r\nb=RS:200\r\nb=RR:100\r\n" in offer
    assert (one.rtcp_bandwidth_bps, two.rtcp_bandwidth_bps) == (None, (200, 100))


def test_half_a_bandwidth_is_none():
    offer = bytes(make_offer(local("192.0.2.1", rtcp_bandwidth_bps=(0, 0)))).replace(b"b=RS:0\r\n", b"")
    _, negotiated = make_answer(SessionDescription.parse(offer), local("192.0.2.2"))
    assert negotiated.rtcp_bandwidth_bps is None


VLC = Capability("VLC", 8000, fmtp="v=1;bitrate=2400;packet=128")


@pytest.mark.parametrize(
    ("said", "names"), [("v=1;", ["VLC", "PCMU"]), ("", ["VLC", "PCMU"]), ("v=2;", ["PCMU"])]
)
def test_another_version_of_a_codec_is_another_codec(said, names):
    ours = local("192.0.2.1", capabilities=(VLC, PCMU))
    offer = make_offer(ours)
    heard = SessionDescription.parse(bytes(offer).replace(b"v=1;", said.encode()))
    answer, answered = make_answer(heard, local("192.0.2.2", capabilities=(VLC, PCMU)))
    assert [each.name for each in answered.send] == names
    told = SessionDescription.parse(bytes(answer).replace(b"v=1;", said.encode()))
    assert [each.name for each in read_answer(offer, told, ours).send] == names
