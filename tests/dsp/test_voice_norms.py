"""Which norms fit whom; that each has a source."""

import pytest

from dsp.voice_norms import NORMS, norms


def test_every_norm_says_who_published_it_and_has_a_bound() -> None:
    for norm in NORMS:
        assert norm.source
        assert norm.text
        assert norm.low is not None or norm.high is not None


@pytest.mark.parametrize("key", ["jitter_local_pct", "shimmer_local_db", "hnr_db", "cpps_db", "f1_hz"])
def test_what_has_no_norm_of_the_same_algorithm_has_none(key: str) -> None:
    assert norms(key) == ()


def test_a_language_chooses_the_cut_off_of_avqi() -> None:
    (finnish,) = norms("avqi", task="both", language="finnish")
    assert finnish.high == 1.83
    assert len(norms("avqi", None, None, "both")) == 4
    assert norms("avqi", task="both", language="Klingon") == ()
    assert norms("avqi", task="vowel") == ()


@pytest.mark.parametrize(("age", "mean_s"), [(60, 22.27), (69.9, 22.27), (70, 22.97), (89, 21.14)])
def test_an_age_chooses_the_phonation_time(age: float, mean_s: float) -> None:
    (norm,) = norms("mpt_s", sex="f", age=age, task="vowel")
    assert norm.low is not None
    assert norm.high is not None
    assert (norm.low + norm.high) / 2 == pytest.approx(mean_s)


def test_nobody_of_another_age_gets_a_norm_of_the_old() -> None:
    assert norms("mpt_s", age=30, task="vowel") == ()
    assert norms("mpt_s", age=95, task="vowel") == ()
    assert norms("mpt_s", age=65, task="speech") == ()


def test_without_age_and_sex_all_are_given() -> None:
    assert len(norms("mpt_s")) == 3
    assert norms("dsi")[0].low == 5.0
