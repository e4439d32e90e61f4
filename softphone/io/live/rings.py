"""The two rings between an audio callback and the thread that filters, and how many blocks wait in them.

The ring to the loudspeaker begins with one block of silence. So what is filtered has one block of time, and comes out
one block later than it would without us. Each time that it is not ready, silence is played in its place and the delay
has grown; what has grown beyond `CUSHION_BLOCKS`, or has not been needed for a while, is taken back by fading from one
block over into the next.
"""

import numpy as np

from dsp.fade import rising
from dsp.ring import SampleRing
from dsp.types import Block, Samples

CUSHION_BLOCKS = 4
"""Most blocks that wait to be played."""
CALM_S = 10.0
"""After so long without a miss one block less is tried; twice as long after each miss, up to `MOST_CALM_S`."""
MOST_CALM_S = 320.0
_RING_S = 1.0
_SLACK_FRAMES = 2
"""A change of rate gives a sample more or less from block to block."""


class Rings:
    """What `exchange` (the callback) and `take` and `give` (the filtering thread) share.

    Args:
        sample_rate_hz: of the device.
        block_frames: samples of each channel in a callback, and in what `take` gives.
        channels_out: of the device; it is captured in mono.
        exact: whether as many samples are given as are taken, block by block.
    """

    def __init__(
        self, sample_rate_hz: int, block_frames: int, channels_out: int, *, exact: bool = True
    ) -> None:
        self.block_frames = block_frames
        self.sample_rate_hz = sample_rate_hz
        capacity = max(round(_RING_S * sample_rate_hz), 8 * block_frames)
        self._captured = SampleRing(capacity)
        self._played = SampleRing(capacity * channels_out)
        self._channels = channels_out
        self._block: Samples = np.empty(block_frames, dtype=np.float32)
        self._prefill = block_frames + (0 if exact else _SLACK_FRAMES)
        self._played.write(np.zeros(self._prefill * channels_out, dtype=np.float32))
        self._frames_in = 0
        self._frames_out = 0
        self._gained = 0
        """Frames given more than taken: a change of rate rounds."""
        self._held: Block | None = None
        self._cushion = 1
        self._misses_seen = 0
        self._calm_frames = 0
        self._calm_s = CALM_S
        self.left_out = 0
        """Blocks that were faded away to take back delay."""

    def exchange(self, captured: Samples, playing: Samples) -> None:
        """Take *captured*, ``(frames,)``, and fill *playing*, interleaved. For the callback: copies, nothing else."""
        # In this order: seen half done by the other thread, too little waits rather than too much.
        self._frames_out += self._played.read(playing)
        self._frames_in += self._captured.write(captured)

    @property
    def misses(self) -> int:
        """Callbacks for which no block was ready, or that found no room."""
        return self._played.underruns + self._captured.overruns

    @property
    def waiting_frames(self) -> int:
        """Frames that stand before one that comes in now, in both rings and between them: the delay that is ours."""
        return (
            self._prefill
            + self._frames_in
            + self._gained
            - self._frames_out // self._channels
            - self.left_out * self.block_frames
        )

    def take(self) -> Samples | None:
        """The next captured block, valid until the next; None: it is not there yet."""
        if len(self._captured) < self.block_frames:
            return None
        self._captured.read(self._block)
        return self._block

    def give(self, block: Block) -> None:
        """Have *block* played, ``(channels_out, n)``."""
        frames = block.shape[1]
        self._gained += frames - self.block_frames
        self._mind(frames)
        if self._held is not None:
            held, self._held = self._held, None
            block = _faded(held, block)
            self.left_out += 1
        elif self._surplus >= 1:
            self._held = block.copy()
            return
        self._played.write(np.ascontiguousarray(block.T).reshape(-1))

    def _mind(self, frames: int) -> None:
        """Let the cushion grow after a miss, and shrink when it was calm for long."""
        if self.misses != self._misses_seen:
            self._misses_seen = self.misses
            if self._cushion < CUSHION_BLOCKS:
                self._cushion += 1
            if self._calm_frames:
                self._calm_s = min(MOST_CALM_S, 2 * self._calm_s)
            self._calm_frames = 0
            return
        self._calm_frames += frames
        if self._cushion > 1 and self._calm_frames > self._calm_s * self.sample_rate_hz:
            self._calm_frames = 0
            self._cushion -= 1

    @property
    def _surplus(self) -> int:
        """Whole blocks that wait beyond the cushion, that which is just given included."""
        return (self.waiting_frames - self._prefill) // self.block_frames - (self._cushion - 1)


def _faded(old: Block, new: Block) -> Block:
    """*old* faded over into *new*."""
    count = min(old.shape[1], new.shape[1])
    faded = new.copy()
    faded[:, :count] = old[:, :count] + rising(0, count, count) * (new[:, :count] - old[:, :count])
    return faded
