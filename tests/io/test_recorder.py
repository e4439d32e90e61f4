"""Recordings: whole WAV files at any moment, whatever happens to the process or the disk."""

import errno
import io
import subprocess
import sys
import threading
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dsp.types import Samples
from softphone.errors import EnvironmentProblem
from softphone.io import recorder as recorder_module
from softphone.io.recorder import Recorder, check_writable

RATE_HZ = 8000


def ramp(count: int, start: int = 0) -> Samples:
    """Samples that each say their own number, exactly in 16 bits."""
    return ((np.arange(start, start + count) % 30000) / 32768).astype(np.float32)


def read_wav(path: Path) -> tuple[int, Samples]:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        data = file.readframes(file.getnframes())
        return file.getframerate(), np.frombuffer(data, dtype="<i2").astype(np.float32) / 32768


@pytest.mark.parametrize("block", [1, 160, 999, 8000, 20001])
def test_what_is_tapped_is_in_the_file_to_the_sample(tmp_path: Path, block: int) -> None:
    samples = ramp(9001 if block == 1 else 20001)
    recorder = Recorder(tmp_path / "got.wav", RATE_HZ)
    for at in range(0, samples.size, block):
        recorder.tap(samples[at : at + block])
    recorder.close()
    rate_hz, got = read_wav(recorder.path)
    assert rate_hz == RATE_HZ
    np.testing.assert_array_equal(got, samples)
    assert (recorder.dropped_samples, recorder.error) == (0, None)


def test_soundfile_reads_it_too(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "got.wav", 48000)
    recorder.tap(ramp(1234))
    recorder.close()
    samples, rate_hz = soundfile.read(recorder.path, dtype="float32")
    assert rate_hz == 48000
    np.testing.assert_array_equal(samples, ramp(1234))


def test_the_tap_keeps_a_copy(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "got.wav", RATE_HZ)
    block = ramp(100)
    recorder.tap(block)
    block[:] = 0.0
    recorder.close()
    np.testing.assert_array_equal(read_wav(recorder.path)[1], ramp(100))


def test_samples_beyond_full_scale_are_clipped(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "got.wav", RATE_HZ)
    recorder.tap(np.float32([2.0, 1.0, -1.0, -2.0]))
    recorder.close()
    np.testing.assert_array_equal(read_wav(recorder.path)[1] * 32768, [32767, 32767, -32768, -32768])


def test_a_recording_of_nothing_is_a_whole_file(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "got.wav", RATE_HZ)
    assert read_wav(recorder.path)[1].size == 0
    recorder.close()
    assert read_wav(recorder.path)[1].size == 0
    assert recorder.path.stat().st_size == 44


def test_closing_twice_and_tapping_afterwards_do_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "got.wav", RATE_HZ)
    recorder.tap(ramp(10))
    recorder.close()
    recorder.close()
    recorder.tap(ramp(20000))
    assert read_wav(recorder.path)[1].size == 10


def test_an_old_recording_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "got.wav"
    path.write_bytes(bytes(100000))
    recorder = Recorder(path, RATE_HZ)
    recorder.tap(ramp(10))
    recorder.close()
    assert path.stat().st_size == 44 + 20


def test_the_writer_wakes_once_a_second_not_once_a_packet(tmp_path: Path) -> None:
    class Counting(ThreadPoolExecutor):
        submitted = 0

        def submit(self, *args, **options):  # type: ignore[no-untyped-def]
            self.submitted += 1
            return super().submit(*args, **options)

    with Counting(1) as executor:
        recorder = Recorder(tmp_path / "got.wav", RATE_HZ, executor=executor)
        for _ in range(50 * 5):
            recorder.tap(ramp(160))
        assert executor.submitted == 5
        recorder.close()


