"""Filters in a row, over blocks of any length; what is changed is faded in between two blocks.

A change builds new filters in the thread that asks for it. From the next block on a new one runs beside the old
one until it has settled, then they are cross-faded with a smooth slope: no click, no jump. Of
several changes to one filter that wait, the newest wins.
"""

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from dsp.chain_rows import Change, Row, fade_samples
from dsp.errors import ParameterError
from dsp.fade import CrossFade
from dsp.filters.base import Setting
from dsp.mending import mend
from dsp.plain_path import PlainPath
from dsp.preset import Preset
from dsp.types import Block, Samples

MOST_BYPASS_GAIN_DB = 60.0
_NO_CHANGE = "changes the length of the sound: it cannot be changed while it runs"


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A change that is built and can no longer go wrong; from `FilterChain.prepare`, for `FilterChain.apply`."""

    preset: Preset
    """What the chain will be."""
    changes: tuple[Change, ...]
    """The slots that differ, where the same slots stand in the same order."""
    row: Row | None
    """All filters, where they do not."""
    turn: int
    """How many changes the chain had been asked for when this one was prepared."""


class FilterChain:
    """Runs the filters of a preset.

    `process` and `reset` belong to one thread; all that asks for a change to one other.

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
        self._turn = 0
        self._wanted = _Bypass(False, 0.0)
        self._row = Row(preset, setting)
        self._newest_row = self._row
        self._fade_samples = fade_samples(setting.sample_rate_hz)
        self._posted: deque[_Post] = deque()
        self._rows: _RowFade | None = None
        self._plain: PlainPath | None = None
        self._unsettled = 0

    @property
    def preset(self) -> Preset:
        """The filters and values asked for, faded in or about to be."""
        return self._preset

    @property
    def setting(self) -> Setting:
        """What it was built for."""
        return self._setting

    @property
    def bypassed(self) -> bool:
        """Whether the whole chain is asked to pass the plain sound."""
        return self._wanted.on

    @property
    def bypass_gain_db(self) -> float:
        """Gain with which the plain sound was last asked for."""
        return self._wanted.gain_db

    @property
    def channels_out(self) -> int:
        """Channels of what `process` returns."""
        return self._row.channels_out

    @property
    def delay_samples(self) -> int:
        """How much later than its input the output comes, in samples of the output; also while it is bypassed."""
        return self._row.delay_samples

    def output_samples(self, count: int) -> int:
        """Length of the whole output for *count* samples of input, its tail included."""
        return self._row.output_samples(count)

    @property
    def changing(self) -> bool:
        """Whether something is still being faded in."""
        plain = self._plain
        fading = self._row.changing or (plain is not None and plain.changing)
        return bool(self._posted) or self._rows is not None or fading

    @property
    def is_empty(self) -> bool:
        """Whether `process` has nothing to do but to mend what is no sound: no filters, and no change under way."""
        return self._row.is_empty and not self._posted and self._rows is None and self._plain is None

    @property
    def takes_far(self) -> bool:
        """Whether a filter is asked for that has to be told what the loudspeaker plays."""
        return any(each.spec.takes_far for each in self._preset.slots)

    def readings(self) -> dict[str, float | str]:
        """What the meters of all filters show, by ``slot.name``."""
        return self._row.readings()

    def prepare(self, preset: Preset) -> Prepared:
        """Build all that differs from what was asked for last; nothing is changed yet.

        Where the same slots hold the same filters in the same order, only those that differ are built. Else
        all are, and will be faded in together.

        Raises:
            ParameterError: it cannot be here.
            LibraryMissing: an engine that is not installed.
        """
        refused = None
        self._newest_row.keep_past()  # who changes one thing will change another
        if _shape(preset) == _shape(self._preset):
            pairs = zip(preset.slots, self._preset.slots, strict=True)
            differing = [spec for spec, was in pairs if spec != was]
            for spec in differing:
                if spec.spec.changes_length:
                    raise ParameterError(f"{spec.slot} {_NO_CHANGE}")
            changes = tuple(self._newest_row.build(spec) for spec in differing)
            refused = self._newest_row.other_channels(changes)
            if refused is None:
                return Prepared(preset, changes, None, self._turn)
        for each in (self._preset, preset):
            _need_same_length(each)
        row = Row(preset, self._setting)
        row.keep_past()
        if row.channels_out != self.channels_out:
            raise ParameterError(
                refused
                or f"preset {preset.name} gives {row.channels_out} channels, {self._preset.name} "
                f"{self.channels_out}: a running chain cannot change their number"
            )
        return Prepared(preset, (), row, self._turn)

    def apply(self, prepared: Prepared) -> None:
        """Make the change; it is heard from the next block on. Of several that wait, the newest wins.

        Args:
            prepared: from `prepare` of this chain, after which no other was applied.

        Raises:
            ValueError: another change was applied since: a fault of the caller's. Nothing else can go wrong.
        """
        if prepared.turn != self._turn:
            raise ValueError("another change was applied since this one was prepared")
        self._turn += 1
        if prepared.row is not None:
            self._newest_row = prepared.row
            self._posted.append(prepared.row)
        elif prepared.changes:
            self._posted.append(prepared.changes)
        self._preset = prepared.preset

    def post(self, path: str, value: object) -> None:
        """Change one value; it is heard from the next block on.

        Args:
            path: ``slot.parameter`` or ``slot.bypass``; see `Preset.with_value`.

        Raises:
            ParameterError: naming what is unknown, out of range or impossible here; nothing is changed.
            LibraryMissing: an engine that is not installed; nothing is changed.
        """
        self.apply(self.prepare(self._preset.with_value(path, value)))

    def load(self, preset: Preset) -> None:
        """Change to another preset; of several that wait, the newest wins.

        Raises:
            ParameterError: it cannot be here; nothing is changed.
            LibraryMissing: an engine that is not installed; nothing is changed.
        """
        self.apply(self.prepare(preset))

    def bypass(self, bypassed: bool, *, gain_db: float = 0.0) -> None:
        """Switch to the plain sound, or back; or change its gain.

        The plain sound comes `delay_samples` late, so that it stands where the filtered one does. It is heard when
        so much of it has come in.

        Args:
            gain_db: of the plain sound, -60 to 60 dB: what makes it as loud as the filtered one.

        Raises:
            ParameterError: it changes the number of channels or the length: there is no plain sound of that kind;
                or a gain out of range.
        """
        if self._newest_row.channels_out != self._setting.channels:
            raise ParameterError("a chain that changes the number of channels cannot be bypassed")
        _need_same_length(self._preset)
        if not -MOST_BYPASS_GAIN_DB <= gain_db <= MOST_BYPASS_GAIN_DB:
            raise ParameterError(
                f"the gain of the plain sound must be -{MOST_BYPASS_GAIN_DB:g} to {MOST_BYPASS_GAIN_DB:g} dB, "
                f"got {gain_db:g}"
            )
        wanted = _Bypass(bypassed, float(gain_db))
        if wanted.on != self._wanted.on or (wanted.on and wanted != self._wanted):
            self._posted.append(wanted)
        self._wanted = wanted

    def process(self, block: Block, far: Samples | None = None) -> Block:
        """Filter *block*, ``(channels, n)``, in place where the number of channels stays.

        Args:
            far: what the loudspeaker plays, for an echo canceller; mono, as long as *block*.
        """
        mend(block)
        if self._posted and self._rows is None:
            self._take_posts()
        if self._rows is not None:
            return self._fade_rows(self._rows, block, far)
        if self._plain is None:
            return self._row.process(block, far)
        # The filters go on unheard, so that they are as they should be when they are asked for again.
        self._row.process(block.copy(), far)
        self._unsettled = max(0, self._unsettled - block.shape[1])
        self._plain.change(self._row.delay_samples, self._plain.gain_db)
        return self._plain.process(block)

    def reset(self) -> None:
        """Forget the past; what waits to be faded in is there at once."""
        while self._posted or self._rows is not None:
            if self._rows is not None:
                self._arrive(self._rows)
            else:
                self._take_posts()
        self._row.reset()
        self._unsettled = 0
        if self._plain is not None:
            self._plain.change(self._row.delay_samples, self._plain.gain_db)
            self._plain.reset()

    def _take_posts(self) -> None:
        while self._posted and self._rows is None:
            post = self._posted.popleft()
            if any(_overtaken(post, later) for later in tuple(self._posted)):
                continue
            match post:
                case _Bypass():
                    self._take_bypass(post)
                case Row() if self._plain is None:
                    self._rows = self._fade_to(post, None, post.settle_samples)
                case Row():
                    self._row, self._unsettled = post, post.settle_samples
                case _:
                    self._row.change(post)

    def _take_bypass(self, post: "_Bypass") -> None:
        if not post.on:
            if self._plain is not None:
                self._rows = self._fade_to(self._row, None, self._unsettled)
        elif self._plain is None:
            delay = self._row.delay_samples
            plain = PlainPath(self._setting.channels, delay, post.gain_db, self._fade_samples)
            self._rows = self._fade_to(self._row, plain, delay)
        else:
            self._plain.change(self._row.delay_samples, post.gain_db)

    def _fade_to(self, row: Row, plain: PlainPath | None, settle: int) -> "_RowFade":
        return _RowFade(row, plain, CrossFade(settle, self._fade_samples))

    def _fade_rows(self, fade: "_RowFade", block: Block, far: Samples | None) -> Block:
        copy = block.copy()
        old = self._row.process(block, far) if self._plain is None else self._plain.process(block)
        new = fade.row.process(copy, far) if fade.plain is None else fade.plain.process(copy)
        if fade.slope.blend(old, new):
            self._arrive(fade)
        return old

    def _arrive(self, fade: "_RowFade") -> None:
        self._row, self._plain, self._rows, self._unsettled = fade.row, fade.plain, None, 0


