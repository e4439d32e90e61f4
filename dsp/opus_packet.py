"""Header of an Opus packet: duration and in-band FEC, read without decoding (RFC 6716 section 3)."""

from dsp.errors import BitstreamError

UNITS_PER_S = 400
"""Shortest frames per second: every Opus duration is a multiple of 2.5 ms."""
MAX_UNITS = 48
"""120 ms, the longest packet (RFC 6716 section 3.2.5, R5)."""

# RFC 6716 table 2: frame lengths by config, in units of 2.5 ms. SILK 0-11, hybrid 12-15, CELT 16-31.
_FRAME_UNITS = (4, 8, 16, 24) * 3 + (4, 8) * 2 + (1, 2, 4, 8) * 4
_FIRST_CELT_CONFIG = 16


def packet_units(payload: bytes) -> int:
    """Duration of *payload* in units of 2.5 ms.

    Raises:
        BitstreamError: if the header is cut, or says no audio or more than 120 ms.
    """
    if not payload:
        raise BitstreamError("Opus packet must have at least 1 byte, got 0")  # R1
    toc = payload[0]
    code = toc & 3
    if code == 3:
        if len(payload) < 2:
            raise BitstreamError("Opus packet of code 3 must have at least 2 bytes, got 1")  # R6
        frames = payload[1] & 0x3F
    else:
        frames = 1 if code == 0 else 2
    units = frames * _FRAME_UNITS[toc >> 3]
    if not 0 < units <= MAX_UNITS:
        raise BitstreamError(f"Opus packet must hold 2.5 to 120 ms, got {units * 2.5:g}")
    return units


def packet_samples(payload: bytes, sample_rate_hz: int) -> int:
    """Samples in *payload* at *sample_rate_hz*; raises as `packet_units`."""
    return packet_units(payload) * sample_rate_hz // UNITS_PER_S


def has_fec(payload: bytes) -> bool:
    """Whether *payload* carries a coarse copy of the frame before it (LBRR, RFC 6716 section 4.2.4)."""
    if not payload or payload[0] >> 3 >= _FIRST_CELT_CONFIG:
        return False
    start = _first_frame(payload)
    if start is None:
        return False
    toc, header = payload[0], payload[start]
    # Section 4.2.3: each channel has one bit of voice activity per 20 ms, then its LBRR bit.
    silk_frames = max(1, _FRAME_UNITS[toc >> 3] // 8)
    if header >> (7 - silk_frames) & 1:
        return True
    stereo = bool(toc & 4)
    return stereo and bool(header >> (6 - 2 * silk_frames) & 1)


def _first_frame(payload: bytes) -> int | None:
    """Where the first frame starts; None if it is empty or lies beyond the end."""
    code = payload[0] & 3
    at = 1
    lengths = 0
    if code == 2:
        lengths = 1
    elif code == 3:
        if len(payload) < 2:
            return None
        count = payload[1]
        at = 2
        if count & 0x40:  # section 3.2.5: padding; 255 means 254 and one more byte to come
            while at < len(payload) and payload[at] == 255:
                at += 1
            at += 1
        if count & 0x80:
            lengths = (count & 0x3F) - 1
    for number in range(lengths):
        if at >= len(payload) or (number == 0 and payload[at] == 0):
            return None
        at += 2 if payload[at] >= 252 else 1  # section 3.2.1
    return at if at < len(payload) else None
