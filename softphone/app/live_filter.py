"""A filter that is heard as it runs: from a sound device to another, or from a file to a file in real time; served or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsp.chain import FilterChain
from dsp.filters import Setting
from dsp.preset import Preset
from softphone.app.filtering import changed, check_far, open_far, preset_file
from softphone.app.runner import run
from softphone.control_config import LiveOptions
from softphone.errors import UsageError
from softphone.io.dsp_faults import told_to_the_user
from softphone.io.live.engine import LiveEngine
from softphone.io.live.file_port import FilePort
from softphone.io.live.port import Port
from softphone.io.live.ports import device_port
from softphone.io.resources import resources
from softphone.io.target import check_apart

if TYPE_CHECKING:
    from softphone.app.control_room import ControlRoom
    from softphone.app.preset_store import FolderPresets
    from softphone.app.serving import OnServing
    from softphone.serve_config import ServeOptions

STATUS_S = 0.25
"""From one status to the next."""

OnStatus = Callable[["LiveEngine"], None]
"""Told about four times a second that the engine runs."""


@dataclass(frozen=True, slots=True)
class LiveResult:
    """What a live filter did. Levels are of the whole run: peaks in dBFS, loudness in LUFS; None for silence."""

    preset: str
    """The preset that it began with."""
    device: str
    """What it ran on: devices, or files."""
    output: str | None
    """The file written; None: it was heard, or stopped before there was any sound."""
    ended_by: str
    """``end`` of the file, ``stopped`` (Ctrl-C), or ``seconds``."""
    seconds: float
    """Of input."""
    sample_rate_hz: int
    channels: int
    channels_out: int
    block_ms: float
    latency_ms: float | None
    """The last one measured; None: there was none."""
    load_pct: float
    load_peak_pct: float
    xruns: int
    xruns_ours: int
    reconnects: int
    mended: int
    runaways: int
    clipped_samples: int
    """At full scale or more, as they came from the filters."""
    peak_before_dbfs: float | None
    peak_after_dbfs: float | None
    loudness_before_lufs: float | None
    """Integrated, after ITU-R BS.1770."""
    loudness_after_lufs: float | None
    changed: bool
    """Whether the values were others at the end than at the beginning."""
    readings: dict[str, float | str]
    """What the filters' meters showed at the end."""


class EngineRunner:
    """A live engine as a desk sees it (`softphone.control.runner.Runner`).

    Args:
        engine: which.
        device: what others are told that it runs on; None: its own word for it.
    """

    def __init__(self, engine: LiveEngine, *, device: str | None = None) -> None:
        self._engine = engine
        self._device = device

    @property
    def chain(self) -> FilterChain:
        """What is changed."""
        return self._engine.chain

    def levels(self) -> Mapping[str, Any] | None:
        """What its meters show."""
        engine, status = self._engine, self._engine.status()
        return {
            "at_s": status.position_s,
            "in": engine.meter_in.read(),
            "out": engine.meter_out.read(),
            "load_pct": status.load_pct,
            "latency_ms": status.latency_ms,
            "block_ms": status.block_ms,
            "xruns": status.xruns,
            "xruns_ours": status.xruns_ours,
            "running": status.running and status.connected,
            "device": status.device if self._device is None else self._device,
            "reconnects": status.reconnects,
        }

    def spectrum(self) -> tuple[Sequence[float], Sequence[float], Sequence[float]] | None:
        """Centres of bands in Hz, and their levels in dB before and after the chain."""
        hz, before = self._engine.spectrum_in.levels_db()
        _, after = self._engine.spectrum_out.levels_db()
        return hz.tolist(), before.tolist(), after.tolist()

    def reset_meters(self) -> None:
        """Begin anew with peaks and integrated loudness."""
        self._engine.meter_in.reset()
        self._engine.meter_out.reset()


def open_engine(options: LiveOptions, *, presets: FolderPresets | None = None) -> LiveEngine:
    """Build what *options* ask for: port, chain, and the engine around them, not started yet.

    Args:
        options: what runs.
        presets: of those who steer it: what they see names no folder of this machine.

    Raises:
        UsageError: a preset, value, device or file that cannot be.
        EnvironmentProblem: something is not installed, or there is no sound device.
    """
    preset = changed(preset_file(options.preset).load(), dict(options.changes))
    _check_live(preset, options)
    handed = resources()
    if presets is not None:
        preset, handed = presets.hidden(preset), presets.resources()
    port: Port
    if options.source is not None and options.target is not None:
        port = FilePort(options.source, options.target, block_ms=options.block_ms, force=options.force)
    else:
        port = device_port(
            options.in_device, options.out_device, options.sample_rate_hz, block_ms=options.block_ms
        )
    with told_to_the_user(f"preset {preset.name}"):
        chain = FilterChain(preset, Setting(port.sample_rate_hz, port.channels_in, handed))
    if options.far is not None and options.target is not None:
        check_apart(options.far, options.target)
    far = None if options.far is None else open_far(options.far, port.sample_rate_hz)
    return LiveEngine(port, chain, far=far, seconds=options.seconds)


