"""Provisional answers that are sure to arrive (RFC 3262)."""

import pytest
from support.sip_calls import Call, Server, kinds, request
from support.sip_peers import (
    ALICE,
    ALICE_NAME,
    ANSWER,
    BOB,
    BOB_URI,
    OFFER,
    ScriptedPeer,
    answer_to,
    make_endpoint,
)
from support.virtual_link import Line, VirtualNetwork

from softphone.sip.endpoint import SipStyle
from softphone.sip.events import (
    Acked,
    Answered,
    Cancelled,
    InviteReceived,
    ProgressAcked,
    Provisional,
    Refused,
    UpdateReceived,
)
from softphone.sip.message import Request, Response, parse_message


class Early(Call):
    """Bob does nothing unasked; `do` lets him."""

    def __init__(self, **options):
        super().__init__(bob_does="nothing", **options)
        self.invite()
        self.net.run_for(0.1)

    def do(self, command, *args, **options):
        getattr(self.bob, command)(1, *args, **options, now=self.net.now)
        self.net.pump()

    def lines(self):
        return [item.start_line.split(" sip:")[0].removeprefix("SIP/2.0 ") for item in self.net.log]

    def pracks(self):
        return [parse_message(item.data) for item in self.net.sent(ALICE, "PRACK")]


def test_a_description_before_the_answer_is_sent_reliably_and_acknowledged():
    call = Early()
    call.do("progress", 183, body=ANSWER)
    call.net.run_for(1.0)
    call.do("answer", body=ANSWER)
    call.net.run_for(1.0)
    assert call.lines() == ["INVITE", "183 Session Progress", "PRACK", "200 OK", "200 OK", "ACK"]
    (told,) = call.alices(Provisional)
    assert (told.reliable, told.response.body) == (True, ANSWER)
    assert call.bobs(ProgressAcked) == [ProgressAcked(1, 183, b"")]
    (prack,) = call.pracks()
    assert prack.headers.get("RAck") == f"{told.response.headers.get('RSeq')} 1 INVITE"
    assert prack.cseq.number == 2


def test_ringing_without_a_description_is_not_reliable():
    call = Early()
    call.do("ring")
    call.net.run_for(1.0)
    assert call.lines() == ["INVITE", "180 Ringing"]
    assert [event.reliable for event in call.alices(Provisional)] == [False]


def test_a_caller_that_requires_it_gets_all_provisional_answers_reliably():
    server = Server()
    server.ask(request("INVITE", headers="Require: 100rel\r\n"))
    server.bob.ring(1, now=server.net.now)
    server.net.run_for(0.1)
    ringing = server.peer.heard[-1][1]
    assert ringing.headers.get_all("Require") == ["100rel"]
    assert 1 <= int(ringing.headers.get("RSeq")) < 2**31


@pytest.mark.parametrize(
    "options", [{"alice": {"reliable_provisional": False}}, {"bob": {"reliable_provisional": False}}]
)
def test_neither_side_does_it_where_it_is_switched_off(options):
    call = Early(**options)
    call.do("progress", 183, body=ANSWER)
    call.net.run_for(1.0)
    assert call.lines() == ["INVITE", "183 Session Progress"]


def test_a_short_invite_does_not_say_that_it_is_supported():
    call = Early(alice={"style": SipStyle(compact=True)})
    call.do("progress", 183, body=ANSWER)
    call.net.run_for(1.0)
    assert call.pracks() == []


def test_it_is_repeated_at_growing_intervals_until_the_prack_comes_and_at_last_504():
    call = Early(line=Line(delay_s=0.01, drop=lambda sent: sent.start_line.startswith("PRACK")))
    call.do("progress", 183, body=ANSWER)
    start = call.net.now
    call.net.run_until()
    times = [round(item.at - start, 3) for item in call.net.sent(BOB, "SIP/2.0 183")]
    assert times == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert round(call.net.sent(BOB, "SIP/2.0 504")[0].at - start, 3) == 32.0
    assert kinds(call.heard_by_bob)[:2] == ["InviteReceived", "Cancelled"]
    assert [event.status for event in call.alices(Refused)] == [504]
    assert len(call.alices(Provisional)) == 1  # repetitions are not told
    call.assert_all_over()


