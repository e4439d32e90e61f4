import pytest

from softphone.sip.errors import LocalSipError, SipError, SipParseError
from softphone.sip.headers import Headers
from softphone.sip.message import (
    MAX_HEADER_LINES,
    MAX_LIST_VALUES,
    MAX_MESSAGE_BYTES,
    Request,
    Response,
    parse_message,
)

INVITE = b"""INVITE sip:bob@biloxi.com SIP/2.0
Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds
Max-Forwards: 70
To: Bob <sip:bob@biloxi.com>
From: Alice <sip:alice@atlanta.com>;tag=1928301774
Call-ID: a84b4c76e66710@pc33.atlanta.com
CSeq: 314159 INVITE
Contact: <sip:alice@pc33.atlanta.com>
Content-Type: text/plain
Content-Length: 5

hello""".replace(b"\n", b"\r\n")

OK = b"""SIP/2.0 200 OK
Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds;received=192.0.2.1
To: Bob <sip:bob@biloxi.com>;tag=a6c85cf
From: Alice <sip:alice@atlanta.com>;tag=1928301774
Call-ID: a84b4c76e66710@pc33.atlanta.com
CSeq: 314159 INVITE
Contact: <sip:bob@192.0.2.4>
Content-Length: 0

""".replace(b"\n", b"\r\n")


def changed(message: bytes, old: str, new: str) -> bytes:
    assert old.encode() in message
    return message.replace(old.encode(), new.encode("utf-8", "surrogateescape"), 1)


def refusal(data: bytes) -> SipParseError:
    with pytest.raises(SipParseError) as caught:
        parse_message(data)
    return caught.value


def test_a_request_is_taken_apart():
    message = parse_message(INVITE)
    assert isinstance(message, Request)
    assert (message.method, message.uri, message.body) == ("INVITE", "sip:bob@biloxi.com", b"hello")
    assert message.call_id == "a84b4c76e66710@pc33.atlanta.com"
    assert (message.cseq.number, message.cseq.method) == (314159, "INVITE")
    assert (message.from_.display, message.from_.tag) == ("Alice", "1928301774")
    assert (message.to.display, message.to.tag) == ("Bob", None)
    assert (message.via.host, message.via.branch) == ("pc33.atlanta.com", "z9hG4bK776asdhds")
    assert message.contact is not None
    assert str(message.contact.uri) == "sip:alice@pc33.atlanta.com"
    assert (message.routes, message.record_routes, message.max_forwards) == ((), (), 70)


def test_a_response_is_taken_apart():
    message = parse_message(OK)
    assert isinstance(message, Response)
    assert (message.status, message.reason, message.body) == (200, "OK", b"")
    assert message.to.tag == "a6c85cf"
    assert message.via.received == "192.0.2.1"
    assert message.max_forwards is None


@pytest.mark.parametrize("data", [INVITE, OK])
def test_a_message_is_written_as_it_was_read(data: bytes):
    assert bytes(parse_message(data)) == data


def test_compact_names_save_bytes_and_mean_the_same():
    message = parse_message(INVITE)
    compact = message.to_bytes(compact=True)
    assert compact.split(b"\r\n")[1:] == [
        b"v:SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds",
        b"Max-Forwards:70",
        b"t:Bob <sip:bob@biloxi.com>",
        b"f:Alice <sip:alice@atlanta.com>;tag=1928301774",
        b"i:a84b4c76e66710@pc33.atlanta.com",
        b"CSeq:314159 INVITE",
        b"m:<sip:alice@pc33.atlanta.com>",
        b"c:text/plain",
        b"l:5",
        b"",
        b"hello",
    ]
    assert parse_message(compact) == message


def test_content_length_is_set_from_the_body():
    message = Request("OPTIONS", "sip:a@b", Headers([("Content-Length", "99"), ("To", "x")]), b"12345")
    assert bytes(message) == b"OPTIONS sip:a@b SIP/2.0\r\nTo: x\r\nContent-Length: 5\r\n\r\n12345"


