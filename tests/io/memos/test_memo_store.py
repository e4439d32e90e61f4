"""The store of memos: names, deleting, migrations, several processes, what is no store."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support.memos import AT, added, files_in, new_memo

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.memos.memo import checked_name, checked_note, checked_tags, numbered
from softphone.io.memos.schema import STEPS, bring_up
from softphone.io.memos.store import MemoStore

VERSION_1 = """
PRAGMA application_id = 1448103217;
CREATE TABLE memo (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE, started_at TEXT NOT NULL, at_s REAL NOT NULL,
    frames INTEGER NOT NULL CHECK (frames > 0), sample_rate_hz INTEGER NOT NULL CHECK (sample_rate_hz > 0),
    channels INTEGER NOT NULL CHECK (channels > 0),
    origin TEXT NOT NULL CHECK (origin IN ('recorded', 'recovered', 'imported')),
    device TEXT NOT NULL, lost INTEGER NOT NULL, note TEXT NOT NULL
);
CREATE INDEX memo_at ON memo (at_s);
CREATE TABLE memo_tag (
    memo_id TEXT NOT NULL REFERENCES memo (id) ON DELETE CASCADE, tag TEXT NOT NULL, PRIMARY KEY (memo_id, tag)
) WITHOUT ROWID;
CREATE TABLE memo_result (
    memo_id TEXT PRIMARY KEY REFERENCES memo (id) ON DELETE CASCADE,
    measured_at TEXT NOT NULL, version TEXT NOT NULL, settings TEXT NOT NULL, result TEXT NOT NULL
);
INSERT INTO memo VALUES ('a', 'Morning', 'morning', '2026-03-01T08:30:00+00:00', 1772353800.0, 8000, 8000, 1, 'recorded',
    'Microphone', 0, 'hoarse');
