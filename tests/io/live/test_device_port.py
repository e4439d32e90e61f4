"""The port of sound devices, with a sounddevice module of our own in place of the real one."""

import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from support.fake_sounddevice import FakeSoundDevice

from dsp.types import Samples
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.live.device_port import DevicePort
from softphone.io.live.null_port import NullPort
from softphone.io.live.ports import device_port
from softphone.io.live.wake import Wake

N = 480


class ScriptedWake(Wake):
    """Waits no time: what was posted is seen, else the next step of the script is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Callable[[], object]] = []

    def wait(self, seconds: float) -> bool:
        if super().wait(0):
            return True
        if self.steps:
            self.steps.pop(0)()
        return super().wait(0)


class Done:
    """What ran beside, and is over."""

    def join(self, timeout: float | None = None) -> None: ...

    def is_alive(self) -> bool:
        return False


class Stuck(Done):
    def is_alive(self) -> bool:
        return True


class Desk:
    """A port whose waits are a script."""

    def __init__(self, module: FakeSoundDevice, *, stuck: bool = False) -> None:
        self.module = module
        self.wake = ScriptedWake()
        self.pauses: list[Callable[[], None]] = []
        self.paused = 0
        self.stuck = stuck

    def port(self, source: str | None = None, sink: str | None = None, rate_hz: int = 48000) -> DevicePort:
        return DevicePort(source, sink, rate_hz, wake=self.wake, spawn=self.spawn, pause=self.pause)

    def spawn(self, function: Callable[[], None]) -> Done:
        if self.stuck:
            return Stuck()
        function()
        return Done()

    def pause(self, seconds: float) -> bool:
        self.paused += 1
        if not self.pauses:
            return True
        self.pauses.pop(0)()
        return False


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSoundDevice]:
    fake = FakeSoundDevice()
    fake.add("Built-in Audio", 2, 2)
    fake.add("USB Headset (hw:1,0)", 1, 2)
    fake.add("Loudspeaker", 0, 2)
    fake.default.device = [0, 0]
    monkeypatch.setitem(sys.modules, "sounddevice", fake)  # type: ignore[arg-type]
    yield fake
    for stream in fake.streams:
        assert stream.state == "closed", "a device was not given back"


def ramp(turn: int) -> Samples:
    return np.linspace(turn, turn + 0.5, N, dtype=np.float32) / 100


def test_blocks_go_from_the_microphone_to_the_loudspeaker_one_block_later(module: FakeSoundDevice) -> None:
    port = Desk(module).port()
    port.open(1)
    [stream] = module.streams
    assert stream.options["device"] == (0, 0)
    assert (stream.options["samplerate"], stream.options["blocksize"]) == (48000, N)
    assert (stream.run(ramp(0)) == 0.0).all()
    for turn in range(1, 4):
        block = port.read()
        assert block is not None
        np.testing.assert_array_equal(block, ramp(turn - 1)[None])
        port.write(block * 0.5)
        for channel in stream.run(ramp(turn)):
            np.testing.assert_array_equal(channel, ramp(turn - 1) * 0.5)
    port.close()


def test_the_latency_shown_is_that_of_the_device_and_of_the_block_that_waits(module: FakeSoundDevice) -> None:
    port = Desk(module).port()
    port.open(1)
    [stream] = module.streams
    # Before the first callback: what PortAudio states, and the block of silence.
    assert port.status().latency_ms == pytest.approx(11 + 13 + 10)
    stream.run()
    assert port.status().latency_ms == pytest.approx(25 + 10)
    stream.run()  # nobody filtered: silence was played, and what comes then comes later
    assert port.status().latency_ms == pytest.approx(25 + 20)
    assert port.status().xruns_ours == 1
    port.close()
    assert port.status().latency_ms is None
    assert port.status().xruns_ours == 1


def test_a_host_that_tells_no_times_is_taken_at_its_word(module: FakeSoundDevice) -> None:
    port = Desk(module).port()
    port.open(1)
    [stream] = module.streams
    stream.adc_s = stream.dac_s = 0.0
    stream.run()
    assert port.status().latency_ms == pytest.approx(11 + 13 + 10)
    port.close()


def test_what_the_system_lost_is_counted_apart_from_what_we_missed(module: FakeSoundDevice) -> None:
    port = Desk(module).port()
    port.open(1)
    [stream] = module.streams
    stream.run(input_overflow=True)
    port.write(port.read())  # type: ignore[arg-type]
    stream.run(output_underflow=True)
    status = port.status()
    assert (status.xruns_system, status.xruns_ours) == (2, 0)
    port.close()


def test_a_device_that_is_unplugged_is_waited_for_by_its_name_and_goes_on(module: FakeSoundDevice) -> None:
    desk = Desk(module)
    port = desk.port("headset", "headset")
    port.open(1)
    [stream] = module.streams
    headset = module.plugged[1]
    stream.run(ramp(0))
    port.write(port.read())  # type: ignore[arg-type]
    stream.run(ramp(1), output_underflow=True)
    assert port.read() is not None

    def unplug() -> None:
        module.unplug(headset)
        stream.end()

    def away() -> None:
        assert not port.status().connected
        assert port.status().latency_ms is None

    def back() -> None:
        module.plug(headset | {"name": "USB Headset (hw:3,0)"})  # another number, and first in the list

    def heard_again() -> None:
        module.streams[1].run(ramp(7))

    desk.wake.steps = [unplug, heard_again]
    desk.pauses = [away, away, back]
    block = port.read()
    assert block is not None
    np.testing.assert_array_equal(block, ramp(7)[None])
    status = port.status()
    assert (status.connected, status.reconnects, status.xruns_system) == (True, 1, 1)
    assert desk.paused == 3
    assert module.beginnings == 3
    assert [each.state for each in module.streams] == ["closed", "running"]
    assert module.streams[1].options["device"] == (0, 0)
    assert module.streams[1].run().max() == 0.0  # begins with silence, not with what waited when it went
    port.close()


def test_a_device_that_falls_silent_without_a_word_is_given_up(module: FakeSoundDevice) -> None:
    desk = Desk(module)
    port = desk.port()
    port.open(1)
    module.abort_fails = True
    desk.pauses = [lambda: None]

    def nothing() -> None:
        assert module.streams[0].state == "running"

    desk.wake.steps = [nothing, lambda: module.streams[1].run(ramp(3))]
    block = port.read()
    assert block is not None
    np.testing.assert_array_equal(block, ramp(3)[None])
    assert port.status().reconnects == 1
    port.close()


def test_a_device_that_is_back_but_in_use_is_tried_again(module: FakeSoundDevice) -> None:
    desk = Desk(module)
    port = desk.port()
    port.open(1)

    def taken() -> None:
        module.busy = True

    def free() -> None:
        module.busy = False

    desk.wake.steps = [module.streams[0].end, lambda: module.streams[1].run(ramp(1))]
    desk.pauses = [taken, lambda: None, free]
    assert port.read() is not None
    assert (desk.paused, port.status().reconnects) == (3, 1)
    port.close()


def test_who_stops_while_the_device_is_away_is_not_kept_waiting(module: FakeSoundDevice) -> None:
    desk = Desk(module)
    port = desk.port()
    port.open(1)
    desk.wake.steps = [module.streams[0].end, port.stop]
    assert port.read() is None
    assert not port.status().connected
    port.close()


def test_a_device_that_comes_back_as_we_stop_is_given_back(module: FakeSoundDevice) -> None:
    desk = Desk(module)
    port = desk.port()
    port.open(1)
    desk.wake.steps = [module.streams[0].end]
    desk.pauses = [port.stop]
    assert port.read() is None
    assert [each.state for each in module.streams] == ["closed", "closed"]
    port.close()


def test_a_close_that_never_ends_holds_nobody_up_neither_now_nor_at_exit(
    module: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    unregistered: list[object] = []
    monkeypatch.setattr("atexit.unregister", unregistered.append)
    port = Desk(module, stuck=True).port()
    port.open(1)
    port.stop()
    assert port.read() is None
    port.close()
    assert unregistered == [module._exit_handler]
    module.streams[0].close()


def test_other_streams_of_the_process_are_not_ended_to_look_for_a_device(module: FakeSoundDevice) -> None:
    other, desk = Desk(module).port(), Desk(module)
    other.open(1)
    port = desk.port("headset", "headset")
    port.open(1)
    desk.wake.steps = [module.streams[1].end, lambda: module.streams[2].run(ramp(1))]
    desk.pauses = [lambda: None]
    assert port.read() is not None
    assert module.beginnings == 0
    port.close()
    other.close()


def test_a_card_that_lacks_the_rate_runs_at_its_own(module: FakeSoundDevice) -> None:
    module.plugged[0]["rates"] = {44100}
    port = Desk(module).port()
    port.open(1)
    [stream] = module.streams
    assert (stream.options["samplerate"], stream.options["blocksize"]) == (44100, 441)
    assert port.device_rate_hz == 44100
    t = np.arange(100 * 441) / 44100
    tone = (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    heard = []
    for turn in range(100):
        heard.append(stream.run(tone[turn * 441 : (turn + 1) * 441])[0])
        block = port.read()
        assert block is not None
        assert block.shape == (1, 480)
        port.write(block)
    # The block, 33 samples at 48 kHz up and 30 at 44.1 kHz down (dsp.resample.delay_of); the device's 25 ms are shown besides.
    late = 441 + 33 * 44100 / 48000 + 30
    assert port.status().latency_ms == pytest.approx(25 + 1000 * late / 44100, abs=0.01)
    assert port.status().xruns_ours == 0
    played = np.concatenate(heard)
    wanted = 0.5 * np.sin(2 * np.pi * 440 * (np.arange(played.size) - late) / 44100)
    np.testing.assert_allclose(played[1000:], wanted[1000:], atol=0.002)
    port.close()


def test_stereo_is_played_as_it_is_and_mono_on_both(module: FakeSoundDevice) -> None:
    port = Desk(module).port()
    port.open(2)
    assert module.streams[0].options["channels"] == (1, 2)
    module.streams[0].run()
    port.read()
    port.write(np.stack((np.full(N, 0.25), np.full(N, -0.5))).astype(np.float32))
    played = module.streams[0].run()
    assert (played[0] == 0.25).all()
    assert (played[1] == -0.5).all()
    port.close()
    module.plugged[0]["max_output_channels"] = 1
    port = Desk(module).port()
    port.open(2)
    module.streams[1].run()
    port.read()
    port.write(np.stack((np.full(N, 0.25), np.full(N, -0.5))).astype(np.float32))
    assert (module.streams[1].run() == -0.125).all()
    port.close()


def test_more_channels_than_there_are_loudspeakers_are_refused(module: FakeSoundDevice) -> None:
    with pytest.raises(EnvironmentProblem, match="give 5 channels and Built-in Audio plays 2"):
        Desk(module).port().open(5)


def test_a_tone_may_stand_in_for_the_microphone(module: FakeSoundDevice) -> None:
    port = Desk(module).port("null:tone=1000", "Loudspeaker")
    assert port.name == "null:tone=1000 -> Loudspeaker"
    port.open(1)
    [stream] = module.streams
    assert (stream.kind, stream.options["device"]) == ("out", 2)
    for _ in range(4):
        stream.run()
        block = port.read()
        assert block is not None
        port.write(block)
    assert np.abs(stream.run()).max() == pytest.approx(0.1 * np.sqrt(2), rel=0.01)
    port.close()


def test_a_microphone_may_be_filtered_for_nobody(module: FakeSoundDevice) -> None:
    port = Desk(module).port("headset", "null")
    port.open(1)
    [stream] = module.streams
    assert (stream.kind, stream.options["device"]) == ("in", 1)
    stream.run(ramp(2))
    block = port.read()
    assert block is not None
    np.testing.assert_array_equal(block, ramp(2)[None])
    port.write(block)
    assert port.status().latency_ms == pytest.approx(10 + 10)
    port.close()


@pytest.mark.parametrize(
    ("source", "sink"), [("null", None), (None, "null"), ("null:tone=500", "null"), ("NULL", "null")]
)
def test_null_alone_stands_for_both(module: FakeSoundDevice, source: str | None, sink: str | None) -> None:
    assert isinstance(device_port(source, sink, 48000, block_ms=10), NullPort)


def test_null_with_a_device_is_that_device(module: FakeSoundDevice) -> None:
    assert isinstance(device_port("null", "Loudspeaker", 48000, block_ms=10), DevicePort)


def test_what_cannot_be_is_told_with_what_there_is(module: FakeSoundDevice) -> None:
    with pytest.raises(UsageError, match="no sound input device matches 'Loudspeaker': there are 0 Built-in"):
        Desk(module).port("Loudspeaker", None)
    with pytest.raises(UsageError, match="no sound output device matches '12'"):
        Desk(module).port(None, "12")
    module.busy = True
    with pytest.raises(
        EnvironmentProblem, match=r"cannot be opened \(Device unavailable\): close what uses it"
    ):
        Desk(module).port().open(1)
    module.busy, module.refuses_to_start = False, True
    with pytest.raises(EnvironmentProblem, match="Cannot start"):
        Desk(module).port().open(1)
    module.plugged[0]["rates"] = set()
    with pytest.raises(EnvironmentProblem, match="Built-in Audio can be opened at no common rate"):
        Desk(module).port().open(1)


def test_a_machine_without_sound_is_told_of_null(module: FakeSoundDevice) -> None:
    module.seen.clear()
    with pytest.raises(EnvironmentProblem, match=r"no sound input device found.*give `null`"):
        Desk(module).port()