def _check_live(preset: Preset, options: LiveOptions) -> None:
    for slot in preset.slots:
        if slot.spec.changes_length and not slot.bypass:
            raise UsageError(
                f"{slot.slot} of preset {preset.name} changes the length of the sound, which cannot be while it is heard: "
                "filter a file without --realtime"
            )
        if slot.spec.takes_far and not slot.bypass and not options.realtime:
            raise UsageError(
                f"{slot.slot} of preset {preset.name} needs what the loudspeaker plays, which --live does not know: "
                "use it in a call (--filter), or with files (--realtime --far)"
            )
    if options.realtime:
        check_far(preset, options.far)


def run_live(
    options: LiveOptions,
    *,
    serve: ServeOptions | None = None,
    on_status: OnStatus | None = None,
    on_serving: OnServing | None = None,
) -> LiveResult:
    """Run until Ctrl-C, the end of the file or of *options.seconds*; return what was done.

    Args:
        options: what runs.
        serve: let others steer it; None: nobody.
        on_status: see `OnStatus`.
        on_serving: told where the server is to be reached, once it is.

    Raises:
        SoftphoneError: it cannot begin, or a fault ended it.
    """
    presets = None
    if serve is not None:
        from softphone.app.preset_store import FolderPresets

        presets = FolderPresets()
    engine = open_engine(options, presets=presets)
    return run(lambda stop: _run(engine, options, serve, presets, on_status, on_serving, stop))


async def _run(
    engine: LiveEngine,
    options: LiveOptions,
    serve: ServeOptions | None,
    presets: FolderPresets | None,
    on_status: OnStatus | None,
    on_serving: OnServing | None,
    stop: asyncio.Event,
) -> LiveResult:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    preset = engine.chain.preset
    room: ControlRoom | None = None

    def ended() -> None:
        loop.call_soon_threadsafe(over.set)

    latency_ms: float | None = None
    if serve is not None and presets is not None:
        try:
            room = await _room(engine, options, preset, serve, presets, on_serving)
        except BaseException:
            engine.discard()
            raise
    try:
        engine.start(ended)
        while not over.is_set() and not stop.is_set():
            if on_status is not None:
                on_status(engine)
            latency_ms = _known(engine.status().latency_ms, latency_ms)
            await _either(over, stop, STATUS_S)
        was_stopped = not over.is_set()
        latency_ms = _known(engine.status().latency_ms, latency_ms)
    finally:
        try:
            await asyncio.to_thread(engine.stop)
        finally:
            if room is not None:
                await room.close()
    if engine.fault is not None:
        raise engine.fault
    return _result(engine, options, preset, latency_ms, was_stopped=was_stopped)


async def _room(
    engine: LiveEngine,
    options: LiveOptions,
    preset: Preset,
    serve: ServeOptions,
    presets: FolderPresets,
    on_serving: OnServing | None,
) -> ControlRoom:
    from softphone.app.control_room import ControlRoom
    from softphone.control import Desk

    desk = Desk("main", preset.name, preset, engine.chain.setting)
    files = None
    if options.source is not None and options.target is not None:  # where they lie is nobody's business
        files = f"{Path(options.source).name} -> {Path(options.target).name}"
    desk.attach(EngineRunner(engine, device=files))
    return await ControlRoom.open(
        serve, desks=(desk,), presets=presets, on_serving=on_serving, title="softphone filter"
    )


async def _either(over: asyncio.Event, stop: asyncio.Event, seconds: float) -> None:
    waits = [asyncio.ensure_future(each.wait()) for each in (over, stop)]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()


def _known(newest: float | None, before: float | None) -> float | None:
    return before if newest is None else newest


def _result(
    engine: LiveEngine, options: LiveOptions, preset: Preset, latency_ms: float | None, *, was_stopped: bool
) -> LiveResult:
    status = engine.status()
    before, after = engine.meter_in.read(), engine.meter_out.read()
    if was_stopped:
        ended_by = "stopped"
    else:
        ended_by = "seconds" if engine.reached_its_seconds else "end"
    return LiveResult(
        preset=preset.name,
        device=status.device,
        output=options.target if status.position_s > 0 else None,
        ended_by=ended_by,
        seconds=status.position_s,
        sample_rate_hz=status.sample_rate_hz,
        channels=status.channels,
        channels_out=status.channels_out,
        block_ms=status.block_ms,
        latency_ms=latency_ms,
        load_pct=status.load_pct,
        load_peak_pct=status.load_peak_pct,
        xruns=status.xruns,
        xruns_ours=status.xruns_ours,
        reconnects=status.reconnects,
        mended=status.mended,
        runaways=status.runaways,
        clipped_samples=after.clipped,
        peak_before_dbfs=before.max_peak_dbfs,
        peak_after_dbfs=after.max_peak_dbfs,
        loudness_before_lufs=before.integrated_lufs,
        loudness_after_lufs=after.integrated_lufs,
        changed=engine.chain.preset != preset,
        readings=engine.chain.readings(),
    )
