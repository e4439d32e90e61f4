"""Filters one after the other, and the cross-fades that lead from one to the next: what `dsp.chain` runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dsp.errors import ParameterError
from dsp.fade import CrossFade
from dsp.filters.base import Filter, Setting
from dsp.preset import Preset, SlotSpec
from dsp.types import Block, Samples

FADE_MS = 10.0
"""Length of a cross-fade: short enough to be heard at once."""
MAX_SETTLE_S = 2.0
"""A filter that rings for longer is faded in all the same."""

PAST_S = 0.2
"""How much of what came in is kept: a high-pass of fourth order at 25 Hz settles in that time."""

Change = tuple[SlotSpec, Filter | None]
"""What a slot is to be, and its filter, built; None for the plain sound."""


def fade_samples(sample_rate_hz: int) -> int:
    """Length of a cross-fade."""
    return max(1, round(FADE_MS * sample_rate_hz / 1000))


@dataclass(slots=True)
class _Fade:
    """On the way from one filter (or none: the plain sound) to another."""

    spec: SlotSpec
    """What it will be."""
    incoming: Filter | None
    slope: CrossFade


class _Past:
    """The newest sound that came to a slot: a new filter that is run over it has settled before it is heard."""

    def __init__(self, setting: Setting) -> None:
        # Run over at once, between two blocks: so it is shorter where there are many channels.
        length = round(PAST_S * setting.sample_rate_hz * min(1.0, 2.0 / setting.channels))
        self._ring: Block = np.zeros((setting.channels, length), dtype=np.float32)
        self._at = 0
        self._known = 0

    def keep(self, block: Block) -> None:
        length = self._ring.shape[1]
        if block.shape[1] > length:
            block = block[:, -length:]
        count = block.shape[1]
        first = min(count, length - self._at)
        self._ring[:, self._at : self._at + first] = block[:, :first]
        self._ring[:, : count - first] = block[:, first:]
        self._at = (self._at + count) % length
        self._known = min(length, self._known + count)

    def through(self, incoming: Filter, settle: int) -> int:
        """Run *incoming* over the newest *settle* samples, or as many as there are; how many that were."""
        count = min(settle, self._known)
        if count:
            incoming.process(np.ascontiguousarray(np.roll(self._ring, -self._at, axis=1)[:, -count:]))
        return count


class _Slot:
    """One filter of a row, and the one that is about to follow it."""

    def __init__(self, spec: SlotSpec, running: Filter, setting: Setting) -> None:
        self.spec = spec
        self.setting = setting
        self.built = running
        """The filter that runs, or that was bypassed."""
        self.past: _Past | None = None
        """What came in; kept where a filter can be run over it."""
        self.fade: _Fade | None = None
        self.waiting: Change | None = None
        self.out = setting.channels if running.channels_out is None else running.channels_out

    def change(self, change: Change) -> None:
        if self.fade is None:
            self._begin(change)
        else:
            self.waiting = change

    def _begin(self, change: Change) -> None:
        spec, incoming = change
        settle = 0
        if incoming is not None:
            if self.spec.bypass:
                settle = _start_samples(incoming)
            else:
                incoming.adopt(self.built)
                settle = incoming.settle_samples
            if self.past is not None and incoming.rereads:
                settle -= self.past.through(incoming, settle)
        rate_hz = self.setting.sample_rate_hz
        slope = CrossFade(min(settle, int(MAX_SETTLE_S * rate_hz)), fade_samples(rate_hz))
        self.fade = _Fade(spec, incoming, slope)

    def end(self) -> None:
        assert self.fade is not None
        if self.fade.incoming is not None:
            self.built = self.fade.incoming
        self.spec = self.fade.spec
        self.fade = None
        if self.waiting is not None:
            change, self.waiting = self.waiting, None
            self._begin(change)

    def process(self, block: Block, far: Samples | None) -> Block:
        if self.past is not None:
            self.past.keep(block)
        if self.fade is None:
            return block if self.spec.bypass else _run(self.built, self.spec, block, far)
        plain = block.copy()
        old = block if self.spec.bypass else _run(self.built, self.spec, block, far)
        incoming = self.fade.incoming
        new = plain if incoming is None else _run(incoming, self.fade.spec, plain, far)
        if self.fade.slope.blend(old, new):
            self.end()
        return old


class Row:
    """Filters one after the other.

    Args:
        preset: filters in order.
        setting: sample rate and channels of what comes in.

    Raises:
        ParameterError: a filter that cannot be at this rate or for so many channels.
        LibraryMissing: an engine that is not installed.
    """

    def __init__(self, preset: Preset, setting: Setting) -> None:
        self._slots: list[_Slot] = []
        for spec in preset.slots:
            built = _build(spec, setting)
            slot = _Slot(spec, built, setting)
            if spec.bypass and slot.out != setting.channels:
                raise ParameterError(f"{spec.slot} changes the number of channels and cannot be bypassed")
            self._slots.append(slot)
            setting = replace(setting, channels=slot.out)
        self.channels_out = setting.channels

    @property
    def is_empty(self) -> bool:
        """Whether there are no filters."""
        return not self._slots

    @property
    def delay_samples(self) -> int:
        """How much later than its input the output comes, in samples of the output."""
        delay = 0.0
        for slot in self._heard():
            delay = delay * slot.built.length_factor + slot.built.delay_samples
        return round(delay)

    @property
    def settle_samples(self) -> int:
        """How long the row, fresh, takes until it can be heard; at most `MAX_SETTLE_S`."""
        limit = int(MAX_SETTLE_S * self._slots[0].setting.sample_rate_hz) if self._slots else 0
        return min(
            limit, sum(_start_samples(slot.built) + slot.built.delay_samples for slot in self._heard())
        )

    @property
    def changing(self) -> bool:
        """Whether a filter is on its way to another."""
        return any(slot.fade is not None for slot in self._slots)

    def output_samples(self, count: int) -> int:
        """Length of the whole output for *count* samples of input, its tail included."""
        for slot in self._heard():
            count = round(count * slot.built.length_factor) + slot.built.tail_samples
        return count

    def readings(self) -> dict[str, float | str]:
        """What the meters of all filters show, by ``slot.name``."""
        return {
            f"{slot.spec.slot}.{name}": value
            for slot in self._heard()
            for name, value in slot.built.readings().items()
        }

    def build(self, spec: SlotSpec) -> Change:
        """Build what the slot of that name is to be; raises as the row itself does."""
        slot = next(each for each in self._slots if each.spec.slot == spec.slot)
        return spec, None if spec.bypass else _build(spec, slot.setting)

    def other_channels(self, changes: Sequence[Change]) -> str | None:
        """Why *changes* cannot be made in this row, whose filters are built for the channels that reach them; None if they can."""
        by_name = {slot.spec.slot: slot for slot in self._slots}
        for spec, built in changes:
            slot = by_name[spec.slot]
            out = slot.setting.channels if built is None or built.channels_out is None else built.channels_out
            if out != slot.out:
                return (
                    f"{spec.slot} gives {slot.out} channels and would give {out}: "
                    "a running chain cannot change that"
                )
        return None

    def change(self, changes: Sequence[Change]) -> None:
        """Begin to fade to *changes*, or do so when the fades that are on have ended; what has no slot here is left out."""
        for change in changes:
            slot = next((each for each in self._slots if each.spec.slot == change[0].slot), None)
            if slot is not None:  # else it was meant for a preset that has gone
                slot.change(change)

    def keep_past(self) -> None:
        """From now on keep what comes in where that spares a change its wait; any thread may ask."""
        for slot in self._slots:
            if slot.past is None and slot.built.rereads:
                slot.past = _Past(slot.setting)

    def process(self, block: Block, far: Samples | None) -> Block:
        """Filter *block*, in place where the number of channels and the length stay."""
        for slot in self._slots:
            block = slot.process(block, far)
        return block

    def reset(self) -> None:
        """Forget the past, and be where all fades lead."""
        for slot in self._slots:
            while slot.fade is not None:
                slot.end()
            slot.built.reset()
            if slot.past is not None:
                slot.past = _Past(slot.setting)

    def _heard(self) -> list[_Slot]:
        return [slot for slot in self._slots if not slot.spec.bypass]


def _start_samples(fresh: Filter) -> int:
    """How long a filter without a past must run unheard."""
    return fresh.settle_samples if fresh.ready_samples is None else fresh.ready_samples


def _build(spec: SlotSpec, setting: Setting) -> Filter:
    try:
        return spec.spec.build(spec.params, setting)
    except ParameterError as error:
        raise ParameterError(f"{spec.slot}: {error}") from None


def _run(running: Filter, spec: SlotSpec, block: Block, far: Samples | None) -> Block:
    if far is not None and spec.spec.takes_far:
        running.hear_far(far)
    return running.process(block)
