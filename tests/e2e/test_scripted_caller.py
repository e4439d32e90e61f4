"""`softphone answer` called by a peer that does what a script says, good or bad (RFC 3261)."""

import itertools

import pytest
from support.command import Answering
from support.scripted_peer import HOST, ScriptedPeer, port_of
from support.scripted_sip import Realm, direction_of, media_of, parameter

pytestmark = pytest.mark.e2e

PCMU = ("--codec", "pcmu", "--tone", "440", "--sip-t1-ms", "200")
ONE = (*PCMU, "--calls", "1")


@pytest.fixture
def peer():
    with ScriptedPeer() as peer:
        yield peer


def address(callee):
    """Where it listens."""
    host, _, port = callee.address.partition(":")
    return host, int(port)


def ended(callee, status, *outcomes):
    """The command has ended as it should; its RESULTs."""
    got, results, err = callee.finish(timeout_s=10)
    assert (got, [result["outcome"] for result in results]) == (status, list(outcomes)), err
    assert "Traceback" not in err
    return results


def test_a_stranger_calls_and_hears_what_it_wants_to_hear(peer):
    with Answering(*ONE) as callee:
        peer.invite(address(callee))
        ok = peer.expect(200, "INVITE")
        assert direction_of(ok.body) == "sendrecv"
        assert ok["content-type"] == "application/sdp"
        assert parameter(ok["to"], "tag")
        dialog = peer.acknowledge(ok)
        peer.talk(dialog)
        peer.run_for(0.5)
        peer.hang_up(dialog)  # asserts that its 200 is bare
        [result] = ended(callee, 0, "completed")
    assert (result["ended_by"], result["peer_result"]) == ("peer", None)
    assert set(result["verdict"]) <= {
        "ok",
        "dropouts",
    }  # the second where the machine was too busy for the peer's clock
    assert len(peer.rtp) > 10


def test_an_invite_without_a_description_gets_an_offer_and_brings_the_answer_with_ack(peer):
    with Answering("--calls", "1", "--codec", "opus,pcmu", "--tone", "440") as callee:
        peer.invite(address(callee), body=b"")
        ok = peer.expect(200, "INVITE")
        assert b"opus/48000/2" in ok.body
        assert b"PCMU/8000" in ok.body
        dialog = peer.acknowledge(ok, body=peer.sdp())
        assert dialog.media is not None
        peer.talk(dialog)
        peer.run_for(0.5)
        peer.hang_up(dialog)
        [result] = ended(callee, 0, "completed")
    assert (result["verdict"], result["codec"]["name"]) == (["ok"], "pcmu")
    assert {packet.payload_type for packet in peer.rtp} == {0}


def test_an_offer_that_the_ack_does_not_answer_ends_the_call(peer):
    with Answering(*ONE) as callee:
        peer.invite(address(callee), body=b"")
        peer.acknowledge(peer.expect(200, "INVITE"))
        peer.answer_bye()
        ended(callee, 4, "incompatible")


def test_an_invite_that_comes_again_and_again_is_one_call(peer):
    with Answering(*ONE, "--ring", "0.4") as callee:
        data = peer.invite(address(callee))
        peer.expect(180)
        peer.send(data, address(callee))
        peer.expect(180)
        ok = peer.expect(200, "INVITE")
        peer.send(data, address(callee))
        assert peer.expect(200, "INVITE").data == ok.data
        dialog = peer.acknowledge(ok)
        peer.send(data, address(callee))  # RFC 6026 section 7.1: absorbed once acknowledged
        peer.talk(dialog)
        peer.run_for(0.5)
        peer.hang_up(dialog)
        ended(callee, 0, "completed")
    assert (
        len({parameter(answer["to"], "tag") for answer in peer.responses("INVITE") if answer.status > 100})
        == 1
    )


def test_without_an_ack_the_200_is_repeated_and_then_followed_by_bye(peer):
    with Answering(*ONE, "--sip-t1-ms", "50") as callee:
        peer.invite(address(callee))
        peer.expect(200, "INVITE")
        peer.answer_bye()
        ended(callee, 5, "dropped")
    oks = [answer for answer in peer.responses("INVITE") if answer.status == 200]
    assert len({ok.data for ok in oks}) == 1
    # RFC 3261 section 13.3.1.4: from T1, doubling, for 64*T1, which is 3.2 s.
    # To the millisecond it is tried in virtual time; here, that the clock of a busy machine drives it so.
    waits = [ok.at - oks[0].at for ok in oks[1:]]
    assert waits == pytest.approx([0.05, 0.15, 0.35, 0.75, 1.55, 3.15], abs=0.3)


def test_a_call_completes_although_the_first_copy_of_each_message_is_lost_both_ways(peer):
    seen = set()

    def is_first(message):
        key = (message.start, message["cseq"])
        first = key not in seen
        seen.add(key)
        return first

    peer.drops = is_first
    with Answering(*ONE, "--sip-t1-ms", "200") as callee:
        peer.invite(address(callee))
        peer.expect(200, "INVITE")
        ok = peer.expect(200, "INVITE")  # our ACK to the copy before was lost
        dialog = peer.acknowledge(ok)
        peer.talk(dialog)
        peer.run_for(0.5)
        data = peer.request(dialog, "BYE")
        peer.run_for(0.2)
        peer.send(data, address(callee))
        assert peer.expect(200, "BYE").data == peer.lost[-1].data
        ended(callee, 0, "completed")
    assert [(message.status, message.method) for message in peer.lost] == [(200, "INVITE"), (200, "BYE")]


