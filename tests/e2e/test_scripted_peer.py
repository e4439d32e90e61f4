"""`softphone call` against a peer that does what the script says, also what no good peer does (RFC 3261)."""

import itertools
import re

import pytest
from support.command import Answering, Calling
from support.scripted_peer import HOST, ScriptedPeer, port_of
from support.scripted_sip import Realm, parameter

pytestmark = pytest.mark.e2e

PCMU = ("--codec", "pcmu", "--tone", "440", "--sip-t1-ms", "200")
SHORT = (*PCMU, "--seconds", "0.5")
SWIFT = ("--sip-t1-ms", "50")
ALICE = ("--user", "alice", "--password-env", "SECRET")


@pytest.fixture
def peer():
    with ScriptedPeer() as peer:
        yield peer


def ended(caller, status, outcome):
    """The command has ended as it should; its RESULT."""
    got, result, err = caller.finish(timeout_s=10)
    assert (got, result["outcome"]) == (status, outcome), (result, err)
    assert "Traceback" not in err
    return result


def completed(caller):
    """The call was a good one; its RESULT."""
    result = ended(caller, 0, "completed")
    assert (result["sip_status"], result["peer_result"]) == (200, None)
    assert set(result["verdict"]) <= {"ok", "dropouts"}  # the second where the machine is too busy
    return result


class TestNoAnswer:
    def test_a_peer_that_never_answers_is_asked_at_doubling_intervals_and_is_unreachable(self, peer):
        with Calling(peer.uri, *SWIFT) as caller:
            peer.run_until(lambda: caller.process.poll() is not None)
            result = ended(caller, 3, "unreachable")
        assert result["ended_by"] == "network"
        invites = peer.requests("INVITE")
        assert len({invite.data for invite in invites}) == 1
        # RFC 3261 section 17.1.1.2: Timer A doubles from T1, Timer B ends it after 64*T1, which is 3.2 s.
        gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(invites)]
        # To the millisecond it is tried in virtual time; here, that the clock of a busy machine drives it so.
        assert gaps == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.6], abs=0.3)
        assert peer.heard == invites

    def test_ringing_for_3_s_is_no_timeout(self, peer):
        with Calling(peer.uri, *SHORT, *SWIFT) as caller:
            invite = peer.expect("INVITE")
            for _ in range(3):
                peer.reply(invite, 180)
                peer.run_for(1.1)  # past 64*T1 in all
            peer.accept(invite)
            peer.answer_bye()
            result = completed(caller)
        assert len(peer.requests("INVITE")) == 1
        assert result["setup_s"] > 3 > 1 > result["srd_s"]

    def test_a_200_that_crosses_our_cancel_is_acked_and_ended_by_bye(self, peer):
        with Calling(peer.uri, "--ring-timeout", "0.5") as caller:
            invite = peer.expect("INVITE")
            peer.reply(invite, 180)
            cancel = peer.expect("CANCEL")
            assert (cancel.branch, cancel.uri) == (invite.branch, invite.uri)  # section 9.1
            peer.accept(invite, talk=False)
            peer.reply(cancel, 200)
            assert peer.expect("ACK")["cseq"] == "1 ACK"
            peer.answer_bye()
            ended(caller, 3, "no-answer")

    def test_the_bye_after_a_crossed_cancel_is_repeated_when_it_is_lost(self, peer):
        byes = itertools.count()
        peer.drops = lambda message: message.start.startswith("BYE") and next(byes) < 2
        with Calling(peer.uri, "--ring-timeout", "0.5", *SWIFT) as caller:
            invite = peer.expect("INVITE")
            peer.reply(invite, 180)
            cancel = peer.expect("CANCEL")
            peer.accept(invite, talk=False)
            peer.reply(cancel, 200)
            peer.answer_bye()
            ended(caller, 3, "no-answer")

    def test_487_after_our_cancel_is_acked(self, peer):
        with Calling(peer.uri, "--ring-timeout", "0.5") as caller:
            invite = peer.expect("INVITE")
            peer.reply(invite, 183)
            peer.reply(peer.expect("CANCEL"), 200)
            peer.reply(invite, 487)
            assert peer.expect("ACK").branch == invite.branch
            ended(caller, 3, "no-answer")


