"""C kernels of the hot loops (dsp/native): float32 samples, the GIL released while long work runs.

An object works for one thread at a time; a second one gets RuntimeError.
"""

from typing import Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from dsp.types import Block, Samples

MeterReading: TypeAlias = tuple[
    int, float, float, float, int, int, int, int, int, int, int, int, int, tuple[tuple[float, int], ...]
]
"""count, sum, sum of squares, peak, not finite, clipped, clip runs, frames, silent frames, first and last
sound, gaps, samples in gaps, and (threshold, samples at or above it) for each threshold of P.56."""

@final
class BiquadCascade:
    """Cascade of biquads, float32 samples and float64 state.

    Blocks of any length give the same samples, bit by bit. NaN and infinity in a block are taken as silence,
    a state that overflows starts again from zero, subnormal numbers are flushed to zero. A long block runs
    without the GIL.
    """

    def __new__(
        cls,
        sos: NDArray[np.float64],
        channels: int = 1,
        *,
        simd: bool = True,
        form: Literal["scalar", "avx2", "avx512", "block"] | None = None,
    ) -> BiquadCascade:
        """Take *sos*, shape (n, 6), rows b0 b1 b2 a0 a1 a2 as in ``scipy.signal.sosfilt``, n from 1 to 256.

        Args:
            sos: the sections, the same for all channels.
            channels: 1 to 1024; each has a state of its own.
            simd: False: the plain loop that every CPU has.
            form: run so, whatever is the fastest here: sample by sample, in a wavefront of sections, or in
                the block state-space form (where its matrices would overflow: in a wavefront).

        Raises:
            TypeError: if *sos* is no float64 buffer.
            ValueError: if its shape is another, or a section is not finite, has a0 = 0 or is unstable; if
                *channels* is out of range; if this CPU cannot run *form*.
        """
    def process(self, block: NDArray[np.float32], /) -> None:
        """Filter *block*, shape (channels, n), or (n,) where there is one channel, in place; any n.

        Raises:
            TypeError: if *block* is no float32 buffer.
            ValueError: if it has another shape, is not C-contiguous or not writable.
        """
    def reset(self) -> None:
        """Forget the past."""
    def set(self, sos: NDArray[np.float64], /) -> None:
        """Take other coefficients for the same number of sections; the state stays."""
    @property
    def sections(self) -> int:
        """Number of sections."""
    @property
    def channels(self) -> int:
        """Number of channels."""
    @property
    def path(self) -> Literal["scalar", "avx2", "avx512", "block"]:
        """How the first sections run on this CPU."""

@final
class OscillatorBank:
    """Sines of constant frequency and amplitude; blocks of any length give the same samples, bit by bit."""

    def __new__(
        cls, frequencies: NDArray[np.float64], amplitudes: NDArray[np.float64], phases: NDArray[np.float64]
    ) -> OscillatorBank:
        """Take as many *frequencies* (cycles a sample, 0 to 0.5) as *amplitudes* and *phases* (radians).

        Raises:
            TypeError: if one is no float64 buffer.
            ValueError: if their numbers differ, there are more than 4096, or one is out of range or not finite.
        """
    def add(self, block: Samples, /) -> None:
        """Add the next samples of the sum to *block*; TypeError or ValueError for what is not writable contiguous float32."""
    def reset(self) -> None:
        """Begin again with the phases given."""

