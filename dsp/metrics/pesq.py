"""PESQ (ITU-T P.862 02/2001), mapped to MOS-LQO: narrowband by P.862.1 (11/2003), wideband by P.862.2 (11/2007).

Conventions: both signals mono float32 of shape ``(n,)``, of one length, at 8000 or 16000 Hz (wideband: 16000); PESQ
finds delays itself, best where both are aligned already. Blind to gain. The reference implementation, as the package
`pesq` carries it, ends its process where there are more than about fifty utterances: longer signals are measured in
parts of about `CHUNK_S`, cut where the reference is quiet. Run it in a process of its own all the same.
Measures: quality of transmitted speech as listeners would rate it, 1 to 4.55 (narrowband) and 1 to 4.64 (wideband); the
two scales are not comparable. It was not made for vocoders, and flatters codecs that send magnitude spectra.
Source: the Recommendations; `raw_of` is the inverse of P.862.1 equation 1.
"""

import functools
import math

import numpy as np

from dsp.errors import LibraryMissing
from dsp.level import LevelReport
from dsp.metrics.base import MetricRefused, MetricSpec, check_pair
from dsp.types import Samples

CHUNK_S = 12.0
"""P.862.3 asks for 8 to 20 s."""
MIN_S = 0.5
BEST_NARROW = 4.5487
"""What P.862.1 gives for the raw 4.5 of two equal signals."""
BEST_WIDE = 4.6439
INSTALL = 'PESQ needs the package pesq: pip install "softphone[pesq]"; its C code is the ITU\'s, licensed for evaluation only'
_MEANING = (
    "What a room of listeners would say on average in a telephone listening test, from 1 (bad) to about 4.5 (as good as "
    "the original), {band}, by the ITU's program of 2001. That program is licensed for evaluation only; it flatters codecs that "
    "rebuild the voice and is confused by time that is put in or left out."
)
_SEARCH_S = 1.5
_STEP_S = 0.02


def raw_of(mos_lqo: float) -> float:
    """The raw narrowband P.862 score, -0.5 to 4.5, that P.862.1 maps to *mos_lqo* (1.02 to 4.55)."""
    share = min(max((mos_lqo - 0.999) / 4.0, 1e-6), 1.0 - 1e-6)
    return (4.6607 - math.log(1.0 / share - 1.0)) / 1.4945


def validate(reference: Samples, degraded: Samples, sample_rate_hz: int, *, wide: bool) -> LevelReport:
    """Raise MetricRefused where PESQ of the two would mean nothing; return the reference's level."""
    rates = (16000,) if wide else (8000, 16000)
    return check_pair("PESQ", reference, degraded, sample_rate_hz, rates_hz=rates, min_s=MIN_S)


def measure(reference: Samples, degraded: Samples, sample_rate_hz: int, *, wide: bool) -> float:
    """MOS-LQO; the mean over the parts of a long signal, weighted by their speech. See `validate` for what is refused.

    Raises:
        LibraryMissing: the package is not installed.
        MetricRefused: nothing to judge.
    """
    validate(reference, degraded, sample_rate_hz, wide=wide)
    total = weights = 0.0
    refused = MetricRefused("PESQ found no speech")
    for start, stop in parts(reference, sample_rate_hz):
        said, heard = reference[start:stop], degraded[start:stop]
        try:
            level = validate(said, heard, sample_rate_hz, wide=wide)
            value = _whole(said, heard, sample_rate_hz, wide)
        except MetricRefused as error:
            refused = error
            continue
        weight = level.activity * level.seconds
        total, weights = total + weight * value, weights + weight
    if weights == 0:
        raise refused
    return total / weights


def parts(reference: Samples, sample_rate_hz: int) -> list[tuple[int, int]]:
    """(start, stop) of parts of about `CHUNK_S`, cut at the quietest 20 ms near to even lengths."""
    count = max(1, round(reference.size / (CHUNK_S * sample_rate_hz)))
    step, search = round(_STEP_S * sample_rate_hz), round(_SEARCH_S * sample_rate_hz)
    cuts = [0]
    for number in range(1, count):
        begin = number * reference.size // count - search
        frames = reference[begin : begin + 2 * search // step * step].reshape(-1, step)
        power = np.sum(np.square(frames, dtype=np.float64), axis=1)
        cuts.append(begin + int(np.argmin(power)) * step + step // 2)
    return [*zip(cuts, [*cuts[1:], reference.size], strict=True)]


def _whole(reference: Samples, degraded: Samples, sample_rate_hz: int, wide: bool) -> float:
    try:
        from pesq import NoUtterancesError, PesqError, pesq
    except ImportError:
        raise LibraryMissing(INSTALL) from None
    try:
        value = float(pesq(sample_rate_hz, reference, degraded, "wb" if wide else "nb"))
    except (NoUtterancesError, PesqError) as error:
        said = error.args[0] if error.args else type(error).__name__
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise MetricRefused(f"PESQ: {reason}") from None
    if not math.isfinite(value):
        raise MetricRefused("PESQ gave no number")
    return value


SPECS = (
    MetricSpec(
        name="pesq_nb",
        unit="MOS-LQO (P.862.1)",
        range=(1.0, BEST_NARROW),
        higher_is_better=True,
        needs_reference=True,
        sample_rates_hz=(8000, 16000),
        measure=functools.partial(measure, wide=False),
        label="PESQ narrowband",
        meaning=_MEANING.format(band="for the telephone band up to 3.4 kHz"),
        parametric=False,
        extra=INSTALL,
        own_process=True,
    ),
    MetricSpec(
        name="pesq_wb",
        unit="MOS-LQO (P.862.2)",
        range=(1.0, BEST_WIDE),
        higher_is_better=True,
        needs_reference=True,
        sample_rates_hz=(16000,),
        measure=functools.partial(measure, wide=True),
        label="PESQ wideband",
        meaning=_MEANING.format(band="for the wide band up to 7 kHz"),
        parametric=False,
        extra=INSTALL,
        own_process=True,
    ),
)
