"""Real SIP peers on loopback, each in a folder of its own, ended by its process id: baresip and sipp.

    with Baresip(wav=speech) as bob, Baresip(wav=speech, dial=bob.uri) as alice:
        alice.wait_for("Call established", 5)

Known of baresip 1.0.0: it exits 0 even when the call failed; a call ends with the file that is played,
which must be 48 kHz; a packet interval above 60 ms is refused; `-n lo` fails where `-n 127.0.0.1` works; its
recordings are whole when the call has ended.
"""

import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import wave
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np

HOST = "127.0.0.1"
PCAP_FOLDER = Path("/usr/share/sip-tester")
MODULES = Path("/usr/lib/baresip/modules")

_CONFIG = """\
poll_method epoll
sip_listen {host}:{port}
net_interface {host}
call_local_timeout 120
call_max_calls 200
audio_source {source}
audio_player {player}
audio_alert aubridge,alert{port}
ausrc_srate {rate_hz}
auplay_srate {rate_hz}
ausrc_channels 1
auplay_channels 1
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
audio_buffer 40-160
jitter_buffer_delay {jitter_buffer}
rtp_ports {rtp_low}-{rtp_high}
rtp_timeout 30
rtp_stats yes
opus_bitrate {bit_rate}
opus_complexity {complexity}
opus_application voip
opus_stereo no
opus_sprop_stereo no
statmode_default {status_line}
snd_path {folder}/rec
module_path {modules}
"""
_MODULES = ("stdio", "opus", "g711", "g722", "codec2", "aufile", "aubridge", "uuid", "rtcpsummary")


def missing(program: str) -> str | None:
    """Return why a test of *program* must be skipped, or None."""
    return None if shutil.which(program) else f"{program} is not installed"


def free_udp_port() -> int:
    """Return a port on loopback that nobody has now, for UDP and, as baresip wants, for TCP."""
    return free_port_range(1)


def free_port_range(ports: int) -> int:
    """Return an even port that begins *ports* free ones, below those the system hands out itself.

    Free also for TCP: a connection that other tests have closed keeps its port for a minute.
    """
    for _ in range(200):
        low = random.randrange(20_000, 32_000 - ports, 2)
        held: list[socket.socket] = []
        try:
            for port in range(low, low + ports):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    held.append(socket.socket(socket.AF_INET, kind))
                    held[-1].bind((HOST, port))
        except OSError:
            continue
        else:
            return low
        finally:
            for sock in held:
                sock.close()
    raise RuntimeError(f"no {ports} free ports in a row")


def read_wav(path: Path) -> tuple[np.ndarray, int]:
    """Return the samples of a 16-bit WAV (first channel, full scale 1.0) and its rate."""
    with wave.open(str(path)) as wav:
        frames = wav.readframes(wav.getnframes())
        samples = np.frombuffer(frames, "<i2")[:: wav.getnchannels()]
        return samples.astype(np.float32) / 32768, wav.getframerate()


def write_wav(path: Path, samples: np.ndarray, rate_hz: int) -> None:
    """Write mono *samples* (full scale 1.0) as 16-bit WAV."""
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate_hz)
        wav.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


