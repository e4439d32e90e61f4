"""Measures of a voice: `measures` knows every file of this folder that ends with `SPECS`."""

from dsp.registry import Registry
from dsp.voice.base import Figure, MeasureRefused, VoiceMeasure

__all__ = ["Figure", "MeasureRefused", "VoiceMeasure", "measures"]

measures: Registry[VoiceMeasure] = Registry("voice measure")
measures.scan(__name__, __path__)
