"""How good a codec is at a bit rate, to choose by under a limit: one scale for all, whatever their sample rate.

*Measure*: MOS-LQO of ITU-T P.862.2 (PESQ-wb), mean over eight speakers (five of Debian's Asterisk prompts, three others; none of
them trained on, none of them reported on) against 16 kHz originals, so that what is narrowband counts as less. Figures between
two rates are interpolated over the logarithm of the rate, and held beyond the ends.
"""

from itertools import pairwise
from math import log

MOS_LQO: dict[str, tuple[tuple[int, float], ...]] = {
    "opus": (
        (6_000, 2.10), (7_000, 2.38), (8_000, 2.66), (10_000, 3.11), (12_000, 3.55), (16_000, 4.02), (20_000, 4.23),
        (24_000, 4.35), (48_000, 4.37),
    ),
    "vlc": ((1_200, 1.61), (1_600, 1.84), (2_400, 2.08), (3_800, 2.21), (6_000, 2.24)),
    "vlc-wb": ((3_800, 2.70), (5_000, 2.77), (6_000, 2.87), (8_000, 2.89)),
    "codec2": ((700, 1.26), (1_300, 1.27), (1_600, 1.34), (2_400, 1.37), (3_200, 1.41)),
    "pcmu": ((64_000, 3.10),),
    "pcma": ((64_000, 3.01),),
    "g722": ((64_000, 4.35),),
    "l16": ((128_000, 3.50),),
    "l16-wb": ((256_000, 4.64),),
}  # fmt: skip
"""Codec -> (bit rate in b/s, MOS-LQO), by rising rate."""
UNKNOWN_MOS = 1.0
"""A codec that nobody has measured comes last, and among its own rates the highest first."""


def mos_lqo(name: str, bit_rate_bps: int) -> float:
    """What *name* reaches at *bit_rate_bps*, from 1 to 4.64."""
    points = MOS_LQO.get(name)
    if points is None:
        return UNKNOWN_MOS + bit_rate_bps * 1e-9
    if bit_rate_bps <= points[0][0]:
        return points[0][1]
    for (low, before), (high, after) in pairwise(points):
        if bit_rate_bps <= high:
            return before + (after - before) * log(bit_rate_bps / low) / log(high / low)
    return points[-1][1]
