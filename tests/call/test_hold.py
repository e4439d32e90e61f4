"""Hold and resume between call managers in virtual time (RFC 3264 section 8.4)."""

import contextlib
import random
from functools import partial

import pytest
from support.phones import Pair, Phone, Stranger, media
from support.sip_peers import ALICE, BOB
from support.virtual_link import Line, VirtualNetwork

from softphone.call.errors import LocalCallError
from softphone.call.events import Established, HoldChanged, HoldRefused, MediaChanged
from softphone.sdp.description import SessionDescription
from softphone.sdp.negotiate import make_answer
from softphone.sip.endpoint import SipEndpoint
from softphone.sip.events import InviteReceived, ReinviteReceived
from softphone.sip.style import SipStyle


class Talking(Pair):
    """Alice and Bob in a call."""

    def __init__(self, *, seed=0, **options):
        for side, rng in (("alice", random.Random(seed + 1)), ("bob", random.Random(seed + 100))):
            options[side] = {"rng": rng, **options.get(side, {})}
        super().__init__(seed=seed, **options)
        self.talk()

    def hold(self, phone, on=True):
        phone.manager.hold(1, on, now=self.net.now)
        self.net.pump()

    def told(self, phone, kind):
        return [event for event in phone.events if isinstance(event, kind)]

    def directions(self):
        """What each side knows of the session now: ours of Alice, ours of Bob."""
        return tuple(
            next(
                event.negotiated.direction
                for event in reversed(phone.events)
                if isinstance(event, Established | MediaChanged | HoldChanged)
            )
            for phone in (self.alice, self.bob)
        )

    def offers(self, phone):
        found = phone.requests("INVITE")
        return [SessionDescription.parse(each.body) for each in found if each.to.tag]


def test_hold_is_sendonly_and_resume_sendrecv_with_the_version_raised_each_time():
    pair = Talking()
    pair.hold(pair.alice)
    pair.net.run_for(1.0)
    assert pair.directions() == ("sendonly", "recvonly")
    assert pair.alice.info.on_hold
    assert not pair.alice.info.peer_holds
    assert (pair.bob.info.on_hold, pair.bob.info.peer_holds) == (False, True)
    pair.hold(pair.alice, False)
    pair.net.run_for(1.0)
    assert pair.directions() == ("sendrecv", "sendrecv")
    assert not pair.alice.info.on_hold
    assert not pair.bob.info.peer_holds
    assert [event.on_hold for event in pair.told(pair.alice, HoldChanged)] == [True, False]
    assert len(pair.told(pair.bob, MediaChanged)) == 2
    first = SessionDescription.parse(pair.alice.requests("INVITE")[0].body)
    assert [each.origin.version - first.origin.version for each in pair.offers(pair.alice)] == [1, 2]


def test_a_hold_changes_nothing_but_the_direction():
    pair = Talking()
    first = SessionDescription.parse(pair.alice.requests("INVITE")[0].body)
    pair.hold(pair.alice)
    pair.net.run_for(1.0)
    (offer,) = pair.offers(pair.alice)
    assert offer.media[0].formats == first.media[0].formats
    kept = [each for each in first.media[0].attributes if each.name != "sendrecv"]
    assert [each for each in offer.media[0].attributes if each.name != "sendonly"] == kept
    before = pair.alice.established.negotiated
    (held,) = pair.told(pair.alice, HoldChanged)
    assert (held.negotiated.send, held.negotiated.receive) == (before.send, before.receive)
    assert held.negotiated.receive_dtmf == before.receive_dtmf


