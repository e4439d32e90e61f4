"""STUN Binding: which address others see us under (RFC 8489)."""

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

MAGIC_COOKIE = 0x2112A442
HEADER_BYTES = 20
TRANSACTION_BYTES = 12
DEFAULT_PORT = 3478
RETRANSMIT_S = (0.0, 0.5, 1.5, 3.5, 7.5)
"""When a request is sent over UDP, as long as nothing answers: the first five of the seven of section 6.2.1."""

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_FINGERPRINT_XOR = 0x5354554E
_IPV4, _IPV6 = 1, 2


class StunError(ValueError):
    """Bytes that are no STUN message, or one that lacks what was asked for."""


class StunClass(IntEnum):
    """The two class bits of a message type, in their places (section 5)."""

    REQUEST = 0x000
    INDICATION = 0x010
    SUCCESS = 0x100
    ERROR = 0x110


BINDING = 0x001
_CLASS_BITS = 0x110


class Attribute(IntEnum):
    """Attributes that are understood here (section 14)."""

    MAPPED_ADDRESS = 0x0001
    ERROR_CODE = 0x0009
    XOR_MAPPED_ADDRESS = 0x0020
    SOFTWARE = 0x8022
    FINGERPRINT = 0x8028


def is_stun(data: bytes) -> bool:
    """Whether a datagram on a shared port is STUN (RFC 7983 section 7, and the magic cookie)."""
    return len(data) >= HEADER_BYTES and data[0] < 4 and data[4:8] == b"\x21\x12\xa4\x42"


@dataclass(frozen=True, slots=True)
class StunMessage:
    """One message with its attributes in their order."""

    method: int
    message_class: StunClass
    transaction_id: bytes
    """12 bytes that nobody can guess."""
    attributes: tuple[tuple[int, bytes], ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> "StunMessage":
        """Parse one datagram.

        Raises:
            StunError: it is no STUN message, is cut short, or its fingerprint is wrong.
        """
        if not is_stun(data):
            raise StunError("no STUN message: no magic cookie")
        kind, length, _, transaction_id = _HEADER.unpack_from(data)
        if length % 4 or length != len(data) - HEADER_BYTES:
            raise StunError(f"STUN message must be {length + HEADER_BYTES} bytes, got {len(data)}")
        attributes: list[tuple[int, bytes]] = []
        at = HEADER_BYTES
        while at < len(data):
            name, size = _ATTRIBUTE.unpack_from(data, at)
            start, end = at + 4, at + 4 + size
            if end > len(data):
                raise StunError(f"STUN attribute must be {size} bytes, got {len(data) - start}")
            if name == Attribute.FINGERPRINT and data[start:end] != _fingerprint(data[:at]):
                raise StunError("STUN fingerprint does not match")
            attributes.append((name, data[start:end]))
            at = end + -size % 4
        method = (kind & 0x3E00) >> 2 | (kind & 0x00E0) >> 1 | kind & 0x000F
        return cls(method, StunClass(kind & _CLASS_BITS), transaction_id, tuple(attributes))

    def __bytes__(self) -> bytes:
        body = b"".join(
            _ATTRIBUTE.pack(name, len(value)) + value + bytes(-len(value) % 4)
            for name, value in self.attributes
        )
        method = self.method
        kind = (method & 0xF80) << 2 | (method & 0x070) << 1 | method & 0x00F | self.message_class
        return _HEADER.pack(kind, len(body), MAGIC_COOKIE, self.transaction_id) + body

    def get(self, name: int) -> bytes | None:
        """The first value of that attribute; the others are ignored (section 14)."""
        return next((value for each, value in self.attributes if each == name), None)

    @property
    def mapped_address(self) -> tuple[str, int]:
        """The address that the request came from, as the server saw it.

        Raises:
            StunError: the message has none that can be read.
        """
        value = self.get(Attribute.XOR_MAPPED_ADDRESS)
        if value is not None:
            return _address(value, _mask(self.transaction_id))
        value = self.get(Attribute.MAPPED_ADDRESS)
        if value is None:
            raise StunError("STUN answer without a mapped address")
        return _address(value, bytes(16))


def binding_request(transaction_id: bytes, *, fingerprint: bool = False) -> bytes:
    """A request to be told the address that it comes from.

    Args:
        transaction_id: 12 random bytes.
        fingerprint: for a port shared with another protocol (section 7).
    """
    data = bytes(StunMessage(BINDING, StunClass.REQUEST, transaction_id))
    if not fingerprint:
        return data
    longer = data[:2] + struct.pack("!H", 8) + data[4:]
    return longer + _ATTRIBUTE.pack(Attribute.FINGERPRINT, 4) + _fingerprint(longer)


def binding_success(transaction_id: bytes, source: tuple[str, int]) -> bytes:
    """The answer to a request that came from *source*."""
    host = ip_address(source[0].partition("%")[0])
    mask = _mask(transaction_id)
    port = struct.pack("!H", source[1])
    family = _IPV4 if host.version == 4 else _IPV6
    value = bytes((0, family)) + _xor(port, mask) + _xor(host.packed, mask)
    attributes = ((int(Attribute.XOR_MAPPED_ADDRESS), value),)
    return bytes(StunMessage(BINDING, StunClass.SUCCESS, transaction_id, attributes))


def _fingerprint(before: bytes) -> bytes:
    # Section 14.7: over the message up to it, with a length that counts it.
    return struct.pack("!I", zlib.crc32(before) ^ _FINGERPRINT_XOR)


def _mask(transaction_id: bytes) -> bytes:
    return struct.pack("!I", MAGIC_COOKIE) + transaction_id


def _xor(data: bytes, mask: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(data, mask, strict=False))


def _address(value: bytes, mask: bytes) -> tuple[str, int]:
    if len(value) not in (8, 20) or value[1] != (_IPV4 if len(value) == 8 else _IPV6):
        raise StunError(f"STUN address must be 8 or 20 bytes of its family, got {len(value)}")
    (port,) = struct.unpack("!H", _xor(value[2:4], mask))
    host = _xor(value[4:], mask)
    return str(IPv4Address(host) if len(host) == 4 else IPv6Address(host)), port
