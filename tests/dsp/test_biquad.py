"""The biquad cascade against its twin, scipy.signal.sosfilt."""

import threading

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from dsp._native import BiquadCascade
from dsp.types import Samples

LEAST_SNR_DB = 140.0
"""float32 output rounds at about 150 dB below the signal."""
every_path = pytest.mark.parametrize("simd", [True, False], ids=["wavefront", "scalar"])
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


def noise(count: int, seed: int = 2) -> Samples:
    return (0.1 * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def snr_db(wanted: NDArray[np.float64], got: Samples) -> float:
    return float(10 * np.log10(np.sum(wanted**2) / np.sum((wanted - got) ** 2)))


@every_path
@every_size
def test_it_filters_as_its_twin(sections: int, simd: bool) -> None:
    sos, x = peaks(sections), noise(5000)
    y = x.copy()
    BiquadCascade(sos, simd=simd).process(y)
    assert snr_db(signal.sosfilt(sos, x.astype(np.float64)), y) > LEAST_SNR_DB


@every_path
@pytest.mark.parametrize(
    "sos",
    [
        signal.butter(8, 300, "highpass", fs=16000, output="sos"),
        signal.ellip(6, 0.5, 60, [300, 3400], "bandpass", fs=48000, output="sos"),
        signal.cheby2(10, 60, 3400, fs=8000, output="sos"),
        np.atleast_2d(np.concatenate(signal.iirnotch(50, 30, fs=48000))),
        np.array([[1.0, -1.0, 0.0, 1.0, -0.9995, 0.0]]),
    ],
    ids=["butterworth", "elliptic", "chebyshev", "hum notch", "DC blocker"],
)
def test_real_designs_keep_their_precision(sos: NDArray[np.float64], simd: bool) -> None:
    x = noise(20000)
    y = x.copy()
    BiquadCascade(np.ascontiguousarray(sos), simd=simd).process(y)
    assert snr_db(signal.sosfilt(sos, x.astype(np.float64)), y) > LEAST_SNR_DB


@every_path
@every_size
def test_the_pieces_equal_the_whole(sections: int, simd: bool) -> None:
    sos, x = peaks(sections), noise(6000)
    whole, pieces = x.copy(), x.copy()
    BiquadCascade(sos, simd=simd).process(whole)
    cascade = BiquadCascade(sos, simd=simd)
    start = 0
    for size in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 0, 64, 65, 160, 960, 1023, 1024, 1025):
        cascade.process(pieces[start : start + size])
        start += size
    cascade.process(pieces[start:])
    assert np.array_equal(whole, pieces)


@every_path
def test_reset_forgets_the_past(simd: bool) -> None:
    cascade, x = BiquadCascade(peaks(8), simd=simd), noise(500)
    first, second = x.copy(), x.copy()
    cascade.process(first)
    cascade.reset()
    cascade.process(second)
    assert np.array_equal(first, second)


@every_path
def test_set_changes_the_sound_and_keeps_the_state(simd: bool) -> None:
    before, after, x = peaks(3, seed=1), peaks(3, seed=9), noise(2000)
    y = x.copy()
    cascade = BiquadCascade(before, simd=simd)
    cascade.process(y[:1000])
    cascade.set(after)
    cascade.process(y[1000:])
    head, state = signal.sosfilt(before, x[:1000].astype(np.float64), zi=np.zeros((3, 2)))
    tail, _ = signal.sosfilt(after, x[1000:].astype(np.float64), zi=state)
    assert snr_db(np.concatenate((head, tail)), y) > LEAST_SNR_DB
    with pytest.raises(ValueError, match="3 sections as before, got 4"):
        cascade.set(peaks(4))


@every_path
def test_rows_are_divided_by_a0(simd: bool) -> None:
    sos, x = peaks(4), noise(300)
    plain, scaled = x.copy(), x.copy()
    BiquadCascade(sos, simd=simd).process(plain)
    BiquadCascade(sos * 4, simd=simd).process(scaled)
    assert np.array_equal(plain, scaled)


@every_path
def test_what_is_no_number_is_silence_and_poisons_nothing(simd: bool) -> None:
    sos, x = peaks(8), noise(3000)
    broken = x.copy()
    broken[[5, 100, 101, 2000]] = np.nan, np.inf, -np.inf, np.nan
    x[[5, 100, 101, 2000]] = 0
    cascade = BiquadCascade(sos, simd=simd)
    cascade.process(broken)
    BiquadCascade(sos, simd=simd).process(x)
    assert np.array_equal(broken, x)


@every_path
def test_the_largest_numbers_overflow_nothing(simd: bool) -> None:
    sos = np.array([[1e30, 0.0, 0.0, 1.0, -1.9, 0.95]] * 16)
    cascade = BiquadCascade(sos, simd=simd)
    for _ in range(3):
        block = np.full(3000, np.finfo(np.float32).max, dtype=np.float32)
        cascade.process(block)
        assert np.all(np.isfinite(block))
    cascade.reset()
    quiet = np.zeros(100, dtype=np.float32)
    cascade.process(quiet)
    assert not quiet.any()


@every_path
def test_a_dying_sound_ends_in_zeros_not_in_subnormal_numbers(simd: bool) -> None:
    cascade = BiquadCascade(peaks(8), simd=simd)
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


def test_arguments_are_checked() -> None:
    with pytest.raises(TypeError):
        BiquadCascade()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        BiquadCascade(peaks(1), True)  # type: ignore[misc]
    assert BiquadCascade(peaks(5)).sections == 5
    assert BiquadCascade(peaks(5), simd=False).path == "scalar"


def test_a_second_thread_is_refused_while_the_first_one_filters() -> None:
    sos = peaks(64)
    cascade, tiny = BiquadCascade(sos), noise(1)
    calls = {
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
    import sys

    references = sys.getrefcount(BiquadCascade)
    for _ in range(50):
        BiquadCascade(peaks(3))
        with pytest.raises(ValueError, match="a0"):
            BiquadCascade(np.zeros((3, 6)))
    assert sys.getrefcount(BiquadCascade) == references
