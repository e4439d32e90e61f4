"""Processes that do jobs: one that is ended by its job costs that job, nothing else."""

import os
import sys

import pytest

from softphone.io import crew
from softphone.io.crew import Hand, share_out

CHILD = """
import json, os, signal, sys, time
for line in sys.stdin:
    job = json.loads(line)
    what = job["do"]
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "die once" and not os.path.exists(job["mark"]):
        open(job["mark"], "w").close()
        os._exit(3)
    if what == "babble":
        print("no json"); sys.stdout.flush(); continue
    if what == "hang":
        time.sleep(600)
    print(json.dumps({"did": what, "pid": os.getpid()})); sys.stdout.flush()
"""


@pytest.fixture
def child(tmp_path, monkeypatch):
    (tmp_path / "obedient_child.py").write_text(CHILD)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "obedient_child"


def test_jobs_are_done_by_processes_that_live_on(child):
    jobs = [{"do": str(number)} for number in range(6)]
    done = list(share_out(jobs, child, 2, lambda job: job))
    assert {job["do"]: answer["did"] for job, answer in done} == {str(n): str(n) for n in range(6)}
    assert 1 <= len({answer["pid"] for _, answer in done}) <= 2


def test_a_job_that_ends_its_process_is_tried_twice_and_costs_itself(child):
    jobs = [{"do": "a"}, {"do": "die"}, {"do": "b"}]
    done = {job["do"]: answer for job, answer in share_out(jobs, child, 1, lambda job: job)}
    assert done["a"]["did"] == "a"
    assert done["b"]["did"] == "b"
    assert done["a"]["pid"] != done["b"]["pid"]
    assert list(done["die"]) == ["crashed"]
    assert f"{crew.ATTEMPTS} times" in done["die"]["crashed"]


def test_a_job_that_ends_its_process_once_is_done(child, tmp_path):
    hand = Hand(child)
    assert hand.ask({"do": "die once", "mark": str(tmp_path / "mark")})["did"] == "die once"
    hand.close()


def test_an_answer_that_is_none_is_a_crash(child):
    hand = Hand(child)
    assert "crashed" in hand.ask({"do": "babble"})
    hand.close()


def test_a_job_that_takes_too_long_is_given_up(child):
    hand = Hand(child, timeout_s=0.5)
    assert "longer than 0.5 s" in hand.ask({"do": "hang"})["crashed"]
    hand.close()


def test_an_interpreter_that_is_not_there_is_a_crash(child, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert "did not start" in Hand(child).ask({"do": "a"})["crashed"]


@pytest.mark.skipif(
    not os.path.exists("/proc/self/task"), reason="this system does not list children in /proc"
)
def test_whoever_leaves_early_leaves_no_process_behind(child):
    def children():
        with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:
            return set(file.read().split())

    before = children()
    jobs = [{"do": "first"}, *({"do": "hang"} for _ in range(4))]
    running = share_out(jobs, child, 2, lambda job: job)
    assert next(running)[1]["did"] == "first"
    running.close()
    assert children() == before


def test_nothing_to_do_starts_nothing():
    assert list(share_out([], "no_such_module", 2, lambda job: job)) == []
