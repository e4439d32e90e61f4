import pytest
from support.sip_peers import answer_to

from softphone.sip.dialog import Dialog, path_to
from softphone.sip.message import parse_message
from softphone.sip.uri import NameAddr, SipUri

TARGET = SipUri.parse("sip:bob@192.0.2.4")


def invite(extra=""):
    return parse_message(
        (
            "INVITE sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK1\r\n"
            "From: Alice <sip:alice@atlanta.com>;tag=1928\r\nTo: Bob <sip:bob@biloxi.com>\r\n"
            "Call-ID: a84b\r\nCSeq: 314 INVITE\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:alice@pc33.atlanta.com>\r\n{extra}\r\n"
        ).encode()
    )


def routes(*values):
    return [NameAddr.parse(value) for value in values]


def test_without_routes_the_target_is_request_uri_and_first_hop():
    path = path_to(TARGET, ())
    assert (str(path.request_uri), path.routes, path.next_hop) == ("sip:bob@192.0.2.4", (), TARGET)


def test_a_loose_route_leaves_the_target_in_the_request_uri():
    path = path_to(TARGET, routes("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"))
    assert str(path.request_uri) == "sip:bob@192.0.2.4"
    assert path.routes == ("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")
    assert path.next_hop.host == "p1.example.com"


def test_a_strict_route_takes_the_request_uri_and_the_target_goes_last():
    # The example of RFC 3261 section 12.2.1.1.
    path = path_to(
        SipUri.parse("sip:user@remoteua"),
        routes("<sip:proxy1>", "<sip:proxy2>", "<sip:proxy3;lr>", "<sip:proxy4>"),
    )
    assert str(path.request_uri) == "sip:proxy1"
    assert path.routes == ("<sip:proxy2>", "<sip:proxy3;lr>", "<sip:proxy4>", "<sip:user@remoteua>")
    assert path.next_hop.host == "proxy1"


def test_headers_and_method_of_a_contact_do_not_get_into_the_request_uri():
    path = path_to(SipUri.parse("sip:bob@192.0.2.4;method=INVITE;x=1?Subject=hi"), ())
    assert str(path.request_uri) == "sip:bob@192.0.2.4;x=1"


def test_the_caller_reverses_record_route_and_the_callee_keeps_it():
    recorded = "<sip:p2.example.com;lr>, <sip:p1.example.com;lr>"
    request = invite(f"Record-Route: {recorded}\r\n")
    response = answer_to(invite(), 200, tag="b", Record_Route=recorded, Contact="<sip:bob@192.0.2.4>")
    caller = Dialog.from_response(invite(), response)
    callee = Dialog.from_request(request, local_tag="b")
    assert [route.uri.host for route in caller.route_set] == ["p1.example.com", "p2.example.com"]
    assert [route.uri.host for route in callee.route_set] == ["p2.example.com", "p1.example.com"]


def test_both_ends_name_the_same_dialog_from_their_side():
    response = answer_to(invite(), 200, tag="b", Contact="<sip:bob@192.0.2.4>")
    caller = Dialog.from_response(invite(), response)
    callee = Dialog.from_request(invite(), local_tag="b")
    assert (caller.call_id, caller.local.tag, caller.remote.tag) == ("a84b", "1928", "b")
    assert (callee.call_id, callee.local.tag, callee.remote.tag) == ("a84b", "b", "1928")
    assert str(caller.remote_target) == "sip:bob@192.0.2.4"
    assert str(callee.remote_target) == "sip:alice@pc33.atlanta.com"
    assert (caller.local_cseq, callee.remote_cseq) == (314, 314)


def test_an_answer_without_contact_leaves_the_uri_called_as_target():
    dialog = Dialog.from_response(invite(), answer_to(invite(), 200))
    assert str(dialog.remote_target) == "sip:bob@biloxi.com"


@pytest.mark.parametrize(("number", "taken"), [(313, False), (314, False), (315, True), (400, True)])
def test_cseq_of_the_peer_must_grow(number, taken):
    dialog = Dialog.from_request(invite(), local_tag="b")
    assert dialog.takes_cseq(number) is taken


def test_a_gap_in_cseq_is_fine_and_the_way_back_is_not():
    dialog = Dialog.from_request(invite(), local_tag="b")
    assert [dialog.takes_cseq(n) for n in (320, 317, 321)] == [True, False, True]


def test_a_reinvite_moves_the_target_and_one_without_contact_does_not():
    dialog = Dialog.from_request(invite(), local_tag="b")
    moved = invite()
    moved.headers.set("Contact", "<sip:alice@192.0.2.99:5070>")
    dialog.refresh_target(moved)
    assert str(dialog.remote_target) == "sip:alice@192.0.2.99:5070"
    moved.headers.remove("Contact")
    dialog.refresh_target(moved)
    assert str(dialog.remote_target) == "sip:alice@192.0.2.99:5070"
