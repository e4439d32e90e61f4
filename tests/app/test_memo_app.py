"""Memos as the commands use them: measuring, exporting, the history of a figure from the store."""

import csv
import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import soundfile
from support.memos import AT, added, files_in, grid_noise
from support.voice_results import nothing_in, voice_of

from softphone.app.memo import chosen, memo_folder, memo_info, memo_port, open_store
from softphone.app.memo_export import as_csv, as_json, export
from softphone.app.memo_history import history_of, ticks_of
from softphone.errors import UsageError
from softphone.io.memos.store import MemoStore
from softphone.memo_config import HistoryOptions, RecordOptions
from softphone.scorer.voice_view import plain_keys


def measured(
    store: MemoStore, number: int, value: float | None, *, floor_hz: float = 60.0, kind: str = "vowel"
) -> None:
    memo = added(store, f"m{number}", number=number + 1, days=number)
    result = nothing_in() if value is None else voice_of(kind, floor_hz=floor_hz, cpps_db=value)
    store.set_result(memo, result, measured_at=AT.isoformat(), version="1/1")


def test_memos_lie_among_the_users_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert memo_folder() == tmp_path / "softphone" / "memos"
    assert open_store(None).folder == memo_folder()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_the_store_is_its_owners_alone(tmp_path: Path) -> None:
    folder = MemoStore(tmp_path / "a" / "memos").folder
    for path in (folder, *folder.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path


def test_sound_comes_from_a_file_or_a_device_but_not_both() -> None:
    port = memo_port(RecordOptions(play="builtin:man"))
    assert (port.name, port.sample_rate_hz) == ("builtin:man", 16_000)
    port.close()
    assert memo_port(RecordOptions(device="null:tone=200", sample_rate_hz=44_100)).sample_rate_hz == 44_100
    with pytest.raises(UsageError, match="exclude each other"):
        memo_port(RecordOptions(play="builtin:man", device="null"))
    with pytest.raises(UsageError, match="does not exist"):
        memo_port(RecordOptions(play="none.wav"))


def test_memos_are_chosen_by_name_each_once_and_by_all_of_the_tags(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    for number in (1, 2):
        added(store, f"m{number}", number=number)
    assert [memo.name for memo in chosen(store, ("m2", "M2", "m1"))] == ["m2", "m1"]
    assert [memo.name for memo in chosen(store, ())] == ["m1", "m2"]
    assert chosen(store, (), ("vowel",)) == []


def test_every_figure_but_curves_has_a_column_of_its_own(tmp_path: Path) -> None:
    keys = plain_keys()
    assert len(set(keys)) == len(keys)
    assert {"cpps_db", "jitter_local_pct", "hnr_db", "f0_median_hz"} <= set(keys)
    assert "ltas_db" not in keys


def test_results_as_csv_and_json_hold_what_was_measured(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    measured(store, 0, 12.5)
    measured(store, 1, None)
    added(store, 'odd, "name"', number=3, days=3)
    rows = list(csv.DictReader(io.StringIO(as_csv(store.all()).decode())))
    assert [row["name"] for row in rows] == ["m0", "m1", 'odd, "name"']
    assert [row["cpps_db"] for row in rows] == ["12.5", "", ""]
    assert [row["verdict"] for row in rows] == ["ok", "silent", ""]
    assert rows[0]["permutation_entropy"] == "0.5"
    assert json.loads(rows[0]["settings"])["pitch_floor_hz"] == 60.0
    told = json.loads(as_json(store.all()))
    assert told["memos"][0]["result"]["cpps_db"] == 12.5
    assert told["memos"][2]["result"] is None


def test_a_folder_gets_sounds_and_results_and_nothing_is_replaced(tmp_path: Path) -> None:
    store = MemoStore(tmp_path / "s")
    measured(store, 0, 12.5)
    added(store, "a:b", number=7, days=1)
    out = tmp_path / "out"
    done = export(store, store.all(), str(out))
    assert files_in(out) == ["a_b.flac", "m0.flac", "memos.csv", "memos.json"]
    assert (done.memos, done.sounds, len(done.files)) == (2, 2, 4)
    samples, _ = soundfile.read(out / "a_b.flac", dtype="float32")
    assert (samples == grid_noise(800, seed=7)[0]).all()
    assert [each["path"] for each in json.loads((out / "memos.json").read_text())["memos"]] == [
        "m0.flac",
        "a_b.flac",
    ]
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(UsageError, match="exists"):
        export(store, store.all(), str(out))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    export(store, store.all(), str(out), force=True)
    store.path_of(store.find("m0").id).unlink()
    with pytest.raises(UsageError, match="is missing"):
        export(store, store.all(), str(tmp_path / "other"))
    assert files_in(tmp_path / "other") == []
    with pytest.raises(UsageError, match="no such memos"):
        export(store, [], str(out))


def test_what_is_told_of_a_memo_is_json(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    measured(store, 0, 12.5)
    memo = store.newest()
    assert json.loads(json.dumps(memo_info(memo)))["figures"]["cpps_db"] == 12.5
    assert memo_info(memo, full=True)["result"] == memo.result


def test_the_history_takes_values_from_the_store_and_says_what_is_left_out(tmp_path: Path) -> None:
    store = MemoStore(tmp_path / "s")
    for number, value in enumerate([12.0, 11.0, 13.0, None, 15.0]):
        measured(store, number, value)
    measured(store, 5, 9.0, floor_hz=75.0)
    measured(store, 6, 8.0, kind="speech")
    added(store, "raw", number=50, days=9)
    out = tmp_path / "c.html"
    found = history_of(store, HistoryOptions("cpps_db", out=str(out)))
    past = found.history
    assert [point.value for point in past.points] == [12.0, 11.0, 13.0, 15.0]
    assert sorted(point.value for point in past.others) == [8.0, 9.0]
    assert [(each.name, each.reason[:9]) for each in past.left_out] == [
        ("m3", "it is sil"),
        ("raw", "not measu"),
    ]
    assert past.baseline is not None
    assert (past.baseline.median, past.baseline.low, past.baseline.high) == (12.0, 11.0, 13.0)
    assert "60" in found.subject.settings
    page = out.read_text(encoding="utf-8")
    assert "no diagnosis" in page
    assert page.count('class="other"') == 2 * 2
    with pytest.raises(UsageError, match="exists"):
        history_of(store, HistoryOptions("cpps_db", out=str(out)))
    history_of(store, HistoryOptions("cpps_db", out=str(tmp_path / "c.svg")))
    assert (tmp_path / "c.svg").read_bytes().startswith(b"<svg xmlns")


def test_norms_stand_beside_a_figure_for_the_age_asked_for_with_their_source(tmp_path: Path) -> None:
    store = MemoStore(tmp_path / "s")
    memo = added(store, "a")
    store.set_result(memo, voice_of(mpt_s=15.0), measured_at=AT.isoformat(), version="1/1")
    out = tmp_path / "c.html"
    found = history_of(store, HistoryOptions("mpt_s", age=65, out=str(out)))
    (norm,) = found.norms
    assert norm.reference is not None
    assert norm.reference.low == pytest.approx(22.27 - 1.56 * 15**0.5)  # Maslan et al. 2011, 60 to 69 years
    assert norm.source in out.read_text(encoding="utf-8")
    assert len(history_of(store, HistoryOptions("mpt_s")).norms) == 3


def test_an_unknown_figure_or_one_that_no_memo_has_is_said(tmp_path: Path) -> None:
    store = MemoStore(tmp_path)
    measured(store, 0, 12.0)
    with pytest.raises(UsageError, match="the nearest is cpps_db"):
        history_of(store, HistoryOptions("cpps"))
    with pytest.raises(UsageError, match="no figure 'ltas_db'"):
        history_of(store, HistoryOptions("ltas_db"))
    with pytest.raises(UsageError, match="no memo has hnr_db, of 1; m0: it was not measured"):
        history_of(store, HistoryOptions("hnr_db"))
    with pytest.raises(UsageError, match="of the task speech"):
        history_of(store, HistoryOptions("cpps_db", task="speech"))


@pytest.mark.parametrize("days", [0, 1, 3, 10, 40, 200, 1000, 5000])
def test_an_axis_has_a_few_dates_within_it(days: int) -> None:
    first = datetime(2026, 1, 1, 9, 0, tzinfo=UTC).timestamp()
    ticks = ticks_of([first, first + 86_400 * days + 60])
    assert 1 <= len(ticks) <= 8
    assert [at for at, _ in ticks] == sorted(at for at, _ in ticks)
    assert len({text for _, text in ticks}) == len(ticks)


@pytest.mark.parametrize(
    "wrong",
    [{"baseline": 1}, {"task": "song"}, {"out": "x.png"}, {"age": -1}],
    ids=str,
)
def test_a_history_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        HistoryOptions("cpps_db", **wrong)  # type: ignore[arg-type]
