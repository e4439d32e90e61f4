"""A SIP and RTP peer on plain sockets that does what a test tells it, line by line.

Written apart from `softphone` and without it: what both get right is right by two readings of the RFCs.
"""

import hashlib
import random
import re
import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

Address = tuple[str, int]
HOST = "127.0.0.1"
PATIENCE_S = 8.0
"""For a message that has to come: a process must start first."""
PTIME_S = 0.02
TONE_HZ = 400
LIST_HEADERS = ("via", "route", "record-route", "accept", "allow", "supported")
COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
}


def mu_law(sample: float) -> int:
    """ITU-T G.711 mu-law of a sample of full scale 1."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(int(abs(sample) * 32768), 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF


def square_tone(level: float = 0.1) -> bytes:
    """20 ms of a square wave at 8 kHz in mu-law; whole periods, so that packets join."""
    half = 8000 // TONE_HZ // 2
    return (bytes([mu_law(level)]) * half + bytes([mu_law(-level)]) * half) * (160 // (2 * half))


TONE = square_tone()


@dataclass(frozen=True)
class Message:
    """A SIP message as it was heard."""

    data: bytes
    source: Address
    port: int
    """The port of ours it came to."""
    at: float
    start: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def parse(cls, data: bytes, source: Address, port: int, at: float) -> "Message":
        """Read what a softphone of this project sends: it never folds lines."""
        head, blank, body = data.partition(b"\r\n\r\n")
        assert blank, data
        start, *lines = head.decode().split("\r\n")
        headers = []
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon, line
            name = name.strip().lower()
            name = COMPACT.get(name, name)
            values = re.split(r",(?![^<]*>)", value) if name in LIST_HEADERS else [value]
            headers += [(name, each.strip()) for each in values]
        message = cls(data, source, port, at, start, tuple(headers), body)
        assert int(message["content-length"]) == len(body), data
        return message

    def __getitem__(self, name: str) -> str:
        return self.all(name)[0]

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for each, value in self.headers if each == name]

    @property
    def status(self) -> int:
        """Of a response; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Of the request, or of the one that is answered."""
        return self["cseq"].split()[1]

    @property
    def uri(self) -> str:
        """Request-URI."""
        return self.start.split()[1]

    @property
    def branch(self) -> str:
        """Of the top Via."""
        return parameter(self["via"], "branch")

    @property
    def contact_uri(self) -> str:
        """Where the sender wants further requests."""
        return self["contact"].partition("<")[2].partition(">")[0]


def parameter(value: str, name: str) -> str:
    """A parameter of a header, or "" where it has none."""
    found = re.search(rf";\s*{name}=([^;,\s>]+)", value)
    return found[1] if found else ""


@dataclass(frozen=True)
class Heard:
    """An RTP packet as it was heard."""

    at: float
    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes
    port: int


@dataclass
class Stream:
    """RTP that we send, 20 ms of PCMU a packet."""

    socket: socket.socket
    to: Address
    next_at: float
    ssrc: int = 0x5EED
    sequence_number: int = 65_530  # it wraps soon
    timestamp: int = 0xFFFF_FF00
    payload_type: int = 0
    payload: bytes = TONE

    def send_due(self, now: float) -> None:
        """Send what is due."""
        while self.next_at <= now:
            self.next_at += PTIME_S
            self.packet(self.payload_type, self.payload)
            self.sequence_number = self.sequence_number + 1 & 0xFFFF
            self.timestamp = self.timestamp + 160 & 0xFFFF_FFFF

    def packet(self, payload_type: int, payload: bytes) -> None:
        """Send one packet here and now."""
        header = struct.pack("!BBHII", 0x80, payload_type, self.sequence_number, self.timestamp, self.ssrc)
        self.socket.sendto(header + payload, self.to)


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


def media_of(body: bytes) -> Address:
    """Where a session description wants RTP."""
    text = body.decode()
    host, port = re.search(r"^c=IN IP4 (\S+)", text, re.M), re.search(r"^m=audio (\d+) ", text, re.M)
    assert host is not None
    assert port is not None
    return host[1], int(port[1])


def direction_of(body: bytes) -> str:
    """The direction that a session description states, or means by silence (RFC 3264 section 6.1)."""
    found = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", body.decode(), re.M)
    return found[1] if found else "sendrecv"


@dataclass
class Realm:
    """Who asks for a password, and checks it (RFC 7616)."""

    algorithm: str = "MD5"
    realm: str = "house"
    user: str = "alice"
    password: str = "swordfish"
    proxy: bool = False

    @property
    def status(self) -> int:
        """Of a challenge."""
        return 407 if self.proxy else 401

    def challenge(self, nonce: str, *, stale: bool = False) -> str:
        """The header that asks."""
        name = "Proxy-Authenticate" if self.proxy else "WWW-Authenticate"
        end = ", stale=true" if stale else ""
        return f'{name}: Digest realm="{self.realm}", nonce="{nonce}", algorithm={self.algorithm}, qop="auth", opaque="it"{end}'

    def credentials(self, request: Message) -> dict[str, str]:
        """What *request* answers, by parameter; empty if nothing."""
        values = request.all("proxy-authorization" if self.proxy else "authorization")
        assert len(values) <= 1
        pairs = re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', values[0]) if values else []
        return {name: quoted or plain for name, quoted, plain in pairs}

    def check(self, request: Message, nonce: str, count: int) -> None:
        """Assert that *request* proves the password for this use of *nonce*."""
        given = self.credentials(request)
        assert given["uri"] == request.uri
        assert (given["nonce"], given["nc"], given["qop"], given["opaque"]) == (
            nonce,
            f"{count:08x}",
            "auth",
            "it",
        )
        middle = f"{given['nonce']}:{given['nc']}:{given['cnonce']}:{given['qop']}"
        assert given["response"] == self._response(request.start.split()[0], request.uri, middle)

    def answer(self, challenge: str, method: str, uri: str) -> str:
        """The credentials that *challenge* asks for."""
        nonce = re.search(r'nonce="([^"]*)"', challenge)
        assert nonce is not None
        response = self._response(method, uri, f"{nonce[1]}:00000001:c:auth")
        known = f'username="{self.user}", realm="{self.realm}", nonce="{nonce[1]}", uri="{uri}", response="{response}"'
        opaque = re.search(r'opaque="[^"]*"', challenge)
        return f'Digest {known}, algorithm={self.algorithm}, cnonce="c", qop=auth, nc=00000001' + (
            f", {opaque[0]}" if opaque else ""
        )

    def _response(self, method: str, uri: str, middle: str) -> str:
        secret = self._hash(f"{self.user}:{self.realm}:{self.password}")
        action = self._hash(f"{method}:{uri}")
        return self._hash(f"{secret}:{middle}:{action}")

    def _hash(self, text: str) -> str:
        return hashlib.new({"MD5": "md5", "SHA-256": "sha256"}[self.algorithm], text.encode()).hexdigest()
