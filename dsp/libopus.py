"""The C library libopus, version 1.1 or newer, called through ctypes with buffers made once.

Which library is the caller's choice: `load_opus` takes paths or linker names and looks for none by itself.
What a library can do is told by the return codes of its controls: symbols say nothing, every build from
1.5 on exports those of DRED, with or without it.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsp.errors import BitstreamError, ParameterError
from dsp.opus_packet import MAX_UNITS, UNITS_PER_S, has_fec
from dsp.shared_library import Signatures, declare, load_first
from dsp.types import Samples

OK = 0
APPLICATION_VOIP = 2048

# Controls of opus_defines.h: setters are even, the getter of each is one more.
SET_BITRATE = 4002
SET_MAX_BANDWIDTH = 4004
SET_VBR = 4006
SET_BANDWIDTH = 4008
GET_BANDWIDTH = 4009
SET_COMPLEXITY = 4010
SET_INBAND_FEC = 4012
SET_PACKET_LOSS_PERC = 4014
SET_DTX = 4016
GET_LOOKAHEAD = 4027
SET_DRED_DURATION = 4050
SET_OSCE_BWE = 4054
AUTO = -1000

BANDWIDTHS_HZ = ((1101, 8000), (1102, 12000), (1103, 16000), (1104, 24000), (1105, 48000))
"""Value of OPUS_SET_MAX_BANDWIDTH and the sample rate that carries it."""

LONGEST_FRAME_MS = 60
_MAX_PACKET_BYTES = 4000
"""opus_encode's own advice; 60 ms at 510 kb/s take 3825."""

_INSTALL = "install opuslib-next-bundled (pip) or libopus0 (Debian), or name a library in SOFTPHONE_OPUS"


@dataclass(frozen=True, slots=True)
class OpusLibrary:
    """A loaded libopus."""

    dll: Any
    path: str
    version: str

    def steers_decoder(self) -> bool:
        """Whether the decoder has a complexity: true from version 1.5 on."""
        return OpusDecoder(self, 16000).control(SET_COMPLEXITY, 7)

    def features(self) -> tuple[str, ...]:
        """Of: dtx, fec, decoder-complexity, osce-bwe, dred, deep-plc, osce."""
        encoder = OpusEncoder(self, 16000, 320)
        decoder = OpusDecoder(self, 16000)
        probes = (
            ("dtx", encoder.control(SET_DTX, 1)),
            ("fec", encoder.control(SET_INBAND_FEC, 1)),
            ("decoder-complexity", self.steers_decoder()),
            ("osce-bwe", decoder.control(SET_OSCE_BWE, 1)),
            ("dred", encoder.control(SET_DRED_DURATION, 10)),
        )
        return tuple(name for name, there in probes if there) + self._neural_parts()

    def _neural_parts(self) -> tuple[str, ...]:
        """Deep PLC (decoder complexity 5) and OSCE (7) have no control: there if they change the output."""
        encoder = OpusEncoder(self, 16000, 320)
        encoder.control(SET_BITRATE, 16000)
        encoder.control(SET_BANDWIDTH, 1103)
        phase = 2 * np.pi * 140 * np.arange(10 * 320) / 16000
        harmonics = np.arange(1, 40)[:, np.newaxis]
        buzz = (np.sin(harmonics * phase) / harmonics).sum(axis=0).astype(np.float32) * np.float32(0.1)
        payloads = [encoder.encode(block) for block in buzz.reshape(10, 320)]
        out = np.zeros(1920, dtype=np.float32)
        heard, concealed = {}, {}
        for complexity in (0, 5, 7):
            decoder = OpusDecoder(self, 16000)
            if not decoder.control(SET_COMPLEXITY, complexity):
                return ()
            for payload in payloads:
                decoder.decode(payload, out)
            heard[complexity] = out[:320].copy()
            decoder.conceal(out[:320])
            concealed[complexity] = out[:320].copy()
        return ("deep-plc",) * (not np.array_equal(concealed[0], concealed[5])) + ("osce",) * (
            not np.array_equal(heard[5], heard[7])
        )

    def __str__(self) -> str:
        return f"{self.version} ({self.path})"


def load_opus(candidates: Sequence[str]) -> OpusLibrary:
    """Load the first of *candidates*, paths or linker names, that is a libopus.

    Raises:
        LibraryMissing: if none is; the message says what to install.
    """
    return load_first(candidates, _load, needs="Opus needs the library libopus", install=_INSTALL)


