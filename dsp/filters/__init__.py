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

filters.scan_lazily(__name__, __path__)  # a call with one filter need not import the others

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
