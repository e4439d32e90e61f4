"""Echo: a late copy of the speech in the recording, and what comes back of what the listener's own side sent.

*Listener echo*, the same speech twice: with a reference, from the response of what was said to what is heard; without one, or where
no waveform is kept, from the cepstrum, which is less keen. *Talker echo* needs the other side (`Evidence.far`): the
response from what was sent to what came back.

The word is said where the echo alone would take 10 points off the rating R of a call, a whole category of ITU-T G.109:
after ITU-T G.107 (06/2015), equations 7-20 to 7-23 for talker echo, with telephones of nominal loudness (SLR + RLR =
10 dB) and half the delay for each way; 7-25 and 7-26 for listener echo.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.base import Alignment
from dsp.checks._echo_finder import LONGEST_S, Echo, Reader, cepstral_echo, response
from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict
from dsp.checks.features import Features
from dsp.track import Track
from dsp.types import Samples

SHORTEST_S = 0.020
"""Less is colour, not echo."""
SHORTEST_FAR_S = 0.010
CLEAR, CLEAR_CEPSTRUM, CLEAR_SHORT_CEPSTRUM = 10.0, 7.5, 12.0
"""How clear a peak must be: of a response, of a cepstrum, and of a cepstrum below `SHORT_S`, where vocoders leave their frames."""
SHORT_S = 0.060
SPEECH_DBOV, SPEECH_S = -50.0, 1.0
"""Of less there is no cepstrum worth looking at."""
SAME_S = 0.004
HEARD_DB = 60.0
"""Nothing farther below the speech is told."""
LOUDNESS_DB = 10.0
COSTS = 10.0
"""Points of R."""
BEST_R = 94.77
"""Ro of G.107 with its default noise, and Roe likewise."""


def _run(evidence: Evidence) -> Finding:
    own = _own(evidence)
    far = _far(evidence)
    words, notes = [], []
    for echo, cost, whose in (
        (own, listener_cost, "what is heard"),
        (far, talker_cost, "what the listener's side sent"),
    ):
        if echo is None:
            continue
        points = cost(echo.delay_s, echo.loss_db)
        notes.append(
            f"A copy of {whose} comes {1000 * echo.delay_s:.0f} ms later, {echo.loss_db:.0f} dB below it: {points:.0f} points of R."
        )
        if points >= COSTS:
            words.append("echo")
    figures = {
        "echo_delay_ms": None if own is None else 1000.0 * own.delay_s,
        "echo_loss_db": None if own is None else own.loss_db,
        "far_echo_delay_ms": None if far is None else 1000.0 * far.delay_s,
        "far_echo_loss_db": None if far is None else far.loss_db,
    }
    return Finding(figures, tuple(words[:1]), (), tuple(notes))


def listener_cost(delay_s: float, loss_db: float) -> float:
    """Idle: points of R that a second copy costs (G.107 equations 7-25 and 7-26)."""
    rating = 10.5 * (loss_db + 7.0) * (1000.0 * delay_s + 1.0) ** -0.25
    half = (BEST_R - rating) / 2.0
    return float(half + math.sqrt(half**2 + 169.0))


def talker_cost(delay_s: float, loss_db: float) -> float:
    """Idte: points of R that hearing oneself costs (G.107 equations 7-20 to 7-23); *delay_s* is there and back."""
    one_way_ms = 500.0 * delay_s
    tolerance = 40.0 * math.log10((1.0 + one_way_ms / 10.0) / (1.0 + one_way_ms / 150.0))
    terv = loss_db + LOUDNESS_DB - tolerance + 6.0 * math.exp(-0.3 * one_way_ms**2)
    half = (BEST_R - (80.0 + 2.5 * (terv - 14.0))) / 2.0
    cost: float = (half + math.sqrt(half**2 + 100.0) - 1.0) * (1.0 - math.exp(-one_way_ms))
    return cost


def _own(evidence: Evidence) -> Echo | None:
    track, alignment = evidence.degraded, evidence.alignment
    if evidence.reference is not None and alignment is not None and alignment.waveform_kept:
        reader = _said_when_heard(evidence.reference, alignment)
        path = response(reader, track.read, track.size, track.sample_rate_hz)
        if path is not None:
            direct, clearness = path.strongest(-SHORTEST_S / 2, SHORTEST_S / 2)
            place, clear = path.strongest(SHORTEST_S, LONGEST_S)
            loss_db = 10.0 * math.log10(max(path.energy(direct), 1e-12) / max(path.energy(place), 1e-12))
            if clearness >= CLEAR and loss_db > 0.0:
                echo = Echo((place - direct) * path.step_s, loss_db, clear)
                return echo if clear >= CLEAR and loss_db <= HEARD_DB else None
    level = evidence.heard.level.level_dbov
    if level is None or level < SPEECH_DBOV or evidence.heard.speech_s < SPEECH_S:
        return None
    found = _in_cepstrum(track)
    if found is None or evidence.reference is None:
        return found
    had = _in_cepstrum(evidence.reference)
    return None if had is not None and abs(had.delay_s - found.delay_s) < SAME_S else found


def _in_cepstrum(track: Track) -> Echo | None:
    found = cepstral_echo(track, SHORTEST_S)
    if found is None or found.clearness < (
        CLEAR_SHORT_CEPSTRUM if found.delay_s < SHORT_S else CLEAR_CEPSTRUM
    ):
        return None
    return found


def _far(evidence: Evidence) -> Echo | None:
    far, track, alignment = evidence.far, evidence.degraded, evidence.alignment
    if far is None or far.sample_rate_hz != track.sample_rate_hz:
        return None
    found = _come_back(far, track, evidence.heard)
    if found is None or evidence.reference is None or alignment is None:
        return found
    # Both sides may say the same: what the near side said itself is no echo.
    same = _returned(far, _said_when_heard(evidence.reference, alignment), max(far.size, track.size))
    return None if same is not None and abs(same.delay_s - found.delay_s) < SAME_S else found


def _come_back(far: Track, track: Track, heard: Features) -> Echo | None:
    """What comes back of *far* in *track*."""
    size = max(far.size, track.size)
    found = _returned(far, track.read, size)
    if found is not None:
        return found
    # Where the near side speaks, it drowns the echo: that is left out, and what is then left of an echo of 0 dB is measured.
    quiet = _Quiet(heard)
    found = _returned(far, quiet.only(track), size)
    if found is None:
        return None
    whole = _returned(far, quiet.only(far, round(found.delay_s * far.sample_rate_hz)), size)
    lost_db = whole.loss_db if whole is not None and abs(whole.delay_s - found.delay_s) < SAME_S else 0.0
    return Echo(found.delay_s, found.loss_db - lost_db, found.clearness)


def _returned(far: Track, heard: Reader, size: int) -> Echo | None:
    """What comes of *far* in what is *heard*, on one clock."""
    path = response(far.read, heard, size, far.sample_rate_hz)
    if path is None:
        return None
    place, clear = path.strongest(SHORTEST_FAR_S, LONGEST_S)
    loss_db = -10.0 * math.log10(max(path.energy(place), 1e-12))
    return Echo(place * path.step_s, loss_db, clear) if clear >= CLEAR and loss_db <= HEARD_DB else None


class _Quiet:
    """The time when nobody speaks on the near side."""

    def __init__(self, heard: Features) -> None:
        self._pause: NDArray[np.bool_] = np.append(~heard.speech, True)
        self._frame = heard.frame_samples

    def only(self, track: Track, later: int = 0) -> Reader:
        """*track*, by so many samples later, with zeros where somebody speaks."""

        def read(start: int, stop: int) -> Samples:
            samples = track.read(start - later, stop - later)
            kept: Samples = np.where(self._kept(start, stop), samples, np.float32(0.0))
            return kept

        return read

    def _kept(self, start: int, stop: int) -> NDArray[np.bool_]:
        frames = np.arange(start, stop) // self._frame
        kept: NDArray[np.bool_] = self._pause[np.clip(frames, 0, self._pause.size - 1)]
        return kept


def _said_when_heard(reference: Track, alignment: Alignment) -> Reader:
    """The reference on the time of the recording, zeros where nothing of it is heard."""

    def read(start: int, stop: int) -> Samples:
        said: Samples = np.zeros(stop - start, dtype=np.float32)
        for stretch in alignment.stretches:
            begin, end = stretch.heard_at(stretch.start), stretch.heard_at(stretch.stop)
            low, high = max(start, math.ceil(begin)), min(stop, math.ceil(end))
            if low >= high:
                continue
            place = np.rint(stretch.start + (np.arange(low, high) - begin) / (1.0 + stretch.slope)).astype(
                np.intp
            )
            first = int(place[0])
            said[low - start : high - start] = reference.read(first, int(place[-1]) + 1)[place - first]
        return said

    return read


SPECS = (
    CheckSpec(
        name="echo",
        figures={
            "echo_delay_ms": Figure("ms", "How much later the speech is heard a second time."),
            "echo_loss_db": Figure("dB", "How much quieter it is the second time."),
            "far_echo_delay_ms": Figure("ms", "How much later the listener's own side comes back."),
            "far_echo_loss_db": Figure("dB", "How much quieter it comes back."),
        },
        verdicts=(
            Verdict(
                "echo",
                "the speech is heard twice, or the listener hears his own side come back",
                "a copy 20 ms to 2 s later (of the far side: from 10 ms) that costs 10 points of R after ITU-T G.107: 24 dB below "
                "the speech at 100 ms, 39 dB at 500 ms; of the far side 35 dB at 100 ms there and back, 47 dB at 400 ms",
            ),
        ),
        needs_reference=False,
        run=_run,
        sample_by_sample=True,
    ),
)
