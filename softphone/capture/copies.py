"""Captures in which each packet stands twice: taken on all interfaces of a router, or at a mirror port of both sides."""

import numpy as np

from softphone.capture.streams import RtpStream

COPIED_SHARE = 0.9
"""A network that doubles so many of the packets is not known; a capture that sees each of them twice is common."""
COPY_WITHIN_S = 0.05
"""A copy is the same packet on another interface of the same machine."""
_LEAST = 10
_COLUMNS = (
    *("at", "sequence_number", "timestamp", "payload_type", "payload_bytes"),
    *("length", "held", "wire", "offset"),
)


def without_copies(stream: RtpStream) -> tuple[RtpStream, int]:
    """*stream* with the first of each packet only, and how many copies were left out; as it is where few packets have one."""
    count = len(stream)
    if count < 2 * _LEAST:
        return stream, 0
    number = np.array(stream.sequence_number, dtype=np.int64)
    name = np.array(stream.timestamp, dtype=np.int64) << 16 | number
    order = np.argsort(name, kind="stable")
    at = np.array(stream.at)
    same = (np.diff(name[order]) == 0) & (np.abs(np.diff(at[order])) <= COPY_WITHIN_S)
    copies = order[1:][same]
    if copies.size < COPIED_SHARE * (count - copies.size):
        return stream, 0
    keep = np.ones(count, dtype=bool)
    keep[copies] = False
    found = RtpStream(stream.key, stream.ssrc)
    for column in _COLUMNS:
        values = getattr(stream, column)
        getattr(found, column).frombytes(np.frombuffer(values, dtype=values.typecode)[keep].tobytes())
    found.spilled, found.steps = stream.spilled, stream.steps
    return found, int(copies.size)