def test_the_callee_holds_too_and_keeps_the_streams_that_it_refused_in_their_place():
    net = VirtualNetwork()
    body = (
        b"v=0\r\no=- 5 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=video 9000 RTP/AVP 31\r\n"
        b"m=audio 7000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    )
    bob = Phone(net, "bob", BOB)
    offers = []

    def on_event(endpoint, event, now):
        if isinstance(event, ReinviteReceived):
            offer = SessionDescription.parse(event.request.body)
            offers.append(offer)
            answer = bytes(offer).replace(b"sendonly", b"recvonly")
            endpoint.answer_reinvite(event.leg, body=answer, now=now)

    stranger = Stranger(net, "stranger", ALICE, on_event=on_event)
    stranger.call(bob, body)
    net.run_for(1.0)
    bob.manager.hold(1, True, now=net.now)
    net.run_for(1.0)
    (offer,) = offers
    assert [(each.kind, each.port != 0) for each in offer.media] == [("video", False), ("audio", True)]
    assert offer.media[1].formats == ("0", "101")
    assert [event.negotiated.direction for event in bob.events if isinstance(event, HoldChanged)] == [
        "sendonly"
    ]


def test_both_may_hold_and_each_takes_back_its_own():
    pair = Talking()
    pair.hold(pair.alice)
    pair.net.run_for(1.0)
    pair.hold(pair.bob)
    pair.net.run_for(1.0)
    assert pair.directions() == ("inactive", "inactive")
    assert pair.alice.info.peer_holds
    assert pair.bob.info.peer_holds
    pair.hold(pair.alice, False)
    pair.net.run_for(1.0)
    assert pair.directions()[0] in ("inactive", "recvonly")
    assert (pair.alice.info.on_hold, pair.alice.info.peer_holds) == (False, True)
    assert (pair.bob.info.on_hold, pair.bob.info.peer_holds) == (True, False)
    pair.hold(pair.bob, False)
    pair.net.run_for(1.0)
    assert pair.directions() == ("sendrecv", "sendrecv")
    assert not pair.alice.info.peer_holds
    assert not pair.bob.info.peer_holds


@pytest.mark.parametrize("seed", range(10))
def test_holds_that_cross_are_both_done_in_the_end(seed):
    pair = Talking(seed=seed, line=Line(delay_s=0.05))
    pair.hold(pair.alice)
    pair.hold(pair.bob)
    pair.net.run_for(0.3)
    assert not (pair.alice.info.on_hold and pair.bob.info.on_hold), "they have crossed: 491 to both"
    pair.net.run_for(10.0)
    assert (pair.alice.info.on_hold, pair.bob.info.on_hold) == (True, True)
    assert pair.directions() == ("inactive", "inactive")
    for phone in (pair.alice, pair.bob):
        pair.hold(phone, False)
    pair.net.run_for(10.0)
    assert pair.directions() == ("sendrecv", "sendrecv")
    pair.alice.hang_up()
    pair.net.run_for(60.0)
    assert pair.alice.ending() == ("completed", "local", 200)
    assert pair.alice.manager.next_timeout() is None
    assert pair.bob.manager.next_timeout() is None


@pytest.mark.parametrize("seed", range(10))
def test_on_a_bad_line_both_sides_agree_in_the_end_whatever_crossed(seed):
    pair = Talking(seed=seed)
    pair.net.line = Line(delay_s=0.05, jitter_s=0.1, loss=0.2, duplicate=0.2)
    chance = random.Random(seed)
    for _ in range(6):
        for phone in (pair.alice, pair.bob):
            if chance.random() < 0.7:
                with contextlib.suppress(LocalCallError):  # another change is under way
                    phone.manager.hold(1, chance.random() < 0.5, now=pair.net.now)
        pair.net.run_for(chance.random() * 3)
    pair.net.run_for(100.0)
    pair.net.line = Line(delay_s=0.01)
    if "Ended" in pair.alice.names() or "Ended" in pair.bob.names():
        pytest.fail("a fifth of the datagrams lost must not end a call within 64*T1")
    ours, theirs = pair.directions()
    mirrored = {
        "sendrecv": "sendrecv",
        "sendonly": "recvonly",
        "recvonly": "sendonly",
        "inactive": "inactive",
    }
    assert theirs == mirrored[ours]
    assert pair.alice.info.peer_holds >= pair.bob.info.on_hold
    assert pair.bob.info.peer_holds >= pair.alice.info.on_hold
    for phone in (pair.alice, pair.bob):
        pair.hold(phone, False)
        pair.net.run_for(10.0)
    assert pair.directions() == ("sendrecv", "sendrecv")


def test_versions_of_a_session_only_ever_go_up_and_no_two_descriptions_share_one():
    pair = Talking(line=Line(delay_s=0.05))
    for step in range(6):
        pair.hold(pair.alice, step % 2 == 0)
        pair.hold(pair.bob, step % 2 == 0)
        pair.net.run_for(10.0)
    for phone in (pair.alice, pair.bob):
        said = {}
        for sent in pair.net.sent(phone.address):
            head, _, body = sent.data.partition(b"\r\n\r\n")
            if b"application/sdp" in head and body:
                version = SessionDescription.parse(body).origin.version
                assert version >= max(said, default=0)
                assert said.setdefault(version, body) == body
        assert len(said) > 4


def holding(meet_reinvite):
    """Their network, and Alice, who has asked a stranger to be held; *meet_reinvite* is what the stranger does then."""
    net = VirtualNetwork()
    alice = Phone(net, "alice", ALICE)

    def on_event(endpoint, event, now):
        if isinstance(event, InviteReceived):
            answer, _ = make_answer(SessionDescription.parse(event.request.body), media(BOB))
            endpoint.answer(event.leg, body=bytes(answer), now=now)
        elif isinstance(event, ReinviteReceived):
            meet_reinvite(endpoint, event.leg, now=now)

    alice.call(Stranger(net, "bob", BOB, on_event=on_event))
    net.run_for(1.0)
    alice.manager.hold(1, True, now=net.now)
    net.run_for(1.0)
    return net, alice


def test_a_refused_hold_leaves_the_session_as_it_was():
    net, alice = holding(partial(SipEndpoint.reject_reinvite, status=488))
    (refused,) = (event for event in alice.events if isinstance(event, HoldRefused))
    assert (refused.on_hold, refused.sip_status, refused.reason) == (False, 488, "Not Acceptable Here")
    assert not alice.info.on_hold
    alice.manager.hold(1, True, now=net.now)
    net.run_for(1.0)
    assert alice.names().count("HoldRefused") == 2
    alice.hang_up()
    net.run_for(1.0)
    assert alice.ending() == ("completed", "local", 200)


@pytest.mark.parametrize(("status", "outcome"), [(481, "dropped"), (408, "dropped")])
def test_a_peer_that_knows_no_such_call_is_a_dropped_call(status, outcome):
    _, alice = holding(partial(SipEndpoint.reject_reinvite, status=status))
    assert alice.ending() == (outcome, "network", 200)
    assert str(status) in alice.ended.reason


def test_a_2xx_without_a_suitable_answer_ends_the_call():
    _, alice = holding(partial(SipEndpoint.answer_reinvite, body=b"nonsense"))
    assert alice.ending() == ("incompatible", "local", 200)


def test_while_we_hold_the_peer_may_change_the_session_and_the_hold_stays():
    net = VirtualNetwork()
    offer = (
        b"v=0\r\no=- 5 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 7000 RTP/AVP 0\r\n"
    )
    bob = Phone(net, "bob", BOB)

    def on_event(endpoint, event, now):
        if isinstance(event, ReinviteReceived):
            answer = event.request.body.replace(b"sendonly", b"recvonly")
            endpoint.answer_reinvite(event.leg, body=answer, now=now)

    stranger = Stranger(net, "stranger", ALICE, on_event=on_event)
    stranger.call(bob, offer)
    net.run_for(1.0)
    bob.manager.hold(1, True, now=net.now)
    net.run_for(1.0)
    stranger.within_dialog(bob, "INVITE", 2, offer.replace(b"7000", b"7002"), Content_Type="application/sdp")
    net.run_for(0.1)
    (changed,) = (event for event in bob.events if isinstance(event, MediaChanged))
    assert (changed.negotiated.remote_port, changed.negotiated.direction) == (7002, "sendonly")
    stranger.within_dialog(bob, "ACK", 2)
    net.run_for(0.1)
    stranger.within_dialog(bob, "INVITE", 3)
    net.run_for(0.1)
    (ours,) = (answer for answer in stranger.answers(bob, "3 INVITE") if answer.status == 200)
    assert b"a=sendonly" in ours.body
    stranger.within_dialog(bob, "ACK", 3, offer.replace(b"t=0 0\r\n", b"t=0 0\r\na=recvonly\r\n"))
    net.run_for(0.1)
    assert bob.info.on_hold
    bob.manager.hold(1, False, now=net.now)
    net.run_for(1.0)
    assert not bob.info.on_hold


def test_a_hold_waits_for_a_reinvite_of_the_peer_and_is_made_of_what_that_led_to():
    pair = Talking(line=Line(delay_s=0.05))
    pair.hold(pair.alice)
    pair.net.run_for(0.12)  # Alice's hold has been answered, its ACK is on its way
    pair.hold(pair.bob)
    pair.net.run_for(2.0)
    assert pair.bob.info.on_hold
    (offer,) = pair.offers(pair.bob)
    assert [each.name for each in offer.media[0].attributes if each.name in ("sendonly", "inactive")] == [
        "inactive"
    ]


def test_holding_twice_is_holding_once():
    pair = Talking()
    pair.hold(pair.alice)
    pair.hold(pair.alice)
    pair.net.run_for(1.0)
    pair.hold(pair.alice)
    pair.net.run_for(1.0)
    assert len(pair.offers(pair.alice)) == 1
    pair.hold(pair.bob, False)
    pair.net.run_for(1.0)
    assert pair.offers(pair.bob) == []


def test_a_call_that_does_not_stand_cannot_be_held_and_one_that_ended_is_left_alone():
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob)
    pair.net.run_for(0.1)
    with pytest.raises(LocalCallError, match="hold is for a call that stands, this one is calling"):
        pair.alice.manager.hold(1, True, now=pair.net.now)
    pair.alice.hang_up()
    pair.net.run_for(5.0)
    pair.alice.manager.hold(1, True, now=pair.net.now)
    assert "HoldChanged" not in pair.alice.names()