@final
class TimePitch:
    """Pitch and tempo changed in the time domain by leaps of whole periods; see `dsp.time_pitch`.

    Blocks of any length give the same samples, bit by bit.
    """

    def __new__(
        cls,
        kernel: Samples,
        pitch: float,
        tempo: float,
        *,
        highest: float,
        channels: int,
        shortest: int,
        longest: int,
        fade: int,
    ) -> TimePitch:
        """Take an interpolation *kernel*, (phases + 1, taps), factors of 0.2 to 5, and lengths in samples.

        Args:
            highest: pitch that `set` may ask for.
            shortest: of a leap, ``fade * abs(pitch - tempo)`` or more; *longest* of a leap, twice as far as reading
                drifts; *fade* of a cross-fade.

        Raises:
            TypeError: if *kernel* is no float32 buffer.
            ValueError: for what is out of range.
        """
    def output_samples(self, count: int, /) -> int:
        """How many samples `process` would give for a block of *count*."""
    def process(self, block: Block, out: Block, /) -> None:
        """Read *block*, ``(channels, n)``, and fill *out*, ``(channels, output_samples(n))``."""
    def set(self, kernel: Samples, pitch: float, /) -> None:
        """Take another kernel of the same shape and another pitch; reading goes on where it is."""
    def adopt(self, other: TimePitch, /) -> None:
        """Take the state of *other*; ValueError if its lengths, tempo or channels differ."""
    def reset(self) -> None:
        """Forget the past."""
    @property
    def delay(self) -> int:
        """Delay in samples of the input."""

@final
class SpeechMeter:
    """Speech level after ITU-T P.56 method B, and faults of the signal, in one pass."""

    def __new__(cls, sample_rate_hz: int, silence_dbov: float = -60.0) -> SpeechMeter:
        """Measure at *sample_rate_hz*, 8000 to 96000; frames below *silence_dbov* count as silent."""
    def process(self, block: Samples, /) -> None:
        """Measure one block of any length."""
    def read(self) -> MeterReading:
        """Raw counts so far; reading changes nothing."""
    def reset(self) -> None:
        """Forget everything heard."""

@final
class Envelope:
    """Envelope follower: rises with an attack, holds, falls with a release (Giannoulis, Massberg, Reiss 2012, eq. 16).

    Times are in samples; attack and release are time constants (to 63 %), 0 is at once. Blocks of any length
    give the same values. NaN and infinity are taken as silence.
    """

    def __new__(
        cls, attack: float, release: float, *, hold: int = 0, channels: int = 1, square: bool = False
    ) -> Envelope:
        """Follow magnitudes or, with *square*, squares, of 1 to 64 channels; ValueError for what is out of range."""
    def follow(self, block: NDArray[np.float32], out: Samples, /) -> None:
        """Write into *out*, ``(n,)``, the envelope of the loudest of the channels in *block*, ``(channels, n)``."""
    def smooth(self, values: Samples, /) -> None:
        """Smooth *values* in place, rises by the attack, falls by the release; one channel only."""
    def reset(self) -> None:
        """Forget the past."""
    def adopt(self, other: Envelope, /) -> None:
        """Take the state of *other*; ValueError for another number of channels or another measure."""
    @property
    def value(self) -> float:
        """The newest value, of the loudest channel."""

@final
class GateSwitch:
    """Switch with hysteresis and hold; its position goes from 0, shut, to 1, open, at a steady pace.

    It opens at a level of *open_at* and shuts when the level has been below *shut_at* for *hold* samples. The
    whole way up takes *attack* samples, the whole way down *release*.
    """

    def __new__(cls, open_at: float, shut_at: float, attack: float, hold: int, release: float) -> GateSwitch:
        """Take linear levels and times in samples; ValueError for what is out of range or *shut_at* > *open_at*."""
    def process(self, level: Samples, /) -> None:
        """Turn linear levels, ``(n,)``, into positions, in place."""
    def reset(self) -> None:
        """Be shut."""
    def adopt(self, other: GateSwitch, /) -> None:
        """Take the state of *other*."""
    @property
    def open(self) -> bool:
        """Whether it is open or opening."""
    @property
    def position(self) -> float:
        """From 0, shut, to 1, open."""

