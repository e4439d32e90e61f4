"""Sound and surroundings for the tests of filters."""

import os

import numpy as np

from dsp.errors import LibraryMissing
from dsp.filters import Filter, Resources, Setting, filters
from dsp.types import Block
from softphone.io import resources as product

RATES_HZ = (8000, 16_000, 44_100, 48_000)


def names() -> list[str]:
    """Every registered filter; without SOFTPHONE_PEERS_REQUIRED only those that can be built here."""
    required = bool(os.environ.get("SOFTPHONE_PEERS_REQUIRED"))
    return [name for name in filters.names() if required or _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        build(name, 16_000, 1)
    except LibraryMissing:
        return False
    return True


def resources() -> Resources:
    """What filters are handed: as in the product."""
    return product.resources()


def setting(rate_hz: int, channels: int) -> Setting:
    """What a filter is built for."""
    return Setting(rate_hz, channels, resources())


def build(name: str, rate_hz: int, channels: int) -> Filter:
    """The filter *name* with its default parameters."""
    spec = filters.get(name)
    return spec.build(spec.params(), setting(rate_hz, channels))


def programme(rate_hz: int, channels: int, count: int, seed: int = 1) -> Block:
    """Voice-like sound: a buzz with its harmonics, syllables and some noise, -20 dBFS."""
    t = np.arange(count) / rate_hz
    rng = np.random.default_rng(seed)
    buzz = sum(np.sin(2 * np.pi * 140 * k * t + k) / k for k in range(1, max(2, min(20, rate_hz // 300))))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 3.5 * t)
    sound = 0.08 * buzz * syllables + 0.005 * rng.standard_normal(count)
    scales = np.linspace(1.0, 0.6, channels)[:, np.newaxis]
    return np.ascontiguousarray(scales * sound).astype(np.float32)
