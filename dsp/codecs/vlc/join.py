"""Where two packets meet (docs/vlc-format.md, "Joins"): each was quantised for itself, so their levels do not quite fit."""

import numpy as np

from dsp.codecs.vlc.model import FRAME_MS, PacketParameters

SHARES = {
    hop_ms: np.array(shares, dtype=np.float32)[:, np.newaxis]
    for hop_ms, shares in ((8, (0.3, 0.1)), (16, (0.2,)))
}
"""By the time between frames: which part of the jump the first frames of a packet leave out."""
MOST_DB = 10.0
"""A jump beyond this is speech."""


def joined(before: PacketParameters, now: PacketParameters, hop_ms: int = FRAME_MS) -> PacketParameters:
    """Return *now* with levels that start nearer to where *before*, the packet heard just before it, ended.

    Args:
        before: of one frame or more.
        now: of as many bands, of frames of *hop_ms*.
        hop_ms: 8 or 16.
    """
    levels = now.levels_db.copy()
    jump = before.levels_db[-1] - levels[0]
    np.maximum(np.minimum(jump, MOST_DB, out=jump), -MOST_DB, out=jump)
    shares = SHARES[hop_ms][: levels.shape[0]]
    levels[: shares.shape[0]] += shares * jump
    return PacketParameters(levels, now.voicing, now.f0_hz, now.voiced)
