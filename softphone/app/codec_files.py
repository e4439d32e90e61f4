"""Sound files through one codec: to a file of packets, and back."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from dsp.codecs import MAX_PACKET_MS, CodecSettings, Decoder
from dsp.errors import BitstreamError
from dsp.types import Samples
from softphone.app.codec_effects import changing_decoder
from softphone.app.codec_named import NamedCodec, named_codec
from softphone.app.wire_limit import HEADER_BYTES
from softphone.errors import UsageError
from softphone.io.audio.wavfile import FileSource
from softphone.io.dsp_faults import told_to_the_user, words
from softphone.io.packet_file import PacketFileHeader, PacketFileReader, PacketFileWriter
from softphone.io.sound_file import SoundWriter
from softphone.io.sound_format import SoundFormat
from softphone.io.speech import speech_path
from softphone.io.target import check_apart, check_target
from softphone.io.vlc_file import MODELS, VlcFileReader, VlcFileWriter, is_vlc_file
from softphone.measure_config import SpectralChange

PROGRESS_S = 0.25

Progress = Callable[[float], None]
"""Told which share is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class EncodedFile:
    """What became of a sound file."""

    codec: str
    bit_rate_bps: int
    """Asked of the encoder."""
    ptime_ms: int
    sample_rate_hz: int
    input: str
    output: str
    seconds: float
    packets: int
    payload_bytes: int
    file_bytes: int
    payload_bps: float
    """Bits of payload in a second of the time that the packets take."""
    wire_bps: float
    """With 40 bytes of IPv4, UDP and RTP headers for every packet that is not empty."""
    took_s: float
    times_real_time: float


@dataclass(frozen=True, slots=True)
class DecodedFile:
    """What became of a file of packets."""

    codec: str
    bit_rate_bps: int | None
    """What the encoder was asked for; None where its files do not say."""
    ptime_ms: int
    sample_rate_hz: int
    input: str
    output: str
    seconds: float
    packets: int
    took_s: float
    times_real_time: float


