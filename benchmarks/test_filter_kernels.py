"""What one call of a filter's kernel takes, beside the same work in SciPy, pedalboard or soxr.

A name ends with the size: sections, taps or channels x samples of a block; state is kept from block to block.
What works in place is given the same block again and again, without a copy: each of its results is another
sound, none dies away or grows, for the time does not depend on the numbers.
"""

from collections.abc import Callable

import numpy as np
import pytest
import soxr
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.signals import BANDS, over, speech_blocks, speech_of
from benchmarks.twins import all_pass, by_scipy, one_pole, overlap_add
from dsp._native import BiquadCascade, Envelope
from dsp.convolution import Convolver
from dsp.resample import StreamResampler
from dsp.types import Samples

RATE_HZ = 48_000

every_way = pytest.mark.parametrize("which", ["native", "scipy.signal.sosfilt", "pedalboard"])
native_and_scipy = pytest.mark.parametrize("which", ["native", "scipy.signal"])


def by_pedalboard(sections: int) -> Callable[[Samples], object]:
    pedalboard = pytest.importorskip("pedalboard")
    board = pedalboard.Pedalboard(
        [
            pedalboard.PeakFilter(cutoff_frequency_hz=freq_hz, gain_db=gain_db, q=q)
            for freq_hz, q, gain_db in BANDS[:sections]
        ]
    )
    return lambda block: board.process(block, RATE_HZ, reset=False)


def biquads(benchmark: BenchmarkFixture, which: str, sections: int, size: int) -> None:
    block = speech_of(size)
    if which == "native":
        cascade = BiquadCascade(all_pass(sections))
        benchmark(cascade.process, block)
        assert np.any(block)
    else:
        benchmark((by_pedalboard if which == "pedalboard" else by_scipy)(sections), block)


@every_way
def test_biquad_1x160(benchmark: BenchmarkFixture, which: str) -> None:
    biquads(benchmark, which, 1, 160)


@every_way
def test_biquad_8x160(benchmark: BenchmarkFixture, which: str) -> None:
    biquads(benchmark, which, 8, 160)


@every_way
def test_biquad_8x960(benchmark: BenchmarkFixture, which: str) -> None:
    biquads(benchmark, which, 8, 960)


@every_way
def test_biquad_8x480000(benchmark: BenchmarkFixture, which: str) -> None:
    """Ten seconds in one call: divide by 480 for nanoseconds a sample."""
    biquads(benchmark, which, 8, 480_000)


@pytest.mark.parametrize("form", ["scalar", "avx2", "avx512", "block"])
@pytest.mark.parametrize("sections", [1, 2, 8])
def test_biquad_forms_480000(benchmark: BenchmarkFixture, form: str, sections: int) -> None:
    """The paths one by one; which of them a cascade takes follows from this."""
    try:
        cascade = BiquadCascade(all_pass(sections), form=form)  # type: ignore[arg-type]
    except ValueError as error:
        pytest.skip(str(error))
    benchmark(cascade.process, speech_of(480_000))


@pytest.mark.parametrize("which", ["StreamResampler", "soxr"])
def test_resample_16k_to_48k_960(benchmark: BenchmarkFixture, which: str) -> None:
    blocks = speech_blocks(960)
    if which == "soxr":
        benchmark(over(blocks, soxr.ResampleStream(16_000, RATE_HZ, 1, dtype="float32").resample_chunk))
    else:
        benchmark(over(blocks, StreamResampler(16_000, RATE_HZ).process))


@native_and_scipy
@pytest.mark.parametrize("taps", [64, 512, 4096, 48_000])
def test_convolve_taps_x960(benchmark: BenchmarkFixture, taps: int, which: str) -> None:
    """SciPy: each block by itself with the tail added, as a stream must."""
    response = np.random.default_rng(1).standard_normal(taps).astype(np.float32)
    response /= np.sqrt(np.sum(response**2))
    blocks = speech_blocks(960, RATE_HZ)
    if which == "native":
        convolver, out = Convolver(response), np.zeros((1, 960), dtype=np.float32)

        def convolved(block: Samples) -> None:
            out[0] = block
            convolver.process(out)

        benchmark(over(blocks, convolved))
    else:
        benchmark(over(blocks, overlap_add(response, 960)))


@native_and_scipy
def test_envelope_1x960(benchmark: BenchmarkFixture, which: str) -> None:
    """SciPy: with one time constant, since `lfilter` knows no attack."""
    blocks = speech_blocks(960, RATE_HZ)
    if which == "native":
        envelope, out = Envelope(48.0, 4800.0), np.zeros(960, dtype=np.float32)
        benchmark(over([block.reshape(1, -1) for block in blocks], lambda block: envelope.follow(block, out)))
    else:
        benchmark(over(blocks, one_pole(4800.0)))
