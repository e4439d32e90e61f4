"""What all tests share: where CI installed the real peers, none of their tests may skip."""

import os
import shutil

import pytest

PEERS = ("baresip", "sipp", "sox", "ffmpeg")


def pytest_sessionstart(session: pytest.Session) -> None:
    missing = [program for program in PEERS if not shutil.which(program)]
    if os.environ.get("SOFTPHONE_PEERS_REQUIRED") and missing:
        pytest.exit(
            f"SOFTPHONE_PEERS_REQUIRED is set, but {' and '.join(missing)} is not installed", returncode=1
        )
