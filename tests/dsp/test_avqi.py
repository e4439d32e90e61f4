"""AVQI 03.01 against the published procedure run by Praat, and what is refused."""

import numpy as np
import pytest

from dsp.avqi import WEIGHTS, avqi
from dsp.phonation.voiced_speech import crossings_hz, sounding, voiced_speech, without_low_frequencies
from dsp.voice.base import MeasureRefused
from tests.support.indices import RATE_HZ, InMemory, praat_avqi, read_aloud
from tests.support.vowels import vowel

TOLERANCES = {
    "cpps_db": 0.3,
    "hnr_db": 0.3,
    "shimmer_local_pct": 0.03 * 8.0,
    "shimmer_local_db": 0.02,
    "slope_db": 0.3,
    "tilt_db": 0.3,
}


@pytest.mark.parametrize(
    ("reader", "voice"),
    [
        ("man", {"f0_hz": 120.0, "jitter_pct": 1.0, "shimmer_pct": 6.0, "hnr_db": 18.0}),
        ("woman", {"f0_hz": 210.0, "jitter_pct": 0.5, "shimmer_pct": 2.0, "hnr_db": 30.0}),
    ],
)
def test_it_is_that_of_the_published_procedure(reader: str, voice: dict[str, float]) -> None:
    held, read = vowel(seconds=3.5, **voice).samples, read_aloud(reader)  # type: ignore[arg-type]
    value, components, voiced_s = praat_avqi(held, read.samples)
    found = avqi(InMemory(held), read)
    assert found.value == pytest.approx(value, abs=0.1)
    assert found.voiced_s == pytest.approx(voiced_s, abs=1e-3)
    assert found.vowel_s == pytest.approx(3.0)
    assert found.warnings == ()
    for key, tolerance in TOLERANCES.items():
        assert found.components[key] == pytest.approx(components[key], abs=tolerance), key


def test_the_index_is_the_weighted_sum_of_its_components() -> None:
    found = avqi(InMemory(vowel(seconds=3.0, hnr_db=20.0).samples), read_aloud("man", 5.0))
    assert set(found.components) == set(WEIGHTS)
    assert found.value == pytest.approx(
        2.8902 * (4.152 + sum(WEIGHTS[key] * value for key, value in found.components.items()))
    )


def test_a_hoarse_vowel_raises_it() -> None:
    read = read_aloud("woman", 5.0)
    clear = avqi(InMemory(vowel(seconds=3.0, f0_hz=200.0, hnr_db=30.0).samples), read)
    hoarse = avqi(InMemory(vowel(seconds=3.0, f0_hz=200.0, hnr_db=3.0, shimmer_pct=12.0).samples), read)
    assert hoarse.value > clear.value + 1.0


def test_less_of_a_vowel_or_of_speech_than_published_is_said() -> None:
    found = avqi(InMemory(vowel(seconds=2.0, hnr_db=20.0).samples), read_aloud("man", 2.5))
    assert len(found.warnings) == 2
    assert "vowel lasts 2.0 s" in found.warnings[0]
    assert "voiced" in found.warnings[1]


@pytest.mark.parametrize(
    ("held", "read", "reason"),
    [
        (InMemory(np.ones(30000, np.float32)), InMemory(np.ones(99999, np.float32)), "vowel of 3 s"),
        (
            InMemory(np.ones(99999, np.float32)),
            InMemory(np.ones(99999, np.float32), 48000),
            "one sample rate",
        ),
        (
            InMemory(np.ones(99999, np.float32), 16000),
            InMemory(np.ones(99999, np.float32), 16000),
            "sample rate of 20000",
        ),
        (
            InMemory(np.ones(99999, np.float32)),
            InMemory(np.zeros(130 * RATE_HZ, np.float32)),
            "up to 120 s",
        ),
        (InMemory(np.ones(99999, np.float32)), InMemory(np.zeros(99999, np.float32)), "voiced speech"),
        (InMemory(np.ones(99999, np.float32)), InMemory(np.zeros(0, np.float32)), "voiced speech"),
    ],
)
def test_what_cannot_be_measured_is_refused(held: InMemory, read: InMemory, reason: str) -> None:
    with pytest.raises(MeasureRefused, match=reason):
        avqi(held, read)


def test_noise_is_no_voiced_speech() -> None:
    noise = (0.1 * np.random.default_rng(3).standard_normal(3 * RATE_HZ)).astype(np.float32)
    with pytest.raises(MeasureRefused, match="voiced speech"):
        avqi(InMemory(vowel(seconds=3.0, hnr_db=20.0).samples), InMemory(noise))


def test_a_tone_crosses_zero_twice_a_period() -> None:
    at_s = np.arange(round(0.03 * RATE_HZ)) / RATE_HZ
    assert crossings_hz(np.sin(2 * np.pi * 440 * at_s).astype(np.float32), RATE_HZ) == pytest.approx(
        880.0, rel=1e-3
    )
    assert crossings_hz(np.ones(1323, dtype=np.float32), RATE_HZ) == float("inf")
    assert crossings_hz(np.zeros(1323, dtype=np.float32), RATE_HZ) == float("inf")


def test_pauses_are_left_out_and_short_ones_stay() -> None:
    def tone(seconds: float) -> np.ndarray:
        return 0.3 * np.sin(2 * np.pi * 200 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)

    def pause(seconds: float) -> np.ndarray:
        return np.zeros(round(seconds * RATE_HZ))

    parts = [tone(0.6), pause(0.4), tone(0.5), pause(0.05), tone(0.5), pause(0.5)]
    sound = np.concatenate(parts).astype(np.float32)
    spans = sounding(sound, RATE_HZ)
    assert len(spans) == 2
    # The window of the level reaches 0.064 s into a pause.
    assert spans[0] == pytest.approx((0.0, 0.6), abs=0.07)
    assert spans[1] == pytest.approx((1.0, 2.05), abs=0.07)
    voiced, seconds = voiced_speech(sound, RATE_HZ)
    assert voiced.dtype == np.float32
    assert seconds == pytest.approx(1.6, abs=0.12)


def test_the_high_pass_takes_hum_below_34_hz_and_nothing_else() -> None:
    at_s = np.arange(2 * RATE_HZ) / RATE_HZ
    rumble, voice = np.sin(2 * np.pi * 20 * at_s), 0.1 * np.sin(2 * np.pi * 100 * at_s)
    left = without_low_frequencies((rumble + voice).astype(np.float32), RATE_HZ)
    inner = slice(RATE_HZ // 2, -RATE_HZ // 2)
    # What a tone that is cut off has at other frequencies stays: 2 % measured.
    assert np.abs(left - voice)[inner].max() < 0.05
