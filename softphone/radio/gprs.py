"""GPRS uplink: bursts of RLC blocks (3GPP TS 44.060, 45.002, 45.003); time that the handset transmits, not its power."""

import math
from dataclasses import dataclass

from softphone.radio.base import AirTimes, Assumption, Constant, RadioSpec, Traffic

BURST_US = 148 * 48 / 13
"""Active part of a normal burst (TS 45.002 section 5.2.3; a bit lasts 48/13 us, TS 45.010)."""
BLOCK_BURSTS = 4
"""Of one radio block (TS 45.003 section 5.1)."""
BLOCK_S = 0.02
"""Twelve blocks in a multiframe of 240 ms, one time slot (TS 45.002 section 6.3.2)."""
LINK_BYTES = 4 + 6 + 1
"""SNDCP of unacknowledged mode (TS 44.065 section 7.2), LLC address, control and FCS (TS 44.064 sections 5 and 6), length
indicator of the last RLC block (TS 44.060 section 10.4.14)."""
RECEIVED_BLOCKS_PER_REPORT = 8
"""Our PACKET DOWNLINK ACK/NACK, one radio block, comes when the network polls (TS 44.060 section 8.1.2.2)."""


@dataclass(frozen=True, slots=True)
class CodingScheme:
    """How much a radio block carries."""

    name: str
    data_bytes: int
    """RLC data, without MAC and RLC header (TS 44.060 Table 10.2.1.1)."""


SCHEMES = {
    0.00905: CodingScheme("CS-1", 20),
    0.0134: CodingScheme("CS-2", 30),
    0.0156: CodingScheme("CS-3", 36),
    0.0214: CodingScheme("CS-4", 50),
}


def blocks(size: float, mbps: float) -> int:
    """How many radio blocks a datagram of *size* bytes takes."""
    return math.ceil((math.ceil(size) + LINK_BYTES) / SCHEMES[mbps].data_bytes)


def _times(traffic: Traffic, seconds: float, mbps: float) -> AirTimes:
    sent = sum(count * blocks(size, mbps) for size, count in traffic.sent.items())
    received = sum(count * blocks(size, mbps) for size, count in traffic.received.items())
    return AirTimes(BURST_US * BLOCK_BURSTS * (sent + received / RECEIVED_BLOCKS_PER_REPORT))


def _assumes(mbps: float) -> dict[str, Assumption]:
    return {"phy_mbps": mbps, "coding_scheme": SCHEMES[mbps].name}


SPECS = (
    RadioSpec(
        name="gprs",
        title="GPRS uplink",
        rates_mbps=tuple(SCHEMES),
        default_mbps=0.0134,
        times=_times,
        assumes=_assumes,
        constants=(
            Constant("burst", "148 bits of 48/13 us", "3GPP TS 45.002 section 5.2.3, TS 45.010"),
            Constant(
                "radio block",
                "4 bursts, every 20 ms in one time slot",
                "3GPP TS 45.003 section 5.1, TS 45.002 section 6.3.2",
            ),
            Constant(
                "RLC data in a block, CS-1 to CS-4", "20, 30, 36, 50 B", "3GPP TS 44.060 Table 10.2.1.1"
            ),
            Constant(
                "SNDCP, LLC, length indicator",
                "4 + 6 + 1 B",
                "3GPP TS 44.065, 44.064, 44.060; no header compression assumed",
                True,
            ),
            Constant(
                "our downlink reports",
                "one block for 8 received",
                "own choice; the network polls (3GPP TS 44.060 section 8.1.2.2)",
                True,
            ),
            Constant("setting up the block flow, RLC retransmissions", "none", "own choice", True),
        ),
    ),
)
