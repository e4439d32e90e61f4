"""Words wrong per word of the reference."""

import pytest

from dsp.metrics import MetricRefused
from dsp.metrics.words import word_error_rate, word_errors, words_of


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),  # changed
        ("a b c", "a c", 1),  # left out
        ("a b c", "a b b c", 1),  # put in
        ("a b c d", "b c d e", 2),
        ("a b", "", 2),
        ("", "a b", 2),
        ("the cat sat on the mat", "cat sat at the mat now", 3),
    ],
)
def test_errors_are_the_fewest_changes(said: str, heard: str, errors: int) -> None:
    assert word_errors(said.split(), heard.split()) == errors


def test_case_and_punctuation_do_not_count() -> None:
    assert words_of("Don\u2019t  PANIC, she said - twice.") == ["don't", "panic", "she", "said", "twice"]


def test_the_rate_is_per_word_of_the_reference_and_needs_one() -> None:
    assert word_error_rate("one two three four", "one two three") == 0.25
    assert word_error_rate("one", "one two three") == 2.0
    with pytest.raises(MetricRefused, match="with words"):
        word_error_rate("...", "one")
