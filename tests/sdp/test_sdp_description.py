import pytest

from softphone.sdp.description import (
    MAX_DESCRIPTION_BYTES,
    Attribute,
    Bandwidth,
    Connection,
    MediaDescription,
    Origin,
    SessionDescription,
)
from softphone.sdp.errors import LocalSdpError, SdpError, SdpParseError

# What sipp's built-in caller scenario sends.
SIPP = (
    b"v=0\r\no=user1 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
# Every kind of line, in the order of RFC 8866 section 5.
FULL = (
    b"v=0\r\no=alice 1 2 IN IP6 2001:db8::1\r\ns=A call\r\ni=about\r\nu=http://a.example/\r\n"
    b"e=a@a.example\r\np=+1 555\r\nc=IN IP6 2001:db8::1\r\nb=AS:64\r\nt=10 20\r\nr=7d 1h 0\r\nt=30 40\r\n"
    b"z=2882844526 -1h\r\nk=prompt\r\na=tool:x\r\na=recvonly\r\n"
    b"m=audio 49170/2 RTP/AVP 0 96\r\ni=left\r\nc=IN IP4 224.2.36.42/127/2\r\nb=AS:32\r\nb=TIAS:28000\r\n"
    b"k=clear:x\r\na=rtpmap:96 opus/48000/2\r\na=sendrecv\r\nm=video 0 RTP/AVP 31\r\n"
)


@pytest.mark.parametrize("body", [SIPP, FULL])
def test_what_is_written_is_what_was_read(body):
    assert bytes(SessionDescription.parse(body)) == body


def test_each_line_lands_in_its_field():
    description = SessionDescription.parse(FULL)
    assert description.origin == Origin("alice", 1, 2, "IP6", "2001:db8::1")
    assert description.connection == Connection("IP6", "2001:db8::1")
    assert description.bandwidths == (Bandwidth("AS", 64),)
    assert description.timing == "10 20"
    assert description.attributes == (Attribute("tool", "x"), Attribute("recvonly"))
    assert ("t", "30 40") in description.other
    audio, video = description.media
    assert audio == MediaDescription(
        "audio",
        49170,
        "RTP/AVP",
        ("0", "96"),
        port_count=2,
        connection=Connection("IP4", "224.2.36.42", "127/2"),
        bandwidths=(Bandwidth("AS", 32), Bandwidth("TIAS", 28000)),
        attributes=(Attribute("rtpmap", "96 opus/48000/2"), Attribute("sendrecv")),
        other=(("i", "left"), ("k", "clear:x")),
    )
    assert (video.kind, video.port, video.formats) == ("video", 0, ("31",))


def test_bare_line_feeds_and_blank_lines_are_taken():
    loose = b"\n" + SIPP.replace(b"\r\n", b"\n").replace(b"t=0 0\n", b"t=0 0\n\n") + b"\r\n\r\n"
    assert SessionDescription.parse(loose) == SessionDescription.parse(SIPP)


def test_a_missing_last_line_end_is_taken():
    assert SessionDescription.parse(SIPP[:-2]) == SessionDescription.parse(SIPP)


def test_missing_s_and_t_lines_are_taken_as_empty():
    body = SIPP.replace(b"s=-\r\n", b"").replace(b"t=0 0\r\n", b"")
    assert bytes(SessionDescription.parse(body)) == SIPP


def test_an_empty_user_name_is_taken_as_a_dash():
    body = SIPP.replace(b"o=user1 ", b"o= ")
    assert SessionDescription.parse(body).origin.username == "-"


def test_unknown_letters_are_kept_and_written_back():
    body = SIPP.replace(b"t=0 0\r\n", b"t=0 0\r\nX=what\r\n") + b"y=0\r\n"
    description = SessionDescription.parse(body)
    assert description.other == (("X", "what"),)
    assert description.media[0].other == (("y", "0"),)
    assert SessionDescription.parse(bytes(description)) == description


def test_lines_out_of_order_are_written_in_order():
    shuffled = SIPP.replace(
        b"s=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n", b"t=0 0\r\nc=IN IP4 127.0.0.1\r\ns=-\r\n"
    )
    assert bytes(SessionDescription.parse(shuffled)) == SIPP


def test_bytes_that_are_not_utf8_survive():
    body = SIPP.replace(b"s=-", b"s=\xff\xfe\xe9")
    assert bytes(SessionDescription.parse(body)) == body


def test_an_unreadable_bandwidth_is_kept_not_refused():
    body = SIPP.replace(b"t=0 0", b"b=AS:much\r\nt=0 0")
    description = SessionDescription.parse(body)
    assert description.bandwidths == ()
    assert b"b=AS:much\r\n" in bytes(description)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "v=0"),
        (b"hello", "x=value"),
        (SIPP.replace(b"v=0", b"v=1"), "v=0"),
        (SIPP.replace(b"o=user1 53655765 2353687637 IN IP4 127.0.0.1\r\n", b""), "o= line, got none"),
        (SIPP.replace(b"53655765", b"abc"), "two numbers"),
        (SIPP.replace(b"53655765", b"9" * 5000), "two numbers"),
        (SIPP.replace(b"s=-", b"s=-\r\ns=again"), "one s= line"),
        (SIPP.replace(b"c=IN IP4 127.0.0.1", b"c=IN IP4"), "c= wants"),
        (SIPP.replace(b"c=IN IP4 127.0.0.1", b"c=ATM IP4 127.0.0.1"), "c= wants IN"),
        (SIPP.replace(b"audio 6000", b"audio 65536"), "a port"),
        (SIPP.replace(b"audio 6000", b"audio port"), "a port"),
        (SIPP.replace(b"m=audio 6000 RTP/AVP 0", b"m=audio"), "a port"),
        (SIPP.replace(b"s=-", b"s=a\rb"), "line 3"),
        (SIPP.replace(b"s=-", b"s=a\0b"), "line 3"),
        (SIPP + b"m=audio 0 RTP/AVP 0\r\n" * 40, "at most 32 m= lines"),
        (SIPP + b"a=x\r\n" * 2000, "at most 1000 lines"),
        (SIPP + b"a=" + b"x" * MAX_DESCRIPTION_BYTES, "at most 32768 bytes"),
    ],
)
def test_what_is_no_description_says_what_was_wanted(body, complaint):
    with pytest.raises(SdpParseError, match=complaint):
        SessionDescription.parse(body)


def test_a_line_break_in_a_field_of_ours_is_our_fault():
    description = SessionDescription(Origin("-", 1, 1, "IP4", "10.0.0.1"), name="a\r\na=evil")
    with pytest.raises(LocalSdpError):
        bytes(description)
    assert issubclass(LocalSdpError, SdpError)
    assert issubclass(LocalSdpError, ValueError)


@pytest.mark.parametrize(
    ("host", "held"), [("0.0.0.0", True), ("::", True), ("0:0:0:0:0:0:0:0", True), ("10.0.0.1", False)]
)
def test_unspecified_addresses_are_known(host, held):
    assert Connection.to_host(host).is_unspecified is held