INSERT INTO memo_tag VALUES ('a', 'vowel');
INSERT INTO memo_result VALUES ('a', '2026-03-01T08:31:00+00:00', '0.1.0/1', '{"cpp": 1}', '{"cpps_db": 12.5}');
PRAGMA user_version = 1;
"""
"""What the first version of the program left behind, written down once and never changed."""


def version_1(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "memos.sqlite3"
    database = sqlite3.connect(path)
    database.executescript(VERSION_1)
    database.close()
    return path


def test_a_memo_is_found_by_its_name_in_any_capitals_and_by_its_id(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    memo = added(store, "Über früh")
    assert store.find("über FRÜH") == memo
    assert store.find(memo.id) == memo
    assert store.find("U\u0308ber fru\u0308h").id == memo.id  # decomposed, as macOS gives names
    assert (memo.seconds, memo.at_s, memo.result) == (0.1, AT.timestamp(), None)


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    names = [added(store, name, number=number).name for number, name in enumerate(["a", "A", "a-2", "a"], 1)]
    assert names == ["a", "A-2", "a-2-2", "a-3"]
    assert numbered("x" * 100, 12) == "x" * 97 + "-12"


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * 101, "a/b", "a\\b", "../up", "-x", "a\nb", "a\x1b[2J", "a\x00b", "\u202ea"]
)
def test_a_name_that_cannot_be_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(UsageError) as error:
        checked_name(name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["früh", "a b", "..", "CON", "50 %", "😀", "ﷺ", "a:b*?", "'; DROP TABLE memo; --"]
)
def test_odd_names_are_names(tmp_path: Path, name: str) -> None:
    store = MemoStore(tmp_path)
    assert store.find(added(store, name).name).name == checked_name(name)


def test_notes_and_tags_that_cannot_be_are_refused() -> None:
    assert checked_tags(("b", "a", "b")) == ("a", "b")
    for wrong in (("a,b",), tuple(map(str, range(21)))):
        with pytest.raises(UsageError):
            checked_tags(wrong)
    with pytest.raises(UsageError):
        checked_note("\x1b[2J")


def test_what_is_not_there_is_said_with_the_nearest(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    with pytest.raises(UsageError, match="there are none yet"):
        store.find("x")
    with pytest.raises(UsageError, match="there are no memos"):
        store.newest()
    added(store, "morning")
    with pytest.raises(UsageError, match="the nearest is morning"):
        store.find("mornin")


def test_memos_stand_in_the_order_of_their_times_and_can_be_chosen_by_tag(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    for number, days in enumerate([3, 1, 2], 1):
        added(store, f"m{days}", number=number, days=days)
    assert [memo.name for memo in store.all()] == ["m1", "m2", "m3"]
    assert store.newest().name == "m3"
    assert store.all(tag="none") == []


def test_a_result_is_stored_and_replaced(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    memo = added(store, "a")
    for value in (1.5, 2.5):
        memo = store.set_result(memo, {"settings": {}, "cpps_db": value}, measured_at="t", version="1/1")
    assert store.find("a").result == {"settings": {}, "cpps_db": 2.5}
    assert (memo.version, memo.measured_at) == ("1/1", "t")
    store.delete(memo)
    with pytest.raises(UsageError, match="was deleted while it was measured"):
        store.set_result(memo, {"settings": {}}, measured_at="t", version="1/1")


def test_what_is_deleted_is_gone_sound_words_and_all(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    memo = added(store, "Geheimnis")
    store.set_result(memo, {"settings": {}, "note": "Heiserkeit"}, measured_at="t", version="1")
    store.delete(memo)
    assert files_in(tmp_path) == ["memos.sqlite3"]
    data = (tmp_path / "memos.sqlite3").read_bytes()
    assert b"Geheimnis" not in data
    assert b"Heiserkeit" not in data


def test_a_sound_that_cannot_be_removed_keeps_its_memo(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    memo = added(store, "a")
    memo.path.unlink()
    memo.path.mkdir()  # what unlink refuses, whoever asks
    with pytest.raises(EnvironmentProblem, match="nothing was deleted"):
        store.delete(memo)
    assert store.find("a") == memo


def test_a_missing_sound_is_said(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    memo = added(store, "a")
    memo.path.unlink()
    with pytest.raises(UsageError, match="the sound of memo a is missing"):
        store.sound_of(memo)


def test_a_file_of_the_first_version_is_read(tmp_path: Path) -> None:
    version_1(tmp_path)
    (memo,) = MemoStore(tmp_path).all()
    assert (memo.name, memo.note, memo.tags, memo.device) == ("Morning", "hoarse", ("vowel",), "Microphone")
    assert memo.result == {"cpps_db": 12.5}
    assert memo.at_s == memo.at_s == AT.timestamp()


def test_the_first_step_makes_what_the_first_version_made(tmp_path: Path) -> None:
    def shape(database: sqlite3.Connection) -> list[tuple[str, ...]]:
        tables = [
            row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY 1")
        ]
        return [
            (table, *row[1:]) for table in tables for row in database.execute(f"PRAGMA table_info({table})")
        ]

    old = sqlite3.connect(version_1(tmp_path))
    new = sqlite3.connect(":memory:", isolation_level=None)
    bring_up(new, tmp_path, STEPS[:1])
    assert shape(new) == shape(old)
    for each in (old, new):
        each.close()


def test_a_further_step_keeps_what_is_there(tmp_path: Path) -> None:
    database = sqlite3.connect(version_1(tmp_path), isolation_level=None)
    bring_up(database, tmp_path, (*STEPS[:1], ("ALTER TABLE memo ADD COLUMN place TEXT",)))
    assert database.execute("SELECT name, place FROM memo").fetchall() == [("Morning", None)]
    assert database.execute("PRAGMA user_version").fetchone() == (2,)
    database.close()


def test_a_step_that_fails_leaves_the_version_before_it(tmp_path: Path) -> None:
    database = sqlite3.connect(version_1(tmp_path), isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        bring_up(database, tmp_path, (*STEPS[:1], ("ALTER TABLE memo ADD COLUMN place TEXT", "nonsense")))
    assert database.execute("PRAGMA user_version").fetchone() == (1,)
    assert "place" not in [row[1] for row in database.execute("PRAGMA table_info(memo)")]
    database.close()


def test_a_newer_version_is_refused_in_one_line_and_not_touched(tmp_path: Path) -> None:
    path = version_1(tmp_path)
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="written by a newer version of this program") as error:
        MemoStore(tmp_path)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before


def test_another_programs_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    for made in ("CREATE TABLE a (b)", "CREATE TABLE a (b); PRAGMA user_version = 1"):
        path = tmp_path / "memos.sqlite3"
        path.unlink(missing_ok=True)
        database = sqlite3.connect(path)
        database.executescript(made)
        database.close()
        before = path.read_bytes()
        with pytest.raises(UsageError, match="database of another program"):
            MemoStore(tmp_path)
        assert path.read_bytes() == before


def test_a_damaged_file_is_said_with_where_the_sounds_are(tmp_path: Path) -> None:
    (tmp_path / "memos.sqlite3").write_bytes(b"no database" * 1000)
    with pytest.raises(UsageError, match="damaged or no store of memos"):
        MemoStore(tmp_path)


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x", encoding="utf-8")
    with pytest.raises(EnvironmentProblem, match="--folder"):
        MemoStore(tmp_path / "a")


def test_three_processes_add_at_once_and_none_is_lost(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from support.memos import new_memo\n"
        "from softphone.io.memos.store import MemoStore\n"
        "for number in range(10):\n"
        "    store = MemoStore(Path(sys.argv[1]))\n"
        "    store.add(new_memo('same', memo_id=f'{sys.argv[2]}-{number}'), 1, origin='recorded')\n"
    )
    root = Path(__file__).parents[3]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), name], env={"PYTHONPATH": f"{root}:{root / 'tests'}"}
        )
        for name in "abc"
    ]
    assert [each.wait(timeout=60) for each in running] == [0, 0, 0]
    names = sorted(memo.name for memo in MemoStore(tmp_path).all())
    assert names == sorted(["same", *(f"same-{number}" for number in range(2, 31))])


def test_who_holds_the_database_too_long_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoStore(tmp_path)
    monkeypatch.setattr("softphone.io.memos.store.BUSY_S", 0.01)
    other = sqlite3.connect(store.database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(EnvironmentProblem, match="database is locked"):
        store.add(new_memo(), 1, origin="recorded")
    other.close()
    assert store.add(new_memo(), 1, origin="recorded").name == "one"
