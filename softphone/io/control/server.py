"""The control server: one port for the page and the WebSocket of `softphone.control`.

What is promised of it, and which tests hold it, is in docs/security.md. It is made to run in the loop of a call: whatever
a client sends, it does little at a time, and what takes long is done in other threads.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from softphone.control.dispatcher import Dispatcher
from softphone.control.errors import ControlError
from softphone.control.op import Client, Event, Reply, Request, Role, request_id
from softphone.control.protocols.json_messages import event_text, read_message, refusal_text, reply_text
from softphone.errors import UsageError
from softphone.io.control.connection import Connection
from softphone.io.control.door import Door
from softphone.io.control.files import send_ticket
from softphone.io.control.hosts import check_host, check_origin
from softphone.io.control.http import Refusal
from softphone.io.control.http import Request as Get
from softphone.io.control.limits import MESSAGE_BURST, MESSAGES_PER_S, Guesses, Seats
from softphone.io.control.listening import listen_tcp, reachable_hosts
from softphone.io.control.pages import WEB_FOLDER, Page, read_pages
from softphone.io.control.publisher import Publisher
from softphone.io.control.reception import Reception
from softphone.io.control.session import Session
from softphone.io.control.stats import ServerStats
from softphone.io.control.tickets import PREFIX, Tickets
from softphone.io.control.tokens import TokenPair
from softphone.io.control.websocket import MAX_MESSAGE, CloseCode, text_frame
from softphone.io.control.workers import Workers, log_fault
from softphone.io.udp import Address, address_of
from softphone.serve_config import ServeOptions, is_loopback

if TYPE_CHECKING:
    from softphone.io.control.tls import Identity

T = TypeVar("T")

SOCKET_PATH = "/control"
PING_S = 20.0
"""A client that says nothing for so long is asked whether it is there; after twice as long it is dropped."""
MAX_ANSWERS = 128
"""Answers on their way; of one address half of them. More are refused."""
CLOSE_S = 1.5
"""Time for all clients to take their leave."""

_log = logging.getLogger(__name__)


class ControlServer:
    """Serves a dispatcher; made by `open`, used from its event loop's thread.

    Attributes:
        stats: counters.
        tokens: what clients show.
        identity: of TLS; None without.
        dispatcher: what is served.
        guesses: who showed wrong tokens.
        listeners: told of every event that clients are told of.
        wanted_listeners: told when a client has subscribed to something, or no longer does.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        options: ServeOptions,
        sock: socket.socket,
        identity: "Identity | None",
        *,
        files: Tickets,
        pages: Mapping[str, Page],
    ) -> None:
        self.stats = ServerStats()
        self.tokens = TokenPair.make(options.token)
        self.identity = identity
        self.dispatcher = dispatcher
        self.guesses = Guesses()
        self._workers = Workers(dispatcher, self.stats)
        self._reception = Reception(dispatcher, self.tokens, self.guesses, self.stats)
        self.listeners: list[Callable[[Event], None]] = []
        self.wanted_listeners: list[Callable[[], None]] = []
        self.address: Address = address_of(sock)
        self._options = options
        self._files = files
        self._pages = pages
        self._names = frozenset(options.host_names)
        self._loop = asyncio.get_running_loop()
        self._sessions: dict[Connection, Session] = {}
        self._answers: Seats[Connection] = Seats(MAX_ANSWERS, MAX_ANSWERS // 2)
        # One address alone never has all the places for clients.
        self._seats: Seats[Connection] = Seats(options.max_clients, max(1, options.max_clients * 3 // 4))
        self._publisher = Publisher(dispatcher, self._sessions.values)
        self._sending: set[asyncio.Task[None]] = set()
        self._is_told = False
        self._all_gone = asyncio.Event()
        self._closing = False
        dispatcher.limits = {
            "messages_per_s": MESSAGES_PER_S,
            "burst": MESSAGE_BURST,
            "message_bytes": MAX_MESSAGE,
            "clients": options.max_clients,
        }
        dispatcher.on_event = self._on_event
        self._keeper = self._loop.call_later(PING_S, self._keep)
        context = None if identity is None else identity.context
        self._door = Door(sock, context, lambda key: Connection(self, key), self.stats)
        _log.info("= serves %s on %s:%d", self.scheme, *self.address)

    @classmethod
    async def open(
        cls,
        dispatcher: Dispatcher,
        options: ServeOptions,
        *,
        files: Tickets,
        tls_folder: Path | None = None,
        web: Path = WEB_FOLDER,
    ) -> "ControlServer":
        """Serve *dispatcher* as *options* say, until `close`.

        Args:
            files: links that are given out.
            tls_folder: where a certificate that is made is kept; needed with `ServeOptions.tls_self_signed`.
            web: the folder of the page.

        Raises:
            UsageError: an address beyond loopback without leave, or a certificate that cannot be used.
            EnvironmentProblem: the port is in use, the page is missing, or the package cryptography is.
        """
        pages = read_pages(web)
        sock = listen_tcp(*options.address, allow_lan=options.allow_lan)
        try:
            identity = _identity(options, tls_folder, address_of(sock)[0])
            return cls(dispatcher, options, sock, identity, files=files, pages=pages)
        except BaseException:
            sock.close()
            raise

    @property
    def scheme(self) -> str:
        """``https``, or ``http`` without TLS."""
        return "http" if self.identity is None else "https"

    @property
    def urls(self) -> Sequence[str]:
        """Where the page is, the most useful first; without a token."""
        host, port = self.address
        return [f"{self.scheme}://{each}:{port}/" for each in reachable_hosts(host, self._options.names)]

    @property
    def view_token(self) -> str:
        """The token of the role view."""
        return self.tokens.view

    def pairing_url(self, role: Role) -> str:
        """The page with the token of *role* behind a #, which a browser keeps to itself."""
        return f"{self.urls[0]}#token={self.tokens.control if role == 'control' else self.tokens.view}"

    @property
    def notices(self) -> Sequence[str]:
        """What those who start it should know, a line each."""
        found: list[str] = []
        if self.identity is not None:
            found += self.identity.warnings
            if self.identity.is_self_signed:
                found.append(self.identity.how_to_accept(self.urls[0]))
        elif not is_loopback(self.address[0]):
            found.append(
                "others on the network can read along, the token too, for this is not encrypted: "
                "add --tls-self-signed, or --tls-cert FILE"
            )
        return found

    @property
    def clients(self) -> Sequence[Client]:
        """Who is here."""
        return self.dispatcher.sessions.clients

    async def handle(self, client: Client, request: Request) -> Reply:
        """Do what a client asks that came by another way, in the thread that the operation belongs to."""
        return await self._workers.perform(client, request)

    async def in_chain_thread(self, work: Callable[[], T]) -> T:
        """Do *work* where filters are built: what a desk needs that nobody asked for by a message (`Desk.attach`)."""
        return await self._workers.in_chain_thread(work)

    async def close(self) -> None:
        """Say good-bye to all, and close the port."""
        if self._closing:
            return
        self._closing = True
        self.dispatcher.on_event = _nothing
        self._door.close()
        self._keeper.cancel()
        self._publisher.close()
        farewell = text_frame(event_text(Event("closing", {})))
        for connection in tuple(self._sessions):
            connection.send(farewell)
            connection.close(CloseCode.LEAVING, "leaving")
        for task in self._sending:
            task.cancel()
        if self._sessions:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._all_gone.wait()
        for connection in (*self._sessions, *self._answers):
            connection.abort()
        await self._door.closed()
        await asyncio.sleep(0)  # for the transports to close
        self._workers.close()

    # ---- what connections tell: `connection.Owner`

    def requested(self, connection: Connection, request: Get) -> None:
        """A request came."""
        self.stats.requests += 1
        check_host(request, connection.local_host, self._names)
        check_origin(request, self.scheme)
        if request.path == SOCKET_PATH:
            connection.upgrade(request)
            return
        if self._answers.is_full(connection.key):
            self.stats.crowded += 1
            raise Refusal(503, "too many answers are on their way: try again", ("Retry-After", "2"))
        page = self._pages.get(request.path)
        ticket = self._files.find(request.path) if request.path.startswith(PREFIX) else None
        if page is None and ticket is None:
            raise Refusal(404, "nothing is here")
        self._door.passed(connection)
        self._answers.take(connection, connection.key)
        if page is not None:
            connection.answer(page.answered(request))
        elif ticket is not None:
            connection.begin_answer()
            task = self._loop.create_task(send_ticket(connection, request, ticket, self._workers))
            self._sending.add(task)
            task.add_done_callback(self._on_sent)

    def said(self, connection: Connection, text: str, within_rate: bool) -> None:
        """A message came."""
        session = self._sessions.get(connection)
        if session is None:
            self._greet(connection, text)
        else:
            session.receive(text, within_rate)

    def ended(self, connection: Connection, reason: str) -> None:
        """A connection is closed for what it did."""
        setattr(self.stats, reason, getattr(self.stats, reason) + 1)
        _log.debug("x connection from %s: %s", connection.key, reason)

    def gone(self, connection: Connection) -> None:
        """A connection is closed."""
        self._door.passed(connection)
        self._answers.leave(connection)
        self._seats.leave(connection)
        self.stats.skipped += connection.skipped
        session = self._sessions.pop(connection, None)
        if session is not None:
            session.leave()
            self._reception.dismiss(session.client)
            self._publisher.refresh()
        if not self._sessions:
            self._all_gone.set()

    def failed(self, where: str, error: Exception) -> None:
        """A fault of ours."""
        self.stats.faults += 1
        log_fault(where, error)

    # ---- inside

    def _greet(self, connection: Connection, text: str) -> None:
        """The first message: it has to be hello."""
        given = None
        code = CloseCode.NOT_OURS
        try:
            message = read_message(text)
            given = request_id(message)
            if message.get("op") != "hello":
                raise ControlError("unauthorized", "say hello first, with the token")
            request = self.dispatcher.parse(message)
            if self._seats.is_full(connection.key):
                self.stats.crowded += 1
                code = CloseCode.TOO_MANY
                raise ControlError("too-many", "all places are taken: somebody has to leave first")
            code = CloseCode.TOKEN
            words = request.arguments
            client = self._reception.admit(
                words["token"], words["name"], connection.key, now=self._loop.time()
            )
        except ControlError as error:
            if code == CloseCode.NOT_OURS:
                self.stats.no_hello += 1
            if error.code == "rate-limited":
                code = CloseCode.FLOOD
            connection.send(text_frame(refusal_text(given, error)))
            connection.close(code, error.code)
            return
        self._door.passed(connection)
        self._seats.take(connection, connection.key)
        connection.welcomed()
        self._sessions[connection] = Session(
            connection, client, self._workers, self.stats, self._on_subscribed
        )
        self._all_gone.clear()
        connection.send(text_frame(reply_text(Reply(given, self.dispatcher.welcome(client)))))

    def _on_subscribed(self) -> None:
        self._publisher.refresh()
        for told in self.wanted_listeners:
            told()

    def _on_sent(self, task: "asyncio.Task[None]") -> None:
        self._sending.discard(task)
        if not task.cancelled():
            error = task.exception()
            if isinstance(error, Exception):
                self.failed("an answer", error)

    def _on_event(self) -> None:
        """From any thread: the loop shall look for events, once for all that have come until then."""
        if not self._is_told:
            self._is_told = True
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._is_told = False
        for event in self.dispatcher.take_events():
            key = (event.topic, None)
            frame = b""
            for session in tuple(self._sessions.values()):
                client = session.client
                if client.id == event.origin_client_id or key not in self.dispatcher.sessions.wanted(client):
                    continue
                frame = frame or text_frame(event_text(event))
                if event.is_fleeting:
                    session.connection.offer(frame)
                else:
                    session.connection.send(frame)
            for listener in self.listeners:
                listener(event)

    def _keep(self) -> None:
        """Look after who says nothing."""
        self._keeper = self._loop.call_later(PING_S, self._keep)
        now = self._loop.time()
        for connection in tuple(self._sessions):
            silent_s = now - connection.heard_at
            if silent_s > 2 * PING_S:
                self.stats.silent += 1
                connection.abort()
            elif silent_s > PING_S / 2:
                connection.ping()


def _nothing() -> None:
    pass


def _identity(options: ServeOptions, folder: Path | None, bound: str) -> "Identity | None":
    if not options.is_secure:
        return None
    from softphone.io.control.tls import given_identity, self_signed_identity  # most servers need none

    if options.tls_cert is not None:
        return given_identity(options.tls_cert, options.tls_key)
    if folder is None:
        raise UsageError("a self-signed certificate needs a folder to be kept in: got none")
    return self_signed_identity(folder, [*options.host_names, *reachable_hosts(bound, ())])
