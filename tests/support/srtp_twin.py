"""SRTP written a second time, from the RFCs and slowly: key derivation, one packet in, one packet out.

The numbers of RFC 3711 appendix B, RFC 6188 section 7 and RFC 7714 sections 16 and 17 check this twin; the twin checks the library.
"""

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LABELS = {"key": 0, "auth": 1, "salt": 2}
"""RFC 3711 section 4.3.1; those of SRTCP are three higher (section 4.3.2)."""


def keystream(key: bytes, counter: bytes, size: int) -> bytes:
    """AES in counter mode from *counter* on (RFC 3711 section 4.1.1)."""
    return Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor().update(bytes(size))


def derive(master_key: bytes, master_salt: bytes, label: int, size: int) -> bytes:
    """Key derivation with a rate of zero (RFC 3711 section 4.3.3); a salt of 96 bits is padded (RFC 7714 section 11)."""
    salt = int.from_bytes(master_salt.ljust(14, b"\0"), "big") ^ (label << 48)
    return keystream(master_key, (salt << 16).to_bytes(16, "big"), size)


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def _header_bytes(packet: bytes) -> int:
    size = 12 + 4 * (packet[0] & 0x0F)
    return size + 4 + 4 * int.from_bytes(packet[size + 2 : size + 4], "big") if packet[0] & 0x10 else size


@dataclass(frozen=True)
class GcmKeys:
    """Session key and salt of AES-GCM (RFC 7714)."""

    key: bytes
    salt: bytes

    def rtp(self, packet: bytes, roc: int = 0) -> bytes:
        """Protect an RTP packet (section 8)."""
        size = _header_bytes(packet)
        iv = bytes(2) + packet[8:12] + roc.to_bytes(4, "big") + packet[2:4]
        sealed = AESGCM(self.key).encrypt(_xor(iv, self.salt), packet[size:], packet[:size])
        return packet[:size] + sealed

    def rtcp(self, packet: bytes, index: int, *, encrypted: bool = True) -> bytes:
        """Protect an RTCP packet (section 9)."""
        iv = bytes(2) + packet[4:8] + bytes(2) + index.to_bytes(4, "big")
        last = (index | (1 << 31 if encrypted else 0)).to_bytes(4, "big")
        head, body = (packet[:8], packet[8:]) if encrypted else (packet, b"")
        sealed = AESGCM(self.key).encrypt(_xor(iv, self.salt), body, head + last)
        return head + sealed + last


@dataclass(frozen=True)
class CmKeys:
    """Session key, salt and authentication key of AES-CM with HMAC-SHA1 (RFC 3711, RFC 6188)."""

    key: bytes
    salt: bytes
    auth: bytes
    tag_bytes: int

    def _stream(self, ssrc: bytes, index: int, size: int) -> bytes:
        counter = (
            (int.from_bytes(self.salt, "big") << 16) ^ (int.from_bytes(ssrc, "big") << 64) ^ (index << 16)
        )
        return keystream(self.key, counter.to_bytes(16, "big"), size)

    def rtp(self, packet: bytes, roc: int = 0) -> bytes:
        """Protect an RTP packet (RFC 3711 sections 3.1 and 4.2)."""
        size = _header_bytes(packet)
        index = (roc << 16) | int.from_bytes(packet[2:4], "big")
        sealed = packet[:size] + _xor(packet[size:], self._stream(packet[8:12], index, len(packet) - size))
        tag = hmac.digest(self.auth, sealed + roc.to_bytes(4, "big"), hashlib.sha1)
        return sealed + tag[: self.tag_bytes]

    def rtcp(self, packet: bytes, index: int) -> bytes:
        """Protect an RTCP packet (RFC 3711 section 3.4)."""
        sealed = packet[:8] + _xor(packet[8:], self._stream(packet[4:8], index, len(packet) - 8))
        sealed += (index | 1 << 31).to_bytes(4, "big")
        return sealed + hmac.digest(self.auth, sealed, hashlib.sha1)[:10]


def keys_of(suite: str, master: bytes, *, rtcp: bool = False) -> GcmKeys | CmKeys:
    """Derive what a packet of *suite* is protected with from master key and master salt."""
    size = 32 if "256" in suite else 16
    key, salt, shift = master[:size], master[size:], 3 if rtcp else 0
    found = {
        name: derive(key, salt, label + shift, 20 if name == "auth" else len(salt))
        for name, label in LABELS.items()
    }
    found["key"] = derive(key, salt, LABELS["key"] + shift, size)
    if "GCM" in suite:
        return GcmKeys(found["key"], found["salt"])
    return CmKeys(found["key"], found["salt"], found["auth"], 4 if suite.endswith("32") else 10)
