"""The best path through the candidates of all frames (Boersma 1993, section 4)."""

import numpy as np
from numpy.typing import NDArray

from dsp import _native
from dsp.phonation.pitch_frames import Candidates
from dsp.phonation.pitch_settings import PitchSettings

Floats = NDArray[np.float64]

COST_STEP_S = 0.01
"""Costs of a change are those of frames so far apart."""


def unvoiced_strength(intensity: Floats, silence: float, voicing: float) -> Floats:
    """Strength of the candidate *no voice* at each *intensity*: *voicing* in a loud frame, up to 2 more in a silent one."""
    if silence <= 0.0:
        return np.full_like(intensity, voicing)
    return voicing + np.maximum(0.0, 2.0 - intensity * ((1.0 + voicing) / silence))


def surely_silent(settings: PitchSettings) -> float:
    """At this intensity and below no path goes through a voiced candidate.

    There *no voice* is stronger than a candidate of strength 1 by more than a way into and out of it costs.
    """
    change = settings.voiced_unvoiced_cost * COST_STEP_S / settings.frame_step_s
    share = (1.0 + settings.voicing - 2.0 * change) / (1.0 + settings.voicing)
    return max(settings.silence * share, 0.0)


def best_path(found: Candidates, settings: PitchSettings) -> tuple[Floats, Floats]:
    """Pitch and strength of each frame, both ``(n,)``, 0 where there is no voice."""
    frames = found.intensity.size
    if frames == 0:
        return np.zeros(0), np.zeros(0)
    f0 = np.concatenate((np.zeros((frames, 1)), found.f0_hz), axis=1)
    strength = np.concatenate((np.zeros((frames, 1)), found.strength), axis=1)
    heard = (f0 > 0.0) & (f0 < settings.ceiling_hz)
    octaves = np.log2(f0, out=np.full_like(f0, np.nan), where=heard)
    worth = strength - settings.octave_cost * (np.log2(settings.ceiling_hz) - octaves)
    none = unvoiced_strength(found.intensity, settings.silence, settings.voicing)
    worth[~heard] = -np.inf
    worth[:, 0] = none
    scale = COST_STEP_S / settings.frame_step_s
    chosen = np.zeros(frames)
    _native.pitch_path(
        worth, octaves, scale * settings.octave_jump_cost, scale * settings.voiced_unvoiced_cost, chosen
    )
    which = (np.arange(frames), chosen.astype(np.intp))
    return np.where(heard[which], f0[which], 0.0), np.where(heard[which], strength[which], 0.0)
