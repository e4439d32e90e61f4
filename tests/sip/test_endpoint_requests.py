"""Single requests to an endpoint: what they are answered, and where the answer goes."""

import gc

import pytest
from support.sip_calls import Server, kinds, request
from support.sip_peers import ALICE, ANSWER, BOB, ScriptedPeer, answer_to, make_endpoint

from softphone.sip.events import MessageDropped
from softphone.sip.leg import Leg
from softphone.sip.message import parse_message


class TestRequests:
    def test_options_says_what_we_can_do(self):
        (answer,) = Server(accept=("application/sdp", "application/x")).ask(request("OPTIONS"))
        assert answer.status == 200
        served = "INVITE ACK CANCEL BYE OPTIONS INFO UPDATE PRACK REFER NOTIFY"
        assert answer.headers.get_all("Allow") == served.split()
        assert answer.headers.get_all("Supported") == ["100rel", "timer", "replaces", "norefersub"]
        assert answer.headers.get_all("Accept") == ["application/sdp", "application/x"]
        assert answer.to.tag

    def test_a_method_we_do_not_serve_is_405_or_501_if_it_is_none_with_allow(self):
        for method, status in (("SUBSCRIBE", 405), ("REGISTER", 405), ("FROBNICATE", 501)):
            (answer,) = Server().ask(request(method))
            assert answer.status == status
            assert "INVITE" in answer.headers.get_all("Allow")

    def test_an_extension_we_lack_is_420_and_named(self):
        (answer,) = Server().ask(request("INVITE", headers="Require: timer, bar, foo\r\n"))
        assert answer.status == 420
        assert answer.headers.get_all("Unsupported") == ["bar", "foo"]

    @pytest.mark.parametrize(
        ("headers", "named"),
        [
            ("Content-Type: text/plain\r\n", "Accept"),
            ("Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", "Accept-Encoding"),
        ],
    )
    def test_a_body_we_cannot_read_is_415(self, headers, named):
        (answer,) = Server().ask(request("INVITE", headers=headers))
        assert answer.status == 415
        assert named in answer.headers

    def test_a_body_we_need_not_read_is_let_pass(self):
        server = Server()
        icon = "Content-Type: image/png\r\nContent-Disposition: icon;handling=optional\r\n"
        server.ask(request("INVITE", headers=icon))
        assert kinds(server.events) == ["InviteReceived"]

    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    @pytest.mark.parametrize("uri", ["tel:+15551234", "soap.beep://192.0.2.103:3002"])
    def test_a_foreign_uri_scheme_is_416(self, method, uri):
        (answer,) = Server().ask(request(method, uri=uri))
        assert answer.status == 416

    def test_an_invite_whose_sender_takes_no_answer_of_ours_is_406(self):
        server = Server()
        (answer,) = server.ask(request("INVITE", headers="Accept: text/nobodyKnowsThis\r\n"))
        assert answer.status == 406
        assert server.events == []

    @pytest.mark.parametrize(
        "accept", ["application/sdp", "text/plain, Application/SDP;level=1", "*/*", "application/*"]
    )
    def test_an_invite_whose_sender_takes_sdp_among_others_is_told(self, accept):
        server = Server()
        server.ask(request("INVITE", headers=f"Accept: {accept}\r\n"))
        assert kinds(server.events) == ["InviteReceived"]

    @pytest.mark.parametrize("method", ["BYE", "CANCEL"])
    def test_what_belongs_to_nothing_is_481(self, method):
        (answer,) = Server().ask(request(method))
        assert answer.status == 481

    def test_an_invite_into_an_unknown_dialog_is_481(self):
        (answer,) = Server().ask(request("INVITE", to_tag="long-gone"))
        assert answer.status == 481

    def test_a_request_that_comes_by_two_ways_is_merged_482(self):
        server = Server()
        answers = server.ask(request("INVITE"), request("INVITE"))
        assert [answer.status for answer in answers] == [482]
        assert kinds(server.events) == ["InviteReceived", "MessageDropped"]

    def test_the_same_request_again_is_no_merge(self):
        server = Server()
        message = request("INVITE")
        answers = server.ask(message, message)
        assert [answer.status for answer in answers] == [100]
        assert kinds(server.events) == ["InviteReceived"]
        assert server.bob.stats.retransmissions_received == 1

    def test_a_broken_request_is_answered_and_counted(self):
        server = Server()
        (answer,) = server.ask(request("OPTIONS", contact="<sip:alice"))
        assert answer.status == 400
        assert answer.to.tag
        assert server.bob.stats.parse_errors == 1
        assert kinds(server.events) == ["MessageDropped"]

    def test_keep_alives_are_taken_in_silence(self):
        server = Server()
        server.net.inject(b"\r\n\r\n", ALICE, BOB)
        server.net.inject(b"\x00", ALICE, BOB)
        assert server.events == []
        assert server.bob.stats.dropped == 0

    def test_stray_acks_and_answers_are_dropped_and_told(self):
        server = Server()
        server.ask(request("ACK"))
        stray = answer_to(parse_message(request("OPTIONS", via="192.0.2.2:5060")), 200)
        server.ask(bytes(stray))
        foreign = answer_to(parse_message(request("OPTIONS")), 200)
        server.ask(bytes(foreign))
        assert [event.reason for event in server.events] == [
            "ACK belongs to no dialog",
            "response belongs to no transaction",
            "response is for another",
        ]
        assert {event.addr for event in server.events} == {ALICE}
        assert server.bob.stats.dropped == 3

    def test_record_route_is_copied_into_what_makes_a_dialog(self):
        server = Server()
        server.ask(request("INVITE", headers="Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n"))
        server.bob.ring(1, now=server.net.now)
        server.bob.answer(1, body=ANSWER, now=server.net.now)
        answers = server.ask()
        for answer in answers:
            assert answer.headers.get_all("Record-Route") == ["<sip:p1;lr>", "<sip:p2;lr>"]
            assert answer.contact.uri.user == "bob"

    def test_bye_before_the_answer_ends_the_invite_too(self):
        server = Server()
        server.ask(request("INVITE"))
        server.bob.ring(1, now=server.net.now)
        (ringing,) = server.ask()
        server.ask(request("BYE", cseq=2, to_tag=ringing.to.tag))
        assert [(m.cseq.method, m.status) for _, m in server.peer.heard] == [
            ("INVITE", 180),
            ("BYE", 200),
            ("INVITE", 487),
        ]
        assert kinds(server.events) == ["InviteReceived", "Cancelled"]

    def test_an_invite_that_expires_is_ended_487(self):
        server = Server()
        server.ask(request("INVITE", headers="Expires: 20\r\n"))
        server.bob.ring(1, now=server.net.now)
        server.net.run_until(19.9)
        assert server.bob.legs == (1,)
        server.net.run_until(20.1)
        assert server.peer.heard[-1][1].status == 487
        assert kinds(server.events) == ["InviteReceived", "Cancelled"]

    @pytest.mark.parametrize("headers", ["Expires: 20\r\n", "Expires: soon\r\n", ""])
    def test_expiry_means_nothing_to_a_call_answered_in_time(self, headers):
        server = Server()
        server.ask(request("INVITE", headers=headers))
        server.bob.answer(1, body=ANSWER, now=server.net.now)
        server.net.run_until(25.0)
        assert server.bob.legs == (1,)

    def test_calls_that_would_expire_in_a_century_are_not_kept_until_then(self):
        server = Server()
        century = "Expires: 3155760000\r\n"
        server.ask(request("INVITE", headers="Expires: 3000\r\n"))  # rings meanwhile, due before all others
        for number in range(2, 301):
            server.ask(request("INVITE", headers=century, call_id=f"c{number}", from_tag=f"t{number}"))
            server.bob.reject(number, 486, now=server.net.now)
            server.net.pump()
        server.net.run_for(60.0)
        assert server.bob.legs == (1,)
        gc.collect()
        assert sum(isinstance(each, Leg) for each in gc.get_objects()) < 100

    def test_a_cancel_after_the_answer_changes_nothing(self):
        server = Server()
        server.ask(request("INVITE", branch="z9hG4bKx"))
        server.bob.answer(1, body=ANSWER, now=server.net.now)
        answers = server.ask(request("CANCEL", branch="z9hG4bKx"))
        assert [(m.cseq.method, m.status) for m in answers] == [("INVITE", 200), ("CANCEL", 200)]
        assert answers[0].to.tag == answers[1].to.tag
        assert server.bob.legs == (1,)

    def test_a_branch_that_is_the_cookie_alone_identifies_nothing(self):
        messages = [request("OPTIONS", branch="z9hG4bK", call_id=f"c{n}") for n in range(3)]
        assert [answer.call_id for answer in Server().ask(*messages)] == ["c0", "c1", "c2"]

    def test_a_peer_older_than_rfc_3261_is_served(self):
        server = Server()
        server.ask(request("INVITE", branch="1"))
        server.bob.reject(1, 486, now=server.net.now)
        (refusal,) = server.ask()
        server.ask(request("ACK", branch="1", to_tag=refusal.to.tag))
        server.net.run_for(3.0)
        assert len(server.peer.heard) == 1


