"""An RTP socket behind a simulated bad line, or behind none."""

import asyncio
import random
from typing import TYPE_CHECKING

from softphone.app.traced_socket import TracedSocket
from softphone.config import Address, LineOptions
from softphone.io.ice_socket import IceSocket
from softphone.io.line import Line
from softphone.io.rtp_socket import RtpSocket

if TYPE_CHECKING:
    from softphone.io.trace import Trace

Arrival = tuple[bytes, Address, float]


class ImpairedSocket:
    """A socket with a bad line on each direction.

    What comes in is late by as much as the line says, to the microsecond; what goes out is sent by the event loop's timer, to the
    millisecond.
    """

    needs_loop = True
    """Its timer is the event loop's."""

    def __init__(self, socket: RtpSocket | IceSocket | TracedSocket, options: LineOptions) -> None:
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._incoming, self._outgoing = (
            Line(
                random.Random(f"{options.seed} {direction}"),
                loss_pct=options.loss_pct,
                burst=options.burst,
                delay_ms=options.delay_ms,
                jitter_ms=options.jitter_ms,
            )
            for direction in ("in", "out")
        )

    @property
    def ports(self) -> tuple[int, int]:
        """Ports of RTP and RTCP."""
        return self._socket.ports

    def drain(self, now: float, *, spacing_s: float = 0.0) -> list[Arrival]:
        """What has come through the line by *now*, and when each came; see `RtpSocket.drain`."""
        for data, addr, arrival in self._socket.drain(now):
            self._incoming.put(data, addr, arrival)
        return self._incoming.release(now)

    def send(self, data: bytes, addr: Address) -> None:
        """Send when the line lets it through."""
        self._outgoing.put(data, addr, self._loop.time())
        self._let_out()

    def close(self) -> None:
        """Close the sockets; what is still on the line is lost."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._socket.close()

    def _let_out(self) -> None:
        if self._closed:
            return
        for data, addr, _ in self._outgoing.release(self._loop.time()):
            self._socket.send(data, addr)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (due := self._outgoing.next_due()) is not None:
            self._timer = self._loop.call_at(due, self._let_out)


PolledSocket = RtpSocket | IceSocket | TracedSocket | ImpairedSocket


def behind_line(
    bound: RtpSocket | IceSocket, options: LineOptions, trace: "Trace | None", host: str = ""
) -> PolledSocket:
    """*bound*, behind the line that *options* ask for; *trace* is told what passes the ports of *host*."""
    socket = bound if trace is None else TracedSocket(bound, trace, host)
    return socket if options.is_perfect else ImpairedSocket(socket, options)


def open_socket(
    host: str, ports: tuple[int, int], options: LineOptions, *, trace: "Trace | None" = None
) -> tuple[RtpSocket, PolledSocket]:
    """Bind a pair of ports on *host*: by itself, and behind the line that *options* ask for, with *trace* told what passes.

    Raises:
        EnvironmentProblem: no pair is free in the range.
    """
    bound = RtpSocket.open(host, random.Random(), ports)
    return bound, behind_line(bound, options, trace, host)
