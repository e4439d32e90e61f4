"""Packets of a stream, read back from the capture; and those with headers of two bytes given their whole ones again."""

from collections.abc import Mapping

from softphone.capture import RtpStream, StreamCollector
from softphone.capture.streams import SHORT_FIRST_BYTE
from softphone.io.capture_file import CaptureFile
from softphone.rtp.errors import PacketError
from softphone.rtp.packet import VERSION, RtpPacket, pack_header
from softphone.rtp.short import SHORT_BYTES, ShortReceiver


class Packets:
    """Reads packets of *stream*.

    Args:
        capture: where they lie.
        stream: one of its streams.
    """

    def __init__(self, capture: CaptureFile, stream: RtpStream) -> None:
        self._at = capture.at
        self._stream = stream

    def read(self, row: int) -> bytes:
        """The packet with a whole RTP header, as much of it as was captured."""
        stream = self._stream
        offset = stream.offset[row]
        if offset < 0:
            return stream.spilled[-1 - offset]
        data = self._at(offset, stream.held[row])
        if data[:1] < bytes((SHORT_FIRST_BYTE,)):
            return data
        second = stream.payload_type[row]
        header = pack_header(
            VERSION << 6, second, stream.sequence_number[row], stream.timestamp[row], stream.ssrc
        )
        return header + data[SHORT_BYTES:]

    def payload(self, row: int) -> bytes:
        """Its payload; empty where the packet is broken."""
        try:
            return RtpPacket.parse(self.read(row)).payload
        except PacketError:
            return b""


def with_short_headers(
    capture: CaptureFile,
    collector: StreamCollector,
    streams: list[RtpStream],
    clock_rates_hz: Mapping[bytes, Mapping[int, int]],
) -> tuple[list[RtpStream], int]:
    """*streams* with the packets in place whose headers were short, and how many could not be resolved.

    Args:
        clock_rates_hz: flow -> payload type -> clock rate, as SDP says.
    """
    found = [stream for stream in streams if stream.key not in collector.shorts]
    unresolved = 0
    for key, shorts in collector.shorts.items():
        mine = [stream for stream in streams if stream.key == key]
        rates = clock_rates_hz.get(key, {})
        rows = [(stream.offset[row], stream, row) for stream in mine for row in range(len(stream))]
        merged: list[tuple[int, RtpStream | None, int]] = [
            *rows,
            *((each.offset, None, i) for i, each in enumerate(shorts)),
        ]
        merged.sort(key=lambda each: each[0])
        receiver = ShortReceiver()
        rebuilt: dict[int, RtpStream] = {stream.ssrc: RtpStream(key, stream.ssrc) for stream in mine}
        for offset, stream, row in merged:
            if stream is not None:
                _copy(stream, row, rebuilt[stream.ssrc])
                if offset >= 0:
                    _learn(receiver, capture.at(offset, stream.held[row]), rates, stream.at[row])
                continue
            short = shorts[row]
            packet = receiver.expand(capture.at(offset, short.held), short.at) if offset >= 0 else None
            if packet is None:
                unresolved += 1
                continue
            rebuilt.setdefault(packet.ssrc, RtpStream(key, packet.ssrc)).add(
                short.at, packet.sequence_number, packet.timestamp, packet.marker << 7 | packet.payload_type,
                short.length - SHORT_BYTES, short.length, short.held, short.wire, offset,
            )  # fmt: skip
        found += rebuilt.values()
    return found, unresolved


def _learn(receiver: ShortReceiver, data: bytes, rates: Mapping[int, int], at: float) -> None:
    try:
        packet = RtpPacket.parse(data)
    except PacketError:
        return
    receiver.learn(packet, rates.get(packet.payload_type), at)


def _copy(stream: RtpStream, row: int, target: RtpStream) -> None:
    offset = stream.offset[row]
    if offset < 0:
        target.spilled.append(stream.spilled[-1 - offset])
        offset = -len(target.spilled)
    target.add(
        stream.at[row], stream.sequence_number[row], stream.timestamp[row], stream.payload_type[row],
        stream.payload_bytes[row], stream.length[row], stream.held[row], stream.wire[row], offset,
    )  # fmt: skip
