"""The plain sound as loud as the filtered one, so that louder does not win."""

from dataclasses import replace

import numpy as np
import pytest
from support.dynamics import SPEAKERS, speech

from dsp.live_match import matched_gain_db
from dsp.live_meter import LiveMeter, MeterReading

NOTHING = MeterReading(None, None, None, None, None, None, None, 0)


def at(loudness: float | None, momentary: float | None = None, peak: float | None = -30.0) -> MeterReading:
    return replace(NOTHING, short_term_lufs=loudness, momentary_lufs=momentary, max_peak_dbfs=peak)


def test_the_gain_is_how_much_louder_the_filtered_sound_is() -> None:
    assert matched_gain_db(at(-30.0), at(-24.5)) == pytest.approx(5.5)
    assert matched_gain_db(at(-24.5), at(-30.0)) == pytest.approx(-5.5)


def test_until_there_is_a_short_term_loudness_the_momentary_one_counts() -> None:
    assert matched_gain_db(at(None, -30.0), at(None, -26.0)) == pytest.approx(4.0)
    assert matched_gain_db(at(-30.0, -20.0), at(None, -26.0)) == pytest.approx(-6.0), "of both the same"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (NOTHING, NOTHING),
        (at(None), at(-20.0)),
        (at(-20.0), at(None)),
        (at(-90.0), at(-20.0)),
        (at(-20.0), at(-71.0)),
    ],
)
def test_where_the_loudness_is_unknown_or_silence_there_is_no_gain(
    before: MeterReading, after: MeterReading
) -> None:
    assert matched_gain_db(before, after) == 0.0


def test_the_gain_stays_within_24_db() -> None:
    assert matched_gain_db(at(-60.0, peak=-50.0), at(-20.0)) == 24.0
    assert matched_gain_db(at(-20.0), at(-60.0)) == -24.0


def test_the_plain_sound_is_not_lifted_into_clipping() -> None:
    assert matched_gain_db(at(-30.0, peak=-4.1), at(-20.0)) == pytest.approx(4.0)
    assert matched_gain_db(at(-30.0, peak=0.0), at(-20.0)) == 0.0, "nor is it made softer"
    assert matched_gain_db(at(-20.0, peak=0.0), at(-30.0)) == pytest.approx(-10.0)


def test_speech_that_was_made_louder_is_matched() -> None:
    voice = 0.1 * speech(SPEAKERS[0], 16_000)[np.newaxis]
    meters = LiveMeter(16_000), LiveMeter(16_000)
    for meter, factor in zip(meters, (1.0, 2.0), strict=True):
        meter.process(np.float32(factor) * voice)
    assert matched_gain_db(meters[0].read(), meters[1].read()) == pytest.approx(6.02, abs=0.01)
