"""Presets over remote control: by name, whole or not at all, and without a word of where they lie."""

import numpy as np
import pytest
import soundfile

from dsp.chain import FilterChain
from dsp.errors import ParameterError
from dsp.filters import Setting
from dsp.preset import Preset
from softphone.app.preset_store import FolderPresets
from softphone.control.errors import ControlError


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "config" / "presets"


def gain(value=-3.0):
    return Preset.parse({"about": "quieter", "filter": [{"type": "gain", "gain_db": value}]}, "x")


def code_of(what):
    with pytest.raises(ControlError) as caught:
        what()
    return caught.value


def test_packaged_presets_are_listed_with_what_they_are_about(folder):
    names = {each["name"]: each for each in FolderPresets(folder).names()}
    assert names["voice-clear"]["origin"] == "packaged"
    assert names["voice-clear"]["about"]


def test_what_is_saved_is_found_again_as_one_of_the_users_own(folder):
    store = FolderPresets(folder)
    store.save(gain(), "softer", force=False)
    assert store.load("softer").slots == gain().slots
    assert {"name": "softer", "about": "quieter", "origin": "user"} in store.names()


def test_a_name_that_is_taken_is_refused_unless_forced(folder):
    store = FolderPresets(folder)
    store.save(gain(), "softer", force=False)
    assert code_of(lambda: store.save(gain(-9), "softer", force=False)).code == "exists"
    assert store.load("softer").slots == gain().slots
    store.save(gain(-9), "softer", force=True)
    assert store.load("softer").slots == gain(-9).slots


def test_a_packaged_name_is_taken_too_and_forced_the_users_goes_before_it(folder):
    store = FolderPresets(folder)
    assert code_of(lambda: store.save(gain(), "voice-clear", force=False)).code == "exists"
    store.save(gain(), "voice-clear", force=True)
    assert store.load("voice-clear").slots == gain().slots


@pytest.mark.parametrize(
    "name", ["", "../evil", "a/b", "a\\b", "UPPER", "-dash", "a.toml", "nul", "com1", "x" * 42, "a\n", "é"]
)
def test_a_name_that_is_no_name_saves_nothing(folder, name):
    assert code_of(lambda: FolderPresets(folder).save(gain(), name, force=True)).code == "bad-value"
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../voice-clear", "/etc/passwd", "voice-clear.toml", "", "nosuch"])
def test_a_path_is_the_name_of_no_preset(folder, name):
    error = code_of(lambda: FolderPresets(folder).load(name))
    assert error.code == "unknown-preset"


def test_the_nearest_name_is_told(folder):
    assert code_of(lambda: FolderPresets(folder).load("voice-cler")).details["nearest"] == "voice-clear"


def test_a_broken_file_is_named_without_its_folder_and_the_others_are_still_listed(folder):
    folder.mkdir(parents=True)
    (folder / "broken.toml").write_text("[[filter]\n")
    (folder / "strange.toml").write_text('[[filter]]\ntype = "nosuch"\n')
    store = FolderPresets(folder)
    for name in ("broken", "strange"):
        error = code_of(lambda name=name: store.load(name))
        assert error.code == "invalid-preset"
        assert str(folder) not in error.message
    listed = {each["name"]: each for each in store.names()}
    assert str(folder) not in listed["broken"]["problem"]
    assert "voice-clear" in listed


def test_a_folder_that_cannot_be_written_is_refused_without_its_path(tmp_path):
    (tmp_path / "file").write_text("in the way")
    error = code_of(lambda: FolderPresets(tmp_path / "file" / "presets").save(gain(), "softer", force=False))
    assert error.code == "not-possible"
    assert str(tmp_path) not in error.message


def test_a_file_that_cannot_be_written_leaves_the_old_one_whole(folder, monkeypatch):
    store = FolderPresets(folder)
    store.save(gain(), "softer", force=False)
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "no space")))
    error = code_of(lambda: store.save(gain(-9), "softer", force=True))
    assert error.code == "not-possible"
    assert str(folder) not in error.message
    assert store.load("softer").slots == gain().slots
    assert [each.name for each in folder.iterdir()] == ["softer.toml"]


def test_a_name_of_equalizer_apo_is_not_gone_behind(folder):
    folder.mkdir(parents=True)
    (folder / "head.txt").write_text("Preamp: -6 dB\n")
    assert code_of(lambda: FolderPresets(folder).save(gain(), "head", force=True)).code == "not-possible"


def test_a_preset_that_is_written_anew_is_described_anew(folder):
    store = FolderPresets(folder)
    store.save(gain(), "softer", force=False)
    store.names()
    other = Preset("x", "louder", "", gain().slots)
    store.save(other, "softer", force=True)
    assert {"name": "softer", "about": "louder", "origin": "user"} in store.names()


def test_a_sound_file_is_shown_by_its_name_alone_found_again_and_saved_where_it_lies(folder, tmp_path):
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        soundfile.write(tmp_path / place / "hall.wav", np.array([1.0, 0.5]), 8000)
    folder.mkdir(parents=True)
    for place in ("a", "b"):
        (folder / f"{place}.toml").write_text(
            f'[[filter]]\ntype = "convolve"\nfile = "{(tmp_path / place / "hall.wav").as_posix()}"\n'
        )
    store = FolderPresets(folder)
    first, second = store.load("a"), store.load("b")
    assert [each.slots[0].params.file for each in (first, second)] == ["hall.wav", "hall-2.wav"]
    assert store.load("a") == first
    setting = Setting(8000, 1, store.resources())
    block = np.array([[1.0, 0.0]], dtype=np.float32)
    (heard,) = FilterChain(first, setting).process(block)
    assert heard[0] == pytest.approx(2 * heard[1], rel=1e-4)
    store.save(first, "again", force=False)
    assert (tmp_path / "a" / "hall.wav").as_posix() in (folder / "again.toml").read_text()


def test_a_sound_file_that_no_preset_here_names_is_not_opened(folder, tmp_path):
    soundfile.write(tmp_path / "hall.wav", np.array([1.0, 0.5]), 8000)
    store = FolderPresets(folder)
    with pytest.raises(ParameterError, match="known here"):
        store.resources().read_response(str(tmp_path / "hall.wav"), 8000)


def test_a_sound_file_that_is_gone_is_named_without_its_folder(folder, tmp_path):
    preset = Preset.parse({"filter": [{"type": "convolve", "file": str(tmp_path / "gone.wav")}]}, "x")
    store = FolderPresets(folder)
    hidden = store.hidden(preset)
    with pytest.raises(ParameterError) as caught:
        FilterChain(hidden, Setting(8000, 1, store.resources()))
    assert str(tmp_path) not in str(caught.value)
    assert "gone.wav" in str(caught.value)
