"""Checks of a signal, before any score: `checks` knows every file of this folder that ends with `SPECS`."""

from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict
from dsp.registry import Registry

__all__ = ["CheckSpec", "Evidence", "Figure", "Finding", "Verdict", "checks"]

checks: Registry[CheckSpec] = Registry("check")
checks.scan(__name__, __path__)
