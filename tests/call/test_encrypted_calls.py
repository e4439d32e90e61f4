"""Keys of SRTP in calls between two managers in virtual time: hold, resume, re-INVITE, and calls that may not be in the clear."""

from dataclasses import replace

import pytest
from support.phones import Pair, media
from support.sip_peers import ALICE, BOB

from softphone.call.events import Ended, Established, HoldChanged, MediaChanged
from softphone.call.outcome import Outcome
from softphone.sdp.media import Crypto, Dtls, Fingerprint, Sdes

SUITE = "AES_CM_128_HMAC_SHA1_80"


def sdes(address, seed, srtp="prefer"):
    return {"local": media(address, srtp=srtp, sdes=(Crypto(1, SUITE, bytes([seed]) * 30),))}


def dtls(address, seed, srtp="prefer"):
    return {"local": media(address, srtp=srtp, fingerprint=Fingerprint("sha-256", bytes([seed]) * 32))}


def securities(phone):
    """What was in use after each event that could have changed it."""
    return [
        event.negotiated.security
        for event in phone.events
        if isinstance(event, Established | MediaChanged | HoldChanged)
    ]


@pytest.mark.parametrize(("said", "kind"), [(sdes, Sdes), (dtls, Dtls)])
@pytest.mark.parametrize("holder", ["alice", "bob"])
@pytest.mark.parametrize("srtp", ["prefer", "require"])
def test_hold_and_resume_by_either_side_keep_keys_and_roles(said, kind, holder, srtp):
    pair = Pair(alice=said(ALICE, 1, srtp), bob=said(BOB, 2, srtp))
    pair.talk()
    for on in (True, False):
        getattr(pair, holder).manager.hold(1, on, now=pair.net.now)
        pair.net.pump()
        pair.net.run_for(1.0)
    for phone in (pair.alice, pair.bob):
        found = securities(phone)
        assert len(found) == 3
        assert isinstance(found[0], kind)
        assert found[1] == found[2] == found[0]


def test_the_keys_of_one_side_are_those_the_other_opens_with():
    pair = Pair(alice=sdes(ALICE, 1), bob=sdes(BOB, 2))
    pair.talk()
    (ours,), (theirs,) = securities(pair.alice), securities(pair.bob)
    assert (ours.send, ours.receive) == (theirs.receive, theirs.send)
    assert ours.send.key != ours.receive.key


def test_one_of_the_two_begins_the_handshake():
    pair = Pair(alice=dtls(ALICE, 1), bob=dtls(BOB, 2))
    pair.talk()
    (ours,), (theirs,) = securities(pair.alice), securities(pair.bob)
    assert ours.is_client is not theirs.is_client


@pytest.mark.parametrize(("caller", "callee"), [("require", "off"), ("off", "require")])
def test_a_call_that_must_be_encrypted_and_cannot_be_ends_as_incompatible_on_both_sides(caller, callee):
    pair = Pair(alice=sdes(ALICE, 1, caller), bob=sdes(BOB, 2, callee))
    pair.alice.call(pair.bob)
    pair.net.run_for(5.0)
    ours, theirs = pair.alice.ended, pair.bob.ended
    assert (
        (ours.outcome, ours.sip_status) == (theirs.outcome, theirs.sip_status) == (Outcome.INCOMPATIBLE, 488)
    )
    assert "encryption: wanted" in theirs.reason


def test_a_caller_that_demands_keys_does_not_talk_in_the_clear_to_who_answers_so():
    pair = Pair(alice=sdes(ALICE, 1, "require"), bob={"local": media(BOB, srtp="off")})
    pair.bob.media = replace(pair.bob.media, sdes=())
    pair.alice.call(pair.bob)
    pair.net.run_for(5.0)
    assert pair.alice.ended.outcome is Outcome.INCOMPATIBLE
    assert not [event for event in pair.alice.events if isinstance(event, Established)]
    assert [event for event in pair.bob.events if isinstance(event, Ended)]


def test_a_re_invite_that_takes_the_keys_away_is_refused_where_they_are_demanded_and_the_call_goes_on():
    pair = Pair(alice=sdes(ALICE, 1), bob=sdes(BOB, 2, "require"))
    pair.talk()
    alice = pair.alice.manager._record(1)
    plain = tuple(each for each in alice.ours.media[0].attributes if each.name != "crypto")
    alice.ours = replace(
        alice.ours, media=(replace(alice.ours.media[0], attributes=plain, protocol="RTP/AVP"),)
    )
    pair.alice.manager.hold(1, True, now=pair.net.now)
    pair.net.pump()
    pair.net.run_for(2.0)
    assert len(securities(pair.bob)) == 1, "nothing has changed"
    assert "Ended" not in pair.bob.names()
