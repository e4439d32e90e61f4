"""Who sent a datagram to whom."""

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address

Address = tuple[str, int]
FlowKey = bytes
"""Source and destination address, then source and destination port, as in the headers: 12 bytes (IPv4) or 36 (IPv6)."""


@dataclass(frozen=True)
class Flow:
    """One direction between two sockets."""

    key: FlowKey

    @cached_property
    def source(self) -> Address:
        """Where it came from."""
        size = len(self.key) // 2 - 2
        return _host(self.key[:size]), int.from_bytes(self.key[2 * size : 2 * size + 2], "big")

    @cached_property
    def destination(self) -> Address:
        """Where it went."""
        size = len(self.key) // 2 - 2
        return _host(self.key[size : 2 * size]), int.from_bytes(self.key[2 * size + 2 :], "big")

    @property
    def mirrored(self) -> "Flow":
        """The other direction."""
        return Flow(mirrored_key(self.key))


def mirrored_key(key: FlowKey) -> FlowKey:
    """The key of the other direction."""
    size = len(key) // 2 - 2
    return key[size : 2 * size] + key[:size] + key[2 * size + 2 :] + key[2 * size : 2 * size + 2]


def _host(address: bytes) -> str:
    return str(IPv4Address(address) if len(address) == 4 else IPv6Address(address))


def shown(address: Address) -> str:
    """An address as in ``192.0.2.1:5060`` or ``[2001:db8::1]:5060``."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
