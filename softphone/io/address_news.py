"""News of addresses and routes of this machine, where the kernel tells them (Linux: rtnetlink), so that nobody has to look."""

import asyncio
import contextlib
import socket
import sys

# linux/netlink.h and linux/rtnetlink.h; the socket module does not name them.
_NETLINK_ROUTE = 0
_ADDRESSES_AND_ROUTES = 0x10 | 0x40 | 0x100 | 0x400
"""RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE and the same of IPv6."""
_MAX_TAKEN = 256
SETTLE_S = 0.1
"""An address that comes is followed by its routes."""


class AddressNews:
    """Must be made by `open` and closed."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    @classmethod
    def open(cls) -> "AddressNews | None":
        """None where this system tells nothing."""
        if sys.platform != "linux":
            return None
        try:
            sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE)
        except OSError:
            return None
        try:
            sock.setblocking(False)
            sock.bind((0, _ADDRESSES_AND_ROUTES))
        except OSError:
            sock.close()
            return None
        return cls(sock)

    async def wait(self, timeout_s: float) -> None:
        """Return soon after something has changed, at the latest after *timeout_s*."""
        loop = asyncio.get_running_loop()
        changed = loop.create_future()
        loop.add_reader(self._sock, lambda: None if changed.done() else changed.set_result(None))
        try:
            await asyncio.wait((changed,), timeout=timeout_s)
        finally:
            loop.remove_reader(self._sock)
        if changed.done():
            await asyncio.sleep(SETTLE_S)
            self._take()

    def close(self) -> None:
        """Hear no more."""
        self._sock.close()

    def _take(self) -> None:
        with contextlib.suppress(
            OSError
        ):  # there is no more; or more than was kept for us, which is news as well
            for _ in range(_MAX_TAKEN):
                self._sock.recv(4096)
