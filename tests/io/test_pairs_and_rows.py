"""The list of a batch as people write it, and the file of scores that can be gone on with."""

import csv

import pytest

from softphone.errors import UsageError
from softphone.io.csv_rows import CsvRows
from softphone.io.pairs_file import read_pairs

COLUMNS = ("name", "value", "why")


def listed(tmp_path, data):
    path = tmp_path / "pairs.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return [(pair.degraded, pair.reference) for pair in read_pairs(str(path))]


WANTED = [("a b.wav", "builtin:man"), ("ü.wav", "")]


@pytest.mark.parametrize(
    "data",
    [
        "degraded,reference\na b.wav,builtin:man\nü.wav,\n",
        "\ufeffdegraded,reference\r\na b.wav,builtin:man\r\nü.wav\r\n",
        "Reference ; note ; DEGRADED\nbuiltin:man;x;a b.wav\n;;ü.wav\n",
        "degraded\treference\na b.wav\tbuiltin:man\n\n \t \nü.wav\t\n",
        '\n\n"degraded","reference"\n"a b.wav","builtin:man"\n,\n"ü.wav",""',
        "degraded,reference\na b.wav,builtin:man\nü.wav,\n".encode("utf-16"),
    ],
    ids=["plain", "bom", "semicolons", "tabs", "blank rows", "utf-16"],
)
def test_lists_as_spreadsheets_write_them_are_read(tmp_path, data):
    assert listed(tmp_path, data) == WANTED


def test_paths_are_relative_to_the_list(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("degraded,reference\nsub/a.wav,/abs/b.wav\nc.wav,builtin:man\n")
    pairs = read_pairs(str(path))
    assert pairs[0].degraded_path == str(tmp_path / "sub" / "a.wav")
    assert pairs[0].reference_path == "/abs/b.wav"
    assert pairs[1].reference_path == "builtin:man"
    assert [pair.line for pair in pairs] == [2, 3]


def test_a_row_without_a_recording_is_a_row(tmp_path):
    assert listed(tmp_path, "degraded,reference\n,builtin:man\n") == [("", "builtin:man")]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("file,ref\na,b\n", "needs the columns degraded and reference once each"),
        ("degraded\na\n", "needs the columns"),
        ("degraded,reference,degraded\na,b,c\n", "once each"),
        (b"RIFF\0\0\0\0WAVE", "no CSV file"),
        (b"\xff\xfed\0e", "UTF-16"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, data, why):
    with pytest.raises(UsageError, match=why):
        listed(tmp_path, data)


def test_a_list_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.csv cannot be read"):
        read_pairs(str(tmp_path / "none.csv"))


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_rows_are_there_as_soon_as_they_are_added(tmp_path):
    path = tmp_path / "scores.csv"
    with CsvRows(path, COLUMNS) as rows:
        assert path.read_text() == "name,value,why\n"
        rows.add({"name": 'a "b",\n c', "value": 1.5, "other": 9})
        assert rows_of(path) == [{"name": 'a "b",\n c', "value": "1.5", "why": ""}]
    with CsvRows(path, COLUMNS) as rows:
        assert [row["value"] for row in rows.rows] == ["1.5"]


def test_a_last_line_cut_off_anywhere_is_dropped(tmp_path):
    path = tmp_path / "scores.csv"
    with CsvRows(path, COLUMNS) as rows:
        rows.add({"name": "a", "value": 1})
        rows.add({"name": 'b,"', "value": 2, "why": "x\ny"})
    whole = path.read_bytes()
    first = whole.index(b"\n", len("name,value,why\n")) + 1
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with CsvRows(path, COLUMNS) as rows:
            assert len(rows.rows) == (1 if size >= first else 0), size
            rows.add({"name": "c", "value": 3})
        assert [row["name"] for row in rows_of(path)] == (["a", "c"] if size >= first else ["c"])


def test_other_columns_are_left_alone_unless_forced(tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text("my,notes\n1,2\n")
    with pytest.raises(UsageError, match="other columns"):
        CsvRows(path, COLUMNS)
    assert path.read_text() == "my,notes\n1,2\n"
    with CsvRows(path, COLUMNS, force=True) as rows:
        assert rows.rows == []
    assert path.read_text() == "name,value,why\n"


def test_rows_that_are_stale_are_dropped(tmp_path):
    path = tmp_path / "scores.csv"
    with CsvRows(path, COLUMNS) as rows:
        for name in "abc":
            rows.add({"name": name})
    with CsvRows(path, COLUMNS) as rows:
        rows.keep(lambda row: row["name"] != "b")
        rows.add({"name": "d"})
    assert [row["name"] for row in rows_of(path)] == ["a", "c", "d"]
