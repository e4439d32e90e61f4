"""Noise suppressors by others, each behind one interface: frames of a fixed length at a fixed rate, one channel.

None of them is needed; each is named with what installs it where it is missing. `at_rate` runs one at any rate.

Source: J.-M. Valin, "A hybrid DSP/deep learning approach to real-time full-band speech enhancement", MMSP 2018
(RNNoise); H. Schroeter and others, "DeepFilterNet: perceptually motivated real-time speech enhancement", Interspeech
2023; the noise suppressor of WebRTC's audio processing module. Delays were measured by correlation with speech.
"""

import ctypes
import importlib
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from dsp.errors import LibraryMissing, ParameterError
from dsp.framing import FixedBlocks
from dsp.resample import StreamResampler
from dsp.types import Block, Samples

EVERYTHING_DB = 40.0
"""From here on an engine may take away as much as it finds."""
WEBRTC_RATES_HZ = (16_000, 32_000, 48_000)
"""What its audio processing takes."""
_PCM = np.float32(32768.0)


class Engine(Protocol):
    """Takes noise away, frame by frame."""

    sample_rate_hz: int
    frame_samples: int
    delay_samples: int
    """How much later than its input a frame comes out, beyond the frame itself."""

    def process(self, frame: Samples) -> Samples:
        """Take one frame within +-1, return the next one of the output."""

    def reset(self) -> None:
        """Forget the past."""


class Webrtc:
    """WebRTC's noise suppressor, by the package ``pywebrtc-audio``.

    Args:
        sample_rate_hz: 16000, 32000 or 48000.
        amount_db: the next weaker of its four levels is taken.
    """

    LEVELS_DB = (6.0, 12.0, 18.0, 21.0)
    DELAYS = (96, 196, 335)
    """In samples, at each of the rates."""

    def __init__(self, sample_rate_hz: int, amount_db: float) -> None:
        self._package = webrtc_package()
        self._level = max(0, sum(each <= amount_db for each in self.LEVELS_DB) - 1)
        self.sample_rate_hz = sample_rate_hz
        self.frame_samples = sample_rate_hz // 100
        self.delay_samples = self.DELAYS[WEBRTC_RATES_HZ.index(sample_rate_hz)]
        self.reset()

    def process(self, frame: Samples) -> Samples:
        """See `Engine.process`."""
        out: Samples = self._suppressor.process(frame)
        return out

    def reset(self) -> None:
        """See `Engine.reset`; the package's own leaves something in its band-splitting filters."""
        self._suppressor = self._package.NoiseSuppressor(self.sample_rate_hz, 1, self._level)


