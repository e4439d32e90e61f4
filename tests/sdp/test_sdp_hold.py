"""The description that puts a stream on hold: nothing but its direction is another (RFC 3264 section 8.4)."""

import pytest

from softphone.sdp.description import SessionDescription
from softphone.sdp.media import Capability, LocalMedia
from softphone.sdp.negotiate import make_answer, make_offer, read_answer, redirected, revised

LOCAL = LocalMedia(
    host="192.0.2.1", port=7000, rtcp_port=7001, session_id=1, ptime_ms=20,
    capabilities=(Capability("opus", 48_000, 2), Capability("PCMU", 8_000, 1, 0)),
)  # fmt: skip


def described(*lines):
    head = ("v=0", "o=- 1 3 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0")
    return SessionDescription.parse("".join(f"{line}\r\n" for line in (*head, *lines)).encode())


@pytest.mark.parametrize("direction", ["sendonly", "recvonly", "inactive", "sendrecv"])
def test_only_the_direction_is_another(direction):
    offer = make_offer(LOCAL)
    held = redirected(offer, direction)
    assert bytes(held) == bytes(offer).replace(b"a=sendrecv", f"a={direction}".encode())


def test_a_direction_of_the_whole_session_gives_way_to_that_of_the_stream():
    held = redirected(described("a=recvonly", "a=tool:x", "m=audio 7000 RTP/AVP 0"), "sendonly")
    assert [str(each) for each in held.attributes] == ["tool:x"]
    assert [str(each) for each in held.media[0].attributes] == ["sendonly"]


def test_what_goes_without_saying_is_not_said_where_bytes_are_dear():
    held = redirected(described("m=audio 7000 RTP/AVP 0", "a=sendonly"), "sendrecv", compact=True)
    assert held.media[0].attributes == ()


def test_a_stream_that_was_refused_stays_as_it_is():
    before = described("m=video 0 RTP/AVP 31", "m=audio 7000 RTP/AVP 0")
    held = redirected(before, "inactive")
    assert held.media[0] == before.media[0]
    assert [str(each) for each in held.media[1].attributes] == ["inactive"]


def test_the_answer_to_a_second_stream_is_found():
    offer = described("m=video 0 RTP/AVP 31", "m=audio 7000 RTP/AVP 0")
    answer = described("m=video 0 RTP/AVP 31", "m=audio 7002 RTP/AVP 0", "a=recvonly")
    agreed = read_answer(redirected(offer, "sendonly"), answer, LOCAL)
    assert (agreed.remote_port, agreed.direction) == (7002, "sendonly")


def test_the_version_goes_up_by_one_for_another_direction_and_stays_for_the_same():
    offer = make_offer(LOCAL)
    held = revised(redirected(offer, "sendonly"), offer)
    assert held.origin.version == offer.origin.version + 1
    assert revised(redirected(held, "sendonly"), held) == held


@pytest.mark.parametrize(
    ("theirs", "takes"), [("sendrecv", True), ("recvonly", True), ("sendonly", False), ("inactive", False)]
)
def test_whether_the_peer_takes_audio_is_told_to_both_sides_of_an_exchange(theirs, takes):
    offer = redirected(make_offer(LOCAL), theirs)
    _, agreed = make_answer(offer, LOCAL)
    assert agreed.peer_receives is takes
    answer = redirected(make_offer(LOCAL), theirs)
    assert read_answer(make_offer(LOCAL), answer, LOCAL).peer_receives is takes


def test_the_old_way_to_hold_takes_no_audio_either():
    offer = SessionDescription.parse(
        bytes(make_offer(LOCAL)).replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 0.0.0.0")
    )
    _, agreed = make_answer(offer, LOCAL)
    assert not agreed.peer_receives
