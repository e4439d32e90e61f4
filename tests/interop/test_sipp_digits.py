"""The digits that sipp ships as recorded packets are heard, each once."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.peers import PCAP_FOLDER, missing

from softphone.rtp.dtmf import DtmfReceiver
from softphone.rtp.packet import RtpPacket

DIGITS = {**{str(n): str(n) for n in range(10)}, "star": "*", "pound": "#"}
ETHERNET_IP_UDP = 14 + 20 + 8

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp"))),
    pytest.mark.skipif(not PCAP_FOLDER.is_dir(), reason=f"no {PCAP_FOLDER}"),
]


def datagrams(path: Path) -> Iterator[tuple[float, bytes]]:
    """(seconds, UDP payload) of each packet of a classic pcap file of Ethernet frames."""
    data = path.read_bytes()
    order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    at = 24
    while at < len(data):
        seconds, microseconds, size, _ = struct.unpack_from(f"{order}IIII", data, at)
        yield seconds + microseconds / 1e6, data[at + 16 + ETHERNET_IP_UDP : at + 16 + size]
        at += 16 + size


@pytest.mark.feature("sipp 3.6", "every recorded digit is heard once")
@pytest.mark.parametrize("name", DIGITS)
def test_a_recorded_digit_is_heard_once(name: str) -> None:
    receiver, found, last_s = DtmfReceiver(), [], 0.0
    for last_s, data in datagrams(PCAP_FOLDER / f"dtmf_2833_{name}.pcap"):
        packet = RtpPacket.parse(data)
        found += receiver.receive(packet.payload, packet.timestamp, 8000, last_s)
    found += receiver.expire(last_s + 1.0)
    assert [digit for digit, _ in found] == [DIGITS[name]]
    assert 40 <= found[0][1] <= 1000  # ms; ITU-T Q.24: 40 ms and more is a digit
