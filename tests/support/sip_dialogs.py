"""A call that stands, and what was said in it, message by message."""

import random

from support.sip_calls import Call
from support.sip_peers import ALICE, BOB

from softphone.sip.message import Request, parse_message


class Standing(Call):
    """A call that stands, between two endpoints with seeded chance; tests answer what is asked within it."""

    def __init__(self, *, seed=0, credentials=None, **options):
        for number, side in enumerate(("alice", "bob")):
            own = {"rng": random.Random(seed + number), **dict(options.get(side, ()))}
            options[side] = own
        super().__init__(seed=seed, **options)
        self.leg = self.invite(**({} if credentials is None else {"credentials": credentials}))
        self.net.run_for(2.0)

    def of(self, endpoint, command, *args, **options):
        """Let an endpoint do something now."""
        result = getattr(endpoint, command)(*args, **options, now=self.net.now)
        self.net.pump()
        return result

    def said(self, source, method=None):
        """Requests of *source*, as they went out first."""
        found = [parse_message(sent.data) for sent in self.net.sent(source)]
        requests = [each for each in found if isinstance(each, Request)]
        return [each for each in requests if method in (None, each.method)]

    def answered(self, source, method):
        """Answers of *source* to requests of *method*."""
        found = [parse_message(sent.data) for sent in self.net.sent(source, "SIP/2.0")]
        return [each for each in found if each.cseq.method == method]

    def statuses(self, source, method):
        return [each.status for each in self.answered(source, method)]

    def within(self, method, *, cseq=50, of=ALICE, headers="", body=b"", contact=None, tag=None):
        """A request in the dialog as *of* would send it, with whatever CSeq."""
        invite = self.said(ALICE, "INVITE")[0]
        to = self.answered(BOB, "INVITE")[-1].to
        ends = [str(invite.from_), str(to)]
        if of == BOB:
            ends.reverse()
        if tag is not None:
            ends[0] = f"{ends[0].partition(';')[0]};tag={tag}"
        host = of[0]
        contact = contact or f"<sip:x@{host}:5060>"
        return (
            f"{method} sip:x@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP {host}:5060;branch=z9hG4bK{method}{cseq}{len(body)}\r\n"
            f"Max-Forwards: 70\r\nFrom: {ends[0]}\r\nTo: {ends[1]}\r\nCall-ID: {invite.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: {contact}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