def test_changing_ones_mind_while_the_peer_is_asked_must_wait():
    pair = Talking(line=Line(delay_s=0.05))
    pair.hold(pair.alice)
    with pytest.raises(LocalCallError, match="resume is for a call that stands, this one is holding"):
        pair.hold(pair.alice, False)
    pair.net.run_for(1.0)
    pair.hold(pair.alice, False)
    pair.net.run_for(1.0)
    assert not pair.alice.info.on_hold


@pytest.mark.parametrize("when_s", [0.02, 0.07, 0.12, 1.0])
@pytest.mark.parametrize("who", ["alice", "bob"])
def test_hanging_up_at_any_moment_of_a_hold_ends_the_call_for_both(who, when_s):
    pair = Talking(line=Line(delay_s=0.05))
    pair.hold(pair.alice)
    pair.net.run_for(when_s)
    getattr(pair, who).hang_up()
    pair.net.run_for(60.0)
    for phone in (pair.alice, pair.bob):
        assert phone.ending()[::2] == ("completed", 200)
        assert phone.manager.next_timeout() is None


def test_the_phase_of_a_call_and_since_when_are_told():
    pair = Pair(bob={"answers": False}, line=Line(delay_s=0.05))
    pair.alice.call(pair.bob)
    assert (pair.alice.info.phase.value, pair.alice.info.phase_since) == ("calling", 0.0)
    pair.net.run_for(0.5)
    pair.bob.manager.ring(1, now=pair.net.now)
    pair.net.run_for(0.5)
    assert (pair.alice.info.phase.value, pair.bob.info.phase.value) == ("ringing", "incoming")
    assert pair.alice.info.phase_since == pytest.approx(0.55)
    pair.bob.manager.accept(1, pair.bob.media, now=pair.net.now)
    pair.net.run_for(0.5)
    assert pair.alice.info.phase.value == pair.bob.info.phase.value == "established"
    pair.alice.manager.hold(1, True, now=pair.net.now)
    pair.net.run_for(0.5)
    assert pair.alice.info.phase_since == pytest.approx(1.05), "a hold is no other phase"
    pair.alice.hang_up()
    assert pair.alice.info.phase.value == "ending"
    pair.net.run_for(1.0)
    assert pair.alice.info.phase.value == "ended"


def test_a_hold_is_short_where_everything_is_and_says_no_more_than_it_must():
    style = SipStyle(compact=True, dictionary=True)
    local = {name: media(address, compact=True) for name, address in (("alice", ALICE), ("bob", BOB))}
    pair = Talking(
        alice={"style": style, "local": local["alice"]}, bob={"style": style, "local": local["bob"]}
    )
    before = pair.alice.info.sip_bytes_sent
    pair.hold(pair.alice)
    pair.net.run_for(1.0)
    assert pair.directions() == ("sendonly", "recvonly")
    held = pair.alice.info.sip_bytes_sent - before
    pair.hold(pair.alice, False)
    pair.net.run_for(1.0)
    assert pair.directions() == ("sendrecv", "sendrecv")
    assert held < 100, "INVITE and ACK: 58 bytes packed, 783 short and 1060 long, measured"
