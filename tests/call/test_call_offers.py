"""Session descriptions in calls: re-INVITE, late offers, early and broken ones; the peer is a stranger."""

import pytest
from support.phones import OPUS, PCMU, Phone, Stranger, media
from support.sip_peers import ALICE, BOB
from support.virtual_link import Line, VirtualNetwork

from softphone.call.events import Established, MediaChanged
from softphone.sip.events import Answered, InviteReceived


def sdp(*lines, host="192.0.2.1", version=1, port=4000, formats="0"):
    head = ["v=0", f"o=s 9 {version} IN IP4 192.0.2.1", "s=-", f"c=IN IP4 {host}", "t=0 0"]
    return "\r\n".join([*head, f"m=audio {port} RTP/AVP {formats}", *lines, ""]).encode()


class Called:
    """A stranger who has called a phone of ours."""

    def __init__(self, body=None, **options):
        self.net = VirtualNetwork()
        self.phone = Phone(self.net, "bob", BOB, **options)
        self.stranger = Stranger(self.net, "stranger", ALICE)
        self.stranger.call(self.phone, sdp() if body is None else body)
        self.net.run_for(1.0)

    def reinvite(self, cseq, body, **headers):
        self.stranger.within_dialog(self.phone, "INVITE", cseq, body, **headers)
        (answer,) = self.stranger.answers(self.phone, f"{cseq} INVITE")
        return answer

    def acknowledge(self, cseq, body=b""):
        self.stranger.within_dialog(self.phone, "ACK", cseq, body)
        self.net.run_for(0.1)

    @property
    def changes(self):
        return [event.negotiated for event in self.phone.events if isinstance(event, MediaChanged)]


def test_hold_and_resume_change_the_direction_and_the_version():
    called = Called()
    assert called.phone.established.negotiated.direction == "sendrecv"
    held = called.reinvite(2, sdp("a=sendonly", version=2))
    called.acknowledge(2)
    assert held.status == 200
    assert b"a=recvonly\r\n" in held.body
    assert b"o=- 2 2 IN IP4 192.0.2.2\r\n" in held.body
    resumed = called.reinvite(3, sdp("a=sendrecv", version=3))
    called.acknowledge(3)
    assert b"a=sendrecv\r\n" in resumed.body
    assert b"o=- 2 3 IN IP4 192.0.2.2\r\n" in resumed.body
    assert [each.direction for each in called.changes] == ["recvonly", "sendrecv"]


@pytest.mark.parametrize(
    ("line", "direction"), [("a=inactive", "inactive"), ("c=IN IP4 0.0.0.0", "recvonly")]
)
def test_other_ways_to_hold(line, direction):
    called = Called()
    assert called.reinvite(2, sdp(line, version=2)).status == 200
    assert [each.direction for each in called.changes] == [direction]


def test_a_refresh_that_changes_nothing_is_answered_with_the_same_version_and_not_told():
    called = Called()
    refreshed = called.reinvite(2, sdp())
    assert b"o=- 2 1 IN IP4 192.0.2.2\r\n" in refreshed.body
    assert called.changes == []


def test_another_address_and_codec_are_followed():
    called = Called(body=sdp("a=rtpmap:96 opus/48000/2", formats="0 96"))
    called.reinvite(2, sdp("a=rtpmap:96 opus/48000/2", host="192.0.2.77", port=4444, formats="96", version=2))
    (changed,) = called.changes
    assert (changed.remote_host, changed.remote_port, changed.codec.name) == ("192.0.2.77", 4444, "opus")


def test_another_contact_gets_our_bye():
    called = Called()
    called.reinvite(2, sdp(version=2, port=4002), Contact="<sip:moved@192.0.2.1:5099>")
    called.acknowledge(2)
    called.phone.hang_up()
    assert [sent.start_line for sent in called.net.sent(BOB, "BYE")] == [
        "BYE sip:moved@192.0.2.1:5099 SIP/2.0"
    ]


@pytest.mark.parametrize(
    ("body", "status"), [(sdp("a=rtpmap:97 x/8000", formats="97"), 488), (b"v=0", 400), (sdp(port=0), 488)]
)
def test_an_unsuitable_reinvite_is_refused_and_the_call_goes_on(body, status):
    called = Called()
    assert called.reinvite(2, body).status == status
    called.acknowledge(2)
    called.net.run_for(40.0)
    assert called.phone.names() == ["IncomingCall", "Established"]


