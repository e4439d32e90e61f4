"""Recording: what is in the memo is what came; disks that are full, devices that go, listeners that fail."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from support.memos import AT, RATE_HZ, BlockPort, NoPort, files_in, grid_noise

from dsp.types import Block
from softphone.errors import EnvironmentProblem, SoftphoneError, UsageError
from softphone.io.memos.journal import JournalReader, JournalWriter
from softphone.io.memos.keeping import recover
from softphone.io.memos.memo import Memo
from softphone.io.memos.store import MemoStore
from softphone.io.memos.take import MemoTake, TakeStatus


def blocks(count: int, *, channels: int = 1) -> list[Block]:
    return [grid_noise(80, channels, seed=seed) for seed in range(1, count + 1)]


def record(port: BlockPort, store: MemoStore, **more: Any) -> tuple[Memo, MemoTake]:
    take = MemoTake(port, store, now=lambda: AT, **more)
    take.start()
    assert take.wait(30)
    return take.stop(), take


def sound(memo: Memo) -> np.ndarray[Any, Any]:
    samples: np.ndarray[Any, Any] = soundfile.read(memo.path, dtype="float32", always_2d=True)[0].T
    return samples


@pytest.mark.parametrize("channels", [1, 2])
def test_what_came_is_in_the_memo_bit_by_bit(tmp_path: Path, channels: int) -> None:
    came = blocks(30, channels=channels)
    memo, take = record(BlockPort(came), MemoStore(tmp_path), name="a", note="n", tags=("t",))
    assert np.array_equal(sound(memo), np.concatenate(came, axis=1))
    assert (memo.name, memo.note, memo.tags, memo.channels, memo.frames) == ("a", "n", ("t",), channels, 2400)
    assert (memo.origin, memo.device, memo.started_at) == ("recorded", "test", "2026-03-01T08:30:00+00:00")
    assert soundfile.info(memo.path).subtype == "PCM_24"
    assert files_in(tmp_path) == ["memos.sqlite3", f"sound/{memo.id}.flac"]
    assert take.status().ended_by == "end"
    assert take.stop() is memo


def test_a_memo_without_a_name_is_called_by_its_time(tmp_path: Path) -> None:
    memo, _ = record(BlockPort(blocks(1)), MemoStore(tmp_path))
    assert memo.name == "2026-03-01-083000"


def test_it_ends_after_the_seconds_asked_for_to_the_sample(tmp_path: Path) -> None:
    memo, take = record(BlockPort(blocks(30)), MemoStore(tmp_path), seconds=0.0125)
    assert memo.frames == 100
    assert take.status().ended_by == "seconds"


def test_stopping_keeps_what_came_until_then(tmp_path: Path) -> None:
    here, on = threading.Event(), threading.Event()

    def meanwhile(number: int) -> None:
        if number == 5:
            here.set()
            assert on.wait(30)

    port = BlockPort(blocks(1000), meanwhile=meanwhile)
    take = MemoTake(port, MemoStore(tmp_path), "a", now=lambda: AT)
    take.start()
    assert here.wait(30)
    assert take.status().running
    stop = port.stop
    port.stop = lambda: (stop(), on.set())[0]  # type: ignore[method-assign]
    memo = take.stop()
    assert (memo.frames, take.status().ended_by) == (400, "stopped")
    assert port.is_closed


def test_listeners_hear_every_block_and_one_that_fails_ends_nothing(tmp_path: Path) -> None:
    came, heard, ends = blocks(10), [], []
    record(BlockPort(came), MemoStore(tmp_path), on_block=heard.append, on_end=lambda: ends.append(1))
    assert np.array_equal(np.concatenate(heard, axis=1), np.concatenate(came, axis=1))
    assert ends == [1]

    def fails(block: Block) -> None:
        raise KeyError("x")

    memo, take = record(BlockPort(came), MemoStore(tmp_path), on_block=fails)
    assert memo.frames == 800
    assert isinstance(take.listener_fault, KeyError)


def test_the_status_tells_level_and_length(tmp_path: Path) -> None:
    loud = np.full((1, 8000), 0.5, np.float32)
    _, take = record(BlockPort([loud]), MemoStore(tmp_path), seconds=2.0)
    status = take.status()
    assert isinstance(status, TakeStatus)
    assert (status.seconds, status.saved_s, status.total_s) == (1.0, 1.0, 2.0)
    assert status.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert status.level_dbfs == pytest.approx(-6.02, abs=0.01)
    assert not status.running


def test_samples_that_are_no_numbers_become_silence(tmp_path: Path) -> None:
    memo, _ = record(BlockPort([np.array([[0.5, np.nan, np.inf]], np.float32)]), MemoStore(tmp_path))
    assert sound(memo).tolist() == [[0.5, 0.0, 0.0]]


def test_no_sound_is_no_memo(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no sound came from test"):
        record(BlockPort([]), MemoStore(tmp_path))
    assert files_in(tmp_path) == ["memos.sqlite3"]


def test_a_port_that_cannot_be_opened_leaves_nothing(tmp_path: Path) -> None:
    port = NoPort(blocks(1))
    take = MemoTake(port, MemoStore(tmp_path), now=lambda: AT)
    with pytest.raises(SoftphoneError, match="it is in use"):
        take.start()
    assert port.is_closed
    assert files_in(tmp_path) == ["memos.sqlite3"]


def test_nine_channels_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="up to 8 channels, got 9"):
        MemoTake(BlockPort(blocks(1, channels=9)), MemoStore(tmp_path), now=lambda: AT).start()
    assert files_in(tmp_path) == ["memos.sqlite3"]


def test_a_device_that_goes_away_ends_the_memo_and_keeps_it(tmp_path: Path) -> None:
    go_on = threading.Event()
    port = BlockPort(blocks(1000))

    def meanwhile(number: int) -> None:
        if number == 7:
            port.connected = False
            assert go_on.wait(30)

    port._meanwhile = meanwhile
    stop = port.stop
    port.stop = lambda: (stop(), go_on.set())[0]  # type: ignore[method-assign]
    memo, take = record(port, MemoStore(tmp_path), name="a")
    assert memo.frames == 7 * 80
    assert isinstance(take.fault, EnvironmentProblem)
    assert str(take.fault) == "the sound device test went away: what was recorded until then is kept"
    assert take.status().ended_by == "fault"


def test_a_full_disk_ends_the_memo_and_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = JournalWriter._put

    def full(self: JournalWriter, data: bytes) -> None:
        if self.frames:
            self._file.write(data[:100])
            raise OSError(28, "No space left on device")
        put(self, data)

    monkeypatch.setattr(JournalWriter, "_put", full)
    wrote = threading.Event()
    port = BlockPort(blocks(1000))
    saved = MemoTake._save

    def save(self: MemoTake, block: Block) -> None:
        saved(self, block)
        wrote.set()

    monkeypatch.setattr(MemoTake, "_save", save)
    port._meanwhile = lambda number: None if number != 5 else wrote.wait(30) and None
    memo, take = record(port, MemoStore(tmp_path), name="a")
    assert memo.frames == 5 * 80
    assert np.array_equal(sound(memo), np.concatenate(blocks(5), axis=1))
    assert take.fault is not None
    assert "No space left on device" in str(take.fault)
    assert take.fault.exit_status == 2


def test_no_room_for_the_memo_keeps_the_journal_and_it_becomes_one_when_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise EnvironmentProblem("x.flac cannot be written (No space left on device)")

    store, came = MemoStore(tmp_path), blocks(10)
    with monkeypatch.context() as patched:
        patched.setattr("softphone.io.memos.keeping.write_flac", full)
        with pytest.raises(EnvironmentProblem, match=r"the recording is safe in .*becomes a memo"):
            record(BlockPort(came), store, name="a")
        found = recover(store)
        assert found.memos == ()
        assert len(found.problems) == 1
        assert "No space left on device" in found.problems[0]
        assert store.all() == []
    found = recover(store)
    assert [memo.name for memo in found.memos] == ["a"]
    assert np.array_equal(sound(found.memos[0]), np.concatenate(came, axis=1))
    assert found.memos[0].origin == "recovered"
    assert recover(store).memos == ()


def test_a_disk_that_takes_nothing_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softphone.io.memos.take.WRITE_S", 60.0)
    seconds = np.zeros((1, RATE_HZ), np.float32)
    memo, take = record(BlockPort([seconds] * 40), MemoStore(tmp_path))
    assert "the disk has taken nothing for 30 s" in str(take.fault)
    assert memo.seconds == 31.0


def test_at_most_half_a_second_is_not_yet_on_the_disk() -> None:
    from softphone.io.memos import take

    assert take.WRITE_S <= 0.5


def test_two_takes_of_one_store_run_beside_each_other(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    barrier = threading.Barrier(2, timeout=30)

    def both(number: int) -> None:
        if number == 2:
            barrier.wait()

    takes = [MemoTake(BlockPort(blocks(20), meanwhile=both), store, "a", now=lambda: AT) for _ in range(2)]
    for take in takes:
        take.start()
    assert sorted(take.stop().name for take in takes) == ["a", "a-2"]


def test_a_journal_that_is_held_is_left_alone(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    here, on = threading.Event(), threading.Event()

    def meanwhile(number: int) -> None:
        if number == 3:
            here.set()
            assert on.wait(30)

    take = MemoTake(BlockPort(blocks(5), meanwhile=meanwhile), store, "a", now=lambda: datetime.now(UTC))
    take.start()
    assert here.wait(30)
    assert recover(store).memos == ()
    (journal,) = store.journals.iterdir()
    with JournalReader(journal) as reader:
        assert reader.memo.name == "a"
    on.set()
    assert take.wait(30)
    assert take.stop().frames == 400
