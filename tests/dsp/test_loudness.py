"""Loudness: the signals of EBU Tech 3341 and 3342, pyebur128 on real speech, and the filter of any rate."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import sosfreqz
from support.dynamics import SPEAKERS, speech, tone

from dsp.biquads import response
from dsp.errors import ParameterError
from dsp.loudness import LoudnessMeter, channel_weights, k_weighting

RATE_HZ = 48_000


def tones(parts: list[tuple[float, float]], channels: int = 2) -> NDArray[np.float32]:
    """1 kHz with (peak in dBFS, seconds) one after the other, the same on all channels."""
    one = np.concatenate([tone(1000, level, seconds, RATE_HZ) for level, seconds in parts])
    return np.tile(one, (channels, 1))


def measured(sound: NDArray[np.float32], rate_hz: int = RATE_HZ, true_peak: bool = False) -> LoudnessMeter:
    meter = LoudnessMeter(rate_hz, sound.shape[0], true_peak=true_peak)
    meter.process(np.ascontiguousarray(sound))
    return meter


# EBU Tech 3341 (2023), table 1, cases 1 to 5: all within 0.1 LU.
@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
)
def test_gated_loudness_of_tones_is_that_of_tech_3341(
    parts: list[tuple[float, float]], wanted: float
) -> None:
    assert measured(tones(parts)).integrated_lufs == pytest.approx(wanted, abs=0.1)


def test_case_1_is_the_same_momentary_and_short_term() -> None:
    meter = measured(tones([(-23, 20)]))
    assert meter.momentary_lufs == pytest.approx(-23.0, abs=0.1)
    assert meter.short_term_lufs == pytest.approx(-23.0, abs=0.1)


def test_case_6_five_channels_with_surround_weights() -> None:
    sound = np.stack([tone(1000, level, 20, RATE_HZ) for level in (-28, -28, -24, -30, -30)])
    assert measured(sound).integrated_lufs == pytest.approx(-23.0, abs=0.1)
    with_lfe = np.insert(sound, 3, tone(1000, -10, 20, RATE_HZ), axis=0)
    assert measured(with_lfe).integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_case_9_short_term_stays_after_3_s() -> None:
    sound = tones([(-20, 1.34), (-30, 1.66)] * 5)
    meter, found = LoudnessMeter(RATE_HZ, 2, true_peak=False), []
    for piece in np.split(sound, np.arange(4800, sound.shape[1], 4800), axis=1):
        meter.process(np.ascontiguousarray(piece))
        found.append(meter.short_term_lufs)
    assert found[:29] == [None] * 29
    np.testing.assert_allclose(np.array(found[29:], dtype=float), -23.0, atol=0.1)


def test_case_12_momentary_stays_after_1_s() -> None:
    sound = tones([(-20, 0.18), (-30, 0.22)] * 25)
    meter, found = LoudnessMeter(RATE_HZ, 2, true_peak=False), []
    for piece in np.split(sound, np.arange(4800, sound.shape[1], 4800), axis=1):
        meter.process(np.ascontiguousarray(piece))
        found.append(meter.momentary_lufs)
    np.testing.assert_allclose(np.array(found[10:], dtype=float), -23.0, atol=0.1)


# Cases 15 to 19: +0.2, -0.4 dB.
@pytest.mark.parametrize(
    ("divisor", "phase_deg", "peak", "wanted"),
    [(4, 0, 0.5, -6.0), (4, 45, 0.5, -6.0), (6, 60, 0.5, -6.0), (8, 67.5, 0.5, -6.0), (4, 45, 1.41, 3.0)],
)
def test_true_peak_of_tones_is_that_of_tech_3341(
    divisor: int, phase_deg: float, peak: float, wanted: float
) -> None:
    n = np.arange(RATE_HZ)
    sine = peak * np.sin(2 * np.pi * n / divisor + np.deg2rad(phase_deg))
    ramp = np.minimum(1.0, np.minimum(n, n[::-1]) / 480)  # the signals are faded in and out
    found = measured(np.tile((ramp * sine).astype(np.float32), (2, 1)), true_peak=True).true_peak_dbtp
    assert found is not None
    assert wanted - 0.4 <= found <= wanted + 0.2


# EBU Tech 3342, table 1, cases 1 to 4: within 1 LU.
@pytest.mark.parametrize(
    ("levels", "wanted"),
    [((-20, -30), 10.0), ((-20, -15), 5.0), ((-40, -20), 20.0), ((-50, -35, -20, -35, -50), 15.0)],
)
def test_loudness_range_of_tones_is_that_of_tech_3342(levels: tuple[float, ...], wanted: float) -> None:
    meter = measured(tones([(level, 20) for level in levels]))
    assert meter.loudness_range_lu == pytest.approx(wanted, abs=1.0)


def test_one_channel_alone_is_3_lu_less() -> None:
    assert measured(tones([(-23, 5)], channels=1)).integrated_lufs == pytest.approx(-26.02, abs=0.1)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_speech_reads_as_pyebur128_says(speaker: str, rate_hz: int) -> None:
    """Another implementation (libebur128's port), on speech at two levels with a pause between."""
    oracle = pytest.importorskip("pyebur128")
    voice = speech(speaker, rate_hz)
    sound = np.concatenate((voice, np.zeros(rate_hz, dtype=np.float32), 0.3 * voice, 3 * voice))
    both = np.stack((sound, 0.5 * sound[::-1])).astype(np.float32)
    meter = measured(both, rate_hz, true_peak=True)
    modes = oracle.MeasurementMode
    state = oracle.R128State(2, rate_hz, modes.MODE_I | modes.MODE_LRA | modes.MODE_TRUE_PEAK | modes.MODE_S)
    interleaved = np.ascontiguousarray(both.T).reshape(-1)
    state.add_frames(interleaved, both.shape[1])
    # libebur128 keeps the printed numerator of the high-pass at each rate: at 8 kHz it reads 0.21 LU too much.
    too_much = -20 * np.log10(k_weighting(rate_hz)[1, 0])
    assert meter.integrated_lufs == pytest.approx(oracle.get_loudness_global(state) - too_much, abs=0.02)
    assert meter.loudness_range_lu == pytest.approx(oracle.get_loudness_range(state), abs=0.5)
    peak = max(oracle.get_true_peak(state, channel) for channel in range(2))
    assert meter.true_peak_dbtp == pytest.approx(20 * np.log10(peak), abs=0.2)


def test_k_weighting_is_the_printed_one_at_48_khz() -> None:
    """BS.1770-5 Annex 1, tables 1 and 2."""
    shelf, high_pass = k_weighting(48_000)
    printed = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585]
    np.testing.assert_allclose(shelf, printed, atol=1e-8)
    np.testing.assert_allclose(high_pass, [1, -2, 1, 1, -1.99004745483398, 0.99007225036621], atol=1e-8)


