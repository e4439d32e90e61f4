"""Serial-number arithmetic on RTP's 16 and 32 bit counters (RFC 3550 appendix A.1, RFC 1982)."""


def uint16_delta(later: int, earlier: int) -> int:
    """Signed distance from *earlier* to *later*, in [-32768, 32767]."""
    return ((later - earlier + 0x8000) & 0xFFFF) - 0x8000


def uint32_delta(later: int, earlier: int) -> int:
    """Signed distance from *earlier* to *later*, in [-2**31, 2**31 - 1]."""
    return ((later - earlier + 0x80000000) & 0xFFFFFFFF) - 0x80000000
