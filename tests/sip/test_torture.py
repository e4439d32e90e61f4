"""The messages of RFC 4475, bit by bit as printed there, accepted or refused as that document says.

The vectors are `rfc4475/NAME.dat`, NAME being the one the RFC gives (its sections are in the tables below).
Where a message is well formed and only its meaning is at fault, the parser accepts it and `FOR_THE_ENDPOINT`
says what the endpoint owes it.
"""

import pathlib
from collections.abc import Callable

import pytest

from softphone.sip.endpoint import SipEndpoint
from softphone.sip.errors import SipParseError
from softphone.sip.events import InviteReceived
from softphone.sip.headers import parse_auth_params
from softphone.sip.message import Request, Response, parse_message
from softphone.sip.uri import SipUri

VECTORS = {path.stem: path.read_bytes() for path in (pathlib.Path(__file__).parent / "rfc4475").glob("*.dat")}

# name -> section; well-formed messages, each looked at by a test of its own name below
VALID = {
    "wsinv": "3.1.1.1",
    "intmeth": "3.1.1.2",
    "esc01": "3.1.1.3",
    "escnull": "3.1.1.4",
    "esc02": "3.1.1.5",
    "lwsdisp": "3.1.1.6",
    "longreq": "3.1.1.7",
    "dblreq": "3.1.1.8",
    "semiuri": "3.1.1.9",
    "transports": "3.1.1.10",
    "mpart01": "3.1.1.11",
    "unreason": "3.1.1.12",
    "noreason": "3.1.1.13",
}

# name -> (section, status of the answer; None: a response, dropped; what the reason phrase names)
REFUSED = {
    "badinv01": ("3.1.2.1", 400, "parameter"),
    "clerr": ("3.1.2.2", 400, "Content-Length 9999"),
    "ncl": ("3.1.2.3", 400, "Content-Length"),
    "scalar02": ("3.1.2.4", 400, "CSeq"),
    "scalarlg": ("3.1.2.5", None, "CSeq"),
    "quotbal": ("3.1.2.6", 400, "To: display name has no closing quote"),
    "ltgtruri": ("3.1.2.7", 400, "URI"),
    "lwsruri": ("3.1.2.8", 400, "URI"),
    "lwsstart": ("3.1.2.9", 400, "URI"),
    "trws": ("3.1.2.10", 400, "SIP/2.0"),
    "escruri": ("3.1.2.11", 400, "headers"),
    "regbadct": ("3.1.2.13", 400, "Contact"),
    "badaspec": ("3.1.2.14", 400, "To"),
    "baddn": ("3.1.2.15", 400, "From: display name must be in quotes"),
    "badvers": ("3.1.2.16", 505, "version"),
    "mismatch01": ("3.1.2.17", 400, "CSeq"),
    "mismatch02": ("3.1.2.18", 501, "CSeq"),
    "bigcode": ("3.1.2.19", None, "status code"),
    "insuf": ("3.3.1", 400, "Missing From header field"),
    "multi01": ("3.3.8", 400, "once"),
    "mcl01": ("3.3.9", 400, "Content-Length must come once"),
}

# name -> (section, what the endpoint owes it)
FOR_THE_ENDPOINT = {
    "baddate": ("3.1.2.12", "not refused, because no Date is looked at"),
    "badbranch": (
        "3.2.1",
        "matched as if older than RFC 3261: the branch has no identifier after its cookie",
    ),
    "unkscm": ("3.3.2", "416"),
    "novelsc": ("3.3.3", "416"),
    "unksm2": ("3.3.4", "405, as any REGISTER"),
    "bext01": ("3.3.5", "420 with Unsupported"),
    "invut": ("3.3.6", "415 with Accept"),
    "regaut01": ("3.3.7", "405, as any REGISTER; the credentials are passed over"),
    "bcast": ("3.3.10", "dropped: the second Via shows that it went astray"),
    "zeromf": ("3.3.11", "answered: Max-Forwards 0 binds proxies only"),
    "cparam01": ("3.3.12", "405, as any REGISTER"),
    "cparam02": ("3.3.13", "405, as any REGISTER"),
    "regescrt": ("3.3.14", "405, as any REGISTER"),
    "sdp01": ("3.3.15", "406"),
    "inv2543": ("3.4.1", "served: RFC 2543 has no branch, Max-Forwards or Contact to ask for"),
}


