"""A desk: one chain of filters that several people may turn, with undo, revision and a bypass matched in loudness.

A desk holds what is *wanted*; any number of running chains (`Runner`) follow it, in a call one on each leg. All that
changes a desk belongs to one thread, that of the operations whose ``where`` is ``chain``; its state is one frozen
object, replaced at once, so that any thread may read it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from dsp.chain import FilterChain
from dsp.errors import DspError, LibraryMissing, ParameterError
from dsp.filters import Setting
from dsp.preset import Preset
from dsp.wording import plain
from softphone.control.errors import ControlError
from softphone.control.history import MAX_STEPS, Bypass, Moment, State, Touches
from softphone.control.op import Client
from softphone.control.runner import Runner, levels_of, measured_gain_db, readings_of, spectrum_of
from softphone.control.schema import difference, parse_value, value_at

DRAG_S = 0.5
"""Changes of one client to one parameter, each within this of the last, are one step: a slider that is dragged."""


class Desk:
    """One named chain.

    Args:
        name: what messages call it: ``main``; in calls ``sent`` and ``heard``.
        label: what people call it.
        preset: what is wanted first; all others give as many channels.
        setting: what is built for where nothing runs, to check a preset.

    Raises:
        ParameterError, LibraryMissing: *preset* cannot be.
    """

    def __init__(self, name: str, label: str, preset: Preset, setting: Setting) -> None:
        self.name = name
        self.label = label
        self.setting = setting
        self.runners: tuple[Runner, ...] = ()
        self._state = State(Moment(preset, preset))
        self._touches = Touches()
        self._drag: tuple[int, frozenset[str]] | None = None
        self._dragged_at = 0.0
        self._louder_db = 0.0
        self._need_live(preset)
        self._channels_out = FilterChain(preset, setting).channels_out

    @property
    def state(self) -> State:
        """What it is now; frozen."""
        return self._state

    @property
    def preset(self) -> Preset:
        """What is wanted."""
        return self._state.preset

    @property
    def bypassed(self) -> bool:
        """Whether the plain sound is wanted."""
        return self._state.bypass.on

    @property
    def revision(self) -> int:
        """How many changes there were."""
        return self._state.revision

    @property
    def modified(self) -> bool:
        """Whether the preset differs from what was loaded or saved."""
        return self._state.modified

    def attach(self, runner: Runner) -> None:
        """Let *runner* follow, from the wanted preset and bypass on; one that does already, goes on. In the thread of the changes.

        Raises:
            ControlError: ``invalid-preset`` or ``not-possible``: what is wanted cannot be there; it does not follow.
        """
        state, chain = self._state, runner.chain
        try:
            # Also where it is the same: a chain that is steered keeps the past that spares its filters settling.
            chain.apply(chain.prepare(state.preset))
            if chain.bypassed != state.bypass.on:
                chain.bypass(state.bypass.on, gain_db=state.bypass.gain_db)
        except DspError as error:
            raise refused(error, f"preset {state.preset.name}") from None
        if not any(each is runner for each in self.runners):
            self.runners = (*self.runners, runner)

    def detach(self, runner: Runner) -> None:
        """Let *runner* go its own way; nothing happens where it does not follow."""
        self.runners = tuple(each for each in self.runners if each is not runner)

    @property
    def newest(self) -> Runner | None:
        """Whose meters are shown; from any thread. None: nothing runs."""
        return next(reversed(self.runners), None)  # read once: it may be let go meanwhile

    @property
    def running_setting(self) -> Setting:
        """What the newest runner is built for; where nothing runs, what presets are checked with."""
        runner = self.newest
        return self.setting if runner is None else runner.chain.setting

    def check(self, preset: Preset) -> None:
        """Build *preset* for all that runs, and change nothing.

        Raises:
            DspError: it cannot be.
        """
        self._prepared(preset)

    def changed(self, changes: Mapping[str, Any]) -> Preset:
        """The wanted preset with *changes*, path -> value; nothing is changed yet.

        Raises:
            ControlError: ``unknown-path``, ``out-of-range`` or ``bad-value``.
        """
        preset = self.preset
        for path, value in changes.items():
            preset = parse_value(preset, path, value)
        return preset

    def change(self, changes: Mapping[str, Any], client: Client, now: float) -> Mapping[str, Any]:
        """Change values, all or none; path -> value of what is new.

        Raises:
            ControlError: as `changed`, or ``bad-value`` or ``not-possible`` where it cannot be built.
        """
        state = self._state
        preset = self.changed(changes)
        if preset == state.preset:
            return {}
        try:
            self._run(preset)
        except DspError as error:
            raise refused(error, path=next(iter(changes)) if len(changes) == 1 else "") from None
        drag: tuple[int, frozenset[str]] | None = (client.id, frozenset(changes))
        past = (*state.past, state.now)
        if drag == self._drag and now - self._dragged_at <= DRAG_S:
            past = state.past
            if past[-1].preset == preset:  # dragged back to where it began
                past, drag = past[:-1], None
        new = difference(state.preset, preset)
        self._put(replace(state, now=Moment(preset, state.now.origin), past=past, future=()), new, client)
        self._drag, self._dragged_at = drag, now
        return {} if new is None else new

    def load(self, preset: Preset, client: Client, *, origin: Preset | None = None) -> None:
        """Change to another preset.

        Args:
            origin: what it is compared with to tell whether it is modified; itself where None.

        Raises:
            ControlError: ``invalid-preset`` or ``not-possible``; nothing is changed.
        """
        state = self._state
        moment = Moment(preset, preset if origin is None else origin)
        if moment == state.now:
            return
        self._go(replace(state, now=moment, past=(*state.past, state.now), future=()), client)

    def undo(self, client: Client) -> Mapping[str, Any] | None:
        """Go one step back; path -> value of what is new, None where it is another preset.

        Raises:
            ControlError: ``nothing-to-undo``, or ``invalid-preset`` where it cannot be any more.
        """
        state = self._state
        if not state.past:
            raise ControlError("nothing-to-undo", f"there is nothing to undo on {self.name}")
        *past, moment = state.past
        return self._go(
            replace(state, now=moment, past=tuple(past), future=(*state.future, state.now)), client
        )

    def redo(self, client: Client) -> Mapping[str, Any] | None:
        """Go one undone step forward again; as `undo`."""
        state = self._state
        if not state.future:
            raise ControlError("nothing-to-undo", f"there is nothing to redo on {self.name}")
        *future, moment = state.future
        return self._go(
            replace(state, now=moment, past=(*state.past, state.now), future=tuple(future)), client
        )

    def saved(self, preset: Preset, client: Client) -> None:
        """Note that *preset*, which differs from what is wanted by its name alone, was saved."""
        self._put(replace(self._state, now=Moment(preset, preset)), {}, client)

    def bypass(self, on: bool, matched: bool) -> Bypass:
        """Let the plain sound be heard, or the filtered one again.

        Args:
            matched: whether the plain sound shall be as loud as the filtered one was until now.

        Raises:
            ControlError: ``not-possible``: a chain that changes the number of channels.
        """
        state = self._state
        was = state.bypass
        if on and not was.on:  # as long as the filtered sound is there to be measured
            runner = self.newest
            self._louder_db = 0.0 if runner is None else measured_gain_db(runner)
        wanted = Bypass(on, matched, round(self._louder_db, 2) if on and matched else 0.0)
        if wanted == was:
            return was
        done: list[Runner] = []
        try:
            for runner in self.runners:
                runner.chain.bypass(on, gain_db=wanted.gain_db)
                done.append(runner)
        except ParameterError as error:
            for runner in done:
                runner.chain.bypass(was.on, gain_db=was.gain_db)
            raise ControlError("not-possible", str(error)) from None
        self._state = replace(state, bypass=wanted, revision=state.revision + 1)
        return wanted

    def need_revision(self, paths: Iterable[str], client: Client, revision: int) -> None:
        """Refuse a change by who has not seen what somebody else did after *revision* to one of *paths*.

        Raises:
            ControlError: ``conflict``, with the path and its value now.
        """
        if revision == self.revision:
            return
        for path in paths:
            if self._touches.by_others(path, client.id, revision):
                value = value_at(self.preset, path)
                raise ControlError(
                    "conflict",
                    f"somebody changed {path} after revision {revision}: it is {plain(value)} now",
                    path=path,
                    value=value,
                    revision=self.revision,
                )

    def levels(self) -> dict[str, Any] | None:
        """The body of a ``levels`` event, of the newest runner; None: nothing runs that has meters."""
        runner = self.newest
        return None if runner is None else levels_of(self.name, runner)

    def spectrum(self, *, axis: bool) -> dict[str, Any] | None:
        """The body of a ``spectrum`` event, of the newest runner, with *axis* the frequencies, too; None: nothing runs."""
        runner = self.newest
        return None if runner is None else spectrum_of(self.name, runner, axis=axis)

    def readings(self) -> dict[str, Any]:
        """What the meters of the newest runner's filters show, by ``slot.name``; empty where nothing runs."""
        runner = self.newest
        return {} if runner is None else readings_of(runner)

    def _go(self, state: State, client: Client) -> Mapping[str, Any] | None:
        before = self.preset
        try:
            self._run(state.preset)
        except DspError as error:
            raise refused(error, f"preset {state.preset.name}") from None
        new = None if before.name != state.preset.name else difference(before, state.preset)
        self._put(state, new, client)
        return new

    def _put(self, state: State, new: Mapping[str, Any] | None, client: Client) -> None:
        self._drag = None
        revision = self._state.revision + 1
        self._touches.note([""] if new is None else new, client.id, revision)
        self._state = replace(state, past=state.past[-MAX_STEPS:], revision=revision)

    def _run(self, preset: Preset) -> None:
        for apply in self._prepared(preset):
            apply()

    def _prepared(self, preset: Preset) -> list[Callable[[], None]]:
        """Build *preset* wherever it shall run; what makes it heard there. Raises DspError."""
        self._need_live(preset)
        if not self.runners:
            out = FilterChain(preset, self.setting).channels_out
            if out != self._channels_out:
                raise ParameterError(
                    f"channels that come out must be {self._channels_out} here, got {out}: their number cannot change"
                )
            return []
        return [_applying(each.chain, preset) for each in self.runners]

    @staticmethod
    def _need_live(preset: Preset) -> None:
        """Raise ParameterError where *preset* is for files alone."""
        for slot in preset.slots:
            if slot.spec.changes_length and not slot.bypass:
                raise ParameterError(
                    f"{slot.slot} changes the length of the sound: it is for files, not for what runs"
                )


def refused(error: DspError, where: str = "", *, path: str = "") -> ControlError:
    """What a client is told of what `dsp` refused.

    Args:
        where: the preset that it refused; empty: a value.
        path: of that value, where it is one.
    """
    words = " ".join(str(error.args[0] if error.args else error).split())
    details = {"path": path} if path else {}
    if isinstance(error, LibraryMissing):
        return ControlError("not-possible", f"{where}: {words}" if where else words, **details)
    return (
        ControlError("invalid-preset", f"{where}: {words}")
        if where
        else ControlError("bad-value", words, **details)
    )


def _applying(chain: FilterChain, preset: Preset) -> Callable[[], None]:
    prepared = chain.prepare(preset)
    return lambda: chain.apply(prepared)
