"""The classic capture format (draft-ietf-opsawg-pcap): both byte orders, micro- and nanoseconds.

File header, 24 bytes: magic 4, version 2 + 2, reserved 4 + 4, snap length 4, link type 4 (in its
lower 16 bits).
Record header, 16 bytes: seconds 4, fraction 4, bytes captured 4, bytes on the wire 4.
"""

import struct
from collections.abc import Iterator

from softphone.capture.frames import PCAP_MAGICS, Frame
from softphone.capture.stats import CaptureStats
from softphone.capture.window import MAX_SEARCH_BYTES, READ_BYTES, Window

FILE_HEADER_BYTES = 24
MAX_FRAME_BYTES = 262_144
"""The greatest snap length that libpcap takes."""
_SEARCH_S = 86_400
"""A record found behind a damaged one is of about the same time."""


def read_pcap(window: Window, stats: CaptureStats) -> Iterator[Frame]:
    """Frames of a file whose magic number is that of pcap."""
    stats.format = "pcap"
    order, unit = PCAP_MAGICS[window.data[:4]]
    if not window.fill(FILE_HEADER_BYTES):
        stats.truncated = True
        return
    snap_length, link_type = struct.unpack_from(f"{order}II", window.data, 16)
    link_type &= 0xFFFF
    limit = max(MAX_FRAME_BYTES, min(snap_length, 1 << 24))
    window.position = FILE_HEADER_BYTES
    header = struct.Struct(f"{order}IIII")
    fractions = round(1 / unit)
    last_s = 0
    while True:
        data, position = window.data, window.position
        end = len(data)
        base = window.base
        while position + 16 <= end:
            seconds, fraction, captured, length = header.unpack_from(data, position)
            if captured > limit or fraction >= fractions or captured > length > 0:
                window.position = position
                stats.damaged += 1
                before = window.at
                found = _search(window, header, limit, fractions, last_s)
                stats.damaged_bytes += window.at - before
                if not found:
                    return
                break
            start = position + 16
            if start + captured > end:
                window.position = position
                if not window.fill(16 + captured):
                    stats.truncated = True
                    stats.bytes_read = window.base + len(window.data)
                    return
                break
            last_s = seconds
            position = start + captured
            yield Frame(seconds + fraction * unit, link_type, data[start:position], length, base + start)
        else:
            window.position = position
            stats.bytes_read = window.at
            if not window.fill(16):
                stats.truncated |= len(window.data) > window.position
                stats.bytes_read = window.base + len(window.data)
                return


def _search(window: Window, header: struct.Struct, limit: int, fractions: int, last_s: int) -> bool:
    """Move on to the next place where two records follow each other; False where there is none."""
    begin = window.at
    while window.at - begin < MAX_SEARCH_BYTES:
        window.position += 1
        if not window.fill(32):
            return False
        window.fill(READ_BYTES)
        data, end = window.data, len(window.data)
        for position in range(window.position, end - 31):
            seconds, fraction, captured, length = header.unpack_from(data, position)
            if not 0 < captured <= limit or captured > length or length > limit or fraction >= fractions:
                continue
            if last_s and abs(seconds - last_s) > _SEARCH_S:
                continue
            following = position + 16 + captured
            if following + 16 > end:
                if following == end and window.ended:
                    window.position = position
                    return True
                continue
            seconds_2, fraction_2, captured_2, length_2 = header.unpack_from(data, following)
            if (
                0 < captured_2 <= min(limit, length_2)
                and fraction_2 < fractions
                and abs(seconds_2 - seconds) <= _SEARCH_S
            ):
                window.position = position
                return True
        window.position = max(window.position, end - 32)
        if window.ended:
            return False
    return False
