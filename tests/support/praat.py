"""Praat, which the measures of a voice are held against; an oracle of tests only."""

import os

import pytest

if os.environ.get("SOFTPHONE_PEERS_REQUIRED"):
    import parselmouth
else:
    parselmouth = pytest.importorskip("parselmouth")

__all__ = ["parselmouth"]
