"""Where one SIP message ends and the next begins in a stream (RFC 3261 sections 7.5 and 18.3)."""

import enum
import re

MAX_HEADER_BYTES = 16_384
MAX_STREAM_MESSAGE_BYTES = 65_536
"""What is larger ends its connection; a peer of ours never needs it."""
PING = b"\r\n\r\n"
"""Asks for a sign of life (RFC 5626 section 3.5.1)."""
PONG = b"\r\n"

_END_OF_HEADERS = b"\r\n\r\n"
_LENGTH = re.compile(rb"\n(?:content-length|l)[ \t]*:(?:[ \t]|\r\n[ \t])*([^\r\n]*)", re.IGNORECASE)
_DIGITS = re.compile(rb"[0-9]{1,9}")


class Keepalive(enum.Enum):
    """What comes between messages (RFC 5626 section 4.4.1)."""

    PING = "ping"
    PONG = "pong"


class FramingError(Exception):
    """The stream makes no sense from here on; its connection is to be closed."""


class StreamFramer:
    """Takes a stream apart; `is_partial` tells whether a message has begun that is not whole yet."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._searched = 0
        self._needs = 0
        """Bytes of the message that has begun, once its header is whole; 0 before."""

    @property
    def is_partial(self) -> bool:
        """Whether the rest of a message is waited for."""
        return any(byte not in b"\r\n" for byte in self._pending[:4])

    def feed(self, data: bytes) -> list[bytes | Keepalive]:
        """Take *data* and return what is whole now, in order.

        Raises:
            FramingError: a message is too long, or does not say how long it is.
        """
        self._pending += data
        whole: list[bytes | Keepalive] = []
        while True:
            if not self._needs and not self._begin(whole):
                return whole
            if len(self._pending) < self._needs:
                return whole
            whole.append(bytes(self._pending[: self._needs]))
            del self._pending[: self._needs]
            self._needs = self._searched = 0

    def _begin(self, whole: list[bytes | Keepalive]) -> bool:
        """Skip what stands before a message (section 7.5) and see how long it is; False if that cannot be told yet."""
        pending = self._pending
        while pending.startswith((b"\r\n", b"\n")):
            if pending.startswith(PING):
                whole.append(Keepalive.PING)
                del pending[: len(PING)]
            elif pending == b"\r\n\r":
                return False
            else:
                whole.append(Keepalive.PONG)
                del pending[: 2 if pending.startswith(b"\r\n") else 1]
        if not pending or pending == b"\r":
            return False
        if not 0x21 <= pending[0] <= 0x7E:
            raise FramingError(
                "no SIP"
            )  # a TLS handshake, say: section 25.1 has every message begin with a token
        end = pending.find(_END_OF_HEADERS, max(0, self._searched - 3), MAX_HEADER_BYTES)
        self._searched = len(pending)
        if end < 0:
            if len(pending) >= MAX_HEADER_BYTES:
                raise FramingError(f"a header of more than {MAX_HEADER_BYTES} bytes")
            return False
        head = bytes(pending[:end])
        lengths = {found.strip() for found in _LENGTH.findall(head)}
        if len(lengths) != 1:
            # Section 20.14: over a stream each message says how long it is; two values are a smuggler's.
            raise FramingError("no Content-Length" if not lengths else "several Content-Lengths")
        length = lengths.pop()
        if not _DIGITS.fullmatch(length):
            raise FramingError("a Content-Length that is no number")
        self._needs = end + len(_END_OF_HEADERS) + int(length)
        if self._needs > MAX_STREAM_MESSAGE_BYTES:
            raise FramingError(f"a message of more than {MAX_STREAM_MESSAGE_BYTES} bytes")
        return True
