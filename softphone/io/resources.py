"""What filters cannot make themselves: sound files, codecs and the shared libraries of engines."""

from collections.abc import Sequence

import numpy as np

from dsp.errors import ParameterError
from dsp.filters import CodecStream, Resources
from dsp.types import Block
from softphone.errors import SoftphoneError
from softphone.io.sound_file import SoundReader

MAX_AUDIO_S = 60.0
"""Longest impulse response that a filter is handed."""
_CHUNK = 65_536


def resources() -> Resources:
    """What filters are handed on this machine; nothing is loaded before a filter asks for it."""
    return Resources(read_response=read_response, open_codec=open_codec, find_library=find_library)


def read_response(name: str, sample_rate_hz: int) -> Block:
    """The impulse response in the sound file *name*, for *sample_rate_hz*, ``(channels, n)``.

    One of another rate is resampled by soxr HQ and scaled by old by new rate: its gain at each frequency stays, as a
    convolution sums more products a second at a higher rate.

    Raises:
        ParameterError: no such file, no sound, one that is too long, or a package that it needs is missing.
    """
    try:
        with SoundReader(name) as reader:
            if reader.seconds > MAX_AUDIO_S:
                raise ParameterError(
                    f"{name} is {reader.seconds:.0f} s long: wanted a sound of {MAX_AUDIO_S:.0f} s at most"
                )
            sound = np.concatenate([each.copy() for each in reader.blocks(_CHUNK)], axis=1)
            rate_hz = reader.sample_rate_hz
    except (SoftphoneError, ValueError) as error:
        raise ParameterError(str(error)) from None
    if rate_hz == sample_rate_hz:
        return sound
    try:
        import soxr
    except (ImportError, OSError) as error:
        raise ParameterError(
            f"{name} is at {rate_hz} Hz, wanted {sample_rate_hz} Hz, and soxr, which would change that, "
            f"is missing ({error}): pip install soxr"
        ) from None
    resampled = soxr.resample(np.ascontiguousarray(sound.T), rate_hz, sample_rate_hz, quality="HQ")
    return np.ascontiguousarray(resampled.T * (rate_hz / sample_rate_hz), dtype=np.float32)


def open_codec(name: str, bit_rate_bps: int | None, frame_ms: int) -> CodecStream:
    """An encoder and decoder of the codec *name*, at *bit_rate_bps* or its default, *frame_ms* to a frame.

    Raises:
        UnknownName: no such codec.
        ParameterError: a bit rate or frame length it does not have.
        LibraryMissing: its library is not on this machine.
    """
    from softphone.io.codec_path import CodecPath

    return CodecPath.open(name, bit_rate_bps, frame_ms)


def find_library(name: str) -> Sequence[str]:
    """Paths of the shared library or model *name*, the best first.

    Raises:
        LibraryMissing: there is none of that name, or it is not installed.
    """
    from softphone.io.engines import find_engine

    return find_engine(name)
