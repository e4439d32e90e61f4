"""Figures of merit, measured beside a peer: `python -m benchmarks.run`, or one of the modules alone.

What is measured is what is installed: run with ``-m``, Python would look into the folder it is in first,
where the source lies that has no compiled kernels. The helpers of the tests are found here, too.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

if not sys.flags.safe_path and sys.path[0] in ("", str(ROOT)):
    del sys.path[0]
sys.path += [str(ROOT), str(ROOT / "tests")]
