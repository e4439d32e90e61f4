"""Calls, filters and scores, ready to use: everything below is wired together here and nowhere else.

`place_call`, `answer_calls` and `run_demo` run an event loop of their own until they are done; those that end in ``_async``
are the same inside a loop that is already running. What each needs is imported when it is first used: filtering a file loads
nothing of a call.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    from os import PathLike

    from dsp.preset import Preset
    from softphone.app.filtering import FilteredFile, FilterProgress
    from softphone.app.result import Result, exit_status
    from softphone.config import AnswerOptions, CallOptions, DemoOptions, RegisterOptions
    from softphone.serve_config import Serving

__all__ = [
    "FilteredFile",
    "Result",
    "RunningCall",
    "answer_calls",
    "answer_calls_async",
    "exit_status",
    "filter_file",
    "measure_voice",
    "place_call",
    "place_call_async",
    "register_and_answer",
    "register_and_answer_async",
    "run_demo",
    "score_file",
]

Progress = Callable[[dict[str, Any]], None]
"""Told figures of the running call, about four times a second."""
OnEvent = Callable[[dict[str, Any]], None]
"""Told ``{"event": "listening", "uri": ...}``, then each RESULT when its call has ended."""


OnResult = Callable[[dict[str, Any]], None]
"""Told each RESULT when its call has ended."""


class RunningCall(Protocol):
    """A call whose audio runs; to be used in the event loop that it runs in."""

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes it can be sent in: ``normal``, and where the peer takes a codec for them ``vlc`` and ``vlr``."""

    def set_mode(self, mode: str, *, direction: str = "both") -> None:
        """Change the mode, without a re-INVITE: what is sent here changes at once, the peer is asked for the same.

        Args:
            direction: ``sent``, ``received`` or ``both``.

        Raises:
            UsageError: the call has not this mode, or is over.
        """

    def set_codec(self, name: str) -> None:
        """Go on in another codec of those that the call was begun with, by a re-INVITE.

        Raises:
            UsageError: it is none of them, the call is over, or another change of it is under way.
        """

    def progress(self) -> dict[str, Any] | None:
        """Figures of the call so far; None when it is over."""

    def status(self) -> dict[str, Any]:
        """How it stands at this moment: docs/calls.md defines the keys."""

    def mute(self, on: bool) -> None:
        """Send silence, or what is captured again.

        Raises:
            UsageError: the call is over.
        """

    def hold(self, on: bool) -> None:
        """Put the peer on hold, or take it back, by a re-INVITE; `status` tells when the peer has agreed.

        Raises:
            UsageError: the call is over, or a change of hold is under way.
        """

    def send_dtmf(self, digits: str) -> None:
        """Send digits, of 0-9 * # A-D.

        Raises:
            UsageError: the call is over or on hold, the peer takes none, or one of them is no key.
        """

    def hang_up(self) -> None:
        """End it."""


OnRunning = Callable[[RunningCall], None]
OnServing = Callable[["Serving"], None]
"""Told where others can steer, once they can."""


def place_call(
    options: CallOptions,
    on_progress: Progress | None = None,
    *,
    on_serving: OnServing | None = None,
    on_result: OnResult | None = None,
) -> list[Result]:
    """Place the calls of *options*, one after the other; return a RESULT for each, of calls without end the last 100.

    Ctrl-C hangs up; the RESULT of what there was is returned. *on_result* is told each RESULT when its call has ended.

    Raises:
        SoftphoneError: before anything was sent, when what was asked for cannot be.
    """
    from softphone.app.runner import run

    return run(
        lambda stop: place_call_async(
            options, on_progress, stop=stop, on_serving=on_serving, on_result=on_result
        )
    )


async def place_call_async(
    options: CallOptions,
    on_progress: Progress | None = None,
    *,
    stop: asyncio.Event | None = None,
    on_running: OnRunning | None = None,
    on_serving: OnServing | None = None,
    on_result: OnResult | None = None,
) -> list[Result]:
    """As `place_call`; *stop*, when set, hangs up, and *on_running* is told each call when its audio runs."""
    import asyncio

    from softphone.app.caller import call

    return await call(
        options,
        stop=stop or asyncio.Event(),
        progress=on_progress,
        on_running=on_running,
        on_serving=on_serving,
        on_result=on_result,
    )


def answer_calls(
    options: AnswerOptions, on_event: OnEvent, *, on_serving: OnServing | None = None
) -> list[Result]:
    """Answer calls until Ctrl-C or ``options.calls`` have ended; return their RESULTs.

    Without ``options.calls`` these are the last 1000, after the worst of the older ones.

    Raises:
        SoftphoneError: when what was asked for cannot be.
    """
    from softphone.app.runner import run

    return run(lambda stop: answer_calls_async(options, on_event, stop=stop, on_serving=on_serving))


async def answer_calls_async(
    options: AnswerOptions,
    on_event: OnEvent,
    *,
    stop: asyncio.Event | None = None,
    on_running: OnRunning | None = None,
    on_serving: OnServing | None = None,
) -> list[Result]:
    """As `answer_calls`; *stop*, when set, hangs up and ends it, and *on_running* is told each call when its audio runs."""
    import asyncio

    from softphone.app.callee import answer

    return await answer(
        options, on_event, stop=stop or asyncio.Event(), on_running=on_running, on_serving=on_serving
    )