class TestRefusal:
    def test_busy_said_three_times_is_acked_each_time(self, peer):
        with Calling(
            peer.uri, "--repeat", "2", "--every", "0.5"
        ) as caller:  # so that it outlives the first call
            invite = peer.expect("INVITE")
            for _ in range(3):
                peer.reply(invite, 486)
                ack = peer.expect("ACK")
                # Section 17.1.1.3: the ACK for a refusal belongs to the INVITE's transaction.
                assert (ack.branch, ack.uri, ack["cseq"]) == (invite.branch, invite.uri, "1 ACK")
                assert parameter(ack["to"], "tag") == peer.tag
            other = peer.expect("INVITE")
            assert other["call-id"] != invite["call-id"]
            peer.reply(other, 486)
            status, both, _ = caller.finish()
        assert status == 4
        assert [(one["outcome"], one["sip_status"], one["ended_by"]) for one in both["calls"]] == [
            ("busy", 486, "peer")
        ] * 2

    def test_what_other_refusals_mean(self, peer):
        meanings = {
            305: "declined",
            404: "declined",
            480: "no-answer",
            503: "declined",
            603: "declined",
            606: "incompatible",
        }
        with Calling(peer.uri, "--repeat", str(len(meanings))) as caller:
            for code in meanings:
                peer.reply(peer.expect("INVITE"), code, "Contact: <sip:carol@127.0.0.1:9>")
                peer.expect("ACK")
            status, every, _ = caller.finish()
        assert status == 3  # the worst: 480
        assert {one["sip_status"]: one["outcome"] for one in every["calls"]} == meanings
        assert {one["ended_by"] for one in every["calls"]} == {"peer"}

    def test_a_redirect_is_followed_and_shown(self, peer):
        with Answering("--calls", "1") as callee, Calling(peer.uri, "--seconds", "1") as caller:
            peer.reply(peer.expect("INVITE"), 302, f"Contact: <{callee.uri}>")
            peer.expect("ACK")
            status, result, _ = caller.finish()
        assert (status, result["outcome"]) == (0, "completed")
        assert result["redirected_to"] == callee.uri
        assert result["peer"] == peer.uri

    def test_a_200_without_an_answer_to_our_offer_is_acked_and_ended(self, peer):
        bodies = (
            b"",
            b"this is no SDP",
            b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n",
            peer.sdp(formats="18"),
        )
        with Calling(peer.uri, "--repeat", str(len(bodies))) as caller:
            for body in bodies:
                peer.reply(peer.expect("INVITE"), 200, body=body)
                peer.expect("ACK")
                peer.answer_bye()
            status, every, _ = caller.finish()
        assert status == 4
        assert [one["outcome"] for one in every["calls"]] == ["incompatible"] * len(bodies)


class TestLoss:
    def test_a_call_completes_although_the_first_copy_of_each_message_is_lost_both_ways(self, peer):
        seen = set()

        def is_first(message):
            key = (message.start, message["cseq"])
            first = key not in seen
            seen.add(key)
            return first

        peer.drops = is_first
        with Calling(peer.uri, *SHORT, "--sip-t1-ms", "100") as caller:
            peer.expect("INVITE")
            invite = peer.expect("INVITE")  # our answer to the copy before was lost
            dialog = peer.accept(invite)  # its ACK gets lost
            peer.run_until(lambda: [m.method for m in peer.lost] == ["INVITE", "ACK"])
            peer.reply(invite, 200, body=peer.sdp())
            peer.expect("ACK")
            peer.expect("BYE")
            peer.answer_bye()
            completed(caller)
        assert [message.method for message in peer.lost] == ["INVITE", "ACK", "BYE"]
        assert dialog.media is not None

    def test_each_copy_of_our_200_gets_the_same_ack_and_there_is_one_call(self, peer):
        with Calling(peer.uri, *SHORT) as caller:
            invite = peer.expect("INVITE")
            peer.reply(invite, 200, body=peer.sdp(), copies=2)
            peer.talk(peer.dialog_of(invite))
            peer.run_for(0.2)
            peer.reply(invite, 200, body=peer.sdp())
            bye = peer.answer_bye()
            completed(caller)
        acks = peer.requests("ACK")
        assert len(acks) == 3
        assert len({ack.data for ack in acks}) == 1
        assert acks[0].branch != invite.branch  # section 13.2.2.4: a transaction of its own
        assert bye["cseq"] == "2 BYE"

    def test_a_bye_that_nobody_answers_ends_the_call_all_the_same(self, peer):
        with Calling(peer.uri, *SHORT, "--sip-t1-ms", "20") as caller:
            peer.accept(peer.expect("INVITE"))
            peer.expect("BYE")
            result = caller.finish(timeout_s=10)[1]
        assert (result["outcome"], result["ended_by"]) == ("dropped", "network")
        assert result["verdict"] == ["ok"]


