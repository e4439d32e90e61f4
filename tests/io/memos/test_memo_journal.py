"""The journal: whatever is cut off or broken, what was whole before it is read; leftovers become memos once."""

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.memos import files_in, grid_noise, new_memo

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.memos.journal import CutOff, JournalReader, JournalWriter
from softphone.io.memos.keeping import keep, recover
from softphone.io.memos.store import MemoStore


def journal(folder: Path, *, pieces: int = 4, name: str = "a") -> Path:
    """A journal that nobody holds, of pieces of 100 samples."""
    writer = JournalWriter(folder, replace(new_memo(name), note="n", tags=("t",)))
    for seed in range(1, pieces + 1):
        writer.append(grid_noise(100, seed=seed))
    writer.close()
    return writer.path


def frames_of(path: Path) -> int:
    with JournalReader(path) as reader:
        return sum(block.shape[1] for block in reader.blocks())


def test_what_was_written_is_read_in_pieces(tmp_path: Path) -> None:
    path = journal(tmp_path)
    with JournalReader(path) as reader:
        assert reader.memo == replace(new_memo("a"), id=path.stem, note="n", tags=("t",))
        found = np.concatenate(list(reader.blocks()), axis=1)
    assert np.array_equal(found, np.concatenate([grid_noise(100, seed=seed) for seed in range(1, 5)], axis=1))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return journal(tmp_path_factory.mktemp("journal")).read_bytes()


@given(cut=st.integers(0, 4 * 408 + 400))
def test_a_journal_that_is_cut_off_anywhere_gives_all_pieces_that_are_whole(
    cut: int, whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.take"
    cut = min(cut, len(whole))
    path.write_bytes(whole[:cut])
    head = len(whole) - 4 * 408
    if cut < head:
        with pytest.raises(CutOff):
            JournalReader(path)
    else:
        assert frames_of(path) == 100 * ((cut - head) // 408)


@given(at=st.integers(0, 4 * 408 - 1), value=st.integers(0, 255))
def test_a_byte_that_is_wrong_ends_it_and_is_never_heard(
    at: int, value: int, whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = bytearray(whole)
    place = len(whole) - 4 * 408 + at
    is_wrong = data[place] != value
    data[place] = value
    path = tmp_path_factory.mktemp("wrong") / "a.take"
    path.write_bytes(data)
    assert frames_of(path) == (100 * (at // 408) if is_wrong else 400)


def test_zeros_behind_the_last_piece_are_its_end(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.take").write_bytes(whole + bytes(4096))  # what a power cut may leave
    assert frames_of(tmp_path / "a.take") == 400


def test_what_could_not_be_written_whole_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = JournalWriter(tmp_path, new_memo())
    writer.append(grid_noise(100))

    def fails(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("softphone.io.memos.journal.sync", fails)
        with pytest.raises(EnvironmentProblem, match="No space left on device"):
            writer.append(grid_noise(100))
    assert (writer.frames, frames_of(writer.path)) == (100, 100)
    writer.append(grid_noise(100))
    assert frames_of(writer.path) == 200
    writer.discard()
    assert files_in(tmp_path) == []


def test_a_file_system_without_locks_is_said_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(file: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("softphone.io.memos.locked._lock", no_locks)
    with pytest.raises(EnvironmentProblem, match="Operation not supported"):
        JournalWriter(tmp_path, new_memo())
    assert files_in(tmp_path) == []


def test_a_leftover_becomes_a_memo_marked_recovered_and_only_once(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    path = journal(store.journals, name="morning")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    (memo,) = recover(store).memos
    assert (memo.name, memo.origin, memo.frames, memo.note, memo.tags) == (
        "morning",
        "recovered",
        300,
        "n",
        ("t",),
    )
    assert recover(store).memos == ()
    assert files_in(tmp_path) == ["memos.sqlite3", f"sound/{memo.id}.flac"]


def test_a_leftover_of_a_memo_that_is_there_is_removed(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    path = journal(store.journals)
    memo = keep(store, path, origin="recorded")  # and killed before the journal was removed
    assert memo is not None
    assert recover(store).memos == ()
    assert not path.exists()
    assert [each.id for each in store.all()] == [memo.id]


def test_a_leftover_whose_sound_was_written_but_not_listed_becomes_a_memo(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    path = journal(store.journals)
    store.path_of(path.stem).write_bytes(b"half a file")
    (memo,) = recover(store).memos
    assert memo.frames == 400


def test_leftovers_without_sound_go(tmp_path: Path, whole: bytes) -> None:
    store = MemoStore(tmp_path)
    journal(store.journals, pieces=0)
    for name, data in (("b", b""), ("c", whole[:20]), ("d", bytes(500))):
        (store.journals / f"{name}.take").write_bytes(data)
    found = recover(store)
    assert (found.memos, found.problems) == ((), ())
    assert files_in(tmp_path) == ["memos.sqlite3"]


def test_what_this_version_does_not_know_is_kept_and_said(tmp_path: Path, whole: bytes) -> None:
    store = MemoStore(tmp_path)
    path = store.journals / "new.take"
    path.write_bytes(whole.replace(b"VMEMO 1\n", b"VMEMO 2\n"))
    with pytest.raises(UsageError):
        JournalReader(path)
    found = recover(store)
    assert found.memos == ()
    assert "new.take" in found.problems[0]
    assert path.exists()


def test_parts_of_sounds_that_were_never_finished_go_after_a_day(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    old, young = (store.sounds / f".softphone-1-{number}.part" for number in (1, 2))
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 90_000,) * 2)
    recover(store)
    assert (old.exists(), young.exists()) == (False, True)
