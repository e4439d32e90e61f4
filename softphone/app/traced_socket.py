"""The trace that an account asks for, and a media socket whose datagrams are noted in it."""

from typing import TYPE_CHECKING

from softphone.config import AccountOptions, Address
from softphone.io.ice_socket import IceSocket
from softphone.io.rtp_socket import RtpSocket
from softphone.rtp.packet import is_rtcp

if TYPE_CHECKING:
    from softphone.io.trace import Trace

Arrival = tuple[bytes, Address, float]


def opened_trace(account: AccountOptions) -> "Trace | None":
    """The trace of *account*, open; None: it asks for none.

    Raises:
        EnvironmentProblem: its files cannot be written.
    """
    if account.trace is None:
        return None
    from softphone.io.trace import Trace

    return Trace(account.trace, keys=account.trace_keys)


class TracedSocket:
    """*socket* as it is, but that a trace is told of what passes: as it is on the wire, encrypted where it is encrypted.

    Args:
        host: our address, as the trace shows it.
    """

    def __init__(self, socket: RtpSocket | IceSocket, trace: "Trace", host: str) -> None:
        from softphone.io.trace import header_of

        self._socket = socket
        self._trace = trace
        self._header_of = header_of
        rtp, rtcp = socket.ports
        self._rtp, self._rtcp = (host, rtp), (host, rtcp)

    @property
    def needs_loop(self) -> bool:
        """Whether what is sent may need the event loop."""
        return self._socket.needs_loop

    @property
    def ports(self) -> tuple[int, int]:
        """Ports of RTP and RTCP."""
        return self._socket.ports

    def drain(self, now: float, *, spacing_s: float = 0.0) -> list[Arrival]:
        """What arrived; see `RtpSocket.drain`."""
        arrivals = self._socket.drain(now, spacing_s=spacing_s)
        for data, addr, arrival in arrivals:
            self._trace.rtp("<", self._header_of(data), len(data), self._near(data), addr, at=arrival)
        return arrivals

    def send(self, data: bytes, addr: Address) -> None:
        """Send at once."""
        self._trace.rtp(">", self._header_of(data), len(data), self._near(data), addr)
        self._socket.send(data, addr)

    def _near(self, data: bytes) -> Address:
        """Which of our ports *data* passes."""
        return self._rtcp if is_rtcp(data) and not self._socket.shares_port else self._rtp

    def close(self) -> None:
        """Close the sockets; the trace stays open."""
        self._socket.close()