def test_a_reinvite_without_description_gets_our_offer_under_the_numbers_in_use():
    called = Called(body=sdp("a=rtpmap:111 opus/48000/2", formats="111 0"))
    offer = called.reinvite(2, b"")
    assert b"m=audio 7000 RTP/AVP 111 0" in offer.body
    called.acknowledge(2, sdp(port=4222, version=2))
    (changed,) = called.changes
    assert (changed.remote_port, changed.codec.name) == (4222, "PCMU")


def test_a_reinvite_whose_ack_brings_no_answer_ends_the_call():
    called = Called()
    called.reinvite(2, b"")
    called.acknowledge(2, b"")
    called.net.run_for(1.0)
    assert called.phone.ending() == ("incompatible", "local", 200)


def test_a_reinvite_whose_200_is_never_acknowledged_ends_the_call():
    called = Called()
    called.reinvite(2, sdp("a=sendonly", version=2))
    called.net.run_for(40.0)
    assert called.phone.ending() == ("dropped", "network", 200)


def test_an_invite_without_description_gets_our_offer_and_the_ack_establishes_the_call():
    net = VirtualNetwork(line=Line(drop=lambda sent: sent.start_line.startswith("ACK")))
    phone = Phone(net, "bob", BOB)
    stranger = Stranger(net, "stranger", ALICE)
    stranger.call(phone, b"")
    net.run_for(0.5)
    assert phone.names() == ["IncomingCall"]
    (offer,) = {answer.body for answer in stranger.answers(phone, "1 INVITE")} - {b""}
    assert b"m=audio 7000 RTP/AVP 96 0 97 98" in offer
    stranger.within_dialog(phone, "ACK", 1, sdp())
    assert phone.established.negotiated.codec.name == "PCMU"
    assert phone.info.setup_s is not None


@pytest.mark.parametrize("body", [b"", b"nonsense", sdp(formats="18")])
def test_an_ack_without_a_suitable_answer_ends_the_call_with_the_reason(body):
    net = VirtualNetwork(line=Line(drop=lambda sent: sent.start_line.startswith("ACK")))
    phone = Phone(net, "bob", BOB)
    stranger = Stranger(net, "stranger", ALICE)
    stranger.call(phone, b"")
    net.run_for(0.5)
    stranger.within_dialog(phone, "ACK", 1, body)
    net.run_for(1.0)
    assert b"Reason: SIP;cause=488\r\n" in net.sent(BOB, "BYE")[0].data
    assert phone.names() == ["IncomingCall"] + ["Ended"] * (phone.names().count("Ended"))


def test_hanging_up_a_call_that_waits_for_the_answer_in_the_ack():
    net = VirtualNetwork(line=Line(drop=lambda sent: sent.start_line.startswith("ACK")))
    phone = Phone(net, "bob", BOB)
    stranger = Stranger(net, "stranger", ALICE)
    stranger.call(phone, b"")
    net.run_for(0.5)
    phone.hang_up()
    assert net.sent(BOB, "BYE") == []
    stranger.within_dialog(phone, "ACK", 1, sdp())
    assert len(net.sent(BOB, "BYE")) == 1
    assert phone.names() == ["IncomingCall"]


@pytest.mark.parametrize(
    ("body", "options", "status", "problem"),
    [
        (b"v=1\r\n", {}, 400, "v=0"),
        (sdp(formats="18"), {}, 488, None),
        (b"{}", {"content_type": "application/vnd.softphone.result+json"}, 400, "application/sdp"),
    ],
)
def test_an_offer_that_cannot_be_met_refuses_the_call(body, options, status, problem):
    net = VirtualNetwork()
    phone = Phone(net, "bob", BOB)
    stranger = Stranger(net, "stranger", ALICE)
    stranger.call(phone, body, **options)
    net.run_for(1.0)
    assert phone.ending() == ("incompatible", "local", status)
    assert (
        (phone.events[0].offer_problem is None)
        if problem is None
        else problem in phone.events[0].offer_problem
    )
    (answer,) = [each for each in stranger.answers(phone, "1 INVITE") if each.status == status]
    assert "softphone" in (answer.headers.get("Warning") or "")


class Answering:
    """A phone of ours that has called a stranger; *script* answers its INVITE."""

    def __init__(self, script, *, reliably=False, **options):
        self.net = VirtualNetwork()
        self.phone = Phone(self.net, "alice", ALICE, **options)

        def on_event(endpoint, event, now):
            if isinstance(event, InviteReceived):
                script(endpoint, event.leg, now)

        self.stranger = Stranger(self.net, "bob", BOB, on_event=on_event, reliable_provisional=reliably)
        target = Phone.__new__(Phone)
        target.address = BOB
        self.phone.call(target)
        self.net.run_for(1.0)


