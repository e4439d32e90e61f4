"""The desk of voices: made for whoever serves it, and on a page of its own (`softphone memo record --live --serve`)."""

import asyncio
from collections.abc import Callable

from softphone.app.live_take import LiveTake
from softphone.app.memo import job_of, memo_port, open_store
from softphone.app.memo_run import Taken, taken
from softphone.app.memo_shelf import MemoShelf
from softphone.app.runner import run
from softphone.app.serving import OnServing
from softphone.app.stop import unless_stopped
from softphone.app.voice_desk import LIVE_HZ, VoiceDesk
from softphone.errors import UsageError
from softphone.io.control.tickets import Tickets
from softphone.io.dsp_faults import told_to_the_user
from softphone.io.memos.memo import Memo
from softphone.io.memos.store import MemoStore
from softphone.memo_config import RecordOptions
from softphone.serve_config import ServeOptions

OnReading = Callable[[LiveTake], None]
"""Told that there is something new to be read."""


def live_take(options: RecordOptions, store: MemoStore, name: str | None) -> LiveTake:
    """The memo that *options* ask for, listened to; not begun yet.

    Raises:
        UsageError: a device, file, name or setting that cannot be.
        EnvironmentProblem: there is no sound device.
    """
    settings = job_of(options).settings()
    port = memo_port(options)
    try:
        with told_to_the_user():
            return LiveTake(
                port,
                store,
                name,
                settings=settings,
                note=options.note,
                tags=options.tags,
                seconds=options.seconds,
            )
    except BaseException:
        port.close()
        raise


def record_live(store: MemoStore, options: RecordOptions, on_reading: OnReading | None) -> Taken:
    """Record the memo of *options* until Ctrl-C or its end.

    Args:
        store: where it goes.
        options: what is recorded, and how.
        on_reading: told `LIVE_HZ` times a second what the voice does; None: nobody looks, and nothing is computed.

    Raises:
        SoftphoneError: see `softphone.app.memo_run.record`.
    """
    one = live_take(options, store, options.name)
    return run(lambda stop: _recorded(one, on_reading, stop))


async def _recorded(one: LiveTake, on_reading: OnReading | None, stop: asyncio.Event) -> Taken:
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(one.take.start)
    due = loop.time()
    try:
        while not stop.is_set() and one.take.status().running:
            if on_reading is not None:
                on_reading(one)
            due = max(due + 1 / LIVE_HZ, loop.time())
            try:
                await asyncio.wait_for(stop.wait(), due - loop.time())
            except TimeoutError:
                continue
    finally:
        done = await asyncio.to_thread(taken, one.take)
    return done


def voice_desk(options: RecordOptions, tickets: Tickets) -> VoiceDesk:
    """A desk over the memos in the folder of *options*, which records as they say.

    Raises:
        UsageError: a store that cannot be read, or settings out of range.
        EnvironmentProblem: a folder that cannot be written.
    """
    store = open_store(options.folder)
    shelf = MemoShelf(store, options)
    return VoiceDesk(
        shelf,
        tickets,
        lambda name: live_take(options, store, name),
        job=job_of(options),
        measures=not options.no_measure,
    )


def serve_memos(options: RecordOptions, serve: ServeOptions, *, on_serving: OnServing | None = None) -> Taken:
    """Record the memo of *options*, and more from the page, until Ctrl-C; the memo that was recorded last.

    Raises:
        SoftphoneError: it cannot begin, nothing can be served, or no sound came.
    """
    return run(lambda stop: _served(options, serve, stop, on_serving))


async def _served(
    options: RecordOptions, serve: ServeOptions, stop: asyncio.Event, on_serving: OnServing | None
) -> Taken:
    from softphone.app.control_room import ControlRoom
    from softphone.app.preset_store import FolderPresets

    tickets = Tickets()
    desk = await asyncio.to_thread(voice_desk, options, tickets)
    memos: list[Memo] = []
    desk.on_memo = memos.append
    try:
        await asyncio.to_thread(desk.open)
        room = await ControlRoom.open(
            serve, desks=(), presets=FolderPresets(), domains=(desk,), tickets=tickets, on_serving=on_serving,
            title="softphone memo",
        )  # fmt: skip
        try:
            await asyncio.to_thread(desk.record, options.name)
            await stop.wait()
            await unless_stopped(asyncio.to_thread(desk.finish), stop)
        finally:
            await room.close()
    finally:
        await asyncio.to_thread(desk.close)
    if not memos:
        raise UsageError(desk.problem or "nothing was recorded")
    return Taken(memos[-1], "stopped", None, () if desk.problem is None else (desk.problem,))
