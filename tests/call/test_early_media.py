"""Audio before the answer, both ways, between call managers in virtual time (RFC 3960, RFC 3262)."""

from functools import partial

import pytest
from support.phones import OPUS, PCMU, Pair, Phone, Stranger, media
from support.sip_peers import ALICE, BOB
from support.virtual_link import Line, VirtualNetwork

from softphone.call.events import EarlyMedia, Established
from softphone.sdp.description import SessionDescription
from softphone.sdp.negotiate import make_answer, make_offer
from softphone.sip.events import InviteReceived
from softphone.sip.headers import Headers
from softphone.sip.message import Request, Response, parse_message


def ringing(**options):
    """Alice calls; Bob does not answer yet."""
    pair = Pair(bob={"answers": False, **options.pop("bob", {})}, **options)
    pair.alice.call(pair.bob)
    pair.net.run_for(1.0)
    return pair


def send_early(pair, *capabilities):
    pair.bob.manager.progress(1, media(BOB, *capabilities), now=pair.net.now)
    pair.net.run_for(1.0)


def answer(pair):
    pair.bob.manager.accept(1, media(BOB, port=9), now=pair.net.now)
    pair.net.run_for(1.0)


def descriptions(pair):
    """Of the answers to the INVITE, whether each has one."""
    found = [parse_message(sent.data) for sent in pair.net.sent(BOB, "SIP/2.0")]
    return {
        message.status: bool(message.body)
        for message in found
        if isinstance(message, Response) and message.cseq.method == "INVITE" and message.status > 100
    }


def test_early_media_is_told_to_both_before_the_answer():
    pair = ringing()
    send_early(pair)
    assert pair.alice.names() == ["Ringing", "EarlyMedia"]
    assert pair.bob.names() == ["IncomingCall", "EarlyMedia"]
    assert [phone.info.phase.value for phone in (pair.alice, pair.bob)] == ["ringing", "incoming"]
    assert pair.alice.events[1].negotiated.remote_host == BOB[0]
    answer(pair)
    for phone in (pair.alice, pair.bob):
        assert phone.names()[-1] == "Established"
        assert phone.established.negotiated == phone.events[1].negotiated
    pair.alice.hang_up()
    pair.net.run_for(1.0)
    assert [phone.ending() for phone in (pair.alice, pair.bob)] == [
        ("completed", "local", 200),
        ("completed", "peer", 200),
    ]


def test_an_acknowledged_183_has_said_all_and_the_200_says_nothing():
    pair = ringing()
    send_early(pair)
    answer(pair)
    assert descriptions(pair) == {183: True, 200: False}
    assert pair.net.sent(ALICE, "PRACK")


def test_without_100rel_the_200_repeats_the_description():
    pair = ringing(bob={"reliable_provisional": False})
    send_early(pair)
    answer(pair)
    assert descriptions(pair) == {183: True, 200: True}
    assert not pair.net.sent(ALICE, "PRACK")
    assert pair.alice.names() == ["Ringing", "EarlyMedia", "Established"]


def test_an_answer_at_once_waits_for_the_prack():
    pair = ringing()
    pair.bob.manager.progress(1, media(BOB), now=pair.net.now)
    pair.bob.manager.accept(1, media(BOB), now=pair.net.now)
    pair.net.pump()
    assert not pair.net.sent(BOB, "SIP/2.0 200")
    pair.net.run_for(1.0)
    assert pair.alice.names() == ["Ringing", "EarlyMedia", "Established"]


def test_early_media_survives_loss_of_the_183_and_of_the_prack():
    lost = ["SIP/2.0 183", "PRACK"]

    def drop(sent):
        found = next((each for each in lost if sent.start_line.startswith(each)), None)
        if found:
            lost.remove(found)
        return found is not None

    pair = ringing(line=Line(drop=drop))
    send_early(pair)
    pair.net.run_for(4.0)
    assert lost == []
    assert pair.alice.names() == ["Ringing", "EarlyMedia"]


def test_early_media_without_a_codec_in_common_is_a_refusal():
    pair = ringing(alice={"local": media(ALICE, PCMU)})
    send_early(pair, OPUS)
    assert pair.alice.ending() == ("incompatible", "peer", 488)
    assert pair.bob.ending() == ("incompatible", "local", 488)


def test_to_an_invite_without_an_offer_180_is_sent():
    net = VirtualNetwork()
    bob = Phone(net, "bob", BOB, answers=False)
    Stranger(net, "stranger", ALICE).call(bob, b"")
    net.run_for(1.0)
    bob.manager.progress(1, bob.media, now=net.now)
    net.run_for(1.0)
    assert bob.names() == ["IncomingCall"]
    assert net.sent(BOB, "SIP/2.0 180")


@pytest.mark.parametrize("status", [486, 603])
def test_a_call_with_early_media_can_be_refused(status):
    pair = ringing()
    send_early(pair)
    pair.bob.manager.reject(1, status, now=pair.net.now)
    pair.net.run_for(1.0)
    assert pair.alice.ended.sip_status == pair.bob.ended.sip_status == status


def test_the_caller_gives_up_after_early_media():
    pair = ringing()
    send_early(pair)
    pair.alice.hang_up()
    pair.net.run_for(1.0)
    assert pair.alice.ending() == ("no-answer", "local", 487)
    assert pair.bob.ending() == ("no-answer", "peer", 487)


def test_early_media_does_not_stop_the_ring_timeout():
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob, ring_timeout_s=5.0)
    pair.net.run_for(1.0)
    send_early(pair)
    pair.net.run_for(5.0)
    assert pair.alice.ended.outcome.value == "no-answer"


