"""Calls that are served: which meters run for whom."""

import asyncio
from contextlib import aclosing

from softphone.app.chain_runner import NOTHING, Wanted
from softphone.app.served_calls import ServedCalls
from softphone.control.client import connect_async
from softphone.serve_config import ServeOptions

TOKEN = "a-token-for-tests"
GAIN = {"filter": [{"type": "gain", "gain_db": 3.0}]}


class Chains:
    """Stands for the chains of a call; notes what is wanted of them."""

    def __init__(self):
        self.wanted = {}
        self.told = asyncio.Event()

    def watch(self, wanted):
        self.wanted = wanted
        self.told.set()

    def desk_changed(self, side):
        pass

    async def until(self, **wanted):
        """Wait until so much is wanted, and nothing else."""
        expected = {side: wanted.get(side, NOTHING) for side in ("sent", "heard")}
        async with asyncio.timeout(10):
            while self.wanted != expected:
                self.told.clear()
                await self.told.wait()


def served(scene):
    async def run():
        calls = ServedCalls(None)
        try:
            room = await calls.open(ServeOptions(("127.0.0.1", 0), token=TOKEN), on_serving=None)
            chains = Chains()
            calls._chains.append(chains)
            await scene(room.server, chains)
        finally:
            await calls.close()

    asyncio.run(run())


def test_who_only_is_there_costs_no_meters_and_who_looks_those_of_what_is_looked_at():
    async def scene(server, chains):
        async with await connect_async(server.urls[0], token=server.view_token) as client:
            await chains.until()
            async with aclosing(client.watch("levels", chain="heard")) as told:
                waiting = asyncio.create_task(anext(told))
                await chains.until(heard=Wanted(levels=True))
                await client.ask("subscribe", topics=["spectrum"], chain="sent")
                await chains.until(heard=Wanted(levels=True), sent=Wanted(spectrum=True))
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
        await chains.until()

    served(scene)


def test_filters_that_can_be_bypassed_are_measured_so_that_the_plain_sound_is_as_loud():
    async def scene(server, chains):
        async with await connect_async(server.urls[0], token=TOKEN) as client:
            await chains.until()
            await client.ask("load", preset=GAIN, chain="sent")
            await chains.until(sent=Wanted(levels=True))
            async with await connect_async(server.urls[0], token=server.view_token):
                await chains.until(sent=Wanted(levels=True))
        await chains.until()

    served(scene)
