"""Reading pcap and pcapng: both byte orders, both resolutions, several interfaces and sections, and files that are broken."""

import io
import struct

import pytest
from support.captures import (
    BEGAN,
    ETHERNET,
    RAW,
    Seen,
    block,
    enhanced,
    framed,
    interface,
    option,
    pcap,
    pcapng,
    section,
    udp,
)

from softphone.capture import CaptureError, CaptureStats, Frame, frames, is_capture

FRAMES = [Seen(BEGAN + i / 50, framed(udp(bytes([i]) * (20 + i)))) for i in range(40)]


def read(data: bytes) -> tuple[list[Frame], CaptureStats]:
    stats = CaptureStats()
    return list(frames(io.BytesIO(data), stats)), stats


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap_is_read_in_both_byte_orders_and_resolutions(order, nanoseconds):
    data = pcap(FRAMES, order=order, nanoseconds=nanoseconds)
    found, stats = read(data)
    assert [each.data for each in found] == [each.data for each in FRAMES]
    assert [each.at for each in found] == pytest.approx([each.at for each in FRAMES], abs=1e-6)
    assert all(data[each.offset : each.offset + len(each.data)] == each.data for each in found)
    assert not stats.truncated
    assert stats.damaged == 0


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_is_read_in_both_byte_orders(order):
    data = pcapng(FRAMES, order=order)
    found, stats = read(data)
    assert [each.data for each in found] == [each.data for each in FRAMES]
    assert [each.at for each in found] == pytest.approx([each.at for each in FRAMES], abs=2e-6)
    assert all(data[each.offset : each.offset + len(each.data)] == each.data for each in found)
    assert stats.unknown_blocks == stats.damaged == 0


def test_each_interface_has_its_own_link_type_resolution_and_offset():
    a, b, c = (Seen(BEGAN + i, udp(b"x" * 20)) for i in range(3))
    data = b"".join(
        [
            section(),
            interface(ETHERNET),
            interface(RAW, tsresol=9),
            interface(RAW, tsresol=0x80 | 20, offset_s=1_600_000_000),
            enhanced(Seen(a.at, framed(a.data)), number=0),
            enhanced(b, number=1, unit=1e-9),
            enhanced(c, number=2, unit=2.0**-20, offset_s=1_600_000_000),
        ]
    )
    found, _ = read(data)
    assert [each.link_type for each in found] == [ETHERNET, RAW, RAW]
    assert [each.at for each in found] == pytest.approx([a.at, b.at, c.at], abs=2e-6)


def test_a_second_section_has_its_own_byte_order_and_interfaces():
    data = pcapng(FRAMES[:3]) + pcapng(FRAMES[3:6], link_type=RAW, order=">")
    found, _ = read(data)
    assert [each.data for each in found] == [each.data for each in FRAMES[:6]]
    assert [each.link_type for each in found] == [ETHERNET] * 3 + [RAW] * 3


def test_unknown_blocks_are_passed_over_and_simple_and_old_packet_blocks_are_read():
    simple = block(3, struct.pack("<I", len(FRAMES[0].data)) + FRAMES[0].data)
    old = block(
        2,
        struct.pack(
            "<HHIIII", 0, 0, *divmod(round(BEGAN * 1e6), 1 << 32), len(FRAMES[1].data), len(FRAMES[1].data)
        )
        + FRAMES[1].data,
    )
    names, secret = block(4, bytes(8)), block(0x0BAD, b"what is this")
    found, stats = read(section() + interface() + names + old + secret + simple)
    assert [each.data for each in found] == [FRAMES[1].data, FRAMES[0].data]
    assert found[0].at == pytest.approx(BEGAN, abs=1e-5)
    assert found[1].at == found[0].at
    assert (stats.unknown_blocks, stats.untimed) == (2, 1)


def test_what_the_capturing_machine_dropped_is_told():
    statistics = block(5, struct.pack("<III", 0, 0, 0) + option(5, struct.pack("<Q", 12)) + option(0, b""))
    _, stats = read(section() + interface() + statistics)
    assert stats.dropped_by_capture == 12


def test_a_packet_of_an_interface_that_is_not_described_is_counted():
    found, stats = read(section() + interface() + enhanced(FRAMES[0], number=3) + enhanced(FRAMES[1]))
    assert [each.data for each in found] == [FRAMES[1].data]
    assert stats.unknown_interfaces == 1


@pytest.mark.parametrize("write", [pcap, pcapng])
@pytest.mark.parametrize("missing", [1, 7, 30])
def test_a_file_that_ends_in_the_middle_of_a_packet_gives_all_before_it(write, missing):
    found, stats = read(write(FRAMES)[:-missing])
    assert [each.data for each in found] == [each.data for each in FRAMES[:-1]]
    assert stats.truncated


def test_frames_cut_by_the_snap_length_keep_their_length_on_the_wire():
    cut = [Seen(each.at, each.data[:54], len(each.data)) for each in FRAMES]
    for data in (pcap(cut), pcapng(cut)):
        found, _ = read(data)
        assert [(len(each.data), each.length) for each in found] == [(54, len(each.data)) for each in FRAMES]


def test_a_record_with_an_impossible_length_costs_only_itself():
    data = bytearray(pcap(FRAMES))
    at = 24 + sum(16 + len(each.data) for each in FRAMES[:10])
    data[at + 8 : at + 12] = b"\xff\xff\xff\x7f"
    found, stats = read(bytes(data))
    assert [each.data for each in found] == [each.data for each in FRAMES[:10] + FRAMES[11:]]
    assert (stats.damaged, stats.damaged_bytes) == (1, 16 + len(FRAMES[10].data))


def test_a_block_with_an_impossible_length_costs_only_itself():
    blocks = [section(), interface(), *(enhanced(each) for each in FRAMES)]
    blocks[7] = blocks[7][:4] + b"\xff\xff\xff\xff" + blocks[7][8:]
    found, stats = read(b"".join(blocks))
    assert [each.data for each in found] == [each.data for each in FRAMES[:5] + FRAMES[6:]]
    assert (stats.damaged, stats.damaged_bytes) == (1, len(blocks[7]))


def test_a_capture_is_known_by_its_first_bytes():
    assert all(is_capture(data[:4]) for data in (pcap([]), pcap([], order=">", nanoseconds=True), pcapng([])))
    assert not is_capture(b"RIFF")
    with pytest.raises(CaptureError, match="magic number of pcap or pcapng, got 52494646"):
        read(b"RIFF....WAVE")
    with pytest.raises(CaptureError, match="got nothing"):
        read(b"")


def test_frames_longer_than_what_is_read_at_once_are_whole():
    big = [Seen(BEGAN, bytes(200_000)), Seen(BEGAN + 1, bytes(range(256)) * 900)]
    for data in (pcap(big * 6), pcapng(big * 6)):
        found, _ = read(data)
        assert [each.data for each in found] == [each.data for each in big * 6]
