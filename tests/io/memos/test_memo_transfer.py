"""Files that become memos and memos that become files: the same samples, names for every system, what cannot be read."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.memos import added, files_in, grid_noise

from softphone.errors import UsageError
from softphone.io.memos.memo import Memo
from softphone.io.memos.store import MemoStore
from softphone.io.memos.transfer import export_sound, file_names, import_sound
from softphone.io.speech import speech_path


def named(*names: str) -> list[Memo]:
    common = {
        "path": Path("x"), "started_at": "", "at_s": 0.0, "frames": 1, "sample_rate_hz": 8000, "channels": 1, "origin": "recorded",
        "device": "", "lost": 0, "note": "", "tags": (), "result": None, "measured_at": None, "version": None,
    }  # fmt: skip
    return [Memo(id=str(number), name=name, **common) for number, name in enumerate(names)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "subtype", "bits", "channels"),
    [
        ("a.wav", "PCM_16", 16, 1),
        ("a.flac", "PCM_24", 24, 2),
        ("a.wav", "FLOAT", 24, 2),
        ("a.aiff", "PCM_24", 24, 1),
    ],
)
def test_a_file_comes_out_as_it_went_in_bit_by_bit(
    tmp_path: Path, name: str, subtype: str, bits: int, channels: int
) -> None:
    samples = grid_noise(20_000, channels, bits=bits)
    soundfile.write(tmp_path / name, samples.T, 44_100, subtype)
    store = MemoStore(tmp_path / "store")
    done = import_sound(store, str(tmp_path / name), note="früh")
    assert (done.warnings, done.memo.name, done.memo.origin, done.memo.sample_rate_hz) == (
        (),
        "a",
        "imported",
        44_100,
    )
    out = tmp_path / "out.flac"
    export_sound(store, done.memo, out)
    found, rate_hz = soundfile.read(out, dtype="float32", always_2d=True)
    assert rate_hz == 44_100
    assert np.array_equal(found.T, samples)


def test_name_time_and_note_survive_the_way_out_and_in(tmp_path: Path) -> None:
    store, other = MemoStore(tmp_path / "a"), MemoStore(tmp_path / "b")
    source = tmp_path / "x.wav"
    soundfile.write(source, grid_noise(100).T, 8000, "PCM_16")
    os.utime(source, (1_700_000_000,) * 2)
    first = import_sound(store, str(source), "morning", note="hoarse", tags=("t",)).memo
    assert first.at_s == 1_700_000_000
    export_sound(store, first, tmp_path / "y.flac")
    second = import_sound(other, str(tmp_path / "y.flac")).memo
    assert (second.name, second.note, second.started_at) == (first.name, first.note, first.started_at)


def test_bundled_speech_can_be_taken_in(tmp_path: Path) -> None:
    memo = import_sound(MemoStore(tmp_path), "builtin:man").memo
    assert memo.name == "man"
    assert memo.frames == soundfile.info(speech_path("builtin:man")).frames


def test_what_is_louder_than_full_scale_is_said(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.5, 1.5, -2.0]), 8000, "FLOAT")
    done = import_sound(MemoStore(tmp_path / "s"), str(tmp_path / "a.wav"))
    assert done.warnings[0].startswith("2 samples of ")


@pytest.mark.parametrize("data", [b"", b"no sound", b"RIFF\x00\x00"])
def test_what_is_no_sound_is_one_line_and_leaves_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(data)
    store = MemoStore(tmp_path / "s")
    with pytest.raises(UsageError) as error:
        import_sound(store, str(tmp_path / "a.wav"))
    assert "\n" not in str(error.value)
    assert files_in(store.folder) == ["memos.sqlite3"]
    assert (tmp_path / "a.wav").read_bytes() == data


def test_samples_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.5, np.nan]), 8000, "FLOAT")
    store = MemoStore(tmp_path / "s")
    with pytest.raises(UsageError, match="no numbers"):
        import_sound(store, str(tmp_path / "a.wav"))
    assert files_in(store.folder) == ["memos.sqlite3"]


def test_more_channels_than_a_flac_has_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", grid_noise(10, 9).T, 8000)
    with pytest.raises(UsageError, match="up to 8 channels, got 9"):
        import_sound(MemoStore(tmp_path / "s"), str(tmp_path / "a.wav"))


def test_a_title_that_is_no_name_is_made_one(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "a.flac", "w", 8000, 1, "PCM_16") as file:
        file.title = "--a/b\\c\x1b"
        file.write(np.zeros(10))
    assert import_sound(MemoStore(tmp_path / "s"), str(tmp_path / "a.flac")).memo.name == "a-b-c"


def test_files_have_names_that_every_system_takes_and_no_two_the_same() -> None:
    names = file_names(
        named("früh", "FRÜH", "a:b", "a?b", "CON", "con.x", "...", ".hidden", "end. ", "x" * 100, "😀" * 90)
    )
    assert names[:9] == ["früh", "FRÜH-2", "a_b", "a_b-2", "_CON", "_con.x", "_", "_.hidden", "end"]
    assert all(len(name.encode()) <= 204 for name in names)
    assert len({name.casefold() for name in names}) == len(names)


def test_an_export_replaces_nothing_unless_told(tmp_path: Path) -> None:
    store = MemoStore(tmp_path / "s")
    memo = added(store, "a")
    target = tmp_path / "a.flac"
    target.write_bytes(b"mine")
    with pytest.raises(UsageError, match="exists"):
        export_sound(store, memo, target)
    assert target.read_bytes() == b"mine"
    export_sound(store, memo, target, force=True)
    assert soundfile.info(target).frames == memo.frames