@final
class GainWindow:
    """Look-ahead gain: of gains asked for, at most 1 each, a smooth gain that is nowhere above them.

    The smallest of the newest *minimum* gains, a rise with time constant *release*, and a mean over *smooth*
    samples in a triangle. With ``minimum = smooth + k`` what comes out is at most each of the gains asked for
    ``smooth - 1`` to ``smooth - 1 + k`` samples ago.
    """

    def __new__(cls, minimum: int, smooth: int, release: float) -> GainWindow:
        """Take lengths in samples, 1 <= smooth <= minimum <= 65536; ValueError otherwise."""
    def process(self, gains: Samples, /) -> None:
        """Turn gains asked for, ``(n,)``, into gains, in place; a NaN asks for silence."""
    def reset(self) -> None:
        """Forget the past: gain 1."""
    def adopt(self, other: GainWindow, /) -> None:
        """Take the state of *other*; of one of another length, the gain it holds."""

@final
class TruePeak:
    """Largest magnitude of the signal between its samples, by interpolation (ITU-R BS.1770-5 Annex 2)."""

    def __new__(cls, taps: NDArray[np.float32], channels: int = 1) -> TruePeak:
        """Take the interpolator, shape (phases - 1, even number of taps), and the number of channels, 1 to 64.

        Row p interpolates (p + 1) / phases after the sample that lies half the taps back.
        """
    def process(self, block: NDArray[np.float32], out: Samples = ..., /) -> None:
        """Measure *block*, ``(channels, n)``; write into *out*, ``(n,)``, the peak over all channels.

        ``out[i]`` lies at or within one sample after the sample ``taps / 2`` before *i*.
        """
    def reset(self) -> None:
        """Forget the past."""
    def adopt(self, other: TruePeak, /) -> None:
        """Take the state of *other*; ValueError for another number of channels or taps."""
    @property
    def peak(self) -> float:
        """Largest magnitude so far; 1 is full scale."""

@final
class PolyphaseResampler:
    """Polyphase FIR resampler: the rate changes by (number of phases) / down.

    Blocks of any length give the same samples. Both code paths give the same bits.
    """

    def __new__(cls, phases: NDArray[np.float32], down: int, *, simd: bool = True) -> PolyphaseResampler:
        """Take *phases*, shape (up, taps): row p holds every up-th tap of the prototype, from p on.

        Raises:
            TypeError: if *phases* is no float32 buffer.
            ValueError: if its shape is another, it holds more than 2^26 taps, or *down* is out of range.
        """
    def output_samples(self, count: int, /) -> int:
        """How many samples the next block of *count* makes."""
    def process(self, block: Samples, out: Samples, /) -> None:
        """Fill *out* from *block*, both ``(n,)``; ValueError if it is not `output_samples` long."""
    def reset(self) -> None:
        """Forget the past."""
    @property
    def path(self) -> Literal["avx2", "scalar"]:
        """Code path chosen for this CPU."""

@final
class PartitionedConvolver:
    """Convolution without delay: the first *block* taps directly, the others by partitioned overlap-save.

    Blocks of any length give the same samples. Both code paths give the same bits.
    """

    def __new__(
        cls, taps: NDArray[np.float32], channels: int = 1, block: int = 256, *, simd: bool = True
    ) -> PartitionedConvolver:
        """Take *taps*, shape (1 or channels, m), for 1 to 4096 channels.

        Args:
            block: partition in samples, a power of two, 32 to 1024.

        Raises:
            TypeError: if *taps* is no float32 buffer.
            ValueError: if its shape, *channels* or *block* is out of range.
        """
    def process(self, block: NDArray[np.float32], /) -> None:
        """Filter *block*, ``(channels, n)``, in place; TypeError or ValueError for what is not writable contiguous float32."""
    def reset(self) -> None:
        """Forget the past."""
    @property
    def path(self) -> Literal["avx2", "scalar"]:
        """Code path chosen for this CPU."""

