"""The role of `softphone register`: a callee whose calls a registrar brings."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from softphone.app.account import account_of
from softphone.app.callee import OnEvent, answer
from softphone.app.one_call import OneCall
from softphone.app.result import Result
from softphone.app.serving import OnServing
from softphone.config import RegisterOptions


async def register(
    options: RegisterOptions,
    on_event: OnEvent,
    *,
    stop: asyncio.Event,
    on_running: Callable[[OneCall], None] | None = None,
    on_serving: OnServing | None = None,
) -> list[Result]:
    """Register and answer calls until *stop* is set or ``options.calls`` have ended; see `softphone.app.callee.answer`.

    Raises:
        UnreachableError, RefusedError: the first registration failed.
    """
    answering = replace(options, account=account_of(options.uri, options.account))
    return await answer(answering, on_event, stop=stop, on_running=on_running, on_serving=on_serving)
