"""De-esser: acts on loud sound in its band alone, as far as its range, and changes nothing else."""

import numpy as np
import pytest
from support.dynamics import level_db, make, run, speech, tone

RATE_HZ = 48_000


@pytest.mark.parametrize("shape", ["band", "shelf"])
@pytest.mark.parametrize(("level", "wanted"), [(-40, -40.0), (-28, -31.0), (-24, -34.0), (-10, -20.0)])
def test_in_the_middle_of_the_band_it_is_a_compressor_with_a_range(
    shape: str, level: float, wanted: float
) -> None:
    """Threshold -32 dB, ratio 4, range 10 dB. A first-order shelf hears and takes half of the power at its frequency."""
    freq, above = (6000.0, 0.0) if shape == "band" else (20_000.0, 0.1)
    sound = tone(freq, level, 1.0, RATE_HZ)
    out = run(make("de-esser", RATE_HZ, shape=shape, ratio=4.0), sound)
    assert level_db(out[0, -24_000:]) == pytest.approx(
        {-28: -31.0, -24: -30.0}.get(level, wanted), abs=0.15 + 5 * above
    )


@pytest.mark.parametrize("shape", ["band", "shelf"])
def test_a_voice_below_the_band_passes(shape: str) -> None:
    sound = tone(300, -20, 1.0, RATE_HZ)
    np.testing.assert_allclose(run(make("de-esser", RATE_HZ, shape=shape), sound)[0], sound, atol=1e-6)


def test_while_an_s_lasts_only_the_band_is_taken_back() -> None:
    rng = np.random.default_rng(2)
    voice, hiss = (
        tone(250, -20, 1.0, RATE_HZ),
        tone(6000, -14, 1.0, RATE_HZ) + 1e-5 * rng.standard_normal(RATE_HZ),
    )
    hiss[: RATE_HZ // 2] = 0
    out = run(make("de-esser", RATE_HZ, range_db=12.0), (voice + hiss).astype(np.float32))[0]
    spectrum = np.abs(np.fft.rfft(out[-9600:] * np.hanning(9600))) / 2400
    lines = 20 * np.log10(spectrum[[50, 1200]])
    assert lines[0] == pytest.approx(-20, abs=0.3)
    assert lines[1] == pytest.approx(-26, abs=0.3)


def test_real_speech_loses_level_where_it_hisses() -> None:
    voice = speech("woman", RATE_HZ)
    voice *= np.float32(0.7 / np.abs(voice).max())
    out = run(make("de-esser", RATE_HZ, threshold_db=-40.0), voice)[0]
    frames = [each[: each.size // 2400 * 2400].reshape(-1, 2400) for each in (voice, out)]
    powers = [np.abs(np.fft.rfft(each * np.hanning(2400), axis=1)) ** 2 for each in frames]
    hiss, low = slice(225, 375), slice(5, 60)  # 4.5 to 7.5 kHz, 0.1 to 1.2 kHz
    loudest = np.argsort(powers[0][:, hiss].sum(axis=1))[-5:]
    change = [
        10 * np.log10(powers[1][loudest][:, band].sum() / powers[0][loudest][:, band].sum())
        for band in (hiss, low)
    ]
    assert change[0] < -4
    assert change[1] > -0.5


def test_where_the_band_is_out_of_reach_nothing_is_done() -> None:
    voice = speech("man", 8000)
    np.testing.assert_array_equal(run(make("de-esser", 8000, freq_hz=6000.0), voice)[0], voice)


def test_both_channels_get_the_same_gain() -> None:
    loud, soft = tone(6000, -6, 0.5, RATE_HZ), tone(6000, -46, 0.5, RATE_HZ)
    out = run(make("de-esser", RATE_HZ, 2), np.stack((loud, soft)))
    assert level_db(out[1, -9600:]) == pytest.approx(level_db(out[0, -9600:]) - 40, abs=0.05)
    running = make("de-esser", RATE_HZ)
    run(running, loud)
    assert running.readings()["gain_reduction_db"] == pytest.approx(10, abs=0.1)
