"""All metrics of speech, with a reference and without: those of `dsp.metrics`, and the networks that are run here."""

import functools

from dsp.metrics import MetricSpec, metrics
from dsp.registry import Registry
from softphone.io import dnsmos, plcmos


@functools.cache
def every_metric() -> Registry[MetricSpec]:
    """Registry of all; those with `MetricSpec.own_process` belong into `softphone.io.measuring`."""
    found: Registry[MetricSpec] = Registry("metric")
    for name in metrics.names():
        found.add(metrics.get(name))
    for spec in (*dnsmos.SPECS, *plcmos.SPECS):
        found.add(spec)
    return found