@final
class BandPowers:
    """Powers of overlapping windows of a sound in bands of its spectrum."""

    def __new__(cls, window: Samples, bank: NDArray[np.float32], hop: int) -> BandPowers:
        """Take a *window*, ``(n,)``, weights, ``(lines, bands)``, and *hop* samples from one window to the next, 1 to n.

        The transform has ``2 * (lines - 1)`` points, a power of two, n or more.

        Raises:
            TypeError: if a table is no float32 buffer.
            ValueError: for shapes that do not fit.
        """
    def measure(self, sounds: Block, powers: NDArray[np.float32], /) -> None:
        """Fill *powers*, ``(channels, windows, bands)``, from *sounds*, ``(channels, n)``; ValueError if they do not fit."""

@final
class Cepstrum:
    """Power cepstra of overlapping windows of a sound, and how far their peaks rise above their background.

    Spectra are made in float32, or where they have valleys too deep for that, as a voice without any noise has, in
    float64; cepstra are float32.
    """

    def __new__(
        cls, window: NDArray[np.float64], points: int, rate_hz: float, *, simd: bool = True
    ) -> Cepstrum:
        """Take a *window*, ``(samples,)``, which is padded with zeros to *points* of a sound at *rate_hz*.

        Raises:
            TypeError: if *window* is no float64 buffer.
            ValueError: if *points* is no power of two from 64 to 8192 or less than the window, or for a rate of 0.
        """
    @property
    def lines(self) -> int:
        """Quefrencies of a cepstrum: *points* / 2 + 1, 1 / *rate_hz* apart."""
    def powers(
        self, samples: NDArray[np.float64], starts: NDArray[np.float64], out: NDArray[np.float32], /
    ) -> int:
        """Write the power cepstra of the windows that begin at *starts*, whole numbers, into *out*, (n, lines).

        Of a window without its mean: the square of the inverse transform of ln |X|^2, where X is its spectrum as an
        integral over time in seconds.

        Returns:
            How many of them had valleys in their spectra so deep, or a neighbour that had, that float32 would not do.

        Raises:
            TypeError: for buffers of other kinds.
            ValueError: for other shapes, or if a window does not lie in *samples*.
        """
    def decibels(self, powers: NDArray[np.float32], out: NDArray[np.float32], /) -> None:
        """Write 10 log10 of *powers*, which may be *out*."""
    def smooth(
        self, rows: NDArray[np.float32], weights: NDArray[np.float32], out: NDArray[np.float32], /
    ) -> None:
        """Write weighted sums of neighbouring rows, then averaged over 10 quefrencies.

        Row i of *out*, (n, lines), is of rows i to i + taps - 1, by row i of *weights*, (n, taps). Beyond the ends of
        a row there is nothing to be averaged over.

        Raises:
            TypeError: for buffers of other kinds.
            ValueError: for other shapes.
        """
    def prominence(self, rows: NDArray[np.float32], low: int, high: int, out: NDArray[np.float64], /) -> None:
        """Find the peak of each of *rows*, cepstra in dB, between bins *low* and *high*, and the line below it.

        Each row of *out*, (n, 5), is: the peak above the line, dB; the line's slope, dB a bin; its value at bin 0; the
        peak's bin; and its dB. The line is found by Theil's incomplete method, the median of the slopes between the
        items of both halves, and the median of what is left; the peak is the highest parabola through three items.

        Raises:
            TypeError: for buffers of other kinds.
            ValueError: for other shapes or a range outside the rows.
        """
    def regression(
        self, rows: NDArray[np.float32], first: int, low: int, high: int, out: NDArray[np.float64], /
    ) -> None:
        """Write how far the greatest of each of *rows* between bins *low* and *high* is above its line, into *out*, (n,).

        The line is that of least squares through the bins from *first* on.

        Raises:
            TypeError: for buffers of other kinds.
            ValueError: for other shapes or a range outside the rows.
        """

