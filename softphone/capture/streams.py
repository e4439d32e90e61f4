"""RTP streams of a capture: who sent what to whom, one row of numbers per packet, payloads left in the file.

A datagram counts as RTP by its header (RFC 3550 section 5.1: version 2, no RTCP type, all that the header promises is there); a
stream by its packets' sequence numbers going on (`RtpStream.looks_real`). Nothing of a payload is kept but its place in the file.
"""

from array import array
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from softphone.capture.datagrams import REASSEMBLED, Datagram
from softphone.capture.flows import Flow, FlowKey

HEADER_BYTES = 12
MIN_PACKETS = 10
"""A stream that no SDP speaks of has so many packets at least, ..."""
NEAR = 16
MIN_NEAR = 0.5
"""... such a share of them has a number within `NEAR` of that of the one before (other datagrams: one in 2000), ..."""
MAX_PAYLOAD_TYPES = 8
"""... no more payload types than this, ..."""
NEAR_TICKS = 1 << 22
MIN_STEADY = 0.7
"""... and of the changes of the timestamp such a share is within `NEAR_TICKS`, 47 s of video (other datagrams: one in 500)."""
_CONFIRMED_STEPS = 3
_MAX_CANDIDATES = 4096
MAX_SPILLED_BYTES = 1 << 26
"""Payloads put together from fragments, which stand nowhere in the file, are kept up to so many bytes."""
SHORT_FIRST_BYTE = 0xC0


class RtpStream:
    """One SSRC from one socket to another. Row *i* of each column is its *i*-th packet in the order of the file."""

    __slots__ = (
        *("at", "flow", "held", "key", "length", "offset", "payload_bytes", "payload_type"),
        *("sequence_number", "spilled", "ssrc", "steps", "timestamp", "wire"),
    )

    def __init__(self, key: FlowKey, ssrc: int) -> None:
        self.key = key
        self.flow = Flow(key)
        self.ssrc = ssrc
        self.at = array("d")
        """Arrival at the capturing machine, seconds since 1970."""
        self.sequence_number = array("H")
        self.timestamp = array("L" if array("I").itemsize != 4 else "I")
        self.payload_type = array("B")
        """With the marker in the highest bit."""
        self.payload_bytes = array("H")
        """Without RTP header, extension and padding; on the wire."""
        self.length = array("H")
        """Bytes of RTP on the wire, header included."""
        self.held = array("H")
        """Of these, in the capture."""
        self.wire = array("H")
        """Bytes with UDP and IP headers."""
        self.offset = array("q")
        """Of the RTP packet in the file; below 0: -1 - index into `spilled`."""
        self.spilled: list[bytes] = []
        self.steps = 0
        """Packets whose number is near that of the packet before."""

    def __len__(self) -> int:
        return len(self.at)

    def add(
        self,
        at: float,
        sequence_number: int,
        timestamp: int,
        payload_type: int,
        payload_bytes: int,
        length: int,
        held: int,
        wire: int,
        offset: int,
    ) -> None:
        """Add a row; see the columns."""
        numbers = self.sequence_number
        if numbers and (sequence_number - numbers[-1] + NEAR) & 0xFFFF <= 2 * NEAR:
            self.steps += 1
        self.at.append(at)
        numbers.append(sequence_number)
        self.timestamp.append(timestamp)
        self.payload_type.append(payload_type)
        self.payload_bytes.append(min(payload_bytes, 0xFFFF))
        self.length.append(min(length, 0xFFFF))
        self.held.append(min(held, 0xFFFF))
        self.wire.append(min(wire, 0xFFFF))
        self.offset.append(offset)

    @property
    def looks_real(self) -> bool:
        """Whether these packets can be taken for RTP without an SDP that says so."""
        count = len(self)
        if count < MIN_PACKETS or self.steps < MIN_NEAR * count:
            return False
        if len({each & 0x7F for each in set(self.payload_type)}) > MAX_PAYLOAD_TYPES:
            return False
        steps = [
            (b - a) & 0xFFFFFFFF for a, b in zip(self.timestamp[:1000], self.timestamp[1:1001], strict=False)
        ]
        moved = [step for step in steps if step]
        near = sum((step + NEAR_TICKS) & 0xFFFFFFFF <= 2 * NEAR_TICKS for step in moved)
        return bool(moved) and near >= MIN_STEADY * len(moved)


