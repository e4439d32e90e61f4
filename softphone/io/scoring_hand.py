"""One scoring process for each thread that asks: what a worker of a cluster scores with, so that no file ends the worker."""

import threading
from collections.abc import Mapping
from typing import Any

from softphone.io.crew import Hand

CHILD = "softphone.io.scoring_child"

_mine = threading.local()


def score_by_hand(request: Mapping[str, Any]) -> dict[str, Any]:
    """What the scoring process of this thread answers to *request*; ``{"crashed": why}`` where it died of it.

    The process lives as long as this one: it ends with its standard input.
    """
    hand: Hand | None = getattr(_mine, "hand", None)
    if hand is None:
        hand = _mine.hand = Hand(CHILD)
    return hand.ask(request)