@final
class GammatoneBank:
    """Mean powers of overlapping windows of a sound behind a bank of gammatone filters, each window from rest."""

    def __new__(
        cls, window: Samples, bank: NDArray[np.float64], hop: int, *, simd: bool = True
    ) -> GammatoneBank:
        """Take a *window*, ``(n,)``, a *bank*, ``(bands, 7)``, and *hop* samples from one window to the next, 1 to n.

        A row of the bank is the scale of the power, b1, b2 and the zeros c0 to c3 of the four sections
        ``(1 + c z^-1) / (1 + b1 z^-1 + b2 z^-2)``. Both code paths give the same bits.

        Raises:
            TypeError: if a table is no float32 or float64 buffer.
            ValueError: for shapes that do not fit, numbers that are not finite, unstable sections.
        """
    def measure(self, sound: Samples, powers: NDArray[np.float32], /) -> None:
        """Fill *powers*, ``(windows, bands)``, from *sound*, ``(n,)``: mean square times scale; ValueError if they do not fit."""
    @property
    def path(self) -> Literal["avx2", "scalar"]:
        """Code path chosen for this CPU."""

def patch_similarity(
    reference: NDArray[np.float64],
    degraded: NDArray[np.float64],
    out: NDArray[np.float64],
    weights: tuple[float, float, float],
    constants: tuple[float, float],
    *,
    simd: bool = True,
) -> None:
    """Compare *reference*, ``(frames, bands)``, with each place of *degraded*, ``(n, bands)``: its frames i to i + frames.

    Args:
        out: ``(n - frames + 1, bands)``, the mean similarity over time; both code paths give the same bits.
        weights: of a corner, an edge and the centre of the neighbourhood of 3 by 3 cells.
        constants: of luminance (C1) and of structure (C3), above 0.

    Raises:
        TypeError: if an array is no float64 buffer.
        ValueError: for shapes that do not fit.
    """

def lpc_resonances(
    sound: NDArray[np.float64],
    starts: NDArray[np.float64],
    window: NDArray[np.float64],
    out: NDArray[np.float64],
    order: int,
    emphasis: float,
    edge: float,
    /,
) -> None:
    """Fill *out*, ``(frames, order / 2, 2)``, with frequency and bandwidth of each resonance, in cycles by sample.

    Args:
        sound: ``(n,)``; a frame is sound[i] - emphasis * sound[i - 1], times the window.
        starts: ``(frames,)``, whole numbers: the first sample of each frame.
        window: ``(m,)``, m above the order.
        out: the lowest frequency first; nan where a frame has fewer, or no energy.
        order: coefficients of the prediction, even, 2 to 40.
        edge: resonances nearer to 0 or to 1/2 are left out.

    Raises:
        TypeError: if an array is no float64 buffer.
        ValueError: for shapes that do not fit, a frame that is not within the sound, or samples that are not finite.
    """

def solve_banded(band: NDArray[np.float64], right: NDArray[np.float64], /) -> None:
    """Solve a symmetric positive definite system in place: *right*, ``(n,)``, becomes the solution.

    Row i of *band*, ``(n, width)``, holds the elements (i, i), (i, i - 1) and so on; *band* is overwritten.

    Raises:
        ValueError: the matrix is not positive definite, or the shapes do not fit.
    """

