"""RTP and RTCP sockets of one call (RFC 3550 section 11), read at the call's own tick."""

import asyncio
import random
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.stun_client import mapped_address
from softphone.io.udp import Address, bind_udp
from softphone.rtp.packet import is_rtcp

Arrival: TypeAlias = tuple[bytes, Address, float]

DEFAULT_PORTS = (16384, 32767)
DATAGRAMS_PER_DRAIN = 200
"""Upper bound of one `drain`: a flood must not hold up the other calls."""
DATAGRAM_BYTES = 5376
"""160 ms of 16 kHz L16 and its headers."""
RTCP_DRAIN_INTERVAL_S = 0.5
RECEIVE_BUFFER_BYTES = 256 * 1024
"""Two seconds of the above, with the kernel's own overhead per packet."""

# asm-generic/socket.h; the socket module does not name it. The control message carries the same number.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("=qq")
_ANCILLARY_BYTES = 64
_HAS_TIMESTAMPS = sys.platform == "linux"


@dataclass(slots=True)
class RtpSocketStats:
    """What went wrong at the sockets of a call."""

    refused: int = 0
    """Errors of earlier datagrams (ICMP) that the system reported while reading or sending."""
    send_errors: int = 0
    """Datagrams not sent: full buffer, no route."""


class _Inlet:
    """The receiving side of one socket."""

    def __init__(self, sock: socket.socket, stats: RtpSocketStats) -> None:
        self._stats = stats
        self._receive = sock.recvmsg if hasattr(sock, "recvmsg") else _without_ancillary(sock)
        self._has_timestamps = _enable_timestamps(sock)
        self._emptied_at = time.monotonic()

    def drain(self, now: float, spacing_s: float = 0.0) -> list[Arrival]:
        """See `RtpSocket.drain`."""
        arrivals: list[Arrival] = []
        receive = self._receive
        to_monotonic = time.monotonic() - time.time() if self._has_timestamps else 0.0
        # What comes now came after there was last nothing left; that bounds the harm of a clock that is set.
        earliest, self._emptied_at = self._emptied_at, now
        for _ in range(DATAGRAMS_PER_DRAIN):
            try:
                data, ancillary, _, addr = receive(DATAGRAM_BYTES, _ANCILLARY_BYTES)
            except BlockingIOError:
                return arrivals
            except OSError:
                self._stats.refused += 1
                continue
            arrived_at = now
            for _, kind, value in ancillary:
                if kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = _TIMESPEC.unpack(value)
                    arrived_at = seconds + to_monotonic + nanoseconds * 1e-9
                    if arrived_at > now:
                        arrived_at = now
                    elif arrived_at < earliest:
                        arrived_at = earliest
            arrivals.append((data, addr[:2], arrived_at))
            if now - arrived_at < spacing_s:
                break
        self._emptied_at = earliest
        return arrivals


def _without_ancillary(sock: socket.socket) -> Callable[[int, int], tuple[bytes, list[Any], int, Any]]:
    """`recvmsg` for systems that lack it (Windows)."""

    def receive(size: int, _: int) -> tuple[bytes, list[Any], int, Any]:
        data, addr = sock.recvfrom(size)
        return data, [], 0, addr

    return receive


