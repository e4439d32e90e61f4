"""Rows that are kept as they are done, and jobs shared by processes or Dask."""

import json
import os
from pathlib import Path

import pytest

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.row_file import RowFile
from softphone.io.work import work


def test_a_row_done_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.jsonl"
    with RowFile(path) as rows:
        assert rows.get({"a": 1, "b": 2}) is None
        rows.add({"a": 1, "b": 2}, {"value": 3})
    with RowFile(path) as rows:
        assert rows.get({"b": 2, "a": 1}) == {"value": 3}
        assert rows.get({"a": 1, "b": 3}) is None


def test_a_last_line_that_was_cut_off_is_dropped_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with RowFile(path) as rows:
        rows.add({"a": 1}, {"value": 1})
        rows.add({"a": 2}, {"value": 2})
    path.write_bytes(path.read_bytes()[:-5])
    with RowFile(path) as rows:
        assert rows.get({"a": 1}) == {"value": 1}
        assert rows.get({"a": 2}) is None
        rows.add({"a": 3}, {"value": 3})
    assert [json.loads(line)["row"]["value"] for line in path.read_text().splitlines()] == [1, 3]


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("my notes\n")
    with pytest.raises(UsageError, match="line 1 is no row of results"):
        RowFile(path)
    assert path.read_text() == "my notes\n"
    with pytest.raises(EnvironmentProblem, match="wanted a folder that is writable"):
        RowFile(path / "below" / "rows.jsonl")


def test_in_this_process_jobs_are_done_in_their_order() -> None:
    assert list(work(abs, [-1, 2, -3])) == [(-1, 1), (2, 2), (-3, 3)]
    with pytest.raises(UsageError, match="--workers"):
        list(work(abs, [1], workers=0))


def test_several_processes_do_every_job_once_and_a_dead_one_is_told() -> None:
    assert sorted(work(abs, [-1, 2, -3], workers=2)) == [(-3, 3), (-1, 1), (2, 2)]
    with pytest.raises(EnvironmentProblem, match="worker process died"):
        list(work(os._exit, [1, 1], workers=2))


def test_without_dask_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EnvironmentProblem, match=r'pip install "softphone\[dask\]"'):
        list(work(abs, [1], dask="local"))


@pytest.mark.filterwarnings("ignore")
def test_a_local_cluster_of_dask_does_equal_jobs_each_on_its_own() -> None:
    pytest.importorskip("distributed")
    assert list(work(abs, [-2, -2], dask="local")) == [(-2, 2), (-2, 2)]


@pytest.mark.filterwarnings("ignore")
def test_a_job_that_ends_the_workers_of_a_cluster_is_told_as_lost() -> None:
    pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        done = list(work(os._exit, [1], dask="local", lost=lambda job, why: f"{job} lost: {why}"))
        with pytest.raises(EnvironmentProblem, match="workers of the cluster died"):
            list(work(os._exit, [1], dask="local"))
    assert len(done) == 1
    assert done[0][0] == 1
    assert str(done[0][1]).startswith("1 lost: ")
