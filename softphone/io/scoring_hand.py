"""One working process of a kind for each thread that asks: so that no file ends the worker of a cluster that it is given to."""

import threading
from collections.abc import Mapping
from typing import Any

from softphone.io.crew import Hand

CHILD = "softphone.io.scoring_child"

_mine = threading.local()


def ask_by_hand(module: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """What this thread's process that runs *module* answers to *request*; ``{"crashed": why}`` where it died of it.

    The process lives as long as this one: it ends with its standard input.
    """
    hands: dict[str, Hand] = _mine.__dict__.setdefault("hands", {})
    if module not in hands:
        hands[module] = Hand(module)
    return hands[module].ask(request)


def score_by_hand(request: Mapping[str, Any]) -> dict[str, Any]:
    """What scoring *request* comes to."""
    return ask_by_hand(CHILD, request)