def test_a_batch_is_playable_before_the_next_is_full(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        recorder = Recorder(tmp_path / "got.wav", RATE_HZ, executor=executor)
        recorder.tap(ramp(RATE_HZ + 100))
        executor.submit(int).result()
        np.testing.assert_array_equal(read_wav(recorder.path)[1], ramp(RATE_HZ))
        recorder.close()


def test_recorders_share_a_thread(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        recorders = [Recorder(tmp_path / f"{n}.wav", RATE_HZ, executor=executor) for n in range(3)]
        before = threading.active_count()
        for n, recorder in enumerate(recorders):
            recorder.tap(ramp(9000, n))
            assert threading.active_count() <= before + 1
        for n, recorder in enumerate(recorders):
            recorder.close()
            np.testing.assert_array_equal(read_wav(recorder.path)[1], ramp(9000, n))


def test_a_slow_disk_costs_counted_samples_and_leaves_the_rest_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_BATCHES", 3)
    go_on = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(go_on.wait)
        recorder = Recorder(tmp_path / "got.wav", RATE_HZ, executor=executor)
        samples = ramp(5 * RATE_HZ)
        recorder.tap(samples[: 3 * RATE_HZ])
        recorder.tap(samples[3 * RATE_HZ : 4 * RATE_HZ])
        assert recorder.dropped_samples == RATE_HZ
        go_on.set()
        executor.submit(int).result()
        recorder.tap(samples[4 * RATE_HZ :])
        recorder.close()
    samples[3 * RATE_HZ : 4 * RATE_HZ] = 0.0
    np.testing.assert_array_equal(read_wav(recorder.path)[1], samples)


def test_a_full_disk_is_remembered_and_the_call_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path / "got.wav", RATE_HZ)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recorder._file, "append", full)
    for _ in range(20):
        recorder.tap(ramp(RATE_HZ))
    recorder.close()
    assert recorder.error == f"recording {recorder.path} stopped: No space left on device"
    assert read_wav(recorder.path)[1].size == 0


def test_a_disk_full_at_the_start_is_said_and_leaves_no_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[io.FileIO] = []

    def full(file: recorder_module._WaveFile, *_: object) -> None:
        opened.append(file._file)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recorder_module._WaveFile, "_write_at", full)
    with pytest.raises(EnvironmentProblem, match="No space left"):
        Recorder(tmp_path / "got.wav", RATE_HZ)
    assert [file.closed for file in opened] == [True]


@pytest.mark.parametrize("where", ["no/such/folder/got.wav", "."])
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, where: str) -> None:
    for attempt in (check_writable, lambda path: Recorder(path, RATE_HZ)):
        with pytest.raises(
            EnvironmentProblem, match=r"recording .* cannot be written \(.*\): choose a folder"
        ):
            attempt(tmp_path / where)


def test_checking_leaves_no_file_and_harms_none(tmp_path: Path) -> None:
    check_writable(tmp_path / "new.wav")
    assert not (tmp_path / "new.wav").exists()
    (tmp_path / "old.wav").write_bytes(b"old")
    check_writable(tmp_path / "old.wav")
    assert (tmp_path / "old.wav").read_bytes() == b"old"


def test_recording_imports_no_sound_library() -> None:
    program = (
        "import sys, softphone.io.recorder; print({'soundfile', 'sounddevice', 'scipy'} & set(sys.modules))"
    )
    printed = subprocess.run(
        [sys.executable, "-P", "-c", program], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    assert printed.strip() == "set()"


_CHILD = """
import sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from softphone.io.recorder import Recorder

executor = ThreadPoolExecutor(1)
recorder = Recorder(sys.argv[1], 8000, executor=executor)
for start in range(0, 20000, 160):
    recorder.tap((np.arange(start, start + 160) % 30000 / 32768).astype(np.float32))
executor.submit(int).result()
print("recorded", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_leaves_a_recording_that_plays(tmp_path: Path) -> None:
    path = tmp_path / "got.wav"
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", _CHILD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "recorded\n"
        child.kill()
        child.wait(timeout=30)
    _, got = read_wav(path)
    assert 20000 - got.size < RATE_HZ
    np.testing.assert_array_equal(got, ramp(got.size))
    np.testing.assert_array_equal(soundfile.read(path, dtype="float32")[0], got)
