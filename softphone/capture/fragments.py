"""IP datagrams put together from their fragments (RFC 791 section 3.2, RFC 8200 section 4.5)."""

from collections import OrderedDict
from dataclasses import dataclass, field

MAX_PENDING = 1024
TIMEOUT_S = 60.0
"""RFC 8200 section 4.5; what is older than this belongs to another datagram of that number."""
MAX_DATAGRAM_BYTES = 65_535


@dataclass(slots=True)
class Whole:
    """A datagram, or its first part where the rest was cut from the capture."""

    protocol: int
    payload: bytes
    length: int
    """Of the payload on the wire."""
    wire: int
    """Bytes of all its IP packets."""


@dataclass(slots=True)
class _Pending:
    since: float
    pieces: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    """Offset -> (bytes in the capture, length on the wire)."""
    end: int | None = None
    wire: int = 0
    protocol: int = 0


class Reassembly:
    """Fragments in, whole datagrams out."""

    def __init__(self) -> None:
        self._pending: OrderedDict[bytes, _Pending] = OrderedDict()
        self.unfinished = 0
        """Datagrams given up."""

    def add(
        self,
        key: bytes,
        *,
        at: float,
        protocol: int,
        offset: int,
        data: bytes,
        length: int,
        wire: int,
        more: bool,
    ) -> Whole | None:
        """Take one fragment; the datagram, when this was its last one missing.

        Args:
            key: addresses, protocol and identification.
            offset, length: of this fragment's payload; *data* is what the capture has of it.
        """
        pending = self._pending.get(key)
        if pending is not None and at - pending.since > TIMEOUT_S:
            del self._pending[key]
            self.unfinished += 1
            pending = None
        if pending is None:
            pending = self._pending[key] = _Pending(at)
            if len(self._pending) > MAX_PENDING:
                self._pending.popitem(last=False)
                self.unfinished += 1
        if offset == 0:
            pending.protocol = protocol
        if offset + length <= MAX_DATAGRAM_BYTES and offset not in pending.pieces:
            pending.pieces[offset] = (data, length)
            pending.wire += wire
            if not more:
                pending.end = offset + length
        if pending.end is None:
            return None
        parts: list[bytes] = []
        reached, whole = 0, True
        while reached < pending.end:
            piece = pending.pieces.get(reached)
            if piece is None or piece[1] == 0:
                return None
            if whole:
                parts.append(piece[0])
            whole = whole and len(piece[0]) >= piece[1]
            reached += piece[1]
        del self._pending[key]
        return Whole(pending.protocol, b"".join(parts), pending.end, pending.wire)

    def close(self) -> None:
        """Nothing more comes."""
        self.unfinished += len(self._pending)
        self._pending.clear()
