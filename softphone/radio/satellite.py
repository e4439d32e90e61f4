"""A satellite circuit in L band: TDMA bursts of a fixed rate, sent whether there is something to say or not.

The numbers are those of an Iridium channel. A circuit carries its 2,400 b/s or stays away; a flow that needs more takes
several circuits. So silence saves nothing here, and a bit rate that just fits is all that counts.
"""

import math

from softphone.radio.base import AirTimes, Assumption, Constant, RadioSpec, Traffic

FRAME_MS = 90.0
BURST_MS = 8.28
CIRCUIT_MBPS = 0.0024
PPP_BYTES = 4
"""Flag, compressed protocol field, FCS (RFC 1662 section 3.1, RFC 1661 section 6.5 and 6.6)."""


def circuits(traffic: Traffic, seconds: float) -> int:
    """How many circuits the busier direction takes."""
    directions = (traffic.sent, traffic.received)
    size = max(sum(count * (size + PPP_BYTES) for size, count in one.items()) for one in directions)
    return max(1, math.ceil(8 * size / seconds / (1e6 * CIRCUIT_MBPS)))


def _times(traffic: Traffic, seconds: float, mbps: float) -> AirTimes:
    return AirTimes(circuits(traffic, seconds) * seconds * 1e6 * BURST_MS / FRAME_MS)


def _assumes(mbps: float) -> dict[str, Assumption]:
    return {"phy_mbps": mbps, "burst_ms": BURST_MS, "frame_ms": FRAME_MS}


_MANUAL = "ICAO: Manual for the aeronautical mobile satellite (route) service, part on Iridium (Doc 9925)"

SPECS = (
    RadioSpec(
        name="satellite",
        title="L-band satellite circuit, 2.4 kb/s",
        rates_mbps=(CIRCUIT_MBPS,),
        default_mbps=CIRCUIT_MBPS,
        times=_times,
        assumes=_assumes,
        constants=(
            Constant("frame", "90 ms", _MANUAL),
            Constant(
                "burst",
                "8.28 ms, one each way in a frame: 414 bits at 50 kb/s",
                f"{_MANUAL}; not confirmed",
                True,
            ),
            Constant("user rate of a circuit", "2,400 b/s", _MANUAL),
            Constant(
                "framing of a datagram",
                "4 B, PPP",
                "RFC 1662 section 3.1; compressed fields are assumed",
                True,
            ),
            Constant("a flow of more than one circuit", "as many circuits as it takes", "own choice", True),
        ),
    ),
)
