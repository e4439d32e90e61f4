"""The filters of calls as desks see them: which chain a call gets, its meters, and the desk it follows.

A live engine's runner is `softphone.app.live_filter.EngineRunner`.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from dsp.chain import FilterChain
from dsp.filters import Resources, Setting
from dsp.live_meter import LiveMeter, MeterReading
from dsp.preset import Preset
from dsp.spectrum import SpectrumTap
from softphone.app.call_filters import Side, live_chain
from softphone.control.desk import Desk
from softphone.control.errors import ControlError
from softphone.errors import SoftphoneError
from softphone.media.filter_stage import FilterStage, Watch

log = logging.getLogger(__name__)

EMPTY = Preset("untitled", "Plain sound")
"""What a desk holds where no preset was asked for: it can be changed to any other while the call runs."""

InChainThread = Callable[[Callable[[], None]], None]
"""Has something done in the thread that changes desks, after what was asked of it before."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which meters of a chain somebody needs."""

    levels: bool = False
    spectrum: bool = False


NOTHING = Wanted()
UNKNOWN = MeterReading(None, None, None, None, None, None, None, 0)
"""What a meter shows that has heard nothing."""


class StageRunner:
    """One leg's filters with meters before and behind them, while somebody needs them; a `softphone.control.Runner`.

    All of them cost as much as a call in packets of 20 ms does: without anybody to look there are none.

    Args:
        stage: where they run.
        setting: what they were built for.
        figures: ``block_ms``, ``running`` and what else is known of the call, when somebody looks.
    """

    def __init__(
        self, stage: FilterStage, setting: Setting, figures: Callable[[], Mapping[str, Any]] = dict
    ) -> None:
        self._stage = stage
        self._rate_hz = setting.sample_rate_hz
        self._figures = figures
        self._before, self._after = LiveMeter(self._rate_hz), LiveMeter(self._rate_hz)
        self._spectrum_before, self._spectrum_after = SpectrumTap(self._rate_hz), SpectrumTap(self._rate_hz)
        self._wanted = NOTHING

    def watch(self, wanted: Wanted) -> None:
        """Have meters for what is *wanted*, and no others: they begin anew. In the thread that runs the call."""
        was, self._wanted = self._wanted, wanted
        before, after = self._stage.before, self._stage.after
        if wanted.levels != was.levels:
            _put(before, self._before.process, wanted.levels)
            _put(after, self._after.process, wanted.levels)
            self.reset_meters()
        if wanted.spectrum != was.spectrum:
            _put(before, self._spectrum_before.process, wanted.spectrum)
            _put(after, self._spectrum_after.process, wanted.spectrum)

    @property
    def chain(self) -> FilterChain:
        """What is changed."""
        return self._stage.chain

    def levels(self) -> Mapping[str, Any]:
        """What its meters show: nothing while they do not run."""
        return {
            "at_s": self._stage.samples / self._rate_hz,
            "in": self._before.read() if self._wanted.levels else UNKNOWN,
            "out": self._after.read() if self._wanted.levels else UNKNOWN,
            "load_pct": None,
            "latency_ms": 1000 * self.chain.delay_samples / self._rate_hz,
            "block_ms": None,
            "xruns": None,
            "running": True,
            "device": None,
            **self._figures(),
        }

    def spectrum(self) -> tuple[Sequence[float], Sequence[float], Sequence[float]] | None:
        """Centres of bands in Hz, and their levels in dB before and after the chain; None while nobody wants them."""
        if not self._wanted.spectrum:
            return None
        hz, before = self._spectrum_before.levels_db()
        _, after = self._spectrum_after.levels_db()
        return hz.tolist(), before.tolist(), after.tolist()

    def reset_meters(self) -> None:
        """Begin anew with peaks and integrated loudness."""
        self._before.reset()
        self._after.reset()


def _put(watches: list[Watch], watch: Watch, on: bool) -> None:
    """Let *watch* be among *watches*, or not any more."""
    if on:
        watches.append(watch)
    else:
        watches.remove(watch)


class FollowedChains:
    """The chains of one call, which follow the desks ``sent`` and ``heard`` from its first sound to its end.

    To be used in the event loop.

    Args:
        desks: by the side of the call.
        in_chain_thread: see there.
        resources: what filters are handed, see `softphone.app.preset_store.FolderPresets.resources`.
    """

    def __init__(
        self, desks: Mapping[Side, Desk], in_chain_thread: InChainThread, resources: Resources
    ) -> None:
        self._desks = desks
        self._in_chain_thread = in_chain_thread
        self._resources = resources
        self._settings: dict[Side, Setting] = {}
        self._runners: dict[Side, StageRunner] = {}
        self._behind: set[Side] = set()
        self._wanted: dict[Side, Wanted] = {}
        self._over = False

    def make(self, side: Side, setting: Setting) -> FilterChain:
        """The chain of *side*: a `softphone.app.call_filters.ChainMaker`.

        Where the desk's preset cannot be in this call, an empty one, so that the call goes on, and a warning.
        """
        setting = self._settings[side] = replace(setting, resources=self._resources)
        try:
            return live_chain(self._desks[side].preset, setting, side=side)
        except SoftphoneError as error:
            log.warning("the %s sound of this call goes unfiltered: %s", side, error)
            return FilterChain(EMPTY, setting)

    def follow(self, side: Side, stage: FilterStage, figures: Callable[[], Mapping[str, Any]]) -> None:
        """Let *stage*, which runs what `make` made for *side*, follow its desk from now on."""
        runner = self._runners[side] = StageRunner(stage, self._settings[side], figures)
        runner.watch(self._wanted.get(side, NOTHING))
        self._in_chain_thread(lambda: self._attach(side, runner))

    def watch(self, wanted: Mapping[Side, Wanted]) -> None:
        """Have meters for what is *wanted* of each side, and no others."""
        self._wanted = dict(wanted)
        for side, runner in self._runners.items():
            runner.watch(self._wanted.get(side, NOTHING))

    def desk_changed(self, side: Side) -> None:
        """The desk of *side* holds something else: a call that could not follow before perhaps can now."""
        if side in self._behind and not self._over:
            runner = self._runners[side]
            self._in_chain_thread(lambda: self._attach(side, runner))

    def end(self) -> None:
        """The call is over."""
        self._over = True
        for side, runner in self._runners.items():
            self._in_chain_thread(partial(self._desks[side].detach, runner))

    def _attach(self, side: Side, runner: StageRunner) -> None:
        """In the thread of the changes."""
        try:
            self._desks[side].attach(runner)
        except ControlError as error:
            if side not in self._behind:
                log.warning("the %s sound of this call does not follow its desk: %s", side, error.message)
            self._behind.add(side)
        else:
            self._behind.discard(side)
