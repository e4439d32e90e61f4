"""The command `memo` within this process: what is told, what is asked, what is refused."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from support.memos import AT, added, files_in
from support.voice_results import voice_of

from softphone.cli import main
from softphone.cli.memo import playing_line
from softphone.cli.memo_taking import recording_line
from softphone.io.memos.journal import JournalWriter
from softphone.io.memos.memo import NewMemo
from softphone.io.memos.store import MemoStore
from softphone.io.memos.take import TakeStatus
from softphone.memo_config import VERBS
from softphone.options import OPTIONS

ROOT = Path(__file__).parents[2]


def memo(folder: Path, *words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        patched.setattr(sys, "stderr", err)
        status = main(["memo", *words, "--folder", str(folder)])
    return status, out.getvalue(), err.getvalue()


def asked(folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    status, out, _ = memo(folder, *words, "--json")
    assert out.count("\n") == 1
    return status, json.loads(out)


def weeks(folder: Path, *values: float) -> MemoStore:
    store = MemoStore(folder)
    for number, value in enumerate(values):
        one = added(store, f"m{number}", number=number + 1, days=7 * number)
        store.set_result(one, voice_of(cpps_db=value, hnr_db=20.0), measured_at=AT.isoformat(), version="1/1")
    return store


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb_names_its_options_and_ends_with_an_example(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["memo", verb, "--help"])
    out = capsys.readouterr().out
    assert out.splitlines()[-1].strip().startswith(f"softphone memo {verb}")
    shown = set(re.findall(r"^  --([a-z0-9-]+)", out, re.MULTILINE))
    assert shown >= {"json", "config", "folder", *VERBS[verb]}


def test_every_option_of_memo_is_some_verbs_and_is_described() -> None:
    names = {option.name for option in OPTIONS if "memo" in option.commands and option.group == "memo"}
    assert names == {"folder", *(name for of in VERBS.values() for name in of)}
    text = (ROOT / "docs" / "memos.md").read_text(encoding="utf-8")
    assert names <= set(re.findall(r"--([a-z0-9-]+)", text))
    assert all(f"`{verb}" in text or f"memo {verb}" in text for verb in VERBS)


def test_every_key_of_the_json_is_described(tmp_path: Path) -> None:
    weeks(tmp_path, 1.0, 2.0, 3.0, 4.0, 5.0)
    words = {
        "list": (),
        "show": (),
        "history": ("cpps_db",),
        "export": ("--out", str(tmp_path / "x.csv")),
        "play": ("--device", "null"),
    }
    keys: set[str] = set()
    for verb, more in words.items():
        status, told = asked(tmp_path, verb, *more)
        assert status == 0
        keys |= set(told)
        for each in told.get("memos", []) if verb == "list" else told.get("points", []):
            keys |= set(each)
    text = (ROOT / "docs" / "memos.md").read_text(encoding="utf-8")
    assert not keys - set(re.findall(r"`([a-z0-9_]+)`", text))


def test_no_memos_are_told_as_that(tmp_path: Path) -> None:
    status, out, _ = memo(tmp_path, "list")
    assert (status, out) == (0, f"no memos in {tmp_path}: record one with `softphone memo record`\n")
    assert asked(tmp_path, "show")[0] == 2


def test_nothing_leaves_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a connection was wanted")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(f"socket.socket.{name}", refused)
    monkeypatch.setattr("socket.getaddrinfo", refused)
    out = str(tmp_path / "memos.json")
    for words in (
        ["record", "said", "--play", "builtin:man", "--seconds", "0.5"],
        ["import", "builtin:man", "taken"],
        ["measure", "taken"],
        ["list"],
        ["show", "taken"],
        ["export", "--out", out],
        ["history", "cpps_db", "--out", str(tmp_path / "cpps.html")],
        ["delete", "said", "--yes"],
    ):
        assert memo(tmp_path / "memos", *words)[0] == 0, words


def test_a_list_shows_the_clinics_figures(tmp_path: Path) -> None:
    weeks(tmp_path, 12.34, 11.0)
    _, out, _ = memo(tmp_path, "list")
    assert "2 memos in" in out
    assert re.search(r"m0 +2026-03-01 08:30 +0\.1 +vowel .* 20\.0 +12\.3", out)


def test_show_tells_the_newest_and_all_that_was_measured(tmp_path: Path) -> None:
    weeks(tmp_path, 12.34, 11.0)
    status, told = asked(tmp_path, "show")
    assert (status, told["name"], told["result"]["cpps_db"]) == (0, "m1", 11.0)
    _, out, _ = memo(tmp_path, "show", "M0")
    assert out.startswith("memo m0\n")
    assert "12.3" in out
    assert "no diagnosis" in out


def test_a_leftover_becomes_a_memo_with_any_verb(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    new = NewMemo("20260301-083000", "cut", AT.isoformat(), 8000, 1, "test")
    writer = JournalWriter(store.journals, new)
    writer.append(np.zeros((1, 8000), np.float32))
    writer.close()
    status, out, err = memo(tmp_path, "list", "--json")
    assert status == 0
    assert json.loads(out)["recovered"] == ["cut"]
    assert "a recording that was cut off is now memo cut (1.0 s)" in err
    assert json.loads(out)["memos"][0]["origin"] == "recovered"
    assert asked(tmp_path, "list")[1]["recovered"] == []


def test_deleting_asks_and_in_a_pipe_wants_yes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weeks(tmp_path, 1.0, 2.0)
    status, told = asked(tmp_path, "delete", "m0")
    assert status == 2
    assert "give --yes" in told["error"]
    assert asked(tmp_path, "delete", "m0", "none", "--yes")[0] == 2  # none at all, where one is not there
    assert len(MemoStore(tmp_path).all()) == 2
    status, told = asked(tmp_path, "delete", "m0", "--yes")
    assert (status, told["deleted"]) == (0, ["m0"])
    assert [each.name for each in MemoStore(tmp_path).all()] == ["m1"]
    for answer, status_wanted in (("n\n", 1), ("", 1), ("y\n", 0)):
        monkeypatch.setattr(sys, "stdin", _Person(answer))
        status = _at_a_terminal(tmp_path, "delete", "m1")
        assert status == status_wanted
    assert MemoStore(tmp_path).all() == []


class _Person(io.StringIO):
    def isatty(self) -> bool:
        return True


def _at_a_terminal(folder: Path, *words: str) -> int:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", io.StringIO())
        patched.setattr(sys, "stderr", _Person())
        return main(["memo", *words, "--folder", str(folder)])


def test_playing_goes_through_a_filter_and_ends_with_the_memo(tmp_path: Path) -> None:
    weeks(tmp_path, 1.0)
    status, told = asked(tmp_path, "play", "--device", "null", "--filter", "voice-clear")
    assert (status, told["ended_by"], told["filter"], told["seconds"]) == (0, "end", "voice-clear", 0.1)
    assert asked(tmp_path, "play", "--device", "null", "--filter", "none")[0] == 2


def test_the_history_is_drawn_in_a_terminal(tmp_path: Path) -> None:
    weeks(tmp_path, 12.0, 11.0, 13.0, 12.5, 16.0)
    status, out, _ = memo(tmp_path, "history", "cpps_db", "--baseline", "3")
    assert status == 0
    assert out.count("O") == 3 + 1  # three memos and the key
    assert "x" in out.splitlines()[1] or "x" in out.splitlines()[2]
    assert "baseline: median 12.0" in out.replace("12.00", "12.0")
    assert "no diagnosis" in out
    assert out.isascii()
    assert max(map(len, out.splitlines())) <= 80
    status, told = asked(tmp_path, "history", "cpps_db", "--baseline", "3", "--out", str(tmp_path / "c.html"))
    assert (told["baseline"]["low"], told["baseline"]["high"], told["outside"]) == (11.0, 13.0, 1)
    assert (tmp_path / "c.html").exists()


def test_a_silent_memo_is_kept_and_said(tmp_path: Path) -> None:
    status, told = asked(tmp_path, "record", "--device", "null", "--seconds", "0.3")
    assert (status, told["seconds"], told["ended_by"], told["device"]) == (2, 0.3, "seconds", "null")
    assert told["error"] == told["result"]["error"]
    assert [each.seconds for each in MemoStore(tmp_path).all()] == [0.3]


def test_an_import_that_cannot_be_measured_is_kept_and_says_so(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    status, told = asked(tmp_path / "s", "import", str(tmp_path / "silent.wav"), "quiet")
    assert (status, told["name"]) == (2, "quiet")
    assert told["error"] == told["result"]["error"]
    assert [each.name for each in MemoStore(tmp_path / "s").all()] == ["quiet"]


def test_measuring_anew_goes_on_behind_one_that_cannot_be(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    added(store, "a", number=1, days=1).path.unlink()
    soundfile.write(tmp_path / "v.wav", np.zeros(16_000), 16_000)
    asked(tmp_path, "import", str(tmp_path / "v.wav"), "b", "--no-measure")
    status, told = asked(tmp_path, "measure")
    assert status == 2
    assert set(told["failed"]) == {"a", "b"}
    assert "2 of 2 memos could not be measured" in told["error"]
    assert MemoStore(tmp_path).find("b").result is not None


def test_the_configuration_names_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.toml").write_text(f'[memo]\nfolder = "{(tmp_path / "m").as_posix()}"\n', encoding="utf-8")
    assert main(["memo", "list", "--config", str(tmp_path / "c.toml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == str(tmp_path / "m")
    assert files_in(tmp_path / "m") == ["memos.sqlite3"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "x"), "takes no names"),
        (("show", "a", "b"), "stands in quotes"),
        (("record", "a/b", "--play", "builtin:man"), "made of printable characters"),
        (("record", "--play", "none.wav"), "does not exist"),
        (("record", "--rate", "1"), "--rate must be 8000 to 192000 Hz"),
        (("record", "--play", "builtin:man", "--rate", "8000"), "--rate is a device's"),
        (("record", "--serve"), "--serve is for --live"),
        (("delete",), "wants the NAME"),
        (("export",), "wants --out"),
        (("import",), "wanted FILE [NAME]"),
        (("import", "none.wav"), "does not exist"),
        (("measure", "x"), "there are none yet"),
        (("history",), "wanted MEASURE"),
        (("history", "nonsense_xyz"), "no figure"),
        (("history", "cpps_db", "--out", "x.png"), "must end in .html"),
        (("record", "--yes"), "does not know '--yes'"),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    status, out, err = memo(tmp_path, *words, "--json")
    assert status == 2
    assert err.count("\n") == 1
    assert said in json.loads(out)["error"]


def test_the_live_lines_tell_where_it_stands() -> None:
    status = TakeStatus(True, None, None, "a", "mic", 3.2, 3.0, 5.0, 48_000, 1, -20.0, -0.05, 0)
    assert (
        recording_line(status)
        == "recording a   3 of 5 s   level -20.0 dBFS   peak -0.1 dBFS   too loud   Ctrl-C ends"
    )
    assert callable(playing_line)