@final
class PitchFrames:
    """Candidates for the pitch of frames of a sound: maxima of a normalised correlation (Boersma 1993)."""

    def __new__(
        cls,
        window: NDArray[np.float32],
        correction: NDArray[np.float32],
        *,
        period: int,
        reach: int,
        longest: int,
        candidates: int,
        least: float,
        octave_cost: float,
        cross: bool,
    ) -> PitchFrames:
        """Take *window*, shape (n,), n even, and *correction*, shape (last + 1,), of lags 0 to *last*.

        Args:
            window: what a frame is multiplied by; of a cross-correlation only its length counts.
            correction: what the autocorrelation is multiplied by, lag by lag; of a cross-correlation only its length counts.
            period: the mean of so many samples on either side of the middle is taken off a frame.
            reach: samples on either side of the middle whose peak is the intensity.
            longest: maxima are looked for at lags 2 to *longest* - 1.
            candidates: kept of each frame, 1 to 255; 1: the greatest after interpolation, at a lag above 2.
            least: a maximum has to be above it.
            octave_cost: what an octave of lag counts, where there are more than *candidates*.
            cross: forward cross-correlation of the first n samples of a frame with n + *last*.

        Raises:
            TypeError: if one is no float32 buffer.
            ValueError: for another shape or a number out of its range.
        """
    def measure(
        self,
        samples: Samples,
        left: NDArray[np.float64],
        start: NDArray[np.float64],
        peak: float,
        silent: float,
        lags: NDArray[np.float64],
        strengths: NDArray[np.float64],
        intensities: NDArray[np.float64],
        /,
    ) -> None:
        """Write the candidates of each frame: lags in samples and strengths, (frames, candidates), 0 where there are no more.

        *left* is the sample left of the middle of each frame, *start* its first one, both (frames,). *intensities*
        (frames,) are against *peak*; a frame of *silent* or less is given no candidates.

        Raises:
            TypeError: if one is no such buffer.
            ValueError: for shapes that do not fit, or a frame that does not lie in *samples*.
            RuntimeError: while another thread measures with the same object.
        """

def pitch_path(
    worth: NDArray[np.float64],
    octaves: NDArray[np.float64],
    jump: float,
    change: float,
    chosen: NDArray[np.float64],
    /,
) -> None:
    """Choose a candidate of each frame, (n,), so that the sum of their *worth*, (n, m), less the cost of changes is the greatest.

    *jump* is the cost of an octave between two candidates with voice, whose *octaves* are numbers; *change* that from one
    with voice to one without, whose *octaves* are NaN. A worth of minus infinity is no candidate.

    Raises:
        TypeError: if one is no float64 buffer.
        ValueError: for shapes that do not fit.
    """

def subsequence_dtw(reference: NDArray[np.float32], query: NDArray[np.float32], /) -> tuple[float, int]:
    """Lay *query*, ``(m, d)``, on that part of *reference*, ``(n, d)``, to which it is nearest.

    From one vector of the query to the next the reference goes on by 0.5, 1 or 2.

    Returns:
        The mean Euclidean distance of a vector of the query from where it lies, and the place of the last one.

    Raises:
        TypeError: if one is no float32 buffer.
        ValueError: for shapes that do not fit, a query longer than twice the reference, or values that are not finite.
    """

@final
class G722Encoder:
    """Encoder of ITU-T G.722 at 64 kbit/s, bit-exact; pieces of even length give the same octets as the whole."""

    def __new__(cls) -> G722Encoder: ...
    def encode(self, samples: Samples, /) -> bytes:
        """Return one octet for each two *samples*, shape (n,), at 16 kHz; n even.

        What lies outside full scale is clipped, NaN is taken as 0.

        Raises:
            TypeError: if *samples* is no float32 buffer.
            ValueError: if it has another shape, an odd length, or is not C-contiguous.
        """
    def reset(self) -> None:
        """Forget the past."""

@final
class G722Decoder:
    """Decoder of ITU-T G.722 at 64 kbit/s, bit-exact; any pieces give the same samples as the whole."""

    def __new__(cls) -> G722Decoder: ...
    def decode(self, payload: bytes, out: Samples, /) -> int:
        """Decode *payload*, any octets, into ``out[:n]`` at 16 kHz; return n, two for each octet.

        Raises:
            TypeError: if *payload* is no buffer or *out* no float32 buffer.
            ValueError: if *out* has another shape, is shorter than n, not C-contiguous or not writable.
        """
    def reset(self) -> None:
        """Forget the past."""

