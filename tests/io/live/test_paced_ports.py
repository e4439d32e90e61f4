"""Ports that have a clock and no device: nothing at all, and files; the clock is ours."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from softphone.errors import UsageError
from softphone.io.live.file_port import FilePort
from softphone.io.live.null_port import NullPort, is_null
from softphone.io.live.pace import Pace
from softphone.io.live.wake import Wake


class Clock:
    """Time passes while somebody waits, and when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now_s += seconds
        return False


def test_blocks_are_due_one_interval_after_the_other_whatever_the_work_took() -> None:
    clock = Clock()
    pace = Pace(0.01, clock=clock, wait=clock.wait)
    for took in (0.0, 0.004, 0.009, 0.0):
        assert pace.next()
        clock.now_s += took
        pace.done()
    assert clock.waits == pytest.approx([0.01, 0.01, 0.006, 0.001])
    assert clock.now_s == pytest.approx(100.04)
    assert pace.late == 0


def test_what_is_handed_back_after_the_next_was_due_is_late_and_no_burst_follows() -> None:
    clock = Clock()
    pace = Pace(0.01, clock=clock, wait=clock.wait)
    pace.next()
    clock.now_s += 0.055
    pace.done()
    assert pace.late == 1
    assert pace.latency_s == pytest.approx(0.065)
    for _ in range(3):
        pace.next()
        pace.done()
    assert clock.waits[-2:] == pytest.approx([0.01, 0.01])
    assert (pace.late, pace.latency_s) == (1, pytest.approx(0.01))


def test_a_pace_that_is_stopped_waits_no_more() -> None:
    pace = Pace(3600.0)
    pace.stop()
    assert not pace.next()


def test_a_post_is_seen_once_and_many_are_one() -> None:
    wake = Wake()
    assert not wake.wait(0)
    wake.post()
    wake.post()
    wake.post()
    assert wake.wait(0)
    assert not wake.wait(0)


@pytest.mark.parametrize(
    ("name", "null"),
    [("null", True), (" NULL:tone=1000", True), ("null-sink", False), ("default", False), (None, False)],
)
def test_null_is_a_word_of_its_own(name: str | None, null: bool) -> None:
    assert is_null(name) is null


def test_the_null_device_gives_silence_or_the_tone_it_was_asked_for() -> None:
    clock = Clock()
    silent = NullPort("null", 48000, block_ms=5, clock=clock, wait=clock.wait)
    block = silent.read()
    assert block is not None
    assert block.shape == (1, 240)
    assert not block.any()
    tone = NullPort("null:tone=1000", 48000, clock=clock, wait=clock.wait)
    heard = []
    for _ in range(20):
        block = tone.read()
        assert block is not None
        heard.append(block.copy())
        block[:] = 7.0  # it is ours to change
        tone.write(block)
    sound = np.concatenate(heard, axis=1)[0, 480:]
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(0.1, rel=0.001)  # -20 dBov
    assert np.argmax(np.abs(np.fft.rfft(sound))) * 48000 / sound.size == pytest.approx(1000)
    assert tone.status().latency_ms == pytest.approx(10.0)
    tone.stop()
    assert tone.read() is None


@pytest.mark.parametrize("name", ["null:", "null:tone", "null:tone=x", "null:tone=-5", "null:noise=3"])
def test_another_null_is_refused_with_what_there_is(name: str) -> None:
    with pytest.raises(UsageError, match="wanted null, or null:tone=HZ as null:tone=1000"):
        NullPort(name, 48000)


def test_a_tone_beyond_the_rate_is_refused() -> None:
    with pytest.raises(UsageError, match=r"below 4000 Hz, got 5000: lower it, or take a higher rate$"):
        NullPort("null:tone=5000", 8000)


def sound_file(folder: Path, frames: int = 1000, rate_hz: int = 16000) -> Path:
    path = folder / "in.wav"
    ramp = np.arange(1, frames + 1, dtype=np.int16)
    soundfile.write(path, np.stack((ramp, -ramp), axis=1), rate_hz, subtype="PCM_16")
    return path


