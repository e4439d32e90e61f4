import struct

import pytest

from softphone.rtp.errors import LocalRtpError, RtcpError
from softphone.rtp.rtcp import (
    App,
    Bye,
    ReceiverReport,
    ReportBlock,
    SdesChunk,
    SdesItem,
    SenderReport,
    SourceDescription,
    UnknownRtcp,
    parse_compound,
    write_compound,
)

BLOCK = ReportBlock(
    ssrc=0x11223344,
    fraction_lost=64,
    cumulative_lost=-2,
    highest_sequence_number=0x0001_0005,
    jitter=7,
    last_sr=0xAABBCCDD,
    delay_since_last_sr=65536,
)
BLOCK_BYTES = bytes.fromhex("11223344 40fffffe 00010005 00000007 aabbccdd 00010000".replace(" ", ""))
RR = ReceiverReport(1, (BLOCK,))
RR_BYTES = bytes.fromhex("81c9000700000001") + BLOCK_BYTES


def test_a_receiver_report_is_laid_out_as_section_6_4_2():
    assert bytes(RR) == RR_BYTES
    assert parse_compound(RR_BYTES) == (RR,)


def test_a_sender_report_is_laid_out_as_section_6_4_1():
    report = SenderReport(1, 0x0102030405060708, 9, 10, 11, (BLOCK,), b"ext!")
    data = (
        bytes.fromhex("81c8000d 00000001 0102030405060708 00000009 0000000a 0000000b".replace(" ", ""))
        + BLOCK_BYTES
        + b"ext!"
    )
    assert bytes(report) == data
    assert parse_compound(data) == (report,)


@pytest.mark.parametrize("cname", [b"", b"a", b"ab", b"abc", b"abcd", b"x" * 255])
def test_an_sdes_chunk_ends_in_one_to_four_null_bytes(cname):
    sdes = SourceDescription(
        (SdesChunk(7, ((SdesItem.CNAME, cname),)), SdesChunk(8, ((SdesItem.TOOL, b"t"),)))
    )
    data = bytes(RR) + bytes(sdes)
    assert len(data) % 4 == 0
    assert parse_compound(data) == (RR, sdes)
    first = bytes(sdes)[4 : 4 + 4 + 2 + len(cname) + 4]
    assert first.rstrip(b"\0") + b"\0" == first[: len(first.rstrip(b"\0")) + 1]


@pytest.mark.parametrize("reason", [b"", b"abc", b"going", b"x" * 255])
def test_a_bye_carries_its_sources_and_a_reason(reason):
    assert parse_compound(write_compound((RR, Bye((1, 2), reason)))) == (RR, Bye((1, 2), reason))


def test_app_and_unknown_packets_come_through():
    parts = (RR, App(3, 9, b"test", b"12345678"), UnknownRtcp(208, 5, b"\0" * 8))
    assert parse_compound(write_compound(parts)) == parts


def test_padding_is_taken_off_the_last_packet_only():
    padded = bytearray(bytes(Bye((1,)))) + b"\0\0\0\4"
    padded[0] |= 0x20
    struct.pack_into("!H", padded, 2, 2)
    assert parse_compound(RR_BYTES + bytes(padded)) == (RR, Bye((1,)))
    with pytest.raises(RtcpError, match="padding"):
        parse_compound(RR_BYTES + bytes(padded) + bytes(Bye((1,))))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "got 0 bytes"),
        (RR_BYTES[:-1], "whole 32-bit words"),
        (bytes(Bye((1,))), "begin with SR .* got 203"),
        (b"\x41" + RR_BYTES[1:], "version must be 2, got 1"),
        (RR_BYTES + b"\x40\xcb\0\0", "version must be 2, got 1"),
        (RR_BYTES[:-4], "must be 32 bytes, got 28"),
        (b"\x82" + RR_BYTES[1:], "2 blocks must be at least 56 bytes, got 32"),
        (bytes.fromhex("80c8000100000001"), "SR must be at least 28 bytes, got 8"),
        (bytes.fromhex("80c90000 80c90000".replace(" ", "")), "RR must be at least 8 bytes, got 4"),
        (RR_BYTES + bytes.fromhex("81ca0000"), "SDES must hold 1 chunks, got 0"),
        (RR_BYTES + bytes.fromhex("81ca000200000001 01ff6162".replace(" ", "")), "SDES item is cut short"),
        (RR_BYTES + bytes.fromhex("81ca000200000001 01026162".replace(" ", "")), "end in a null byte"),
        (RR_BYTES + bytes.fromhex("82cb000100000001"), "BYE must hold 2 sources, got 1"),
        (RR_BYTES + bytes.fromhex("81cb000200000001 05616263".replace(" ", "")), "BYE reason is cut short"),
        (RR_BYTES + bytes.fromhex("80cc000100000001"), "APP must be at least 12 bytes, got 8"),
    ],
)
def test_a_broken_compound_is_refused_with_what_was_wanted_and_got(data, message):
    with pytest.raises(RtcpError, match=message):
        parse_compound(data)


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (Bye((1,)),),
        (ReceiverReport(1, (BLOCK,) * 32),),
        (RR, Bye((1,), b"x" * 256)),
        (RR, App(0, 1, b"long name")),
        (RR, App(0, 1, b"name", b"123")),
        (RR, SourceDescription((SdesChunk(1, ((1, b"x" * 256),)),))),
    ],
)
def test_a_compound_that_cannot_be_is_the_callers_fault(parts):
    with pytest.raises(LocalRtpError):
        write_compound(parts)