# What an endpoint does with each: status of its answer; "call": an INVITE for its owner; None: nothing
ENDPOINT_ANSWERS = {
    **{name: status for name, (_, status, _) in REFUSED.items()},
    # A To tag of no dialog of ours (RFC 3261 section 12.2.2).
    "wsinv": 481,
    "esc01": "call",
    "escnull": 405,
    "lwsdisp": 200,
    "longreq": "call",
    "dblreq": 405,
    "semiuri": 200,
    "transports": 200,
    "mpart01": 405,
    # Responses to nothing that was asked.
    "unreason": None,
    "noreason": None,
    "bcast": None,
    "baddate": "call",
    "badbranch": 200,
    "unksm2": 405,
    "bext01": 420,
    "invut": 415,
    "regaut01": 405,
    "zeromf": 200,
    "cparam01": 405,
    "cparam02": 405,
    "regescrt": 405,
    "inv2543": "call",
    "intmeth": 501,
    "esc02": 501,
    "unkscm": 416,
    "novelsc": 416,
    "sdp01": 406,
}


class FixedIds:
    def branch(self) -> str:
        return "z9hG4bKx"

    def tag(self) -> str:
        return "t"

    call_id = nonce = tag


def request(name: str) -> Request:
    message = parse_message(VECTORS[name])
    assert isinstance(message, Request)
    return message


def response(name: str) -> Response:
    message = parse_message(VECTORS[name])
    assert isinstance(message, Response)
    return message


def test_all_49_messages_of_the_rfc_are_here_and_each_is_in_one_table():
    assert len(VECTORS) == 49
    assert sorted(VECTORS) == sorted([*VALID, *REFUSED, *FOR_THE_ENDPOINT])
    sections = {*VALID.values(), *(entry[0] for entry in (*REFUSED.values(), *FOR_THE_ENDPOINT.values()))}
    assert len(sections) == 49


def test_each_valid_message_has_its_own_test_below():
    named_after = {name.split("_")[1] for name in globals() if name.startswith("test_")}
    assert named_after >= {*VALID, *FOR_THE_ENDPOINT}


@pytest.mark.parametrize("name", REFUSED)
def test_an_invalid_message_is_refused_with_the_status_of_the_rfc(name: str):
    _, status, reason = REFUSED[name]
    with pytest.raises(SipParseError) as caught:
        parse_message(VECTORS[name])
    assert reason in caught.value.reason
    if status is None:
        assert caught.value.partial is None
        return
    assert caught.value.status == status
    partial = caught.value.partial
    assert partial is not None
    # What an answer must copy (section 8.2.6.2 of RFC 3261) is there as it came.
    source = VECTORS[name].decode()
    assert partial.via.host in source
    for header in ("From", "To", "Call-ID", "CSeq"):
        value = partial.headers.get(header)
        assert (value is None) == (name == "insuf" and header != "CSeq")
        assert value is None or value in source


@pytest.mark.parametrize("name", [*VALID, *FOR_THE_ENDPOINT])
def test_a_valid_message_comes_back_the_same_from_what_it_is_written_as(name: str):
    message = parse_message(VECTORS[name])
    for data in (bytes(message), message.to_bytes(compact=True)):
        again = parse_message(data)
        message.headers.remove("Content-Length")
        again.headers.remove("Content-Length")
        assert again == message


@pytest.mark.parametrize("name", ENDPOINT_ANSWERS)
def test_an_endpoint_answers_as_the_rfc_says(name: str):
    endpoint = SipEndpoint(
        contact=SipUri.parse("sip:user@192.0.2.99"),
        via_address=("192.0.2.99", 5060),
        ids=FixedIds(),
        user_agent="torture",
        accept=("application/sdp",),
    )
    endpoint.receive_datagram(VECTORS[name], ("192.0.2.200", 5060), now=0.0)
    events = []
    while (event := endpoint.next_event()) is not None:
        events.append(event)
    answers = endpoint.datagrams_to_send(now=0.0)
    if any(isinstance(event, InviteReceived) for event in events):
        assert ENDPOINT_ANSWERS[name] == "call"
    elif answers:
        assert [int(data.split()[1]) for data, _ in answers] == [ENDPOINT_ANSWERS[name]]
        # Where it came from, whatever its Via claims.
        assert answers[0][1][0] == "192.0.2.200"
    else:
        assert ENDPOINT_ANSWERS[name] is None


