"""Opus (RFC 6716) over RTP (RFC 7587), by libopus.

The library is found by whoever makes the codec: `dsp.codecs.bind_codecs` hands each spec a finder of
candidate paths. Unbound, the names a system linker knows are tried. It is loaded on first use.
"""

import functools
from collections.abc import Mapping
from dataclasses import replace

from dsp import libopus
from dsp.codecs.base import CodecSettings, CodecSpec, Decoder, Encoder, LibraryFinder
from dsp.errors import ParameterError
from dsp.libopus import OpusDecoder, OpusEncoder, OpusLibrary
from dsp.opus_packet import packet_samples
from dsp.types import Samples
from dsp.units import samples_of_ms

BIT_RATES_BPS = (6000, 16000, 510000)
"""Range of RFC 7587 section 6.1, maxaveragebitrate."""
PTIMES_MS = (10, 20, 40, 60, 120)
WIDEBAND_UP_TO_BPS = 24000
"""Up to here nothing above 8 kHz is coded worth hearing, and 16 kHz costs a third of the work."""
LONGEST_DTX_PACKET_BYTES = 2
"""A packet no longer than this need not be sent (opus_encode, DTX)."""
_SYSTEM_NAMES = ("libopus.so.0", "libopus.0.dylib", "opus.dll", "libopus-0.dll")


def _bit_rate_bps(settings: CodecSettings) -> int:
    return BIT_RATES_BPS[1] if settings.bit_rate_bps is None else settings.bit_rate_bps


def sample_rate_hz(settings: CodecSettings) -> int:
    """16 kHz up to 24 kb/s, 48 kHz above."""
    return 16000 if _bit_rate_bps(settings) <= WIDEBAND_UP_TO_BPS else 48000


def delay_samples(settings: CodecSettings) -> int:
    """6.5 ms: 2.5 ms of overlap and 4 ms to align SILK with CELT (RFC 6716 section 2)."""
    return sample_rate_hz(settings) * 13 // 2000


def fmtp(settings: CodecSettings) -> str:
    """Parameters of RFC 7587 section 6.1 for what we want to receive."""
    rate = sample_rate_hz(settings)
    wishes = []
    if rate < 48000:
        wishes += [f"maxplaybackrate={rate}", f"sprop-maxcapturerate={rate}"]
    wishes.append(f"maxaveragebitrate={_bit_rate_bps(settings)}")
    # 0 is the default (section 6.1), but there are peers that take silence for a wish for stereo.
    wishes.append("stereo=0")
    wishes += [
        f"{name}=1"
        for name, on in (("useinbandfec", settings.fec), ("usedtx", settings.dtx), ("cbr", settings.cbr))
        if on
    ]
    return ";".join(wishes)


def apply_fmtp(settings: CodecSettings, wishes: Mapping[str, str]) -> CodecSettings:
    """Limit what we send to what the peer's parameters say (RFC 7587 sections 6.1 and 7)."""
    bit_rate = _bit_rate_bps(settings)
    limit = _number(wishes, "maxaveragebitrate")
    if limit is not None and BIT_RATES_BPS[0] <= limit <= BIT_RATES_BPS[2]:
        bit_rate = min(bit_rate, limit)
    heard = _number(wishes, "maxplaybackrate")
    if heard is None or heard < 8000:
        heard = settings.max_audio_rate_hz
    elif settings.max_audio_rate_hz is not None:
        heard = min(heard, settings.max_audio_rate_hz)
    return replace(
        settings,
        bit_rate_bps=bit_rate,
        max_audio_rate_hz=heard,
        # A decoder that does not say so makes no use of FEC: the bits are better spent.
        fec=settings.fec and _number(wishes, "useinbandfec") == 1,
        # The peer's wish binds us; without it both stay ours to choose, any decoder copes.
        dtx=settings.dtx or _number(wishes, "usedtx") == 1,
        cbr=settings.cbr or _number(wishes, "cbr") == 1,
    )


