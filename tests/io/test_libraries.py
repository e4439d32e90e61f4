import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import pytest

from dsp.codecs import CodecSettings, bind_codecs
from dsp.errors import LibraryMissing
from softphone.io import libraries
from softphone.io.libraries import codecs, codecs_with, find_codec2, find_opus


def test_a_named_library_is_the_only_one_tried() -> None:
    assert find_opus({"SOFTPHONE_OPUS": "/some/libopus.so"}) == ("/some/libopus.so",)
    with pytest.raises(LibraryMissing, match=r"/some/libopus\.so"):
        codecs_with(opus="/some/libopus.so").get("opus").make_encoder(CodecSettings())
    assert find_opus({"SOFTPHONE_OPUS": ""}) == find_opus({})


def test_the_order_is_modern_system_pyav_bundled_old_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = ("av/__init__.py", "av.libs/libopus-1a2b.so.0", "opuslib_next/__init__.py")
    for name in (*wheels, "opuslib_next/_native/libopus.so"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    finder = importlib.machinery.PathFinder()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: finder.find_spec(name, [str(tmp_path)]))
    monkeypatch.setattr(libraries, "_system_libraries", lambda *_: iter(("/old.so", "/new.so")))
    monkeypatch.setattr(libraries, "_is_modern", lambda path: path == "/new.so")
    pyav = str(tmp_path / "av.libs/libopus-1a2b.so.0")
    bundled = str(tmp_path / "opuslib_next/_native/libopus.so")
    assert find_opus({})[:-1] == ("/new.so", pyav, bundled, "/old.so")


def test_a_named_libcodec2_is_the_only_one_tried_and_a_wheel_goes_before_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_codec2({"SOFTPHONE_CODEC2": "/some/libcodec2.so"}) == ("/some/libcodec2.so",)
    for name in ("pycodec2/__init__.py", "pycodec2.libs/libcodec2-1a2b.so.1.2", "pycodec2.libs/libother.so"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    finder = importlib.machinery.PathFinder()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: finder.find_spec(name, [str(tmp_path)]))
    monkeypatch.setattr(libraries, "_system_libraries", lambda *_: iter(("/system.so",)))
    wheel = str(tmp_path / "pycodec2.libs/libcodec2-1a2b.so.1.2")
    found = find_codec2({"SOFTPHONE_CODEC2": ""})
    assert found[:2] == (wheel, "/system.so")
    assert all("codec2" in name and "/" not in name for name in found[2:])


def test_libcodec2_is_looked_for_whichever_libopus_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTPHONE_CODEC2", "/some/libcodec2.so")
    for found in (bind_codecs({"codec2": find_codec2}), codecs_with(opus="/some/libopus.so")):
        with pytest.raises(LibraryMissing, match=r'/some/libcodec2\.so; pip install "softphone\[codec2\]"'):
            found.get("codec2").library()


def test_no_package_is_imported_to_look_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pycodec2", "opuslib_next", "av"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    find_opus({})
    find_codec2({})
    assert not {"pycodec2", "opuslib_next", "av"} & set(sys.modules)


def test_missing_packages_and_broken_libraries_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "libopus.so.0"
    broken.write_bytes(b"no library")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(libraries, "_system_libraries", lambda *_: iter((str(broken),)))
    assert find_opus({})[0] == str(broken)


def test_every_codec_is_there_and_opus_is_served() -> None:
    assert {"codec2", "opus", "pcmu", "pcma", "g722", "l16", "l16-wb"} <= set(codecs().names())
    assert "libopus" in codecs().get("opus").library()
    assert codecs_with(opus=None) is codecs()
