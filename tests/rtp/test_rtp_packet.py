import pytest

from softphone.rtp.errors import LocalRtpError, PacketError, RtpError
from softphone.rtp.packet import RtpPacket, is_rtcp

HEADER = bytes.fromhex("80e0123401020304deadbeef")


def test_fixed_header_is_read_as_section_5_1_lays_it_out():
    packet = RtpPacket.parse(HEADER + b"audio")
    assert packet == RtpPacket(
        payload_type=96,
        sequence_number=0x1234,
        timestamp=0x01020304,
        ssrc=0xDEADBEEF,
        payload=b"audio",
        marker=True,
    )
    assert bytes(packet) == HEADER + b"audio"


def test_csrcs_extension_and_padding_are_taken_off_the_payload_and_put_back():
    data = (
        bytes.fromhex("b2000001 00000002 00000003 00000004 00000005".replace(" ", ""))
        + bytes.fromhex("bede0001aabbccdd")
        + b"audio"
        + b"\0\0\3"
    )
    packet = RtpPacket.parse(data)
    assert packet.csrcs == (4, 5)
    assert packet.extension == (0xBEDE, bytes.fromhex("aabbccdd"))
    assert packet.payload == b"audio"
    assert packet.padding_bytes == 3
    assert bytes(packet) == data


def test_a_packet_may_be_all_padding():
    assert RtpPacket.parse(b"\xa0" + HEADER[1:] + b"\0\2").payload == b""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (HEADER[:11], "at least 12 bytes, got 11"),
        (b"\x40" + HEADER[1:], "version must be 2, got 1"),
        (b"\x81" + HEADER[1:], "1 CSRCs must be at least 16 bytes, got 12"),
        (b"\x90" + HEADER[1:] + b"\0\0", "extension is cut short"),
        (b"\x90" + HEADER[1:] + b"\0\0\0\2" + b"1234", "must hold 2 words, got 1"),
        (b"\xa0" + HEADER[1:] + b"abc\0", "padding must be 1 to 4 bytes, got 0"),
        (b"\xa0" + HEADER[1:] + b"abc\5", "padding must be 1 to 4 bytes, got 5"),
        (b"\xa0" + HEADER[1:-1] + b"\1", "padding must be 1 to 0 bytes, got 1"),
    ],
)
def test_a_broken_packet_is_refused_with_what_was_wanted_and_got(data, message):
    with pytest.raises(PacketError, match=message) as error:
        RtpPacket.parse(data)
    assert isinstance(error.value, RtpError)


@pytest.mark.parametrize(
    "packet",
    [
        RtpPacket(96, 0x10000, 0, 0, b""),
        RtpPacket(96, 0, -1, 0, b""),
        RtpPacket(96, 0, 0, 0, b"", csrcs=tuple(range(16))),
        RtpPacket(96, 0, 0, 0, b"", extension=(1, b"abc")),
    ],
)
def test_a_field_that_does_not_fit_is_the_callers_fault(packet):
    with pytest.raises(LocalRtpError):
        bytes(packet)


def test_rtcp_is_told_from_rtp_by_packet_types_192_to_223():
    assert [t for t in range(256) if is_rtcp(bytes((0x80, t)))] == list(range(192, 224))
    assert not is_rtcp(b"\x80")
