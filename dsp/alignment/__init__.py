"""Alignment of a recording with what was sent: delay over time, found piece by piece."""

from dsp.alignment.aligner import align
from dsp.alignment.base import Alignment, DelayChange, Missing, Span, Stretch
from dsp.alignment.catalogue import Catalogue
from dsp.alignment.speech import utterances
from dsp.alignment.warp import delay_trace, warped

__all__ = [
    "Alignment",
    "Catalogue",
    "DelayChange",
    "Missing",
    "Span",
    "Stretch",
    "align",
    "delay_trace",
    "utterances",
    "warped",
]