class TestRoutes:
    """Two proxies recorded themselves; the first one met is the last in Record-Route (section 12.1.2)."""

    @pytest.mark.parametrize("strict", [False, True])
    def test_ack_and_bye_go_the_way_of_record_route_to_the_contact(self, peer, strict):
        lr = "" if strict else ";lr"
        near, elsewhere = port_of(peer.open_sip()), port_of(peer.open_sip())
        first, second = f"<sip:{HOST}:{near}{lr}>", f"<sip:far.example.com{lr};x=1>"
        contact = f"sip:bob@{HOST}:{elsewhere};ob"
        with Calling(peer.uri, *SHORT) as caller:
            invite = peer.expect("INVITE")
            peer.accept(invite, f"Record-Route: {second}, {first}", contact=contact)
            ack = peer.expect("ACK")
            bye = peer.answer_bye()
            completed(caller)
        for request in (ack, bye):
            assert request.port == near
            # Section 12.2.1.1: a strict router finds itself in the Request-URI, the target at the end.
            assert request.uri == (first.strip("<>") if strict else contact)
            assert request.all("route") == ([second, f"<{contact}>"] if strict else [first, second])
            assert parameter(request["to"], "tag") == peer.tag
            assert request["call-id"] == invite["call-id"]
        assert ack["cseq"] == "1 ACK"
        assert bye["cseq"] == "2 BYE"

    def test_without_record_route_they_go_to_the_contact(self, peer):
        elsewhere = port_of(peer.open_sip())
        contact = f"sip:bob@{HOST}:{elsewhere}"
        with Calling(peer.uri, *SHORT) as caller:
            peer.accept(peer.expect("INVITE"), contact=contact)
            for request in (peer.expect("ACK"), peer.answer_bye()):
                assert (request.port, request.uri) == (elsewhere, contact)
                assert "route" not in request
            completed(caller)


@pytest.mark.parametrize(
    "realm", [Realm("MD5"), Realm("SHA-256"), Realm("MD5", proxy=True)], ids=["MD5", "SHA-256", "407"]
)
def test_a_stale_nonce_is_followed_by_the_new_one_which_is_used_again_for_bye(peer, monkeypatch, realm):
    monkeypatch.setenv("SECRET", realm.password)
    with Calling(peer.uri, *SHORT, *ALICE) as caller:
        invite = peer.expect("INVITE")
        assert realm.credentials(invite) == {}
        peer.reply(invite, realm.status, realm.challenge("old"))
        peer.expect("ACK")
        invite = peer.expect("INVITE")
        realm.check(invite, "old", 1)
        peer.reply(invite, realm.status, realm.challenge("new", stale=True))
        peer.expect("ACK")
        invite = peer.expect("INVITE")
        realm.check(invite, "new", 1)
        peer.accept(invite)
        ack = peer.expect("ACK")
        assert realm.credentials(ack) == realm.credentials(invite)  # section 22.1
        bye = peer.answer_bye()
        realm.check(bye, "new", 2)
        completed(caller)
    invites = peer.requests("INVITE")
    assert [each["cseq"] for each in invites] == ["1 INVITE", "2 INVITE", "3 INVITE"]
    assert len({each.branch for each in invites}) == 3
    assert len({(each["call-id"], each["from"]) for each in invites}) == 1
    assert realm.password not in "".join(str(message.data) for message in peer.heard)


