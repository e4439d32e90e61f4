"""Open Sound Control over UDP: the operations of the dispatcher as addresses, for faders and patches (`docs/remote-control.md`).

UDP has no connection: who has shown a token counts as one client by address and port until nothing was heard of it for
`FORGET_S`. Whoever can write others' addresses into packets on this network can therefore pass for it, which is why this is
off unless asked for, and beyond loopback only with ``--allow-lan``.

Source: The Open Sound Control 1.0 Specification (M. Wright, 2002); times in bundles are passed over, all is done at once.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from dsp.preset import Preset
from softphone.control.dispatcher import Dispatcher
from softphone.control.errors import ControlError
from softphone.control.op import Client, Event, Reply, Request
from softphone.control.protocols import osc
from softphone.errors import EnvironmentProblem
from softphone.io.control.limits import Bucket, Guesses, address_key
from softphone.io.control.reception import Reception
from softphone.io.control.stats import ServerStats
from softphone.io.control.tokens import TokenPair
from softphone.io.control.workers import log_fault
from softphone.io.udp import why_not_bound

MAX_DATAGRAM = 4096
MAX_PEERS = 16
MAX_WAITING = 64
"""Of one peer: packets that wait for those before them; values of one parameter count once, the newest."""
MESSAGES_PER_S, MESSAGE_BURST = 200.0, 400.0
"""Of one peer; a fader sends one for each step of the hand."""
STRANGERS_PER_S, STRANGER_BURST = 5.0, 20.0
"""Of all together who have shown no token: so much is looked at and answered."""
FORGET_S = 600.0

_MAX_NESTED = 4
_TAGS = frozenset("ifsdhTFN")
_log = logging.getLogger(__name__)


class Host(Protocol):
    """The server whose operations are mirrored: a `softphone.io.control.server.ControlServer`."""

    dispatcher: Dispatcher
    tokens: TokenPair
    guesses: Guesses
    stats: ServerStats
    listeners: list[Callable[[Event], None]]
    """Told of every event, in the loop."""
    wanted_listeners: list[Callable[[], None]]
    """Told when somebody has subscribed to something, or no longer does."""

    async def handle(self, client: Client, request: Request) -> Reply:
        """Do what is asked, in the thread that the operation belongs to."""


@dataclass(slots=True)
class OscStats:
    """What became of the packets; reading changes nothing."""

    received: int = 0
    sent: int = 0
    malformed: int = 0
    strangers: int = 0
    """Before anything was said of a token; wrong ones are counted by the server."""
    dropped: int = 0
    """Beyond a limit of rate, length or number."""
    lost: int = 0
    """Packets of ours that the system would not send, or that came nowhere."""
    faults: int = 0
    """Of ours."""


@dataclass(slots=True, eq=False)
class _Peer:
    address: tuple[Any, ...]
    client: Client
    bucket: Bucket
    heard_at: float
    waiting: dict[Any, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    worker: asyncio.Task[None] | None = None
    levels: asyncio.TimerHandle | None = None


class OscMirror(asyncio.DatagramProtocol):
    """A UDP socket that speaks OSC for a server.

    Args:
        host: whose operations these are.
    """

    def __init__(self, host: Host) -> None:
        from pythonosc.osc_message_builder import OscMessageBuilder
        from pythonosc.osc_packet import OscPacket

        self.stats = OscStats()
        self._host = host
        self._dispatcher = host.dispatcher
        self._reception = Reception(host.dispatcher, host.tokens, host.guesses, host.stats)
        self._builder = OscMessageBuilder
        self._packet = OscPacket
        self._peers: dict[tuple[Any, ...], _Peer] = {}
        self._loop = asyncio.get_running_loop()
        self._strangers = Bucket(STRANGERS_PER_S, STRANGER_BURST, self._loop.time())
        self._transport: asyncio.DatagramTransport | None = None
        self._full = False

    @classmethod
    async def open(cls, host: Host, address: tuple[str, int]) -> "OscMirror":
        """Listen at *address*; whether that may be beyond loopback is for the caller to know.

        Raises:
            EnvironmentProblem: python-osc is not installed, or the port is taken.
        """
        try:
            mirror = cls(host)
        except ImportError:
            raise EnvironmentProblem('--osc needs python-osc: pip install "softphone[osc]"') from None
        name, port = address
        try:
            await mirror._loop.create_datagram_endpoint(lambda: mirror, local_addr=(name, port))
        except OSError as error:
            raise EnvironmentProblem(why_not_bound(error, name, port, "--osc wants UDP")) from None
        host.listeners.append(mirror._on_event)
        return mirror

    @property
    def bound(self) -> tuple[str, int]:
        """Address and port of the socket."""
        assert self._transport is not None
        name = self._transport.get_extra_info("sockname")
        return str(name[0]), int(name[1])

    async def close(self) -> None:
        """Let everybody go."""
        if self._on_event in self._host.listeners:
            self._host.listeners.remove(self._on_event)
        workers = [peer.worker for peer in self._peers.values() if peer.worker is not None]
        for peer in list(self._peers.values()):
            self._forget(peer)
        await asyncio.gather(*workers, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()
            await asyncio.sleep(0)  # in which the loop closes the socket

    # ---- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = cast(
            "asyncio.DatagramTransport", transport
        )  # whose class it is of in Python 3.12 only

    def pause_writing(self) -> None:
        """The network does not keep up: what is to be told from now on is dropped."""
        self._full = True

    def resume_writing(self) -> None:
        """It does again."""
        self._full = False

    def error_received(self, exc: Exception) -> None:
        """A packet of ours came nowhere: whom it was for is not said."""
        self.stats.lost += 1

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """A packet came."""
        self.stats.received += 1
        now = self._loop.time()
        peer = self._peers.get(addr)
        bucket = self._strangers if peer is None else peer.bucket
        if len(data) > MAX_DATAGRAM or not bucket.take(now):
            self.stats.dropped += 1
            return
        try:
            check_packet(data)
            messages = [(one.message.address, one.message.params) for one in self._packet(data).messages]
        except ValueError:
            self.stats.malformed += 1
            return
        except Exception as error:  # noqa: BLE001 - whatever the library makes of bytes from outside costs this packet alone
            self.stats.malformed += 1
            _log.debug("x OSC packet: %s", type(error).__name__)
            return
        if peer is not None:
            peer.heard_at = now
        for index, (address, arguments) in enumerate(messages):
            if index and not bucket.take(now):
                self.stats.dropped += 1
                return
            self._on_message(addr, address, arguments, now)

    # ---- inside

    def _on_message(self, sender: tuple[Any, ...], address: str, arguments: list[Any], now: float) -> None:
        peer = self._peers.get(sender)
        try:
            asked = osc.read_message(address, arguments)
            if asked["op"] == "hello":
                self._hello(sender, address, asked, now)
                return
            if peer is None:
                self.stats.strangers += 1
                raise ControlError("unauthorized", f"wanted /{osc.ROOT}/hello TOKEN first")
        except ControlError as error:
            self._send(sender, [osc.refusal(address, error)])
            return
        key: Any = address if asked["op"] == "set" else object()
        if key not in peer.waiting and len(peer.waiting) >= MAX_WAITING:
            self.stats.dropped += 1
            return
        peer.waiting.pop(key, None)  # the newest value goes behind what else waits
        peer.waiting[key] = (address, asked)
        if peer.worker is None or peer.worker.done():
            peer.worker = self._loop.create_task(self._work(peer))

    def _hello(self, sender: tuple[Any, ...], address: str, asked: Mapping[str, Any], now: float) -> None:
        words = self._dispatcher.parse({"id": 0, **asked}).arguments
        old = self._peers.get(sender)
        if old is not None:
            self._forget(old)
        self._forget_silent(now)
        if len(self._peers) >= MAX_PEERS:
            raise ControlError("too-many", f"{MAX_PEERS} senders of OSC are here already")
        name = words["name"] or f"OSC {sender[0]}:{sender[1]}"
        client = self._reception.admit(words["token"], name, address_key(str(sender[0])), now=now)
        self._peers[sender] = _Peer(sender, client, Bucket(MESSAGES_PER_S, MESSAGE_BURST, now), now)
        self._send(sender, osc.of_reply(address, asked, Reply(0, self._dispatcher.welcome(client)), {}))

    async def _work(self, peer: _Peer) -> None:
        """Do what *peer* asks, one after the other: what came first is done first."""
        while peer.waiting and self._peers.get(peer.address) is peer:
            key = next(iter(peer.waiting))
            address, asked = peer.waiting.pop(key)
            try:
                request = self._dispatcher.parse({"id": 0, **asked})
                reply = await self._host.handle(peer.client, request)
                told = osc.of_reply(address, asked, reply, self._presets())
            except ControlError as error:
                told = [osc.refusal(address, error)]
            except Exception as error:  # noqa: BLE001 - the top of this shell: a fault costs this packet, not the sound
                self.stats.faults += 1
                log_fault("OSC", error)
                told = [osc.refusal(address, ControlError("internal", "a fault of ours; it is in the log"))]
            if self._peers.get(peer.address) is not peer:
                return
            self._send(peer.address, told)
            if asked["op"] in ("subscribe", "unsubscribe"):
                for listener in self._host.wanted_listeners:
                    listener()
                self._tell_levels(peer)

    def _tell_levels(self, peer: _Peer) -> None:
        """Tell *peer* the levels it subscribed to, and again when they are due."""
        if peer.levels is not None:
            peer.levels.cancel()
            peer.levels = None
        now = self._loop.time()
        if self._peers.get(peer.address) is not peer:
            return
        if now - peer.heard_at > FORGET_S:
            self._forget(peer)
            return
        wanted = [
            (chain, rate)
            for (topic, chain), rate in self._dispatcher.sessions.wanted(peer.client).items()
            if topic == osc.LEVELS
        ]
        for chain, _ in wanted:
            body = self._dispatcher.levels(chain)
            if body is not None:
                self._send(peer.address, osc.of_event(Event(osc.LEVELS, body), {}))
        if wanted:
            rate_hz = max(rate for _, rate in wanted)
            peer.levels = self._loop.call_later(1 / rate_hz, self._tell_levels, peer)

    def _on_event(self, event: Event) -> None:
        if not self._peers or event.topic != "changes":
            return
        self._forget_silent(self._loop.time())
        told = osc.of_event(event, self._presets())
        for peer in self._peers.values():
            if peer.client.id != event.origin_client_id:
                self._send(peer.address, told)

    def _presets(self) -> dict[str, Preset]:
        return {name: desk.preset for name, desk in self._dispatcher.desks.items()}

    def _send(self, address: tuple[Any, ...], messages: list[osc.Message]) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        for name, arguments in messages:
            if self._full:
                self.stats.dropped += 1
                continue
            builder = self._builder(name)
            for each in arguments:
                builder.add_arg(each)
            transport.sendto(builder.build().dgram, address)
            self.stats.sent += 1

    def _forget(self, peer: _Peer) -> None:
        self._peers.pop(peer.address, None)
        peer.waiting.clear()
        if peer.levels is not None:
            peer.levels.cancel()
        self._reception.dismiss(peer.client)

    def _forget_silent(self, now: float) -> None:
        for peer in [each for each in self._peers.values() if now - each.heard_at > FORGET_S]:
            self._forget(peer)


def check_packet(data: bytes, depth: int = 0) -> None:
    """See to it that python-osc takes *data* without a word into the log, which strangers could fill.

    Raises:
        ValueError: it is no packet, or holds what is not taken here: other types, bundles in bundles in bundles.
    """
    if len(data) % 4:
        raise ValueError("the length of an OSC packet is a multiple of 4")
    if data.startswith(b"#bundle\0"):
        if depth >= _MAX_NESTED or len(data) < 16:
            raise ValueError("bundles nested too deep, or cut short")
        at = 16
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            part = data[at + 4 : at + 4 + size]
            if len(part) < size or size == 0:
                raise ValueError("a bundle cut short")
            check_packet(part, depth + 1)
            at += 4 + size
        return
    end = data.find(b"\0")
    if not data.startswith(b"/") or end < 0:
        raise ValueError("no OSC address")
    tags = data[(end // 4 + 1) * 4 :]
    if tags and (
        not tags.startswith(b",") or not set(tags[1:].split(b"\0", 1)[0].decode("latin-1")) <= _TAGS
    ):
        raise ValueError("types that are not taken here")