@dataclass(slots=True)
class ShortRow:
    """A datagram that may be RTP with a header of two bytes (docs/rtp-short.md); one of ours alone sends it."""

    at: float
    length: int
    held: int
    wire: int
    offset: int


class StreamCollector:
    """Datagrams -> streams."""

    def __init__(self) -> None:
        self._streams: dict[bytes, RtpStream] = {}
        self._candidates: OrderedDict[bytes, RtpStream] = OrderedDict()
        self.shorts: dict[FlowKey, list[ShortRow]] = {}
        """By flow, in the order of the file; only of flows that have whole RTP headers, too."""
        self.short_flows: set[FlowKey] = set()
        """Flows whose datagrams with a first byte from 192 on are to be kept: their SDP agreed on short headers."""
        self.spilled_bytes = 0
        self.lost_payloads = 0
        """Payloads from fragments beyond `MAX_SPILLED_BYTES`, not kept."""

    def add(self, datagram: Datagram) -> bool:
        """Take a UDP datagram; False where it is no RTP."""
        payload = datagram.payload
        if len(payload) < HEADER_BYTES or payload[0] & 0xC0 != 0x80:
            if payload[:1] >= b"\xc0" and datagram.key in self.short_flows:
                self.shorts.setdefault(datagram.key, []).append(
                    ShortRow(datagram.at, datagram.length, len(payload), datagram.wire, datagram.offset)
                )
                return True
            return False
        if 192 <= payload[1] <= 223:
            return False
        name = datagram.key + payload[8:12]
        stream = self._streams.get(name)
        if stream is None:
            stream = self._candidate(name, datagram)
            if stream is None:
                return False
        offset = datagram.offset
        if offset == REASSEMBLED:
            offset = self._spill(stream, payload)
        stream.add(
            datagram.at,
            payload[2] << 8 | payload[3],
            int.from_bytes(payload[4:8], "big"),
            payload[1],
            datagram.length - HEADER_BYTES if payload[0] == 0x80 else _payload_bytes(datagram),
            datagram.length,
            len(payload),
            datagram.wire,
            offset,
        )
        return True

    def streams(self) -> Iterator[RtpStream]:
        """All that were found, in the order in which they were seen to go on; `RtpStream.looks_real` is not asked here."""
        yield from self._streams.values()
        yield from self._candidates.values()

    def _candidate(self, name: bytes, datagram: Datagram) -> RtpStream | None:
        """The stream a packet belongs to that few packets were seen of."""
        stream = self._candidates.get(name)
        if stream is None:
            if not _is_whole(datagram):
                return None
            stream = self._candidates[name] = RtpStream(datagram.key, int.from_bytes(name[-4:], "big"))
            if len(self._candidates) > _MAX_CANDIDATES:
                self._candidates.popitem(last=False)
        elif stream.steps >= _CONFIRMED_STEPS:
            self._streams[name] = self._candidates.pop(name)
        return stream

    def _spill(self, stream: RtpStream, payload: bytes) -> int:
        if self.spilled_bytes + len(payload) > MAX_SPILLED_BYTES:
            self.lost_payloads += 1
            payload = payload[:HEADER_BYTES]
        self.spilled_bytes += len(payload)
        stream.spilled.append(payload)
        return -len(stream.spilled)


def _payload_bytes(datagram: Datagram) -> int:
    """Bytes of the payload of a packet whose header is longer than `HEADER_BYTES`, or that is padded."""
    payload, length = datagram.payload, datagram.length
    start = HEADER_BYTES + 4 * (payload[0] & 0x0F)
    if payload[0] & 0x10 and len(payload) >= start + 4:
        start += 4 + 4 * (payload[start + 2] << 8 | payload[start + 3])
    padding = payload[-1] if payload[0] & 0x20 and len(payload) == length else 0
    return max(0, length - start - padding)


def _is_whole(datagram: Datagram) -> bool:
    """Whether all that the RTP header promises is there (RFC 3550 section 5.1 and appendix A.1)."""
    payload, length = datagram.payload, datagram.length
    first = payload[0]
    start = HEADER_BYTES + 4 * (first & 0x0F)
    if first & 0x10:
        if len(payload) < start + 4:
            return (
                len(payload) < length and length >= start + 4
            )  # cut by the capture: nothing speaks against it
        start += 4 + 4 * (payload[start + 2] << 8 | payload[start + 3])
    if start > length:
        return False
    if first & 0x20 and len(payload) == length:
        return 0 < payload[-1] <= length - start
    return True
