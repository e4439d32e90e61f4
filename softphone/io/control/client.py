"""A client of a control server, for asyncio; for programs without a loop it is wrapped in `blocking_client`."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from softphone.errors import UnreachableError, UsageError
from softphone.io.control.dialling import ANSWER_S, Place, RemoteError, dial

Result = Mapping[str, Any]

FIRST_RETRY_S, LONGEST_RETRY_S = 0.25, 8.0
"""Between attempts to come back; doubled each time."""

_PASSING = ("levels", "spectrum")
"""Topics of which an old event is worth nothing."""


class AsyncClient:
    """A connection to a control server; made by `connect_async`, a context manager.

    Attributes:
        welcome: what the server said of itself: ``client``, ``role``, ``title``, ``chains``, ``topics``, ``limits``.
    """

    def __init__(
        self,
        place: Place,
        token: str,
        name: str,
        context: ssl.SSLContext | None,
        pin: str | None,
        reconnect: bool,
    ) -> None:
        self.welcome: Result = {}
        self._place = place
        self._token = token
        self._name = name
        self._context = context
        self._pin = pin
        self._reconnect = reconnect
        self._socket: ClientConnection | None = None
        self._here = asyncio.Event()
        self._last_id = 0
        self._asked: dict[int, asyncio.Future[Result]] = {}
        self._watchers: list[_Watcher] = []
        self._reader: asyncio.Task[None] | None = None
        self._over: RemoteError | None = None

    async def open(self) -> None:
        """Connect and say hello.

        Raises:
            UnreachableError: nobody answers there, or it shows a certificate that is not to be trusted.
            RemoteError: it refuses.
        """
        await self._join()
        self._reader = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Say good-bye."""
        self._end(RemoteError("away", "the connection was closed"))
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader
        if self._socket is not None:
            await self._socket.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def ask(self, op: str, *, timeout_s: float = ANSWER_S, **arguments: Any) -> Result:
        """Do *op* with *arguments* (docs/remote-control.md), and return its result; ``None`` arguments are left out.

        Args:
            timeout_s: for the answer, and for the server to come back where it is away.

        Raises:
            RemoteError: it was refused, or no answer came.
        """
        try:
            async with asyncio.timeout(timeout_s):
                if self._over is None:
                    await self._here.wait()
                return await self._ask(op, arguments)
        except TimeoutError:
            raise RemoteError("away", f"no answer from {self._place.shown} within {timeout_s:g} s") from None

    async def get(self, path: str | None = None, *, chain: str | None = None) -> Any:
        """The value at *path*; without one all there is about a chain: preset, bypass, revision, readings."""
        result = await self.ask("get", path=path, chain=chain)
        return result if path is None else result["value"]

    async def set(
        self, path: str, value: Any, *, chain: str | None = None, if_revision: int | None = None
    ) -> Result:
        """Change one value."""
        return await self.ask("set", path=path, value=value, chain=chain, if_revision=if_revision)

    async def patch(
        self, changes: Mapping[str, Any], *, chain: str | None = None, if_revision: int | None = None
    ) -> Result:
        """Change several values at once, all or none."""
        return await self.ask("patch", changes=dict(changes), chain=chain, if_revision=if_revision)

    async def presets(self) -> Sequence[Result]:
        """Every preset that has a name."""
        presets: Sequence[Result] = (await self.ask("presets"))["presets"]
        return presets

    async def preset(self, name: str, *, chain: str | None = None) -> Result:
        """Change to the preset called *name*."""
        return await self.ask("preset", name=name, chain=chain)

    async def load(self, preset: Mapping[str, Any], *, chain: str | None = None) -> Result:
        """Change to *preset*, given as data."""
        return await self.ask("load", preset=dict(preset), chain=chain)

    async def save(self, name: str, *, force: bool = False, chain: str | None = None) -> Result:
        """Save what runs as one of the server's own presets."""
        return await self.ask("save", name=name, force=force, chain=chain)

    async def bypass(self, on: bool, *, matched: bool = True, chain: str | None = None) -> Result:
        """Hear the plain sound, as loud as the filtered one where *matched*; or the filtered one again."""
        return await self.ask("bypass", on=on, matched=matched, chain=chain)

    async def undo(self, *, chain: str | None = None) -> Result:
        """Go one step back."""
        return await self.ask("undo", chain=chain)

    async def redo(self, *, chain: str | None = None) -> Result:
        """Go one step forward again."""
        return await self.ask("redo", chain=chain)

    async def schema(self) -> Result:
        """Every filter with its parameters, every chain, operation and topic."""
        return await self.ask("schema")

    async def clients(self) -> Sequence[Result]:
        """Who is here."""
        clients: Sequence[Result] = (await self.ask("clients"))["clients"]
        return clients

    async def levels(self, *, chain: str | None = None) -> Result | None:
        """What the meters of a chain show now; None where nothing runs."""
        watched = [each for each in self._watchers if "levels" in each.topics]
        rate_hz = max((each.rate_hz for each in watched), default=0.2)
        result = await self.ask("subscribe", topics=["levels"], rate_hz=rate_hz, chain=chain)
        if not watched:
            await self.ask("unsubscribe", topics=["levels"])
        levels: Result | None = result["first"].get("levels")
        return levels

    async def watch(
        self, *topics: str, rate_hz: float = 20.0, chain: str | None = None
    ) -> AsyncGenerator[Result, None]:
        """Events of *topics* (without any: ``changes``) as they come; ``event`` says which.

        With ``reconnect`` there are events of the connection itself, too: ``{"event": "connection", "state": "away"}``,
        and ``"here"`` when it is back. Levels and spectra that nobody takes out are left out.

        Raises:
            RemoteError: the connection is over.
        """
        watcher = _Watcher(topics or ("changes",), rate_hz, chain)
        self._watchers.append(watcher)
        try:
            await self._subscribe(watcher)
            while True:
                while watcher.waiting:
                    yield watcher.waiting.pop(0)
                if self._over is not None:
                    raise self._over
                watcher.news.clear()
                await watcher.news.wait()
        finally:
            self._watchers.remove(watcher)
            await self._unsubscribe(watcher)

    # ---- inside

    async def _subscribe(self, watcher: "_Watcher") -> None:
        result = await self.ask(
            "subscribe", topics=list(watcher.topics), rate_hz=watcher.rate_hz, chain=watcher.chain
        )
        for topic, body in result.get("first", {}).items():
            watcher.take({"event": topic, **body})

    async def _unsubscribe(self, watcher: "_Watcher") -> None:
        still = {topic for each in self._watchers for topic in each.topics}
        topics = [topic for topic in watcher.topics if topic not in still]
        if topics and self._here.is_set() and self._over is None:
            with suppress(RemoteError):
                await self.ask("unsubscribe", topics=topics)

    async def _join(self) -> None:
        self._socket = socket = await dial(self._place, self._context, self._pin)
        try:
            async with asyncio.timeout(ANSWER_S):
                await socket.send(_text({"id": 0, "op": "hello", "token": self._token, "name": self._name}))
                reply = _read(await socket.recv())
            if not reply.get("ok"):
                raise _error_of(reply)
        except BaseException as error:
            await socket.close()
            if not isinstance(error, (TimeoutError, ConnectionClosed)):
                raise
            raise UnreachableError(
                f"{self._place.shown} closed the connection without a word: is it softphone's control port?"
            ) from None
        self.welcome = reply["result"]
        self._here.set()

    async def _ask(self, op: str, arguments: Mapping[str, Any]) -> Result:
        if self._over is not None:
            raise self._over
        assert self._socket is not None
        self._last_id += 1
        number = self._last_id
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        message = {key: value for key, value in arguments.items() if value is not None}
        try:
            await self._socket.send(_text({**message, "id": number, "op": op}))
            return await future
        except ConnectionClosed:
            raise RemoteError("away", f"the connection to {self._place.shown} was lost") from None
        finally:
            self._asked.pop(number, None)

    async def _read(self) -> None:
        while True:
            assert self._socket is not None
            try:
                async for text in self._socket:
                    self._take(_read(text))
            except ConnectionClosed:
                pass
            except RemoteError as error:  # nothing it says can be relied on any more
                self._end(error)
                return
            self._here.clear()
            lost = RemoteError("away", f"the connection to {self._place.shown} was lost")
            if not self._reconnect:
                self._end(lost)
                return
            self._fail_asked(lost)
            self._tell_all({"event": "connection", "state": "away"})
            if not await self._come_back():
                return
            self._tell_all({"event": "connection", "state": "here"})

    async def _come_back(self) -> bool:
        wait_s = FIRST_RETRY_S
        while True:
            await asyncio.sleep(wait_s)
            wait_s = min(LONGEST_RETRY_S, 2 * wait_s)
            try:
                await self._join()
            except UnreachableError:
                continue
            except RemoteError as error:
                if error.code in ("too-many", "rate-limited"):
                    continue
                self._end(error)
                return False
            for watcher in self._watchers:
                watcher.asking = asyncio.create_task(self._subscribe_again(watcher))
            return True

    async def _subscribe_again(self, watcher: "_Watcher") -> None:
        with suppress(RemoteError):  # it is gone again, and so will this be done again
            await self._subscribe(watcher)

    def _take(self, message: Result) -> None:
        if "event" in message:
            chains = self.welcome.get("chains")
            first = chains[0]["name"] if chains else None
            for watcher in self._watchers:
                if message["event"] not in watcher.topics:
                    continue
                if message["event"] in _PASSING and message.get("chain") != (watcher.chain or first):
                    continue
                watcher.take(message)
            return
        future = self._asked.get(message.get("id", -1))
        if future is None or future.done():
            return
        if message.get("ok"):
            result = dict(message.get("result") or {})
            if "revision" in message:
                result.setdefault("revision", message["revision"])
            future.set_result(result)
        else:
            future.set_exception(_error_of(message))

    def _tell_all(self, event: Result) -> None:
        for watcher in self._watchers:
            watcher.take(event)

    def _end(self, error: RemoteError) -> None:
        self._over = error
        self._here.set()
        self._fail_asked(error)
        for watcher in self._watchers:
            watcher.news.set()

    def _fail_asked(self, error: RemoteError) -> None:
        for future in self._asked.values():
            if not future.done():
                future.set_exception(error)