def test_unknown_headers_keep_their_names_and_order():
    data = changed(INVITE, "Max-Forwards", 'X-oDD: ;;,"\r\nP-None:\r\nX-oDD: 2\r\nMax-Forwards')
    message = parse_message(data)
    names = [name for name, _ in message.headers.items()]
    assert names[:6] == ["Via", "X-oDD", "P-None", "X-oDD", "Max-Forwards", "To"]
    assert message.headers.get_all("x-odd") == [';;,"', "2"]
    assert message.headers.get("p-none") == ""


def test_folded_lines_are_one():
    data = changed(INVITE, "Alice <", "Alice\r\n \t <")
    data = changed(data, "INVITE\r\nContact", "\r\n\tINVITE\r\nContact")
    message = parse_message(data)
    assert (message.from_.display, message.cseq.method) == ("Alice", "INVITE")


def test_line_ends_before_the_start_line_are_ignored():
    assert parse_message(b"\r\n\r\n\r\n" + INVITE) == parse_message(INVITE)


def test_ipv6_references_are_understood_wherever_a_host_may_be():
    data = changed(INVITE, "pc33.atlanta.com;b", "[2001:db8::9:1]:6050;received=2001:db8::9:255;b")
    data = changed(data, "bob@biloxi.com SIP", "[2001:db8::10] SIP")
    data = changed(data, "alice@pc33", "[2001:db8::9:1]:6050>,<sip:x@pc33")
    message = parse_message(data)
    assert isinstance(message, Request)
    assert message.uri == "sip:[2001:db8::10]"
    assert (message.via.host, message.via.port) == ("2001:db8::9:1", 6050)
    assert message.via.received == "2001:db8::9:255"
    assert [(c.uri.host, c.uri.port) for c in message.contacts] == [
        ("2001:db8::9:1", 6050),
        ("pc33.atlanta.com", None),
    ]


def test_lists_may_be_lines_or_commas():
    lists = (
        'Route: <sip:p1;lr>,"Proxy, 2" <sip:p2;lr>\r\nRecord-Route: <sip:r1;lr>\r\nRoute: <sip:p3;lr>\r\n'
        'Record-Route: <sip:r2;lr>,<sip:r3;lr>\r\nv: SIP/2.0/TCP h2;x="a,b", SIP/2.0/TCP h3\r\nMax-Forwards'
    )
    message = parse_message(changed(INVITE, "Max-Forwards", lists))
    assert [route.uri.host for route in message.routes] == ["p1", "p2", "p3"]
    assert [route.uri.host for route in message.record_routes] == ["r1", "r2", "r3"]
    assert [via.host for via in message.vias] == ["pc33.atlanta.com", "h2", "h3"]


def test_a_star_contact_is_no_address():
    message = parse_message(changed(INVITE, "<sip:alice@pc33.atlanta.com>", "*"))
    assert (message.contact, message.contacts) == (None, ())
    assert refusal(changed(INVITE, "<sip:alice@pc33.atlanta.com>", "*, <sip:a@b>")).status == 400


def test_missing_max_forwards_and_contact_are_no_fault():
    data = changed(INVITE, "Max-Forwards: 70\r\n", "")
    message = parse_message(changed(data, "Contact: <sip:alice@pc33.atlanta.com>\r\n", ""))
    assert (message.max_forwards, message.contact) == (None, None)


def test_bytes_beyond_content_length_are_discarded():
    assert parse_message(changed(INVITE, "Content-Length: 5", "Content-Length: 2")).body == b"he"
    assert parse_message(INVITE + b"\r\n").body == b"hello"


def test_without_content_length_the_body_is_the_rest_of_the_datagram():
    assert parse_message(changed(INVITE, "Content-Length: 5\r\n", "") + b"\0\xff").body == b"hello\0\xff"


@pytest.mark.parametrize(
    "length", ["6", "-5", "+5", "5.0", "0x5", "", "5 5", "five", "4294967296", "9" * 6000, "²"]
)
def test_a_bad_content_length_is_answered_400(length: str):
    error = refusal(changed(INVITE, "Content-Length: 5", f"Content-Length: {length}"))
    assert error.status == 400
    assert error.partial is not None
    assert error.partial.call_id == "a84b4c76e66710@pc33.atlanta.com"


def test_a_leading_zero_in_content_length_is_no_fault():
    assert parse_message(changed(INVITE, "Content-Length: 5", "Content-Length: 0005")).body == b"hello"


