"""What `control_cost` steers, each in a process of its own: the command, baresip, and a filter that says what it plays.

python -m benchmarks.steered        the last of these: its address, and then the time of each change of level that it plays
"""

import asyncio
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from support.command import COMMAND
from support.peers import HOST, Baresip

from benchmarks.live_latency import WatchedNull
from dsp.chain import FilterChain
from dsp.filters import Setting
from dsp.preset import Preset
from dsp.types import Samples
from softphone.app.control_room import ControlRoom
from softphone.app.live_filter import EngineRunner
from softphone.app.preset_store import FolderPresets
from softphone.control import Desk
from softphone.io.live.engine import LiveEngine
from softphone.serve_config import ServeOptions

RATE_HZ, BLOCK_MS = 48_000, 10.0
CALL_PRESET = """[[filter]]
type = "butterworth"
slot = "low-cut"
kind = "highpass"
freq_hz = 90

[[filter]]
type = "gain"
"""
"""A limiter would keep a tone from being as loud as it was."""
PRESET = f"""{CALL_PRESET}
[[filter]]
type = "limiter"
"""


class Served:
    """The command, filtering a tone for nobody; served unless told otherwise.

    Args:
        folder: for the preset and the user's own files.
        serve: let others in.
    """

    def __init__(self, folder: Path, *, serve: bool = True) -> None:
        self.token = secrets.token_urlsafe(16).lstrip("-")
        self.took_s = 0.0
        """Until it was served."""
        self.at = ""
        preset = folder / "steered.toml"
        preset.write_text(PRESET)
        self._serve = serve
        self._command = [
            *COMMAND, "filter", str(preset), "--live", "--in-device", "null:tone=1000", "--out-device", "null",
            "--rate", str(RATE_HZ), "--block", f"{BLOCK_MS:g}",
            *(("--serve", "0", "--token-env", "STEER_TOKEN") if serve else ()),
        ]  # fmt: skip
        self._environment = os.environ | {"STEER_TOKEN": self.token, "XDG_CONFIG_HOME": str(folder)}

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def __enter__(self) -> Self:
        begun = time.monotonic()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
        )
        if self._serve:
            assert self._process.stderr is not None
            line = self._process.stderr.readline()
            found = re.search(r"http://(\S+?)/", line)
            if found is None:
                raise RuntimeError(f"the live filter is not served: {line}")
            self.at = found[1]
        self.took_s = time.monotonic() - begun
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


class SteeredBaresip(Baresip):
    """baresip with its control port."""

    def __init__(self) -> None:
        super().__init__()
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.control_port = int(free.getsockname()[1])
        config = self.folder / "config"
        more = f"ctrl_tcp_listen {HOST}:{self.control_port}\nmodule_app ctrl_tcp.so\n"
        config.write_text(config.read_text() + more)


class Said:
    """Says when a block ends at another level than the one before."""

    def __init__(self) -> None:
        self._level = 0.0

    def see(self, playing: Samples) -> None:
        level = float(abs(playing[-len(playing) // 10 :]).max())
        if self._level and not 0.891 < level / self._level < 1.122:  # 1 dB
            print(time.monotonic(), flush=True)
        self._level = level


async def play() -> None:
    """Serve a filter until standard input ends; its port says when it plays another level."""
    port = WatchedNull("null:tone=1000", RATE_HZ, block_ms=BLOCK_MS)
    port.watch = Said()  # type: ignore[assignment]
    preset = Preset.parse({"filter": [{"type": "gain", "gain_db": 0.0}]}, "gain")
    engine = LiveEngine(port, FilterChain(preset, Setting(RATE_HZ, 1)))
    desk = Desk("main", "Main", preset, engine.chain.setting)
    desk.attach(EngineRunner(engine))
    options = ServeOptions(("127.0.0.1", 0), token=os.environ["STEER_TOKEN"])
    room = await ControlRoom.open(
        options,
        desks=(desk,),
        presets=FolderPresets(),
        on_serving=lambda serving: print(serving.urls[0], flush=True),
    )
    engine.start()
    try:
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await asyncio.to_thread(engine.stop)
        await room.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(play()))