def test_wsinv_has_white_space_folding_and_escapes_everywhere():
    message = request("wsinv")
    assert message.method == "INVITE"
    assert SipUri.parse(message.uri).params == {"unknownparam": None}
    assert (str(message.to.uri), message.to.tag) == ("sip:vivekg@chair-dnrc.example.com", "1918181833n")
    assert message.from_.display == 'J Rosenberg \\"'
    assert (str(message.from_.uri), message.from_.tag) == ("sip:jdrosen@example.com", "98asjd8")
    assert message.max_forwards == 68
    assert message.call_id == "wsinv.ndaksdj@192.0.2.1"
    assert (message.cseq.number, message.cseq.method) == (9, "INVITE")
    assert [str(via) for via in message.vias] == [
        "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw",
        "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8",
        "SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239",
    ]
    assert message.headers.get("Subject") == ""
    assert message.headers.get("newfangledheader") == "newfangled value continued newfangled value"
    assert message.headers.get_all("UnknownHeaderWithUnusualValue") == [";;,,;;,;"]
    assert message.routes[0].uri.params == {"lr": None, "unknownwith": "value", "unknown-no-value": None}
    assert message.contact is not None
    assert message.contact.display == 'Quoted string ""'
    assert message.contact.params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert len(message.body) == 150


def test_intmeth_has_every_character_a_token_a_user_or_a_call_id_may_have():
    message = request("intmeth")
    assert message.method == message.cseq.method == "!interesting-Method0123456789_*+`.%indeed'~"
    uri = SipUri.parse(message.uri)
    assert uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert uri.host == "example.com"
    assert message.via.branch == "z9hG4bK-.!%66*_+`'~"
    assert message.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert message.from_.display == "token1~` token2'+_ token3*%!.-"
    assert message.from_.tag == "_token~1'+`*%!-."
    assert message.from_.params["fromparam''~+*_!.-%"] == '"работающий"'
    assert message.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert message.cseq.number == 139122385
    assert message.max_forwards == 255
    assert message.headers.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"


def test_esc01_resolves_escapes_once():
    message = request("esc01")
    assert SipUri.parse(message.uri).user_text == "sips:user@example.com"
    assert message.to.uri.user_text == "user"
    assert message.to.uri.matches(SipUri.parse("sip:user@example.com"))
    assert message.from_.uri.user_text == "I have spaces"
    assert message.contact is not None
    assert message.contact.uri.user_text == "caller"
    assert message.contact.uri.matches(SipUri.parse("sip:caller@host5.example.net;lr;name=value%2541"))
    assert not message.contact.uri.matches(SipUri.parse("sip:caller@host5.example.net;lr;name=valueA"))
    assert "lr" in message.contact.uri.params


def test_escnull_keeps_escaped_nulls():
    message = request("escnull")
    assert message.to.uri.user_text == message.from_.uri.user_text == "null-\0-null"
    assert [contact.uri.user_text for contact in message.contacts] == ["\0", "\0\0"]
    assert not message.contacts[0].uri.matches(message.contacts[1].uri)


def test_esc02_takes_no_percent_sign_for_an_escape_outside_of_uris():
    message = request("esc02")
    assert message.method == message.cseq.method == "RE%47IST%45R"
    assert message.to.display == message.from_.display == "%Z%45"
    assert message.via.branch == "z9hG4bK209%fzsnel234"
    assert [contact.uri.user for contact in message.contacts] == ["alias1", "alias3"]
    assert message.headers.get("C%6Fntact") == "<sip:alias2@host2.example.com>"


def test_lwsdisp_needs_no_space_after_the_display_name():
    message = request("lwsdisp")
    assert (message.from_.display, message.from_.tag) == ("caller", "323")


def test_longreq_has_long_values_and_34_vias():
    message = request("longreq")
    assert message.to.display == "I have a user name of " + "extreme" * 10 + " proportion"
    assert message.to.uri.port == 6000
    assert message.to.uri.params == {
        "unknownparam1": "very" + "long" * 20 + "value",
        "longparam" + "name" * 25: "shortvalue",
        "very" + "long" * 25 + "parameternamewithnovalue": None,
    }
    assert message.from_.uri.user == "amazinglylongcallername" * 5
    assert message.from_.tag == "12" + "982" * 50 + "424"
    assert message.call_id == "longreq.one" + "really" * 20 + "longcallid"
    assert [via.host for via in message.vias] == [
        *(f"sip{number}.example.com" for number in range(33, 0, -1)),
        "host.example.com",
    ]
    assert message.vias[-1].branch == "very" + "long" * 50 + "branchvalue"
    assert message.vias[-1].received == "192.0.2.5"
    assert len(message.body) == 150


def test_dblreq_drops_what_comes_after_the_content_length():
    message = request("dblreq")
    assert (message.method, message.body) == ("REGISTER", b"")
    assert message.call_id == "dblreq.0ha0isndaksdj99sdfafnl3lk233412"


