"""Calls, ready to use: everything below is wired together here and nowhere else.

`place_call`, `answer_calls` and `run_demo` run an event loop of their own until they are done; those that end in ``_async``
are the same inside a loop that is already running.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from softphone.app.result import Result, exit_status
from softphone.config import AnswerOptions, CallOptions, DemoOptions

__all__ = [
    "Result",
    "answer_calls",
    "answer_calls_async",
    "exit_status",
    "place_call",
    "place_call_async",
    "run_demo",
]

Progress = Callable[[dict[str, Any]], None]
"""Told figures of the running call, about four times a second."""
OnEvent = Callable[[dict[str, Any]], None]
"""Told ``{"event": "listening", "uri": ...}``, then each RESULT when its call has ended."""


def place_call(options: CallOptions, on_progress: Progress | None = None) -> list[Result]:
    """Place the calls of *options*, one after the other; return a RESULT for each.

    Ctrl-C hangs up; the RESULT of what there was is returned.

    Raises:
        SoftphoneError: before anything was sent, when what was asked for cannot be.
    """
    from softphone.app.runner import run

    return run(lambda stop: place_call_async(options, on_progress, stop=stop))


async def place_call_async(
    options: CallOptions, on_progress: Progress | None = None, *, stop: asyncio.Event | None = None
) -> list[Result]:
    """As `place_call`; *stop*, when set, hangs up."""
    from softphone.app.caller import call

    return await call(options, stop=stop or asyncio.Event(), progress=on_progress)


def answer_calls(options: AnswerOptions, on_event: OnEvent) -> list[Result]:
    """Answer calls until Ctrl-C or ``options.calls`` have ended; return their RESULTs.

    Without ``options.calls`` these are the last 1000, after the worst of the older ones.

    Raises:
        SoftphoneError: when what was asked for cannot be.
    """
    from softphone.app.runner import run

    return run(lambda stop: answer_calls_async(options, on_event, stop=stop))


async def answer_calls_async(
    options: AnswerOptions, on_event: OnEvent, *, stop: asyncio.Event | None = None
) -> list[Result]:
    """As `answer_calls`; *stop*, when set, hangs up and ends it."""
    from softphone.app.callee import answer

    return await answer(options, on_event, stop=stop or asyncio.Event())


def run_demo(options: DemoOptions, on_progress: Callable[[str], None]) -> dict[str, Result]:
    """Call between two processes on this machine; return ``{"caller": RESULT, "callee": RESULT}``."""
    from softphone.app.demo import demo
    from softphone.app.runner import run

    return run(lambda stop: demo(options, on_progress, stop=stop))
