"""What goes between a leg's RTP session and its socket, and is counted on the way."""

from softphone.app.leg_facts import air_trace_of
from softphone.app.line import PolledSocket
from softphone.app.secure_socket import SecureSocket
from softphone.media.budget import WireBudget
from softphone.radio import CallTrace
from softphone.rtp.session import RtpSession
from softphone.rtp.stats import RtpStats


class LegWire:
    """Carries datagrams of one call, when its tick asks for it.

    Args:
        socket: where RTP and RTCP come and go.
        session: what makes and takes them.
        ip_udp_bytes: what is around each of them: headers, and what protects it.
        budget: told what was sent; None: there is no limit.
    """

    def __init__(
        self,
        socket: PolledSocket | SecureSocket,
        session: RtpSession,
        *,
        ip_udp_bytes: int,
        budget: WireBudget | None,
    ) -> None:
        self._socket = socket
        self._session = session
        self._ip_udp_bytes = ip_udp_bytes
        self._budget = budget
        self._sent: dict[int, int] = {}
        self._received: dict[int, int] = {}

    def skip_early_media(self, now: float, *, ptime_ms: int) -> None:
        """Drop what came while nobody listened, such as a ringing tone before the answer: it would count as late.

        What came within the last packet interval is in time.
        """
        for data, addr, arrival in self._socket.drain(now):
            if arrival >= now - ptime_ms / 1000:
                self._session.receive_datagram(data, addr, now=arrival)

    def drain(self, now: float) -> bool:
        """Hand the session what has arrived; whether any of it was the peer's."""
        session = self._session
        arrivals = self._socket.drain(now, spacing_s=session.packet_spacing_s)
        strangers = session.strangers
        sizes = self._received
        for data, addr, arrival in arrivals:
            sizes[len(data)] = sizes.get(len(data), 0) + 1
            session.receive_datagram(data, addr, now=arrival)
        return len(arrivals) > session.strangers - strangers

    def flush(self, now: float) -> None:
        """Send what the session has to send."""
        send, sizes = self._socket.send, self._sent
        datagrams = self._session.datagrams_to_send(now=now)
        for data, addr in datagrams:
            send(data, addr)
            sizes[len(data)] = sizes.get(len(data), 0) + 1
        if self._budget is not None:
            self._budget.spend(sum(len(data) + self._ip_udp_bytes for data, _ in datagrams))

    def air_trace(self, rtp: RtpStats, *, seconds: float) -> CallTrace:
        """What went over the air in *seconds*, without SIP."""
        return air_trace_of(rtp, self._sent, self._received, self._ip_udp_bytes, seconds=seconds)