@final
class VlcPacketCoder:
    """Codes the parameters of VLC packets of one length; its tables are those of `dsp.codecs.vlc.tables`.

    Args:
        shape: frames of 8 ms, bands, voicing bands, bases, classes, contexts, magnitudes, length code.
        integers: the tables as int32, in the order of `dsp.codecs.vlc.tables.Tables`.
        floats: the encoder's float32: what it subtracts, ``(D,)``; its matrices, ``(bases, D, D)``, ``(T, T)``, ``(T / 2, T / 2)``.

    Raises:
        ValueError: sizes out of range, or tables that contradict themselves.
    """

    def __new__(
        cls, shape: tuple[int, int, int, int, int, int, int, int], integers: bytes, floats: bytes
    ) -> VlcPacketCoder: ...
    def encode(
        self,
        levels_db: NDArray[np.float32],
        voicing: NDArray[np.float32],
        f0_hz: NDArray[np.float32],
        voiced: NDArray[np.bool_],
        frames: int,
        step_index: int,
        bit_weight: float,
        /,
    ) -> bytes:
        """Return the payload of T or T / 2 *frames*; raises TypeError or ValueError for arrays that do not fit."""
    def decode(
        self,
        payload: bytes,
        levels: NDArray[np.int32],
        voicing: NDArray[np.int32],
        f0: NDArray[np.int32],
        frames: int,
        /,
    ) -> int:
        """Fill the arrays from a speech *payload* of this length, any bytes after the first; return the step's index.

        Raises:
            ValueError: byte 0 says something else, or an array does not fit.
        """
    def decode_parameters(
        self,
        payload: bytes,
        levels_db: NDArray[np.float32],
        voicing: NDArray[np.float32],
        f0_hz: NDArray[np.float32],
        voiced: NDArray[np.bool_],
        frames: int,
        f0_min_hz: float,
        unvoiced_f0_hz: float,
        /,
    ) -> int:
        """The same in the units of `dsp.codecs.vlc.model.PacketParameters`."""

@final
class VlcAnalysis:
    """Band energies, voicing and f0 of speech, a packet at a time (see `dsp.codecs.vlc.analysis`)."""

    def __new__(
        cls,
        sample_rate_hz: int,
        window: NDArray[np.float32],
        bands: NDArray[np.float32],
        voices: NDArray[np.float32],
        packet_samples: int,
        hop_samples: int,
        ahead_samples: int,
        f0_min_hz: float,
        f0_max_hz: float,
        floor_db: float,
        simd: bool = True,
    ) -> VlcAnalysis:
        """Take the window, ``(window_samples,)``, and the two filter banks, ``(rows, window_samples / 2 + 1)``.

        Args:
            hop_samples: between frames; a packet is whole steps of 16 ms, a hop one of them or half of it.
            ahead_samples: seen beyond the packet that is described.
            floor_db: how far below the loudest band of late the floor of the levels is.
            simd: whether wide registers may be used; both ways give the same bits.

        Raises:
            TypeError: if an array is no float32 buffer.
            ValueError: if a size or a number is out of range.
        """
    def push(
        self,
        samples: Samples,
        levels: NDArray[np.float32],
        voicing: NDArray[np.float32],
        f0: NDArray[np.float32],
        voiced: NDArray[np.float32],
        /,
    ) -> None:
        """Take the *samples* of one packet; write what was *ahead_samples* earlier into the four others.

        Args:
            levels: ``(frames, bands)``, in dB.
            voicing: ``(frames, voices)``, 0 to 1.
            f0: ``(frames,)``, in Hz.
            voiced: ``(frames,)``, 1 or 0: whether f0 is worth sending.

        Raises:
            TypeError: if one is no float32 buffer.
            ValueError: if one has another size, is not C-contiguous or cannot be written.
        """
    def reset(self) -> None:
        """Forget the past."""

