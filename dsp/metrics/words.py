"""Word error rate: how many words of a text another one has wrong.

Conventions: words are compared in lower case, without punctuation but for apostrophes inside them.
Measures: substitutions, deletions and insertions of the cheapest way from one text to the other, each at a cost of 1, per
word of the reference: 0 and up, lower is better; insertions can take it above 1. Words are judged, not audio, so it
is no `MetricSpec`.
Source: V. I. Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", Soviet Physics
Doklady 10(8), 1966.
"""

import re

import numpy as np

from dsp.metrics.base import MetricRefused, MetricSpec

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")


def words_of(text: str) -> list[str]:
    """The words of *text* as they are compared."""
    return [word.replace("\u2019", "'") for word in _WORD.findall(text.lower())]


def word_errors(reference: list[str], heard: list[str]) -> int:
    """Least number of words to be put in, taken out or changed to get from *reference* to *heard*."""
    numbers: dict[str, int] = {}
    said, got = (
        np.array([numbers.setdefault(word, len(numbers)) for word in text], dtype=np.int64)
        for text in (reference, heard)
    )
    steps = np.arange(got.size + 1)
    costs = steps.copy()
    for word in said:
        best = np.concatenate(([costs[0] + 1], np.minimum(costs[1:] + 1, costs[:-1] + (got != word))))
        costs = np.minimum.accumulate(best - steps) + steps
    return int(costs[-1])


def word_error_rate(reference: str, heard: str) -> float:
    """Errors per word of *reference*.

    Raises:
        MetricRefused: the reference has no words.
    """
    said = words_of(reference)
    if not said:
        raise MetricRefused("a word error rate needs a reference with words, got none")
    return word_errors(said, words_of(heard)) / len(said)


SPECS: tuple[MetricSpec, ...] = ()
