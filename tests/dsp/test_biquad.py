"""The biquad cascade against its twin, scipy.signal.sosfilt."""

import sys
import threading
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from dsp._native import BiquadCascade
from dsp.types import Samples

Form: TypeAlias = Literal["scalar", "avx2", "avx512", "block"]

LEAST_SNR_DB = 140.0
"""float32 output rounds at about 150 dB below the signal."""
FORMS: tuple[Form | None, ...] = (None, "scalar", "avx2", "avx512", "block")
every_path = pytest.mark.parametrize("form", FORMS, ids=lambda form: form or "chosen")
every_size = pytest.mark.parametrize("sections", [1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 33])


def peaks(sections: int, seed: int = 1) -> NDArray[np.float64]:
    """Resonances and notches all over the band, of Q 0.5 to 30."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(sections):
        design = signal.iirpeak if number % 2 else signal.iirnotch
        b, a = design(rng.uniform(0.02, 0.9), rng.uniform(0.5, 30))
        rows.append(np.concatenate((b + (0.5 * a if number % 2 else 0), a)))
    return np.array(rows)


def build(sos: NDArray[np.float64], form: Form | None, channels: int = 1) -> BiquadCascade:
    try:
        return BiquadCascade(np.ascontiguousarray(sos), channels, form=form)
    except ValueError as error:
        if "this CPU has no" not in str(error):
            raise
        pytest.skip(str(error))


def noise(count: int, seed: int = 2) -> Samples:
    return (0.1 * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def snr_db(wanted: NDArray[np.float64], got: Samples) -> float:
    error = float(np.sum((wanted - got) ** 2))
    return float(10 * np.log10(np.sum(wanted**2) / error)) if error else np.inf


@every_path
@every_size
def test_it_filters_as_its_twin(sections: int, form: Form | None) -> None:
    sos, x = peaks(sections), noise(5000)
    y = x.copy()
    build(sos, form).process(y)
    assert snr_db(signal.sosfilt(sos, x.astype(np.float64)), y) > LEAST_SNR_DB


def notch(freq_hz: float, q: float, rate_hz: float) -> NDArray[np.float64]:
    return np.concatenate(signal.iirnotch(freq_hz, q, fs=rate_hz))


def shelf(freq_hz: float, gain_db: float, rate_hz: float, *, high: bool) -> NDArray[np.float64]:
    """Audio EQ Cookbook (R. Bristow-Johnson), low and high shelf of slope 1."""
    w, a, sign = 2 * np.pi * freq_hz / rate_hz, 10 ** (gain_db / 40), -1 if high else 1
    c, root = sign * np.cos(w), np.sqrt(2 * a) * np.sin(w)
    b0, b1, b2 = (
        a * (a + 1 - (a - 1) * c + root),
        2 * a * (a - 1 - (a + 1) * c),
        a * (a + 1 - (a - 1) * c - root),
    )
    a0, a1, a2 = a + 1 + (a - 1) * c + root, -2 * (a - 1 + (a + 1) * c), a + 1 + (a - 1) * c - root
    row: NDArray[np.float64] = np.array([b0, sign * b1, b2, a0, sign * a1, a2]) / a0
    return row


DESIGNS = {
    **{
        f"butterworth {n}": signal.butter(n, 3400, fs=48000, output="sos")
        for n in (1, 2, 3, 4, 8, 12, 16, 24)
    },
    "butterworth high-pass 24": signal.butter(24, 300, "highpass", fs=48000, output="sos"),
    "butterworth low-pass 20 Hz": signal.butter(2, 20, fs=48000, output="sos"),
    "butterworth 8 low-pass 50 Hz": signal.butter(8, 50, fs=48000, output="sos"),
    "elliptic": signal.ellip(6, 0.5, 60, [300, 3400], "bandpass", fs=48000, output="sos"),
    "elliptic 12": signal.ellip(12, 0.1, 90, 3400, fs=48000, output="sos"),
    "chebyshev": signal.cheby1(8, 1, 1000, "highpass", fs=48000, output="sos"),
    "chebyshev 2": signal.cheby2(10, 60, 3400, fs=8000, output="sos"),
    "bessel": signal.bessel(8, 3400, fs=48000, output="sos"),
    "hum notch": np.atleast_2d(notch(50, 30, 48000)),
    "hum notches of Q 100": np.array([notch(50 * n, 100, 48000) for n in range(1, 13)]),
    "two hum notches at 96 kHz": np.array([notch(50, 30, 96000), notch(100, 30, 96000)]),
    "shelves": np.array([shelf(80, 12, 48000, high=False), shelf(8000, -18, 48000, high=True)]),
    "shelf at 20 Hz": np.atleast_2d(shelf(20, -24, 96000, high=False)),
    "narrow band-pass at 96 kHz": signal.butter(2, [995, 1005], "bandpass", fs=96000, output="sos"),
    "narrow band-pass 8 at 96 kHz": signal.butter(8, [900, 1100], "bandpass", fs=96000, output="sos"),
    "DC blocker": np.array([[1.0, -1.0, 0.0, 1.0, -0.9995, 0.0]]),
    "delay": np.array([[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]] * 3),
}


@every_path
@pytest.mark.parametrize("name", DESIGNS)
def test_real_designs_keep_their_precision(name: str, form: Form | None) -> None:
    sos, x = DESIGNS[name], noise(40000)
    y = x.copy()
    build(sos, form).process(y)
    assert snr_db(signal.sosfilt(sos, x.astype(np.float64)), y) > LEAST_SNR_DB


@every_path
@every_size
def test_the_pieces_equal_the_whole(sections: int, form: Form | None) -> None:
    sos, x = peaks(sections), noise(6000)
    whole, pieces = x.copy(), x.copy()
    build(sos, form).process(whole)
    cascade = build(sos, form)
    start = 0
    for size in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 0, 64, 65, 160, 960, 1023, 1024, 1025):
        cascade.process(pieces[start : start + size])
        start += size
    cascade.process(pieces[start:])
    assert np.array_equal(whole, pieces)


@every_path
@given(sizes=st.lists(st.integers(0, 70), min_size=1, max_size=60), sections=st.integers(1, 18))
@settings(max_examples=25, deadline=None)
def test_any_cuts_give_the_same_samples(form: Form | None, sizes: list[int], sections: int) -> None:
    sos, x = peaks(sections, seed=sections), noise(sum(sizes))
    whole, pieces = x.copy(), x.copy()
    build(sos, form).process(whole)
    cascade, start = build(sos, form), 0
    for size in sizes:
        cascade.process(pieces[start : start + size])
        start += size
    assert np.array_equal(whole, pieces)


@every_path
@every_size
def test_channels_are_filtered_apart(sections: int, form: Form | None) -> None:
    sos, x = peaks(sections), noise(9000).reshape(3, 3000)
    cascade, parts = build(sos, form, channels=3), []
    for start, end in ((0, 1000), (1000, 1001), (1001, 1001), (1001, 3000)):
        parts.append(np.ascontiguousarray(x[:, start:end]))
        cascade.process(parts[-1])
    together = np.concatenate(parts, axis=1)
    for number in range(3):
        alone = x[number].copy()
        build(sos, form).process(alone)
        assert np.array_equal(alone, together[number])


@every_path
def test_reset_forgets_the_past(form: Form | None) -> None:
    cascade, x = build(peaks(8), form), noise(500)
    first, second = x.copy(), x.copy()
    cascade.process(first)
    cascade.reset()
    cascade.process(second)
    assert np.array_equal(first, second)


@every_path
@pytest.mark.parametrize("sections", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("cut", [1, 2, 997, 1000])
def test_set_changes_the_sound_and_keeps_the_state(form: Form | None, sections: int, cut: int) -> None:
    before, after, x = peaks(sections, seed=1), peaks(sections, seed=9), noise(2000)
    y = x.copy()
    cascade = build(before, form)
    cascade.process(y[:cut])
    cascade.set(after)
    cascade.process(y[cut:])
    head, state = signal.sosfilt(before, x[:cut].astype(np.float64), zi=np.zeros((sections, 2)))
    tail, _ = signal.sosfilt(after, x[cut:].astype(np.float64), zi=state)
    assert snr_db(np.concatenate((head, tail)), y) > LEAST_SNR_DB
    with pytest.raises(ValueError, match=f"{sections} sections as before, got {sections + 1}"):
        cascade.set(peaks(sections + 1))


@every_path
def test_rows_are_divided_by_a0(form: Form | None) -> None:
    sos, x = peaks(4), noise(300)
    plain, scaled = x.copy(), x.copy()
    build(sos, form).process(plain)
    build(sos * 4, form).process(scaled)
    assert np.array_equal(plain, scaled)


@every_path
def test_what_is_no_number_is_silence_and_poisons_nothing(form: Form | None) -> None:
    sos, x = peaks(8), noise(3000)
    broken = x.copy()
    broken[[5, 100, 101, 2000]] = np.nan, np.inf, -np.inf, np.nan
    x[[5, 100, 101, 2000]] = 0
    cascade = build(sos, form)
    cascade.process(broken)
    build(sos, form).process(x)
    assert np.array_equal(broken, x)


@every_path
def test_the_largest_numbers_overflow_nothing(form: Form | None) -> None:
    sos = np.array([[1e30, 0.0, 0.0, 1.0, -1.9, 0.95]] * 16)
    cascade = build(sos, form)
    for _ in range(3):
        block = np.full(3000, np.finfo(np.float32).max, dtype=np.float32)
        cascade.process(block)
        assert np.all(np.isfinite(block))
    cascade.reset()
    quiet = np.zeros(100, dtype=np.float32)
    cascade.process(quiet)
    assert not quiet.any()


@every_path
def test_a_dying_sound_ends_in_zeros_not_in_subnormal_numbers(form: Form | None) -> None:
    cascade = build(peaks(8), form)
    block = noise(160)
    cascade.process(block)
    for _ in range(400):
        block[:] = 0
        cascade.process(block)
        sounding = np.abs(block[block != 0])
        assert sounding.size == 0 or sounding.min() >= np.finfo(np.float32).tiny
    assert not block.any()


def test_numpy_keeps_its_subnormal_numbers() -> None:
    cascade = BiquadCascade(peaks(2))
    cascade.process(noise(100))
    smallest = np.array([np.finfo(np.float64).tiny])
    assert (smallest / 2)[0] > 0


@pytest.mark.parametrize(
    ("sos", "error", "words"),
    [
        (None, TypeError, "buffer of float64"),
        ([[1.0, 0, 0, 1, 0, 0]], TypeError, "buffer of float64"),
        (np.zeros((1, 6), dtype=np.float32), TypeError, "float64, got format 'f'"),
        (np.zeros((1, 6), dtype=">f8"), TypeError, "native float64"),
        (np.zeros((1, 5)), ValueError, r"shape \(n, 6\)"),
        (np.zeros(6), ValueError, r"shape \(n, 6\)"),
        (np.zeros((0, 6)), ValueError, r"shape \(n, 6\)"),
        (np.zeros((300, 6)), ValueError, "from 1 to 256"),
        (np.zeros((6, 2)).T, ValueError, "contiguous"),
        (np.array([[1.0, 0, 0, 0, 0, 0]]), ValueError, "section 0 has a0 = 0"),
        (np.array([[1.0, 0, 0, 1, np.nan, 0]]), ValueError, "section 0 .* not finite"),
        (np.array([[1.0, 0, 0, 1e-300, 1e300, 0]]), ValueError, "overflows"),
        (np.array([[1.0, 0, 0, 1, 0, 0], [1, 0, 0, 1, -2, 1]]), ValueError, "section 1 is unstable"),
        (np.array([[1.0, 0, 0, 1, -1, 0]]), ValueError, "section 0 is unstable"),
        (np.array([[1.5e308, 0, 0, 1, -1.9, 0.95]]), ValueError, "section 0 overflows"),
    ],
)
def test_bad_coefficients_are_refused(sos: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        BiquadCascade(sos)  # type: ignore[arg-type]
    cascade = BiquadCascade(peaks(1))
    with pytest.raises(error, match=words):
        cascade.set(sos)  # type: ignore[arg-type]
    cascade.process(noise(10))


def _read_only() -> Samples:
    block = noise(10)
    block.flags.writeable = False
    return block


@pytest.mark.parametrize(
    ("block", "error", "words"),
    [
        (None, TypeError, "buffer of float32"),
        ([0.0], TypeError, "buffer of float32"),
        (np.zeros(10), TypeError, "float32, got format 'd'"),
        (bytearray(40), TypeError, "native float32"),
        (noise(20)[::2], ValueError, "contiguous"),
        (_read_only(), ValueError, "writable"),
        (np.frombuffer(bytearray(41), dtype=np.uint8)[1:].view(np.float32), ValueError, "aligned"),
    ],
)
def test_bad_blocks_are_refused(block: object, error: type[Exception], words: str) -> None:
    cascade = BiquadCascade(peaks(1))
    with pytest.raises(error, match=words):
        cascade.process(block)  # type: ignore[arg-type]
    cascade.process(noise(10))


@pytest.mark.parametrize(
    ("shape", "channels", "words"),
    [
        ((2, 10), 1, r"shape \(1, n\) or \(n,\)"),
        ((10,), 2, r"shape \(2, n\)$"),
        ((3, 10), 2, r"shape \(2, n\)$"),
        ((1, 2, 10), 2, r"shape \(2, n\)$"),
        ((), 1, r"shape \(1, n\) or \(n,\)"),
    ],
)
def test_blocks_of_another_shape_are_refused(shape: tuple[int, ...], channels: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        BiquadCascade(peaks(2), channels).process(np.zeros(shape, dtype=np.float32))


def test_one_channel_comes_with_or_without_an_axis_of_channels() -> None:
    flat, x = noise(100), noise(100)
    BiquadCascade(peaks(2)).process(flat)
    BiquadCascade(peaks(2)).process(x.reshape(1, -1))
    assert np.array_equal(flat, x)


def test_arguments_are_checked() -> None:
    with pytest.raises(TypeError):
        BiquadCascade()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        BiquadCascade(peaks(1), 1, True)  # type: ignore[call-arg]
    for channels in (0, -1, 1025):
        with pytest.raises(ValueError, match=f"channels must be from 1 to 1024, got {channels}"):
            BiquadCascade(peaks(1), channels)
    with pytest.raises(ValueError, match="scalar, avx2, avx512 or block, got sse"):
        BiquadCascade(peaks(1), form="sse")  # type: ignore[arg-type]
    cascade = BiquadCascade(peaks(5), 2, simd=False)
    assert (cascade.sections, cascade.channels, cascade.path) == (5, 2, "scalar")


@every_path
def test_the_path_is_the_one_asked_for(form: Form | None) -> None:
    path = build(peaks(5), form).path
    assert path in FORMS if form is None else path == form


def test_matrices_too_large_for_the_block_form_leave_it_to_the_wavefront() -> None:
    huge = np.array([[1e160, 0.0, 0.0, 1.0, 0.0, 0.0]])
    assert build(huge, "block").path == "avx2"


def test_a_second_thread_is_refused_while_the_first_one_filters() -> None:
    sos = peaks(64)
    cascade, tiny = BiquadCascade(sos), noise(1)
    calls: dict[str, Callable[[], None]] = {
        "process": lambda: cascade.process(tiny),
        "reset": cascade.reset,
        "set": lambda: cascade.set(sos),
    }
    waiting = set(calls)
    for _ in range(100):  # the scheduler may let the first thread finish before the second one runs
        thread = threading.Thread(target=cascade.process, args=(noise(500_000),))
        thread.start()
        for name in sorted(waiting):
            try:
                calls[name]()
            except RuntimeError:
                waiting.remove(name)
        thread.join()
        if not waiting:
            break
    assert not waiting
    cascade.process(tiny)


def test_two_cascades_filter_in_two_threads_at_once() -> None:
    sos, x = peaks(16), noise(300_000)
    wanted = x.copy()
    BiquadCascade(sos).process(wanted)
    blocks = [x.copy() for _ in range(3)]
    threads = [threading.Thread(target=BiquadCascade(sos).process, args=(block,)) for block in blocks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(wanted, block) for block in blocks)


def test_objects_leave_nothing_behind() -> None:
    references = sys.getrefcount(BiquadCascade)
    for _ in range(50):
        BiquadCascade(peaks(3))
        with pytest.raises(ValueError, match="a0"):
            BiquadCascade(np.zeros((3, 6)))
    assert sys.getrefcount(BiquadCascade) == references
