"""The filters of a call: presets checked before it, chains built when its sample rate is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from softphone.app.codec_choice import CodecInUse
from softphone.config import AudioOptions
from softphone.errors import UsageError
from softphone.io.dsp_faults import told_to_the_user
from softphone.media.filter_stage import FarSound, FilterStage
from softphone.media.paths import ReceivePath, TransmitPath

if TYPE_CHECKING:  # a call without filters does not load them
    from dsp.chain import FilterChain
    from dsp.filters import Setting
    from dsp.preset import Preset

Side = Literal["sent", "heard"]
ChainMaker = Callable[[Side, "Setting"], "FilterChain | None"]
"""Makes the chain of one side of a call whose audio is about to start, for one channel; None: that side has none."""

SLOW_S = 0.005
"""A chain that takes longer to build, as one with a model does, is built before the call that will have it; those of the packaged
presets take half of it at most. A call in packets of 10 ms bears that much."""
OPTION = {"sent": "--filter", "heard": "--filter-in"}


@dataclass(frozen=True, slots=True)
class CallFilters:
    """The presets that a call was asked to run through; a `ChainMaker`."""

    sent: Preset | None
    heard: Preset | None
    _ready: dict[tuple[Side, int], FilterChain | None] = field(default_factory=dict, compare=False)
    """Chains that take long to build, for the next call; None where one is to be built."""

    @classmethod
    def load(cls, audio: AudioOptions) -> CallFilters | None:
        """Read the presets of *audio*; None where it names none.

        Raises:
            UsageError: no such preset, a file that is none, a value that is unknown or out of range.
        """
        if audio.filter_sent is None and audio.filter_heard is None:
            return None
        from softphone.app.filtering import changed, preset_file

        def load(name: str | None, changes: tuple[tuple[str, str], ...]) -> Preset | None:
            return None if name is None else changed(preset_file(name).load(), dict(changes))

        return cls(load(audio.filter_sent, audio.changes_sent), load(audio.filter_heard, audio.changes_heard))

    def __call__(self, side: Side, setting: Setting) -> FilterChain | None:
        """The chain of *side*.

        Raises:
            UsageError: the preset cannot be in a call, or not at this rate.
            EnvironmentProblem: a library that it needs is not installed.
        """
        key = (side, setting.sample_rate_hz)
        ready = self._ready.get(key)
        if ready is None:
            return self._built(side, setting)
        self._ready[key] = None
        return ready

    def check(self, chosen: Iterable[CodecInUse]) -> None:
        """Find out before the call what cannot be, at the rate of any codec that the call may come to be in; keep what was slow.

        Raises:
            UsageError, EnvironmentProblem: as the call would.
        """
        for rate_hz in {codec.sample_rate_hz: None for codec in chosen}:
            for side in _SIDES:
                begun = time.perf_counter()
                chain = self._built(side, setting_of(rate_hz))
                if chain is not None and time.perf_counter() - begun > SLOW_S:
                    self._ready[side, rate_hz] = chain

    @property
    def is_ready(self) -> bool:
        """Whether the next call has to wait for nothing that is slow."""
        return None not in self._ready.values()

    def make_ready(self) -> None:
        """Build again what a call has taken and takes long to build; in any thread but the event loop's."""
        for (side, rate_hz), ready in tuple(self._ready.items()):
            if ready is None:
                self._ready[side, rate_hz] = self._built(side, setting_of(rate_hz))

    def _built(self, side: Side, setting: Setting) -> FilterChain | None:
        preset = self.sent if side == "sent" else self.heard
        return None if preset is None else live_chain(preset, setting, side=side)


_SIDES: tuple[Side, ...] = ("sent", "heard")


def setting_of(sample_rate_hz: int) -> Setting:
    """What filters of a call are built for: one channel at *sample_rate_hz*."""
    from dsp.filters import Setting
    from softphone.io.resources import resources

    return Setting(sample_rate_hz, 1, resources())


def live_chain(preset: Preset, setting: Setting, *, side: Side) -> FilterChain:
    """*preset*, running, as a call can have it.

    Raises:
        UsageError: it changes the length of the sound or the number of channels, listens to what nobody plays, or cannot be at
            this rate.
        EnvironmentProblem: a library that it needs is not installed.
    """
    from dsp.chain import FilterChain

    option = OPTION[side]
    for slot in preset.slots:
        if slot.bypass:
            continue
        if slot.spec.changes_length:
            raise UsageError(
                f"{option} {preset.name}: {slot.slot} changes the length of the sound, which a call cannot: leave it out"
            )
        if slot.spec.takes_far and side == "heard":
            raise UsageError(
                f"{option} {preset.name}: {slot.slot} takes what is heard out of what is sent: use it with {OPTION['sent']}"
            )
    with told_to_the_user(f"{option} {preset.name} at {setting.sample_rate_hz} Hz"):
        chain = FilterChain(preset, setting)
    if chain.channels_out != 1:
        raise UsageError(f"{option} {preset.name} gives {chain.channels_out} channels, a call has one")
    return chain


def put_filters(
    transmit: TransmitPath, receive: ReceivePath, chains: ChainMaker, *, sample_rate_hz: int
) -> None:
    """Let what is sent and what is heard go through the filters that *chains* makes; an echo canceller is told what is played."""
    setting = setting_of(sample_rate_hz)
    heard, sent = chains("heard", setting), chains("sent", setting)
    if heard is not None:
        receive.stage = FilterStage(heard)
    if sent is not None:
        far = FarSound(sample_rate_hz)
        transmit.stage = FilterStage(sent, far=far)
        receive.taps.append(far.played)


def filter_names(transmit: TransmitPath, receive: ReceivePath) -> dict[str, str | None]:
    """The presets that what is sent and what is heard goes through, as a RESULT names them; None: nothing is filtered."""
    stages = (("sent", transmit.stage), ("heard", receive.stage))
    presets = {side: None if stage is None else stage.chain.preset for side, stage in stages}
    return {
        side: preset.name if preset is not None and preset.slots else None for side, preset in presets.items()
    }


def checked_filters(audio: AudioOptions, chosen: Iterable[CodecInUse]) -> CallFilters | None:
    """The filters of calls that *audio* asks for, known to work in calls with the codecs *chosen*; None where it names none.

    Raises:
        UsageError, EnvironmentProblem: as `CallFilters.load` and `CallFilters.check`.
    """
    filters = CallFilters.load(audio)
    if filters is not None:
        filters.check(chosen)
    return filters
