"""A SIP and RTP peer on plain sockets that does what a test tells it, line by line.

Written apart from `softphone` and without it: what both get right is right by two readings of the RFCs.
"""

import random
import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from support.scripted_rtp import Heard, Stream
from support.scripted_sip import Message, direction_of, media_of, parameter

Address = tuple[str, int]
HOST = "127.0.0.1"
PATIENCE_S = 8.0
"""For a message that has to come: a process must start first."""


@dataclass
class Dialog:
    """Our half of a call."""

    call_id: str
    local: str
    """From or To with our tag."""
    remote: str
    target: str
    """The softphone's Contact."""
    address: Address
    """Where its SIP is."""
    cseq: int = 100
    media: Address | None = None
    """Where it wants RTP."""


@dataclass
class ScriptedPeer:
    """Everything happens inside the calls of the test: waiting for a message also hears and sends RTP.

    Attributes:
        heard: SIP messages, oldest first.
        rtp, rtcp: what came to the media ports.
    """

    heard: list[Message] = field(default_factory=list)
    rtp: list[Heard] = field(default_factory=list)
    rtcp: list[bytes] = field(default_factory=list)
    stream: Stream | None = None
    drops: Callable[[Message], bool] = lambda message: False
    """Messages that get lost on their way to us: not heard, not waited for."""
    lost: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._waiting: deque[Message] = deque()
        self._serial = random.Random(1)
        self.tag = "peer"

    def __enter__(self) -> Self:
        self.sip = self.open(self._hear_sip)
        self.media, self.control = self._media_pair()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    # Sockets.

    def open(self, hear: Callable[[bytes, Address, int], None], port: int = 0) -> socket.socket:
        """One more socket, and who hears what comes to it."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((HOST, port))
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, hear)
        return sock

    def open_sip(self) -> socket.socket:
        """One more socket for SIP, such as a proxy's."""
        return self.open(self._hear_sip)

    def _media_pair(self) -> tuple[socket.socket, socket.socket]:
        while True:
            media = self.open(self._hear_rtp)
            number = port_of(media)
            if number % 2 == 0:
                try:
                    return media, self.open(self._hear_rtcp, number + 1)
                except OSError:
                    pass
            self._selector.unregister(media)
            media.close()

    def move_media(self) -> None:
        """Take RTP at other ports from now on; the old ones stay open."""
        self.media, self.control = self._media_pair()
        if self.stream is not None:
            self.stream.socket = self.media

    @property
    def uri(self) -> str:
        """Where to call us."""
        return f"sip:bob@{HOST}:{port_of(self.sip)}"

    # Hearing.

    def _hear_sip(self, data: bytes, source: Address, port: int) -> None:
        message = Message.parse(data, source, port, time.monotonic())
        if self.drops(message):
            self.lost.append(message)
            return
        self.heard.append(message)
        self._waiting.append(message)

    def _hear_rtp(self, data: bytes, source: Address, port: int) -> None:
        first, second, sequence_number, timestamp, ssrc = struct.unpack_from("!BBHII", data)
        assert first == 0x80, "no padding, extension or sources wanted"
        self.rtp.append(
            Heard(time.monotonic(), second & 0x7F, sequence_number, timestamp, ssrc, data[12:], port)
        )

    def _hear_rtcp(self, data: bytes, source: Address, port: int) -> None:
        self.rtcp.append(data)

    def run_until(self, done: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Hear and send until *done*.

        Raises:
            AssertionError: it took longer than *timeout_s*.
        """
        end = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < end, f"waited in vain; heard {[m.start for m in self.heard]}"
            self._step(end)

    def run_for(self, seconds: float) -> None:
        """Hear and send for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._step(end)

    def _step(self, end: float) -> None:
        now = time.monotonic()
        until = min(end, now + 0.05)
        if self.stream is not None:
            self.stream.send_due(now)
            until = min(until, self.stream.next_at)
        for key, _ in self._selector.select(max(0.0, until - now)):
            sock: socket.socket = key.fileobj  # type: ignore[assignment]
            try:
                data, source = sock.recvfrom(65_536)
            except (BlockingIOError, ConnectionRefusedError):
                continue
            key.data(data, source, port_of(sock))

    def expect(self, what: str | int, of: str = "", timeout_s: float = PATIENCE_S) -> Message:
        """Wait for a request by its method, or a response by its status (and the method answered).

        What comes before it is passed over, but stays in `heard`.
        """
        found: list[Message] = []

        def seen() -> bool:
            while self._waiting and not found:
                message = self._waiting.popleft()
                matches = (
                    message.status == what if isinstance(what, int) else message.start.startswith(f"{what} ")
                )
                if matches and of in ("", message.method):
                    found.append(message)
            return bool(found)

        self.run_until(seen, timeout_s)
        return found[0]

    def requests(self, method: str) -> list[Message]:
        """Every copy of a request heard."""
        return [message for message in self.heard if message.start.startswith(f"{method} ")]

    def responses(self, method: str) -> list[Message]:
        """Every copy of an answer heard."""
        return [message for message in self.heard if message.status and message.method == method]

    def rtp_since(self, at: float) -> list[Heard]:
        """RTP heard after *at*."""
        return [packet for packet in self.rtp if packet.at > at]

    # Saying.

    def send(self, data: bytes, to: Address, sock: socket.socket | None = None) -> bytes:
        """Send bytes as they are."""
        (sock or self.sip).sendto(data, to)
        return data

    def reply(
        self,
        request: Message,
        status: int,
        *headers: str,
        body: bytes = b"",
        contact: str | None = None,
        copies: int = 1,
        reason: str = "Because",
    ) -> bytes:
        """Answer a request; *headers* are lines, and a body is SDP."""
        to = request["to"]
        if status > 100 and not parameter(to, "tag"):
            to += f";tag={self.tag}"
        lines = [
            f"SIP/2.0 {status} {reason}",
            *(f"Via: {value}" for value in request.all("via")),
            f"From: {request['from']}",
            f"To: {to}",
            f"Call-ID: {request['call-id']}",
            f"CSeq: {request['cseq']}",
            *headers,
        ]
        if request.method == "INVITE" and 100 < status < 300:
            lines.append(f"Contact: <{contact or self.uri}>")
        data = self._finish(lines, body)
        for _ in range(copies):
            self.send(data, request.source)
        return data

    def accept(self, invite: Message, *headers: str, contact: str | None = None, talk: bool = True) -> Dialog:
        """Answer 200 with SDP, and begin to send RTP."""
        self.reply(invite, 200, *headers, body=self.sdp(), contact=contact, reason="OK")
        dialog = self.dialog_of(invite)
        if talk:
            self.talk(dialog)
        return dialog

    def dialog_of(self, invite: Message) -> Dialog:
        """The dialog that our 2xx to *invite* makes."""
        return Dialog(
            invite["call-id"],
            f"{invite['to']};tag={self.tag}" if "tag=" not in invite["to"] else invite["to"],
            invite["from"],
            invite.contact_uri,
            invite.source,
            media=media_of(invite.body),
        )

    def talk(self, dialog: Dialog) -> Stream:
        """Begin to send RTP to the other side of *dialog*."""
        assert dialog.media is not None
        self.stream = Stream(self.media, dialog.media, time.monotonic())
        return self.stream

    def sdp(self, direction: str = "sendrecv", *, formats: str = "0", lines: tuple[str, ...] = ()) -> bytes:
        """A session description of ours: PCMU at our media port."""
        return "\r\n".join(
            (
                "v=0",
                f"o=peer 7 {int(time.monotonic() * 1000)} IN IP4 {HOST}",
                "s=-",
                f"c=IN IP4 {HOST}",
                "t=0 0",
                f"m=audio {port_of(self.media)} RTP/AVP {formats}",
                "a=rtpmap:0 PCMU/8000",
                *lines,
                f"a={direction}",
                "",
            )
        ).encode()

    def ask(self, address: Address, method: str, *headers: str, body: bytes = b"") -> bytes:
        """Send the softphone at *address* a request outside of any dialog."""
        serial = self._serial.randrange(1 << 32)
        uri = f"sip:answer@{address[0]}:{address[1]}"
        from_, to = f"<sip:bob@{HOST}>;tag=caller{serial:x}", f"<sip:answer@{HOST}>"
        call_id = f"call{serial:x}"
        return self.send(self._request(method, uri, from_, to, call_id, 1, *headers, body=body), address)

    def invite(
        self, address: Address, *headers: str, body: bytes | None = None, contact: str | None = None
    ) -> bytes:
        """Call the softphone at *address*."""
        body = self.sdp() if body is None else body
        return self.ask(address, "INVITE", f"Contact: <{contact or self.uri}>", *headers, body=body)

    def acknowledge(self, ok: Message, *, body: bytes = b"") -> Dialog:
        """Send ACK for a 200 that came; the dialog it makes is returned."""
        target = ok.contact_uri
        number = int(ok["cseq"].split()[0])
        ack = self._request("ACK", target, ok["from"], ok["to"], ok["call-id"], number, body=body)
        self.send(ack, ok.source)
        media = media_of(ok.body) if ok.body else None
        return Dialog(ok["call-id"], ok["from"], ok["to"], target, ok.source, number, media)

    def acknowledge_refusal(self, refusal: Message, invite: bytes) -> None:
        """Send ACK for a final answer of 300 or more to *invite* (RFC 3261 section 17.1.1.3)."""
        self.send(self._hop_request("ACK", invite, refusal["to"]), refusal.source)

    def cancel(self, invite: bytes, address: Address) -> None:
        """Send CANCEL for *invite* (section 9.1)."""
        self.send(self._hop_request("CANCEL", invite), address)

    def _hop_request(self, method: str, invite: bytes, to: str | None = None) -> bytes:
        fields = dict(line.partition(": ")[::2] for line in invite.decode().split("\r\n") if ": " in line)
        start = invite.decode().partition("\r\n")[0].replace("INVITE", method, 1)
        lines = [
            start,
            f"Via: {fields['Via']}",
            "Max-Forwards: 70",
            f"From: {fields['From']}",
            f"To: {to or fields['To']}",
            f"Call-ID: {fields['Call-ID']}",
            f"CSeq: {fields['CSeq'].split()[0]} {method}",
        ]
        return self._finish(lines, b"")

    def request(self, dialog: Dialog, method: str, *headers: str, body: bytes = b"") -> bytes:
        """Send a request within a dialog."""
        dialog.cseq += 1
        if method == "INVITE":
            headers = (*headers, f"Contact: <{self.uri}>")
        return self.send(
            self._request(
                method,
                dialog.target,
                dialog.local,
                dialog.remote,
                dialog.call_id,
                dialog.cseq,
                *headers,
                body=body,
            ),
            dialog.address,
        )

    def reinvite(self, dialog: Dialog, direction: str = "sendrecv") -> str:
        """Offer *direction*; acknowledge the 200, and return its direction."""
        self.request(dialog, "INVITE", body=self.sdp(direction))
        ok = self.expect(200, "INVITE")
        self.acknowledge(ok)
        dialog.media = media_of(ok.body)
        return direction_of(ok.body)

    def hang_up(self, dialog: Dialog) -> Message:
        """Send BYE; the answer to it is returned."""
        self.request(dialog, "BYE")
        self.stream = None
        ok = self.expect(200, "BYE")
        assert ok.body == b""  # a stranger hears of no result
        return ok

    def answer_bye(self, timeout_s: float = PATIENCE_S) -> Message:
        """Wait for BYE and let it go."""
        bye = self.expect("BYE", timeout_s=timeout_s)
        assert bye.body == b""
        self.stream = None
        self.reply(bye, 200)
        return bye

    def _request(
        self,
        method: str,
        uri: str,
        from_: str,
        to: str,
        call_id: str,
        cseq: int,
        *headers: str,
        body: bytes = b"",
    ) -> bytes:
        branch = f"z9hG4bK{self._serial.randrange(1 << 48):x}"
        return self._finish(
            [
                f"{method} {uri} SIP/2.0",
                f"Via: SIP/2.0/UDP {HOST}:{port_of(self.sip)};rport;branch={branch}",
                "Max-Forwards: 70",
                f"From: {from_}",
                f"To: {to}",
                f"Call-ID: {call_id}",
                f"CSeq: {cseq} {method}",
                *headers,
            ],
            body,
        )

    def _finish(self, lines: list[str], body: bytes) -> bytes:
        if body:
            lines = [*lines, "Content-Type: application/sdp"]
        return "\r\n".join((*lines, f"Content-Length: {len(body)}", "", "")).encode() + body


def port_of(sock: socket.socket) -> int:
    """The port a socket is bound to."""
    return int(sock.getsockname()[1])
