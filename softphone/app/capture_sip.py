"""SIP in a capture: over UDP, packed with our dictionary, and over TCP, whose segments are put in order."""

import re
from collections import OrderedDict
from dataclasses import dataclass, field

from softphone.capture import Datagram, FlowKey
from softphone.sip.dictionary import extended, is_packed, number_of, unpack
from softphone.sip.errors import DictionaryError, SipError
from softphone.sip.message import MAX_MESSAGE_BYTES, Request, Response, parse_message

MAX_CONTEXTS = 2048
MAX_STREAMS = 4096
"""TCP connections that are followed at once."""
MAX_HELD_BYTES = 1 << 18
"""Of a connection, waiting for a segment that is missing; then what is missing is given up."""
_START = re.compile(rb"(?:SIP/2\.0 [1-6][0-9]{2} |[A-Z]{3,16} (?:sips?|tel):\S{1,512} SIP/2\.0\r\n)")
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,8})[ \t]*\r\n", re.IGNORECASE)


@dataclass(slots=True)
class _Stream:
    """One direction of a TCP connection that carries SIP."""

    following: int
    """Sequence number of the next byte."""
    buffer: bytearray = field(default_factory=bytearray)
    ahead: dict[int, bytes] = field(default_factory=dict)


class SipReader:
    """Datagrams and segments -> SIP messages."""

    def __init__(self) -> None:
        self.messages = 0
        self.unreadable = 0
        """What begins like SIP and is none, or is cut."""
        self.lost_bytes = 0
        """Of TCP connections with SIP, missing in the capture."""
        self._contexts: OrderedDict[bytes, bytes] = OrderedDict()
        self._streams: OrderedDict[FlowKey, _Stream] = OrderedDict()

    def datagram(self, datagram: Datagram) -> Request | Response | None:
        """The message in a UDP datagram, if it is one."""
        data = datagram.payload
        if is_packed(data):
            return self._packed(data)
        if not _START.match(data.lstrip(b"\r\n")[:600]):
            return None
        return self._parsed(data, b"")

    def segment(self, segment: Datagram) -> list[Request | Response]:
        """The messages that a TCP segment completes."""
        key, data, number = segment.key, segment.payload, segment.sequence
        stream = self._streams.get(key)
        if segment.ends and not data:
            self._streams.pop(key, None)
            return []
        if stream is None or (number != stream.following and _far(number, stream.following)):
            if not _START.match(data[:600]):
                return []
            stream = self._streams[key] = _Stream(number)
            if len(self._streams) > MAX_STREAMS:
                self._streams.popitem(last=False)
        self._order(stream, number, data)
        return self._framed(stream)

    def _order(self, stream: _Stream, number: int, data: bytes) -> None:
        behind = (stream.following - number) & 0xFFFFFFFF
        if behind < 1 << 31:  # it begins here, or repeats what is known
            new = data[behind:]
        else:
            stream.ahead.setdefault(number, data)
            new = b""
        while True:
            stream.buffer += new
            stream.following = (stream.following + len(new)) & 0xFFFFFFFF
            found = stream.ahead.pop(stream.following, None)
            if found is None:
                break
            new = found
        if sum(map(len, stream.ahead.values())) > MAX_HELD_BYTES:
            nearest = min(stream.ahead, key=lambda each: (each - stream.following) & 0xFFFFFFFF)
            self.lost_bytes += (nearest - stream.following) & 0xFFFFFFFF
            stream.buffer.clear()
            stream.following = nearest
            self._order(stream, nearest, stream.ahead.pop(nearest))

    def _framed(self, stream: _Stream) -> list[Request | Response]:
        found: list[Request | Response] = []
        while True:
            while stream.buffer[:2] == b"\r\n":  # RFC 5626 section 4.4.1: keep-alive
                del stream.buffer[:2]
            end = stream.buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(stream.buffer) > MAX_MESSAGE_BYTES:
                    self.unreadable += 1
                    stream.buffer.clear()
                return found
            length = _LENGTH.search(stream.buffer[: end + 2])
            stop = (
                end + 4 + (int(length[1]) if length else 0)
            )  # RFC 3261 section 18.3: it must be there over TCP
            if stop - end > MAX_MESSAGE_BYTES:
                self.unreadable += 1
                stream.buffer.clear()
                return found
            if len(stream.buffer) < stop:
                return found
            message = self._parsed(bytes(stream.buffer[:stop]), b"")
            del stream.buffer[:stop]
            if message is not None:
                found.append(message)

    def _packed(self, data: bytes) -> Request | Response | None:
        try:
            message, context = unpack(data, self._contexts.get)
        except DictionaryError:
            return None  # RTP with a short header begins like this, too
        return self._parsed(message, context) if _START.match(message[:600]) else None

    def _parsed(self, data: bytes, context: bytes) -> Request | Response | None:
        # What may be named as a context later: a message with what it was packed with, and alone.
        for known in (extended(context, data), extended(b"", data)):
            self._contexts[number_of(known)] = known
        while len(self._contexts) > MAX_CONTEXTS:
            self._contexts.popitem(last=False)
        try:
            message = parse_message(data)
        except SipError:
            self.unreadable += 1
            return None
        self.messages += 1
        return message


def _far(number: int, following: int) -> bool:
    """Whether a sequence number belongs to another connection."""
    distance = (number - following) & 0xFFFFFFFF
    return 1 << 20 < distance < (1 << 32) - (1 << 20)
