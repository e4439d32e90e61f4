"""LTE uplink, scheduled packet by packet (3GPP TS 36.211, 36.213): time that the handset transmits, not its power."""

import math

from softphone.radio.base import AirTimes, Assumption, Constant, RadioSpec, Traffic

SUBFRAME_US = 1000.0
"""TS 36.211 section 4.1."""
TRANSPORT_BLOCK_BITS = {0.208: (0, 208), 0.68: (5, 680), 1.384: (10, 1384)}
"""Rate in Mb/s -> I_TBS, and bits in eight resource blocks (TS 36.213 Table 7.1.7.2.1-1): QPSK throughout (Table 8.6.1-1)."""
RESOURCE_BLOCKS = 8
HEADER_BYTES = 2 + 2 + 2
"""PDCP with 12-bit numbers (TS 36.323 section 6.2.3), RLC AM (TS 36.322 section 6.2.1.4), MAC subheader (TS 36.321 section
6.2.1)."""


def subframes(size: float, mbps: float) -> int:
    """How many subframes of PUSCH a datagram of *size* bytes takes."""
    return math.ceil(8 * (math.ceil(size) + HEADER_BYTES) / TRANSPORT_BLOCK_BITS[mbps][1])


def _times(traffic: Traffic, seconds: float, mbps: float) -> AirTimes:
    data = sum(count * subframes(size, mbps) for size, count in traffic.sent.items())
    requests, answers = traffic.sent_datagrams, traffic.received_datagrams
    return AirTimes(SUBFRAME_US * (data + requests + answers))


def _assumes(mbps: float) -> dict[str, Assumption]:
    return {"phy_mbps": mbps, "i_tbs": TRANSPORT_BLOCK_BITS[mbps][0], "resource_blocks": RESOURCE_BLOCKS}


SPECS = (
    RadioSpec(
        name="lte",
        title="LTE uplink",
        rates_mbps=tuple(TRANSPORT_BLOCK_BITS),
        default_mbps=0.68,
        times=_times,
        assumes=_assumes,
        constants=(
            Constant("subframe", "1 ms", "3GPP TS 36.211 section 4.1"),
            Constant(
                "transport block",
                "208, 680 or 1384 bits (I_TBS 0, 5, 10)",
                "3GPP TS 36.213 Table 7.1.7.2.1-1",
            ),
            Constant("resource blocks", "8", "own choice", True),
            Constant(
                "PDCP, RLC AM, MAC headers",
                "2 + 2 + 2 B",
                "3GPP TS 36.323, 36.322, 36.321; no header compression assumed",
                True,
            ),
            Constant(
                "scheduling request",
                "1 subframe of PUCCH for each datagram",
                "3GPP TS 36.213 section 10.1; that each needs one is assumed",
                True,
            ),
            Constant(
                "HARQ acknowledgement",
                "1 subframe of PUCCH for each datagram received",
                "3GPP TS 36.213 section 10.1; that it comes in one block is assumed",
                True,
            ),
            Constant("RLC status, retransmissions, sounding", "none", "own choice", True),
        ),
    ),
)
