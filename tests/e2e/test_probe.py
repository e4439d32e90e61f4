"""`softphone call --repeat` as a probe: as long as it runs, its files are up to date."""

import json
import time

import pytest
from support.command import Answering, Calling

pytestmark = pytest.mark.e2e


def test_a_probe_without_end_writes_as_it_goes_and_sums_up_at_ctrl_c(tmp_path):
    out, metrics = tmp_path / "results.jsonl", tmp_path / "softphone.prom"
    with Answering("--tone", "440") as callee, Calling(
        callee.uri, "--repeat", "0", "--every", "0.4", "--seconds", "0.3", "--tone", "660",
        "--out", str(out), "--prometheus", str(metrics),
    ) as probe:  # fmt: skip
        end = time.monotonic() + 20
        while not out.exists() or out.read_text().count("\n") < 3:
            assert time.monotonic() < end
            time.sleep(0.05)
        probe.interrupt()
        status, summary, err = probe.finish()
    assert status == 0, err
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert lines == summary["calls"]
    assert summary["placed"] == summary["completed"] == summary["outcomes"]["completed"] == len(lines) >= 3
    assert f'outcome="completed"}} {len(lines)}\n' in metrics.read_text()
    starts = [line["started_at"] for line in lines]
    assert starts == sorted(starts)
