"""Frames to datagrams: link types, tags, IP options and extensions, fragments, and headers that make no sense."""

import struct

import pytest
from support.captures import (
    ALICE,
    BEGAN,
    BOB,
    ETHERNET,
    LOOP,
    NULL,
    RAW,
    SLL,
    SLL2,
    fragments,
    fragments_6,
    framed,
    ip,
    tcp,
    udp,
)

from softphone.capture import CaptureStats, Datagram, Flow, Frame, datagrams
from softphone.capture.datagrams import REASSEMBLED
from softphone.capture.flows import shown

ALICE_6, BOB_6 = ("2001:db8::1", 4000), ("2001:db8::2", 5000)


def read(
    *data: bytes, link_type: int = ETHERNET, lengths: dict[int, int] | None = None
) -> tuple[list[Datagram], CaptureStats]:
    stats = CaptureStats()
    made = (
        Frame(BEGAN + i, link_type, each, (lengths or {}).get(i, len(each)), 1000 * i)
        for i, each in enumerate(data)
    )
    return list(datagrams(made, stats)), stats


@pytest.mark.parametrize("link_type", [ETHERNET, NULL, LOOP, RAW, SLL, SLL2])
@pytest.mark.parametrize("ends", [(ALICE, BOB), (ALICE_6, BOB_6)])
def test_each_link_type_leads_to_the_datagram(link_type, ends):
    frame = framed(udp(b"hello", *ends), link_type)
    (found,), stats = read(frame, link_type=link_type)
    flow = Flow(found.key)
    assert (flow.source, flow.destination, found.payload) == (*ends, b"hello")
    assert found.wire == 5 + (28 if ends[0] is ALICE else 48)
    assert frame[found.offset : found.offset + 5] == b"hello"
    assert stats.datagrams == 1


def test_a_family_in_big_endian_order_and_that_of_each_bsd_is_known():
    for family in (2, 24, 28, 30):
        packet = udp(b"x" * 12, *((ALICE, BOB) if family == 2 else (ALICE_6, BOB_6)))
        assert len(read(struct.pack(">I", family) + packet, link_type=NULL)[0]) == 1


@pytest.mark.parametrize(
    "tags", [[(0x8100, 5)], [(0x88A8, 7), (0x8100, 5)], [(0x9100, 1), (0x8100, 2), (0x8100, 3)]]
)
def test_vlan_tags_are_passed_over(tags):
    (found,), _ = read(framed(udp(b"hello"), tags=tags))
    assert found.payload == b"hello"


def test_mpls_labels_and_pppoe_are_passed_over():
    packet = udp(b"hello")
    mpls = bytes(12) + b"\x88\x47" + bytes.fromhex("0001004000020140") + packet
    pppoe = bytes(12) + b"\x88\x64" + struct.pack("!BBHHH", 0x11, 0, 1, len(packet) + 2, 0x21) + packet
    found, _ = read(mpls, pppoe)
    assert [each.payload for each in found] == [b"hello", b"hello"]


def test_other_frames_are_counted_not_read():
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    found, stats = read(arp, b"", bytes(5), framed(ip(50, bytes(30), "192.0.2.1", "192.0.2.2")))
    assert found == []
    assert (stats.not_ip, stats.encrypted_ip) == (3, 1)
    assert read(bytes(40), link_type=147)[1].link_types == {147: 1}


def test_ipv4_options_and_ethernet_padding_are_not_payload():
    packet = bytearray(udp(b"hello"))
    packet[0] = 0x46
    packet[2:4] = struct.pack("!H", len(packet) + 4)
    (found,), _ = read(framed(bytes(packet[:20]) + b"\x01\x01\x01\x00" + bytes(packet[20:])) + bytes(9))
    assert found.payload == b"hello"


def test_ipv6_extension_headers_are_passed_over():
    head = struct.pack("!HHHH", 4000, 5000, 13, 0) + b"hello"
    hop, routing = bytes((60, 0)) + bytes(6), bytes((17, 1)) + bytes(14)
    packet = ip(17, head, ALICE_6[0], BOB_6[0], extensions=hop + routing, first=0)
    (found,), stats = read(framed(packet))
    assert found.payload == b"hello"
    assert stats.bad_ip == 0


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_fragments_are_put_together_in_any_order(order):
    payload = bytes(range(100)) * 5
    pieces = fragments(udp(payload), 200)
    assert len(pieces) == 3
    (found,), stats = read(*(framed(pieces[i]) for i in order))
    assert found.payload == payload
    assert (found.offset, found.wire) == (REASSEMBLED, 508 + 3 * 20)
    assert (stats.fragments, stats.reassembled, stats.unfinished) == (3, 1, 0)


def test_ipv6_fragments_are_put_together():
    payload = bytes(range(100)) * 5
    found, stats = read(*(framed(each) for each in fragments_6(udp(payload, ALICE_6, BOB_6), 200)))
    assert [each.payload for each in found] == [payload]
    assert stats.reassembled == 1


def test_a_datagram_with_a_fragment_missing_is_counted_and_its_doubles_do_not_mix():
    one, two = fragments(udp(b"a" * 500), 200, number=1), fragments(udp(b"b" * 500), 200, number=2)
    found, stats = read(*(framed(each) for each in (one[0], two[0], two[0], one[2], two[1], two[2])))
    assert [each.payload for each in found] == [b"b" * 500]
    assert (stats.unfinished, stats.reassembled) == (1, 1)


def test_what_the_snap_length_cut_keeps_its_length():
    whole = framed(udp(b"0123456789" * 10))
    (found,), stats = read(whole[:60], lengths={0: len(whole)})
    assert (found.payload, found.length, found.wire) == (b"0123456789" * 1 + b"01234567", 100, 128)
    assert stats.cut == 1


def test_headers_that_make_no_sense_are_counted():
    short_header, too_short = bytearray(udp(b"hello")), bytearray(udp(b"hello"))
    short_header[0] = 0x43
    too_short[2:4] = b"\x00\x08"
    long_udp = udp(b"hello", length=90)
    broken = (
        bytes(short_header),
        bytes(too_short),
        b"\x55" + bytes(30),
        long_udp,
        udp(b"")[:24],
        udp(b"x", length=3),
    )
    found, stats = read(*map(framed, broken))
    assert found == []
    assert stats.bad_ip + stats.bad_udp == len(broken) + stats.not_ip


def test_a_packet_whose_length_was_left_to_the_network_card_is_read():
    packet = bytearray(udp(b"hello"))
    packet[2:4] = bytes(2)
    packet[24:26] = bytes(2)
    (found,), _ = read(framed(bytes(packet)))
    assert found.payload == b"hello"


def test_tcp_segments_have_their_sequence_number():
    (found,), stats = read(framed(tcp(b"hello", ALICE, BOB, sequence=77)))
    assert (found.payload, found.sequence, found.ends) == (b"hello", 77, False)
    assert stats.segments == 1
    assert read(framed(tcp(b"", ALICE, BOB, sequence=77, flags=2)))[0][0].ends


def test_a_flow_and_its_mirror_are_shown_as_people_write_them():
    (found,), _ = read(framed(udp(b"x", ALICE_6, BOB_6)))
    flow = Flow(found.key)
    assert (flow.mirrored.source, flow.mirrored.destination) == (BOB_6, ALICE_6)
    assert (shown(flow.source), shown(ALICE)) == ("[2001:db8::1]:4000", "192.0.2.1:4000")
