"""The remote control of one process: opened whole or not at all, and closed with a good-bye."""

import asyncio
import gc
import socket

import pytest

from dsp.filters import Setting
from dsp.preset import Preset
from softphone.app.chain_runner import EMPTY
from softphone.app.control_room import ControlRoom
from softphone.app.preset_store import FolderPresets
from softphone.control.client import RemoteError, connect_async
from softphone.control.desk import Desk
from softphone.errors import EnvironmentProblem
from softphone.serve_config import ServeOptions

ANY = ("127.0.0.1", 0)


class Bell:
    """A domain that has something to tell."""

    def __init__(self):
        self.publish = None
        self.is_wanted = None

    def ops(self):
        return ()

    def topics(self):
        return {"bell": "whether it rings"}

    def snapshot(self, topic):
        return {"rings": False}


async def opened(folder, *domains, on_serving=None, **options):
    presets = FolderPresets(folder)
    desk = Desk("main", "Main", EMPTY, Setting(16_000, 1, presets.resources()))
    serve = ServeOptions(address=ANY, **options)
    return await ControlRoom.open(
        serve, desks=(desk,), presets=presets, domains=domains, on_serving=on_serving
    )


def joined(serving):
    _, _, token = serving.control_url.partition("#token=")
    return connect_async(serving.urls[0].split("//")[1].strip("/"), token=token)


def test_what_is_served_is_told_and_can_be_used(tmp_path):
    async def scenario():
        told = []
        room = await opened(tmp_path, on_serving=told.append)
        (serving,) = told
        assert serving.urls[0].startswith("http://127.0.0.1:")
        assert serving.control_url != serving.view_url
        assert not serving.token_was_given
        async with await joined(serving) as client:
            await client.preset("telephone")
            assert (await client.get())["name"] == "telephone"
            await client.save("mine")
            assert (tmp_path / "mine.toml").exists()
        await room.close()

    asyncio.run(scenario())


def test_a_domain_tells_and_knows_whether_anybody_listens(tmp_path):
    async def scenario():
        told, bell = [], Bell()
        room = await opened(tmp_path, bell, on_serving=told.append)
        assert not bell.is_wanted("bell")
        async with await joined(told[0]) as client:
            heard = client.watch("bell")
            assert not (await anext(heard))["rings"]
            assert bell.is_wanted("bell")
            assert not bell.is_wanted("changes")
            bell.publish("bell", {"rings": True})
            event = await anext(heard)
            assert (event["event"], event["rings"]) == ("bell", True)
            await heard.aclose()
        await room.close()

    asyncio.run(scenario())


def test_all_who_are_here_are_told_good_bye_and_the_port_is_free_again(tmp_path):
    async def scenario():
        told = []
        room = await opened(tmp_path, on_serving=told.append)
        port = room.server.address[1]
        client = await joined(told[0])
        await room.close()
        with pytest.raises(RemoteError):
            await client.get()
        await client.close()
        with socket.create_server(("127.0.0.1", port)):
            pass

    asyncio.run(scenario())


def test_a_port_beside_it_that_is_taken_leaves_nothing_open(tmp_path):
    pytest.importorskip("pythonosc")

    async def scenario():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            before = len(asyncio.all_tasks())
            with pytest.raises(EnvironmentProblem, match="--osc"):
                await opened(tmp_path, osc=taken.getsockname())
            await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) == before

    asyncio.run(scenario())


def test_a_neighbour_that_cannot_be_closed_leaves_no_port_open(tmp_path):
    class Stuck:
        async def close(self):
            raise RuntimeError("the network is gone")

    async def scenario():
        room = await opened(tmp_path)
        port = room.server.address[1]
        room._announcer = Stuck()
        with pytest.raises(RuntimeError):
            await room.close()
        with socket.create_server(("127.0.0.1", port)):
            pass

    asyncio.run(scenario())


def test_osc_turns_the_same_desks_where_it_is_asked_for(tmp_path):
    builder = pytest.importorskip("pythonosc.osc_message_builder")

    async def scenario():
        told = []
        room = await opened(tmp_path, osc=ANY, token="a-token-for-tests", on_serving=told.append)
        assert told[0].token_was_given
        changed = asyncio.Event()
        room.on_event(lambda event: event.topic == "changes" and changed.set())

        def message(address, *arguments):
            built = builder.OscMessageBuilder(address)
            for each in arguments:
                built.add_arg(each)
            return built.build().dgram

        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as fader:
            fader.setblocking(False)
            fader.connect(told[0].osc)
            await loop.sock_sendall(fader, message("/softphone/hello", "a-token-for-tests"))
            await asyncio.wait_for(loop.sock_recv(fader, 4096), 10)
            await loop.sock_sendall(fader, message("/softphone/main/preset", "telephone"))
            async with asyncio.timeout(10):
                await changed.wait()
            assert room.dispatcher.desk().preset.name == "telephone"
        await room.close()

    asyncio.run(scenario())


def test_a_preset_of_a_desk_names_no_folder(tmp_path):
    (tmp_path / "hall.toml").write_text(
        f'[[filter]]\ntype = "convolve"\nfile = "{(tmp_path / "private" / "hall.wav").as_posix()}"\n'
    )
    store = FolderPresets(tmp_path)
    assert store.load("hall") == Preset.parse({"filter": [{"type": "convolve", "file": "hall.wav"}]}, "hall")


def test_a_fault_of_what_is_done_beside_is_seen_and_one_of_closing_is_not(tmp_path):
    async def scenario():
        faults = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        room = await opened(tmp_path)

        def work():
            raise RuntimeError("ours")

        room.in_chain_thread(work)
        (task,) = room._tasks
        await asyncio.wait([task])
        del task
        gc.collect()
        assert [str(each["exception"]) for each in faults] == ["ours"]
        await room.close()
        room.in_chain_thread(work)
        (late,) = room._tasks
        assert await late is None

    asyncio.run(scenario())
