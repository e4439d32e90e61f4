"""Sound devices, with a sounddevice module of our own in place of the real one."""

import builtins
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dsp.types import Samples
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.audio import portaudio
from softphone.io.audio.portaudio import PortAudioDevice, choose_devices, list_devices


class PortAudioError(Exception):
    pass


class FakeStream:
    """Runs its callback when told to."""

    def __init__(self, *, callback: Any, **options: Any) -> None:
        self.options = options
        self.state = "open"
        self._callback = callback

    def start(self) -> None:
        if self.options["device"] == (4, 4):
            raise PortAudioError("Cannot start")
        self.state = "running"

    def close(self) -> None:
        self.state = "closed"

    def run(self, captured: Samples, **status: bool) -> Samples:
        """One block: *captured* on each input channel; returns what the loudspeaker got."""
        ins, outs = self.options["channels"]
        outdata = np.full((captured.size, outs), np.nan, dtype=np.float32)
        flags: Any = SimpleNamespace(input_overflow=False, output_underflow=False) if status else None
        for name, value in status.items():
            setattr(flags, name, value)
        self._callback(np.repeat(captured[:, None], ins, axis=1), outdata, captured.size, None, flags)
        assert (outdata == outdata[:, :1]).all()
        return outdata[:, 0]


class FakeSoundDevice:
    """As much of the module as is used."""

    PortAudioError = PortAudioError

    def __init__(self) -> None:
        self.devices: list[dict[str, Any]] = []
        self.rates: dict[int, set[int]] = {}
        self.least_channels: dict[int, int] = {}
        self.default = SimpleNamespace(device=[-1, -1])
        self.streams: list[FakeStream] = []
        self.busy = False

    def add(
        self, name: str, ins: int, outs: int, rate_hz: int = 48000, *, rates: set[int] | None = None
    ) -> int:
        self.devices.append(
            {
                "name": name,
                "hostapi": 0,
                "max_input_channels": ins,
                "max_output_channels": outs,
                "default_samplerate": float(rate_hz),
            }
        )
        self.rates[len(self.devices) - 1] = rates if rates is not None else {8000, 16000, 48000}
        return len(self.devices) - 1

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [{"name": "ALSA"}]

    def query_devices(self, index: int | None = None) -> Any:
        return self.devices if index is None else self.devices[index]

    def check_input_settings(self, *, device: int, channels: int, dtype: str, samplerate: int) -> None:
        if samplerate not in self.rates[device] or channels < self.least_channels.get(device, 1):
            raise PortAudioError("Invalid sample rate or number of channels")

    check_output_settings = check_input_settings

    def Stream(self, **options: Any) -> FakeStream:
        if self.busy:
            raise PortAudioError("Device unavailable")
        self.streams.append(FakeStream(**options))
        return self.streams[-1]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSoundDevice:
    module = FakeSoundDevice()
    monkeypatch.setitem(sys.modules, "sounddevice", module)  # type: ignore[arg-type]
    return module


@pytest.fixture
def office(fake: FakeSoundDevice) -> FakeSoundDevice:
    """A built-in card, a headset, a loudspeaker alone."""
    fake.add("Built-in Audio", 2, 2)
    fake.add("USB Headset Pro", 1, 0, 16000)
    fake.add("USB Headset Pro", 0, 2)
    fake.add("USB Headset", 1, 2)
    fake.add("Loudspeaker", 0, 2)
    fake.default.device = [0, 0]
    return fake


def test_devices_are_listed_as_plain_data(office: FakeSoundDevice) -> None:
    devices = list_devices()
    assert len(devices) == 5
    assert devices[0] == {
        "index": 0,
        "name": "Built-in Audio",
        "host_api": "ALSA",
        "inputs": 2,
        "outputs": 2,
        "sample_rate_hz": 48000,
        "default_input": True,
        "default_output": True,
    }
    assert not devices[1]["default_input"]


def test_no_devices_are_an_empty_list(fake: FakeSoundDevice) -> None:
    assert list_devices() == []


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("default", (0, 0)),
        ("", (0, 0)),
        ("3", (3, 3)),
        ("headset pro", (1, 2)),
        ("USB Headset", (3, 3)),
        ("usb", (1, 2)),
        ("Loudspeaker", (0, 4)),
        ("1", (1, 0)),
    ],
)
def test_a_device_is_chosen_by_number_or_part_of_its_name(
    office: FakeSoundDevice, name: str, chosen: tuple[int, int]
) -> None:
    assert choose_devices(name) == chosen


def test_a_name_nobody_has_is_refused_with_those_there_are(office: FakeSoundDevice) -> None:
    with pytest.raises(
        UsageError, match="no sound device matches 'theremin': there are 0 Built-in Audio, 1 USB"
    ):
        choose_devices("theremin")


def test_a_machine_without_sound_says_so(fake: FakeSoundDevice) -> None:
    with pytest.raises(EnvironmentProblem, match="no sound input device found: connect one"):
        choose_devices("default")
    with pytest.raises(UsageError, match="there are none at all"):
        choose_devices("headset")