class _Watcher:
    """What one `watch` has not yet taken out."""

    def __init__(self, topics: Sequence[str], rate_hz: float, chain: str | None) -> None:
        self.topics = tuple(topics)
        self.rate_hz = rate_hz
        self.chain = chain
        self.waiting: list[Result] = []
        self.news = asyncio.Event()
        self.asking: asyncio.Task[None] | None = None

    def take(self, event: Result) -> None:
        if event["event"] in _PASSING:  # the newest is all that counts
            self.waiting = [each for each in self.waiting if each["event"] != event["event"]]
        self.waiting.append(event)
        self.news.set()


async def connect_async(
    at: str = "127.0.0.1:8765",
    *,
    token: str | None = None,
    tls: bool | ssl.SSLContext = False,
    fingerprint: str | None = None,
    name: str = "",
    reconnect: bool = False,
) -> AsyncClient:
    """Connect to a control server and say hello.

    Args:
        at: ``HOST:PORT``, or the URL that was printed, whose token is taken where *token* is None.
        token: that of the role control, or view.
        tls: whether to speak TLS although *at* does not say so, or what to check the server's certificate with.
        fingerprint: SHA-256 of the one certificate to trust, in hexadecimal digits: that of a self-signed one.
        name: what the others shall see.
        reconnect: whether to come back by itself after the connection was lost.

    Raises:
        UsageError: *at* is no address, or there is no token.
        UnreachableError: nobody answers there, or shows a certificate that is not to be trusted.
        RemoteError: the server refuses: ``unauthorized``, ``too-many``, ``rate-limited``, ``forbidden``.
    """
    place = Place.parse(at)
    secure = place.secure or tls is not False or fingerprint is not None
    place = Place(place.host, place.port, secure, place.token)
    shown = place.token if token is None else token
    if shown is None:
        raise UsageError("a token is needed: the one behind #token= in the URL that was printed")
    pin = None if fingerprint is None else fingerprint.replace(":", "").lower()
    context = None
    if secure:
        from softphone.io.control.tls import client_context

        context = tls if isinstance(tls, ssl.SSLContext) else client_context(pinned=pin is not None)
    client = AsyncClient(place, shown, name, context, pin, reconnect)
    await client.open()
    return client


def _text(message: Mapping[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"), allow_nan=False)


def _read(text: str | bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        message = json.loads(text)
        if isinstance(message, dict):
            return message
    raise RemoteError("bad-message", "the server sent what is no message of this protocol")


def _error_of(reply: Mapping[str, Any]) -> RemoteError:
    error = dict(reply.get("error") or {})
    return RemoteError(str(error.pop("code", "internal")), str(error.pop("message", "")), error)