class Peer:
    """A child process with a log, in a temporary folder; ended with its context."""

    name = ""
    host = HOST

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.port = free_udp_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def uri(self) -> str:
        """Where it can be called."""
        return f"sip:{self.name}@{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """Of the running process."""
        return self._running().pid

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return (self.folder / "log").read_text(errors="replace")

    def command(self) -> list[str]:
        """Return the command line."""
        raise NotImplementedError

    def ready(self) -> None:
        """Wait until it can be called."""

    def wait(self, timeout_s: float) -> int:
        """Return its exit status; a process that does not end in time is an error with its log."""
        try:
            return self._running().wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end in {timeout_s} s:\n{self.log}") from None

    def wait_for(self, text: str, timeout_s: float, *, times: int = 1) -> None:
        """Wait until *text* stands in the log, so many *times*."""
        end = time.monotonic() + timeout_s
        while self.log.count(text) < times:
            if time.monotonic() > end or self._running().poll() is not None:
                raise AssertionError(f"{self.name} did not print {text!r} in {timeout_s} s:\n{self.log}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Let it vanish without a word."""
        self._running().kill()

    def stop(self) -> None:
        """Ask it to end as a user would, else kill it."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self) -> Self:
        self._log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            self.command(),
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
        )
        try:
            self.ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        if self._log is not None:
            self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._process


class Baresip(Peer):
    """baresip: answers every call; calls, with *dial*, and hangs up after *seconds*.

    Args:
        wav: mono file of that rate to play; the call ends with it. Without: 440 Hz.
        echo: play back what is heard instead.
        dial: SIP URI to call.
        seconds: quit after so long.
        calls: how many calls there are ports for.
        jitter_buffer: fewest and most packets it holds.
        rate_hz: its devices run at this rate; codecs of others are resampled.
        mediaenc: how it encrypts: `srtp` (SDES, or not at all), `srtp-mand` (SDES), `dtls_srtp`; None: it does not.
        rtcp_mux: offer and take one port for RTP and RTCP.
        status_line: print the bit rates ten times a second, as it does for a user; costs CPU.
    """

    name = "baresip"

    def __init__(
        self,
        *,
        wav: Path | None = None,
        echo: bool = False,
        dial: str | None = None,
        codecs: Sequence[str] = ("opus/48000/1",),
        ptime_ms: int = 20,
        bit_rate_bps: int = 16_000,
        complexity: int = 5,
        record: bool = True,
        seconds: int = 60,
        calls: int = 4,
        jitter_buffer: str = "2-10",
        status_line: bool = False,
        rate_hz: int = 48_000,
        mediaenc: str | None = None,
        rtcp_mux: bool = False,
    ) -> None:
        super().__init__()
        if echo:
            source, player = "aubridge,loop", "aubridge,loop"
        else:
            if wav is None:
                wav = self.folder / "tone.wav"
                time_s = np.arange(rate_hz * min(seconds, 30)) / rate_hz
                write_wav(wav, 0.1 * np.sin(2 * np.pi * 440 * time_s), rate_hz)
            source = f"aufile,{wav}"
            player = f"aubridge,nobody{self.port}"
        self._dial = dial
        self._seconds = seconds
        (self.folder / "rec").mkdir()
        rtp_low = free_port_range(4 * calls)
        config = _CONFIG.format(
            host=HOST,
            port=self.port,
            source=source,
            player=player,
            jitter_buffer=jitter_buffer,
            status_line="on" if status_line else "off",
            rtp_low=rtp_low,
            rtp_high=rtp_low + 4 * calls - 1,
            bit_rate=bit_rate_bps,
            rate_hz=rate_hz,
            complexity=complexity,
            folder=self.folder,
            modules=MODULES,
        )
        modules = [*_MODULES, "sndfile"] if record else list(_MODULES)
        modules += [] if mediaenc is None else [mediaenc.removesuffix("-mand")]
        config += "".join(f"module {module}.so\n" for module in modules)
        config += "rtcp_mux yes\n" if rtcp_mux else ""
        config += "module_tmp account.so\nmodule_app menu.so\n"
        account = f"<{self.uri}>;regint=0;answermode=auto;ptime={ptime_ms};audio_codecs={','.join(codecs)}"
        account += "\n" if mediaenc is None else f";mediaenc={mediaenc}\n"
        (self.folder / "config").write_text(config)
        (self.folder / "accounts").write_text(account)
        (self.folder / "contacts").write_text("")

    def command(self) -> list[str]:
        """Return the command line."""
        dial = ["-e", f"/dial {self._dial}"] if self._dial else []
        return ["baresip", "-4", "-f", str(self.folder), "-n", HOST, "-t", str(self._seconds), *dial]

    def ready(self) -> None:
        """Wait until it listens."""
        self.wait_for("baresip is ready", 10)

    def say(self, command: str) -> None:
        """Type a command, like `/dial URI` or `/hangup`."""
        stdin = self._running().stdin
        if stdin is None:
            raise RuntimeError("baresip has no standard input")
        stdin.write(command.encode() + b"\n")
        stdin.flush()

    def recording(self, direction: str, timeout_s: float = 5) -> tuple[np.ndarray, int]:
        """Return what it sent (`enc`) or heard (`dec`) in its last call, when that has ended."""
        end = time.monotonic() + timeout_s
        while True:
            found = sorted((self.folder / "rec").glob(f"dump-*-{direction}.wav"))
            # The length stands in the header only when the file has been closed.
            if found and found[-1].stat().st_size > 44:
                samples, rate_hz = read_wav(found[-1])
                if len(samples):
                    return samples, rate_hz
            if time.monotonic() > end:
                raise AssertionError(f"baresip recorded nothing ({direction}):\n{self.log}")
            time.sleep(0.05)


class Sipp(Peer):
    """sipp; its exit status is 0 when all calls went as its scenario says."""

    name = "sipp"

    def __init__(self, *, calls: int = 1, timeout_s: int = 40) -> None:
        super().__init__()
        self._common = ["-i", HOST, "-p", str(self.port), "-m", str(calls), "-timeout", f"{timeout_s}s"]
        self._common += ["-nostdin", "-mi", HOST, "-mp", str(free_port_range(8)), "-trace_err", "-trace_msg"]
        if PCAP_FOLDER.is_dir():
            (self.folder / "pcap").symlink_to(PCAP_FOLDER)

    @property
    def messages(self) -> str:
        """The SIP messages of its calls and what it found wrong."""
        files = sorted(self.folder.glob("*_messages.log")) + sorted(self.folder.glob("*_errors.log"))
        return "".join(file.read_text(errors="replace") for file in files)


class SippCallee(Sipp):
    """sipp that answers and, with *rtp_echo*, sends each packet back where it came from."""

    def __init__(self, *, rtp_echo: bool = True, calls: int = 1, timeout_s: int = 40) -> None:
        super().__init__(calls=calls, timeout_s=timeout_s)
        self._echo = ["-rtp_echo"] if rtp_echo else []

    def command(self) -> list[str]:
        """Return the command line."""
        return ["sipp", "-sn", "uas", *self._common, *self._echo]

    def ready(self) -> None:
        """Wait until it holds its port."""
        end = time.monotonic() + 5
        while not _udp_port_is_held(self.port):
            if time.monotonic() > end or self._running().poll() is not None:
                raise AssertionError(f"sipp does not listen:\n{self.log}")
            time.sleep(0.02)


class SippCaller(Sipp):
    """sipp that calls *target* (`host:port`) by a built-in *scenario*: `uac`, or `uac_pcap` with audio."""

    def __init__(
        self, target: str, *, scenario: str = "uac", talk_ms: int = 1000, calls: int = 1, timeout_s: int = 40
    ) -> None:
        super().__init__(calls=calls, timeout_s=timeout_s)
        self._scenario = ["-sn", scenario, "-d", str(talk_ms), target]

    def command(self) -> list[str]:
        """Return the command line."""
        return ["sipp", *self._common, *self._scenario]


def _udp_port_is_held(port: int) -> bool:
    wanted = f":{port:04X}"
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(wanted) for line in lines)
