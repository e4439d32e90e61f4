"""Changes of a session that stands: codec and address of ours, UPDATE of the peer, refreshes (RFC 3264, RFC 3311, RFC 4028)."""

from dataclasses import replace

import pytest
from support.phones import OPUS, PCMU, Pair, Phone, Stranger, media
from support.sip_peers import ALICE, BOB
from support.virtual_link import VirtualNetwork

from softphone.call.errors import LocalCallError
from softphone.call.events import ChangeRefused, MediaChanged
from softphone.call.state import State
from softphone.sdp.description import SessionDescription
from softphone.sdp.negotiate import make_offer
from softphone.sip.events import InviteReceived, ReinviteReceived


def talking(**options):
    pair = Pair(**options)
    pair.talk()
    return pair


def change(pair, wanted, phone=None):
    phone = phone or pair.alice
    phone.manager.change(1, wanted, now=pair.net.now)
    pair.net.run_for(1.0)


def changes(phone):
    return [event.negotiated for event in phone.events if isinstance(event, MediaChanged)]


def versions(phone):
    offers = [SessionDescription.parse(each.body) for each in phone.requests("INVITE")]
    return [(each.origin.session_id, each.origin.version) for each in offers]


@pytest.mark.parametrize("side", ["alice", "bob"])
def test_either_side_may_go_on_in_another_codec(side):
    pair = talking()
    phone = getattr(pair, side)
    change(pair, media(phone.address, PCMU), phone)
    assert [each.codec.name for each in changes(pair.alice)] == ["PCMU"]
    assert [each.codec.name for each in changes(pair.bob)] == ["PCMU"]
    assert {each.direction for each in changes(pair.alice)} == {"sendrecv"}


def test_another_address_of_ours_is_told_to_the_peer():
    pair = talking()
    change(pair, media(("192.0.2.9", 0), port=7200, rtcp_port=7201))
    (negotiated,) = changes(pair.bob)
    assert (negotiated.remote_host, negotiated.remote_port) == ("192.0.2.9", 7200)
    assert changes(pair.alice) == [], "what Bob says has not changed"


def test_a_change_keeps_the_session_and_raises_its_version():
    pair = talking()
    change(pair, media(ALICE, PCMU, session_id=77))
    change(pair, media(ALICE, OPUS, PCMU, session_id=78))
    (first, _), *_ = versions(pair.alice)
    assert versions(pair.alice) == [(first, 1), (first, 2), (first, 3)]


def test_payload_types_of_the_session_stay():
    """RFC 3264 section 8.3.2."""
    pair = talking()
    change(pair, media(ALICE, PCMU, OPUS))
    first, second = (SessionDescription.parse(each.body) for each in pair.alice.requests("INVITE"))
    assert set(second.media[0].formats[:2]) == set(first.media[0].formats[:2])


def test_a_call_on_hold_stays_there_through_a_change():
    pair = talking()
    pair.alice.manager.hold(1, True, now=pair.net.now)
    pair.net.run_for(1.0)
    change(pair, media(ALICE, PCMU))
    assert pair.alice.info.on_hold
    assert changes(pair.bob)[-1].direction == "recvonly"
    pair.alice.manager.hold(1, False, now=pair.net.now)
    pair.net.run_for(1.0)
    assert not pair.alice.info.on_hold
    assert changes(pair.bob)[-1].direction == "sendrecv"
    assert changes(pair.bob)[-1].codec.name == "PCMU"


def test_streams_that_were_refused_keep_their_places():
    net = VirtualNetwork()
    bob = Phone(net, "bob", BOB)
    stranger = Stranger(net, "stranger", ALICE)
    head = "v=0\r\no=s 9 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    stranger.call(bob, f"{head}m=video 4002 RTP/AVP 99\r\nm=audio 4000 RTP/AVP 0\r\n".encode())
    net.run_for(1.0)
    bob.manager.change(1, media(BOB, PCMU, port=7300), now=net.now)
    net.run_for(1.0)
    (reinvite,) = (each for each in bob.requests("INVITE") if each.to.tag)
    kinds = [(each.kind, each.port) for each in SessionDescription.parse(reinvite.body).media]
    assert kinds == [("video", 0), ("audio", 7300)]


def refusing(status):
    """Alice talks to somebody who refuses each re-INVITE with *status*."""
    net = VirtualNetwork()
    alice = Phone(net, "alice", ALICE)

    def on_event(endpoint, event, now):
        if isinstance(event, InviteReceived):
            endpoint.answer(event.leg, body=bytes(make_offer(media(BOB, PCMU))), now=now)
        elif isinstance(event, ReinviteReceived):
            endpoint.reject_reinvite(event.leg, status, now=now)

    alice.call(Stranger(net, "bob", BOB, on_event=on_event))
    net.run_for(1.0)
    return net, alice


