"""Digits found and not found (ITU-T Q.24); sipp's own recordings hold RFC 4733 events, no sound, so tones are made here."""

import importlib.resources

import numpy as np
import pytest
from support.peers import read_wav

from dsp.dtmf import DIGITS, DtmfDetector, digit_samples, tones_of
from dsp.errors import ParameterError
from dsp.types import Samples

RATES_HZ = (8000, 16_000, 44_100, 48_000)


def dial(
    digits: str,
    rate_hz: int,
    *,
    tone_ms: float = 100.0,
    pause_ms: float = 100.0,
    level_dbov: float = -20.0,
    twist_db: float = 0.0,
    deviation: float = 0.0,
    snr_db: float | None = None,
    seed: int = 0,
) -> Samples:
    """Digits with hard edges at a time that no frame knows; *snr_db*: both tones against white noise of the whole band."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(tone_ms * rate_hz / 1000)) / rate_hz
    parts = [np.zeros(round((0.01 + 0.005 * rng.random()) * rate_hz))]
    for digit in digits:
        low, high = (freq * (1 + deviation) for freq in tones_of(digit))
        amplitude = 10 ** (level_dbov / 20) * np.sqrt(2)
        tone = 10 ** (-twist_db / 40) * np.sin(2 * np.pi * low * t + 1) + 10 ** (twist_db / 40) * np.sin(
            2 * np.pi * high * t
        )
        parts += [amplitude * tone, np.zeros(round(pause_ms * rate_hz / 1000))]
    sound = np.concatenate([*parts, np.zeros(rate_hz // 50)])
    if snr_db is not None:
        sound += rng.standard_normal(sound.size) * np.sqrt(2 * 10 ** ((level_dbov - snr_db) / 10))
    return sound.astype(np.float32)


def found(sound: Samples, rate_hz: int) -> str:
    return DtmfDetector(rate_hz).process(sound)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"tone_ms": 40.0, "pause_ms": 40.0},
        {"tone_ms": 40.0, "pause_ms": 40.0, "snr_db": 15.0},
        {"tone_ms": 50.0, "twist_db": 6.0, "snr_db": 15.0},
        {"tone_ms": 50.0, "twist_db": -6.0, "snr_db": 15.0},
        {"tone_ms": 50.0, "deviation": 0.015, "twist_db": 6.0, "snr_db": 15.0},
        {"tone_ms": 50.0, "deviation": -0.015, "twist_db": -6.0, "snr_db": 15.0},
        {"level_dbov": -9.0},
        {"level_dbov": -40.0},
    ],
    ids=str,
)
def test_what_must_be_accepted_is(rate_hz: int, how: dict[str, float]) -> None:
    for seed in range(4):
        assert found(dial(DIGITS, rate_hz, seed=seed, **how), rate_hz) == DIGITS


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize(
    "how",
    [
        {"tone_ms": 23.0},
        {"tone_ms": 23.0, "snr_db": 15.0},
        {"deviation": 0.035},
        {"deviation": -0.035, "snr_db": 15.0},
        {"twist_db": 14.0},
        {"level_dbov": -55.0},
    ],
    ids=str,
)
def test_what_must_be_rejected_is(rate_hz: int, how: dict[str, float]) -> None:
    for seed in range(4):
        assert found(dial(DIGITS, rate_hz, seed=seed, **how), rate_hz) == ""


def test_a_digit_dialled_twice_counts_twice_and_a_short_break_within_one_does_not() -> None:
    assert found(dial("5555", 8000, tone_ms=40, pause_ms=40, snr_db=15), 8000) == "5555"
    broken = dial("5", 8000, tone_ms=120)
    broken[640:680] = 0.0  # 5 ms
    assert found(broken, 8000) == "5"


@pytest.mark.parametrize("speaker", ["man", "woman"])
@pytest.mark.parametrize("gain", [0.1, 1.0, 4.0])
def test_speech_dials_nothing(speaker: str, gain: float) -> None:
    """Of 25 minutes of the prompts of asterisk-core-sounds-en nothing dials either."""
    source = importlib.resources.files("softphone") / "data" / "speech" / f"{speaker}.wav"
    with importlib.resources.as_file(source) as path:
        samples, rate_hz = read_wav(path)
    assert found((gain * samples).astype(np.float32), rate_hz) == ""


def test_one_tone_alone_and_noise_dial_nothing() -> None:
    t = np.arange(16_000) / 8000
    for freq_hz in (697.0, 1336.0, 1000.0, 50.0):
        assert found((0.3 * np.sin(2 * np.pi * freq_hz * t)).astype(np.float32), 8000) == ""
    assert found((0.2 * np.random.default_rng(1).standard_normal(80_000)).astype(np.float32), 8000) == ""


def test_pieces_find_what_the_whole_does_and_reset_forgets() -> None:
    sound = dial(DIGITS, 8000, tone_ms=40, pause_ms=40, snr_db=15)
    detector = DtmfDetector(8000)
    rng = np.random.default_rng(2)
    cuts = np.sort(rng.integers(0, sound.size, 300))
    assert "".join(detector.process(piece) for piece in np.split(sound, cuts)) == DIGITS
    half = dial("7", 8000)[: 8 * 25]
    detector.process(half)
    detector.reset()
    assert detector.process(np.zeros(4000, dtype=np.float32)) == ""


def test_a_made_digit_has_the_levels_and_frequencies_of_its_name() -> None:
    rate_hz = 8000
    sound = digit_samples("9", (0.1, 0.2), rate_hz, length=rate_hz, start=0, stop=rate_hz)
    lines = np.abs(np.fft.rfft(sound)) / rate_hz * np.sqrt(2)
    assert [int(each) for each in np.argsort(lines)[-2:]] == [852, 1477]
    assert lines[852] == pytest.approx(0.1, rel=0.01)
    assert lines[1477] == pytest.approx(0.2, rel=0.01)
    parts = [
        digit_samples("9", (0.1, 0.2), rate_hz, length=rate_hz, start=start, stop=start + 1000)
        for start in range(0, rate_hz, 1000)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), sound)


def test_what_is_no_digit_or_rate_is_said() -> None:
    with pytest.raises(ParameterError, match="one of 123A456B789C"):
        tones_of("E")
    with pytest.raises(ParameterError, match="8000 to 192000"):
        DtmfDetector(4000)