def test_semiuri_has_semicolons_in_its_user_part():
    message = request("semiuri")
    uri = SipUri.parse(message.uri)
    assert (uri.user_text, uri.host, uri.params) == ("user;par=u@example.net", "example.com", {})
    assert message.headers.get_all("Accept") == [
        "application/sdp",
        "application/pkcs7-mime",
        "multipart/mixed",
        "multipart/signed",
        "message/sip",
        "message/sipfrag",
    ]


def test_transports_may_be_unknown():
    message = request("transports")
    assert [via.transport for via in message.vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def test_mpart01_has_a_binary_body():
    message = request("mpart01")
    assert len(message.body) == 553
    assert message.body.count(b"\0") == 2
    assert message.body.endswith(b"\r\n--7a9cbec02ceef655--\r\n")
    assert message.headers.get("Content-Type") == "multipart/mixed;boundary=7a9cbec02ceef655"


def test_unreason_has_a_reason_phrase_beyond_ascii():
    message = response("unreason")
    assert (message.status, message.reason) == (200, "= 2**3 * 5**2 но сто девяносто девять - простое")


def test_noreason_has_an_empty_reason_phrase():
    message = response("noreason")
    assert (message.status, message.reason) == (100, "")


def test_baddate_keeps_the_date_as_it_came():
    assert request("baddate").headers.get("Date") == "Fri, 01 Jan 2010 16:00:00 EST"


def test_badbranch_has_a_branch_that_identifies_nothing():
    assert request("badbranch").via.branch == "z9hG4bK"


def test_unkscm_has_a_request_uri_of_an_unknown_scheme():
    uri = SipUri.parse(request("unkscm").uri)
    assert (uri.scheme, uri.opaque) == ("nobodyknowsthisscheme", "totallyopaquecontent")


def test_novelsc_has_a_request_uri_of_another_scheme():
    uri = SipUri.parse(request("novelsc").uri)
    assert (uri.scheme, uri.opaque) == ("soap.beep", "//192.0.2.103:3002")


def test_unksm2_has_other_schemes_in_its_addresses():
    message = request("unksm2")
    assert message.contact is not None
    uris = (message.to.uri, message.from_.uri, message.contact.uri)
    assert [uri.scheme for uri in uris] == ["isbn", "http", "name"]
    assert message.from_.tag == "3234233"


def test_bext01_requires_what_nobody_supports():
    message = request("bext01")
    assert message.headers.get_all("Require") == ["nothingSupportsThis", "nothingSupportsThisEither"]
    assert message.headers.get_all("Proxy-Require") == ["noProxiesSupportThis", "norDoAnyProxiesSupportThis"]


def test_invut_has_a_body_of_unknown_type():
    message = request("invut")
    assert message.headers.get("Content-Type") == "application/unknownformat"
    assert len(message.body) == 40


def test_regaut01_has_credentials_of_an_unknown_scheme():
    value = request("regaut01").headers.get("Authorization")
    assert value is not None
    assert parse_auth_params(value) == ("NoOneKnowsThisScheme", {"opaque-data": "here"})


def test_bcast_shows_a_second_via_that_is_not_ours():
    message = response("bcast")
    assert [via.host for via in message.vias] == ["192.0.2.198", "255.255.255.255"]


def test_zeromf_has_max_forwards_zero():
    assert request("zeromf").max_forwards == 0


@pytest.mark.parametrize(
    ("name", "where"),
    [("cparam01", lambda contact: contact.params), ("cparam02", lambda contact: contact.uri.params)],
)
def test_cparam01_and_cparam02_differ_by_their_angle_brackets(name: str, where: Callable[..., object]):
    contact = request(name).contact
    assert contact is not None
    assert where(contact) == {"unknownparam": None}
    assert contact.params.keys() | contact.uri.params.keys() == {"unknownparam"}


def test_cparam02_has_its_parameter_in_the_uri():
    contact = request("cparam02").contact
    assert contact is not None
    assert contact.params == {}


def test_regescrt_has_a_header_in_its_contact():
    contact = request("regescrt").contact
    assert contact is not None
    assert contact.uri.headers == (("Route", "%3Csip:sip.example.com%3E"),)


def test_sdp01_accepts_nothing_we_have():
    assert request("sdp01").headers.get_all("Accept") == ["text/nobodyKnowsThis"]


def test_inv2543_lacks_what_rfc_2543_did_not_have():
    message = request("inv2543")
    assert (message.via.branch, message.max_forwards, message.contact) == (None, None, None)
    assert message.from_.tag is None
    assert message.to.params == {"user": "phone"}
    assert message.record_routes[0].uri.params == {"maddr": "ss1.example.com"}
    # No Content-Length: over UDP the body is the rest of the datagram.
    assert len(message.body) == 105
