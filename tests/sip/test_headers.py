import pytest

from softphone.sip.errors import LocalSipError, SipParseError
from softphone.sip.headers import CSeq, Headers, Via, parse_auth_params


def test_names_are_case_insensitive_and_compact_names_are_long_ones():
    headers = Headers([("v", "SIP/2.0/UDP a"), ("CALL-ID", "1"), ("X-Own", "2")])
    assert list(headers.items()) == [("Via", "SIP/2.0/UDP a"), ("Call-ID", "1"), ("X-Own", "2")]
    assert headers.get("i") == headers.get("call-id") == headers.get("Call-ID") == "1"
    assert headers.get("x-own") == "2"
    assert "VIA" in headers
    assert "Contact" not in headers


# RFC 3261 section 20 and the IANA registry of header fields
COMPACT = """
a Accept-Contact, b Referred-By, c Content-Type, d Request-Disposition, e Content-Encoding, f From,
i Call-ID, j Reject-Contact, k Supported, l Content-Length, m Contact, o Event, r Refer-To, s Subject, t To,
u Allow-Events, v Via, x Session-Expires, y Identity
"""


@pytest.mark.parametrize(("compact", "name"), [pair.split() for pair in COMPACT.split(",")])
def test_every_compact_name_of_the_registry_is_known(compact: str, name: str):
    assert list(Headers([(compact, "x"), (compact.upper(), "y")]).items()) == [(name, "x"), (name, "y")]


def test_get_gives_the_first_line_and_get_all_the_elements_of_all_lines():
    headers = Headers([("Allow", "INVITE, ACK"), ("Subject", "a, b"), ("Allow", "BYE")])
    assert headers.get("Allow") == "INVITE, ACK"
    assert headers.get_all("Allow") == ["INVITE", "ACK", "BYE"]
    assert headers.get_all("Subject") == ["a, b"]
    assert headers.get("To") is None
    assert headers.get_all("To") == []


def test_a_challenge_is_not_split_at_its_commas():
    value = 'Digest realm="a", nonce="b"'
    assert Headers([("WWW-Authenticate", value)]).get_all("WWW-Authenticate") == [value]


def test_commas_in_quotes_and_angle_brackets_do_not_split():
    headers = Headers([("Contact", '"Bell, A \\" ," <sip:a,b@c;x>;q=1 , <sip:d@e?f=g,h>,sip:i@j')])
    assert headers.get_all("Contact") == [
        '"Bell, A \\" ," <sip:a,b@c;x>;q=1',
        "<sip:d@e?f=g,h>",
        "sip:i@j",
    ]


@pytest.mark.parametrize("value", ['a, "open, b', "a, <open, b", '"', "<", 'a,"\\'])
def test_what_is_not_closed_is_one_element_to_the_end(value: str):
    assert ", ".join(Headers([("Contact", value)]).get_all("Contact")).replace(" ", "") == value.replace(
        " ", ""
    )


def test_empty_elements_of_a_list_are_passed_over():
    assert Headers([("Supported", ""), ("Supported", "a,, b ,")]).get_all("Supported") == ["a", "b"]


def test_set_replaces_all_at_the_first_place():
    headers = Headers([("A", "1"), ("B", "2"), ("A", "3"), ("C", "4")])
    headers.set("a", "5")
    assert [value for _, value in headers.items()] == ["5", "2", "4"]
    headers.set("D", "6")
    assert headers.get("d") == "6"


def test_prepend_puts_a_line_before_all_others_and_remove_drops_all():
    headers = Headers([("Via", "SIP/2.0/UDP b"), ("To", "x")])
    headers.prepend("Via", "SIP/2.0/UDP a")
    assert headers.get_all("Via") == ["SIP/2.0/UDP a", "SIP/2.0/UDP b"]
    headers.remove("v")
    assert list(headers) == [("To", "x")]
    headers.remove("nothing")
    assert len(headers) == 1


def test_a_copy_is_independent():
    headers = Headers([("To", "x")])
    copy = headers.copy()
    copy.add("From", "y")
    assert "From" not in headers
    assert headers != copy


@pytest.mark.parametrize("value", ["a\r\nEvil: b", "a\nb", "a\rb", "a\r\n b", "a\x00b", "\x7f"])
def test_a_value_cannot_smuggle_in_a_line(value: str):
    headers = Headers()
    for write in (headers.add, headers.set, headers.prepend):
        with pytest.raises(LocalSipError):
            write("Subject", value)
    assert len(headers) == 0


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\n", "ä"])
def test_a_header_name_must_be_a_token(name: str):
    with pytest.raises(LocalSipError):
        Headers([(name, "x")])


