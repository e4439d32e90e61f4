"""Frames of a capture file, whichever of the two formats it has."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from softphone.capture.errors import CaptureError
from softphone.capture.stats import CaptureStats
from softphone.capture.window import Window

MAGIC_BYTES = 4
"""Of a file that `is_capture` looks at."""
PCAP_MAGICS: dict[bytes, tuple[str, float]] = {
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
}
"""First bytes of a pcap file -> (byte order, seconds in a unit of the fraction)."""
PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"


@dataclass(slots=True)
class Frame:
    """One frame; nobody changes it (not frozen: a frozen one is twice as slow to make)."""

    at: float
    """Seconds since 1970."""
    link_type: int
    """LINKTYPE of tcpdump.org."""
    data: bytes
    length: int
    """On the wire; more than ``len(data)`` where the capture was cut short."""
    offset: int
    """Of *data* in the file."""


def is_capture(start: bytes) -> bool:
    """Whether a file that begins with these (at least `MAGIC_BYTES`) bytes is a capture."""
    return start[:4] in PCAP_MAGICS or start[:4] == PCAPNG_MAGIC


def frames(file: BinaryIO, stats: CaptureStats) -> Iterator[Frame]:
    """All frames of *file*, in its order; it is read forward once, and only a few MB of it are held.

    Args:
        file: at its beginning.
        stats: what is found is counted here.

    Raises:
        CaptureError: it is no capture.
    """
    window = Window(file)
    window.fill(struct.calcsize("IIII"))
    start = window.data[:MAGIC_BYTES]
    if start == PCAPNG_MAGIC:
        from softphone.capture.pcapng import read_pcapng

        return read_pcapng(window, stats)
    if start not in PCAP_MAGICS:
        raise CaptureError(
            f"a capture begins with the magic number of pcap or pcapng, got {start.hex() or 'nothing'}"
        )
    from softphone.capture.pcap import read_pcap

    return read_pcap(window, stats)