def test_a_caller_that_gives_up_gets_487(peer):
    with Answering(*ONE, "--ring", "30") as callee:
        data = peer.invite(address(callee))
        peer.expect(180)
        peer.cancel(data, address(callee))
        assert peer.expect(200, "CANCEL").body == b""
        refusal = peer.expect(487, "INVITE")
        assert peer.expect(487, "INVITE").data == refusal.data  # it is repeated until the ACK comes
        peer.acknowledge_refusal(refusal, data)
        [result] = ended(callee, 3, "no-answer")
    assert result["ended_by"] == "peer"


def test_a_refusal_that_gets_lost_is_repeated_until_its_ack_although_it_was_the_last_call(peer):
    lost = itertools.count()
    peer.drops = lambda message: message.status == 486 and next(lost) < 2
    with Answering("--calls", "1", "--reject", "486", "--sip-t1-ms", "100") as callee:
        data = peer.invite(address(callee))
        peer.acknowledge_refusal(peer.expect(486), data)
        ended(callee, 4, "busy")
    assert len(peer.lost) == 2


def test_our_bye_goes_the_way_of_record_route_to_the_contact(peer):
    near, elsewhere = port_of(peer.open_sip()), port_of(peer.open_sip())
    first, second = f"<sip:{HOST}:{near};lr>", "<sip:far.example.com;lr>"
    with Answering(*ONE, "--seconds", "0.5") as callee:
        # Section 12.1.1: the callee takes Record-Route in its order.
        headers = (f"Record-Route: {first}", f"Record-Route: {second}")
        peer.invite(address(callee), *headers, contact=f"sip:bob@{HOST}:{elsewhere}")
        ok = peer.expect(200, "INVITE")
        assert ok.all("record-route") == [first, second]
        peer.talk(peer.acknowledge(ok))
        bye = peer.answer_bye()
        ended(callee, 0, "completed")
    assert (bye.port, bye.uri) == (near, f"sip:bob@{HOST}:{elsewhere}")
    assert bye.all("route") == [first, second]


def test_a_second_call_beyond_calls_is_refused_and_the_first_goes_on(peer):
    with Answering(*ONE) as callee:
        peer.invite(address(callee))
        dialog = peer.acknowledge(peer.expect(200, "INVITE"))
        peer.talk(dialog)
        data = peer.invite(address(callee))
        peer.acknowledge_refusal(peer.expect(480, "INVITE"), data)
        peer.run_for(0.4)
        peer.hang_up(dialog)
        ended(callee, 0, "completed")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_caller_proves_its_password(peer, monkeypatch, algorithm):
    monkeypatch.setenv("SECRET", "swordfish")
    account = ("--user", "alice", "--any-user", "--password-env", "SECRET", "--auth-algorithms", algorithm)
    with Answering(*ONE, *account) as callee:
        data = peer.invite(address(callee))
        challenge = peer.expect(401)
        peer.acknowledge_refusal(challenge, data)
        offers = [value for value in challenge.all("www-authenticate") if f"algorithm={algorithm}" in value]
        realm = Realm(algorithm, realm="softphone")
        uri = f"sip:answer@{callee.address}"
        peer.invite(address(callee), f"Authorization: {realm.answer(offers[0], 'INVITE', uri)}")
        dialog = peer.acknowledge(peer.expect(200, "INVITE"))
        peer.talk(dialog)
        peer.run_for(0.4)
        peer.hang_up(dialog)
        ended(callee, 0, "completed")


def test_requests_that_no_call_is_for_are_answered_as_they_should_be(peer):
    with Answering(*ONE) as callee:
        at = address(callee)
        for method, status in (("OPTIONS", 200), ("BYE", 481), ("REFER", 403), ("CANCEL", 481)):
            peer.ask(at, method)
            answer = peer.expect(status, method)
            assert answer.body == b""
            if status in (200, 405):
                assert {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"} <= set(answer.all("allow"))
        data = peer.ask(at, "INVITE", "Require: precondition")
        refusal = peer.expect(420)
        assert refusal["unsupported"] == "precondition"
        peer.acknowledge_refusal(refusal, data)
        peer.send(b"INVITE sip:x SIP/2.0\r\nnonsense", at)
        data = peer.invite(at, body=peer.sdp(formats="18"))
        refusal = peer.expect(488)
        assert refusal["warning"].startswith("305 ")
        peer.acknowledge_refusal(refusal, data)
        ended(callee, 4, "incompatible")


@pytest.mark.parametrize("hold", ["sendonly", "inactive"])
def test_the_caller_holds_and_resumes(peer, hold):
    with Answering(*ONE, "--rtp-timeout", "0.5") as callee:
        peer.invite(address(callee))
        dialog = peer.acknowledge(peer.expect(200, "INVITE"))
        peer.talk(dialog)
        peer.run_until(lambda: len(peer.rtp) > 5)
        assert peer.reinvite(dialog, hold) == {"sendonly": "recvonly", "inactive": "inactive"}[hold]
        peer.stream = None
        peer.run_for(0.1)
        heard = len(peer.rtp)
        peer.run_for(0.7)  # longer than the patience with a peer that does send
        assert len(peer.rtp) == heard
        assert peer.reinvite(dialog) == "sendrecv"
        peer.run_until(lambda: len(peer.rtp) > heard + 5)
        peer.talk(dialog)
        peer.run_for(0.4)
        peer.hang_up(dialog)
        [result] = ended(callee, 0, "completed")
    assert result["received"]["packets"] >= 20
    assert media_of(peer.responses("INVITE")[-1].body) == dialog.media