def forked(answers):
    """Alice calls somebody whose proxy forks; *answers* are (tag, status, port of the description, 0: none)."""
    net = VirtualNetwork()
    alice = Phone(net, "alice", ALICE)

    def on_event(endpoint, event, now):
        if not isinstance(event, InviteReceived):
            return
        offer = SessionDescription.parse(event.request.body)
        for tag, status, port in answers:
            body = bytes(make_answer(offer, media(BOB, port=port))[0]) if port else b""
            fields = Headers()
            for name in ("Via", "From", "Call-ID", "CSeq"):
                fields.add(name, event.request.headers.get(name) or "")
            fields.add("To", f"{event.request.headers.get('To')};tag={tag}")
            fields.add("Contact", f"<sip:{tag}@{BOB[0]}>")
            if body:
                fields.add("Content-Type", "application/sdp")
            said = bytes(Response(status, "x", fields, body))
            net.call_at(now, partial(net.inject, said, BOB, ALICE))

    bob = Stranger(net, "bob", BOB, on_event=on_event)
    target = Phone.__new__(Phone)
    target.address = bob.address
    alice.call(target)
    net.run_for(1.0)
    return alice


def test_of_forks_the_newest_is_heard_and_the_one_that_answers_wins():
    alice = forked([("a", 183, 4100), ("b", 183, 4200), ("a", 200, 0)])
    early = [event.negotiated.remote_port for event in alice.events if isinstance(event, EarlyMedia)]
    assert early == [4100, 4200]
    assert alice.established.negotiated.remote_port == 4100


def test_a_fork_that_said_nothing_early_answers_for_itself():
    alice = forked([("a", 183, 4100), ("c", 200, 4300)])
    assert alice.established.negotiated.remote_port == 4300


def test_descriptions_of_no_more_than_sixteen_forks_are_remembered():
    alice = forked([(f"t{number}", 183, 4000 + 2 * number) for number in range(1, 41)])
    assert len(alice.manager._active[1].early_bodies) == 16


def early_update(pair, body):
    """Let Bob, who rings, send an UPDATE."""
    invite = parse_message(pair.net.sent(ALICE, "INVITE")[0].data)
    progress = parse_message(pair.net.sent(BOB, "SIP/2.0 183")[0].data)
    fields = Headers()
    fields.add("Via", f"SIP/2.0/UDP {BOB[0]}:{BOB[1]};branch=z9hG4bK-update")
    fields.add("From", progress.headers.get("To"))
    fields.add("To", progress.headers.get("From"))
    fields.add("Call-ID", invite.call_id)
    fields.add("CSeq", "1 UPDATE")
    fields.add("Max-Forwards", "70")
    fields.add("Contact", progress.headers.get("Contact"))
    fields.add("Content-Type", "application/sdp")
    pair.net.inject(bytes(Request("UPDATE", str(invite.contact.uri), fields, body)), BOB, ALICE)
    pair.net.run_for(1.0)


def test_the_callee_may_change_early_media_by_update():
    """RFC 3311 section 5.1: what UPDATE was made for."""
    pair = ringing()
    send_early(pair)
    early_update(pair, bytes(make_offer(media(BOB, PCMU, port=7100))))
    early = [event.negotiated for event in pair.alice.events if isinstance(event, EarlyMedia)]
    assert [(each.remote_port, each.codec.name) for each in early] == [(7000, "opus"), (7100, "PCMU")]
    answer(pair)
    established = [event for event in pair.alice.events if isinstance(event, Established)]
    assert established[0].negotiated.remote_port == 7100


def test_an_offer_before_there_is_a_session_is_refused_and_the_call_goes_on():
    # RFC 3311 section 5.2; what waits for an answer for ever would keep every later change waiting.
    pair = ringing()
    pair.bob.manager.endpoint.progress(1, 183, body=b"v=0\r\n", now=pair.net.now)
    pair.net.pump()
    pair.net.run_for(1.0)
    early_update(pair, bytes(make_offer(media(BOB, PCMU, port=7100))))
    answers = [parse_message(sent.data) for sent in pair.net.sent(ALICE, "SIP/2.0")]
    assert [each.status for each in answers if each.cseq.method == "UPDATE"] == [491]


def test_an_offer_in_a_prack_that_has_no_place_there_is_answered():
    pair = ringing()
    invite = parse_message(pair.net.sent(ALICE, "INVITE")[0].data)
    invite.headers.set("Via", f"SIP/2.0/UDP {ALICE[0]}:{ALICE[1]};branch=z9hG4bK-2")
    for name, value in (("Require", "100rel"), ("Call-ID", "second")):
        invite.headers.set(name, value)
    pair.net.inject(bytes(invite), ALICE, BOB)
    pair.bob.manager.ring(2, now=pair.net.now)
    pair.net.pump()
    ringing_now = parse_message(pair.net.sent(BOB, "SIP/2.0 180")[-1].data)
    fields = Headers()
    fields.add("Via", f"SIP/2.0/UDP {ALICE[0]}:{ALICE[1]};branch=z9hG4bK-prack")
    for name in ("From", "To", "Call-ID"):
        fields.add(name, ringing_now.headers.get(name))
    fields.add("CSeq", "2 PRACK")
    fields.add("RAck", f"{ringing_now.headers.get('RSeq')} 1 INVITE")
    fields.add("Max-Forwards", "70")
    fields.add("Content-Type", "application/sdp")
    prack = Request("PRACK", str(ringing_now.contact.uri), fields, bytes(make_offer(media(ALICE))))
    pair.net.inject(bytes(prack), ALICE, BOB)
    pair.net.run_for(0.2)
    answers = [parse_message(sent.data) for sent in pair.net.sent(BOB, "SIP/2.0")]
    assert [each.status for each in answers if each.cseq.method == "PRACK"] == [400]