@pytest.mark.parametrize("body", [b"", b"nonsense", sdp(formats="18"), sdp(port=0)])
def test_a_200_without_a_suitable_answer_is_acknowledged_and_ended(body):
    called = Answering(lambda endpoint, leg, now: endpoint.answer(leg, body=body, now=now))
    assert called.phone.ending() == ("incompatible", "local", 200)
    assert called.phone.ended.reason.startswith("no suitable answer: ")
    assert [sent.start_line.split()[0] for sent in called.net.sent(ALICE)] == ["INVITE", "ACK", "BYE"]
    assert b"Reason: SIP;cause=488\r\n" in called.net.sent(ALICE, "BYE")[0].data


def test_183_with_a_description_is_progress_and_the_200_decides():
    def script(endpoint, leg, now):
        endpoint.progress(leg, 183, body=sdp(port=4100), now=now)
        endpoint.answer(leg, body=sdp(port=4200), now=now)

    called = Answering(script)
    assert called.phone.names() == ["Ringing", "EarlyMedia", "Established"]
    assert called.phone.events[0].sip_status == 183
    assert called.phone.events[1].negotiated.remote_port == 4100
    assert called.phone.established.negotiated.remote_port == 4200


def test_a_200_without_description_takes_that_of_the_183():
    def script(endpoint, leg, now):
        endpoint.progress(leg, 183, body=sdp(port=4100), now=now)
        endpoint.ring(leg, now=now)
        endpoint.answer(leg, body=b"", now=now)

    called = Answering(script)
    assert called.phone.established.negotiated.remote_port == 4100
    assert called.phone.names() == ["Ringing", "EarlyMedia", "Established"]


def test_the_answer_in_a_reliable_183_stands_whatever_the_200_says():
    """RFC 3261 section 13.2.1: any further description is ignored."""

    def script(endpoint, leg, now):
        endpoint.progress(leg, 183, body=sdp(port=4100), now=now)
        endpoint.answer(leg, body=sdp(port=4200), now=now)

    called = Answering(script, reliably=True)
    assert called.phone.names() == ["Ringing", "EarlyMedia", "Established"]
    assert called.phone.established.negotiated.remote_port == 4100


def test_an_early_description_that_is_none_is_no_harm():
    def script(endpoint, leg, now):
        endpoint.progress(leg, 183, body=b"\xff\x00", now=now)
        endpoint.answer(leg, body=sdp(), now=now)

    assert Answering(script).phone.names() == ["Ringing", "Established"]


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("SIP;cause=488", "incompatible"),
        ('SIP ;text="Not Acceptable"; cause=606', "incompatible"),
        ("SIP;cause=200", "completed"),
        ("Q.850;cause=88", "completed"),
        ("SIP;cause=4880", "completed"),
        (";;;=", "completed"),
    ],
)
def test_the_reason_of_a_bye_may_say_that_we_were_unsuitable(reason, outcome):
    called = Called()
    called.stranger.endpoint.bye(1, headers=(("Reason", reason),), now=called.net.now)
    called.net.run_for(1.0)
    assert called.phone.ending() == (outcome, "peer", 200)


def test_a_stranger_can_call_with_every_kind_of_stream_and_gets_audio():
    video = "m=video 4010 RTP/AVP 31"
    called = Called(body=sdp(video))
    (answer,) = [event.response for event in called.stranger.events if isinstance(event, Answered)]
    assert b"m=video 0 RTP/AVP 31\r\n" in answer.body
    assert isinstance(called.phone.events[1], Established)


def test_the_media_of_the_one_who_accepts_decide():
    called = Called(
        body=sdp("a=rtpmap:96 opus/48000/2", formats="96 0"), local=media(BOB, PCMU, direction="recvonly")
    )
    negotiated = called.phone.established.negotiated
    assert (negotiated.codec.name, negotiated.direction) == ("PCMU", "recvonly")
    assert OPUS.name not in [each.name for each in negotiated.send]


def test_what_a_peer_gives_as_a_reason_is_printable():
    def script(endpoint, leg, now):
        endpoint.reject(leg, 486, "Busy\u202eHere", now=now)

    assert Answering(script).phone.ended.reason == "Busy?Here"
