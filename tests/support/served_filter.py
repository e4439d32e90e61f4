"""A live filter with its control server in a thread, as `filter --live --serve` has it, and ears at what it plays."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsp.chain import FilterChain
from dsp.filters import Setting
from dsp.preset import Preset
from dsp.types import Block
from softphone.app.live_filter import EngineRunner
from softphone.app.preset_store import FolderPresets
from softphone.control import Desk, Dispatcher
from softphone.io.control.server import ControlServer
from softphone.io.control.tickets import Tickets
from softphone.io.live.engine import LiveEngine
from softphone.io.live.null_port import NullPort
from softphone.serve_config import ServeOptions

RATE_HZ = 48_000
TOKEN = "a-token-for-tests"
PATIENCE_S = 10.0
_HEARD_BLOCKS = 10


class ListeningPort(NullPort):
    """A null device that keeps the newest 0.1 s of what it is given."""

    def __init__(self, name: str) -> None:
        super().__init__(name, RATE_HZ)
        self.heard: deque[Block] = deque(maxlen=_HEARD_BLOCKS)

    def write(self, block: Block) -> None:
        self.heard.append(block.copy())
        super().write(block)


class ServedFilter:
    """One desk, "main", over an engine that runs a tone of 1 kHz; a server that can be pulled away and put back."""

    def __init__(
        self,
        preset: Preset,
        presets: Path,
        domains: Callable[[Tickets], Sequence[Any]] = lambda tickets: (),
        *,
        has_filter: bool = True,
        more: Sequence[Desk] = (),
    ) -> None:
        self.port = ListeningPort("null:tone=1000")
        self.engine = LiveEngine(self.port, FilterChain(preset, Setting(RATE_HZ)))
        self.engine.start()
        self.desk = Desk("main", "Live", preset, Setting(RATE_HZ))
        self.desk.attach(EngineRunner(self.engine))
        self.tickets = Tickets()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.domains: Sequence[Any] = self.call(_made(domains, self.tickets))
        self.dispatcher = Dispatcher(
            [self.desk, *more] if has_filter else [],
            FolderPresets(presets),
            self.domains,
            title="A test",
            version="1",
        )
        for domain in self.domains:
            domain.publish = self.dispatcher.publish
        self._options = ServeOptions(("127.0.0.1", 0), token=TOKEN)
        self.server: ControlServer | None = None
        self.serve()
        assert self.server is not None
        self.view_token = self.server.view_token

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do *work* in the server's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    @property
    def url(self) -> str:
        """The page, without a token."""
        host, port = self._options.address
        return f"http://{host}:{port}/"

    def serve(self) -> None:
        """Put the server there; again on the same port."""
        self.server = self.call(ControlServer.open(self.dispatcher, self._options, files=self.tickets))
        self._options = ServeOptions(self.server.address, token=TOKEN)

    def pull_away(self) -> None:
        """Take the server away; the sound goes on."""
        if self.server is not None:
            self.call(self.server.close())
            self.server = None

    def level_dbfs(self) -> float:
        """RMS of the newest 0.1 s that came out; a full-scale sine is -3.01."""
        sound = np.concatenate([each[0] for each in tuple(self.port.heard)])
        return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-20))

    def soon(self, work: Callable[[], Any]) -> Any:
        """Do *work* in the thread of the server's event loop."""

        async def done() -> Any:
            return work()

        return self.call(done())

    def wanted_topics(self) -> set[str]:
        """What anybody is told of now."""
        sessions = self.dispatcher.sessions
        return {topic for client in sessions.clients for topic, _ in sessions.wanted(client)}

    def close(self) -> None:
        """End it all."""
        self.pull_away()
        self.engine.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _made(domains: Callable[[Tickets], Sequence[Any]], tickets: Tickets) -> Sequence[Any]:
    return domains(tickets)
