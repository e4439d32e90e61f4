"""Invariant: any bytes are one message or one SipParseError, and nothing that is read from either raises."""

import contextlib
import pathlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softphone.sip.errors import LocalSipError, SipParseError
from softphone.sip.headers import CSeq, Headers, Via, parse_auth_params
from softphone.sip.message import MAX_MESSAGE_BYTES, Request, Response, parse_message
from softphone.sip.uri import NameAddr, SipUri, escape_user

VECTORS = {path.stem: path.read_bytes() for path in (pathlib.Path(__file__).parent / "rfc4475").glob("*.dat")}
NAMES = sorted(VECTORS)
# Bytes that mean something somewhere in the grammar, and some that mean nothing anywhere
MARKS = b'\r\n\t "\\<>,;:=@?%/*[](){}.-\x000Aaz\x7f\x80\xc3\xff'
HEADER_START = (
    b"INVITE sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\nFrom: <sip:a@b>;tag=1\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
)


def check(data: bytes) -> bool:
    """Whether *data* is a message."""
    try:
        message = parse_message(data)
    except SipParseError as error:
        look_at(error)
        return False
    read_all(message)
    for written in (bytes(message), message.to_bytes(compact=True)):
        again = parse_message(written)
        assert type(again) is type(message)
        assert again.body == message.body
        assert lines_of(again) == lines_of(message)
    return True


def look_at(error: SipParseError) -> None:
    assert 400 <= error.status <= 699
    assert error.reason.isascii()
    assert error.reason.isprintable()
    if error.partial is not None:
        assert error.partial.method != "ACK"
        assert error.partial.via.host
        for name in ("Via", "From", "To", "Call-ID", "CSeq", "Route", "Contact"):
            error.partial.headers.get_all(name)


def read_all(message: Request | Response) -> None:
    assert message.via is message.vias[0]
    assert message.call_id
    assert message.cseq.method
    addresses = [message.from_, message.to, *message.contacts, *message.routes, *message.record_routes]
    for address in addresses:
        again = NameAddr.parse(str(address))
        assert again == address
        assert again.uri.matches(address.uri)
    for via in message.vias:
        assert Via.parse(str(via)) == via
        assert via.rport is None or via.rport >= 0
    assert message.max_forwards is None or 0 <= message.max_forwards <= 255
    for name in dict(message.headers):
        assert name in message.headers
        message.headers.get_all(name)
    if isinstance(message, Request):
        SipUri.parse(message.uri)


def lines_of(message: Request | Response) -> list[tuple[str, str]]:
    return [line for line in message.headers.items() if line[0] != "Content-Length"]


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=300)
def test_any_bytes(data: bytes):
    check(data)


@given(
    st.text(max_size=80),
    st.text(max_size=80),
    st.sampled_from(["Via", "To", "Contact", "m", "Route", "CSeq", "X"]),
)
@settings(deadline=None, max_examples=300)
def test_any_text_as_a_header(value: str, tail: str, name: str):
    head = HEADER_START + b"Via: SIP/2.0/UDP a\r\n"
    check(head + f"{name}: {value}\r\n\r\n{tail}".encode("utf-8", "surrogatepass"))


@given(st.text(alphabet=MARKS.decode("latin-1"), max_size=60))
@settings(deadline=None, max_examples=500)
def test_any_marks_as_a_header(value: str):
    text = value.encode("latin-1")
    for name in (b"Via: SIP/2.0/UDP h;", b"Via: ", b"Contact: ", b'Route: "', b"Max-Forwards: "):
        check(HEADER_START + b"Via: SIP/2.0/UDP a\r\n" + name + text + b"\r\n\r\n")


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=300)
def test_any_text_as_a_value(text: str):
    for parse in (SipUri.parse, NameAddr.parse, Via.parse, CSeq.parse):
        try:
            value = parse(text)
        except SipParseError:
            continue
        assert parse(str(value)) == value
    with contextlib.suppress(SipParseError):
        parse_auth_params(text)
    if text:
        assert SipUri.parse(f"sip:{escape_user(text)}@h").user_text == text


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=30)), max_size=6), st.text(max_size=20))
@settings(deadline=None, max_examples=300)
def test_whatever_headers_can_be_written_can_be_read(items: list[tuple[str, str]], display: str):
    head = parse_message(HEADER_START + b"v: SIP/2.0/UDP a\r\n\r\n")
    headers = head.headers
    for name, value in items:
        try:
            headers.add(f"X-{name}", value)
        except LocalSipError:
            continue
    try:
        headers.set("To", str(NameAddr(SipUri.parse("sip:a@b"), display)))
        data = bytes(head)
    except LocalSipError:
        return
    again = parse_message(data)
    assert lines_of(again) == lines_of(head)
    assert again.to.display == display.strip(" \t") or display != display.strip(" \t")


