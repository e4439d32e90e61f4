"""A machine that gets another address while it calls: noticed by a look now and then, told to its station."""

import asyncio
import logging

from softphone.app.station import Station
from softphone.errors import SoftphoneError, UnreachableError
from softphone.io.udp import local_host_towards
from softphone.sip.events import Address

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""From one look to the next, which sends nothing: soon enough for a call whose peer gives up after some seconds of silence."""


class Mobility:
    """Moves *station* when the way to *peer* begins at another address of ours; runs from its making to `stop`."""

    def __init__(self, station: Station, peer: Address) -> None:
        self._station = station
        self._peer = (peer[0], peer[1])
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Look no more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                host = local_host_towards(self._peer)
            except UnreachableError:
                continue  # no network at all; it may come back with the address that we have
            if host == self._station.host:
                continue
            try:
                await self._station.move(host)
            except SoftphoneError as error:
                log.warning("cannot go on from the address %s: %s", host, error)
            else:
                log.warning("this machine's address is %s now", host)


def follows(listen: tuple[str, int] | None) -> bool:
    """Whether an address to listen at was left to us, so that we may go over to another."""
    return listen is None or not listen[0]