class TestWhereAnswersGo:
    """RFC 3261 section 18.2 and RFC 3581: the source port is 7000, the Via says 5060."""

    NAT = ("198.51.100.7", 7000)

    def answer(self, via, destination):
        server = Server()
        nat, target = ScriptedPeer(), ScriptedPeer()
        server.net.attach(self.NAT, nat)
        if destination != self.NAT:
            server.net.attach(destination, target)
        server.net.inject(request("OPTIONS", via=via), self.NAT, BOB)
        server.net.run_for(0.1)
        peer = nat if destination == self.NAT else target
        ((_, answer),) = peer.heard
        return answer.via

    def test_with_rport_to_the_source_port_and_the_via_says_so(self):
        via = self.answer("10.0.0.1:5060;rport", self.NAT)
        assert (via.received, via.rport) == ("198.51.100.7", 7000)

    def test_with_rport_received_is_said_even_if_the_via_is_right(self):
        assert self.answer("198.51.100.7:7000;rport", self.NAT).received == "198.51.100.7"

    def test_without_rport_to_the_source_host_and_the_port_in_the_via(self):
        via = self.answer("10.0.0.1:5082", ("198.51.100.7", 5082))
        assert via.received == "198.51.100.7"
        assert via.rport is None

    def test_without_a_port_in_the_via_to_5060(self):
        self.answer("198.51.100.7", ("198.51.100.7", 5060))