def test_a_file_is_read_in_real_time_and_written_without_the_delay_and_with_the_tail(tmp_path: Path) -> None:
    clock = Clock()
    port = FilePort(sound_file(tmp_path), tmp_path / "out.wav", clock=clock, wait=clock.wait)
    assert (port.sample_rate_hz, port.channels_in, port.block_samples) == (16000, 2, 160)
    assert port.status().total_s == pytest.approx(1000 / 16000)
    port.open(2, delay_samples=100)
    held = np.zeros((2, 100), dtype=np.float32)  # a chain that delays by 100 and rings for 30 more
    blocks = 0
    while (block := port.read()) is not None:
        held = np.concatenate((held, block), axis=1)
        port.write(held[:, : block.shape[1]])
        held = held[:, block.shape[1] :]
        blocks += 1
    assert blocks == 7
    assert clock.now_s == pytest.approx(100 + 0.07)
    assert not (tmp_path / "out.wav").exists()
    for block in port.flush(1000 + 30):
        held = np.concatenate((held, block), axis=1)
        port.write(held[:, : block.shape[1]])
        held = held[:, block.shape[1] :]
    assert clock.now_s == pytest.approx(100 + 0.07)  # the end is not waited for
    port.close()
    sound, rate_hz = soundfile.read(tmp_path / "out.wav", dtype="int16")
    assert rate_hz == 16000
    assert sound.shape == (1030, 2)
    np.testing.assert_array_equal(sound[:1000, 0], np.arange(1, 1001))
    np.testing.assert_array_equal(sound[:, 1], -sound[:, 0])
    assert not sound[1000:].any()


def test_a_file_that_is_stopped_is_whole_as_far_as_it_came(tmp_path: Path) -> None:
    clock = Clock()
    port = FilePort(sound_file(tmp_path), tmp_path / "out.wav", clock=clock, wait=clock.wait)
    port.open(2)
    for _ in range(3):
        block = port.read()
        assert block is not None
        port.write(block)
    port.stop()
    assert port.read() is None
    for block in port.flush(480):
        port.write(block)
    port.close()
    sound, _ = soundfile.read(tmp_path / "out.wav", dtype="int16")
    np.testing.assert_array_equal(sound[:, 0], np.arange(1, 481))


def test_a_file_that_was_stopped_before_it_began_leaves_nothing(tmp_path: Path) -> None:
    port = FilePort(sound_file(tmp_path), tmp_path / "out.wav")
    port.open(2)
    port.stop()
    assert port.read() is None
    port.close()
    assert port.frames_written == 0
    assert [each.name for each in tmp_path.iterdir()] == ["in.wav"]


def test_a_file_that_cannot_be_written_further_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    port = FilePort(sound_file(tmp_path), tmp_path / "out.wav", clock=clock, wait=clock.wait)
    port.open(2)
    block = port.read()
    assert block is not None
    port.write(block)

    def full(self: object, block: object) -> None:
        raise UsageError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("softphone.io.live.file_port.SoundWriter.write", full)
        with pytest.raises(UsageError, match="the disk is full"):
            port.write(block)
    port.close()
    assert [each.name for each in tmp_path.iterdir()] == ["in.wav"]


def test_files_that_cannot_be_are_refused_before_any_work(tmp_path: Path) -> None:
    source = sound_file(tmp_path)
    with pytest.raises(UsageError, match="is input and output"):
        FilePort(source, source)
    (tmp_path / "out.wav").write_bytes(b"kept")
    with pytest.raises(UsageError, match="give --force"):
        FilePort(source, tmp_path / "out.wav")
    with pytest.raises(UsageError, match="does not exist"):
        FilePort(tmp_path / "none.wav", tmp_path / "other.wav")
    assert (tmp_path / "out.wav").read_bytes() == b"kept"