class RtpSocket:
    """A bound pair of sockets: RTP on an even port, RTCP on the next (RFC 3550 section 11)."""

    needs_loop = False
    """Whether what is sent may need the event loop to go on, which a tick must then wake (`softphone.io.media_clock`)."""

    def __init__(self, rtp: socket.socket, rtcp: socket.socket) -> None:
        self.stats = RtpSocketStats()
        self.shares_port = False
        """Whether RTCP goes out, and is looked for, on the port of RTP alone (RFC 5761)."""
        self._rtp = rtp
        self._rtcp = rtcp
        self._rtcp_drained_at = time.monotonic()
        self._rtp_inlet = _Inlet(rtp, self.stats)
        self._rtcp_inlet = _Inlet(rtcp, self.stats)
        rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)

    @classmethod
    def open(
        cls, host: str, rng: random.Random, ports: tuple[int, int] = DEFAULT_PORTS, *, tries: int = 1000
    ) -> "RtpSocket":
        """Bind a free pair within *ports*, both ends included.

        Args:
            host: address of this machine.
            rng: where the search starts, so that programs beside each other seldom meet.
            ports: lowest and highest port.
            tries: how many pairs are tried.

        Raises:
            UsageError: the range holds no pair of an even and the next port.
            EnvironmentProblem: no pair is free, or *host* is not this machine's.
        """
        low, high = ports
        first = low + low % 2
        pairs = (high + 1 - first) // 2
        if pairs < 1 or low < 1 or high > 65535:
            raise UsageError(
                f"RTP ports must be a range in 1-65535 with an even port and the next, got {low}-{high}"
            )
        bind_udp(host, 0, purpose="RTP").close()  # what is wrong with the address is said once, not per port
        start = rng.randrange(pairs)
        for step in range(min(pairs, tries)):
            port = first + 2 * ((start + step) % pairs)
            try:
                rtp = bind_udp(host, port, purpose="RTP")
            except EnvironmentProblem:
                continue
            try:
                rtcp = bind_udp(host, port + 1, purpose="RTCP")
            except EnvironmentProblem:
                rtp.close()
                continue
            return cls(rtp, rtcp)
        raise EnvironmentProblem(
            f"RTP wants a free pair of UDP ports on {host} between {low} and {high}, "
            f"found none: widen the range, or stop a program that uses it"
        )

    def rebind(self, host: str) -> None:
        """Go on from *host*, at the same ports, in place of an address that is gone.

        Raises:
            EnvironmentProblem: one of them is taken there, or *host* is not this machine's; all is as before.
        """
        rtp_port, rtcp_port = self.ports
        rtp = bind_udp(host, rtp_port, purpose="RTP")
        try:
            rtcp = bind_udp(host, rtcp_port, purpose="RTCP")
        except EnvironmentProblem:
            rtp.close()
            raise
        self._rtp.close()
        self._rtcp.close()
        self._rtp, self._rtcp = rtp, rtcp
        self._rtp_inlet = _Inlet(rtp, self.stats)
        self._rtcp_inlet = _Inlet(rtcp, self.stats)
        rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)

    @property
    def ports(self) -> tuple[int, int]:
        """The ports of RTP and RTCP."""
        return self._rtp.getsockname()[1], self._rtcp.getsockname()[1]

    async def mapped_by(self, server: Address) -> tuple[Address, Address]:
        """The addresses of RTP and RTCP as a STUN server sees them.

        Raises:
            UnreachableError: it does not answer.
        """
        # Both to their ends: one that went on would read a socket that is closed.
        found = await asyncio.gather(
            mapped_address(self._rtp, server), mapped_address(self._rtcp, server), return_exceptions=True
        )
        for each in found:
            if isinstance(each, BaseException):
                raise each
        rtp, rtcp = (each for each in found if not isinstance(each, BaseException))
        return rtp, rtcp

    def drain(self, now: float | None = None, *, spacing_s: float = 0.0) -> list[Arrival]:
        """Take what arrived: data, source, and when, in seconds of `time.monotonic`.

        The times are the kernel's where it gives them (Linux), so that a late reader does not look like
        jitter. RTCP is looked for every RTCP_DRAIN_INTERVAL_S only.

        Args:
            now: the reader's time, which no arrival then exceeds; None: ask the clock.
            spacing_s: the peer sends its packets so far apart. A packet that came less than that ago is taken for
                the last one, so that most calls spare the read that finds nothing; one that waits behind it is
                taken by the next call, before it is needed.
        """
        if now is None:
            now = time.monotonic()
        arrivals = self._rtp_inlet.drain(now, spacing_s)
        if not self.shares_port and now - self._rtcp_drained_at >= RTCP_DRAIN_INTERVAL_S:
            self._rtcp_drained_at = now
            arrivals += self._rtcp_inlet.drain(now)
        return arrivals

    def send(self, data: bytes, addr: Address) -> None:
        """Send *data* at once, from the RTP or the RTCP port."""
        sock = self._rtcp if not self.shares_port and is_rtcp(data) else self._rtp
        try:
            sock.sendto(data, addr)
        except ConnectionError:
            self.stats.refused += 1
        except OSError:
            self.stats.send_errors += 1

    def close(self) -> None:
        """Close both sockets."""
        self._rtp.close()
        self._rtcp.close()


def _enable_timestamps(sock: socket.socket) -> bool:
    if not _HAS_TIMESTAMPS:
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    # A 32-bit system may use another layout; then the time of reading has to do.
    return struct.calcsize("ll") == _TIMESPEC.size