class Rnnoise:
    """RNNoise, by the shared library at one of *paths*; it knows no amount, so the input is mixed in again."""

    sample_rate_hz = 48_000
    delay_samples = 960

    def __init__(self, paths: Sequence[str], amount_db: float) -> None:
        self._library = _rnnoise_library(paths)
        self.frame_samples = int(self._library.rnnoise_get_frame_size())
        self._floor = np.float32(0.0 if amount_db >= EVERYTHING_DB else 10 ** (-amount_db / 20))
        self._late: deque[Samples] = deque()
        self._end: Callable[[], object] = lambda: None
        self.reset()

    def process(self, frame: Samples) -> Samples:
        """See `Engine.process`."""
        out = frame * _PCM
        self._library.rnnoise_process_frame(self._state, out.ctypes.data, out.ctypes.data)
        out *= (np.float32(1.0) - self._floor) / _PCM
        self._late.append(frame.copy())
        out += self._floor * self._late.popleft()
        return out

    def reset(self) -> None:
        """See `Engine.reset`."""
        self._end()
        self._state = self._library.rnnoise_create(None)
        if not self._state:
            raise MemoryError("RNNoise could not make its state")
        self._end = weakref.finalize(self, self._library.rnnoise_destroy, self._state)
        silence = np.zeros(self.frame_samples, dtype=np.float32)
        self._late = deque([silence] * (self.delay_samples // self.frame_samples))


class DeepFilter:
    """DeepFilterNet 3, by the shared library at one of *paths* and a model file; 30 MB of memory for each channel."""

    sample_rate_hz = 48_000
    delay_samples = 1440

    def __init__(self, paths: Sequence[str], model: str, amount_db: float) -> None:
        self._library = _deepfilter_library(paths)
        self._model = model.encode()
        self._limit_db = 100.0 if amount_db >= EVERYTHING_DB else amount_db
        self._fresh()
        self.frame_samples = int(self._library.df_get_frame_length(self._state))

    def process(self, frame: Samples) -> Samples:
        """See `Engine.process`."""
        out = np.empty_like(frame)
        self._clean = False
        self._library.df_process_frame(self._state, frame.ctypes.data, out.ctypes.data)
        return out

    def reset(self) -> None:
        """See `Engine.reset`; it reads the model again, about 0.3 s."""
        if not self._clean:
            self._end()
            self._fresh()

    def _fresh(self) -> None:
        self._state = self._library.df_create(self._model, self._limit_db, None)
        self._end = weakref.finalize(self, self._library.df_free, self._state)
        self._clean = True


class AtRate:
    """Runs an engine on sound of one channel at *sample_rate_hz*, resampled there and back."""

    def __init__(self, engine: Engine, sample_rate_hz: int) -> None:
        self._engine = engine
        there, frame = engine.sample_rate_hz, engine.frame_samples
        self._there = StreamResampler(sample_rate_hz, there)
        self._back = StreamResampler(there, sample_rate_hz)
        # So much is ever missing: samples waiting for a full frame, and a fraction at each resampler.
        self._reserve = -(-frame * sample_rate_hz // there) + 1
        filters = (self._there.delay_samples + engine.delay_samples) * sample_rate_hz / there
        self.delay_samples = round(filters + self._back.delay_samples) + self._reserve
        self._waiting: Samples = np.zeros(0, dtype=np.float32)
        self._ready: Samples = np.zeros(self._reserve, dtype=np.float32)

    def process(self, block: Samples) -> None:
        """Work on *block* in place."""
        self._waiting = np.concatenate((self._waiting, self._there.process(block)))
        frame = self._engine.frame_samples
        whole = self._waiting.size // frame * frame
        done = [_safely(self._engine, each) for each in self._waiting[:whole].reshape(-1, frame)]
        self._waiting = self._waiting[whole:].copy()
        if done:
            self._ready = np.concatenate((self._ready, self._back.process(np.concatenate(done))))
        block[:] = self._ready[: block.size]
        self._ready = self._ready[block.size :].copy()

    def reset(self) -> None:
        """Forget the past."""
        self._engine.reset()
        self._there.reset()
        self._back.reset()
        self._waiting = np.zeros(0, dtype=np.float32)
        self._ready = np.zeros(self._reserve, dtype=np.float32)


class InFrames:
    """Runs an engine on sound of one channel at its own rate."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._frames = FixedBlocks(engine.frame_samples, 1, self._work)
        self.delay_samples = self._frames.delay_samples + engine.delay_samples

    def process(self, block: Samples) -> None:
        """Work on *block* in place."""
        self._frames.process(block[np.newaxis])

    def reset(self) -> None:
        """Forget the past."""
        self._engine.reset()
        self._frames.reset()

    def _work(self, frames: Block) -> Block:
        return _safely(self._engine, frames[0])[np.newaxis]


def at_rate(engine: Engine, sample_rate_hz: int) -> AtRate | InFrames:
    """*engine* for one channel at *sample_rate_hz*; above its own rate the band ends with the engine's."""
    return InFrames(engine) if engine.sample_rate_hz == sample_rate_hz else AtRate(engine, sample_rate_hz)


def webrtc_package() -> Any:
    """The module ``pywebrtc_audio``.

    Raises:
        LibraryMissing: it is not installed, or is not for this machine.
    """
    try:
        return importlib.import_module("pywebrtc_audio")
    except ImportError as error:
        raise LibraryMissing(
            f'the engine webrtc is not installed ({error}): pip install "softphone[webrtc]"'
        ) from None


def webrtc_rate_hz(sample_rate_hz: int) -> int:
    """Which of WebRTC's rates suits sound at *sample_rate_hz*: the next higher one, or the highest."""
    return next((rate for rate in WEBRTC_RATES_HZ if rate >= sample_rate_hz), WEBRTC_RATES_HZ[-1])


def _safely(engine: Engine, frame: Samples) -> Samples:
    """One frame, held to full scale; an engine that has lost its senses starts again."""
    out = engine.process(np.clip(frame, -1.0, 1.0))
    if not np.isfinite(out).all():
        engine.reset()
        return np.zeros_like(out)
    return out


def _load(name: str, paths: Sequence[str], declare: Callable[[Any], None]) -> Any:
    found = f"found: {', '.join(paths) or 'nothing'}"
    for path in paths:
        try:
            library = ctypes.CDLL(path)
            declare(library)
        except (OSError, AttributeError) as error:
            found = str(error)
            continue
        return library
    raise LibraryMissing(f'the engine {name} cannot be loaded ({found}): pip install "softphone[{name}]"')


def _rnnoise_library(paths: Sequence[str]) -> Any:
    def declare(library: Any) -> None:
        library.rnnoise_get_frame_size.restype = ctypes.c_int
        library.rnnoise_create.restype = ctypes.c_void_p
        library.rnnoise_create.argtypes = [ctypes.c_void_p]
        library.rnnoise_destroy.restype = None
        library.rnnoise_destroy.argtypes = [ctypes.c_void_p]
        library.rnnoise_process_frame.restype = ctypes.c_float
        library.rnnoise_process_frame.argtypes = [ctypes.c_void_p] * 3

    return _load("rnnoise", paths, declare)


def _deepfilter_library(paths: Sequence[str]) -> Any:
    def declare(library: Any) -> None:
        library.df_create.restype = ctypes.c_void_p
        # The log level came after version 0.5.6; what does not know it takes no notice.
        library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
        library.df_get_frame_length.restype = ctypes.c_size_t
        library.df_get_frame_length.argtypes = [ctypes.c_void_p]
        library.df_process_frame.restype = ctypes.c_float
        library.df_process_frame.argtypes = [ctypes.c_void_p] * 3
        library.df_free.restype = None
        library.df_free.argtypes = [ctypes.c_void_p]

    return _load("deepfilter", paths, declare)


def make_engine(
    name: str, sample_rate_hz: int, amount_db: float, find_library: Callable[[str], Sequence[str]]
) -> Engine:
    """Make the engine *name*: ``webrtc``, ``rnnoise`` or ``deepfilter``.

    Args:
        sample_rate_hz: of the sound; the engine's may be another.
        amount_db: how far noise is reduced at most.
        find_library: name of a library or model -> its paths.

    Raises:
        LibraryMissing: it is not installed.
        ParameterError: no such engine.
    """
    match name:
        case "webrtc":
            return Webrtc(webrtc_rate_hz(sample_rate_hz), amount_db)
        case "rnnoise":
            return Rnnoise(_paths(name, name, find_library), amount_db)
        case "deepfilter":
            (model, *_) = _paths(name, "deepfilter-model", find_library)
            return DeepFilter(_paths(name, name, find_library), model, amount_db)
        case _:
            raise ParameterError(f"no engine named {name!r}")


def _paths(engine: str, name: str, find_library: Callable[[str], Sequence[str]]) -> Sequence[str]:
    try:
        found = find_library(name)
    except LibraryMissing as error:
        raise LibraryMissing(
            f'the engine {engine} is not installed ({error}): pip install "softphone[{engine}]"'
        ) from None
    if not found:
        raise LibraryMissing(f'the engine {engine} is not installed: pip install "softphone[{engine}]"')
    return found