def test_a_value_is_parsed_once_until_it_changes():
    calls = []

    def parse(values: list[str]) -> int:
        calls.append(values)
        return len(values)

    headers = Headers([("Route", "<sip:a>, <sip:b>")])
    assert [headers.parsed("Route", parse), headers.parsed("Route", parse)] == [2, 2]
    headers.add("Route", "<sip:c>")
    assert headers.parsed("Route", parse) == 3
    headers.remove("Route")
    assert headers.parsed("Route", parse) == 0
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("text", "transport", "host", "port", "params"),
    [
        ("SIP/2.0/UDP a.example", "UDP", "a.example", None, {}),
        ("SIP/2.0/udp a.b:5061;branch=z9;rport", "UDP", "a.b", 5061, {"branch": "z9", "rport": None}),
        ("SIP / 2.0 / TCP \t [2001:db8::9] : 6050 ; Branch = x", "TCP", "2001:db8::9", 6050, {"branch": "x"}),
        ("SIP/2.0/UDP h : 5070", "UDP", "h", 5070, {}),
        ("SIP/2.0/UDP h;received=[2001:db8::1]", "UDP", "h", None, {"received": "[2001:db8::1]"}),
        ("SIP/2.0/TLS-SCTP h;maddr=224.2.0.1", "TLS-SCTP", "h", None, {"maddr": "224.2.0.1"}),
    ],
)  # fmt: skip
def test_a_via_is_taken_apart(
    text: str, transport: str, host: str, port: int | None, params: dict[str, str | None]
):
    via = Via.parse(text)
    assert (via.protocol, via.transport, via.host, via.port, via.params) == (
        "SIP/2.0",
        transport,
        host,
        port,
        params,
    )
    assert Via.parse(str(via)) == via


def test_a_via_says_where_the_receiver_saw_it_come_from():
    via = Via.parse("SIP/2.0/UDP h;branch=b;rport;received=[2001:db8::1]")
    assert (via.branch, via.rport, via.received) == ("b", None, "2001:db8::1")
    stamped = via.with_params(rport="5099", received="2001:db8::2")
    assert (stamped.rport, stamped.received) == (5099, "2001:db8::2")
    assert str(stamped) == "SIP/2.0/UDP h;branch=b;rport=5099;received=2001:db8::2"
    assert Via.parse("SIP/2.0/UDP h;rport=x").rport is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 UDP h",
        "SIP/2.0/UDP/x h",
        "SIP/2.0/UDP h i",
        "SIP/2.0/UDP h:",
        "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP [::1",
        "SIP/2.0/UDP h;",
        "SIP/2.0/UDP h;;branch=x",
        "SIP/2.0/UDP h;branch=x;branch=y",
        "SIP/2.0/U@P h",
        "SIP/2.0/UDP h@i",
        ";branch=x",
    ],
)
def test_what_is_no_via_is_refused(text: str):
    with pytest.raises(SipParseError):
        Via.parse(text)


def test_a_cseq_is_a_number_and_a_method():
    assert CSeq.parse("0009 \t INVITE") == CSeq(9, "INVITE")
    assert str(CSeq(9, "INVITE")) == "9 INVITE"
    assert CSeq.parse("2147483647 BYE").number == 2**31 - 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "INVITE",
        "1 2 INVITE",
        "-1 INVITE",
        "1 IN(VITE",
        "2147483648 BYE",
        "9" * 5000 + " BYE",
        "x BYE",
        "1.0 BYE",
        "² BYE",
    ],
)
def test_what_is_no_cseq_is_refused(text: str):
    with pytest.raises(SipParseError):
        CSeq.parse(text)


def test_a_digest_challenge_is_taken_apart():
    value = (
        'Digest\trealm="atlanta, \\"GA\\"",\tNONCE = "84a4cc", algorithm=MD5, qop="auth,auth-int" ,,'
        ' stale=FALSE, uri="sip:a;b"'
    )
    assert parse_auth_params(value) == (
        "Digest",
        {
            "realm": 'atlanta, "GA"',
            "nonce": "84a4cc",
            "algorithm": "MD5",
            "qop": "auth,auth-int",
            "stale": "FALSE",
            "uri": "sip:a;b",
        },
    )


def test_a_scheme_without_parameters_has_none():
    assert parse_auth_params(" Negotiate ") == ("Negotiate", {})


@pytest.mark.parametrize(
    "value",
    [
        "",
        'realm="a"',
        "Digest realm",
        'Digest realm="a',
        "Digest a=1, A=2",
        "Digest =x",
        "Digest a b=c",
        "Digest a=b c",
    ],
)
def test_what_are_no_credentials_is_refused(value: str):
    with pytest.raises(SipParseError):
        parse_auth_params(value)
