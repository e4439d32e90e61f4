"""What a probe keeps and writes."""

import json
import os

import pytest

from softphone.app.probe import MAX_RESULTS, Probe, not_placed
from softphone.app.prometheus import Histogram, Metrics
from softphone.app.result import exit_status
from softphone.config import CallOptions
from softphone.errors import EnvironmentProblem, UnreachableError, UsageError

URI = "sip:bob@127.0.0.1"


def result(outcome="completed", **changes):
    return {
        "outcome": outcome,
        "started_at": "2026-01-01T12:00:00Z",
        "setup_s": 0.04,
        "duration_s": 8.0,
        "received": {"loss_pct": 1.5, "jitter_ms": 0.4, "discard_pct": 0.5, "level_dbov": -26.1},
        "rtt_ms": 0.3,
        "emodel": {"mos_cq": 4.35},
        "score": {"value": 4.2},
        "verdict": ["ok"],
        "peer_result": None,
        **changes,
    }


def values(text):
    """Name with labels -> value, of each line that is no comment."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def of(name, **labels):
    written = ",".join(f'{key}="{text}"' for key, text in {"target": URI, **labels}.items())
    return f"softphone_{'' if name == 'calls_total' else 'call_'}{name}{{{written}}}"


def test_outcomes_are_counted_and_those_that_did_not_come_are_zero():
    metrics = Metrics(URI)
    for outcome in ("completed", "busy", "completed"):
        metrics.add(result(outcome))
    got = values(metrics.render())
    assert got[of("calls_total", outcome="completed")] == 2
    assert got[of("calls_total", outcome="busy")] == 1
    assert got[of("calls_total", outcome="unreachable")] == 0


def test_units_are_those_of_prometheus():
    metrics = Metrics(URI)
    metrics.add(result())
    got = values(metrics.render())
    assert got[of("last_up")] == 1
    assert got[of("last_start_time_seconds")] == 1767268800
    assert got[of("last_loss_ratio")] == 0.015
    assert got[of("last_jitter_seconds")] == 0.0004
    assert got[of("last_rtt_seconds")] == 0.0003
    assert (got[of("last_mos")], got[of("last_score")], got[of("last_level_dbov")]) == (4.35, 4.2, -26.1)


def test_a_call_that_had_no_audio_leaves_out_what_was_not_measured():
    metrics = Metrics(URI)
    metrics.add(result())
    metrics.add(
        result(
            "no-answer", setup_s=None, duration_s=None, received=None, rtt_ms=None, emodel=None, score=None
        )
    )
    got = values(metrics.render())
    assert got[of("last_up")] == 0
    assert of("last_loss_ratio") not in got
    assert got[of("setup_seconds_count")] == 1


def test_buckets_count_up_to_their_bound_and_all_in_the_last():
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.add(value)
    assert list(histogram.samples()) == [
        ("_bucket", {"le": "0.1"}, 2),
        ("_bucket", {"le": "1"}, 3),
        ("_bucket", {"le": "+Inf"}, 4),
        ("_sum", {}, pytest.approx(7.65)),
        ("_count", {}, 4),
    ]


def test_each_metric_is_described_once_and_labels_are_escaped():
    metrics = Metrics('sip:"a\\b"@x')
    metrics.add(result())
    text = metrics.render()
    heads = [line for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads)) == 16
    assert r'target="sip:\"a\\b\"@x"' in text
    assert text.endswith("\n")


def test_the_number_of_figures_does_not_grow_with_the_calls():
    metrics = Metrics(URI)
    metrics.add(result())
    once = len(metrics.render().splitlines())
    for _ in range(1000):
        metrics.add(result())
    assert len(metrics.render().splitlines()) == once


def test_a_probe_without_end_keeps_the_newest_and_the_worst():
    probe = Probe(CallOptions(URI, repeat=0))
    for outcome in ("completed", "unreachable", "busy", *["completed"] * MAX_RESULTS):
        probe.add(result(outcome))
    assert len(probe.results) == MAX_RESULTS + 1
    assert probe.results[0]["outcome"] == "unreachable"
    assert exit_status(probe.results) == 3


@pytest.mark.parametrize(
    ("error", "outcome", "status"),
    [(UnreachableError("no such name"), "unreachable", 3), (EnvironmentProblem("no ports"), "failed", 1)],
)
def test_a_call_that_cannot_even_be_placed_counts_as_one_that_failed(error, outcome, status):
    probe = Probe(CallOptions(URI, repeat=0))
    probe.add(not_placed(error, local_uri="sip:a@127.0.0.1", peer_uri=URI))
    (got,) = probe.results
    assert (got["outcome"], got["error"], got["peer"]) == (outcome, str(error), URI)
    assert exit_status([got]) == status


def test_a_probe_of_so_many_calls_keeps_them_all():
    probe = Probe(CallOptions(URI, repeat=1500))
    for _ in range(1500):
        probe.add(result())
    assert len(probe.results) == 1500


def test_results_are_appended_as_they_come(tmp_path):
    out = tmp_path / "results.jsonl"
    out.write_text('{"outcome": "of yesterday"}\n')
    probe = Probe(CallOptions(URI, repeat=0, out=str(out)))
    probe.add(result())
    probe.add(result("busy"))
    lines = [json.loads(line) for line in out.read_text().splitlines()]  # the probe still runs
    assert [line["outcome"] for line in lines] == ["of yesterday", "completed", "busy"]
    probe.close()


def test_a_line_that_a_killed_probe_left_torn_does_not_swallow_the_next(tmp_path):
    out = tmp_path / "results.jsonl"
    out.write_text('{"outcome": "comp')
    probe = Probe(CallOptions(URI, repeat=0, out=str(out)))
    probe.add(result("busy"))
    probe.close()
    torn, whole = out.read_text().splitlines()
    assert (torn, json.loads(whole)["outcome"]) == ('{"outcome": "comp', "busy")


def test_the_file_for_prometheus_is_there_from_the_start_and_replaced_whole(tmp_path):
    file = tmp_path / "softphone.prom"
    probe = Probe(CallOptions(URI, repeat=0, prometheus=str(file)))
    assert values(file.read_text())[of("calls_total", outcome="completed")] == 0
    before = file.stat().st_ino
    probe.add(result())
    assert values(file.read_text())[of("calls_total", outcome="completed")] == 1
    assert file.stat().st_ino != before
    assert os.listdir(tmp_path) == ["softphone.prom"]


def test_files_that_cannot_be_written_are_said_before_the_first_call(tmp_path):
    with pytest.raises(EnvironmentProblem, match=r"--out .* cannot be written"):
        Probe(CallOptions(URI, out=str(tmp_path)))
    with pytest.raises(UsageError, match="is no file"):
        Probe(CallOptions(URI, prometheus=str(tmp_path)))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_of_results_keeps_no_figures_from_theirs(tmp_path):
    figures = tmp_path / "figures.prom"
    probe = Probe(CallOptions(uri=URI, repeat=2, out="/dev/full", prometheus=str(figures)))
    probe.add(result())
    probe.close()
    assert values(figures.read_text())[of("calls_total", outcome="completed")] == 1


def test_a_disk_that_fills_ends_no_probe_and_is_said_once(tmp_path, caplog):
    file = tmp_path / "folder" / "softphone.prom"
    file.parent.mkdir()
    probe = Probe(CallOptions(URI, repeat=0, prometheus=str(file)))
    file.unlink()
    file.parent.rmdir()
    for _ in range(3):
        probe.add(result())
    assert len(caplog.records) == 1
    file.parent.mkdir()
    probe.add(result())
    assert values(file.read_text())[of("calls_total", outcome="completed")] == 4


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full disk to write to")
def test_a_full_disk_ends_no_probe_even_at_its_end(caplog):
    probe = Probe(CallOptions(URI, out="/dev/full"))
    for _ in range(3):
        probe.add(result())
    probe.close()
    assert [record.message.count("No space left") for record in caplog.records] == [1]
