"""Tools of others that do what such tools do; in a module of their own, which a child process finds at once."""

import os
from typing import Any


def ends(reference: Any, degraded: Any, rate_hz: int) -> float:
    """Takes its process with it."""
    os._exit(139)


def raises(reference: Any, degraded: Any, rate_hz: int) -> float:
    """Does not want these."""
    raise ValueError("no")


def counts(reference: Any, degraded: Any, rate_hz: int) -> float:
    """Works."""
    return float(degraded.size)
