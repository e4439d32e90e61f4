"""Speech made worse by a known amount, always in the same way: modulated noise and lost packets."""

import numpy as np
from scipy.signal import butter, sosfiltfilt
from support.misalign import g711

from dsp.plc.waveform import Concealer
from dsp.types import Samples

PACKET_S = 0.02
PASS_BANDS_HZ = {8000: (100.0, 3400.0), 16_000: (70.0, 7000.0)}
"""Of the narrowband and the wideband unit."""


def mnru(speech: Samples, rate_hz: int, q_db: float, *, seed: int = 1) -> Samples:
    """What a modulated noise reference unit makes of *speech* at 8 or 16 kHz.

    ``speech * (1 + 10^(-Q / 20) N)`` with Gaussian N of unit power, then the band of the unit, without its delay: at *q_db*
    dB the noise is so far below the speech at every moment (ITU-T P.810, digital implementation).
    """
    noise = np.random.default_rng(seed).standard_normal(speech.size)
    noisy = speech * (1.0 + 10 ** (-q_db / 20) * noise)
    sections = butter(4, PASS_BANDS_HZ[rate_hz], "bandpass", fs=rate_hz, output="sos")
    return np.ascontiguousarray(sosfiltfilt(sections, noisy), dtype=np.float32)


def lossy(speech: Samples, rate_hz: int, loss_pct: float, *, seed: int = 1) -> Samples:
    """*speech* through G.711 in packets of 20 ms of which so many are lost and concealed.

    Whatever is lost at one percentage is lost at every higher one, too.
    """
    heard = g711(speech, rate_hz)
    count = round(PACKET_S * rate_hz)
    concealer = Concealer(rate_hz)
    packets = heard[: heard.size // count * count].reshape(-1, count)
    fate = np.random.default_rng(seed).uniform(0.0, 100.0, len(packets))
    for packet, drawn in zip(packets, fate, strict=True):
        if drawn < loss_pct:
            concealer.conceal(packet)
        else:
            concealer.accept(packet)
    return heard
