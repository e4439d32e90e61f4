"""Collects, for each test marked ``feature(peer, name)``, whether it passed: `tools/make_interop_table.py` makes a table of it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

_rows: dict[str, dict[str, Any]] = {}


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Note the worst outcome of the test's phases."""
    mark = item.get_closest_marker("feature")
    if mark is None:
        return
    peer, name = mark.args
    row = _rows.setdefault(item.nodeid, {"peer": peer, "feature": name, "outcome": "passed", "why": ""})
    expected = item.get_closest_marker("xfail")
    error = call.excinfo
    if error is None or row["outcome"] != "passed":
        return
    if error.errisinstance(pytest.skip.Exception):
        row.update(outcome="skipped", why=str(error.value))
    elif expected is not None:
        row.update(outcome="fails", why=str(expected.kwargs.get("reason", "")))
    else:
        row.update(outcome="failed", why=str(error.value).splitlines()[0][:200] if str(error.value) else "")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was collected to the file that SOFTPHONE_INTEROP_REPORT names."""
    target = os.environ.get("SOFTPHONE_INTEROP_REPORT")
    if target:
        Path(target).write_text(json.dumps(list(_rows.values()), indent=1))
