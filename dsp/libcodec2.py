"""The C library libcodec2, version 0.9 or newer, called through ctypes with buffers made once.

Which library is the caller's choice: `load_codec2` takes paths or linker names and looks for none by itself.
It tells no version; which modes it has is told by the ones it makes a codec for.

Mode, frame and bits of a frame (codec2.h and ``codec2_bits_per_frame``), checked whenever a codec is made:

====  ======  =====  ====
mode  number  ms     bits
====  ======  =====  ====
3200  0       20     64
2400  1       20     48
1600  2       40     64
1400  3       40     56
1300  4       40     52
1200  5       40     48
700C  8       40     28
450   10      40     18
====  ======  =====  ====

450 came with version 0.9 and went with 1.1.
"""

import ctypes
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.shared_library import Signatures, declare, load_first
from dsp.types import Samples

SAMPLE_RATE_HZ = 8000
_INSTALL = 'pip install "softphone[codec2]", or name a library in SOFTPHONE_CODEC2'


@dataclass(frozen=True, slots=True)
class Mode:
    """One mode of Codec2."""

    name: str
    number: int
    """CODEC2_MODE_... of codec2.h."""
    frame_ms: int
    frame_bits: int

    @property
    def bit_rate_bps(self) -> int:
        """Bits of a frame over its length."""
        return self.frame_bits * 1000 // self.frame_ms

    @property
    def frame_samples(self) -> int:
        """At `SAMPLE_RATE_HZ`."""
        return self.frame_ms * SAMPLE_RATE_HZ // 1000

    @property
    def frame_bytes(self) -> int:
        """What the library writes: a frame begins with a byte."""
        return -(-self.frame_bits // 8)


MODES = (
    Mode("3200", 0, 20, 64),
    Mode("2400", 1, 20, 48),
    Mode("1600", 2, 40, 64),
    Mode("1400", 3, 40, 56),
    Mode("1300", 4, 40, 52),
    Mode("1200", 5, 40, 48),
    Mode("700C", 8, 40, 28),
    Mode("450", 10, 40, 18),
)
"""From the highest bit rate to the lowest."""


@dataclass(frozen=True, slots=True)
class Codec2Library:
    """A loaded libcodec2."""

    dll: Any
    path: str

    def has(self, mode: Mode) -> bool:
        """Whether the library was built with *mode*."""
        state = self.dll.codec2_create(mode.number)
        if state is None:
            return False
        self.dll.codec2_destroy(state)
        return True

    def modes(self) -> tuple[Mode, ...]:
        """Those of `MODES` that it has."""
        return tuple(mode for mode in MODES if self.has(mode))

    def __str__(self) -> str:
        return f"libcodec2 ({self.path})"


def load_codec2(candidates: Sequence[str]) -> Codec2Library:
    """Load the first of *candidates*, paths or linker names, that is a libcodec2.

    Raises:
        LibraryMissing: if none is; the message says what to install.
    """
    return load_first(candidates, _load, needs="Codec2 needs the library libcodec2", install=_INSTALL)


def _load(path: str) -> Codec2Library:
    """Load *path* and declare what is called; OSError or AttributeError if it is no libcodec2."""
    dll = ctypes.CDLL(path)
    pointer, integer = ctypes.c_void_p, ctypes.c_int
    signatures: Signatures = {
        "codec2_create": (pointer, [integer]),
        "codec2_destroy": (None, [pointer]),
        "codec2_encode": (None, [pointer, pointer, pointer]),
        "codec2_decode": (None, [pointer, pointer, ctypes.c_char_p]),
        "codec2_samples_per_frame": (integer, [pointer]),
        "codec2_bits_per_frame": (integer, [pointer]),
    }
    declare(dll, signatures)
    return Codec2Library(dll, path)


class Codec2:
    """Encoder and decoder of one mode, frame by frame; each direction of a stream needs its own.

    Raises:
        ParameterError: if the library has no such mode, or has it with other frames.
    """

    def __init__(self, library: Codec2Library, mode: Mode) -> None:
        dll = library.dll
        state = dll.codec2_create(mode.number)
        if state is None:
            raise ParameterError(f"{library} has no mode {mode.name}")
        weakref.finalize(self, dll.codec2_destroy, state)
        found = (dll.codec2_samples_per_frame(state), dll.codec2_bits_per_frame(state))
        if found != (mode.frame_samples, mode.frame_bits):
            wanted = f"{mode.frame_samples} samples and {mode.frame_bits} bits"
            raise ParameterError(f"a frame of mode {mode.name} must have {wanted}, {library} has {found}")
        self._state = state
        self._encode, self._decode = dll.codec2_encode, dll.codec2_decode
        self._bytes = ctypes.create_string_buffer(mode.frame_bytes)
        self._scaled: Samples = np.zeros(mode.frame_samples, dtype=np.float32)
        self._pcm: NDArray[np.int16] = np.zeros(mode.frame_samples, dtype=np.int16)
        self._pcm_address = self._pcm.ctypes.data

    def encode(self, samples: Samples) -> bytes:
        """One frame -> its bits, the first the most significant of the first byte, zeros after the last."""
        scaled = self._scaled
        np.multiply(samples, 32768.0, out=scaled)
        np.fmax(scaled, -32768.0, out=scaled)
        np.fmin(scaled, 32767.0, out=scaled)
        np.rint(scaled, out=scaled)
        np.copyto(self._pcm, scaled, casting="unsafe")
        self._encode(self._state, self._bytes, self._pcm_address)
        return self._bytes.raw

    def decode(self, frame: bytes, out: Samples) -> None:
        """What `encode` returned -> all of *out*, one frame.

        Raises:
            ParameterError: *frame* is of another length.
        """
        if len(frame) != len(self._bytes):
            raise ParameterError(f"a frame must be {len(self._bytes)} bytes, got {len(frame)}")
        self._decode(self._state, self._pcm_address, frame)
        np.multiply(self._pcm, np.float32(1 / 32768), out=out)
