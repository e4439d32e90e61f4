"""Serial-number arithmetic on RTP timestamps (RFC 1982)."""


def uint32_delta(later: int, earlier: int) -> int:
    """Signed distance from *earlier* to *later*, in [-2**31, 2**31 - 1]."""
    return ((later - earlier + 0x80000000) & 0xFFFFFFFF) - 0x80000000
