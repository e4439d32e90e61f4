"""`examples/steer_filter.py` as a user runs it: the address that was printed, a filter that runs, what it prints."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.served import PATIENCE_S, TOKEN, Served

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).parents[2] / "examples" / "steer_filter.py"


def test_the_example_steers_a_filter_and_leaves_it_as_it_was() -> None:
    live = ("filter", "voice-clear", "--live", "--in-device", "null:tone=1000")
    with Served(*live, serving_on_stdout=False) as served, served.client() as desk:
        before = desk.get("low-cut.freq_hz")
        done = subprocess.run(
            [sys.executable, str(EXAMPLE), f"{served.url}#token={TOKEN}"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        )
        rows = re.findall(r"^(\d+) Hz: (\S+) dBFS in, (\S+) dBFS out$", done.stdout, re.MULTILINE)
        assert [int(row[0]) for row in rows] == [500, 1000, 2000]
        lost_db = [float(row[1]) - float(row[2]) for row in rows]
        # A Butterworth high-pass of order 4 at 1 kHz: 0.02 dB at half its frequency, 3.01 at it, 24.1 at twice.
        assert lost_db[1] - lost_db[0] == pytest.approx(3.0, abs=0.5)
        assert lost_db[2] - lost_db[1] == pytest.approx(21.1, abs=1.0)
        assert desk.get("low-cut.freq_hz") == before


def test_the_example_says_how_it_is_used() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("usage: ")