def test_a_change_that_is_refused_changes_nothing():
    net, alice = refusing(488)
    alice.manager.change(1, media(ALICE, PCMU, port=7400), now=net.now)
    net.run_for(1.0)
    (refused,) = (event for event in alice.events if isinstance(event, ChangeRefused))
    assert refused.sip_status == 488
    alice.hang_up()
    net.run_for(1.0)
    assert alice.ending() == ("completed", "local", 200)


def test_a_peer_that_has_forgotten_the_call_ends_it():
    net, alice = refusing(481)
    alice.manager.change(1, media(ALICE, PCMU), now=net.now)
    net.run_for(40.0)
    assert alice.ended.outcome.value == "dropped"
    assert "481 to our re-INVITE" in alice.ended.reason


def test_two_changes_at_a_time_are_one_too_many():
    pair = talking()
    pair.alice.manager.change(1, media(ALICE, PCMU), now=pair.net.now)
    with pytest.raises(LocalCallError, match="try again later"):
        pair.alice.manager.change(1, media(ALICE, OPUS), now=pair.net.now)
    with pytest.raises(LocalCallError, match="try again later"):
        pair.alice.manager.hold(1, True, now=pair.net.now)


@pytest.mark.parametrize("seed", range(5))
def test_changes_of_both_that_cross_are_both_done_in_the_end(seed):
    pair = Pair(seed=seed)
    pair.talk()
    pair.alice.manager.change(1, media(ALICE, PCMU, port=7100, rtcp_port=7101), now=pair.net.now)
    pair.bob.manager.change(1, media(BOB, PCMU, port=7200, rtcp_port=7201), now=pair.net.now)
    pair.net.run_for(20.0)
    assert changes(pair.alice)[-1].remote_port == 7200
    assert changes(pair.bob)[-1].remote_port == 7100
    states = {phone.manager._active[1].state for phone in (pair.alice, pair.bob)}
    assert states == {State.ESTABLISHED}


def update(pair, **changes_of_media):
    """Bob changes the session by UPDATE."""
    body = bytes(make_offer(replace(media(BOB, PCMU), **changes_of_media)))
    pair.bob.manager.endpoint.update(1, lambda: body, now=pair.net.now)
    pair.net.run_for(1.0)


@pytest.mark.parametrize(("direction", "ours"), [("sendonly", "recvonly"), ("inactive", "inactive")])
def test_a_peer_may_hold_and_resume_by_update(direction, ours):
    pair = talking()
    update(pair, direction=direction)
    assert changes(pair.alice)[-1].direction == ours
    assert pair.alice.info.peer_holds
    update(pair)
    assert changes(pair.alice)[-1].direction == "sendrecv"
    assert not pair.alice.info.peer_holds


def test_a_peer_may_change_address_and_codec_by_update():
    pair = talking()
    update(pair, port=7500)
    assert [(each.remote_port, each.codec.name) for each in changes(pair.alice)] == [(7500, "PCMU")]


def test_an_update_with_nothing_in_common_is_refused_and_the_call_goes_on():
    pair = talking(alice={"local": media(ALICE, OPUS)})
    update(pair)
    assert pair.net.sent(ALICE, "SIP/2.0 488")
    assert changes(pair.alice) == []
    assert pair.alice.info.phase.value == "established"


def test_a_session_that_is_refreshed_stands():
    pair = talking(alice={"session_expires_s": 90.0})
    pair.net.run_for(600.0)
    assert pair.alice.info.phase.value == pair.bob.info.phase.value == "established"
    assert pair.alice.info.session_expires_s == pair.bob.info.session_expires_s == 90
    assert changes(pair.alice) == changes(pair.bob) == []


def test_a_session_that_nobody_refreshes_any_more_is_dropped():
    pair = talking(alice={"session_expires_s": 90.0})
    pair.net.detach(BOB)
    pair.net.attach(BOB, Silence())
    pair.net.run_for(200.0)
    assert (pair.alice.ended.outcome.value, pair.alice.ended.ended_by) == ("dropped", "network")


class Silence:
    """Hears all and says nothing."""

    def receive_datagram(self, data, addr, *, now):
        pass

    def datagrams_to_send(self, *, now):
        return []

    def handle_timeout(self, *, now):
        pass

    def next_timeout(self):
        return None

    def next_event(self):
        return None


def test_a_refresh_by_reinvite_offers_what_was_said_before():
    """RFC 4028 section 7.4; of a peer that takes no UPDATE."""
    net = VirtualNetwork()
    alice = Phone(net, "alice", ALICE, session_expires_s=90.0)
    answer = bytes(make_offer(media(BOB, PCMU)))

    def on_event(endpoint, event, now):
        if isinstance(event, InviteReceived):
            endpoint.answer(event.leg, body=answer, headers=(("Allow", "INVITE, ACK, BYE"),), now=now)
        elif isinstance(event, ReinviteReceived):
            endpoint.answer_reinvite(event.leg, body=answer, now=now)

    alice.call(Stranger(net, "bob", BOB, on_event=on_event))
    net.run_for(60.0)
    bodies = {each.body for each in alice.requests("INVITE")}
    assert len(bodies) == 1
    assert alice.names() == ["Established"]
