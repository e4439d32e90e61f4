"""Filters in a row, over blocks of any length; what is changed is faded in between two blocks.

A change builds a new filter in the thread that posts it. From the next block on the new one runs beside the old
one until it has settled, then they are cross-faded with a slope that is a raised cosine: no click, no jump. Of
several changes to one filter that wait, the newest wins.
"""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from dsp.errors import ParameterError
from dsp.filters.base import Filter, Setting
from dsp.preset import Preset, SlotSpec
from dsp.types import Block, Samples

FADE_MS = 10.0
"""Length of a cross-fade: short enough to be heard at once, and long enough for a slope that is a raised cosine (Hann).

In a window of 100 ms, 500 Hz and more away from a tone, its trace is at -95 dB re the tone where that comes or goes, and
at -89 dB where it is turned round. A fade that itself is a raised cosine leaves -80 and -74 dB: its slope has corners.
"""
MAX_SETTLE_S = 2.0
"""A filter that rings for longer is faded in all the same."""
_NO_CHANGE = "changes the length of the sound: it cannot be changed while it runs"
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


@dataclass(slots=True)
class _Fade:
    """On the way from one filter (or none: the plain sound) to another."""

    spec: SlotSpec
    """What it will be."""
    incoming: Filter | None
    settle: int
    """Samples still to wait."""
    done: int = 0
    """Samples faded."""


class FilterChain:
    """Runs the filters of a preset.

    `process` belongs to one thread, `post`, `load` and `bypass` to one other.

    Args:
        preset: filters in order.
        setting: sample rate and channels of what comes in.

    Raises:
        ParameterError: a filter that cannot be at this rate or for so many channels.
        LibraryMissing: an engine that is not installed.
    """

    def __init__(self, preset: Preset, setting: Setting) -> None:
        self._setting = setting
        self._preset = preset
        self._bypassed = False
        self._row = _Row(preset, setting)
        self._newest_row = self._row
        self._fade_samples = max(1, round(FADE_MS * setting.sample_rate_hz / 1000))
        self._posted: deque[_Post] = deque()
        self._rows: _RowFade | None = None
        self._dry = False

    @property
    def preset(self) -> Preset:
        """The filters and values asked for, faded in or about to be."""
        return self._preset

    @property
    def bypassed(self) -> bool:
        """Whether the whole chain is asked to pass the plain sound."""
        return self._bypassed

    @property
    def channels_out(self) -> int:
        """Channels of what `process` returns."""
        return self._row.channels_out

    @property
    def delay_samples(self) -> int:
        """How much later than its input the output comes, in samples of the output."""
        return self._row.delay_samples

    def output_samples(self, count: int) -> int:
        """Length of the whole output for *count* samples of input, its tail included."""
        return self._row.output_samples(count)

    @property
    def changing(self) -> bool:
        """Whether something is still being faded in."""
        return bool(self._posted) or self._rows is not None or self._row.changing

    def readings(self) -> dict[str, float | str]:
        """What the meters of all filters show, by ``slot.name``."""
        return self._row.readings()

    def post(self, path: str, value: object) -> None:
        """Change one value; it is heard from the next block on.

        Args:
            path: ``slot.parameter`` or ``slot.bypass``; see `Preset.with_value`.

        Raises:
            ParameterError: naming what is unknown, out of range or impossible here; nothing is changed.
        """
        slot_name = path.split(".", 1)[0]
        changed = self._preset.with_value(path, value)
        slot = changed.slot(slot_name)
        if slot == self._preset.slot(slot_name):
            return
        fresh = self._newest_row.replacement(slot)
        self._posted.append(_Post(slot=slot, incoming=fresh))
        self._preset = changed

    def load(self, preset: Preset) -> None:
        """Change to another preset; of several that wait, the newest wins.

        Raises:
            ParameterError: it cannot be here; nothing is changed.
            LibraryMissing: an engine that is not installed; nothing is changed.
        """
        row = _Row(preset, self._setting)
        for each in (self._newest_row, row):
            each.need_same_length()
        if row.channels_out != self.channels_out:
            raise ParameterError(
                f"preset {preset.name} gives {row.channels_out} channels, {self._preset.name} "
                f"{self.channels_out}: a running chain cannot change their number"
            )
        self._posted.append(_Post(row=row))
        self._preset, self._newest_row = preset, row

    def bypass(self, bypassed: bool) -> None:
        """Switch to the plain sound, or back.

        Raises:
            ParameterError: it changes the number of channels or the length: there is no plain sound of that kind.
        """
        if self._row.channels_out != self._setting.channels:
            raise ParameterError("a chain that changes the number of channels cannot be bypassed")
        self._newest_row.need_same_length()
        if bypassed != self._bypassed:
            self._posted.append(_Post(dry=bypassed))
            self._bypassed = bypassed

    def process(self, block: Block, far: Samples | None = None) -> Block:
        """Filter *block*, ``(channels, n)``, in place where the number of channels stays.

        Args:
            far: what the loudspeaker plays, for an echo canceller; mono, as long as *block*.
        """
        mend(block)
        if self._posted and self._rows is None:
            self._take_posts()
        if self._rows is not None:
            return self._fade_rows(block, far)
        return block if self._dry else self._row.process(block, far)

    def reset(self) -> None:
        """Forget the past; what waits to be faded in is there at once."""
        while self._posted or self._rows is not None:
            if self._rows is not None:
                self._row, self._dry, self._rows = self._rows.row, self._rows.dry, None
            else:
                self._take_posts()
        self._row.reset()

    def _take_posts(self) -> None:
        while self._posted and self._rows is None:
            post = self._posted.popleft()
            if any(post.is_overtaken_by(later) for later in tuple(self._posted)):
                continue
            if post.slot is not None:
                self._row.change(post.slot, post.incoming)
                if self._dry:
                    self._row.finish()
            elif post.row is not None:
                if self._dry:
                    self._row = post.row
                else:
                    self._rows = _RowFade(post.row, False, post.row.settle_samples)
            elif post.dry != self._dry:
                self._rows = _RowFade(self._row, post.dry, 0 if post.dry else self._row.settle_samples)
                if not post.dry:
                    self._row.reset()

    def _fade_rows(self, block: Block, far: Samples | None) -> Block:
        fade = self._rows
        assert fade is not None
        plain = block.copy()
        old = block if self._dry else self._row.process(block, far)
        new = plain if fade.dry else fade.row.process(plain, far)
        if fade.blend(old, new, self._fade_samples):
            self._row, self._dry, self._rows = fade.row, fade.dry, None
        return old


