"""Serving calls only where it was asked for: a call that nobody steers loads nothing of it."""

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING

from softphone.serve_config import ServeOptions, Serving

if TYPE_CHECKING:
    from softphone.app.call_filters import CallFilters
    from softphone.app.served_calls import ServedCalls

OnServing = Callable[[Serving], None]
"""Told where others can steer, once they can."""


async def serve_calls(
    serve: ServeOptions | None, filters: "CallFilters | None", on_serving: OnServing | None
) -> "ServedCalls | None":
    """Let others steer the calls of this process, as *serve* says; None where it is None.

    Args:
        filters: what the calls begin with.

    Raises:
        UsageError, EnvironmentProblem: it cannot be.
    """
    if serve is None:
        return None
    from softphone.app.served_calls import ServedCalls

    served = ServedCalls(filters)
    try:
        await served.open(serve, on_serving=on_serving)
    except BaseException:
        await served.close()
        raise
    gc.collect()
    gc.freeze()  # what steering takes lives until the end, too; see `softphone.app.runner.run`
    return served