def register_and_answer(
    options: RegisterOptions, on_event: OnEvent, *, on_serving: OnServing | None = None
) -> list[Result]:
    """As `answer_calls`, at an address that a registrar is told and that *options* name.

    Raises:
        SoftphoneError: when what was asked for cannot be; `UnreachableError` and `RefusedError` of the registrar.
    """
    from softphone.app.runner import run

    return run(lambda stop: register_and_answer_async(options, on_event, stop=stop, on_serving=on_serving))


async def register_and_answer_async(
    options: RegisterOptions,
    on_event: OnEvent,
    *,
    stop: asyncio.Event | None = None,
    on_running: OnRunning | None = None,
    on_serving: OnServing | None = None,
) -> list[Result]:
    """As `register_and_answer`, with the arguments of `answer_calls_async`."""
    import asyncio

    from softphone.app.register import register

    return await register(
        options, on_event, stop=stop or asyncio.Event(), on_running=on_running, on_serving=on_serving
    )


def run_demo(options: DemoOptions, on_progress: Callable[[str], None]) -> dict[str, Result]:
    """Call between two processes on this machine; return ``{"caller": RESULT, "callee": RESULT}``."""
    from softphone.app.demo import demo
    from softphone.app.runner import run

    return run(lambda stop: demo(options, on_progress, stop=stop))


def filter_file(
    preset: str | Preset,
    source: str | PathLike[str],
    target: str | PathLike[str],
    *,
    changes: Mapping[str, object] | None = None,
    far: str | PathLike[str] | None = None,
    force: bool = False,
    progress: FilterProgress | None = None,
) -> FilteredFile:
    """Run a sound file through the filters of a preset, block by block, and say what that did to it.

    The delay of the filters is taken off, so that both files line up; what rings on behind the end is kept. The
    target has the rate of the source, and its kind of samples where the target's container knows that. It is there
    whole or not at all.

    Args:
        preset: a preset's name, its file (.toml, or .txt of Equalizer APO), or the preset itself.
        source: what is read: WAV, FLAC, Ogg and what else libsndfile knows.
        target: what is written; the end of its name says what it becomes.
        changes: values other than the preset's, by their path: ``{"low-cut.freq_hz": 200}``.
        far: what the loudspeaker played while *source* was recorded, for an echo canceller.
        force: replace a target that exists.
        progress: told about four times a second which share is done, from 0 to 1.

    Raises:
        SoftphoneError: what was asked for cannot be; nothing is left under the target's name.
    """
    from softphone.app.filtering import run_file

    return run_file(preset, source, target, changes=changes, far=far, force=force, progress=progress)


def measure_voice(
    file: str | PathLike[str],
    *,
    pitch_floor_hz: float = 60.0,
    pitch_ceiling_hz: float = 600.0,
    formant_ceiling_hz: float = 5500.0,
    channel: int | None = None,
    from_s: float = 0.0,
    to_s: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Measure the voice in a sound file, as `softphone voice` does; what the keys mean is in docs/voice.md.

    Args:
        file: a sound file, or ``builtin:NAME``.
        pitch_floor_hz: the lowest voice that is looked for, 30 to 300.
        pitch_ceiling_hz: the highest, twice the floor to 2000.
        formant_ceiling_hz: five formants are looked for below it, 3000 to 9000.
        channel: counted from 1; None: the only one alive, else the loudest.
        from_s: where in the file to begin.
        to_s: where to end; None: with the file.
        progress: told the share that is done, from 0 to 1.

    Raises:
        SoftphoneError: a file that cannot be read, a setting out of its range.
    """
    from softphone.app.voice import measure
    from softphone.voice_config import VoiceOptions

    asked = VoiceOptions(
        files=(os.fspath(file),),
        pitch_floor_hz=pitch_floor_hz,
        pitch_ceiling_hz=pitch_ceiling_hz,
        formant_ceiling_hz=formant_ceiling_hz,
        channel=channel,
        from_s=from_s,
        to_s=to_s,
    )
    return measure(asked, progress)


def score_file(
    degraded: str | PathLike[str],
    reference: str | PathLike[str] | None = None,
    *,
    far: str | PathLike[str] | None = None,
    metrics: Sequence[str] | None = None,
    codec: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Score a sound file, as `softphone score` does; what the keys mean is in docs/scoring.md.

    Args:
        degraded: what was recorded.
        reference: what was sent: a sound file, ``builtin:NAME``, or a folder to find it in; None: only the signal is checked.
        far: what the listener's own side sent meanwhile, where echo would come from.
        metrics: names of measures beside the score, or ``all``; None: those that are always there.
        codec: what made the recording, which decides whether the score can be trusted.
        progress: told the share that is done, from 0 to 1.

    Raises:
        SoftphoneError: a file that cannot be read, an unknown metric or codec.
    """
    from softphone.app.score import score
    from softphone.score_config import ScoreOptions

    asked = ScoreOptions(
        degraded=os.fspath(degraded),
        reference=None if reference is None else os.fspath(reference),
        far=None if far is None else os.fspath(far),
        metrics=None if metrics is None else tuple(metrics),
        codec=codec,
    )
    return score(asked, progress)


_HOMES = {"FilteredFile": "filtering", "Result": "result", "exit_status": "result"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"softphone.app.{_HOMES[name]}"), name)