@dataclass(slots=True)
class _Post:
    """One change on its way to the thread that processes: a slot, a row of filters, or bypass."""

    slot: SlotSpec | None = None
    incoming: Filter | None = None
    row: "_Row | None" = None
    dry: bool = False

    def is_overtaken_by(self, later: "_Post") -> bool:
        """Whether nothing of this is left once *later* is there."""
        if later.row is not None:
            return self.row is not None or self.slot is not None
        return later.slot is None and self.row is None and self.slot is None


@dataclass(slots=True)
class _RowFade:
    """On the way from all that is heard to another row, or to the plain sound."""

    row: "_Row"
    dry: bool
    settle: int
    done: int = 0

    def blend(self, old: Block, new: Block, fade_samples: int) -> bool:
        """Blend *new* into *old*; whether the fade is over."""
        self.settle, self.done = _blend(old, new, self.settle, self.done, fade_samples)
        return self.done >= fade_samples


class _Slot:
    """One filter of a row, and the one that is about to follow it."""

    def __init__(self, spec: SlotSpec, running: Filter, setting: Setting) -> None:
        self.spec = spec
        self.setting = setting
        self.built = running
        """The filter that runs, or that was bypassed."""
        self.fade: _Fade | None = None
        self.waiting: _Post | None = None
        self.out = setting.channels if running.channels_out is None else running.channels_out

    def begin(self, post: _Post) -> None:
        assert post.slot is not None
        incoming = post.incoming
        if incoming is not None and not self.spec.bypass:
            incoming.adopt(self.built)
        settle = 0 if incoming is None else incoming.settle_samples
        self.fade = _Fade(post.slot, incoming, min(settle, int(MAX_SETTLE_S * self.setting.sample_rate_hz)))

    def end(self) -> None:
        assert self.fade is not None
        if self.fade.incoming is not None:
            self.built = self.fade.incoming
        self.spec = self.fade.spec
        self.fade = None
        if self.waiting is not None:
            post, self.waiting = self.waiting, None
            self.begin(post)

    def process(self, block: Block, far: Samples | None, fade_samples: int) -> Block:
        if self.fade is None:
            return block if self.spec.bypass else _run(self.built, self.spec, block, far)
        plain = block.copy()
        old = block if self.spec.bypass else _run(self.built, self.spec, block, far)
        incoming = self.fade.incoming
        new = plain if incoming is None else _run(incoming, self.fade.spec, plain, far)
        self.fade.settle, self.fade.done = _blend(old, new, self.fade.settle, self.fade.done, fade_samples)
        if self.fade.done >= fade_samples:
            self.end()
        return old


