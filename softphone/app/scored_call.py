"""What the scorer says of a recording, put into the RESULT of its call."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from softphone.app.result import Result
from softphone.scorer.score import HEADLINE, ordered

log = logging.getLogger(__name__)

CALL_WORDS = frozenset({"echo", "noise", "drift"})
"""Of the scorer's words those that tell of a call what its own meters cannot; the others stand in ``score.verdict``. A recording
that begins or ends in the middle of a word is a fault of a recording, not of a call."""


def add_score(result: Result, answer: Mapping[str, Any] | None) -> None:
    """Put score and verdicts of *answer* into *result*.

    Args:
        answer: of `softphone.io.scoring.score_in_child`; None: somebody would not wait for it.
    """
    if answer is None:
        log.warning("no score: interrupted")
        return
    if "error" in answer:
        log.warning("no score: %s", answer["error"])
        return
    result["score"] = answer["score"]
    if answer["score"] is None:
        log.warning("no score: %s", answer["refused"].get(HEADLINE, "the scorer gave no reason"))
    add_words(result, answer["verdict"], trusted=answer["score"] is None or answer["score"]["trusted"])


def add_words(result: Result, words: Iterable[str], *, trusted: bool) -> None:
    """Put those of the scorer's *words* that tell of the call into the verdict of *result*.

    Args:
        trusted: False where the codec sends parameters: what it makes of a pause is a noise of its own.
    """
    told = CALL_WORDS.intersection(words)
    result["verdict"] = ordered([*result["verdict"], *(told if trusted else told - {"noise"})])
