"""A call, and a registration, whose machine gets another address; on Linux all of 127.0.0.0/8 is this machine's."""

import asyncio
import re
import sys

import pytest
from support.command import Answering
from support.registrar import RunningRegistrar

from softphone.app import mobility, place_call_async, register_and_answer_async
from softphone.config import (
    AccountOptions,
    AudioOptions,
    CallOptions,
    CodecChoice,
    MediaOptions,
    RegisterOptions,
)
from softphone.errors import UnreachableError
from softphone.io.address_news import AddressNews

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")

OLD, NEW = "127.0.0.1", "127.0.0.7"


@pytest.fixture
def way(monkeypatch):
    """Where the way to anybody begins; None: there is none. The kernel tells nothing."""
    monkeypatch.setattr(mobility.AddressNews, "open", lambda: None)
    hosts = [OLD]

    def local_host_towards(_remote):
        if hosts[0] is None:
            raise UnreachableError("no route")
        return hosts[0]

    monkeypatch.setattr(mobility, "local_host_towards", local_host_towards)
    monkeypatch.setattr(mobility, "LOOK_S", 0.05)
    return hosts


def test_a_call_goes_on_from_the_new_address(way, tmp_path):
    async def talk(uri):
        def on_running(one):
            loop = asyncio.get_running_loop()
            loop.call_later(0.3, lambda: way.__setitem__(0, None))  # first there is no network at all
            loop.call_later(0.4, lambda: way.__setitem__(0, NEW))

        options = CallOptions(
            uri,
            seconds=1.5,
            audio=AudioOptions(tone_hz=440),
            media=MediaOptions(codecs=(CodecChoice("pcmu"),)),
        )
        return await place_call_async(options, on_running=on_running)

    trace = tmp_path / "trace.txt"
    with Answering("--calls", "1", "--tone", "660", "--trace", str(trace)) as callee:
        (result,) = asyncio.run(talk(callee.uri))
        status, (theirs,), err = callee.finish()
    assert (status, result["outcome"], theirs["outcome"]) == (0, "completed", "completed"), err
    for side in (result, theirs):
        # Audio is heard before and after; how much is lost between depends on how busy this machine is.
        assert not {"silent", "one-way"} & set(side["verdict"])
        assert side["received"]["packets"] > 40
    written = trace.read_text()
    assert f"c=IN IP4 {NEW}" in written
    assert re.search(rf" rtp 127\.0\.0\.1:\d+ < {re.escape(NEW)}:", written)
    assert re.search(rf" rtp 127\.0\.0\.1:\d+ > {re.escape(NEW)}:", written)
    assert re.search(rf"< {re.escape(NEW)}:\d+ \d+ bytes\n +BYE ", written)


def test_a_registration_moves_along_and_leaves_nothing_behind(way):
    async def registered(registrar):
        stop = asyncio.Event()
        events = []
        contacts = []

        def on_event(event):
            events.append(event["event"])
            if event["event"] == "registered":
                contacts.append(registrar.core.contacts("alice"))
                if len(contacts) == 1:
                    way[0] = NEW
                else:
                    stop.set()

        account = AccountOptions(user="alice", password="wonder")
        options = RegisterOptions(uri=f"sip:alice@{registrar.host}", account=account)
        await asyncio.wait_for(register_and_answer_async(options, on_event, stop=stop), 10)
        return events, contacts

    with RunningRegistrar(users={"alice": "wonder"}) as registrar:
        events, contacts = asyncio.run(registered(registrar))
        left = registrar.core.contacts("alice")
        sources = {host for host, _ in registrar.core.sources}
    assert events == ["listening", "registered", "registered", "unregistered"]
    (before,), (after,) = contacts
    assert before.startswith(f"sip:alice@{OLD}:")
    assert after.startswith(f"sip:alice@{NEW}:")
    assert (sources, left) == ({OLD, NEW}, [])


def test_who_chose_an_address_keeps_it():
    assert mobility.follows(None)
    assert mobility.follows(("", 5060))
    assert not mobility.follows(("127.0.0.1", 0))


class Moving:
    """A station that notes where it is sent."""

    host = OLD

    async def move(self, host):
        self.host = host


def test_where_the_kernel_tells_of_changes_nobody_looks_for_them(monkeypatch):
    looked = []

    class News:
        told = asyncio.Event()

        async def wait(self, timeout_s):
            assert timeout_s == mobility.LOOK_RARELY_S
            await self.told.wait()
            self.told.clear()

        def close(self):
            looked.append("closed")

    def local_host_towards(_remote):
        looked.append(NEW)
        return NEW

    monkeypatch.setattr(mobility.AddressNews, "open", News)
    monkeypatch.setattr(mobility, "local_host_towards", local_host_towards)

    async def run():
        station = Moving()
        moving = mobility.Mobility(station, ("192.0.2.1", 5060))
        for _ in range(5):
            await asyncio.sleep(0)
        assert looked == []
        News.told.set()
        for _ in range(5):
            await asyncio.sleep(0)
        await moving.stop()
        return station.host

    assert asyncio.run(run()) == NEW
    assert looked == [NEW, "closed"]


def test_a_kernel_that_tells_nothing_new_is_waited_for_no_longer_than_asked():
    async def run():
        news = AddressNews.open()
        if news is None:
            pytest.skip("no rtnetlink here")
        await news.wait(0.01)
        news.close()

    asyncio.run(run())
