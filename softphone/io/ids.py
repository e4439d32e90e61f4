"""Randomness of the shell: identifiers that must be unguessable, and the first values of an RTP stream."""

import random
import secrets
from dataclasses import dataclass, field

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
"""One case only: but for Call-ID, SIP compares identifiers without regard to case (RFC 3261 section 7.3.1)."""


class SystemIds:
    """Identifiers of SIP from the operating system's random source (RFC 3261 section 19.3)."""

    def branch(self) -> str:
        """Via branch: the magic cookie and 72 random bits (RFC 3261 section 8.1.1.7)."""
        return "z9hG4bK" + secrets.token_hex(9)

    def tag(self) -> str:
        """From or To tag; section 19.3 asks for at least 32 random bits."""
        return secrets.token_hex(5)

    def call_id(self) -> str:
        """Call-ID without a host part, so that it tells nobody our address."""
        return secrets.token_hex(10)

    def nonce(self) -> str:
        """Digest nonce or cnonce."""
        return secrets.token_hex(16)


class ShortIds(SystemIds):
    """The same in fewer characters, five random bits each, for messages that are to be short."""

    def branch(self) -> str:
        """Via branch: the magic cookie and 45 random bits; it lives for half a minute."""
        return "z9hG4bK" + _random_base32(9)

    def tag(self) -> str:
        """From or To tag: 35 random bits."""
        return _random_base32(7)

    def call_id(self) -> str:
        """Call-ID: 60 random bits."""
        return _random_base32(12)

    def nonce(self) -> str:
        """Digest nonce or cnonce: 80 random bits."""
        return _random_base32(16)


def _random_base32(characters: int) -> str:
    return "".join(secrets.choice(_BASE32) for _ in range(characters))


@dataclass(frozen=True, slots=True)
class StreamIds:
    """Random first values of one RTP stream (RFC 3550 sections 5.1 and 8.1)."""

    ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    sequence_number: int = field(default_factory=lambda: secrets.randbits(15))
    """Below 2**15, so that a short call does not wrap and SRTP's roll-over counter starts in step."""
    timestamp: int = field(default_factory=lambda: secrets.randbits(32))
    cname: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    """A short-term persistent name of 96 random bits (RFC 7022 section 4.2)."""


def seeded_rng(seed: int | None = None) -> random.Random:
    """A generator for what need not be secret: intervals, ports, a simulated line (None: any seed)."""
    return random.Random(seed)
