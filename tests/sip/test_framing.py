"""Messages out of a stream, whatever pieces it comes in (RFC 3261 section 18.3)."""

import random

import pytest

from softphone.sip.framing import FramingError, Keepalive, StreamFramer

SHORT = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n"
BODY = b"MESSAGE sip:a@b SIP/2.0\r\nl : 11\r\nSubject: Content-Length: 4\r\n\r\nhello\r\n\r\nyo"
FOLDED = b"MESSAGE sip:a@b SIP/2.0\r\nCONTENT-LENGTH:\r\n 2\r\n\r\nhi"


def fed(data, *sizes):
    framer, whole, at = StreamFramer(), [], 0
    for size in sizes:
        whole += framer.feed(data[at : at + size])
        at += size
    return whole + framer.feed(data[at:])


def test_pieces_of_any_length_give_the_same_messages():
    stream = SHORT + BODY + FOLDED + SHORT
    rng = random.Random(1)
    for _ in range(300):
        sizes = [rng.randint(0, 30) for _ in range(20)]
        assert fed(stream, *sizes) == [SHORT, BODY, FOLDED, SHORT]
    assert fed(stream, *[1] * len(stream)) == [SHORT, BODY, FOLDED, SHORT]


def test_line_ends_before_a_message_are_skipped_and_keep_alives_told():
    assert fed(b"\r\n\r\n" + SHORT) == [Keepalive.PING, SHORT]
    assert fed(b"\r\n" + SHORT) == [Keepalive.PONG, SHORT]
    assert fed(SHORT + b"\r\n\r\n\r\n\r\n") == [SHORT, Keepalive.PING, Keepalive.PING]


def test_a_message_that_has_begun_is_known():
    framer = StreamFramer()
    assert not framer.is_partial
    framer.feed(b"\r\n")
    assert not framer.is_partial
    framer.feed(SHORT[:-1])
    assert framer.is_partial
    framer.feed(SHORT[-1:])
    assert not framer.is_partial


@pytest.mark.parametrize(
    "stream",
    [
        b"OPTIONS sip:a@b SIP/2.0\r\nFrom: x\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 12 x\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 65536\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nX: " + 16_384 * b"x",
    ],
)
def test_what_has_no_end_or_too_far_an_end_breaks_the_stream(stream):
    with pytest.raises(FramingError):
        fed(stream)


def test_any_bytes_give_messages_or_the_one_error_and_little_is_kept():
    rng = random.Random(2)
    alphabet = [
        b"\r\n",
        b"\r",
        b"\n",
        b"Content-Length: ",
        b"l:",
        b"3",
        b"x",
        b" ",
        b"\0",
        b":",
        SHORT,
        b"\xff",
    ]
    for _ in range(2000):
        framer = StreamFramer()
        try:
            for _ in range(40):
                framer.feed(b"".join(rng.choices(alphabet, k=5)))
                assert len(framer._pending) < 70_000
        except FramingError:
            continue
