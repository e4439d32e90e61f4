"""Filters, one file each; see `base` for what a file must provide."""

from dsp.filters.base import (
    CATEGORIES,
    MAX_CHANNELS,
    CodecStream,
    Filter,
    FilterSpec,
    Reading,
    Resources,
    Setting,
    filters,
)

filters.scan(__name__, __path__)

__all__ = [
    "CATEGORIES",
    "MAX_CHANNELS",
    "CodecStream",
    "Filter",
    "FilterSpec",
    "Reading",
    "Resources",
    "Setting",
    "filters",
]