def test_repetitions_stop_with_the_prack_and_each_gets_one():
    dropped = []

    def lose_first_answers(sent):
        if sent.start_line.startswith("SIP/2.0 183") and len(dropped) < 2:
            dropped.append(sent)
            return True
        return False

    call = Early(line=Line(delay_s=0.01, drop=lose_first_answers))
    call.do("progress", 183, body=ANSWER)
    call.net.run_for(10.0)
    assert len(call.net.sent(BOB, "SIP/2.0 183")) == 3
    assert len(call.pracks()) == len(call.bobs(ProgressAcked)) == 1


def test_the_2xx_waits_for_the_prack_of_a_description():
    lost = []

    def lose_one_prack(sent):
        if sent.start_line.startswith("PRACK") and not lost:
            lost.append(sent)
            return True
        return False

    call = Early(line=Line(delay_s=0.01, drop=lose_one_prack))
    call.do("progress", 183, body=ANSWER)
    call.do("answer", body=ANSWER)
    call.net.run_for(0.3)
    assert "ACK" not in call.lines()
    assert not call.net.sent(BOB, "SIP/2.0 200")
    call.net.run_for(2.0)
    assert len(call.alices(Answered)) == len(call.bobs(Acked)) == 1


@pytest.mark.parametrize("how", ["cancel", "bye"])
def test_a_call_can_end_while_its_2xx_waits(how):
    call = Early(line=Line(delay_s=0.01, drop=lambda sent: sent.start_line.startswith("PRACK")))
    call.do("progress", 183, body=ANSWER)
    call.net.run_for(0.1)
    call.do("answer", body=ANSWER)
    if how == "cancel":
        call.alice.cancel(1, now=call.net.now)
    else:
        call.do("bye")
    call.net.run_until()
    assert [event.status for event in call.alices(Refused)] == [487 if how == "cancel" else 480]
    assert len(call.bobs(Cancelled)) == (how == "cancel")
    call.assert_all_over()


def test_one_at_a_time_and_in_their_order():
    call = Early()
    call.do("progress", 183, body=ANSWER)
    call.do("progress", 183, body=ANSWER)
    assert len(call.net.sent(BOB, "SIP/2.0 183")) == 1
    call.net.run_for(1.0)
    first, second = (int(event.response.headers.get("RSeq")) for event in call.alices(Provisional))
    assert second == first + 1
    assert len(call.bobs(ProgressAcked)) == 2


class Caller:
    """Alice's endpoint, and a scripted callee."""

    def __init__(self, **options):
        self.net = VirtualNetwork()
        self.alice = make_endpoint("alice", ALICE)
        self.events = self.net.attach(ALICE, self.alice)
        self.peer = ScriptedPeer(lambda message, now: None)
        self.net.attach(BOB, self.peer)
        self.alice.invite(BOB_URI, from_=ALICE_NAME, destination=BOB, body=OFFER, now=0.0, **options)
        self.net.run_for(0.1)
        self.asked = self.peer.requests("INVITE")[0]

    def progress(self, rseq, *, tag="peer"):
        self.peer.send(
            answer_to(self.asked, 183, tag=tag, Contact=f"<{BOB_URI}>", Require="100rel", RSeq=str(rseq)),
            ALICE,
        )
        self.net.run_for(0.1)

    def racks(self):
        return [each.headers.get("RAck") for each in self.peer.requests("PRACK")]


def test_who_answers_no_prack_gets_few():
    # What its Contact names may be somebody else, who has asked for nothing.
    caller = Caller()
    for rseq in range(1, 40):
        caller.progress(rseq)
    assert len(set(caller.racks())) == 4


def test_a_gap_is_left_to_be_filled():
    caller = Caller()
    for rseq in (7, 9, 8, 9):
        caller.progress(rseq)
    assert list(dict.fromkeys(caller.racks())) == ["7 1 INVITE", "8 1 INVITE", "9 1 INVITE"]
    assert [type(event) for event in caller.events] == [Provisional] * 3