@dataclass(frozen=True, slots=True)
class _Bypass:
    """The plain sound is asked for, or no longer."""

    on: bool
    gain_db: float


_Post: TypeAlias = "tuple[Change, ...] | Row | _Bypass"
"""One change on its way to the thread that processes."""


def _overtaken(post: _Post, later: _Post) -> bool:
    """Whether nothing of *post* is left once *later* is there."""
    if isinstance(post, _Bypass) or isinstance(later, _Bypass):
        return isinstance(post, _Bypass) and isinstance(later, _Bypass)
    if isinstance(later, Row):
        return True
    return not isinstance(post, Row) and {spec.slot for spec, _ in post} <= {spec.slot for spec, _ in later}


@dataclass(slots=True)
class _RowFade:
    """On the way from all that is heard to another row, or to the plain sound."""

    row: Row
    plain: PlainPath | None
    slope: CrossFade


def _shape(preset: Preset) -> list[tuple[str, str]]:
    return [(each.slot, each.filter) for each in preset.slots]


def _need_same_length(preset: Preset) -> None:
    """Raise ParameterError where more or fewer samples come out than go in: there is nothing to fade between."""
    for each in preset.slots:
        if each.spec.changes_length and not each.bypass:
            raise ParameterError(f"{each.slot} {_NO_CHANGE}")
