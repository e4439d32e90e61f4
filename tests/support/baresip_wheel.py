"""The current baresip, as the wheel baresip-python brings it, in a process of its own: plays back what it hears, and does as told.

As a program: `python baresip_wheel.py '{"port": 5070, "extra": ["mediaenc=srtp"], "dial": null, "codecs": ["pcmu"], ...}'`.
It prints one JSON object a line for each event, and reads commands from standard input: hold, resume, dtmf DIGITS, transfer URI,
hangup, quit.
"""

import importlib.util
import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HOST = "127.0.0.1"
TICK_S = 0.01


def wheel_missing() -> str | None:
    """Why a test with it must be skipped, or None."""
    return None if importlib.util.find_spec("baresip") else "the wheel baresip-python is not installed"


class BaresipWheel:
    """That program, running within its context.

    Args:
        port: where it listens for SIP.
        dial: whom it calls when it runs.
        extra: parameters of its account, as ``mediaenc=dtls_srtp``.
        codecs: by baresip's names, the best first.
        dtmf: rtpevent, info or auto.
    """

    def __init__(
        self,
        port: int,
        *,
        dial: str | None = None,
        extra: tuple[str, ...] = (),
        codecs: tuple[str, ...] = ("pcmu",),
        dtmf: str = "rtpevent",
        transport: str = "udp",
    ) -> None:
        self.uri = f"sip:baresip@{HOST}:{port}"
        self._options = {
            "port": port, "dial": dial, "extra": extra, "codecs": codecs, "dtmf": dtmf, "transport": transport,
        }  # fmt: skip
        self.events: list[dict[str, Any]] = []
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), json.dumps(self._options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        threading.Thread(target=self._read, daemon=True).start()
        self.wait_for("ready")
        return self

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put({"event": "gone"})

    def wait_for(self, *events: str, timeout_s: float = 10) -> dict[str, Any]:
        """Return the next one of *events*; what comes before it is kept in `events`."""
        end = time.monotonic() + timeout_s
        while True:
            try:
                got = self._lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"baresip did not tell {events}: {self.events}") from None
            self.events.append(got)
            if got["event"] in events:
                return got
            if got["event"] == "gone":
                raise AssertionError(f"baresip is gone, wanted {events}: {self.events}")

    def say(self, command: str) -> None:
        """Give it a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def do(self, command: str) -> None:
        """Give it a command, again while it is busy with the one before."""
        for _ in range(20):
            self.say(command)
            if self.wait_for("done", "error")["event"] == "done":
                return
            time.sleep(0.1)
        raise AssertionError(f"baresip does not {command}: {self.events}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.say("quit")
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def tell(event: str, **facts: Any) -> None:
    """Print an event."""
    print(json.dumps({"event": event, **facts}), flush=True)


async def run(options: dict[str, Any]) -> None:
    """Be that program."""
    import asyncio

    import baresip

    runtime = baresip.Runtime()
    await runtime.start(
        baresip.Config(
            net_interface=HOST,
            max_concurrent_calls=4,
            extra_config_text=f"sip_listen {HOST}:{options['port']}\n",
        )
    )
    account = baresip.Account(
        user="baresip",
        domain=f"{HOST}:{options['port']}",
        password="",
        reg_interval=0,
        transport=options["transport"],
        audio_codecs=tuple(options["codecs"]),
        dtmf_mode=options["dtmf"],
        extra_params=tuple(options["extra"]),
    )
    agent = await baresip.UserAgent.create(runtime, account, transfer_policy="auto")
    calls: list[Any] = []

    def add(call: Any) -> None:
        calls.append(call)
        call.on(lambda event: tell("stack", name=event.event.name))
        call.on_dtmf(lambda digit: tell("digit", digit=str(getattr(digit, "digit", digit))))

    def incoming(call: Any) -> None:
        add(call)
        tell("incoming")
        asyncio.get_running_loop().create_task(answered(call))

    async def answered(call: Any) -> None:
        await call.answer()
        await call.wait_established()
        tell("established")

    async def echo() -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for call in calls:
                try:
                    if heard := call.audio.read(4096):
                        call.audio.write(heard)
                except (baresip.BaresipError, RuntimeError):
                    continue  # no audio yet, or no more

    agent.on_incoming(incoming)
    agent.on_transfer_call(add)
    task = asyncio.create_task(echo())
    tell("ready")
    if options["dial"]:
        call = await agent.dial(options["dial"])
        add(call)
        try:
            await call.wait_established()
            tell("established")
        except baresip.BaresipError as error:
            tell("failed", why=str(error))
    loop = asyncio.get_running_loop()
    while (line := await loop.run_in_executor(None, sys.stdin.readline)) and line.strip() != "quit":
        verb, _, argument = line.strip().partition(" ")
        call = calls[-1]
        try:
            match verb:
                case "hold":
                    await call.hold()
                case "resume":
                    await call.resume()
                case "dtmf":
                    await call.send_dtmf(argument)
                case "transfer":
                    await call.transfer(argument)
                case "hangup":
                    await call.hangup()
            tell("done", verb=verb)
        except (baresip.BaresipError, RuntimeError, ValueError) as error:
            tell("error", verb=verb, why=str(error))
    task.cancel()
    await runtime.close()


if __name__ == "__main__":
    import asyncio

    asyncio.run(run(json.loads(sys.argv[1])))