def test_each_fork_has_its_own_numbers_and_the_first_2xx_wins():
    caller = Caller()
    caller.progress(7, tag="one")
    caller.progress(90, tag="two")
    tags = {each.to.tag: each.headers.get("RAck") for each in caller.peer.requests("PRACK")}
    assert tags == {"one": "7 1 INVITE", "two": "90 1 INVITE"}
    for tag in ("two", "one"):
        caller.peer.send(answer_to(caller.asked, 200, tag=tag, Contact=f"<{BOB_URI}>"), ALICE)
        caller.net.run_for(0.1)
    assert [event.response.to.tag for event in caller.events if isinstance(event, Answered)] == ["two"]
    assert [each.to.tag for each in caller.peer.requests("ACK")] == ["two", "one"]
    bye = caller.peer.requests("BYE")[0]
    assert (bye.to.tag, bye.cseq.number) == ("one", 3)  # after INVITE and PRACK


def prack(answer, rack, *, cseq=2, body=b"", branch="p"):
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"PRACK sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n"
        f"From: {answer.from_}\r\nTo: {answer.to}\r\nCall-ID: {answer.call_id}\r\nCSeq: {cseq} PRACK\r\nRAck: {rack}\r\n"
        f"{kind}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def offering(body=None):
    """Bob with an INVITE that supports 100rel, and his reliable 183 to it."""
    server = Server()
    server.ask(request("INVITE", headers="Supported: 100rel\r\n", body=body))
    server.bob.progress(1, 183, body=ANSWER, now=server.net.now)
    server.net.run_for(0.1)
    return server, server.peer.heard[-1][1]


def final(server):
    return [m.status for _, m in server.peer.heard if isinstance(m, Response) and m.cseq.method == "PRACK"]


def test_a_prack_that_names_nothing_of_ours_is_481():
    server, progress = offering()
    rseq = progress.headers.get("RSeq")
    for cseq, rack in enumerate(
        (f"{int(rseq) + 1} 1 INVITE", f"{rseq} 2 INVITE", "x", f"{rseq} 1 UPDATE"), 2
    ):
        server.ask(prack(progress, rack, cseq=cseq, branch=f"bad{cseq}"))
    server.ask(prack(progress, f"{rseq} 1 INVITE", cseq=8, branch="good"))
    server.ask(prack(progress, f"{rseq} 1 INVITE", cseq=9, branch="again"))
    assert final(server) == [481, 481, 481, 481, 200, 481]


def test_the_answer_to_our_offer_comes_with_the_prack():
    server, progress = offering(body=b"")
    server.ask(prack(progress, f"{progress.headers.get('RSeq')} 1 INVITE", body=b"theirs"))
    (acked,) = [event for event in server.events if isinstance(event, ProgressAcked)]
    assert acked.body == b"theirs"
    assert final(server) == [200]


def test_an_offer_with_the_prack_is_told_as_an_update_and_answered_by_it():
    server, progress = offering()
    server.ask(prack(progress, f"{progress.headers.get('RSeq')} 1 INVITE", body=b"offer"))
    assert [type(event) for event in server.events] == [InviteReceived, ProgressAcked, UpdateReceived]
    server.bob.answer_update(1, body=b"answer", now=server.net.now)
    server.net.run_for(0.1)
    answer = server.peer.heard[-1][1]
    assert (answer.status, answer.cseq.method, answer.body) == (200, "PRACK", b"answer")


@pytest.mark.parametrize("seed", range(5))
def test_a_lossy_line_brings_early_media_and_the_answer(seed):
    call = Call(bob_does="nothing", seed=seed, line=Line(loss=0.3, duplicate=0.3, jitter_s=0.1))
    call.invite()
    call.net.run_until(60.0, condition=lambda: bool(call.bobs(InviteReceived)))
    call.bob.progress(1, 183, body=ANSWER, now=call.net.now)
    call.bob.answer(1, body=ANSWER, now=call.net.now)
    call.net.run_for(40.0)
    assert len(call.alices(Answered)) == len(call.bobs(Acked)) == 1
    assert len([m for m in call.alices(Provisional) if m.reliable]) == 1
    assert isinstance(call.alices(Answered)[0].response, Response)
    assert all(isinstance(each, Request) for each in [parse_message(call.net.sent(ALICE, "PRACK")[0].data)])