@pytest.mark.parametrize("name", NAMES)
def test_a_torture_message_cut_at_each_byte(name: str):
    data = VECTORS[name]
    body = data.index(b"\r\n\r\n") + 4
    for end in range(min(body + 20, len(data))):
        accepted = check(data[:end])
        # Nothing is a message before its headers end.
        assert not accepted or end >= body


@pytest.mark.parametrize("name", NAMES)
def test_a_torture_message_with_each_byte_changed_dropped_or_doubled(name: str):
    data = VECTORS[name]
    rng = random.Random(name)
    for at in range(0, data.index(b"\r\n\r\n") + 6, 1 if len(data) < 1000 else 5):
        mark = bytes([rng.choice(MARKS)])
        check(data[:at] + mark + data[at + 1 :])
        check(data[:at] + data[at + 1 :])
        check(data[:at] + mark + data[at:])


@pytest.mark.parametrize("name", NAMES)
def test_two_torture_messages_spliced(name: str):
    rng = random.Random(name)
    for _ in range(30):
        other = VECTORS[rng.choice(NAMES)]
        check(VECTORS[name][: rng.randrange(600)] + other[rng.randrange(len(other)) :])


PIECES = (
    *(
        b'"',
        b"\\",
        b'"\\',
        b"<",
        b"<>",
        b",",
        b";",
        b";a",
        b";a=",
        b" ",
        b"\t",
        b"\r\n ",
        b"a",
        b"a ",
        b"a.",
        b"-",
    ),
    *(
        b"%",
        b"%4",
        b"%41",
        b"@",
        b":",
        b"[",
        b"[::",
        b"1",
        b"0",
        b"?a=b&",
        b"?",
        b"\xff",
        b"\x00",
        b"SIP/",
        b"/ ",
    ),
    *(b"<sip:a@b>,", b"sip:a,", b'"a" <', b"SIP/2.0/UDP a,"),
)
STARTS = (
    *(b"To: ", b'To: "', b"To: <sip:", b"Via: ", b"Via: SIP/2.0/UDP a;b=", b"Contact: ", b'Contact: "'),
    *(b"CSeq: ", b"Call-ID: ", b"Content-Length: ", b"X: ", b"X"),
)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("start", STARTS)
def test_the_largest_message_of_one_piece_takes_no_more_than_linear_time(start: bytes):
    # All pieces together take about a second; with a quadratic step, one alone would pass the limit.
    head = HEADER_START + b"Via: SIP/2.0/UDP a\r\n" + start
    for piece in PIECES:
        check(head + piece * ((MAX_MESSAGE_BYTES - 100 - len(head)) // len(piece)) + b"\r\n\r\n")


def test_the_largest_message_of_line_ends_or_of_headers_takes_no_more_than_linear_time():
    for piece in (b"\r\n", b"\n", b"\r", b"a: b\r\n", b":\r\n", b" \r\n", b"v:a\r\n", b"\r\n "):
        check(piece * (MAX_MESSAGE_BYTES // len(piece)))
        check(HEADER_START + piece * ((MAX_MESSAGE_BYTES - len(HEADER_START)) // len(piece)))


def test_headers_from_any_lines_can_be_read():
    headers = Headers.from_lines(["a", "v : 1", "\x00: 2", "x-y:"], skip_bad=True)
    assert list(headers.items()) == [("Via", "1"), ("x-y", "")]
