"""Run the calls with real peers, and write what passed into docs/interop.md; arguments go to pytest."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "interop.md"
BEGIN, END = "<!-- table: tools/make_interop_table.py -->", "<!-- end of table -->"
WORDS = {"passed": "passed", "skipped": "not run", "fails": "fails", "failed": "FAILED"}
ORDER = {outcome: badness for badness, outcome in enumerate(WORDS)}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "support.interop_report",
            str(ROOT / "tests/interop"),
        ]
        path = os.pathsep.join(filter(None, (str(ROOT / "tests"), os.environ.get("PYTHONPATH"))))
        done = subprocess.run(
            [*command, *sys.argv[1:]],
            env={**os.environ, "PYTHONPATH": path, "SOFTPHONE_INTEROP_REPORT": str(report)},
            cwd=ROOT,
            check=False,
        )
        rows = json.loads(report.read_text())
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(rows)}\n{END}{after}", encoding="utf-8")
    return done.returncode


def table(rows: list[dict[str, Any]]) -> str:
    """Rows of one peer and feature count as one: passed where all of them did."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["peer"], row["feature"])
        old = merged.get(key)
        if old is None or ORDER[row["outcome"]] > ORDER[old["outcome"]]:
            merged[key] = {**row, "tests": 1 + (0 if old is None else old["tests"])}
        else:
            old["tests"] += 1
    lines = ["| peer | feature | tests | outcome | why |", "|---|---|---|---|---|"]
    for (peer, feature), row in sorted(merged.items()):
        why = re.sub(r"\s+", " ", row["why"]).replace("|", "/")
        lines.append(f"| {peer} | {feature} | {row['tests']} | {WORDS[row['outcome']]} | {why} |")
    passed = sum(row["outcome"] == "passed" for row in merged.values())
    lines += ["", f"{passed} of {len(merged)} passed."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