def _number(wishes: Mapping[str, str], name: str) -> int | None:
    text = wishes.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


class _DtxEncoder:
    """An encoder that says nothing where libopus says nothing need be sent."""

    def __init__(self, encoder: OpusEncoder) -> None:
        self._encoder = encoder

    def encode(self, samples: Samples) -> bytes:
        """See `dsp.codecs.base.Encoder.encode`."""
        payload = self._encoder.encode(samples)
        return payload if len(payload) > LONGEST_DTX_PACKET_BYTES else b""


def _make_encoder(library: OpusLibrary, settings: CodecSettings) -> Encoder:
    bit_rate, rate = _bit_rate_bps(settings), sample_rate_hz(settings)
    if not BIT_RATES_BPS[0] <= bit_rate <= BIT_RATES_BPS[2]:
        lowest, _, highest = BIT_RATES_BPS
        raise ParameterError(f"Opus bit rate must be {lowest} to {highest}, got {bit_rate}")
    if settings.ptime_ms not in PTIMES_MS:
        raise ParameterError(f"Opus packet interval must be one of {PTIMES_MS} ms, got {settings.ptime_ms}")
    encoder = OpusEncoder(library, rate, samples_of_ms(settings.ptime_ms, rate))
    controls = [
        (libopus.SET_BITRATE, bit_rate),
        (libopus.SET_VBR, 0 if settings.cbr else 1),
        (libopus.SET_COMPLEXITY, settings.complexity),
        (libopus.SET_INBAND_FEC, int(settings.fec)),
        (libopus.SET_PACKET_LOSS_PERC, settings.expected_loss_pct),
        (libopus.SET_DTX, int(settings.dtx)),
    ]
    if settings.max_audio_rate_hz is not None:
        heard = max(8000, settings.max_audio_rate_hz)
        fitting = [value for value, hz in libopus.BANDWIDTHS_HZ if hz <= heard]
        controls.append((libopus.SET_MAX_BANDWIDTH, fitting[-1]))
    for request, value in controls:
        if not encoder.control(request, value):
            raise ParameterError(f"libopus refused {value} for control {request} of {settings}")
    return _DtxEncoder(encoder) if settings.dtx else encoder


def _make_decoder(library: OpusLibrary, settings: CodecSettings) -> Decoder:
    decoder = OpusDecoder(library, sample_rate_hz(settings))
    if settings.decoder_complexity is not None:
        if not 0 <= settings.decoder_complexity <= 10:
            raise ParameterError(f"decoder complexity must be 0 to 10, got {settings.decoder_complexity}")
        # Libraries before 1.5 know no decoder complexity; all they lack is what it would switch on.
        decoder.control(libopus.SET_COMPLEXITY, settings.decoder_complexity)
    return decoder


def _system_names() -> tuple[str, ...]:
    return _SYSTEM_NAMES


def opus_spec(find: LibraryFinder) -> CodecSpec:
    """Opus by the first library of ``find()`` that loads."""

    @functools.cache
    def library() -> OpusLibrary:
        return libopus.load_opus(find())

    def describe() -> str:
        loaded = library()
        return f"{loaded}: {', '.join(loaded.features())}"

    return CodecSpec(
        name="opus",
        sdp_name="opus",
        clock_rate_hz=48000,  # RFC 7587 section 4.1, whatever the sample rate
        channels=2,  # RFC 7587 section 7: always 2
        payload_type=None,
        bit_rates_bps=BIT_RATES_BPS,
        ptimes_ms=PTIMES_MS,
        conceals=True,
        bandwidth="fullband",
        sample_rate_hz=sample_rate_hz,
        fmtp=fmtp,
        apply_fmtp=apply_fmtp,
        payload_samples=packet_samples,
        delay_samples=delay_samples,
        make_encoder=lambda settings: _make_encoder(library(), settings),
        make_decoder=lambda settings: _make_decoder(library(), settings),
        library=describe,
        bind=opus_spec,
    )


SPECS = (opus_spec(_system_names),)
