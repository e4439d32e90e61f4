"""What is heard beside a tone."""

import numpy as np

from dsp.types import Block


def far_from_tone_db(sound: Block, rate_hz: int, *, level: float | None = None) -> float:
    """Loudest line 500 Hz and more away from 1 kHz in any window of 100 ms; side lobes below -140 dB.

    Args:
        level: amplitude of the tone that went in: it is taken re this, or re the tone that came out where that is louder;
            None: re a full-scale tone.
    """
    size = rate_hz // 10
    window = np.blackman(size) * np.kaiser(size, 8.0)
    away = np.abs(np.fft.rfftfreq(size, 1 / rate_hz) - 1000) >= 500
    windows = np.lib.stride_tricks.sliding_window_view(sound[0].astype(np.float64), size)[:: rate_hz // 200]
    lines = np.abs(np.fft.rfft(windows * window, axis=1)) / (window.sum() / 2)
    loudest = lines[:, away].max(axis=1)
    if level is not None:
        loudest /= np.maximum(level, np.abs(windows).max(axis=1))
    return float(20 * np.log10(loudest.max() + 1e-12))
