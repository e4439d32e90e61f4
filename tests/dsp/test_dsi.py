"""DSI and DSI-beta against the published procedure run by Praat, and what is refused."""

import numpy as np
import pytest

from dsp.dsi import dsi, voiced_spans
from dsp.voice.base import MeasureRefused
from tests.support.indices import InMemory, praat_dsi
from tests.support.vowels import vowel

PASCAL_DB = 93.9794
"""Level of a mean square of 1 Pa^2, as Praat takes samples."""
SOFT = vowel(seconds=1.5, f0_hz=110.0, level_dbfs=-45.0, hnr_db=15.0).samples
HIGH = vowel(seconds=1.0, f0_hz=600.0, f0_hz_per_s=80.0, hnr_db=30.0).samples
HELD = vowel(seconds=3.4, jitter_pct=1.2, hnr_db=25.0).samples


def test_the_components_are_those_of_the_published_procedure() -> None:
    wanted = praat_dsi(SOFT, HIGH, HELD)
    found = dsi(15.0, InMemory(SOFT), InMemory(HIGH), InMemory(HELD), PASCAL_DB)
    assert found.components["i_low_db_spl"] == pytest.approx(wanted["i_low_db_spl"], abs=0.3)
    assert found.components["f0_high_hz"] == pytest.approx(wanted["f0_high_hz"], rel=0.002)
    for key in ("jitter_ppq5_pct", "jitter_local_pct"):
        assert found.components[key] == pytest.approx(wanted[key], rel=0.03, abs=0.02)
    beta = (
        1.127
        + 0.164 * 15.0
        - 0.038 * wanted["i_low_db_spl"]
        + 0.0053 * wanted["f0_high_hz"]
        - 5.3 * wanted["jitter_ppq5_pct"]
    )
    assert found.dsi_beta == pytest.approx(beta, abs=0.1)
    assert found.warnings == ()


def test_the_index_of_2000_is_the_weighted_sum_of_its_components() -> None:
    found = dsi(20.0, InMemory(SOFT), InMemory(HIGH), InMemory(HELD), 100.0)
    part = found.components
    assert found.dsi == pytest.approx(
        0.13 * 20.0
        + 0.0053 * part["f0_high_hz"]
        - 0.26 * part["i_low_db_spl"]
        - 1.18 * part["jitter_local_pct"]
        + 12.4
    )


def test_a_louder_softest_voice_lowers_both() -> None:
    soft = dsi(20.0, InMemory(SOFT), InMemory(HIGH), InMemory(HELD), 90.0)
    loud = dsi(20.0, InMemory(10 * SOFT), InMemory(HIGH), InMemory(HELD), 90.0)
    assert loud.dsi == pytest.approx(soft.dsi - 0.26 * 20, abs=0.1)
    assert loud.dsi_beta == pytest.approx(soft.dsi_beta - 0.038 * 20, abs=0.1)


def test_pauses_do_not_count_as_soft_voice() -> None:
    gap = np.zeros(20000, dtype=np.float32)
    alone = dsi(20.0, InMemory(SOFT), InMemory(HIGH), InMemory(HELD), 90.0)
    among = dsi(20.0, InMemory(np.concatenate([gap, SOFT, gap])), InMemory(HIGH), InMemory(HELD), 90.0)
    # The ends of the voice are in it, and half a window beyond them there is none.
    assert among.components["i_low_db_spl"] == pytest.approx(alone.components["i_low_db_spl"], abs=3.0)


@pytest.mark.parametrize(
    ("mpt_s", "low", "high", "held", "spl", "reason"),
    [
        (15.0, SOFT, HIGH, HELD, None, "level calibration"),
        (15.0, SOFT, HIGH, HELD, float("nan"), "level calibration"),
        (0.0, SOFT, HIGH, HELD, 90.0, "above 0 s"),
        (15.0, np.zeros(44100, np.float32), HIGH, HELD, 90.0, "softest voice"),
        (15.0, SOFT, np.zeros(44100, np.float32), HELD, 90.0, "highest voice"),
        (15.0, SOFT, HIGH, np.zeros(44100, np.float32), 90.0, "jitter"),
        (15.0, SOFT, HIGH, np.zeros(0, np.float32), 90.0, "jitter"),
        (15.0, np.zeros(190 * 44100, np.float32), HIGH, HELD, 90.0, "up to 180 s"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    mpt_s: float,
    low: np.ndarray,
    high: np.ndarray,
    held: np.ndarray,
    spl: float | None,
    reason: str,
) -> None:
    with pytest.raises(MeasureRefused, match=reason):
        dsi(mpt_s, InMemory(low), InMemory(high), InMemory(held), spl)


def test_a_short_vowel_and_a_low_sample_rate_are_said() -> None:
    short = vowel(seconds=2.0, sample_rate_hz=16000, hnr_db=25.0).samples
    found = dsi(15.0, InMemory(SOFT), InMemory(HIGH), InMemory(short, 16000), 90.0)
    assert ["2.0 s" in text for text in found.warnings] == [True, False]
    assert "44100" in found.warnings[1]
    # Of the other recordings no jitter is taken.
    low = vowel(seconds=2.0, sample_rate_hz=16000, hnr_db=25.0, level_dbfs=-40.0).samples
    assert not dsi(15.0, InMemory(low, 16000), InMemory(HIGH), InMemory(HELD), 90.0).warnings


def test_voice_goes_on_where_cycles_are_no_further_apart_than_20_ms() -> None:
    pulses = np.array([0.002, 0.010, 0.018, 0.100, 0.110, 0.129])
    assert np.allclose(voiced_spans(pulses, 0.13), [(0.0, 0.023), (0.095, 0.13)])
    assert voiced_spans(np.zeros(0), 1.0) == []
