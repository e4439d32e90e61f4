"""A sounddevice module of our own: devices that come and go, streams that run when they are told to."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from dsp.types import Block, Samples


class PortAudioError(Exception):
    pass


class FakeStream:
    """One open stream; `run` is one callback."""

    def __init__(self, owner: "FakeSoundDevice", kind: str, options: dict[str, Any]) -> None:
        self.owner = owner
        self.kind = kind
        self.options = options
        self.latency: Any = (0.011, 0.013) if kind == "both" else 0.012
        self.state = "open"
        self.active = False
        self.adc_s, self.dac_s, self.now_s = 1.0, 1.025, 1.01

    def start(self) -> None:
        if self.owner.refuses_to_start:
            raise PortAudioError("Cannot start")
        self.state, self.active = "running", True

    def abort(self) -> None:
        self.active = False
        if self.owner.abort_fails:
            raise PortAudioError("device gone")

    def close(self) -> None:
        self.state = "closed"

    def run(self, captured: Samples | None = None, **status: bool) -> Block:
        """One callback; returns what is played, ``(channels, frames)``."""
        frames = self.options["blocksize"] if captured is None else captured.size
        if captured is None:
            captured = np.zeros(frames, dtype=np.float32)
        channels = self.options["channels"]
        ins, outs = channels if self.kind == "both" else (channels, channels)
        indata = np.repeat(captured[:, None], ins, axis=1)
        outdata = np.full((frames, outs), np.nan, dtype=np.float32)
        time = SimpleNamespace(
            inputBufferAdcTime=self.adc_s, outputBufferDacTime=self.dac_s, currentTime=self.now_s
        )
        flags: Any = SimpleNamespace(input_overflow=False, output_underflow=False) if status else None
        for name, value in status.items():
            setattr(flags, name, value)
        callback = self.options["callback"]
        if self.kind == "both":
            callback(indata, outdata, frames, time, flags)
        elif self.kind == "in":
            callback(indata, frames, time, flags)
        else:
            callback(outdata, frames, time, flags)
        return outdata.T

    def end(self) -> None:
        """The device goes, and the system says so."""
        self.active = False
        self.options["finished_callback"]()


class FakeSoundDevice:
    """As much of the module as is used."""

    PortAudioError = PortAudioError

    def __init__(self) -> None:
        self.plugged: list[dict[str, Any]] = []
        """What is there."""
        self.seen: list[dict[str, Any]] = []
        """What PortAudio knows of: what was there when it began."""
        self.default = SimpleNamespace(device=[-1, -1])
        self.streams: list[FakeStream] = []
        self.busy = False
        self.refuses_to_start = False
        self.abort_fails = False
        self.beginnings = 0

    def add(
        self, name: str, ins: int, outs: int, rate_hz: int = 48000, *, rates: set[int] | None = None
    ) -> dict[str, Any]:
        device = {
            "name": name,
            "hostapi": 0,
            "max_input_channels": ins,
            "max_output_channels": outs,
            "default_samplerate": float(rate_hz),
            "rates": rates if rates is not None else {8000, 16000, 44100, 48000},
        }
        self.plugged.append(device)
        self.seen = list(self.plugged)
        return device

    def unplug(self, device: dict[str, Any]) -> None:
        self.plugged.remove(device)

    def plug(self, device: dict[str, Any]) -> None:
        self.plugged.insert(0, device)

    def _terminate(self) -> None:
        assert all(stream.state == "closed" for stream in self.streams), "it would end them"

    def _initialize(self) -> None:
        self.beginnings += 1
        self.seen = list(self.plugged)

    def _exit_handler(self) -> None: ...

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [{"name": "ALSA"}]

    def query_devices(self, index: int | None = None) -> Any:
        return self.seen if index is None else self.seen[index]

    def check_input_settings(self, *, device: int, channels: int, dtype: str, samplerate: int) -> None:
        about = self.seen[device]
        if about not in self.plugged or samplerate not in about["rates"]:
            raise PortAudioError("Invalid sample rate")

    check_output_settings = check_input_settings

    def _open(self, kind: str, options: dict[str, Any]) -> FakeStream:
        if self.busy:
            raise PortAudioError("Device unavailable")
        self.streams.append(FakeStream(self, kind, options))
        return self.streams[-1]

    def Stream(self, **options: Any) -> FakeStream:
        return self._open("both", options)

    def InputStream(self, **options: Any) -> FakeStream:
        return self._open("in", options)

    def OutputStream(self, **options: Any) -> FakeStream:
        return self._open("out", options)
