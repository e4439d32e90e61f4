"""What all tests share: randomness is seeded, and where CI installed the real peers none of their tests may skip."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks and tools; what is installed goes before

settings.register_profile("seeded", derandomize=True, deadline=None)
settings.load_profile("seeded")

PEERS = ("baresip", "sipp", "kamailio", "turnserver", "tshark", "sox", "ffmpeg")


@pytest.fixture(scope="session", autouse=True)
def _own_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What programs keep among a user's data (recordings, memos) goes elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        folder = str(tmp_path_factory.mktemp("data"))
        for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
            patch.setenv(name, folder)
        yield


def pytest_sessionstart(session: pytest.Session) -> None:
    missing = [program for program in PEERS if not shutil.which(program)]
    if os.environ.get("SOFTPHONE_PEERS_REQUIRED") and missing:
        pytest.exit(
            f"SOFTPHONE_PEERS_REQUIRED is set, but {' and '.join(missing)} is not installed", returncode=1
        )
