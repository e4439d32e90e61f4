"""Tone and silence."""

import itertools

import numpy as np
import pytest

from dsp.types import Samples
from softphone.errors import UsageError
from softphone.io.audio.null import SilenceSource
from softphone.io.audio.tone import FADE_S, ToneSource


def read(source: ToneSource | SilenceSource, *sizes: int) -> Samples:
    blocks = []
    for size in sizes:
        block = np.full(size, np.nan, dtype=np.float32)
        blocks.append(block[: source.read(block)])
    return np.concatenate(blocks)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
@pytest.mark.parametrize("frequency_hz", [1.0, 440.0, 1004.0, 3400.0, 697.3])
def test_the_tone_is_the_sine_of_that_frequency_for_minutes(rate_hz: int, frequency_hz: float) -> None:
    source = ToneSource(frequency_hz, rate_hz, level_dbov=-20.0)
    assert source.frequency_hz == pytest.approx(frequency_hz, abs=1e-3)
    source._position = 120 * rate_hz
    got = read(source, 1000)
    t = 120.0 + np.arange(1000) / rate_hz
    np.testing.assert_allclose(got, 0.1 * np.sqrt(2) * np.sin(2 * np.pi * source.frequency_hz * t), atol=1e-5)


def test_blocks_of_any_length_make_one_tone() -> None:
    sizes = [1, 64, 65, 960, 7, 8193, 320]
    pieces = read(ToneSource(997.0, 16000, duration_s=0.55), *sizes)
    whole = read(ToneSource(997.0, 16000, duration_s=0.55), sum(sizes))
    assert whole.size == 8800
    np.testing.assert_array_equal(pieces, whole)


def test_whole_hertz_are_exact() -> None:
    assert all(
        ToneSource(f, r).frequency_hz == f for f, r in itertools.product((50, 999, 3001), (8000, 48000))
    )


@pytest.mark.parametrize("level_dbov", [-3.01, -26.0])
def test_the_level_is_as_asked(level_dbov: float) -> None:
    got = read(ToneSource(1000.0, 16000, level_dbov=level_dbov), 32000)[16000:]
    assert 10 * np.log10(np.mean(got.astype(np.float64) ** 2)) == pytest.approx(level_dbov, abs=0.01)


def test_it_begins_and_ends_without_a_click() -> None:
    rate_hz, level = 16000, 0.1 * np.sqrt(2)
    tone = read(ToneSource(1000.0, rate_hz, level_dbov=-20.0, duration_s=0.3), rate_hz).astype(np.float64)
    assert tone.size == round(0.3 * rate_hz)
    fade = round(FADE_S * rate_hz)
    steps = np.abs(np.diff(tone, n=2, prepend=[0, 0], append=[0, 0]))
    steepest = level * (2 * np.pi * 1000 / rate_hz) ** 2  # second difference of the steady sine
    assert steps.max() < 1.1 * steepest
    assert np.abs(tone[: fade // 4]).max() < 0.2 * level
    assert np.abs(tone[-fade // 4 :]).max() < 0.2 * level
    assert np.abs(tone[fade:-fade]).max() == pytest.approx(level, rel=0.01)


def test_a_tone_shorter_than_its_fades_stays_in_bounds() -> None:
    tone = read(ToneSource(1000.0, 16000, duration_s=0.003), 100)
    assert tone.size == 48
    assert np.isfinite(tone).all()


def test_after_its_end_there_is_nothing() -> None:
    source = ToneSource(1000.0, 16000, duration_s=0.01)
    assert read(source, 160).size == 160
    assert read(source, 160).size == 0
    source.close()


@pytest.mark.parametrize(("frequency_hz", "said"), [(4000.0, "below 4000 Hz, got 4000"), (0.5, "got 0.5")])
def test_a_frequency_the_rate_does_not_hold_is_refused(frequency_hz: float, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ToneSource(frequency_hz, 8000)


def test_a_level_beyond_full_scale_is_refused() -> None:
    with pytest.raises(UsageError, match="at most -3"):
        ToneSource(440.0, 8000, level_dbov=0.0)


def test_silence_lasts_as_long_as_asked() -> None:
    source = SilenceSource(8000, duration_s=0.03)
    assert (read(source, 100, 100, 100) == np.zeros(240)).all()
    source.close()
    endless = SilenceSource(8000)
    assert endless.duration_s is None
    assert (read(endless, 5000) == np.zeros(5000)).all()
