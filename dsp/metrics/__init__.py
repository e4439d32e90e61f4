"""Metrics of a line: `metrics` knows every file of this folder that ends with `SPECS`."""

from dsp.metrics.base import MetricRefused, MetricSpec
from dsp.registry import Registry

__all__ = ["MetricRefused", "MetricSpec", "metrics"]

metrics: Registry[MetricSpec] = Registry("metric")
metrics.scan(__name__, __path__)