class TestBounds:
    def test_legs_are_bounded(self):
        server = Server(max_legs=3)
        answers = server.ask(*[request("INVITE", call_id=f"c{n}") for n in range(5)])
        assert [answer.status for answer in answers] == [503, 503]
        assert answers[0].headers.get("Retry-After")
        assert len(server.bob.legs) == 3

    def test_transactions_are_bounded_and_the_rest_is_answered_without_being_remembered(self):
        server = Server(max_transactions=10)
        messages = [request("OPTIONS", call_id=f"c{n}") for n in range(12)]
        answers = server.ask(*messages)
        assert [answer.status for answer in answers] == [200] * 10 + [503] * 2
        assert server.bob.transactions == 10
        assert server.bob.stats.overloads == 2
        again = server.ask(messages[-1])[-1]
        assert (again.status, again.to.tag) == (503, answers[-1].to.tag)
        server.net.run_for(32.0)
        assert server.bob.transactions == 0

    def test_news_of_dropped_messages_is_bounded(self):
        bob = make_endpoint("bob", BOB)
        for _ in range(5000):
            bob.receive_datagram(b"garbage", ALICE, now=0.0)
        assert bob.stats.dropped == 5000
        count = 0
        while isinstance(bob.next_event(), MessageDropped):
            count += 1
        assert count == 4096