class TestChallenges:
    @pytest.fixture(autouse=True)
    def secret(self, monkeypatch):
        monkeypatch.setenv("SECRET", "swordfish")

    def test_a_password_refused_is_not_tried_again(self, peer):
        realm = Realm()
        with Calling(peer.uri, *ALICE) as caller:
            for nonce in ("one", "two"):
                peer.reply(peer.expect("INVITE"), 401, realm.challenge(nonce))
                peer.expect("ACK")
            assert ended(caller, 4, "unauthorized")["sip_status"] == 401
        assert len(peer.requests("INVITE")) == 2

    def test_without_a_password_a_challenge_is_a_refusal(self, peer):
        with Calling(peer.uri) as caller:
            peer.reply(peer.expect("INVITE"), 407, Realm(proxy=True).challenge("one"))
            peer.expect("ACK")
            assert ended(caller, 4, "unauthorized")["sip_status"] == 407

    def test_a_challenge_nobody_can_answer_is_a_refusal(self, peer):
        headers = (
            'WWW-Authenticate: Digest realm="house", nonce="n", algorithm=SHA-3, qop="auth"',
            'WWW-Authenticate: Basic realm="house"',
            'WWW-Authenticate: Digest realm="house"',
            "X-Nothing: asked",
        )
        with Calling(peer.uri, *ALICE, "--repeat", str(len(headers))) as caller:
            for header in headers:
                peer.reply(peer.expect("INVITE"), 401, header)
                peer.expect("ACK")
            status, every, _ = caller.finish()
        assert status == 4
        assert [one["outcome"] for one in every["calls"]] == ["unauthorized"] * len(headers)
        assert len(peer.requests("INVITE")) == len(headers)

    def test_of_two_challenges_the_one_we_can_answer_is_answered(self, peer):
        realm = Realm("SHA-256")
        unknown = 'WWW-Authenticate: Digest realm="house", nonce="n", algorithm=SHA-3, qop="auth"'
        with Calling(peer.uri, *SHORT, *ALICE) as caller:
            peer.reply(peer.expect("INVITE"), 401, unknown, realm.challenge("n"))
            peer.expect("ACK")
            invite = peer.expect("INVITE")
            realm.check(invite, "n", 1)
            peer.accept(invite)
            peer.answer_bye()
            completed(caller)

    def test_a_realm_that_changes_at_each_try_is_given_up(self, peer):
        with Calling(peer.uri, *ALICE) as caller:
            for number in range(9):
                invite = peer.expect("INVITE")
                assert len(invite.all("authorization")) == number
                peer.reply(invite, 401, Realm(realm=f"realm{number}").challenge("n"))
            ended(caller, 4, "unauthorized")
        assert len(peer.requests("INVITE")) == 9

    def test_a_proxy_and_a_server_may_both_ask(self, peer):
        proxy, server = Realm(proxy=True, realm="gate"), Realm("SHA-256")
        with Calling(peer.uri, *SHORT, *ALICE) as caller:
            peer.reply(peer.expect("INVITE"), 407, proxy.challenge("p"))
            peer.expect("ACK")
            invite = peer.expect("INVITE")
            proxy.check(invite, "p", 1)
            peer.reply(invite, 401, server.challenge("s"))
            peer.expect("ACK")
            invite = peer.expect("INVITE")
            proxy.check(invite, "p", 2)
            server.check(invite, "s", 1)
            peer.accept(invite)
            peer.answer_bye()
            completed(caller)


def test_the_answer_may_come_with_183_and_the_200_repeat_it(peer):
    with Calling(peer.uri, *SHORT) as caller:
        invite = peer.expect("INVITE")
        peer.reply(invite, 100)
        peer.reply(invite, 183, body=peer.sdp())
        peer.talk(peer.dialog_of(invite))
        peer.run_for(0.3)
        peer.reply(invite, 200, body=peer.sdp())
        peer.answer_bye()
        result = completed(caller)
    assert result["setup_s"] > 0.3


def test_a_stranger_sees_an_ordinary_call(peer):
    with Calling(peer.uri, *PCMU) as caller:
        dialog = peer.accept(peer.expect("INVITE"))
        peer.run_for(0.5)
        peer.hang_up(dialog)
        result = completed(caller)
    assert (result["ended_by"], result["duration_s"]) == ("peer", pytest.approx(0.5, abs=0.2))
    for message in peer.heard:
        if message.body:
            assert message["content-type"] == "application/sdp"
            assert message.method == "INVITE"
    # Timestamps and sequence numbers go on in step from packet to packet (RFC 3550 section 5.1).
    assert len(peer.rtp) > 10
    for earlier, later in itertools.pairwise(peer.rtp):
        assert later.sequence_number == (earlier.sequence_number + 1) & 0xFFFF
        assert later.timestamp == (earlier.timestamp + 160) & 0xFFFF_FFFF
        assert (later.ssrc, later.payload_type, len(later.payload)) == (earlier.ssrc, 0, 160)


def test_a_peer_that_accepts_everything_gets_no_result_either(peer):
    with Calling(peer.uri, *SHORT) as caller:
        peer.accept(peer.expect("INVITE"), "Accept: application/sdp, */*")
        peer.answer_bye()  # asserts that it is bare
        completed(caller)


def test_garbage_at_the_sip_port_disturbs_no_call(peer):
    with Calling(peer.uri, *SHORT) as caller:
        invite = peer.expect("INVITE")
        peer.accept(invite)
        peer.expect("ACK")
        ok = peer.reply(invite, 100)  # late, and of no use
        cuts = [ok[:n] for n in range(0, len(ok), 7)]
        odd = [bytes(range(256)), b"\r\n\r\n", b"\0" * 2000, re.sub(rb"CSeq: \d+", b"CSeq: 99999999999", ok)]
        for data in (*cuts, *odd, b"BYE sip:x SIP/2.0\r\n\r\n", invite.data.replace(b"INVITE", b"BYE")):
            peer.send(data, invite.source)
        peer.answer_bye()
        completed(caller)
