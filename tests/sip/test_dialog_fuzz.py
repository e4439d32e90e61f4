"""Whatever a peer says in a dialog, and of whatever extension, nothing raises and nothing is left behind."""

import contextlib
import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from support.sip_peers import ALICE, ALICE_NAME, ANSWER, BOB, BOB_URI, OFFER, make_endpoint, uri_of
from support.virtual_link import Line, VirtualNetwork

from softphone.sip.errors import LocalSipError, SipParseError
from softphone.sip.events import (
    ByeReceived,
    InviteReceived,
    ReferReceived,
    RefreshWanted,
    ReinviteReceived,
    UpdateReceived,
)
from softphone.sip.headers import Headers
from softphone.sip.message import Response
from softphone.sip.replaces import Replaces
from softphone.sip.session_timer import LEAST_MIN_SE_S, min_se, session_expires
from softphone.sip.sipfrag import read_status

CAROL = uri_of("carol", ("192.0.2.3", 5060))


class Stage:
    """A call with early media, changes, digits and a transfer; its owners do what they are asked to."""

    def __init__(self):
        self.net = VirtualNetwork(line=Line(delay_s=0.01))
        self.ends = []
        for name, address in (("alice", ALICE), ("bob", BOB)):
            endpoint = make_endpoint(name, address, session_expires_s=300, rng=random.Random(name))
            self.net.attach(address, endpoint, lambda event, endpoint=endpoint: self.react(endpoint, event))
            self.ends.append(endpoint)
        self.alice, self.bob = self.ends
        self.alice.invite(
            BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, alternatives=(BOB,), now=0.0
        )
        self.plan = [
            (0.5, lambda now: self.bob.answer(1, body=ANSWER, now=now)),
            (1.0, lambda now: self.alice.update(1, lambda: OFFER, now=now)),
            (1.2, lambda now: self.bob.info(1, b"Signal=1", "application/dtmf-relay", now=now)),
            (1.4, lambda now: self.alice.refer(1, CAROL, replaces="a;to-tag=b;from-tag=c", now=now)),
            (1.6, lambda now: self.bob.notify_refer(1, 180, "Ringing", over=False, now=now)),
            (1.8, lambda now: self.bob.reinvite(1, lambda: OFFER, now=now)),
            (2.0, lambda now: self.bob.notify_refer(1, 200, "OK", over=True, now=now)),
        ]
        for at, work in self.plan:
            self.net.call_at(at, lambda work=work: self.dare(work))

    def dare(self, work):
        """What comes too early, for a stranger has spoiled the call, is refused to the owner; nothing else raises."""
        with contextlib.suppress(LocalSipError):
            work(self.net.now)

    def react(self, endpoint, event):
        now = self.net.now
        match event:
            case InviteReceived(leg):
                endpoint.progress(leg, 183, body=ANSWER, now=now)
            case ReinviteReceived(leg):
                endpoint.answer_reinvite(leg, body=ANSWER, now=now)
            case RefreshWanted(leg):
                self.dare(lambda now: endpoint.reinvite(leg, lambda: OFFER, now=now))
            case UpdateReceived(leg):
                endpoint.answer_update(leg, body=ANSWER, now=now)
            case ReferReceived(leg):
                endpoint.accept_refer(leg, now=now)
            case ByeReceived(leg):
                endpoint.answer_bye(leg, now=now)

    def finish(self):
        """All ends, and nothing is left."""
        self.net.run_for(3.0)
        for endpoint in self.ends:
            for leg in endpoint.legs:
                self.dare(lambda now, e=endpoint, n=leg: e.reject(n, 480, now=now))
                self.dare(lambda now, e=endpoint, n=leg: e.bye(n, now=now))
        self.net.run_for(300.0)
        for endpoint in self.ends:
            assert endpoint.legs == ()
            assert endpoint.transactions == 0
            assert endpoint.next_timeout() is None


def recorded():
    stage = Stage()
    stage.net.run_for(200.0)
    stage.finish()
    return [(item.at, item.source, item.destination, item.data) for item in stage.net.log]


CALL = recorded()


