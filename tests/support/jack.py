"""A sound card that is a clock: the JACK server with its dummy driver, and programs connected through it.

PortAudio speaks JACK, so what runs on a real card runs here: callbacks in a thread of their own, at the pace of a clock that
is not ours. The server has a name of its own and is ended by its process id.

    with Jack() as jack:
        with jack.live("no-filter") as filter:
            print(jack.round_trip_samples(filter))
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from types import TracebackType
from typing import Any, Self

RATE_HZ = 48000
PERIOD = 480
_ROUND_TRIP = f"""
import sys, threading
import numpy as np, sounddevice
noise = (0.1 * np.random.default_rng(1).standard_normal({2 * RATE_HZ})).astype(np.float32)
heard = np.zeros_like(noise)
at, over, measuring = 0, threading.Event(), False
def callback(indata, outdata, frames, time, status):
    global at
    outdata[:] = 0.0
    if not measuring or over.is_set():
        return
    if at + frames > noise.size:
        over.set()
        return
    outdata[:, 0] = noise[at : at + frames]
    heard[at : at + frames] = indata[:, 0]
    at += frames
with sounddevice.Stream(samplerate={RATE_HZ}, blocksize={PERIOD}, device="system", channels=1, dtype="float32",
                        latency="low", callback=callback):
    print("open", flush=True)
    sys.stdin.readline()
    measuring = True
    over.wait(30)
    later = heard[{RATE_HZ}:]
    size = 2 * noise.size
    match = np.fft.irfft(np.fft.rfft(later, size) * np.conj(np.fft.rfft(noise, size)), size)
    lag = int(np.argmax(np.abs(match)))
    lag = {RATE_HZ} + (lag - size if lag > size // 2 else lag)
    share = float(np.abs(match).max() / (np.linalg.norm(later) * np.linalg.norm(noise[{RATE_HZ}:]) + 1e-9))
    print(lag, share, flush=True)
"""
_PASS_THROUGH = f"""
import sys
import sounddevice
def callback(indata, outdata, frames, time, status):
    outdata[:] = indata
with sounddevice.Stream(samplerate={RATE_HZ}, blocksize={PERIOD}, device="system", channels=1, dtype="float32",
                        latency="low", callback=callback):
    sys.stdin.readline()
"""


def jack_missing() -> str:
    """Why there can be no JACK server here; empty: there can."""
    if sys.platform != "linux":
        return "JACK's dummy driver is tried on Linux only"
    for program in ("jackd", "jack_lsp", "jack_connect"):
        if shutil.which(program) is None:
            return f"{program} is not installed (apt install jackd2)"
    try:
        import sounddevice  # noqa: F401
    except (ImportError, OSError) as error:
        return f"no PortAudio: {error}"
    return ""


class Program:
    """A program that runs at the server; `ports` are those it opened."""

    def __init__(self, process: subprocess.Popen[str], client: str) -> None:
        self.process = process
        self.client = client

    def end(self, *, interrupt: bool = False) -> str:
        """Let it end with its input, or as by Ctrl-C; what it printed."""
        if interrupt:
            self.process.send_signal(signal.SIGINT)
        try:
            out, _ = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, _ = self.process.communicate()
        return out

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.end()


class Jack:
    """A server with the dummy driver: 48 kHz, periods of 10 ms."""

    def __init__(self, name: str = "card") -> None:
        name = f"softphone-{name}-{os.getpid()}"
        self.environment = {**os.environ, "JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
        self._command = ["jackd", "--no-realtime", "-n", name, "-d", "dummy"]
        self._command += ["-r", str(RATE_HZ), "-p", str(PERIOD)]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            env=self.environment | {"JACK_NO_AUDIO_RESERVATION": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait_for(lambda: "system:playback_1" in self.ports(), "the JACK server does not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """End the server: for its programs the card is gone."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_for(self, found: Any, what: str) -> None:
        deadline = time.monotonic() + 20
        while not found():
            if time.monotonic() > deadline:
                raise TimeoutError(what)
            time.sleep(0.05)

    def ports(self) -> list[str]:
        """Of all programs."""
        done = subprocess.run(["jack_lsp"], env=self.environment, capture_output=True, text=True, timeout=20)
        return done.stdout.split()

    def connect(self, source: str, sink: str) -> None:
        """Let what comes out of one port go into another."""
        subprocess.run(
            ["jack_connect", source, sink], env=self.environment, capture_output=True, check=True, timeout=20
        )

    def start(self, *words: str, ports: int = 2) -> Program:
        """Start Python with *words* and wait until it has opened so many ports."""
        before = set(self.ports())
        process = subprocess.Popen(
            [sys.executable, *words],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        def opened() -> list[str]:
            if process.poll() is not None:
                raise RuntimeError(f"it ended at once, status {process.returncode}")
            fresh = sorted(set(self.ports()) - before)
            return fresh if len(fresh) >= ports else []

        try:
            self._wait_for(opened, "it opens no ports")
        except BaseException:
            process.kill()
            process.communicate()
            raise
        return Program(process, opened()[0].partition(":")[0])

    def live(self, preset: str, *options: str, ports: int = 2) -> Program:
        """`softphone filter PRESET --live` on the dummy card."""
        return self.start(
            "-P", "-m", "softphone", "filter", preset, "--live", "--json", *options, ports=ports
        )

    def pass_through(self) -> Program:
        """A callback that copies and does nothing else: what any program on this card has at least."""
        return self.start("-P", "-c", _PASS_THROUGH)

    def round_trip_samples(self, program: Program) -> int:
        """How much later what goes into *program* comes out of it and back, in samples, the card's own way included.

        PortAudio's JACK client sometimes dies on a busy machine before it has measured: that is the probe's fault, not
        the program's, and it is started anew, twice at most.
        """
        ended = []
        for _ in range(3):
            with self.start("-P", "-c", _ROUND_TRIP) as probe:
                measured = self._measured(probe, program)
            if len(measured) == 2:
                lag, likeness = int(measured[0]), float(measured[1])
                if likeness < 0.5:
                    raise RuntimeError(f"what came back is not what went out: likeness {likeness}")
                return lag
            ended.append(probe.process.returncode)
        raise RuntimeError(f"the probe ended without a measurement, with status {ended}")

    def _measured(self, probe: Program, program: Program) -> list[str]:
        """The words that *probe* prints in the end: lag and likeness; none: it died."""
        process = probe.process
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline() != "open\n":
            return []
        self.connect(f"{probe.client}:out_0", f"{program.client}:in_0")
        self.connect(f"{program.client}:out_0", f"{probe.client}:in_0")
        process.stdin.write("go\n")
        process.stdin.flush()
        return process.stdout.readline().split()


def result_of(program: Program) -> dict[str, Any]:
    """End *program*, and take the one object that it prints."""
    found: dict[str, Any] = json.loads(program.end(interrupt=True))
    return found
