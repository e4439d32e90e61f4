"""Two speakers for calls with real peers."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))

from support.speech import Speech, bundled_speech


@pytest.fixture(scope="session")
def man(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    """Four seconds of a man."""
    return bundled_speech("man", tmp_path_factory.mktemp("man"))


@pytest.fixture(scope="session")
def woman(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    """Four seconds of a woman."""
    return bundled_speech("woman", tmp_path_factory.mktemp("woman"))
