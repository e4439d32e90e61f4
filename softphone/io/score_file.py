"""Scores one sound file, against another, one of a folder, or none: opens them, brings them to one rate, scores each channel.

Both files are brought to the lower of their rates, at most 16 kHz. A file of several channels is scored channel by channel,
against the same channel of the reference where that has as many, else against the mean of its channels. The worst channel
in which the reference is found gives the figures; the words are those of all channels.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dsp.track import Track
from softphone.io.judges import NO_REFERENCE_NEEDED, check_metrics, hear, measure_in_child
from softphone.io.references import find_reference
from softphone.io.speech import speech_path
from softphone.io.track_file import OWN_RATE_HZ, WORKING_RATE_HZ, Progress, TrackFile, mixed
from softphone.scorer.score import HEADLINE, Score, ordered
from softphone.scorer.session import score_tracks

SCHEMA = 1
FileScore = dict[str, Any]
"""A `Score` with what is known of the files."""

SILENCE = ("one-way", "silent", "comfort-noise")
"""Words for a channel in which nobody speaks."""
_READING = 0.3
"""Share of the time that reading takes, for the progress."""


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """What is to be scored, as plain data."""

    degraded: str
    """A sound file."""
    reference: str | None = None
    """A sound file, a folder of them, or ``builtin:NAME``."""
    far: str | None = None
    """What the listener's own side sent meanwhile, from the same moment on."""
    metrics: tuple[str, ...] | None = None
    """Names, or ``all``; None: what is always there."""
    trusted: bool | None = None
    """Whether the metrics hold for the codec; None: nobody said which it was."""


class FilePair:
    """The files of a job, open.

    Args:
        job: which.
        progress: told the share that is done, from 0 to 1.

    Raises:
        UsageError: a file that cannot be read, or no such metric.
        EnvironmentProblem: something is not installed, or there is no room.
    """

    def __init__(self, job: ScoreJob, progress: Progress | None = None) -> None:
        self._began = time.perf_counter()
        self._job = job
        self._progress = progress
        self._names = check_metrics(job.metrics)
        self._not_found = ""
        self.warnings: list[str] = []
        """What is wrong with the files."""
        with ExitStack() as files:
            heard = files.enter_context(TrackFile(speech_path(job.degraded)))
            self.reference_path, self.reference_name = self._find()
            said = None
            if self.reference_path is not None:
                said = files.enter_context(TrackFile(self.reference_path))
            far = None if job.far is None else files.enter_context(TrackFile(speech_path(job.far)))
            rates = [each.sample_rate_hz for each in (heard, said) if each is not None]
            self.sample_rate_hz = rate = min(*rates, WORKING_RATE_HZ)
            own = min(heard.sample_rate_hz, OWN_RATE_HZ)
            share = self._share(0.0, _READING / len(rates))
            if own == rate:
                (self.degraded,) = heard.read(rate, progress=share)
                self.own = self.degraded
            else:
                self.degraded, self.own = heard.read(rate, own, progress=share)
            self.reference: tuple[Track, ...] = ()
            if said is not None:
                (self.reference,) = said.read(rate, progress=self._share(_READING / 2, _READING))
            self.far = None if far is None else mixed(far.read(rate)[0])
            for each in (heard, said, far):
                self.warnings += [] if each is None else each.warnings
            self.own_rate_hz = heard.sample_rate_hz
            self._files = files.pop_all()

    def score(self) -> FileScore:
        """Score every channel."""
        count = len(self.degraded)
        if count > 1 and all(track is self.degraded[0] for track in self.degraded):
            self.warnings.append(f"{self._job.degraded} has {count} equal channels, one was scored")
            count = 1
        scores = [self._channel(number, count) for number in range(count)]
        chosen = _headline(scores)
        result: FileScore = {
            "schema": SCHEMA,
            "degraded": self._job.degraded,
            **scores[chosen],
            "channel": None if count == 1 else chosen + 1,
            "channels": [{"channel": number, **score} for number, score in enumerate(scores, 1)]
            if count > 1
            else [],
            "sample_rate_hz": self.sample_rate_hz,
            "file_rate_hz": self.own_rate_hz,
            "warnings": list(dict.fromkeys(self.warnings)),
        }
        if count > 1:
            result["verdict"] = _words(scores)
        result["took_s"] = round(time.perf_counter() - self._began, 4)
        return result

    def tracks_of(self, result: FileScore) -> tuple[Track, Track | None]:
        """Degraded signal and reference that the figures of *result* are of."""
        number = (result["channel"] or 1) - 1
        return self.degraded[number], self._said(number)

    def close(self) -> None:
        """Close the files, and delete what was laid aside of them."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _find(self) -> tuple[Path | None, str | None]:
        """The reference's file and its name."""
        given = self._job.reference
        if given is None or not Path(given).is_dir():
            return (None, None) if given is None else (speech_path(given), given)
        found = find_reference(given, self._job.degraded)
        self.warnings += found.warnings
        if found.path is None:
            self._not_found = (
                f"none of the {found.count} references in {given} was found in {self._job.degraded}"
            )
            self.warnings.append(self._not_found)
        return found.path, found.name

    def _said(self, number: int) -> Track | None:
        if not self.reference:
            return None
        if len(self.reference) == len(self.degraded):
            return self.reference[number]
        return mixed(self.reference)

    def _channel(self, number: int, count: int) -> Score:
        job = self._job
        names = None if self._names is None else [n for n in self._names if n not in NO_REFERENCE_NEEDED]
        width = (1 - _READING) / count
        score = score_tracks(
            self._said(number),
            self.degraded[number],
            own=self.own[number],
            far=self.far,
            metrics=names,
            trusted=job.trusted,
            measure=measure_in_child,
            name=self.reference_name,
            progress=self._share(_READING + number * width, _READING + (number + 1) * width),
        )
        if job.reference is not None and not self.reference:
            score["refused"][HEADLINE] = self._not_found
        asked = NO_REFERENCE_NEEDED if job.reference is None and self._names is None else self._names or ()
        hear(score, self.degraded[number], [n for n in asked if n in NO_REFERENCE_NEEDED])
        return score

    def _share(self, begin: float, end: float) -> Progress | None:
        progress = self._progress
        return None if progress is None else lambda share: progress(begin + share * (end - begin))


def score_file(job: ScoreJob, progress: Progress | None = None) -> FileScore:
    """Score *job*; raises as `FilePair`."""
    with FilePair(job, progress) as pair:
        return pair.score()


def _headline(scores: Sequence[Score]) -> int:
    """The worst of the channels that have a score; the first where none has."""
    judged = [
        (score["mos_lqo"], number) for number, score in enumerate(scores) if score["mos_lqo"] is not None
    ]
    return min(judged)[1] if judged else 0


def _words(scores: Sequence[Score]) -> list[str]:
    """Words of all channels.

    Where one holds the reference, another without it may hold the other party: whether that is silent is all that counts of it.
    """
    found = any(score["mos_lqo"] is not None for score in scores)
    return ordered(
        word
        for score in scores
        for word in score["verdict"]
        if not found or score["mos_lqo"] is not None or word in SILENCE
    )
