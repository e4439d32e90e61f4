"""From the parameters of packets to speech, and what is heard where there is no packet.

Harmonics of f0 and noise, both shaped to the band levels and mixed by the voicing to the power of 0.45, in overlapping
frames; then *passes* of "add up, measure the bands, correct the gains" (see dsp/native/vlc_render.h).

Concealment goes on with the parameters, not with the samples: f0 stays, levels fall and voicing falls, so that speech
becomes noise and noise becomes the background, which is that of the last silence descriptor or the least that the bands
have been of late. Where the packet after the gap is known, levels, voicing and f0 go straight to its first frame.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dsp._native import VlcSynthesis
from dsp.codecs.vlc.analysis import FLOOR_DB
from dsp.codecs.vlc.background import Background
from dsp.codecs.vlc.join import joined
from dsp.codecs.vlc.model import FRAME_MS, Array, Model, PacketParameters
from dsp.types import Samples

HOLD_MS, FALL_DB_PER_MS = 40.0, 0.2
"""Levels stay for so long after the last frame, then fall so fast."""
UNVOICE_MS = 140.0
"""Until voicing has fallen to nothing."""
MOST_FALL_DB = 40.0
"""Of levels, where no background is known."""
SILENCE_DB = -110.0


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    native: bytes
    last: PacketParameters
    now: PacketParameters
    left: Samples
    background: tuple[Array, ...]
    gap_ms: float
    described: bool


class Synthesis:
    """Parameters -> samples, `delay_samples` late.

    Args:
        model: that the parameters belong to.
        hop_ms: 8, or 16 for half of the effort: of the frames of all parameters.
        passes: corrections, 0 to 16.
        seed: which noise.
    """

    def __init__(self, model: Model, *, hop_ms: int = FRAME_MS, passes: int = 4, seed: int = 1) -> None:
        self._model = model
        self._hop_ms = hop_ms
        self._hop = model.frame_samples(hop_ms)
        self.delay_samples = (model.window_samples - self._hop) // 2
        self.offset_hz = 0.0
        """By how much all harmonics are moved; see `dsp.codecs.vlc.effects`."""
        self._native = VlcSynthesis(
            model.sample_rate_hz,
            model.window,
            model.filter_bank,
            model.band_interpolation,
            model.voicing_interpolation,
            self._hop,
            passes,
            FLOOR_DB,
            seed,
        )
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        model = self._model
        self._native.reset()
        self._last = PacketParameters(
            levels_db=np.full((1, model.bands), SILENCE_DB, dtype=np.float32),
            voicing=np.zeros((1, model.voicing_bands), dtype=np.float32),
            f0_hz=np.full(1, 100.0, dtype=np.float32),
            voiced=np.zeros(1, dtype=np.bool_),
        )
        self._now = self._last
        self._left: Samples = np.zeros(0, dtype=np.float32)
        self._background = Background()
        self._gap_ms = 0.0
        self._described = False

    def synthesize(self, parameters: PacketParameters, out: Samples) -> None:
        """Write the sound of *parameters*.

        Args:
            out: ``(frames * hop,)``, writable.

        Raises:
            ValueError: if a size does not fit.
        """
        if self._gap_ms == 0.0:
            parameters = joined(self._now, parameters, self._hop_ms)
        self._render(parameters, out)
        if self._described:
            self._background.begin_with(())
            self._described = False
        self._background.follow(parameters.levels_db)
        self._last = self._now = parameters
        self._gap_ms = 0.0

    def comfort_noise(self, levels_db: Array, out: Samples) -> None:
        """Write noise of *levels_db*, ``(bands,)``, and let it go on where nothing follows.

        Args:
            out: of whole frames.
        """
        frames = out.size // self._hop
        model = self._model
        parameters = PacketParameters(
            levels_db=np.tile(levels_db, (frames, 1)),
            voicing=np.zeros((frames, model.voicing_bands), dtype=np.float32),
            f0_hz=np.full(frames, self._last.f0_hz[-1], dtype=np.float32),
            voiced=np.zeros(frames, dtype=np.bool_),
        )
        self._render(parameters, out)
        self._last = self._now = parameters
        self._background.begin_with((levels_db,))
        self._described = True
        self._gap_ms = 0.0

    def conceal(self, out: Samples) -> None:
        """Fill *out*, of any length, in place of what was lost."""
        self._fill(out, self._fading)

    def bridge(self, after: PacketParameters, out: Samples) -> None:
        """Fill *out*, of any length, between the last packet and *after*, which is not taken as heard."""
        frames = -(-max(0, out.size - self._left.size) // self._hop)
        before, done = self._now, 0

        def onwards(count: int) -> PacketParameters:
            nonlocal done
            # The place of each frame between the last one before and the first one after.
            share = (np.arange(done, done + count, dtype=np.float32) + 1.0) / (frames + 1.0)
            done += count
            return _between(before, after, share)

        self._fill(out, onwards)

    def snapshot(self) -> object:
        """The state, which later calls do not change."""
        return _State(
            self._native.snapshot(),
            self._last,
            self._now,
            self._left,
            self._background.heard(),
            self._gap_ms,
            self._described,
        )

    def restore(self, state: object) -> None:
        """Go back to a `snapshot` of this object, or of one made alike.

        Raises:
            TypeError: if *state* is none.
        """
        if not isinstance(state, _State):
            raise TypeError(f"wanted what snapshot returned, got {type(state).__name__}")
        self._native.restore(state.native)
        self._last, self._now, self._left = state.last, state.now, state.left
        self._background.begin_with(state.background)
        self._gap_ms, self._described = state.gap_ms, state.described

    def _fill(self, out: Samples, onwards: Callable[[int], PacketParameters]) -> None:
        """Fill *out* with frames of *onwards*, which is told how many; what is left over begins what comes next."""
        have = min(self._left.size, out.size)
        out[:have] = self._left[:have]
        self._left = self._left[have:]
        while have < out.size:
            count = min(self._native.most_frames, -(-(out.size - have) // self._hop))
            block: Samples = np.empty(count * self._hop, dtype=np.float32)
            p = self._now = onwards(count)
            self._native.render(p.levels_db, p.voicing, p.f0_hz, block, self.offset_hz)
            taken = min(block.size, out.size - have)
            out[have : have + taken] = block[:taken]
            have += taken
            self._left = block[taken:]

    def _render(self, parameters: PacketParameters, out: Samples) -> None:
        """The sound of *parameters*, after what concealment left over: that delays it, by less than a frame."""
        p = parameters
        if not self._left.size:
            self._native.render(p.levels_db, p.voicing, p.f0_hz, out, self.offset_hz)
            return
        block: Samples = np.empty(p.f0_hz.size * self._hop, dtype=np.float32)
        self._native.render(p.levels_db, p.voicing, p.f0_hz, block, self.offset_hz)
        sound = np.concatenate((self._left, block))
        out[:] = sound[: out.size]
        self._left = sound[out.size :]

    def _fading(self, count: int) -> PacketParameters:
        last, hop_ms = self._last, self._hop_ms
        times = self._gap_ms + hop_ms * np.arange(1, count + 1, dtype=np.float32)
        self._gap_ms = float(times[-1])
        settled = last.levels_db[-1]
        fall = FALL_DB_PER_MS * np.maximum(times - HOLD_MS, 0.0)
        falling = settled - fall[:, np.newaxis]
        voicing = last.voicing[-1] * np.maximum(1.0 - times / UNVOICE_MS, 0.0)[:, np.newaxis]
        known = self._background.levels_db
        background = settled - np.float32(MOST_FALL_DB) if known is None else np.minimum(known, settled)
        # Below what is heard the rest of the voice would make the background hum.
        above = np.clip((falling - background).max(axis=1) / 10.0, 0.0, 1.0)
        return PacketParameters(
            levels_db=np.maximum(falling, background).astype(np.float32),
            voicing=(voicing * above[:, np.newaxis]).astype(np.float32),
            f0_hz=np.full(count, last.f0_hz[-1], dtype=np.float32),
            voiced=np.zeros(count, dtype=np.bool_),
        )


def _between(before: PacketParameters, after: PacketParameters, share: Array) -> PacketParameters:
    """Parameters on the way from the last frame of *before* to the first of *after*."""
    column = share[:, np.newaxis]
    ratio = float(after.f0_hz[0]) / float(before.f0_hz[-1])
    return PacketParameters(
        levels_db=((1 - column) * before.levels_db[-1] + column * after.levels_db[0]).astype(np.float32),
        voicing=((1 - column) * before.voicing[-1] + column * after.voicing[0]).astype(np.float32),
        f0_hz=(before.f0_hz[-1] * ratio**share).astype(np.float32),
        voiced=np.full(share.size, bool(before.voiced[-1] and after.voiced[0])),
    )
