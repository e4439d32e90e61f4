"""Calls that are challenged."""

from support.sip_calls import Call, kinds
from support.sip_peers import ALICE, ALICE_NAME, BOB, BOB_URI

from softphone.sip.auth import Challenger, Credentials
from softphone.sip.endpoint import SipStyle
from softphone.sip.events import Answered, ByeAnswered, Refused
from softphone.sip.message import parse_message


def parsed(item):
    return parse_message(item.data)


USERS = {"bob": "", "alice": "wonder"}


class TestDigest:
    def call(self, password="wonder", methods=("INVITE", "BYE"), **options):
        challenger = Challenger("test", USERS, methods=methods, **options)
        return Call(bob={"challenger": challenger}, talk_s=1.0), Credentials("alice", password)

    def test_a_call_is_challenged_once_and_bye_reuses_the_nonce(self):
        call, credentials = self.call()
        call.invite(credentials=credentials)
        call.net.run_until()
        assert kinds(call.heard_by_alice) == ["Provisional", "Answered", "ByeAnswered"]
        assert len(call.net.sent(BOB, "SIP/2.0 401")) == 1
        asked = [parse_message(item.data) for item in call.net.sent(ALICE)]
        counts = [
            (m.method, m.cseq.number, (m.headers.get("Authorization") or "nc=none").rpartition("nc=")[2])
            for m in asked
        ]
        assert counts == [
            ("INVITE", 1, "none"),
            ("ACK", 1, "none"),
            ("INVITE", 2, "00000001"),
            ("ACK", 2, "00000001"),
            ("BYE", 3, "00000002"),
        ]
        call.assert_all_over()

    def test_the_next_call_needs_no_challenge(self):
        call, credentials = self.call()
        call.invite(credentials=credentials)
        call.net.run_until(5.0)
        call.invite(credentials=credentials)
        call.net.run_until()
        assert len(call.net.sent(BOB, "SIP/2.0 401")) == 1
        assert len(call.alices(Answered)) == 2

    def test_where_bytes_are_dear_credentials_go_only_with_what_is_challenged(self):
        challenger = Challenger("test", USERS, methods=("INVITE",))
        for style, counts in ((SipStyle(), (2, 4)), (SipStyle(compact=True), (1, 2))):
            call = Call(alice={"style": style}, bob={"challenger": challenger}, talk_s=1.0)
            for count in counts:
                call.invite(credentials=Credentials("alice", "wonder"))
                call.net.run_for(5.0)
                answers = [m.headers.get("Authorization") or "" for m in map(parsed, call.net.sent(ALICE))]
                assert max(int(text.rpartition("nc=")[2], 16) for text in answers if text) == count
            assert len(call.net.sent(BOB, "SIP/2.0 401")) == 1
            assert len(call.alices(ByeAnswered)) == 2

    def test_a_server_that_challenges_bye_gets_credentials_with_each_further_one(self):
        challenger = Challenger("test", USERS, methods=("INVITE", "BYE"))
        call = Call(alice={"style": SipStyle(compact=True)}, bob={"challenger": challenger}, talk_s=1.0)
        for challenges in (2, 2):  # one for INVITE and one for BYE, both of the first call
            call.invite(credentials=Credentials("alice", "wonder"))
            call.net.run_for(5.0)
            assert len(call.net.sent(BOB, "SIP/2.0 401")) == challenges
        assert len(call.alices(ByeAnswered)) == 2

    def test_an_expired_nonce_is_replaced_without_the_owner_noticing(self):
        call, credentials = self.call(nonce_lifetime_s=2.0)
        call.invite(credentials=credentials)
        call.net.run_until(5.0)
        call.invite(credentials=credentials)
        call.net.run_until()
        stale = [item for item in call.net.sent(BOB, "SIP/2.0 401") if b"stale=true" in item.data]
        assert len(stale) == 1
        assert len(call.alices(Answered)) == len(call.alices(ByeAnswered)) == 2

    def test_a_wrong_password_is_refused_after_one_try(self):
        call, credentials = self.call(password="guess")
        call.invite(credentials=credentials)
        call.net.run_until()
        (refused,) = call.heard_by_alice
        assert (refused.status, refused.local) == (401, False)
        assert len(call.net.sent(ALICE, "INVITE")) == 2
        assert call.heard_by_bob == []
        call.assert_all_over()

    def test_without_credentials_the_challenge_is_the_answer(self):
        call, _ = self.call()
        call.invite()
        call.net.run_until()
        assert [event.status for event in call.alices(Refused)] == [401]

    def test_options_is_challenged_and_answered(self):
        call, credentials = self.call(methods=("OPTIONS",))
        number = call.alice.options(
            BOB_URI, from_=ALICE_NAME, destination=BOB, credentials=credentials, now=0.0
        )
        call.net.run_until()
        (event,) = call.heard_by_alice
        assert (event.id, event.response.status) == (number, 200)

    def test_a_call_cancelled_during_the_challenge_is_not_tried_again(self):
        call, credentials = self.call()
        leg = call.invite(credentials=credentials)
        call.alice.cancel(leg, now=0.0)
        call.net.run_until()
        assert [event.status for event in call.alices(Refused)] == [401]
        assert len(call.net.sent(ALICE, "INVITE")) == 1