@pytest.mark.parametrize("name", ["Via", "To", "From", "Call-ID", "CSeq"])
def test_a_missing_header_is_named(name: str):
    lines = INVITE.split(b"\r\n")
    data = b"\r\n".join(line for line in lines if not line.startswith(name.encode() + b":"))
    error = refusal(data)
    assert error.reason == f"Missing {name} header field"
    assert (error.partial is None) == (name == "Via")


@pytest.mark.parametrize("name", ["To", "From", "Call-ID", "CSeq", "Max-Forwards", "Content-Length"])
def test_a_header_that_comes_twice_is_refused(name: str):
    lines = INVITE.split(b"\r\n")
    line = next(line for line in lines if line.startswith(name.encode() + b":"))
    error = refusal(INVITE.replace(line, line + b"\r\n" + line))
    assert error.reason == f"{name} must come once, got 2"
    assert error.partial is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Alice <", "Alice, A <"),
        ("<sip:bob@biloxi.com>", "<sip:bob@biloxi.com"),
        ("<sip:alice@pc33.atlanta.com>", "<sip:alice@>"),
        ("Max-Forwards: 70", "Max-Forwards: 256"),
        ("Max-Forwards: 70", "Max-Forwards: -1"),
        ("Max-Forwards: 70", "Route: sip:a?b\r\nMax-Forwards: 70"),
        ("Max-Forwards: 70", "Record-Route: ,\r\nMax-Forwards: 70"),
        ("Max-Forwards: 70", "no colon\r\nMax-Forwards: 70"),
        ("Max-Forwards: 70", ": no name\r\nMax-Forwards: 70"),
        ("Max-Forwards: 70", "b(d: name\r\nMax-Forwards: 70"),
        ("Call-ID: a84b", "Call-ID: a 84b"),
        ("Call-ID: a84b", "Call-ID: ä84b"),
        ("CSeq: 314159", "CSeq: 2147483648"),
        ("70\r\n", "70\n"),
        ("70\r\n", "70\r"),
        ("Alice <", "\x07 <"),
        ("Alice <", '"\x00" <'),
        ("Content-Type: text", "Content-Type: \x1btext"),
        ("INVITE sip:bob@biloxi.com ", "INVITE sip:bob@biloxi.com\t"),
        ("INVITE sip:bob@biloxi.com ", "INVITE bob@biloxi.com "),
        ("INVITE sip:bob@biloxi.com ", "INVITE "),
        ("SIP/2.0\r\nVia", "SIP/2\r\nVia"),
        ("SIP/2.0\r\nVia", "HTTP/1.1\r\nVia"),
    ],
)  # fmt: skip
def test_a_syntax_fault_is_answered_400(old: str, new: str):
    error = refusal(changed(INVITE, old, new))
    assert (error.status, error.partial is not None) == (400, True)


def test_another_version_is_answered_505():
    error = refusal(changed(INVITE, "SIP/2.0\r\nVia", "SIP/3.0\r\nVia"))
    assert (error.status, error.partial is not None) == (505, True)
    assert parse_message(changed(INVITE, "SIP/2.0\r\nVia", "sip/2.0\r\nVia")) == parse_message(INVITE)


def test_the_version_may_be_in_lower_case():
    assert parse_message(changed(OK, "SIP/2.0 200", "sip/2.0 200")) == parse_message(OK)


def test_a_broken_response_is_dropped():
    for old, new in (
        ("200", "099"),
        ("200", "700"),
        ("200", "20"),
        ("200", "2000"),
        ("200", "0200"),
        ("200", "+20"),
        ("SIP/2.0 200 OK", "SIP/2.0  200 OK"),
        ("SIP/2.0 200", "SIP/7.0 200"),
        ("CSeq: 314159", "CSeq: x"),
        ("Content-Length: 0", "Content-Length: 1"),
        ("\r\n\r\n", "\r\n"),
    ):
        assert refusal(changed(OK, old, new)).partial is None


def test_an_ack_is_never_answered():
    ack = INVITE.replace(b"INVITE", b"ACK")
    assert isinstance(parse_message(ack), Request)
    assert refusal(changed(ack, "Max-Forwards: 70", "Max-Forwards: x")).partial is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\0\0\0\0",
        b"x",
        b" ",
        b"INVITE",
        b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        b"\x80\x60\0\1" * 40,
    ],
)
def test_what_is_no_message_is_dropped(data: bytes):
    assert refusal(data).partial is None


