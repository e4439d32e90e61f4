"""Two network namespaces joined by a bad line: TUN devices, and a thread that carries IP packets between them (Linux, root).

Each packet goes through a seeded `softphone.io.line.Line`, so the kernel needs no netem. The line can be cut for a while,
and one end can be given another address.
"""

from __future__ import annotations

import ctypes
import fcntl
import itertools
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from softphone.io.line import Line

TUN = Path("/dev/net/tun")
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 1, 0x1000
_CLONE_NEWNET = 0x40000000
_MTU = 1500
_numbers = itertools.count(1)


def why_not() -> str | None:
    """Why there can be no namespaces here; None: there can."""
    if os.name != "posix" or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "network namespaces want root"
    if shutil.which("ip") is None:
        return "network namespaces want ip (iproute2)"
    if not TUN.exists():
        return f"the relay wants {TUN}"
    tried = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"ip netns: {tried.stderr.strip()}"


class BadNetwork:
    """Two namespaces and the line between them, from `__enter__` to `__exit__`.

    Args:
        seed: of both directions.
        loss_pct: lost on the way, each way.
        delay_ms: mean delay, each way.
        jitter_ms: its standard deviation.
    """

    def __init__(
        self, *, seed: int = 1, loss_pct: float = 0.0, delay_ms: float = 0.0, jitter_ms: float = 0.0
    ) -> None:
        number = next(_numbers)
        self.near, self.far = (f"softphone{os.getpid()}-{number}{side}" for side in "ab")
        self.near_host, self.far_host = f"10.77.{number}.1", f"10.77.{number}.2"
        self.other_host = f"10.77.{number}.3"
        """What `move` changes the near host to."""
        self.dropped = 0
        """Packets that came while the line was cut."""
        self.passed = 0
        """Packets that the near end sent."""
        # The queueing time of a line has a mean of twice its standard deviation.
        least_ms = max(0.0, delay_ms - 2 * jitter_ms)
        self.lines = [
            Line(random.Random(f"{seed} {way}"), loss_pct=loss_pct, delay_ms=least_ms, jitter_ms=jitter_ms)
            for way in ("there", "back")
        ]
        self._is_cut = False
        self._devices: list[int] = []
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._carry, name="relay", daemon=True)

    def __enter__(self) -> Self:
        try:
            for name, host in ((self.near, self.near_host), (self.far, self.far_host)):
                _ip("netns", "add", name)
                _ip("-n", name, "link", "set", "lo", "up")
                self._devices.append(_tun_in(name))
                _ip("-n", name, "address", "add", f"{host}/24", "dev", "tun0")
                _ip("-n", name, "link", "set", "tun0", "mtu", str(_MTU), "up")
                _ip("-n", name, "route", "add", "default", "dev", "tun0")
        except BaseException:
            self._close()
            raise
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.write(self._waker, b"x")
        self._thread.join(5)
        self._close()

    def inside(self, name: str, *command: str) -> list[str]:
        """The command line that runs *command* in a namespace."""
        return ["ip", "netns", "exec", name, *command]

    def wait_for(self, packets: int, *, timeout_s: float = 30.0) -> None:
        """Wait until the near end has sent so many packets: how a call gets on, on a machine however busy."""
        deadline = time.monotonic() + timeout_s
        while self.passed < packets and time.monotonic() < deadline:
            time.sleep(0.05)

    def cut(self, seconds: float) -> None:
        """Let nothing through for so long."""
        self._is_cut = True
        threading.Timer(seconds, self._mend).start()

    def move(self) -> None:
        """Give the near end another address, and take the first one away."""
        _ip("-n", self.near, "address", "del", f"{self.near_host}/24", "dev", "tun0")
        _ip("-n", self.near, "address", "add", f"{self.other_host}/24", "dev", "tun0")
        _ip("-n", self.near, "route", "replace", "default", "dev", "tun0")

    def _mend(self) -> None:
        self._is_cut = False

    def _carry(self) -> None:
        nowhere = ("", 0)
        while True:
            dues = [due for line in self.lines if (due := line.next_due()) is not None]
            wait = max(0.0, min(dues) - time.monotonic()) if dues else None
            ready, _, _ = select.select([*self._devices, self._wake], [], [], wait)
            if self._wake in ready:
                return
            now = time.monotonic()
            for number, device in enumerate(self._devices):
                if device in ready:
                    self.passed += number == 0
                    self._take(os.read(device, 65536), self.lines[number], nowhere, now)
                for data, _, _ in self.lines[number].release(now):
                    os.write(self._devices[1 - number], data)

    def _take(self, data: bytes, line: Line, nowhere: tuple[str, int], now: float) -> None:
        if self._is_cut:
            self.dropped += 1
        else:
            line.put(data, nowhere, now)

    def _close(self) -> None:
        for device in self._devices:
            os.close(device)
        for name in (self.near, self.far):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        os.close(self._wake)
        os.close(self._waker)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)


def _tun_in(name: str) -> int:
    """Open a TUN device in namespace *name*; the thread that does it stays there, so it is one of its own."""
    made: list[int] = []

    def work() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/run/netns/{name}").open("rb") as namespace:
            if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                return
        device = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"tun0", _IFF_TUN | _IFF_NO_PI))
        made.append(device)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if not made:
        raise OSError(f"no TUN device in {name}")
    return made[0]
