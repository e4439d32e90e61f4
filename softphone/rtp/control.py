"""RTCP of one session: when it goes out, what is in it, and what the peer's says (RFC 3550 section 6, RFC 5506)."""

from collections import deque
from collections.abc import Callable

from softphone.rtp.errors import RtcpError
from softphone.rtp.events import PeerLeft, RtpEvent, WishUnanswered
from softphone.rtp.extended import Extended
from softphone.rtp.interval import RtcpTimer
from softphone.rtp.reports import Reporter
from softphone.rtp.rtcp import App, Bye, ReceiverReport, SenderReport, parse_compound, write_compound
from softphone.rtp.sender import Ours
from softphone.rtp.stats import Reception
from softphone.rtp.wish import ModeWish
from softphone.rtp.wishes import Wishes
from softphone.rtp.xr import ExtendedReport


class Control:
    """Both directions of RTCP.

    Args:
        ours: asked, with the time, when a report is to be made.
        send: takes each datagram.
        reduced: whether reduced-size RTCP was agreed on.
        overhead_bytes: IP and UDP headers of a datagram.
        extended: where extended reports are made and read (RFC 3611).
    """

    def __init__(
        self,
        reporter: Reporter,
        timer: RtcpTimer,
        *,
        extended: Extended,
        ours: Callable[[float], Ours],
        send: Callable[[bytes], None],
        events: deque[RtpEvent],
        reduced: bool,
        overhead_bytes: int,
    ) -> None:
        self.reporter, self.timer, self.extended = reporter, timer, extended
        self.wishes = Wishes(events)
        self.reduced = reduced
        self.overhead_bytes = overhead_bytes
        self.sent_packets = self.sent_bytes = 0
        self.received_packets = self.received_bytes = 0
        self.undecodable = 0
        """Datagrams that are no RTCP, and packets in them that cannot be read."""
        self._ours = ours
        self._send = send
        self._events = events

    @property
    def due(self) -> float | None:
        """When to call `expire`."""
        report, wish = self.timer.due, self.wishes.due
        if wish is None or report is None:
            return report
        return min(report, wish)

    def expire(self, now: float, reception: Reception | None) -> None:
        """Send what is due."""
        if self.timer.due is None:
            return
        if self.timer.expire(now):
            self.report(now, reception)
        if self.wishes.expire(now):
            self._send_early(now, reception)

    def report(self, now: float, reception: Reception | None, *, bye: bytes | None = None) -> None:
        """Send a report, with a wish that waits."""
        ssrc, sent = self._ours(now)
        app = self.wishes.packet(ssrc, now) if self.wishes.pending and bye is None else None
        self._compose(ssrc, sent, reception, now, app=app, bye=bye)

    def stop(self) -> None:
        """Nothing is sent any more."""
        self.timer.stop()

    def wish(self, wish: ModeWish, now: float) -> None:
        """Tell the peer what to send."""
        self.wishes.ask(wish, now)
        if self.timer.due is None:
            self.wishes.due = None
            self._events.append(WishUnanswered(wish))

    def farewell(self, ssrc: int) -> None:
        """Say BYE for an identifier that is given up."""
        self._put(self.reporter.farewell(ssrc))

    def _send_early(self, now: float, reception: Reception | None) -> None:
        """A wish or its echo does not wait for the next report; `Wishes` bounds how often."""
        ssrc, sent = self._ours(now)
        app = self.wishes.packet(ssrc, now)
        if self.reduced:
            self._put(write_compound((app,), reduced=True))
        else:
            self._compose(ssrc, sent, reception, now, app=app)

    def _compose(
        self,
        ssrc: int,
        sent: tuple[int, int, int] | None,
        reception: Reception | None,
        now: float,
        *,
        app: App | None,
        bye: bytes | None = None,
    ) -> None:
        self._put(
            self.reporter.compose(
                ssrc=ssrc,
                sent=sent,
                reception=reception,
                app=app,
                extended=self.extended.compose(ssrc, is_sender=sent is not None, now=now),
                bye=bye,
                reduced=self.reduced,
                now=now,
            )
        )

    def _put(self, data: bytes) -> None:
        self._send(data)
        self.sent_packets += 1
        self.sent_bytes += len(data)
        self.timer.measure(len(data) + self.overhead_bytes)

    def receive(
        self, data: bytes, now: float, *, ssrc: int, first_number: int, peer: Reception | None
    ) -> None:
        """Take a datagram of the peer.

        Args:
            ssrc: ours.
            first_number: of the first packet that we sent with it.
            peer: the source heard now.
        """
        try:
            packets = parse_compound(data, reduced=self.reduced)
        except RtcpError:
            self.undecodable += 1
            return
        self.received_packets += 1
        self.received_bytes += len(data)
        self.timer.measure(len(data) + self.overhead_bytes)
        for packet in packets:
            match packet:
                case SenderReport() | ReceiverReport():
                    # Our own reports come back from an echo service.
                    if packet.ssrc != ssrc:
                        self.timer.heard(now, sent_rtp=isinstance(packet, SenderReport))
                        self.reporter.read(packet, ssrc=ssrc, first_sequence_number=first_number, now=now)
                case Bye():
                    if peer is not None and peer.ssrc in packet.ssrcs and not peer.left:
                        peer.left = True
                        self.timer.peer_left(now)
                        self._events.append(PeerLeft(packet.reason.decode("utf-8", "replace")))
                case App() if packet.ssrc != ssrc:
                    self._read_app(packet, now)
                case ExtendedReport() if packet.ssrc != ssrc:
                    self.extended.read(packet, ssrc=ssrc, now=now)
                case _:
                    pass

    def _read_app(self, app: App, now: float) -> None:
        try:
            self.wishes.receive(app, now)
        except RtcpError:
            self.undecodable += 1
