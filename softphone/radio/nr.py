"""5G NR uplink, scheduled packet by packet (3GPP TS 38.211, 38.214): time that the handset transmits, not its power."""

import math

from softphone.radio.base import AirTimes, Assumption, Constant, RadioSpec, Traffic

SLOT_US = 500.0
"""At 30 kHz between subcarriers (TS 38.211 Table 4.3.2-1)."""
SLOT_SYMBOLS = 14
RESOURCE_BLOCKS = 8
ELEMENTS_PER_BLOCK = min(156, 12 * SLOT_SYMBOLS - 12)
"""One symbol of DM-RS, no other overhead (TS 38.214 section 6.1.4.2)."""
CODE_RATES = {0: 120 / 1024, 4: 308 / 1024, 9: 679 / 1024}
"""MCS -> code rate, all QPSK (TS 38.214 Table 5.1.3.1-1)."""
PUCCH_SYMBOLS = 2
"""Format 0 (TS 38.211 Table 6.3.2.1-1)."""
HEADER_BYTES = 1 + 2 + 2 + 2
"""SDAP (TS 37.324 section 6.2.2.3), PDCP with 12-bit numbers (TS 38.323 section 6.2.2.2), RLC AM (TS 38.322 section 6.2.2.4), MAC
subheader (TS 38.321 section 6.1.2)."""
# TS 38.214 Table 5.1.3.2-1: pieces of even steps as (first, last, step).
_PIECES = (
    *((24, 192, 8), (208, 384, 16), (408, 576, 24), (608, 768, 32), (808, 928, 40), (984, 1032, 48), (1064, 1064, 1)),
    *((1128, 1320, 32), (1352, 1352, 1), (1416, 1928, 64), (2024, 2280, 64), (2408, 2856, 64), (2976, 3104, 128)),
    (3240, 3752, 128),
)  # fmt: skip
TABLE_5_1_3_2_1 = (
    *(size for first, last, step in _PIECES for size in range(first, last + 1, step)),
    3824,
)


def transport_block_bits(mcs: int) -> int:
    """Size of a transport block of one layer in `RESOURCE_BLOCKS` (TS 38.214 section 5.1.3.2, up to 3824 bits)."""
    information = ELEMENTS_PER_BLOCK * RESOURCE_BLOCKS * CODE_RATES[mcs] * 2
    step = 2 ** max(3, math.floor(math.log2(information)) - 6)
    quantised = max(24, step * math.floor(information / step))
    return next(size for size in TABLE_5_1_3_2_1 if size >= quantised)


RATES = {transport_block_bits(mcs) / SLOT_US: mcs for mcs in CODE_RATES}
"""Rate in Mb/s -> MCS."""


def slots(size: float, mbps: float) -> int:
    """How many slots of PUSCH a datagram of *size* bytes takes."""
    return math.ceil(8 * (math.ceil(size) + HEADER_BYTES) / transport_block_bits(RATES[mbps]))


def _times(traffic: Traffic, seconds: float, mbps: float) -> AirTimes:
    data = sum(count * slots(size, mbps) for size, count in traffic.sent.items())
    control = traffic.sent_datagrams + traffic.received_datagrams
    return AirTimes(SLOT_US * (data + control * PUCCH_SYMBOLS / SLOT_SYMBOLS))


def _assumes(mbps: float) -> dict[str, Assumption]:
    return {"phy_mbps": mbps, "mcs": RATES[mbps], "resource_blocks": RESOURCE_BLOCKS}


SPECS = (
    RadioSpec(
        name="nr",
        title="5G NR uplink, 30 kHz",
        rates_mbps=tuple(RATES),
        default_mbps=transport_block_bits(4) / SLOT_US,
        times=_times,
        assumes=_assumes,
        constants=(
            Constant(
                "slot", "0.5 ms, 14 symbols, 30 kHz", "3GPP TS 38.211 Table 4.3.2-1; 30 kHz is assumed", True
            ),
            Constant(
                "code rate of MCS 0, 4, 9", "120, 308, 679 / 1024, QPSK", "3GPP TS 38.214 Table 5.1.3.1-1"
            ),
            Constant(
                "transport block",
                "288, 768 or 1672 bits",
                "3GPP TS 38.214 section 5.1.3.2 with Table 5.1.3.2-1",
            ),
            Constant("resource blocks, layers, DM-RS", "8, one, one symbol", "own choice", True),
            Constant(
                "SDAP, PDCP, RLC AM, MAC headers",
                "1 + 2 + 2 + 2 B",
                "3GPP TS 37.324, 38.323, 38.322, 38.321; no header compression assumed",
                True,
            ),
            Constant(
                "scheduling request",
                "PUCCH format 0, 2 symbols, for each datagram",
                "3GPP TS 38.211 Table 6.3.2.1-1; that each needs one is assumed",
                True,
            ),
            Constant(
                "HARQ acknowledgement",
                "PUCCH format 0, 2 symbols, for each datagram received",
                "3GPP TS 38.211 Table 6.3.2.1-1; that it comes in one block is assumed",
                True,
            ),
            Constant("RLC status, retransmissions, sounding", "none", "own choice", True),
        ),
    ),
)