def _load(path: str) -> OpusLibrary:
    """Load *path* and declare what is called; OSError or AttributeError if it is no libopus."""
    dll = ctypes.CDLL(path)
    pointer, integer, int32 = ctypes.c_void_p, ctypes.c_int, ctypes.c_int32
    signatures: Signatures = {
        "opus_get_version_string": (ctypes.c_char_p, []),
        "opus_encoder_get_size": (integer, [integer]),
        "opus_encoder_init": (integer, [pointer, int32, integer, integer]),
        "opus_encode_float": (int32, [pointer, pointer, integer, pointer, int32]),
        # Variadic: the fixed arguments only are declared, so that ctypes passes the rest as such.
        "opus_encoder_ctl": (integer, [pointer, integer]),
        "opus_decoder_get_size": (integer, [integer]),
        "opus_decoder_init": (integer, [pointer, int32, integer]),
        "opus_decode_float": (integer, [pointer, ctypes.c_char_p, int32, pointer, integer, integer]),
        "opus_decoder_ctl": (integer, [pointer, integer]),
        "opus_repacketizer_get_size": (integer, []),
        "opus_repacketizer_init": (pointer, [pointer]),
        "opus_repacketizer_cat": (integer, [pointer, pointer, int32]),
        "opus_repacketizer_out": (int32, [pointer, pointer, int32]),
    }
    declare(dll, signatures)
    return OpusLibrary(dll, path, dll.opus_get_version_string().decode("ascii", "replace"))


class _State:
    """State memory of a libopus object: one flat block, which needs no destructor."""

    def __init__(self, size: int, ctl: Any) -> None:
        self._memory = ctypes.create_string_buffer(size)
        self.address = ctypes.addressof(self._memory)
        self._ctl = ctl

    def save(self) -> bytes:
        """The whole state; the library promises that a shallow copy is one."""
        return self._memory.raw

    def restore(self, state: bytes) -> None:
        """Go back to what `save` returned."""
        ctypes.memmove(self.address, state, len(state))

    def control(self, request: int, value: int) -> bool:
        """Set one control; False if the library refuses it or does not know it."""
        return bool(self._ctl(self.address, request, ctypes.c_int32(value)) == OK)

    def read(self, request: int) -> int | None:
        """Value of one control; None if the library does not know it."""
        value = ctypes.c_int32()
        return value.value if self._ctl(self.address, request, ctypes.byref(value)) == OK else None


class OpusEncoder:
    """Mono encoder of packets of one length, up to 60 ms, or 120 ms merged of two."""

    def __init__(self, library: OpusLibrary, sample_rate_hz: int, packet_samples: int) -> None:
        dll = library.dll
        self._packet_samples = packet_samples
        # Native frames of 120 ms sound worse than two of 60 ms put into one packet.
        self._parts = 2 if packet_samples * 1000 > LONGEST_FRAME_MS * sample_rate_hz else 1
        self._part_samples = packet_samples // self._parts
        self._state = _State(dll.opus_encoder_get_size(1), dll.opus_encoder_ctl)
        if dll.opus_encoder_init(self._state.address, sample_rate_hz, 1, APPLICATION_VOIP) != OK:
            raise ParameterError(f"Opus takes 8000, 12000, 16000, 24000 or 48000 Hz, got {sample_rate_hz}")
        self._encode = dll.opus_encode_float
        self._pcm: Samples = np.zeros(packet_samples, dtype=np.float32)
        self._pcm_addresses = [self._pcm.ctypes.data + 4 * i * self._part_samples for i in range(self._parts)]
        self._packet = ctypes.create_string_buffer(_MAX_PACKET_BYTES)
        self._merger = _Merger(dll) if self._parts > 1 else None
        self.control = self._state.control
        self.read = self._state.read

    def encode(self, samples: Samples) -> bytes:
        """Encode one packet; ParameterError if it is of another length."""
        if samples.shape != (self._packet_samples,):
            raise ParameterError(f"Opus packet must be {self._packet_samples} samples, got {samples.shape}")
        self._pcm[:] = samples
        if self._merger is None:
            return self._part(0)
        return self._merged(self._merger)

    def _part(self, index: int) -> bytes:
        return self._one_call(self._pcm_addresses[index], self._part_samples)

    def _one_call(self, pcm_address: int, samples: int) -> bytes:
        size = self._encode(self._state.address, pcm_address, samples, self._packet, _MAX_PACKET_BYTES)
        if size < 0:
            raise ParameterError(f"libopus refused a packet of {samples} samples with error {size}")
        return ctypes.string_at(self._packet, size)

    def _merged(self, merger: "_Merger") -> bytes:
        before = self._state.save()
        first = self._part(0)
        # Frames of one packet share mode and bandwidth (RFC 6716 section 3.1): hold what can be held.
        bandwidth = self.read(GET_BANDWIDTH)
        self.control(SET_BANDWIDTH, AUTO if bandwidth is None else bandwidth)
        second = self._part(1)
        self.control(SET_BANDWIDTH, AUTO)
        merged = merger.merge((first, second))
        if merged is None:
            # The mode changed between the two, which the encoder avoids where it is given both at once.
            self._state.restore(before)
            return self._one_call(self._pcm_addresses[0], self._packet_samples)
        return merged