def test_the_recording_holds_what_it_should():
    methods = {data.split(b" ")[0] for _, _, _, data in CALL}
    assert methods >= {b"INVITE", b"ACK", b"PRACK", b"UPDATE", b"INFO", b"REFER", b"NOTIFY", b"BYE"}
    assert any(b"183 Session Progress" in data for _, _, _, data in CALL)


HEADERS = (
    *(
        "RSeq",
        "RAck",
        "Require",
        "Supported",
        "Allow",
        "Session-Expires",
        "Min-SE",
        "Refer-To",
        "Referred-By",
    ),
    *(
        "Refer-Sub",
        "Replaces",
        "Event",
        "Subscription-State",
        "Info-Package",
        "Contact",
        "Content-Type",
        "CSeq",
    ),
    *("To", "From", "Record-Route", "Retry-After"),
)
VALUES = st.one_of(
    st.sampled_from(
        [
            *(
                "",
                ",",
                "100rel",
                "timer",
                "1",
                "0",
                "99999999999999999999",
                "1 1 INVITE",
                "refer;id=9",
                "terminated",
            ),
            *(
                "90;refresher=uac",
                "1;refresher=uas",
                "<sip:x@[::1>",
                "<sip:192.0.2.3;lr>",
                "<sip:a@b?Replaces=%00%0D>",
            ),
            *(
                "a;to-tag=1;from-tag=2",
                "a;to-tag",
                "9 UPDATE",
                "INVITE, UPDATE" * 30,
                "message/sipfrag",
                "<tel:1>",
            ),
        ]
    ),
    st.text(st.characters(exclude_characters="\r\n", max_codepoint=0x2FF), max_size=20),
)


@st.composite
def spoiled(draw):
    at, source, destination, data = draw(st.sampled_from(CALL))
    for _ in range(draw(st.integers(0, 3))):
        name, value = draw(st.sampled_from(HEADERS)), draw(VALUES)
        line = f"{name}: {value}\r\n".encode("utf-8", "replace")
        pattern = re.compile(rb"(?m)^" + name.encode() + rb":[^\n]*\n")
        if pattern.search(data):
            data = pattern.sub(lambda _, line=line: line, data, count=1)
        else:
            data = data.replace(b"\r\n", b"\r\n" + line, 1)
    if draw(st.booleans()):
        cseq = str(draw(st.integers(0, 40))).encode()
        data = re.sub(rb"CSeq: \d+", b"CSeq: " + cseq, data)
        data = re.sub(rb"branch=[^;\r]+", b"branch=z9hG4bK" + cseq, data)
    if draw(st.booleans()):
        status = draw(st.sampled_from([100, 180, 183, 200, 202, 300, 302, 401, 408, 422, 481, 491, 503, 600]))
        data = re.sub(rb"^SIP/2.0 \d+", b"SIP/2.0 %d" % status, data)
    return min(at, 3.0) + draw(st.floats(-0.5, 0.5)), source, destination, data


@settings(deadline=None, max_examples=120)
@given(st.lists(spoiled(), min_size=1, max_size=8))
def test_messages_of_a_call_spoiled_and_thrown_into_a_call(messages):
    stage = Stage()
    for at, source, destination, data in messages:
        stage.net.call_at(max(at, 0.0), lambda d=data, s=source, t=destination: stage.net.inject(d, s, t))
    stage.finish()


@settings(deadline=None, max_examples=200)
@given(VALUES)
def test_any_value_of_a_header_of_ours_is_read_or_refused(value):
    message = Response(200, "OK", Headers())
    with contextlib.suppress(LocalSipError):
        for name in ("Session-Expires", "Min-SE", "RSeq", "Retry-After"):
            message.headers.add(name, value)
    session_expires(message)
    assert min_se(message) >= LEAST_MIN_SE_S
    with contextlib.suppress(SipParseError):
        assert Replaces.parse(str(Replaces.parse(value))) == Replaces.parse(value)


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(st.binary(max_size=60), st.builds(lambda tail: b"SIP/2.0 200 " + tail, st.binary(max_size=40)))
)
def test_any_fragment_is_a_status_or_none(body):
    status = read_status(body)
    assert status is None or (100 <= status[0] <= 699 and status[1].isprintable())