@final
class VlcSynthesis:
    """Sound from band energies, voicing and f0, a packet at a time (see `dsp.codecs.vlc.synthesis`)."""

    def __new__(
        cls,
        sample_rate_hz: int,
        window: NDArray[np.float32],
        bands: NDArray[np.float32],
        gains: NDArray[np.float32],
        voices: NDArray[np.float32],
        hop_samples: int,
        passes: int,
        floor_db: float,
        seed: int,
        simd: bool = True,
    ) -> VlcSynthesis:
        """Take the window, ``(window_samples,)``, and matrices of ``window_samples / 2 + 1`` bins.

        Args:
            bands: filter bank, ``(bands, bins)``.
            gains: bins from bands, ``(bins, bands)``, two neighbours at most for each bin.
            voices: bins from voicing bands, ``(bins, voicing bands)``, likewise.
            hop_samples: a half or a quarter of the window.
            passes: corrections, 0 to 16.
            floor_db: how far below the loudest band of late the floor within the levels is.
            seed: of the noise.
            simd: whether wide registers may be used; both ways give the same bits.

        Raises:
            TypeError: if an array is no float32 buffer.
            ValueError: if a size or a number is out of range.
        """
    @property
    def most_frames(self) -> int:
        """Frames that one call takes at most."""
    def render(
        self,
        levels: NDArray[np.float32],
        voicing: NDArray[np.float32],
        f0: NDArray[np.float32],
        out: Samples,
        offset_hz: float = 0.0,
        /,
    ) -> None:
        """Write the sound of the next frames into *out*, ``(frames * hop_samples,)``.

        Args:
            levels: ``(frames, bands)``, in dB.
            voicing: ``(frames, voicing bands)``, 0 to 1.
            f0: ``(frames,)``, in Hz.
            offset_hz: added to the frequency of each harmonic.

        Raises:
            TypeError: if one is no float32 buffer.
            ValueError: if one has another size, is not C-contiguous, *out* cannot be written, or *offset_hz* is out of range.
        """
    def snapshot(self) -> bytes:
        """Return the state."""
    def restore(self, state: bytes, /) -> None:
        """Go back to *state* of such an object; ValueError for another one's."""
    def reset(self) -> None:
        """Forget the past."""

def voice_pulses(
    samples: Samples,
    f0_hz: NDArray[np.float64],
    pulses_s: NDArray[np.float64],
    sample_rate_hz: float,
    first: float,
    start_s: float,
    step_s: float,
    from_s: float,
    to_s: float,
    peak: float,
    last_s: float,
    simd: bool = True,
) -> int:
    """Fill *pulses_s* with the pulses of one voiced run, in no order, and return how many there are.

    Args:
        samples: part of a recording, ``(n,)``; what lies outside counts as silence.
        f0_hz: of the frames of the run, ``(frames,)``, none 0.
        pulses_s: room for the result, ``(m,)``; what does not fit is left out.
        sample_rate_hz: rate.
        first: place of samples[0] in the recording; sample i lies at (first + i + 0.5) / rate.
        start_s: centre of the first frame.
        step_s: from frame to frame.
        from_s: where the run begins.
        to_s: where it ends; one more pulse may lie beyond either end.
        peak: of the recording, 0 to 1.
        last_s: the last pulse before this run; far in the past if there is none.
        simd: False takes the path for a plain CPU, which gives the same bits.

    Raises:
        TypeError: if an array has another kind of number.
        ValueError: for a run without samples or frames, an F0 below 1 Hz or above half the rate, times that are not finite.
    """

def pulse_amplitudes(
    samples: Samples,
    pulses_s: NDArray[np.float64],
    amplitudes: NDArray[np.float64],
    sample_rate_hz: float,
    first: float,
    longest_s: float,
) -> None:
    """Fill *amplitudes* with the root mean square around each pulse, 0 for the first and the last.

    Args:
        samples: part of a recording, ``(n,)``.
        pulses_s: in order, ``(m,)``.
        amplitudes: ``(m,)``; under a Hann window that reaches a fifth of the period to either side.
        sample_rate_hz: rate.
        first: place of samples[0] in the recording.
        longest_s: a pulse with a longer period to either side gets 0.

    Raises:
        TypeError: if an array has another kind of number.
        ValueError: if *amplitudes* and *pulses_s* are not equally long.
    """