def test_a_request_cut_in_its_headers_is_answered_400():
    error = refusal(INVITE[: INVITE.index(b"Content-Type")])
    assert (error.status, "empty line" in error.reason) == (400, True)
    assert error.partial is not None


def test_a_line_that_is_cut_is_not_copied_into_the_answer():
    partial = refusal(INVITE[: INVITE.index(b"a84b4c76e66710") + 5]).partial
    assert partial is not None
    assert partial.from_.tag == "1928301774"
    assert partial.headers.get("Call-ID") is None


def test_broken_vias_are_made_readable_for_the_answer():
    data = changed(INVITE, "branch=z9hG4bK776asdhds", ";branch=z9hG4bK776asdhds;,,SIP/2.0/UDP h2,x")
    partial = refusal(data).partial
    assert partial is not None
    assert [str(via) for via in partial.vias] == [
        "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds",
        "SIP/2.0/UDP h2",
    ]
    assert refusal(changed(INVITE, "SIP/2.0/UDP pc33", "UDP pc33")).partial is None


def test_a_reason_phrase_of_a_refusal_is_one_short_line_of_ascii():
    reason = refusal(changed(INVITE, "Alice <", "ä" * 200 + "\udcff, <")).reason
    assert len(reason) <= 80
    assert reason.isascii()
    assert reason.isprintable()


def test_broken_utf8_is_carried_through_byte_by_byte():
    data = INVITE.replace(b"Alice <", b'"M\xfcller" <')
    message = parse_message(data)
    assert message.from_.display == "M\ufffdller"
    assert bytes(message) == data
    response = parse_message(OK.replace(b"OK", b"Gr\xfc\xdf"))
    assert isinstance(response, Response)
    assert response.reason == "Gr\ufffd\ufffd"


def test_a_reason_phrase_cannot_carry_terminal_controls():
    response = parse_message(OK.replace(b"OK", b"\\\x1b[31m\xc2\x9b1m\tred"))
    assert isinstance(response, Response)
    assert response.reason == "\\\ufffd[31m\ufffd1m\tred"


@pytest.mark.parametrize(
    "message",
    [
        Request("IN VITE", "sip:a@b"),
        Request("", "sip:a@b"),
        Request("INVITE", ""),
        Request("INVITE", "sip:a b"),
        Request("INVITE", "sip:a@b SIP/2.0\r\nEvil: 1\r\n"),
        Response(99, "x"),
        Response(700, "x"),
        Response(200, "OK\r\nEvil: 1"),
        Response(200, "\ud800"),
    ],
)
def test_what_cannot_be_sent_is_our_own_fault(message: Request | Response):
    with pytest.raises(LocalSipError):
        bytes(message)


def test_both_errors_are_value_errors_of_one_tree():
    for error in (SipParseError, LocalSipError):
        assert issubclass(error, SipError)
        assert issubclass(error, ValueError)


def test_a_message_has_its_limits():
    lines = "X: y\r\n" * (MAX_HEADER_LINES - 9)
    assert len(parse_message(changed(INVITE, "Max", lines + "Max")).headers) == MAX_HEADER_LINES
    assert refusal(changed(INVITE, "Max", lines + "X: y\r\nMax")).partial is not None
    contacts = "<sip:a>," * MAX_LIST_VALUES
    assert len(parse_message(changed(INVITE, "<sip:alice@pc33.atlanta.com>", contacts[:-1])).contacts) == 128
    assert refusal(changed(INVITE, "<sip:alice@pc33.atlanta.com>", contacts + "<sip:a>")).status == 400
    body = b"x" * (MAX_MESSAGE_BYTES - len(INVITE) + 1)
    data = changed(INVITE, "Content-Length: 5\r\n", "Content-Length: 05\r\n")[: -len(b"hello")]
    assert len(parse_message(data + body[: MAX_MESSAGE_BYTES - len(data)]).body) == 5
    assert refusal(INVITE + b"x" * MAX_MESSAGE_BYTES).status == 513
