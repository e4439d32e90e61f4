"""A call between two endpoints, an endpoint to send single requests to, and such requests."""

import itertools

from support.sip_peers import (
    ALICE,
    ALICE_NAME,
    ANSWER,
    BOB,
    BOB_URI,
    OFFER,
    ScriptedPeer,
    make_endpoint,
)
from support.virtual_link import VirtualNetwork

from softphone.sip.events import Answered, ByeReceived, InviteReceived
from softphone.sip.message import Request


def kinds(events):
    return [type(event).__name__ for event in events]


class Call:
    """Alice and Bob on a line; Bob does with a call what the test says."""

    def __init__(
        self,
        *,
        bob_does="answer",
        seed=0,
        line=None,
        alice=(),
        bob=(),
        ring_s=0.5,
        talk_s=None,
        bye_answer=(),
    ):
        self.bye_answer = dict(bye_answer)
        self.net = VirtualNetwork(seed=seed, line=line)
        self.alice = make_endpoint("alice", ALICE, **dict(alice))
        self.bob = make_endpoint("bob", BOB, **dict(bob))
        self.bob_does, self.ring_s, self.talk_s = bob_does, ring_s, talk_s
        self.heard_by_alice = self.net.attach(ALICE, self.alice, self.on_alice)
        self.heard_by_bob = self.net.attach(BOB, self.bob, self.on_bob)

    def at(self, delay, command, *args, **options):
        self.net.call_at(self.net.now + delay, lambda: command(*args, **options, now=self.net.now))

    def on_alice(self, event):
        match event:
            case Answered(leg) if self.talk_s is not None:
                self.at(self.talk_s, self.alice.bye, leg)
            case ByeReceived(leg):
                self.alice.answer_bye(leg, now=self.net.now)

    def on_bob(self, event):
        match event:
            case InviteReceived(leg):
                if self.bob_does in ("answer", "ring"):
                    self.bob.ring(leg, now=self.net.now)
                if self.bob_does == "answer":
                    self.at(self.ring_s, self.bob.answer, leg, body=ANSWER)
                elif self.bob_does == "reject":
                    self.bob.reject(leg, 486, now=self.net.now)
            case ByeReceived(leg):
                self.bob.answer_bye(leg, **self.bye_answer, now=self.net.now)

    def invite(self, **options):
        leg = self.alice.invite(
            BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, **options, now=self.net.now
        )
        self.net.pump()
        return leg

    def bobs(self, kind):
        return [event for event in self.heard_by_bob if isinstance(event, kind)]

    def alices(self, kind):
        return [event for event in self.heard_by_alice if isinstance(event, kind)]

    def assert_all_over(self):
        assert self.alice.legs == self.bob.legs == ()
        assert self.alice.transactions == self.bob.transactions == 0
        assert self.alice.next_timeout() is None
        assert self.bob.next_timeout() is None


class Server:
    """Bob's endpoint and a scripted peer that sends him single requests."""

    def __init__(self, **options):
        self.net = VirtualNetwork()
        self.bob = make_endpoint("bob", BOB, **options)
        self.events = self.net.attach(BOB, self.bob)
        self.peer = ScriptedPeer()
        self.net.attach(ALICE, self.peer)

    def ask(self, *messages):
        for message in messages:
            self.peer.send(message, BOB)
        self.net.run_for(0.1)
        return [m for _, m in self.peer.heard if not isinstance(m, Request)]


_branches = itertools.count(1)


def request(
    method,
    *,
    cseq=1,
    to_tag="",
    from_tag="alice1",
    branch=None,
    contact="<sip:alice@192.0.2.1:5060>",
    uri="sip:bob@192.0.2.2",
    call_id="c1",
    via="192.0.2.1:5060",
    headers="",
    body=None,
):
    """A request from a scripted peer at ALICE."""
    branch = branch or f"z9hG4bKr{next(_branches)}"
    body = (OFFER if method == "INVITE" else b"") if body is None else body
    kind = "Content-Type: application/sdp\r\n" if body and "Content-Type" not in headers else ""
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch={branch}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:alice@192.0.2.1>;tag={from_tag}\r\n"
        f"To: <sip:bob@192.0.2.2>{';tag=' + to_tag if to_tag else ''}\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContact: {contact}\r\n{headers}{kind}"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