def test_the_callback_only_moves_samples_between_device_and_rings(office: FakeSoundDevice) -> None:
    device = PortAudioDevice("Headset Pro", 16000)
    [stream] = office.streams
    assert stream.state == "running"
    assert stream.options["device"] == (1, 2)
    assert (stream.options["samplerate"], stream.options["blocksize"], stream.options["dtype"]) == (
        16000,
        160,
        "float32",
    )
    spoken, heard = (np.linspace(a, a + 0.5, 160, dtype=np.float32) for a in (0.0, -0.5))
    device.playback.write(heard)
    np.testing.assert_array_equal(stream.run(spoken), heard)
    assert len(device.capture) == 160
    out = np.empty(160, dtype=np.float32)
    assert device.capture.read(out) == 160
    np.testing.assert_array_equal(out, spoken)
    assert (stream.run(spoken) == 0.0).all()
    device.close()
    assert stream.state == "closed"


def test_what_portaudio_reports_is_counted(office: FakeSoundDevice) -> None:
    device = PortAudioDevice("default", 16000)
    block = np.zeros(160, dtype=np.float32)
    office.streams[0].run(block)
    office.streams[0].run(block, input_overflow=True)
    office.streams[0].run(block, output_underflow=True)
    assert (device.stats.blocks, device.stats.input_overflows, device.stats.output_underflows) == (3, 1, 1)
    device.close()


def test_the_playback_target_covers_the_tick_and_its_lateness(office: FakeSoundDevice) -> None:
    for tick_ms in (20, 60, 120):
        device = PortAudioDevice("default", 16000, tick_ms=tick_ms)
        assert device.target_samples >= 16 * (tick_ms + 19 + portaudio.BLOCK_MS)
        device.close()


def test_a_card_that_wants_two_channels_gets_them(office: FakeSoundDevice) -> None:
    office.least_channels[0] = 2
    device = PortAudioDevice("default", 16000)
    assert office.streams[0].options["channels"] == (2, 2)
    device.playback.write(np.full(160, 0.5, dtype=np.float32))
    assert (office.streams[0].run(np.full(160, 0.25, dtype=np.float32)) == 0.5).all()
    out = np.empty(160, dtype=np.float32)
    device.capture.read(out)
    assert (out == 0.25).all()
    device.close()


@pytest.mark.parametrize("device_rate_hz", [48000, 44100])
def test_a_card_that_lacks_the_rate_runs_at_its_own(fake: FakeSoundDevice, device_rate_hz: int) -> None:
    fake.add("Old card", 1, 2, device_rate_hz, rates={device_rate_hz})
    fake.default.device = [0, 0]
    device = PortAudioDevice("default", 16000)
    assert device.device_rate_hz == device_rate_hz
    [stream] = fake.streams
    block = device_rate_hz // 100
    t = np.arange(50 * block) / device_rate_hz
    spoken = (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    played: list[Samples] = []
    captured: list[Samples] = []
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 16000)).astype(np.float32)
    out = np.empty(160, dtype=np.float32)
    for n in range(50):
        device.playback.write(tone[n * 160 : (n + 1) * 160])
        played.append(stream.run(spoken[n * block : (n + 1) * block]))
        while len(device.capture) >= out.size:
            assert device.capture.read(out) == out.size
            captured.append(out.copy())
    assert 45 <= len(captured) <= 50
    for sound, rate_hz in ((np.concatenate(captured), 16000), (np.concatenate(played), device_rate_hz)):
        middle = sound[sound.size // 4 : sound.size // 4 + rate_hz // 4]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.size)))
        assert np.argmax(spectrum) * rate_hz / middle.size == pytest.approx(440, abs=4)
        assert np.sqrt(2 * np.mean(middle.astype(float) ** 2)) == pytest.approx(0.5, rel=0.02)
    device.playback.write(np.zeros(1600, dtype=np.float32))
    assert len(device.playback) == pytest.approx(1600, abs=40)
    device.close()


def test_a_card_that_can_do_nothing_is_said_so(fake: FakeSoundDevice) -> None:
    fake.add("Broken card", 1, 2, rates=set())
    fake.default.device = [0, 0]
    with pytest.raises(EnvironmentProblem, match="Broken card can be opened at no common rate"):
        PortAudioDevice("default", 16000)


def test_a_card_in_use_is_said_so(office: FakeSoundDevice) -> None:
    office.busy = True
    with pytest.raises(EnvironmentProblem, match=r"'default' cannot be opened \(Device unavailable\): close"):
        PortAudioDevice("default", 16000)


def test_a_card_that_opens_and_does_not_start_is_given_back(office: FakeSoundDevice) -> None:
    office.devices[4]["max_input_channels"] = 1
    with pytest.raises(EnvironmentProblem, match="Cannot start"):
        PortAudioDevice("Loudspeaker", 16000)
    assert [stream.state for stream in office.streams] == ["closed"]


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (OSError("PortAudio library not found"), r"apt install libportaudio2.*brew install portaudio"),
        (ImportError("No module named 'sounddevice'"), "pip install sounddevice"),
    ],
)
def test_what_is_missing_is_named_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch, error: Exception, advice: str
) -> None:
    real = builtins.__import__

    def importing(name: str, *args: Any, **options: Any) -> Any:
        if name == "sounddevice":
            raise error
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", importing)
    with pytest.raises(EnvironmentProblem, match=advice):
        list_devices()


def test_the_real_module_lists_devices_where_portaudio_is_installed() -> None:
    try:
        devices = list_devices()
    except EnvironmentProblem as problem:
        pytest.skip(str(problem))
    assert all(device["name"] and device["sample_rate_hz"] >= 0 for device in devices)
