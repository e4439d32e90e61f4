"""How much louder the plain sound has to be for a fair comparison with the filtered one: louder must not win."""

from dsp.live_meter import MeterReading
from dsp.loudness import ABSOLUTE_GATE_LUFS

MOST_DB = 24.0
CEILING_DBFS = -0.1
"""The plain sound is not lifted so far that its greatest sample would be over this."""


def matched_gain_db(before: MeterReading, after: MeterReading) -> float:
    """Gain in dB that makes the sound *before* a chain as loud as the one *after* it.

    The difference of their short-term loudness, or of the momentary one where that is not there yet, within
    `MOST_DB`; 0 where either is unknown or below the gate of silence (-70 LUFS).
    """
    for was, is_now in (
        (before.short_term_lufs, after.short_term_lufs),
        (before.momentary_lufs, after.momentary_lufs),
    ):
        if was is None or is_now is None:
            continue
        if min(was, is_now) < ABSOLUTE_GATE_LUFS:
            return 0.0
        gain_db = max(-MOST_DB, min(MOST_DB, is_now - was))
        if before.max_peak_dbfs is not None:
            gain_db = min(gain_db, max(0.0, CEILING_DBFS - before.max_peak_dbfs))
        return gain_db
    return 0.0
