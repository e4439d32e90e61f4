"""Sound devices through PortAudio (`sounddevice`, imported on use): a list of them, and one open both ways.

The callback runs in PortAudio's thread: it copies between the device and two rings, counts, and returns. A
device that does not know the call's rate runs at its own, and the rate is changed outside the callback.
"""

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakSet

import numpy as np

from dsp.resample import StreamResampler
from dsp.ring import SampleRing
from dsp.types import Samples
from softphone.errors import EnvironmentProblem, UsageError

BLOCK_MS = 10
"""Audio of one callback."""
WORST_LATENESS_MS = 20
"""How late a tick may come in a busy process."""
RING_S = 1.0
FALLBACK_RATES_HZ = (48000, 44100)
_open_streams: WeakSet[Any] = WeakSet()
"""PortAudio is one for the whole process, and ends all streams when it is told to begin anew."""
opening = threading.RLock()
"""Held while a stream is opened, and while PortAudio begins anew."""


class Ring(Protocol):
    """What `dsp.ring.SampleRing` offers; here also over a change of rate."""

    def __len__(self) -> int:
        """Samples waiting, at the call's rate."""

    def write(self, block: Samples) -> int:
        """Append what fits; the number of samples taken."""

    def read(self, out: Samples) -> int:
        """Fill *out*, zeros where nothing waits; the number of real samples."""


@dataclass(slots=True)
class DeviceStats:
    """What PortAudio reported; reading changes nothing."""

    blocks: int = 0
    input_overflows: int = 0
    """Times the system lost microphone samples before the callback came."""
    output_underflows: int = 0
    """Times the loudspeaker had to wait for the callback."""


def load_sounddevice() -> Any:
    """The module `sounddevice`.

    Raises:
        EnvironmentProblem: it or the PortAudio library is missing; says what to install.
    """
    try:
        import sounddevice
    except ImportError as error:
        raise EnvironmentProblem(
            f"sound devices need the Python package sounddevice ({error}): pip install sounddevice"
        ) from None
    except OSError as error:
        raise EnvironmentProblem(
            f"sound devices need the PortAudio library ({error}): "
            f"install it with `apt install libportaudio2` (Debian) or `brew install portaudio` (macOS)"
        ) from None
    return sounddevice


def note_open(stream: Any) -> None:
    """Count *stream* as open, until `note_closed`."""
    _open_streams.add(stream)


def note_closed(stream: Any) -> None:
    """Count *stream* as open no longer."""
    _open_streams.discard(stream)


def streams_open() -> bool:
    """Whether a stream of this process is open."""
    return bool(_open_streams)


def list_devices() -> list[dict[str, Any]]:
    """Every sound device, as `softphone devices` prints it; an empty list where there is none.

    Raises:
        EnvironmentProblem: sounddevice or PortAudio is missing.
    """
    sounddevice = load_sounddevice()
    host_apis = sounddevice.query_hostapis()
    default_input, default_output = _defaults(sounddevice)
    return [
        {
            "index": index,
            "name": device["name"],
            "host_api": host_apis[device["hostapi"]]["name"],
            "inputs": device["max_input_channels"],
            "outputs": device["max_output_channels"],
            "sample_rate_hz": round(device["default_samplerate"]),
            "default_input": index == default_input,
            "default_output": index == default_output,
        }
        for index, device in enumerate(sounddevice.query_devices())
    ]


def _defaults(sounddevice: Any) -> tuple[int, int]:
    default = sounddevice.default.device
    return int(default[0]), int(default[1])


def choose_devices(name: str) -> tuple[int, int]:
    """The numbers of the input and the output device that *name* means.

    Args:
        name: ``default``, a number, or part of a name (capitals do not matter; a whole name wins). What
            matches in one direction only is joined by the default device of the other.

    Raises:
        UsageError: no device is meant by it.
        EnvironmentProblem: there is no device for one of the directions.
    """
    devices = list_devices()
    wanted = name.strip().lower()
    if wanted in ("", "default"):
        matches = []
    elif wanted.isdecimal():
        matches = [device for device in devices if device["index"] == int(wanted)]
    else:
        matches = [device for device in devices if wanted in device["name"].lower()]
        matches.sort(key=lambda device: device["name"].lower() != wanted)
    if not matches and wanted not in ("", "default"):
        known = ", ".join(f"{device['index']} {device['name']}" for device in devices) or "none at all"
        raise UsageError(f"no sound device matches {name!r}: there are {known}")
    chosen: list[int] = []
    for direction, channels in (("input", "inputs"), ("output", "outputs")):
        candidates = [device for device in matches if device[channels] > 0]
        candidates += [
            device for device in devices if device[f"default_{direction}"] and device[channels] > 0
        ]
        if not candidates:
            raise EnvironmentProblem(
                f"no sound {direction} device found: connect one (`softphone devices` lists them), "
                f"or send a file or a tone instead"
            )
        chosen.append(candidates[0]["index"])
    return chosen[0], chosen[1]