@pytest.mark.parametrize("rate_hz", [16_000, 32_000, 44_100, 96_000, 192_000])
def test_k_weighting_is_the_same_at_any_rate(rate_hz: int) -> None:
    freqs = np.geomspace(20, 0.15 * rate_hz, 50)
    wanted = np.abs(sosfreqz(k_weighting(48_000), freqs[freqs < 7000], fs=48_000)[1])
    found = np.abs(response(k_weighting(rate_hz), freqs[freqs < 7000], rate_hz))
    assert np.abs(20 * np.log10(found / wanted)).max() < 0.15


# ITU-R BS.2217: tones of these frequencies on two channels, each made to read -18, -23 or -24 LKFS by the two filters
# printed in BS.1770-4, tables 1 and 2; within 0.1 LU. Its gate tests: a quieter part below either gate does not count.
PRINTED = np.array(
    [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
)


def reading(freq_hz: float, lkfs: float, seconds: float = 20.0) -> NDArray[np.float32]:
    """A tone on two channels that has *lkfs* by the printed filters (BS.1770-4 equations 1 and 2)."""
    weighted = float(np.abs(sosfreqz(PRINTED, worN=[2 * np.pi * freq_hz / RATE_HZ])[1][0]))
    power = 10 ** ((lkfs + 0.691) / 10) / 2 / weighted**2  # of each channel
    return np.tile(tone(freq_hz, 10 * np.log10(2 * power), seconds, RATE_HZ), (2, 1))


@pytest.mark.parametrize("lkfs", [-18.0, -23.0, -24.0])
@pytest.mark.parametrize("freq_hz", [25, 100, 500, 1000, 2000, 10_000])
def test_a_tone_of_any_frequency_reads_as_bs_2217_says(freq_hz: float, lkfs: float) -> None:
    seconds = 5.0 if freq_hz > 25 else 20.0
    assert measured(reading(freq_hz, lkfs, seconds)).integrated_lufs == pytest.approx(lkfs, abs=0.1)


@pytest.mark.parametrize(("loud", "soft"), [(-10.0, -25.0), (-65.0, -75.0)], ids=["relative", "absolute"])
def test_what_lies_below_a_gate_does_not_count(loud: float, soft: float) -> None:
    sound = np.concatenate([reading(1000, loud, 10), reading(1000, soft, 10)], axis=1)
    assert measured(sound).integrated_lufs == pytest.approx(loud, abs=0.1)


def test_pieces_measure_as_the_whole() -> None:
    rng = np.random.default_rng(4)
    voice = speech("woman", 16_000)
    sound = np.stack((voice, voice[::-1]))
    whole = measured(sound, 16_000, true_peak=True)
    cuts = np.sort(rng.integers(0, sound.shape[1], 40))
    pieces = LoudnessMeter(16_000, 2)
    for start, stop in itertools.pairwise([0, *cuts, sound.shape[1]]):
        pieces.process(np.ascontiguousarray(sound[:, start:stop]))
    assert pieces.integrated_lufs == pytest.approx(whole.integrated_lufs, abs=1e-6)
    assert pieces.short_term_lufs == pytest.approx(whole.short_term_lufs, abs=1e-6)
    assert pieces.true_peak_dbtp == whole.true_peak_dbtp
    pieces.reset()
    pieces.process(sound)
    assert pieces.integrated_lufs == whole.integrated_lufs


def test_what_is_not_there_is_none() -> None:
    meter = LoudnessMeter(16_000, 1)
    for silence in (np.zeros((1, 0), dtype=np.float32), np.zeros((1, 64_000), dtype=np.float32)):
        meter.process(silence)
        assert meter.integrated_lufs is None
        assert meter.momentary_lufs is None
        assert meter.true_peak_dbtp is None
        assert meter.loudness_range_lu is None
    soft = LoudnessMeter(RATE_HZ, 2, true_peak=False)
    soft.process(tones([(-75, 3)]))
    assert soft.integrated_lufs is None
    assert soft.true_peak_dbtp is None
    assert soft.momentary_lufs == pytest.approx(-75, abs=0.1)


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ParameterError, match="1000 to 384000 Hz, got 500"):
        LoudnessMeter(500)
    with pytest.raises(ParameterError, match="1 to 64 channels"):
        LoudnessMeter(48_000, 0)
    with pytest.raises(ParameterError, match="2 channels need as many weights, got 1"):
        LoudnessMeter(48_000, 2, weights=[1.0])


def test_weights_are_given_or_by_the_number_of_channels() -> None:
    assert channel_weights(8) == (1, 1, 1, 0, 1, 1, 1.41, 1.41)
    assert channel_weights(3) == (1, 1, 1)
    meter = LoudnessMeter(RATE_HZ, 2, weights=(1.0, 0.0), true_peak=False)
    meter.process(tones([(-23, 2)]))
    assert meter.integrated_lufs == pytest.approx(-26.02, abs=0.1)
