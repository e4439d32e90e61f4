"""Recording a memo and hearing one, from the first block to Ctrl-C or the end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from dsp.chain import FilterChain
from dsp.filters import Setting
from dsp.types import Block
from softphone.app.filtering import preset_file
from softphone.app.live_filter import STATUS_S
from softphone.app.memo import BLOCK_MS, memo_port, one
from softphone.app.runner import run
from softphone.errors import SoftphoneError, UsageError
from softphone.io.dsp_faults import told_to_the_user
from softphone.io.live.engine import LiveEngine
from softphone.io.live.ports import device_port
from softphone.io.memos.memo import Memo
from softphone.io.memos.play_port import PlayPort
from softphone.io.memos.store import MemoStore
from softphone.io.memos.take import MemoTake, TakeStatus
from softphone.io.resources import resources
from softphone.io.sound_file import SoundReader
from softphone.memo_config import PlayOptions, RecordOptions

NO_FILTER = "no-filter"


@dataclass(frozen=True, slots=True)
class Taken:
    """A memo that was recorded."""

    memo: Memo
    ended_by: str
    """``stopped``, ``end`` of what was played, ``seconds``, or ``fault``."""
    fault: SoftphoneError | None
    """What ended it too early; the memo is what had come until then."""
    warnings: tuple[str, ...]


def make_take(
    store: MemoStore,
    options: RecordOptions,
    *,
    on_block: Callable[[Block], None] | None = None,
    on_end: Callable[[], None] | None = None,
) -> MemoTake:
    """What records as *options* ask, not begun yet; see `MemoTake`.

    Raises:
        UsageError: a device, file, name, note or tag that cannot be.
        EnvironmentProblem: there is no device, or no PortAudio.
    """
    port = memo_port(options)
    try:
        return MemoTake(
            port,
            store,
            options.name,
            on_block,
            note=options.note,
            tags=options.tags,
            seconds=options.seconds,
            on_end=on_end,
        )
    except BaseException:
        port.close()
        raise


def taken(take: MemoTake) -> Taken:
    """End *take* and say what came of it; raises as `MemoTake.stop`."""
    memo = take.stop()
    warnings = []
    if take.name != memo.name:
        warnings.append(f"there is a memo {take.name} already: this one is {memo.name}")
    if memo.lost:
        warnings.append(
            f"the system lost samples {memo.lost} times: jitter and shimmer may be too high; close what loads this machine"
        )
    return Taken(memo, take.status().ended_by or "stopped", take.fault, tuple(warnings))


def record(take: MemoTake, *, on_status: Callable[[TakeStatus], None] | None = None) -> Taken:
    """Run *take* until Ctrl-C or its end.

    Args:
        take: made by `make_take`.
        on_status: told about four times a second how it does.

    Raises:
        SoftphoneError: it cannot begin; or there was no sound, or no room for it, see `MemoTake.stop`.
    """
    return run(lambda stop: _record(take, on_status, stop))


async def _record(
    take: MemoTake, on_status: Callable[[TakeStatus], None] | None, stop: asyncio.Event
) -> Taken:
    await asyncio.to_thread(take.start)
    try:
        while not stop.is_set() and take.status().running:
            if on_status is not None:
                on_status(take.status())
            try:
                await asyncio.wait_for(stop.wait(), STATUS_S)
            except TimeoutError:
                continue
    finally:
        done = await asyncio.to_thread(taken, take)
    return done


@dataclass(frozen=True, slots=True)
class Played:
    """A memo that was heard."""

    memo: Memo
    device: str
    preset: str | None
    seconds: float
    """Of it."""
    ended_by: str
    """``end`` or ``stopped``."""
    xruns: int


def play(
    store: MemoStore, options: PlayOptions, *, on_status: Callable[[LiveEngine], None] | None = None
) -> Played:
    """Play a memo until its end or Ctrl-C.

    Raises:
        UsageError: no such memo, preset or device; or its sound is missing.
        EnvironmentProblem: there is no device.
    """
    memo = one(store, options.name)
    preset = preset_file(options.filter or NO_FILTER).load()
    for slot in preset.slots:
        if (slot.spec.takes_far or slot.spec.changes_length) and not slot.bypass:
            raise UsageError(
                f"{slot.slot} of preset {preset.name} cannot run while a memo is heard: filter its file instead"
            )
    reader = SoundReader(store.sound_of(memo))
    try:
        device = device_port("null", options.device or "default", reader.sample_rate_hz, block_ms=BLOCK_MS)
        port = PlayPort(reader, device)
        with told_to_the_user(f"preset {preset.name}"):
            chain = FilterChain(preset, Setting(port.sample_rate_hz, port.channels_in, resources()))
    except BaseException:
        reader.close()
        raise
    engine = LiveEngine(port, chain, spectrum=False)
    was_stopped = run(lambda stop: _play(engine, on_status, stop))
    if engine.fault is not None:
        raise engine.fault
    status = engine.status()
    return Played(
        memo=memo,
        device=status.device,
        preset=options.filter,
        seconds=min(status.position_s, memo.seconds),
        ended_by="stopped" if was_stopped else "end",
        xruns=status.xruns,
    )


async def _play(
    engine: LiveEngine, on_status: Callable[[LiveEngine], None] | None, stop: asyncio.Event
) -> bool:
    """Whether it was stopped."""
    engine.start()
    try:
        while not stop.is_set() and not engine.status().finished:
            if on_status is not None:
                on_status(engine)
            try:
                await asyncio.wait_for(stop.wait(), STATUS_S)
            except TimeoutError:
                continue
        return not engine.status().finished
    finally:
        await asyncio.to_thread(engine.stop)
