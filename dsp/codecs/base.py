"""What a codec file must provide.

A codec file ends with ``SPECS = (...)``. A codec that needs a shared library gives ``CodecSpec.bind``:
it takes a `LibraryFinder` and returns the same codec, served by the first library of that list which
loads. Unbound, it tries the plain names a system linker knows. Nothing is loaded before an encoder, a
decoder or `CodecSpec.library` is asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from dsp.registry import Registry
from dsp.types import Samples

MAX_PACKET_MS = 160
"""Longest packet interval of any codec here: four frames of Codec2; VLC has 144 ms, Opus 120 (RFC 7587 section 4.2)."""

LibraryFinder = Callable[[], Sequence[str]]
"""Returns paths or linker names of one shared library, the best first."""


@dataclass(frozen=True, slots=True)
class CodecSettings:
    """What a caller asks of a codec; a codec takes the fields it knows."""

    bit_rate_bps: int | None = None
    """Payload bit rate; None for the codec's default."""
    ptime_ms: int = 20
    """Packet interval: one payload holds this much audio."""
    complexity: int = 5
    """Encoder effort, 0 to 10."""
    decoder_complexity: int | None = None
    """Decoder effort, 0 to 10; None for the library's default."""
    dtx: bool = False
    """Send nothing during silence."""
    fec: bool = False
    """Send a coarse copy of each packet within the next."""
    expected_loss_pct: int = 0
    """Packet loss the encoder prepares for, 0 to 100."""
    cbr: bool = False
    """Constant bit rate."""
    max_audio_rate_hz: int | None = None
    """Sample rate above which the peer hears nothing more; None for no limit."""


class Encoder(Protocol):
    """Samples -> payload."""

    def encode(self, samples: Samples) -> bytes:
        """Encode exactly one packet (``ptime_ms``) of samples.

        Returns:
            The payload; ``b""`` when nothing need be sent (DTX).

        Raises:
            ParameterError: if the number of samples is another.
        """


class Decoder(Protocol):
    """Payload -> samples. *out* is float32, contiguous, writable."""

    def decode(self, payload: bytes, out: Samples) -> int:
        """Decode *payload* into ``out[:n]``; *out* holds at least `MAX_PACKET_MS`.

        Returns:
            n, the number of samples written.

        Raises:
            BitstreamError: if *payload* is not one of this codec; the state is as before.
        """

    def conceal(self, out: Samples) -> None:
        """Fill all of *out* in place of lost audio; only if ``spec.conceals``, else it writes silence."""

    def recover(self, next_payload: bytes, out: Samples) -> bool:
        """Fill all of *out*, lost just before *next_payload*, from what that payload tells of it: a copy, or where it leads to.

        Returns:
            False, with *out* and the state untouched, if it tells nothing.
        """


@runtime_checkable
class Mirrorable(Protocol):
    """A decoder that can be taken back, so that a sender can try what its receiver would make of a packet."""

    def snapshot(self) -> object:
        """The state as it is now, as a copy: nothing that happens later changes it."""

    def restore(self, state: object) -> None:
        """Go back to what `snapshot` of this decoder returned; *state* stays good for more."""


@runtime_checkable
class SilenceCoder(Protocol):
    """An encoder that has a silence descriptor of its own."""

    def encode_silence(self, samples: Samples) -> bytes:
        """Take one packet of a pause in place of `Encoder.encode`.

        Returns:
            A payload that describes the background, for the decoder to make comfort noise of until the next one.

        Raises:
            ParameterError: see `Encoder.encode`.
        """


@dataclass(frozen=True, slots=True)
class CodecSpec:
    """A codec as SDP, the packetizer and the command line see it."""

    name: str
    """Registry name, lower case."""
    sdp_name: str
    """Encoding name in ``a=rtpmap`` (RFC 8866 section 6.6)."""
    clock_rate_hz: int
    """Rate of RTP timestamps; not always the sample rate."""
    channels: int
    """Channel count in ``a=rtpmap``."""
    payload_type: int | None
    """Static payload type of RFC 3551 section 6, or None for a dynamic one."""
    bit_rates_bps: tuple[int, int, int]
    """Lowest, default, highest."""
    ptimes_ms: tuple[int, ...]
    """Packet intervals the encoder can make."""
    conceals: bool
    """Whether the decoder conceals losses itself."""
    bandwidth: str
    """``narrowband``, ``wideband``, ``super-wideband`` or ``fullband``: the widest it codes."""
    sample_rate_hz: Callable[[CodecSettings], int]
    """Rate of the samples an encoder or a decoder of these settings works at."""
    fmtp: Callable[[CodecSettings], str]
    """What we want to receive, for our SDP; ``""`` for no such line."""
    apply_fmtp: Callable[[CodecSettings, Mapping[str, str]], CodecSettings]
    """The peer's fmtp limits what we send. Unreadable values are ignored."""
    payload_samples: Callable[[bytes, int], int]
    """(payload, sample_rate_hz) -> samples in it, without decoding; raises BitstreamError."""
    delay_samples: Callable[[CodecSettings], int]
    """Delay of encoder and decoder together beyond the packet itself."""
    make_encoder: Callable[[CodecSettings], Encoder]
    """Raises ParameterError, or LibraryMissing."""
    make_decoder: Callable[[CodecSettings], Decoder]
    """Raises ParameterError, or LibraryMissing."""
    library: Callable[[], str]
    """Which library serves it and what that can do, one line; raises LibraryMissing."""
    bind: Callable[[LibraryFinder], "CodecSpec"] | None = None
    """The same codec with its shared library looked for elsewhere; None for one that needs none."""
    at: Callable[[CodecSettings], "CodecSpec"] | None = None
    """The same codec at the bit rate of these settings, where `ptimes_ms` and `payload_samples` depend on it; without, they are
    those of the default. Raises ParameterError, or LibraryMissing. None where nothing depends on it."""
    bridges: bool = False
    """Whether `Decoder.recover` makes use of any next payload, not only of one that carries a copy."""
    symmetric: bool = False
    """Whether what `apply_fmtp` returns holds for both directions: the decoder is made with it, too."""


codecs: Registry[CodecSpec] = Registry("codec")


def timestamp_ticks(samples: int, spec: CodecSpec, sample_rate_hz: int) -> int:
    """RTP timestamp step for *samples* at *sample_rate_hz* (RFC 3550 section 5.1)."""
    return samples * spec.clock_rate_hz // sample_rate_hz