def encode_file(
    codec: NamedCodec,
    source: str,
    target: str | PathLike[str],
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> EncodedFile:
    """Encode a sound file, mixed down to mono, in bounded memory.

    Args:
        source: any sound file, or ``builtin:NAME``.
        target: the file of packets; it is there whole or not at all.

    Raises:
        SoftphoneError: what was asked for cannot be; nothing is left under the target's name.
    """
    began = time.perf_counter()
    check_apart(source, target)
    rate, settings = codec.sample_rate_hz, codec.settings
    header = PacketFileHeader(codec.spec.name, _bit_rate(settings), settings.ptime_ms, rate)
    with told_to_the_user(codec.name):
        encoder = codec.spec.make_encoder(settings)
        reader = FileSource(speech_path(source), rate)
        try:
            kind = VlcFileWriter if codec.spec.name in MODELS else PacketFileWriter
            with kind(target, header, force=force) as writer:
                total = (reader.duration_s or 0.0) * rate
                told = Telling(progress)
                left, samples, sent = codec.spec.delay_samples(settings), 0, 0
                packet: Samples = np.zeros(codec.packet_samples, dtype=np.float32)
                while True:
                    count = reader.read(packet)
                    samples += count
                    if count < packet.size:
                        if count == 0 and left <= 0:
                            break
                        packet[count:] = 0.0
                        left -= packet.size - count
                    payload = encoder.encode(packet)
                    sent += bool(payload)
                    writer.write(payload)
                    told.share(samples / max(total, 1.0))
                if samples == 0:
                    raise UsageError(f"{source} holds no audio that could be read")
                writer.commit(samples)
        finally:
            reader.close()
    seconds, took_s = samples / rate, time.perf_counter() - began
    carried_s = writer.packets * settings.ptime_ms / 1000
    return EncodedFile(
        codec=codec.name,
        bit_rate_bps=header.bit_rate_bps,
        ptime_ms=settings.ptime_ms,
        sample_rate_hz=rate,
        input=source,
        output=str(target),
        seconds=seconds,
        packets=writer.packets,
        payload_bytes=writer.payload_bytes,
        file_bytes=Path(target).stat().st_size,
        payload_bps=8 * writer.payload_bytes / carried_s,
        wire_bps=8 * (writer.payload_bytes + HEADER_BYTES * sent) / carried_s,
        took_s=took_s,
        times_real_time=seconds / took_s,
    )


def decode_file(
    source: str | PathLike[str],
    target: str | PathLike[str],
    *,
    opus: str | None = None,
    change: SpectralChange | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> DecodedFile:
    """Decode a file of packets into a sound file of the codec's rate, mono, without the codec's delay.

    Args:
        change: what a decoder of VLC is to do with its spectrum besides.

    Raises:
        SoftphoneError: what was asked for cannot be; nothing is left under the target's name.
    """
    began = time.perf_counter()
    check_apart(source, target)
    check_target(target, force=force)
    with (VlcFileReader if is_vlc_file(source) else PacketFileReader)(source) as reader:
        header = reader.header
        codec = _codec_of(header, source, opus)
        rate, settings = header.sample_rate_hz, codec.settings
        decoder = None if change in (None, SpectralChange()) else changing_decoder(codec, change)
        format = SoundFormat.of(target, _Pcm16(rate), channels=1, frames=header.samples)
        with (
            told_to_the_user(codec.name),
            SoundWriter(target, format, sample_rate_hz=rate, channels=1, force=force) as writer,
        ):
            told = Telling(progress)
            late, left = codec.spec.delay_samples(settings), header.samples
            sound = decoded_packets(codec, reader.packets(), str(source), decoder)
            for number, block in enumerate(sound):
                kept = block[min(late, block.size) :][:left]
                late -= min(late, block.size)
                left -= kept.size
                writer.write(kept[np.newaxis])
                told.share(number / max(1, header.packets))
            if left > 0:
                raise UsageError(
                    f"{source} is damaged: its packets hold {left} samples less than its header says"
                )
            writer.commit()
    took_s = time.perf_counter() - began
    seconds = header.samples / rate
    return DecodedFile(
        codec=codec.name if header.bit_rate_bps else header.codec,
        bit_rate_bps=header.bit_rate_bps or None,
        ptime_ms=header.ptime_ms,
        sample_rate_hz=rate,
        input=str(source),
        output=str(target),
        seconds=seconds,
        packets=header.packets,
        took_s=took_s,
        times_real_time=seconds / took_s,
    )


def decoded_packets(
    codec: NamedCodec, payloads: Iterator[bytes], where: str, decoder: Decoder | None = None
) -> Iterator[Samples]:
    """The sound of *payloads*, one packet after the other; each block is valid until the next.

    Args:
        decoder: None: one of the codec's own.

    Raises:
        UsageError: a payload is none of this codec; names *where* and which.
    """
    decoder = codec.spec.make_decoder(codec.settings) if decoder is None else decoder
    out: Samples = np.zeros(codec.sample_rate_hz * MAX_PACKET_MS // 1000, dtype=np.float32)
    for number, payload in enumerate(payloads):
        if not payload:
            block = out[: codec.packet_samples]
            if codec.spec.conceals:
                decoder.conceal(block)
            else:
                block[:] = 0.0
        else:
            try:
                block = out[: decoder.decode(payload, out)]
            except BitstreamError as error:
                raise UsageError(
                    f"{where} is damaged: packet {number + 1} is none of {codec.name}: {words(error)}"
                ) from None
        yield block


class Telling:
    """Tells of progress about four times a second."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._told_at = 0.0

    def share(self, done: float) -> None:
        """*done* of the work is done, from 0 to 1."""
        if self._progress is None:
            return
        now = time.perf_counter()
        if now - self._told_at >= PROGRESS_S:
            self._told_at = now
            self._progress(min(1.0, done))


@dataclass(frozen=True, slots=True)
class _Pcm16:
    """What a decoded file is written as where its container leaves it open."""

    sample_rate_hz: int
    format: str = "WAV"
    subtype: str = "PCM_16"


def _codec_of(header: PacketFileHeader, source: str | PathLike[str], opus: str | None) -> NamedCodec:
    rate = f":{header.bit_rate_bps}" if header.bit_rate_bps else ""
    try:
        codec = named_codec(f"{header.codec}{rate}@{header.ptime_ms}", opus=opus)
    except UsageError as error:
        raise type(error)(f"{source} cannot be decoded here: {error}") from None
    if codec.sample_rate_hz != header.sample_rate_hz:
        raise UsageError(
            f"{source} is damaged: {codec.name} is at {codec.sample_rate_hz} Hz, its header says {header.sample_rate_hz}"
        )
    return codec


def _bit_rate(settings: CodecSettings) -> int:
    return 0 if settings.bit_rate_bps is None else settings.bit_rate_bps
