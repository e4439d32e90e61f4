"""One TCP connection of the control port: a GET that is answered, or a WebSocket (RFC 6455), whatever is said over it.

The WebSocket's frames are those of the sans-I/O layer of `websockets`. Its server of asyncio keeps a task and a queue for
each connection, and answers HTTP from one piece of memory within the time a handshake may take; here calls run in the same
loop, recordings are given that are longer than memory should be, and many who say nothing shall cost next to nothing.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from typing import TypeAlias

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from softphone.io.control.http import MAX_HEAD, Refusal, Request, parse_request
from softphone.io.control.limits import BYTES_PER_MESSAGE, EXCESS, MESSAGE_BURST, MESSAGES_PER_S, Bucket
from softphone.io.control.owner import Owner
from softphone.io.control.websocket import CloseCode, accepted

OPEN_S = 5.0
"""Time to send a request, and after that to say hello."""
LINGER_S = 1.0
"""After the last word: time for the other side to read it and to close."""
ANSWER_S = 30.0
"""Time to take an answer from memory."""
SKIP_ABOVE = 16 << 10
"""Bytes unsent beyond which levels are skipped."""
DROP_ABOVE = 256 << 10
"""Bytes unsent beyond which a client is dropped that has to be told something."""

_SLICE = 256
"""Bytes looked at before the rate and the clock are."""
_TURN_S = 0.002
"""After so long the loop has its turn: many tiny messages at once must not hold up a call."""
_MAX_PARTS = 64
_MAX_IGNORED = 64 << 10
Transport: TypeAlias = asyncio.Transport


class Phase(Enum):
    """Where a connection is."""

    HEAD = auto()
    """Its request has not come whole."""
    ANSWER = auto()
    """It is being answered."""
    OPEN = auto()
    """It is a WebSocket."""
    CLOSING = auto()
    """The last word is said; what still comes is dropped."""
    CLOSED = auto()


class Connection(asyncio.Protocol):
    """One connection.

    Args:
        key: whom it counts as (`limits.address_key`).
    """

    def __init__(self, owner: Owner, key: str) -> None:
        self.key = key
        self.phase = Phase.HEAD
        self.heard_at = 0.0
        """When the last byte came, in the loop's time."""
        self.skipped = 0
        """Levels that were not sent, because the last had not gone yet."""
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._transport: Transport | None = None
        self._head = bytearray()
        self._rest = b""
        """What came and is not looked at yet."""
        self._paused = False
        self._socket: ServerProtocol | None = None
        self._parts: list[bytes] = []
        self._bucket = Bucket(MESSAGES_PER_S, MESSAGE_BURST, self._loop.time())
        self._excess = 0
        self._ignored = 0
        self._timer = self._loop.call_later(OPEN_S, self._on_late)
        self._room = asyncio.Event()
        self._room.set()

    @property
    def local_host(self) -> str:
        """The address of this machine that it came in on."""
        name = None if self._transport is None else self._transport.get_extra_info("sockname")
        return str(name[0]) if isinstance(name, tuple) else ""

    @property
    def unsent(self) -> int:
        """Bytes that wait for the other side to read."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    # ---- to be told by its owner

    def answer(self, data: bytes) -> None:
        """Send a whole answer, and close."""
        self.begin_answer()
        self.write(data)
        self.end_answer()

    def begin_answer(self) -> None:
        """From now on what is sent is the owner's, until `end_answer`; there is no time limit meanwhile."""
        self.phase = Phase.ANSWER
        self._timer.cancel()

    def write(self, data: bytes) -> bool:
        """Send part of an answer; whether anybody is there to take it."""
        if self.phase is not Phase.ANSWER or self._transport is None or self._transport.is_closing():
            return False
        self._transport.write(data)
        return True

    async def has_room(self, timeout_s: float) -> bool:
        """Wait until more can be written; False: that took longer than *timeout_s*, or it is closed."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._room.wait()
        except TimeoutError:
            return False
        return self.phase is Phase.ANSWER

    def end_answer(self) -> None:
        """The answer is whole: close when it is read."""
        if self.phase is Phase.ANSWER:
            self._hang_up(ANSWER_S)

    def upgrade(self, request: Request) -> None:
        """Go on as a WebSocket; it has some seconds again to say hello.

        Raises:
            Refusal: see `websocket.accepted`.
        """
        self._socket = accepted(request)
        self.phase = Phase.OPEN
        self._timer.cancel()
        self._timer = self._loop.call_later(OPEN_S, self._on_late)
        self._flush()

    def welcomed(self) -> None:
        """It said hello: no time limit any more."""
        self._timer.cancel()

    def send(self, frame: bytes) -> None:
        """Send a message (`text_frame`) that must not be left out: who does not read what came before is dropped."""
        if self.phase is not Phase.OPEN or self._transport is None or self._transport.is_closing():
            return
        if self.unsent > DROP_ABOVE:
            self._owner.ended(self, "slow")
            self.abort()
            return
        self._transport.write(frame)

    def offer(self, frame: bytes) -> None:
        """Send a message that may be left out: it is, while the other side does not read."""
        if self.phase is not Phase.OPEN or self._transport is None or self._transport.is_closing():
            return
        if self.unsent > SKIP_ABOVE:
            self.skipped += 1
            return
        self._transport.write(frame)

    def ping(self) -> None:
        """Ask whether the other side is there; the answer counts as heard."""
        if self.phase is Phase.OPEN and self._socket is not None:
            self._socket.send_ping(b"")
            self._flush()

    def close(self, code: int, reason: str = "") -> None:
        """Close the WebSocket, saying why."""
        if self.phase is not Phase.OPEN or self._socket is None:
            return
        self._socket.fail(code, reason)
        self._flush()
        self._hang_up(LINGER_S)

    def abort(self) -> None:
        """Close at once."""
        self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        if self.phase is not Phase.CLOSED:
            self.phase = Phase.CLOSING

    def pause(self) -> None:
        """Read no more for now: what is sent waits with the sender."""
        self._paused = True
        self._read_or_not()

    def resume(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            self._loop.call_soon(self._go_on)

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands, with TLS where there is any."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.heard_at = self._loop.time()
        if self.phase is not Phase.HEAD:  # it had to go before it stood
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self.heard_at = self._loop.time()
        match self.phase:
            case Phase.HEAD:
                self._guarded(self._read_head, data)
            case Phase.OPEN if self._rest:  # came with what is looked at
                self._rest += data
            case Phase.OPEN:
                self._guarded(self._read_frames, data)
            case _:
                self._ignore(data)

    def eof_received(self) -> bool:
        """The other side sends no more; an answer still goes out."""
        is_plain = self._transport is not None and self._transport.get_extra_info("ssl_object") is None
        return is_plain and self.phase is Phase.ANSWER

    def pause_writing(self) -> None:
        """The other side does not keep up."""
        self._room.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, or was never opened."""
        if self.phase is Phase.CLOSED:
            return
        self.phase = Phase.CLOSED
        self._timer.cancel()
        self._room.set()
        self._owner.gone(self)

    # ---- inside

    @property
    def _is_there(self) -> bool:
        """Whether what is written may still arrive."""
        return self._transport is not None and not self._transport.is_closing()

    def _guarded(self, read: Callable[[bytes], None], data: bytes) -> None:
        try:
            read(data)
        except Exception as error:  # noqa: BLE001 - the top of this shell: a fault costs this connection, not the call beside it
            self._owner.failed("a connection", error)
            self.abort()

    def _read_head(self, data: bytes) -> None:
        start = max(0, len(self._head) - 3)
        self._head += data
        end = self._head.find(b"\r\n\r\n", start, MAX_HEAD)
        if end < 0:
            if len(self._head) >= MAX_HEAD:
                self._refuse(Refusal(431, f"wanted a request of at most {MAX_HEAD} bytes"))
            elif self._head[0] < 0x20:  # somebody speaks TLS, say
                self._refuse(Refusal(400, "wanted one line of HTTP, as: GET / HTTP/1.1"))
            return
        head, rest = bytes(self._head[: end + 4]), bytes(self._head[end + 4 :])
        self._head.clear()
        try:
            self._owner.requested(self, parse_request(head))
        except Refusal as refusal:
            self._refuse(refusal)
        if rest and self.phase is Phase.OPEN:
            self._read_frames(rest)

    def _refuse(self, refusal: Refusal) -> None:
        self._owner.ended(self, "refused")
        self.begin_answer()
        self.write(bytes(refusal))
        self._hang_up(LINGER_S)

    def _read_frames(self, data: bytes) -> None:
        protocol = self._socket
        assert protocol is not None
        until = self._loop.time() + _TURN_S
        for start in range(0, len(data), _SLICE):
            if start and (self._paused or self._loop.time() > until):
                self._rest = data[start:]
                self._read_or_not()
                if not self._paused:
                    self._loop.call_soon(self._go_on)
                return
            protocol.receive_data(data[start : start + _SLICE])
            for frame in protocol.events_received():
                if isinstance(frame, Frame) and self.phase is Phase.OPEN:
                    self._on_frame(frame)
            self._flush()
            if self.phase is Phase.OPEN and protocol.state is not State.OPEN:
                sent = protocol.close_sent
                if sent is not None and sent.code == CloseCode.TOO_LONG:
                    self._owner.ended(self, "too_long")
                self._hang_up(LINGER_S)
            if self.phase is not Phase.OPEN or not self._is_there:
                return

    def _go_on(self) -> None:
        if self._paused:
            return
        rest, self._rest = self._rest, b""
        self._read_or_not()
        if rest and self.phase is Phase.OPEN and self._is_there:
            self._guarded(self._read_frames, rest)

    def _read_or_not(self) -> None:
        """Let the transport read unless somebody wants it not to."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._paused or self._rest:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def _on_frame(self, frame: Frame) -> None:
        within_rate = self._bucket.take(self._loop.time(), 1 + len(frame.data) // BYTES_PER_MESSAGE)
        if not within_rate:
            self._excess += 1
            if self._excess > EXCESS:
                self._owner.ended(self, "floods")
                self.close(CloseCode.FLOOD, "too many messages")
                return
        elif self._bucket.level > MESSAGE_BURST / 2:
            self._excess = 0
        match frame.opcode:
            case Opcode.BINARY:
                self._owner.ended(self, "binary")
                self.close(CloseCode.NOT_TEXT, "wanted text")
            case Opcode.TEXT | Opcode.CONT:
                self._parts.append(bytes(frame.data))
                if len(self._parts) > _MAX_PARTS:
                    self._owner.ended(self, "too_long")
                    self.close(CloseCode.TOO_LONG, f"wanted at most {_MAX_PARTS} fragments")
                elif frame.fin:
                    self._on_message(within_rate)

    def _on_message(self, within_rate: bool) -> None:
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self._owner.ended(self, "bad_messages")
            self.close(CloseCode.BAD_TEXT, "wanted UTF-8")
            return
        self._owner.said(self, text, within_rate)

    def _flush(self) -> None:
        if self.phase is not Phase.OPEN or self._socket is None:
            return
        for piece in self._socket.data_to_send():
            if piece and self._transport is not None and not self._transport.is_closing():
                self._transport.write(piece)  # an empty one asks to hang up, which is done in our own time
        if self.unsent > DROP_ABOVE:  # who sends pings and reads no pongs
            self._owner.ended(self, "slow")
            self.abort()

    def _hang_up(self, within_s: float) -> None:
        """Close once what was written is read; at once where it is not within *within_s*."""
        self.phase = Phase.CLOSING
        self._timer.cancel()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._timer = self._loop.call_later(within_s, self.abort)
        transport.resume_reading()  # unread bytes would make the kernel reset the connection, and the last word be lost
        if transport.can_write_eof():
            with suppress(OSError):  # the other side has gone already
                transport.write_eof()
        else:
            transport.close()

    def _ignore(self, data: bytes) -> None:
        self._ignored += len(data)
        if self._ignored > _MAX_IGNORED:
            self.abort()

    def _on_late(self) -> None:
        if self.phase is Phase.OPEN:
            self._owner.ended(self, "late")
            self.close(CloseCode.NO_HELLO, f"wanted hello within {OPEN_S:g} s")
        elif self._head:
            self._owner.ended(self, "late")
            self._refuse(Refusal(408, f"wanted a whole request within {OPEN_S:g} s"))
        else:
            self.abort()
