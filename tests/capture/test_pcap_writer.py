"""Captures of our own making are read back as what went in; checksums are those of an independent sum."""

import io
import struct

import pytest

from softphone.capture import CaptureStats, Flow, datagrams, frames
from softphone.capture.pcap_writer import (
    MAX_SEGMENT_BYTES,
    TcpFlows,
    pcap_header,
    pcap_record,
    pcapng_header,
    pcapng_record,
    udp_packet,
)

HERE, THERE = ("192.0.2.1", 5070), ("192.0.2.2", 5060)
HERE6, THERE6 = ("2001:db8::1", 5070), ("2001:db8::2", 5060)


def read(data: bytes):
    stats = CaptureStats()
    found = list(datagrams(frames(io.BytesIO(data), stats), stats))
    assert (stats.damaged, stats.bad_ip, stats.bad_udp, stats.truncated) == (0, 0, 0, False)
    return found


def ones_sum(data: bytes) -> int:
    """RFC 1071, byte by byte, carries added as they come."""
    total = 0
    for at, byte in enumerate(data):
        total += byte << (8 if at % 2 == 0 else 0)
        total = (total & 0xFFFF) + (total >> 16)
    return total


@pytest.mark.parametrize(("header", "record"), [(pcap_header, pcap_record), (pcapng_header, pcapng_record)])
@pytest.mark.parametrize(("here", "there"), [(HERE, THERE), (HERE6, THERE6)])
def test_a_datagram_comes_back_with_time_addresses_and_payload(header, record, here, there):
    file = header() + record(1_700_000_000.123456, *udp_packet(here, there, b"abc"))
    (found,) = read(file)
    flow = Flow(found.key)
    assert (flow.source, flow.destination) == (here, there)
    assert (found.payload, found.length) == (b"abc", 3)
    assert found.at == pytest.approx(1_700_000_000.123456, abs=1e-6)


def test_of_a_cut_datagram_the_length_on_the_wire_is_kept():
    for here, there in ((HERE, THERE), (HERE6, THERE6)):
        (found,) = read(pcap_header() + pcap_record(1.0, *udp_packet(here, there, bytes(12), length=172)))
        assert (len(found.payload), found.length) == (12, 172)


@pytest.mark.parametrize("payload", [b"abc", b"abcd", b"\xff" * 301])
def test_checksums_are_right(payload):
    packet, _ = udp_packet(HERE, THERE, payload)
    assert ones_sum(packet[:20]) == 0xFFFF
    pseudo = packet[12:20] + struct.pack("!BBH", 0, 17, 8 + len(payload))
    assert ones_sum(pseudo + packet[20:]) == 0xFFFF
    packet, _ = udp_packet(HERE6, THERE6, payload)
    assert ones_sum(packet[8:40] + struct.pack("!II", 8 + len(payload), 17) + packet[40:]) == 0xFFFF
    ((packet, _),) = TcpFlows().packets(HERE, THERE, payload)
    assert ones_sum(packet[12:20] + struct.pack("!BBH", 0, 6, 20 + len(payload)) + packet[20:]) == 0xFFFF


def test_segments_of_a_connection_follow_each_other_both_ways():
    flows, file = TcpFlows(), pcap_header()
    for source, destination, data in ((HERE, THERE, b"a" * 10), (THERE, HERE, b"b" * 5), (HERE, THERE, b"c")):
        for packet in flows.packets(source, destination, data):
            file += pcap_record(1.0, *packet)
    found = read(file)
    assert [(each.sequence, each.payload) for each in found] == [(1, b"a" * 10), (1, b"b" * 5), (11, b"c")]
    assert not any(each.ends for each in found)


def test_what_is_too_long_for_a_segment_is_several():
    found = TcpFlows().packets(HERE, THERE, b"x" * (MAX_SEGMENT_BYTES + 1))
    assert [length for _, length in found] == [MAX_SEGMENT_BYTES + 40, 41]


@pytest.mark.parametrize(
    ("here", "there", "shown"),
    [
        ("0.0.0.0", "::1", ("::", "::1")),
        ("pbx.example.com", "192.0.2.2", ("0.0.0.0", "192.0.2.2")),
        ("fe80::1%eth0", "[fe80::2]", ("fe80::1", "fe80::2")),
        ("a", "b", ("0.0.0.0", "0.0.0.0")),
    ],
)
def test_any_pair_of_hosts_makes_a_packet(here, there, shown):
    (found,) = read(pcap_header() + pcap_record(1.0, *udp_packet((here, 1), (there, 2), b"x")))
    flow = Flow(found.key)
    assert (flow.source[0], flow.destination[0]) == shown
