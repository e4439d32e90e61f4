"""Which of many references a recording holds, by fingerprints: band levels every 10 ms, one byte each.

A reference of 8 s takes 6 kB. Units of a second are looked for in the recording as the aligner does; the reference whose
units, in order, are worth most explains most of what is heard.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.aligner import LEAST_SCORE, LEAST_SHARE, SINGLE_WORTH
from dsp.alignment.bands import (
    HOP_S,
    RANGE_DB,
    BandLevels,
    Floats,
    band_levels,
    depth_of,
    features_of,
    loudness_of,
)
from dsp.alignment.coarse import STEP, THIN, Heard, find_matches, thinned, unit_starts
from dsp.alignment.narrow import NarrowTrack
from dsp.alignment.path import best_path, runs_of
from dsp.alignment.speech import speaking
from dsp.errors import DuplicateName, MetricRefused
from dsp.track import Track

LISTENED_S = 120.0
"""Of a longer recording four parts of a fourth of it are listened to, spread over the whole."""
_STEPS = 5.0
"""Of a byte in one dB."""
_BELOW_DB = RANGE_DB + 5.0
_UNHEARD = 0.01
"""What a unit of a reference that is not heard takes off, so that of two that explain as much the shorter one is found."""


@dataclass(frozen=True, slots=True)
class _Fingerprint:
    levels: NDArray[np.uint8]
    """Thinned band levels, in steps of 1/`_STEPS` dB from `_BELOW_DB` below the loudness."""
    depth: Floats
    starts: NDArray[np.int64]
    """Units to look for."""
    spoken: int
    """Thinned frames with speech."""


class Catalogue:
    """References by name, kept as fingerprints of 0.8 kB a second."""

    def __init__(self) -> None:
        self._known: dict[str, _Fingerprint] = {}

    def __len__(self) -> int:
        return len(self._known)

    def add(self, name: str, reference: Track) -> None:
        """Take one more reference.

        Raises:
            DuplicateName: if there is one of that name.
            MetricRefused: if nothing is said in it, or for samples that are no numbers.
        """
        if name in self._known:
            raise DuplicateName(f"there is a reference {name!r} already")
        self._known[name] = _fingerprint(band_levels(NarrowTrack(reference)))

    def find(self, degraded: Track) -> str | None:
        """Name of the reference that explains most of *degraded*; None where none is in it.

        Raises:
            MetricRefused: if nothing is said in *degraded*, or for samples that are no numbers.
        """
        heard = _fingerprint(_listened(band_levels(NarrowTrack(degraded))))
        best: tuple[float, str] | None = None
        searched: dict[bytes, Heard] = {}
        for name, known in self._known.items():
            depth = np.floor(np.minimum(known.depth, heard.depth) / 3) * 3
            key = depth.tobytes()
            if key not in searched:
                searched[key] = Heard(_features(heard, depth))
            worth = _worth(known, heard, depth, searched[key])
            if worth is not None and (best is None or worth > best[0]):
                best = (worth, name)
        return None if best is None else best[1]


def _fingerprint(levels: BandLevels) -> _Fingerprint:
    speech = speaking(levels)
    if not speech.any():
        raise MetricRefused("a signal in which somebody speaks is wanted, got silence")
    starts = unit_starts(speech, speech.size)
    loudness = loudness_of(levels.levels)
    below = thinned(levels.levels) - loudness + _BELOW_DB
    steps = np.clip(np.rint(below * _STEPS), 0, 255).astype(np.uint8)
    return _Fingerprint(
        steps, depth_of(levels.levels, loudness), starts, int(np.count_nonzero(speech)) // THIN
    )


def _features(print_: _Fingerprint, depth: Floats) -> Floats:
    levels = print_.levels.astype(np.float32) / np.float32(_STEPS)
    return features_of(levels, loudness_of(levels) - depth, frame_s=THIN * HOP_S).astype(np.float32)


def _listened(levels: BandLevels) -> BandLevels:
    frames = levels.wide.size
    part = round(LISTENED_S / HOP_S / 4)
    if frames <= 4 * part:
        return levels
    starts = [round(k * (frames - part) / 3) for k in range(4)]
    index = np.concatenate([np.arange(start, start + part) for start in starts])
    return BandLevels(levels.hop, levels.levels[index], levels.wide[index])


def _worth(known: _Fingerprint, heard: _Fingerprint, depth: Floats, searched: Heard) -> float | None:
    """What the best path of a reference explains; None where that may be chance."""
    features = _features(known, depth)
    path = best_path(find_matches(features, known.starts, searched), THIN * features.shape[0])
    good = [run for run in runs_of(path) if run.worth >= SINGLE_WORTH]
    if not good or max(run.worth for run in good) < LEAST_SCORE:
        return None
    units = sum(run.said.size for run in good)
    if units * STEP < LEAST_SHARE * min(known.spoken, heard.spoken):
        return None
    once = len(set(path.said.tolist()))
    return sum(run.worth for run in good) - _UNHEARD * (known.starts.size - once)
