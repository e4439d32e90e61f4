"""The remote control of one process: desks, presets and domains behind one port, with what else was asked for beside it."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol, Self, runtime_checkable

from softphone import __version__
from softphone.app.serving import OnServing
from softphone.control.desk import Desk
from softphone.control.dispatcher import Dispatcher, PresetStore
from softphone.control.op import Domain, Event
from softphone.errors import SoftphoneError
from softphone.io.control.announce import Announcer
from softphone.io.control.osc_mirror import OscMirror
from softphone.io.control.server import ControlServer
from softphone.io.control.tickets import Tickets
from softphone.serve_config import ServeOptions, Serving
from softphone.settings import user_config_path

log = logging.getLogger(__name__)


@runtime_checkable
class Publishing(Protocol):
    """A domain that has something to tell."""

    publish: Callable[[str, Mapping[str, Any]], None]


@runtime_checkable
class Asking(Protocol):
    """A domain that tells some things only while somebody listens."""

    is_wanted: Callable[[str], bool]


class ControlRoom:
    """Open from `open` to `close`; belongs to the event loop.

    Attributes:
        dispatcher: what answers.
        server: the port.
    """

    def __init__(self, dispatcher: Dispatcher, server: ControlServer) -> None:
        self.dispatcher = dispatcher
        self.server = server
        self._osc: OscMirror | None = None
        self._announcer: Announcer | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    @classmethod
    async def open(
        cls,
        serve: ServeOptions,
        *,
        desks: Sequence[Desk],
        presets: PresetStore,
        domains: Sequence[Domain] = (),
        tickets: Tickets | None = None,
        on_serving: OnServing | None = None,
        title: str = "softphone",
    ) -> Self:
        """Let others in, as *serve* says.

        Args:
            desks: the first is meant where a request names none.
            tickets: gives files addresses; those that the domains use.
            on_serving: told, once, where it is reached, and by which tokens.

        Raises:
            UsageError: an address or a certificate that cannot be.
            EnvironmentProblem: a port is taken, or a package that was asked for is missing.
        """
        dispatcher = Dispatcher(desks, presets, domains, title=title, version=__version__)
        files = Tickets() if tickets is None else tickets
        folder = user_config_path().parent / "tls"
        server = await ControlServer.open(dispatcher, serve, files=files, tls_folder=folder)
        room = cls(dispatcher, server)
        try:
            if serve.osc is not None:
                room._osc = await OscMirror.open(server, serve.osc)
            if serve.announce is not None:
                room._announcer = await Announcer.open(serve, server.address)
        except BaseException:
            await room.close()
            raise
        for domain in domains:
            if isinstance(domain, Publishing):
                domain.publish = dispatcher.publish
            if isinstance(domain, Asking):
                domain.is_wanted = room.is_wanted
        if on_serving is not None:
            on_serving(room._serving(serve))
        return room

    def is_wanted(self, topic: str, chain: str | None = None) -> bool:
        """Whether anybody is told of *topic*, of the chain of that name where it is told of each."""
        sessions = self.dispatcher.sessions
        return any((topic, chain) in sessions.wanted(client) for client in sessions.clients)

    def on_wanted(self, told: Callable[[], None]) -> None:
        """Tell *told* when what clients want to be told of may have changed."""
        self.server.wanted_listeners.append(told)

    def on_event(self, told: Callable[[Event], None]) -> None:
        """Tell *told* of every event that clients are told of."""
        self.server.listeners.append(told)

    def in_chain_thread(self, work: Callable[[], None]) -> None:
        """Do *work* where desks are changed, soon, after what was asked for before."""
        task = asyncio.get_running_loop().create_task(self._in_chain_thread(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_chain_thread(self, work: Callable[[], None]) -> None:
        try:
            await self.server.in_chain_thread(work)
        except RuntimeError:
            if not self._closing:
                raise
            log.debug("= too late for the thread of the filters")

    async def close(self) -> None:
        """Say good-bye to all who are here, and close what was opened, whatever one of them meets in doing so."""
        self._closing = True
        async with AsyncExitStack() as closing:  # the last one first
            closing.push_async_callback(self._settle)
            closing.push_async_callback(self.server.close)
            if self._osc is not None:
                closing.push_async_callback(self._osc.close)
            if self._announcer is not None:
                try:
                    await self._announcer.close()
                except (OSError, SoftphoneError) as error:
                    log.warning("%s", error)

    async def _settle(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _serving(self, serve: ServeOptions) -> Serving:
        server = self.server
        identity = server.identity
        return Serving(
            urls=tuple(server.urls),
            control_url=server.pairing_url("control"),
            view_url=server.pairing_url("view"),
            token_was_given=serve.token is not None,
            fingerprint=None if identity is None else identity.fingerprint,
            notices=tuple(server.notices),
            osc=None if self._osc is None else self._osc.bound,
            announced=serve.announce,
        )