class _Merger:
    """opus_repacketizer: several packets into one."""

    def __init__(self, dll: Any) -> None:
        self._state = ctypes.create_string_buffer(dll.opus_repacketizer_get_size())
        self._out = ctypes.create_string_buffer(2 * _MAX_PACKET_BYTES)
        self._dll = dll

    def merge(self, packets: Sequence[bytes]) -> bytes | None:
        """Return one packet with the frames of *packets*; None if they do not go together."""
        dll, state = self._dll, self._state
        dll.opus_repacketizer_init(state)
        for packet in packets:
            if dll.opus_repacketizer_cat(state, packet, len(packet)) != OK:
                return None
        size = dll.opus_repacketizer_out(state, self._out, len(self._out))
        return ctypes.string_at(self._out, size) if size > 0 else None


class OpusDecoder:
    """Mono decoder at one sample rate."""

    def __init__(self, library: OpusLibrary, sample_rate_hz: int) -> None:
        dll = library.dll
        self._state = _State(dll.opus_decoder_get_size(1), dll.opus_decoder_ctl)
        if dll.opus_decoder_init(self._state.address, sample_rate_hz, 1) != OK:
            raise ParameterError(f"Opus takes 8000, 12000, 16000, 24000 or 48000 Hz, got {sample_rate_hz}")
        self._decode = dll.opus_decode_float
        self._unit = sample_rate_hz // UNITS_PER_S
        self._longest = MAX_UNITS * self._unit
        self._pcm: Samples = np.zeros(self._longest, dtype=np.float32)
        self._pcm_address = self._pcm.ctypes.data
        self.control = self._state.control
        self.read = self._state.read

    def decode(self, payload: bytes, out: Samples) -> int:
        """See `dsp.codecs.base.Decoder.decode`."""
        if not payload:
            raise BitstreamError("Opus packet must have at least 1 byte, got 0")
        n = self._decode(self._state.address, payload, len(payload), self._pcm_address, self._longest, 0)
        if n < 0:
            raise BitstreamError(f"no Opus packet: libopus error {n} on {len(payload)} bytes")
        if n > out.size:
            raise ParameterError(f"out must hold {n} samples, holds {out.size}")
        out[:n] = self._pcm[:n]
        return int(n)

    def snapshot(self) -> object:
        """See `dsp.codecs.base.Mirrorable.snapshot`."""
        return self._state.save()

    def restore(self, state: object) -> None:
        """See `dsp.codecs.base.Mirrorable.restore`."""
        if not isinstance(state, bytes):
            raise ParameterError(
                f"state of an Opus decoder must be what snapshot() gave, got {type(state).__name__}"
            )
        self._state.restore(state)

    def conceal(self, out: Samples) -> None:
        """See `dsp.codecs.base.Decoder.conceal`."""
        for start in range(0, out.size, self._longest):
            piece = out[start : start + self._longest]
            units = -(-piece.size // self._unit)
            self._decode(self._state.address, None, 0, self._pcm_address, units * self._unit, 0)
            piece[:] = self._pcm[: piece.size]

    def recover(self, next_payload: bytes, out: Samples) -> bool:
        """See `dsp.codecs.base.Decoder.recover`."""
        if not has_fec(next_payload) or out.size == 0:
            return False
        early = max(0, out.size - self._longest)
        wanted = out.size - early
        frame = -(-wanted // self._unit) * self._unit
        if early:
            self.conceal(out[:early])
        n = self._decode(self._state.address, next_payload, len(next_payload), self._pcm_address, frame, 1)
        if n != frame:
            return False
        out[early:] = self._pcm[frame - wanted : frame]
        return True
