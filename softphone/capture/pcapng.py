"""The block format of captures (draft-ietf-opsawg-pcapng): several sections, several interfaces, each with its clock.

A block: type 4, total length 4, body, total length again 4; the byte order is that of its section. Known here: section header,
interface description (with if_tsresol and if_tsoffset), enhanced, simple and the obsolete packet block, interface statistics (what
the capturing machine dropped); any other block is passed over and counted.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from softphone.capture.frames import PCAPNG_MAGIC, Frame
from softphone.capture.stats import CaptureStats
from softphone.capture.window import MAX_SEARCH_BYTES, READ_BYTES, Window

MAX_BLOCK_BYTES = 16 * 1024 * 1024
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, _STATISTICS, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 5, 6
_BYTE_ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_TSRESOL, _TSOFFSET = 9, 14
_IFDROP, _OSDROP = 5, 7
_KNOWN_TYPES = frozenset((_SECTION, *range(1, 12)))


@dataclass(frozen=True, slots=True)
class _Interface:
    link_type: int
    snap_length: int
    unit: float
    offset_s: int


class _Section:
    """What the blocks of one section are read with."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.interfaces: list[_Interface] = []
        self.drops: dict[int, int] = {}
        self.head = struct.Struct(f"{order}II")
        self.enhanced = struct.Struct(f"{order}IIIII")
        self.old = struct.Struct(f"{order}HHIIII")
        self.word = struct.Struct(f"{order}I")


def read_pcapng(window: Window, stats: CaptureStats) -> Iterator[Frame]:
    """Frames of a file that begins with a section header."""
    stats.format = "pcapng"
    section = _Section("<")
    at = 0.0
    while True:
        if not window.fill(12):
            stats.truncated |= len(window.data) > window.position
            break
        data, position = window.data, window.position
        if data[position : position + 4] == PCAPNG_MAGIC:
            order = _BYTE_ORDERS.get(data[position + 8 : position + 12])
            if order is not None:
                stats.dropped_by_capture += sum(section.drops.values())
                section = _Section(order)
        kind, total = section.head.unpack_from(data, position)
        if not 12 <= total <= MAX_BLOCK_BYTES or total % 4:
            if not _damaged(window, section, stats):
                break
            continue
        if not window.fill(total):
            if window.ended and kind not in _KNOWN_TYPES:
                if not _damaged(window, section, stats):
                    break
                continue
            stats.truncated = True
            break
        data, position = window.data, window.position
        if section.word.unpack_from(data, position + total - 4)[0] != total:
            if not _damaged(window, section, stats):
                break
            continue
        window.position += total
        stats.bytes_read = window.at
        body, end = position + 8, position + total - 4
        if kind == _ENHANCED and total >= 32:
            number, high, low, captured, length = section.enhanced.unpack_from(data, body)
            start = body + 20
        elif kind == _OLD_PACKET and total >= 32:
            number, _, high, low, captured, length = section.old.unpack_from(data, body)
            start = body + 20
        elif kind == _SIMPLE and total >= 16:
            (length,) = section.word.unpack_from(data, body)
            number, high, low, start = 0, 0, 0, body + 4
            snap = section.interfaces[0].snap_length if section.interfaces else 0
            captured = min(length, snap or length, end - start)
            stats.untimed += 1
        else:
            _describe(kind, data[body:end], section, stats)
            continue
        if number >= len(section.interfaces):
            stats.unknown_interfaces += 1
            continue
        if start + captured > end:
            stats.damaged += 1
            continue
        interface = section.interfaces[number]
        if kind != _SIMPLE:
            at = interface.offset_s + (high << 32 | low) * interface.unit
        yield Frame(at, interface.link_type, data[start : start + captured], length, window.base + start)
    stats.bytes_read = window.base + len(window.data)
    stats.dropped_by_capture += sum(section.drops.values())


def _describe(kind: int, body: bytes, section: _Section, stats: CaptureStats) -> None:
    """Take a block that holds no packet."""
    order = section.order
    if kind == _INTERFACE and len(body) >= 8:
        link_type, _, snap_length = struct.unpack_from(f"{order}HHI", body)
        unit, offset_s = 1e-6, 0
        for code, value in _options(body[8:], order):
            if code == _TSRESOL and value:
                unit = 2.0 ** -(value[0] & 0x7F) if value[0] & 0x80 else 10.0 ** -value[0]
            elif code == _TSOFFSET and len(value) == 8:
                (offset_s,) = struct.unpack(f"{order}q", value)
        section.interfaces.append(_Interface(link_type, snap_length, unit, offset_s))
    elif kind == _STATISTICS and len(body) >= 12:
        (number,) = section.word.unpack_from(body)
        drops = [
            struct.unpack(f"{order}Q", value)[0]
            for code, value in _options(body[12:], order)
            if code in (_IFDROP, _OSDROP) and len(value) == 8
        ]
        section.drops[number] = sum(drops)
    elif kind not in (_SECTION, _INTERFACE, _STATISTICS, _ENHANCED, _OLD_PACKET, _SIMPLE):
        stats.unknown_blocks += 1
    elif kind != _SECTION:
        stats.damaged += 1


def _options(body: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(body):
        code, length = struct.unpack_from(f"{order}HH", body, at)
        if code == 0 or at + 4 + length > len(body):
            return
        yield code, body[at + 4 : at + 4 + length]
        at += 4 + length + (-length & 3)


def _damaged(window: Window, section: _Section, stats: CaptureStats) -> bool:
    """Move on to the next place that looks like a block; False where there is none."""
    stats.damaged += 1
    before = window.at
    while window.at - before < MAX_SEARCH_BYTES:
        window.position += 1
        if not window.fill(12):
            break
        window.fill(READ_BYTES)
        data, end = window.data, len(window.data)
        for position in range(window.position, end - 11):
            kind, total = section.head.unpack_from(data, position)
            if kind not in _KNOWN_TYPES or not 12 <= total <= MAX_BLOCK_BYTES or total % 4:
                continue
            if position + total <= end and section.word.unpack_from(data, position + total - 4)[0] == total:
                window.position = position
                stats.damaged_bytes += window.at - before
                return True
        window.position = max(window.position, end - 12)
    stats.damaged_bytes += window.at - before
    return False
