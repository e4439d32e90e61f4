import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dsp.preset import Preset
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io import presets
from softphone.io.presets import as_toml, find_preset, preset_files

GAIN = 'about = "Softer"\n[[filter]]\ntype = "gain"\ngain_db = -6\n'


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the packaged presets."""
    folder = tmp_path / "packaged"
    folder.mkdir()
    (folder / "softer.toml").write_text(GAIN)
    (folder / "telephone.toml").write_text(GAIN)
    monkeypatch.setattr(presets, "_PACKAGED", folder)
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The user's folder."""
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


def test_every_packaged_preset_is_listed_and_loads(own: Path) -> None:
    found = preset_files(own)
    assert {"no-filter", "telephone"} <= {each.name for each in found}
    for each in found:
        preset = each.load()
        assert preset.name == each.name
        assert preset.about
        assert preset.expect
        assert each.origin == "packaged"


def test_the_users_own_go_before_the_packaged_ones_and_say_so(packaged: Path, own: Path) -> None:
    (own / "softer.toml").write_text(GAIN.replace("-6", "-12"))
    (own / "mine.toml").write_text(GAIN)
    (own / "notes.md").write_text("not a preset")
    found = preset_files(own)
    assert [(each.name, each.origin) for each in found] == [
        ("mine", "user"),
        ("softer", "user"),
        ("telephone", "packaged"),
    ]
    assert [each.replaces for each in found] == [None, packaged / "softer.toml", None]
    assert find_preset("softer", own).load().slots[0].params.gain_db == -12


def test_no_folder_of_the_users_own_is_no_fault(packaged: Path, tmp_path: Path) -> None:
    assert [each.name for each in preset_files(tmp_path / "none")] == ["softer", "telephone"]


def test_an_unknown_name_names_the_nearest(packaged: Path, own: Path) -> None:
    with pytest.raises(UsageError, match=r"^no preset 'telefone'; did you mean telephone\?$"):
        find_preset("telefone", own)
    with pytest.raises(UsageError, match="known: softer, telephone"):
        find_preset("zzz", own)


def test_a_path_is_taken_as_it_is(packaged: Path, own: Path, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(GAIN)
    found = find_preset(str(tmp_path / "x.toml"), own)
    assert (found.name, found.origin) == ("x", "file")
    assert found.load().slots[0].filter == "gain"
    with pytest.raises(UsageError, match=r"none\.toml does not exist"):
        find_preset("none.toml", own).load()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[[filter\n", r"is not TOML: .*line 1"),
        (b"", r"says nothing: wanted a preset"),
        (b"# to be written\n", r"says nothing: wanted a preset"),
        (b"a = 1\n", r"a is unknown in a preset"),
        (b'[[filter]]\ntype = "gian"\n', r"no filter named 'gian'; did you mean gain\?"),
        (b'[[filter]]\ntype = "gain"\ngain_db = 99\n', r"gain\.gain_db must be -120 to 60 dB, got 99"),
        (b'[[filter]]\ntype = "gain"\ngain = 9\n', r"gain\.gain is unknown; did you mean gain_db\?"),
        (b"\xff\xfe\x00", r"is not UTF-8 text"),
        (b"x = " + b"[" * 5000, r"is not TOML"),
        (b"#" * (2 << 20), r"longer than 1 MiB"),
    ],
)
def test_a_broken_file_is_told_with_its_name_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words) as told:
        find_preset(str(path), tmp_path).load()
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 400


def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.toml").mkdir()
    for what in (str(tmp_path / "folder.toml"), "a\0b.toml"):
        with pytest.raises(UsageError, match="cannot be read"):
            find_preset(what, tmp_path).load()

    def denied(self: Path) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(EnvironmentProblem, match="Permission denied"):
        preset_files(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbf" + GAIN.encode())
    assert find_preset(str(tmp_path / "x.toml"), tmp_path).load().about == "Softer"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_configuration_of_equalizer_apo_is_a_preset(tmp_path: Path, own: Path, encoding: str) -> None:
    text = "# Höhen\nPreamp: -6 dB\nFilter 1: ON PK Fc 1000 Hz Gain 3 dB Q 1.0\n"
    (own / "phones.txt").write_bytes(text.encode(encoding))
    preset = find_preset("phones", own).load()
    assert preset.name == "phones"
    assert preset.slot("gain").params.gain_db == -6
    with pytest.raises(UsageError, match=r"none\.txt"):
        find_preset(str(tmp_path / "none.txt"), own).load()


def test_a_preset_written_as_toml_is_read_again_as_the_same(tmp_path: Path) -> None:
    for each in preset_files(tmp_path):
        preset = each.load()
        (tmp_path / "again.toml").write_text(as_toml(preset), encoding="utf-8")
        again = find_preset(str(tmp_path / "again.toml"), tmp_path).load()
        assert again.slots == preset.slots
        assert (again.about, again.expect) == (preset.about, preset.expect)


def test_a_sound_file_beside_the_preset_is_found_by_its_name(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "room.wav", np.ones(4), 8000)
    (tmp_path / "room.toml").write_text('[[filter]]\ntype = "convolve"\nfile = "room.wav"\n')
    found: Preset = find_preset(str(tmp_path / "room.toml"), tmp_path).load()
    assert found.slots[0].params.file == str(tmp_path / "room.wav")
