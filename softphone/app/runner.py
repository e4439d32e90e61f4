"""Runs a coroutine of the app to its end on a loop of its own; signals ask it to stop, never tear it down."""

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from softphone.app.stop import Stop
from softphone.io.media_clock import new_media_loop

T = TypeVar("T")


def run(main: Callable[[asyncio.Event], Coroutine[Any, Any, T]]) -> T:
    """Run *main*, handing it the event that Ctrl-C, SIGTERM and a terminal that is closed (SIGHUP) set.

    An exception in a callback of the loop, which nobody awaits, cancels *main* and is raised from here: a fault of ours must
    neither hang a call nor go unseen.
    """

    async def body() -> T:
        loop = asyncio.get_running_loop()
        stop = Stop()
        faults: list[BaseException] = []
        # What was imported lives until the end: the collector need not look at it again during a call.
        gc.collect()
        gc.freeze()
        task = loop.create_task(main(stop))

        def on_fault(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            faults.append(context.get("exception") or RuntimeError(context["message"]))
            task.cancel()

        loop.set_exception_handler(on_fault)
        with _signals(stop):
            try:
                return await task
            except asyncio.CancelledError:
                if faults:
                    raise faults[0] from None
                raise

    with asyncio.Runner(loop_factory=new_media_loop) as runner:
        return runner.run(body())


@contextmanager
def _signals(stop: Stop) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    handled = []
    for number in _stopping_signals():
        try:
            loop.add_signal_handler(number, stop.request)
        except (NotImplementedError, ValueError, RuntimeError):  # Windows, or not the main thread
            continue
        handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)


def _stopping_signals() -> Iterator[signal.Signals]:
    yield signal.SIGINT
    yield signal.SIGTERM
    # Under nohup calls outlive their terminal. Windows has no such signal.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        yield signal.SIGHUP
