"""A client of a control server for programs without an event loop: each method waits for its answer."""

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from softphone.io.control.client import AsyncClient, Result, connect_async
from softphone.io.control.dialling import ANSWER_S

T = TypeVar("T")


def connect(
    at: str = "127.0.0.1:8765",
    *,
    token: str | None = None,
    tls: bool | ssl.SSLContext = False,
    fingerprint: str | None = None,
    name: str = "",
    reconnect: bool = False,
) -> "Client":
    """Connect to a control server and say hello: arguments and errors are those of `connect_async`."""
    thread = _LoopThread()
    try:
        inner = thread.wait(
            connect_async(at, token=token, tls=tls, fingerprint=fingerprint, name=name, reconnect=reconnect)
        )
    except BaseException:
        thread.close()
        raise
    return Client(inner, thread)


class Client:
    """A connection to a control server; made by `connect`, a context manager. Errors: see `AsyncClient`."""

    def __init__(self, inner: AsyncClient, thread: "_LoopThread") -> None:
        self._inner = inner
        self._thread = thread

    @property
    def welcome(self) -> Result:
        """What the server said of itself: ``client``, ``role``, ``title``, ``chains``, ``topics``, ``limits``."""
        return self._inner.welcome

    def close(self) -> None:
        """Say good-bye."""
        if self._thread.is_open:
            self._thread.wait(self._inner.close())
            self._thread.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, op: str, *, timeout_s: float = ANSWER_S, **arguments: Any) -> Result:
        """Do *op* with *arguments* (docs/remote-control.md), and return its result."""
        return self._thread.wait(self._inner.ask(op, timeout_s=timeout_s, **arguments))

    def get(self, path: str | None = None, *, chain: str | None = None) -> Any:
        """The value at *path*; without one all there is about a chain: preset, bypass, revision, readings."""
        return self._thread.wait(self._inner.get(path, chain=chain))

    def set(
        self, path: str, value: Any, *, chain: str | None = None, if_revision: int | None = None
    ) -> Result:
        """Change one value."""
        return self._thread.wait(self._inner.set(path, value, chain=chain, if_revision=if_revision))

    def patch(
        self, changes: Mapping[str, Any], *, chain: str | None = None, if_revision: int | None = None
    ) -> Result:
        """Change several values at once, all or none."""
        return self._thread.wait(self._inner.patch(changes, chain=chain, if_revision=if_revision))

    def presets(self) -> Sequence[Result]:
        """Every preset that has a name."""
        return self._thread.wait(self._inner.presets())

    def preset(self, name: str, *, chain: str | None = None) -> Result:
        """Change to the preset called *name*."""
        return self._thread.wait(self._inner.preset(name, chain=chain))

    def load(self, preset: Mapping[str, Any], *, chain: str | None = None) -> Result:
        """Change to *preset*, given as data."""
        return self._thread.wait(self._inner.load(preset, chain=chain))

    def save(self, name: str, *, force: bool = False, chain: str | None = None) -> Result:
        """Save what runs as one of the server's own presets."""
        return self._thread.wait(self._inner.save(name, force=force, chain=chain))

    def bypass(self, on: bool, *, matched: bool = True, chain: str | None = None) -> Result:
        """Hear the plain sound, as loud as the filtered one where *matched*; or the filtered one again."""
        return self._thread.wait(self._inner.bypass(on, matched=matched, chain=chain))

    def undo(self, *, chain: str | None = None) -> Result:
        """Go one step back."""
        return self._thread.wait(self._inner.undo(chain=chain))

    def redo(self, *, chain: str | None = None) -> Result:
        """Go one step forward again."""
        return self._thread.wait(self._inner.redo(chain=chain))

    def schema(self) -> Result:
        """Every filter with its parameters, every chain, operation and topic."""
        return self._thread.wait(self._inner.schema())

    def clients(self) -> Sequence[Result]:
        """Who is here."""
        return self._thread.wait(self._inner.clients())

    def levels(self, *, chain: str | None = None) -> Result | None:
        """What the meters of a chain show now; None where nothing runs."""
        return self._thread.wait(self._inner.levels(chain=chain))

    def watch(self, *topics: str, rate_hz: float = 20.0, chain: str | None = None) -> Iterator[Result]:
        """Events as they come: see `AsyncClient.watch`."""
        events = self._inner.watch(*topics, rate_hz=rate_hz, chain=chain)
        try:
            while True:
                try:
                    yield self._thread.wait(events.__anext__())
                except StopAsyncIteration:
                    return
        finally:
            if self._thread.is_open:
                self._thread.wait(events.aclose())


class _LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="softphone-control", daemon=True)
        self._thread.start()

    @property
    def is_open(self) -> bool:
        """Whether it runs."""
        return self._thread.is_alive()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what *work* comes to."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()