class PortAudioDevice:
    """Microphone and loudspeaker of one call, running until `close`.

    `capture` is read and `playback` is written at the call's rate, each by one thread beside the callback.

    Args:
        name: see `choose_devices`.
        sample_rate_hz: rate of the call.
        tick_ms: how often `playback` is filled.

    Raises:
        UsageError: no such device.
        EnvironmentProblem: no PortAudio, no device, or it cannot be opened.
    """

    def __init__(self, name: str, sample_rate_hz: int, *, tick_ms: int = 60) -> None:
        sounddevice = load_sounddevice()
        device = choose_devices(name)
        self.stats = DeviceStats()
        self.sample_rate_hz = sample_rate_hz
        self.target_samples = sample_rate_hz * (tick_ms + WORST_LATENESS_MS + BLOCK_MS) // 1000
        """Filling of `playback`, right after a tick, that lasts until the next one, however late."""
        channels, self.device_rate_hz = _working_format(sounddevice, device, sample_rate_hz)
        """The rate that the device runs at."""
        rate = self.device_rate_hz
        self._from_device = SampleRing(round(RING_S * rate))
        self._to_device = SampleRing(round(RING_S * rate))
        self._mono: Samples = np.zeros(round(RING_S * rate), dtype=np.float32)
        self.capture: Ring = self._from_device
        self.playback: Ring = self._to_device
        if rate != sample_rate_hz:
            self.capture = _CaptureAtRate(self._from_device, rate, sample_rate_hz)
            self.playback = _PlaybackAtRate(self._to_device, rate, sample_rate_hz)
        try:
            with opening:
                self._stream = sounddevice.Stream(
                    samplerate=rate,
                    blocksize=rate * BLOCK_MS // 1000,
                    device=device,
                    channels=channels,
                    dtype="float32",
                    latency="low",
                    callback=self._callback,
                )
                try:
                    self._stream.start()
                except sounddevice.PortAudioError:
                    self._stream.close()
                    raise
                note_open(self._stream)
        except sounddevice.PortAudioError as error:
            raise EnvironmentProblem(
                f"sound device {name!r} cannot be opened ({error}): close what uses it, or choose another"
            ) from None

    def close(self) -> None:
        """Stop the sound and give the device back."""
        self._stream.close()
        note_closed(self._stream)

    def _callback(self, indata: Any, outdata: Any, frames: int, time: Any, status: Any) -> None:
        stats = self.stats
        stats.blocks += 1
        if status:
            stats.input_overflows += bool(status.input_overflow)
            stats.output_underflows += bool(status.output_underflow)
        self._from_device.write(indata[:, 0])
        mono = self._mono[:frames]
        self._to_device.read(mono)
        outdata[:] = mono[:, None]


class _CaptureAtRate:
    """The microphone's ring, read at another rate."""

    def __init__(self, source: SampleRing, from_hz: int, to_hz: int) -> None:
        self._source = source
        self._resample = StreamResampler(from_hz, to_hz).process
        self._ready = SampleRing(round(RING_S * to_hz))

    def __len__(self) -> int:
        if waiting := len(self._source):
            block = np.empty(waiting, dtype=np.float32)
            self._source.read(block)
            self._ready.write(self._resample(block))
        return len(self._ready)

    def read(self, out: Samples) -> int:
        len(self)
        return self._ready.read(out)

    def write(self, block: Samples) -> int:
        return self._ready.write(block)


class _PlaybackAtRate:
    """The loudspeaker's ring, written at another rate."""

    def __init__(self, sink: SampleRing, to_hz: int, from_hz: int) -> None:
        self._sink = sink
        self._resample = StreamResampler(from_hz, to_hz).process
        self._to_hz, self._from_hz = to_hz, from_hz

    def __len__(self) -> int:
        return len(self._sink) * self._from_hz // self._to_hz

    def write(self, block: Samples) -> int:
        return self._sink.write(self._resample(block)) * self._from_hz // self._to_hz

    def read(self, out: Samples) -> int:
        return self._sink.read(out)


def _working_format(
    sounddevice: Any, device: tuple[int, int], sample_rate_hz: int
) -> tuple[tuple[int, int], int]:
    """Channel counts and a rate that both devices take, the call's rate and mono if they can."""
    about = [sounddevice.query_devices(index) for index in device]
    most = (about[0]["max_input_channels"], about[1]["max_output_channels"])
    rates = dict.fromkeys(
        (sample_rate_hz, *(round(each["default_samplerate"]) for each in about), *FALLBACK_RATES_HZ)
    )
    shapes = dict.fromkeys(((1, 1), (1, min(2, most[1])), (min(2, most[0]), min(2, most[1]))))
    names = [each["name"] for each in about]
    rate, channels = first_that_works(sounddevice, device, rates, shapes, names=names)
    return channels, rate


def first_that_works(
    sounddevice: Any,
    device: tuple[int | None, int | None],
    rates: Iterable[int],
    shapes: Collection[tuple[int, int]],
    *,
    names: Iterable[str],
) -> tuple[int, tuple[int, int]]:
    """The first of *rates*, and for it the first of *shapes*, that both devices take.

    Args:
        sounddevice: the module.
        device: input and output; None: there is no such direction.
        rates: in Hz.
        shapes: channels in and out.
        names: of the devices.

    Raises:
        EnvironmentProblem: there is none.
    """
    source, sink = device
    problem: Exception | None = None
    for rate in rates:
        for channels in shapes:
            try:
                if source is not None:
                    sounddevice.check_input_settings(
                        device=source, channels=channels[0], dtype="float32", samplerate=rate
                    )
                if sink is not None:
                    sounddevice.check_output_settings(
                        device=sink, channels=channels[1], dtype="float32", samplerate=rate
                    )
            except (sounddevice.PortAudioError, ValueError) as error:
                problem = error
            else:
                return rate, channels
    devices = " and ".join(dict.fromkeys(names))
    raise EnvironmentProblem(f"{devices} can be opened at no common rate ({problem}): choose another device")
