"""What no filter and no meter should see: samples that are no number, or far too loud."""

import numpy as np

from dsp.types import Block

LOUDEST = 100.0
"""40 dB over full scale: what is louder is clipped, and what is no number is silence, before any filter sees it."""


def mend(block: Block) -> int:
    """Make what is no number silence and clip what is over `LOUDEST`, in place; the number of samples changed."""
    if not block.size or max(block.max(), -block.min()) <= LOUDEST:  # a NaN is not
        return 0
    wrong = int(np.count_nonzero(~(np.abs(block) <= LOUDEST)))
    np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    np.clip(block, -LOUDEST, LOUDEST, out=block)
    return wrong
