import itertools
from math import gcd

import numpy as np
import pytest
from scipy.signal import upfirdn

from dsp import _native
from dsp.errors import ParameterError
from dsp.resample import StreamResampler, delay_of, phases_of

RATES_HZ = (8000, 16_000, 24_000, 32_000, 44_100, 48_000)
PAIRS = list(itertools.permutations(RATES_HZ, 2))
each_pair = pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)


def ratio(from_hz, to_hz):
    common = gcd(from_hz, to_hz)
    return to_hz // common, from_hz // common


def tone(freq_hz, rate_hz, samples):
    return np.sin(2 * np.pi * freq_hz * np.arange(samples) / rate_hz).astype(np.float32)


def noise(samples, seed=1):
    return (0.3 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def lines_db(sound):
    """Spectrum in dB re a sine of amplitude 1, with a window whose side lobes are below -120 dB."""
    window = np.kaiser(sound.size, 18.0)
    return 20 * np.log10(np.abs(np.fft.rfft(sound * window)) / (window.sum() / 2) + 1e-12)


@each_pair
def test_pieces_equal_the_whole(from_hz, to_hz):
    x = noise(3000)
    whole = StreamResampler(from_hz, to_hz).process(x)
    resampler = StreamResampler(from_hz, to_hz)
    cuts = [0, 1, 2, 160, 161, 1000, 1007]
    pieces = [resampler.process(np.ascontiguousarray(p)) for p in np.split(x, cuts)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


@each_pair
def test_each_block_gives_as_many_milliseconds_as_it_has(from_hz, to_hz):
    resampler = StreamResampler(from_hz, to_hz)
    for ms in (10, 20, 60, 10):
        block = np.zeros(from_hz * ms // 1000, dtype=np.float32)
        assert resampler.process(block).size == to_hz * ms // 1000


@each_pair
def test_blocks_that_do_not_divide_give_within_one_sample_of_their_share(from_hz, to_hz):
    resampler, taken, made = StreamResampler(from_hz, to_hz), 0, 0
    for size in (1, 1, 7, 63, 0, 101, 333):
        made += resampler.process(np.zeros(size, dtype=np.float32)).size
        taken += size
        assert 0 <= made - taken * to_hz / from_hz < 1


@each_pair
def test_delay_is_within_2_ms_or_4_ms_where_8_khz_is_an_end(from_hz, to_hz):
    delay_ms = 1000 * StreamResampler(from_hz, to_hz).delay_samples / to_hz
    assert delay_ms <= (4.0 if 8000 in (from_hz, to_hz) else 2.0)


@each_pair
def test_a_tone_keeps_frequency_level_and_the_stated_delay(from_hz, to_hz):
    freq_hz = 0.3 * min(from_hz, to_hz)
    resampler = StreamResampler(from_hz, to_hz)
    got = resampler.process(tone(freq_hz, from_hz, from_hz // 4))
    n = np.arange(got.size) - resampler.delay_samples
    error = (got - np.sin(2 * np.pi * freq_hz * n / to_hz))[2 * resampler.delay_samples :]
    assert 20 * np.log10(np.sqrt(2 * np.mean(error**2))) < -72  # 0.0024 dB of ripple there


@each_pair
def test_ripple_is_within_a_tenth_of_a_decibel_and_the_stop_band_below_90_db(from_hz, to_hz):
    up, down = ratio(from_hz, to_hz)
    prototype = phases_of(up, down).astype(np.float32).astype(np.float64).T.ravel() / up
    size = 1 << int(np.ceil(np.log2(16 * prototype.size)))
    gains_db = 20 * np.log10(np.abs(np.fft.rfft(prototype, size)) + 1e-12)
    freqs_hz = np.fft.rfftfreq(size, 1 / (from_hz * up))
    nyquist_hz = min(from_hz, to_hz) / 2
    assert np.abs(gains_db[freqs_hz <= 0.9 * nyquist_hz]).max() < 0.1
    assert gains_db[freqs_hz >= 1.1 * nyquist_hz].max() < -95


@each_pair
def test_what_would_alias_or_mirror_is_90_db_down(from_hz, to_hz):
    low_hz = min(from_hz, to_hz)
    above_hz = 1.12 * low_hz / 2
    freq_hz = above_hz if above_hz < from_hz / 2 else 0.88 * low_hz / 2
    resampler = StreamResampler(from_hz, to_hz)
    got = resampler.process(tone(freq_hz, from_hz, from_hz // 2))[-(to_hz // 4) :].astype(np.float64)
    spectrum = lines_db(got)
    if freq_hz < low_hz / 2:
        at = np.fft.rfftfreq(got.size, 1 / to_hz)
        spectrum = spectrum[np.abs(at - freq_hz) > 100]
    assert spectrum.max() < -90


@each_pair
def test_it_computes_what_upfirdn_computes(from_hz, to_hz):
    up, down = ratio(from_hz, to_hz)
    x = noise(4000)
    prototype = phases_of(up, down).T.ravel()
    expected = upfirdn(prototype, x.astype(np.float64), up, down)
    got = StreamResampler(from_hz, to_hz).process(x)
    np.testing.assert_allclose(got, expected[: got.size], atol=5e-7)


@pytest.mark.parametrize(("up", "down"), [(1, 6), (160, 147), (3, 2)])
def test_both_code_paths_give_the_same_bits(up, down):
    phases, x, made = phases_of(up, down).astype(np.float32), noise(5000), []
    for simd in (True, False):
        running = _native.PolyphaseResampler(phases, down, simd=simd)
        out = np.empty(running.output_samples(x.size), dtype=np.float32)
        running.process(x, out)
        made.append(out)
    np.testing.assert_array_equal(made[0], made[1])


def test_reset_is_as_new():
    resampler, x = StreamResampler(44_100, 16_000), noise(1234)
    first = resampler.process(x)
    resampler.reset()
    np.testing.assert_array_equal(resampler.process(x), first)


def test_a_block_of_a_long_file_runs_as_well():
    x = noise(400_000)
    whole = StreamResampler(48_000, 8000).process(x)
    resampler = StreamResampler(48_000, 8000)
    pieces = [resampler.process(np.ascontiguousarray(piece)) for piece in np.split(x, 100)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_silence_stays_silence():
    assert not StreamResampler(48_000, 44_100).process(np.zeros(4800, dtype=np.float32)).any()


def test_what_is_no_number_is_gone_when_the_window_has_passed():
    resampler, x = StreamResampler(16_000, 8000), noise(4000)
    x[100] = np.nan
    got = resampler.process(x)
    assert np.isfinite(got[150:]).all()


def test_other_rates_with_a_common_divisor_work():
    for from_hz, to_hz in ((11_025, 8000), (22_050, 48_000), (192_000, 11_025), (96_000, 44_056)):
        resampler = StreamResampler(from_hz, to_hz)
        freq_hz = 0.2 * min(from_hz, to_hz)
        got = resampler.process(tone(freq_hz, from_hz, from_hz // 4))
        n = np.arange(got.size) - resampler.delay_samples
        error = (got - np.sin(2 * np.pi * freq_hz * n / to_hz))[2 * resampler.delay_samples :]
        assert np.abs(error).max() < 1e-3


def test_a_delay_is_a_whole_number_of_samples():
    assert delay_of(1, 1) == delay_of(1, 6) == 30
    assert delay_of(6, 1) == 180


@pytest.mark.parametrize(("from_hz", "to_hz"), [(0, 8000), (8000, -1)])
def test_rates_must_be_positive(from_hz, to_hz):
    with pytest.raises(ParameterError, match="positive"):
        StreamResampler(from_hz, to_hz)


def test_rates_that_have_nothing_in_common_are_refused():
    with pytest.raises(ParameterError, match="common divisor is 1 Hz"):
        StreamResampler(999_983, 1_000_003)


def test_the_kernel_refuses_what_does_not_fit():
    phases = phases_of(2, 1).astype(np.float32)
    running = _native.PolyphaseResampler(phases, 1)
    block = np.zeros(10, dtype=np.float32)
    with pytest.raises(ValueError, match="out 20 samples, got 10"):
        running.process(block, np.zeros(10, dtype=np.float32))
    with pytest.raises(TypeError):
        running.process(block.astype(np.float64), np.zeros(20, dtype=np.float32))
    with pytest.raises(ValueError, match="down"):
        _native.PolyphaseResampler(phases, 0)
    with pytest.raises(ValueError, match="shape"):
        _native.PolyphaseResampler(phases.ravel(), 1)
    with pytest.raises(ValueError, match="count"):
        running.output_samples(-1)
