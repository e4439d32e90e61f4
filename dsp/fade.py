"""The slope of a fade that leaves no click: the integral of a window with low side lobes.

Windows of 100 ms are looked at, 500 Hz and more away from a tone. Where the tone is turned round by a fade of 10 ms, its trace is
at -106 dB re the tone; with a slope that is a raised cosine it is at -89 dB, and a hand on a slider makes several changes in
that time.

Source: F. J. Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform", Proc. IEEE 66(1), 1978,
table 1: Blackman-Harris window of three terms, side lobes at -67 dB.
"""

from dataclasses import dataclass

import numpy as np

from dsp.types import Block, Samples

_TERMS = (0.42323, 0.49755, 0.07922)
_SINES = (_TERMS[1] / _TERMS[0] / (2.0 * np.pi), _TERMS[2] / _TERMS[0] / (4.0 * np.pi))


def rising(start: int, stop: int, length: int) -> Samples:
    """Gains of the samples *start* to *stop* of a fade from 0 to 1 that is *length* samples long; neither end is among them."""
    share = np.arange(start + 1, stop + 1, dtype=np.float64) / (length + 1)
    turns = 2.0 * np.pi * share
    gains: Samples = (share - _SINES[0] * np.sin(turns) + _SINES[1] * np.sin(2.0 * turns)).astype(np.float32)
    return gains


@dataclass(slots=True)
class CrossFade:
    """From one sound to another, which runs beside it unheard until it has settled."""

    settle: int
    """Samples still to wait."""
    length: int
    """Samples of the fade."""
    done: int = 0
    """Samples faded."""

    def blend(self, old: Block, new: Block) -> bool:
        """Fade *new* into *old* in place; whether *new* alone is heard from here on."""
        count = old.shape[1]
        start = min(self.settle, count)
        stop = min(count, start + self.length - self.done)
        if stop > start:
            weight = rising(self.done, self.done + stop - start, self.length)
            old[:, start:stop] += weight * (new[:, start:stop] - old[:, start:stop])
            self.done += stop - start
        self.settle -= start
        if self.done < self.length:
            return False
        old[:, stop:] = new[:, stop:]
        return True
