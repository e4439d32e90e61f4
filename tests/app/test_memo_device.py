"""A memo from a sound device: what the callback brings is recorded, and a device that is unplugged ends it."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.fake_sounddevice import FakeSoundDevice

from softphone.app.memo_run import make_take, taken
from softphone.errors import UsageError
from softphone.io.memos.store import MemoStore
from softphone.memo_config import RecordOptions


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSoundDevice]:
    fake = FakeSoundDevice()
    fake.add("USB Microphone", 1, 0)
    fake.default.device = [0, -1]
    monkeypatch.setitem(sys.modules, "sounddevice", fake)  # type: ignore[arg-type]
    yield fake
    for stream in fake.streams:
        assert stream.state == "closed"


def test_what_the_microphone_gives_is_kept_until_it_is_unplugged(
    module: FakeSoundDevice, tmp_path: Path
) -> None:
    heard = threading.Semaphore(0)
    options = RecordOptions(name="a", device="usb")
    take = make_take(MemoStore(tmp_path), options, on_block=lambda block: heard.release())
    take.start()
    (stream,) = module.streams
    assert stream.kind == "in"
    ramps = [np.arange(960, dtype=np.float32) / 2**15 + turn / 2**10 for turn in range(5)]
    for ramp in ramps:
        stream.run(ramp)
        assert heard.acquire(timeout=30)
    module.plugged.clear()
    stream.end()
    assert take.wait(30)
    done = taken(take)
    samples, rate_hz = soundfile.read(done.memo.path, dtype="float32")
    assert rate_hz == 48_000
    assert np.array_equal(samples, np.concatenate(ramps))
    assert (done.ended_by, done.memo.device) == ("fault", "USB Microphone")
    assert "went away" in str(done.fault)


def test_a_device_that_is_not_there_is_said_before_anything_is_made(
    module: FakeSoundDevice, tmp_path: Path
) -> None:
    store = MemoStore(tmp_path)
    with pytest.raises(UsageError, match="no sound input device matches 'piano'"):
        make_take(store, RecordOptions(device="piano"))
    assert list(store.journals.iterdir()) == []