class _Row:
    """Filters one after the other."""

    def __init__(self, preset: Preset, setting: Setting) -> None:
        self._slots: list[_Slot] = []
        self._fade_samples = max(1, round(FADE_MS * setting.sample_rate_hz / 1000))
        for spec in preset.slots:
            built = _build(spec, setting)
            slot = _Slot(spec, built, setting)
            if spec.bypass and slot.out != setting.channels:
                raise ParameterError(f"{spec.slot} changes the number of channels and cannot be bypassed")
            self._slots.append(slot)
            setting = replace(setting, channels=slot.out)
        self.channels_out = setting.channels

    @property
    def delay_samples(self) -> int:
        delay = 0.0
        for slot in self._heard():
            delay = delay * slot.built.length_factor + slot.built.delay_samples
        return round(delay)

    @property
    def settle_samples(self) -> int:
        limit = int(MAX_SETTLE_S * self._slots[0].setting.sample_rate_hz) if self._slots else 0
        return min(limit, sum(slot.built.settle_samples + slot.built.delay_samples for slot in self._heard()))

    @property
    def changing(self) -> bool:
        return any(slot.fade is not None for slot in self._slots)

    def output_samples(self, count: int) -> int:
        for slot in self._heard():
            count = round(count * slot.built.length_factor) + slot.built.tail_samples
        return count

    def readings(self) -> dict[str, float | str]:
        return {
            f"{slot.spec.slot}.{name}": value
            for slot in self._heard()
            for name, value in slot.built.readings().items()
        }

    def need_same_length(self) -> None:
        """Raise ParameterError where more or fewer samples come out than go in: there is nothing to fade between."""
        for slot in self._slots:
            if slot.spec.spec.changes_length and not slot.spec.bypass:
                raise ParameterError(f"{slot.spec.slot} {_NO_CHANGE}")

    def replacement(self, spec: SlotSpec) -> Filter | None:
        """What follows the filter in the slot of *spec*: the filter *spec*, built; None for the plain sound."""
        slot = next(each for each in self._slots if each.spec.slot == spec.slot)
        if spec.spec.changes_length:
            raise ParameterError(f"{spec.slot} {_NO_CHANGE}")
        built = None if spec.bypass else _build(spec, slot.setting)
        out = slot.setting.channels if built is None or built.channels_out is None else built.channels_out
        if out == slot.out:
            return built
        if built is None:
            raise ParameterError(f"{spec.slot} changes the number of channels and cannot be bypassed")
        raise ParameterError(
            f"{spec.slot} gives {slot.out} channels and would give {out}: a running chain cannot change that"
        )

    def change(self, spec: SlotSpec, incoming: Filter | None) -> None:
        slot = next((each for each in self._slots if each.spec.slot == spec.slot), None)
        if slot is None:  # it was meant for a preset that has gone
            return
        post = _Post(slot=spec, incoming=incoming)
        if slot.fade is None:
            slot.begin(post)
        else:
            slot.waiting = post

    def process(self, block: Block, far: Samples | None) -> Block:
        for slot in self._slots:
            block = slot.process(block, far, self._fade_samples)
        return block

    def finish(self) -> None:
        """Be where all fades lead, at once."""
        for slot in self._slots:
            while slot.fade is not None:
                slot.end()

    def reset(self) -> None:
        self.finish()
        for slot in self._slots:
            slot.built.reset()

    def _heard(self) -> list[_Slot]:
        return [slot for slot in self._slots if not slot.spec.bypass]


def _build(spec: SlotSpec, setting: Setting) -> Filter:
    try:
        return spec.spec.build(spec.params, setting)
    except ParameterError as error:
        raise ParameterError(f"{spec.slot}: {error}") from None


def _run(running: Filter, spec: SlotSpec, block: Block, far: Samples | None) -> Block:
    if far is not None and spec.spec.takes_far:
        running.hear_far(far)
    return running.process(block)


def _blend(old: Block, new: Block, settle: int, done: int, fade_samples: int) -> tuple[int, int]:
    """Fade *new* into *old* in place after *settle* samples; returns what is left to wait, and what is done."""
    count = old.shape[1]
    start = min(settle, count)
    stop = min(count, start + fade_samples - done)
    if stop > start:
        share = np.arange(done + 1, done + 1 + stop - start, dtype=np.float64) / (fade_samples + 1)
        weight = (share - np.sin(2.0 * np.pi * share) / (2.0 * np.pi)).astype(np.float32)
        old[:, start:stop] += weight * (new[:, start:stop] - old[:, start:stop])
        done += stop - start
    if done >= fade_samples:
        old[:, stop:] = new[:, stop:]
    return settle - start, done
