"""The words a recogniser hears: PocketSphinx with the English model that its package brings.

It knows American English read aloud and is coarse, but it hears neither spectra nor waveforms as a metric does: a witness
that is independent of them. What it makes of other languages means nothing.
"""

import functools
import importlib.util
from typing import Any

import numpy as np

from dsp.errors import LibraryMissing
from dsp.metrics import MetricRefused
from dsp.types import Samples

RATE_HZ = 16_000
MAX_S = 120.0
INSTALL = 'words understood needs PocketSphinx: pip install "softphone[wer]"'


def check() -> None:
    """Raise LibraryMissing where there is no recogniser."""
    if importlib.util.find_spec("pocketsphinx") is None:
        raise LibraryMissing(INSTALL)


@functools.cache
def _model() -> Any:
    check()
    from pocketsphinx import Decoder

    return Decoder(samprate=float(RATE_HZ), loglevel="FATAL")


def words_heard(heard: Samples, sample_rate_hz: int) -> str:
    """What was said in *heard*, as text; empty where nothing was understood. The same sound always gives the same text.

    Raises:
        MetricRefused: another rate than `RATE_HZ`, or too long.
        LibraryMissing: the package is not installed.
    """
    if sample_rate_hz != RATE_HZ:
        raise MetricRefused(f"the recogniser needs {RATE_HZ} Hz, got {sample_rate_hz}")
    if heard.size > MAX_S * RATE_HZ:
        raise MetricRefused(f"the recogniser takes {MAX_S:g} s at most, got {heard.size / RATE_HZ:.0f} s")
    decoder = _model()
    decoder.reinit_feat()  # what it learned of the last speaker's channel would count for the next
    pcm = np.clip(np.rint(heard * 32768.0), -32768, 32767).astype("<i2")
    decoder.start_utt()
    decoder.process_raw(pcm.tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return "" if found is None else str(found.hypstr)
