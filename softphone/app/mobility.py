"""A machine that gets another address while it calls: noticed when the kernel tells it, or by a look, and told to its station."""

import asyncio
import logging

from softphone.app.station import Station
from softphone.errors import SoftphoneError, UnreachableError
from softphone.io.address_news import AddressNews
from softphone.io.udp import local_host_towards
from softphone.sip.events import Address

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""From one look to the next, which sends nothing: soon enough for a call whose peer gives up after some seconds of silence."""
LOOK_RARELY_S = 60.0
"""The same where the kernel tells of changes: a call wakes up for its audio, and for nothing else."""


class Mobility:
    """Moves *station* when the way to *peer* begins at another address of ours; runs from its making to `stop`."""

    def __init__(self, station: Station, peer: Address) -> None:
        self._station = station
        self._peer = (peer[0], peer[1])
        self._news = AddressNews.open()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Look no more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._news is not None:
            self._news.close()

    async def _run(self) -> None:
        again = False
        while True:
            if self._news is None:
                await asyncio.sleep(LOOK_S)
            else:
                await self._news.wait(LOOK_S if again else LOOK_RARELY_S)
            again = not await self._look()

    async def _look(self) -> bool:
        """Move if there is a reason; False if that could not be done yet."""
        try:
            host = local_host_towards(self._peer)
        except UnreachableError:
            return False  # no network at all; it may come back with the address that we have
        if host == self._station.host:
            return True
        try:
            await self._station.move(host)
        except SoftphoneError as error:
            log.warning("cannot go on from the address %s: %s", host, error)
            return False
        log.warning("this machine's address is %s now", host)
        return True


def follows(listen: tuple[str, int] | None) -> bool:
    """Whether an address to listen at was left to us, so that we may go over to another."""
    return listen is None or not listen[0]
