"""One recording of a voice, measured: what is asked of it, and the file it lies in."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from dsp.phonation.phonation import Phonation, VoiceSettings
from dsp.phonation.section import Recording
from dsp.types import Block
from softphone.errors import UsageError
from softphone.io.dsp_faults import told_to_the_user
from softphone.io.voice_file import VoiceFile

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class VoiceJob:
    """What to measure; plain data, so that other processes can be asked to."""

    file: str
    """Path, or ``builtin:NAME``."""
    pitch_floor_hz: float = 60.0
    pitch_ceiling_hz: float = 600.0
    formant_ceiling_hz: float = 5500.0
    channel: int | None = None
    """Counted from 1; None: the loudest."""
    from_s: float = 0.0
    to_s: float | None = None

    def settings(self) -> VoiceSettings:
        """For the measures.

        Raises:
            UsageError: out of range.
        """
        with told_to_the_user():
            return VoiceSettings(
                pitch_floor_hz=self.pitch_floor_hz,
                pitch_ceiling_hz=self.pitch_ceiling_hz,
                formant_ceiling_hz=self.formant_ceiling_hz,
            )


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Samples `start` to `stop` of a recording, as a recording of their own."""

    recording: Recording
    start: int
    stop: int

    @property
    def sample_rate_hz(self) -> int:
        """Its rate."""
        return self.recording.sample_rate_hz

    @property
    def channels(self) -> int:
        """How many."""
        return self.recording.channels

    @property
    def size(self) -> int:
        """Samples of one channel."""
        return self.stop - self.start

    def read(self, start: int, stop: int) -> Block:
        """Samples *start* to *stop* of all channels, counted from the excerpt's own beginning."""
        return self.recording.read(self.start + start, self.start + stop)


class VoiceJobFile:
    """The file of *job*, open.

    Raises:
        UsageError: it cannot be measured: no sound file, no such channel, nothing between `from_s` and `to_s`.
        EnvironmentProblem: soundfile is not installed.
    """

    def __init__(self, job: VoiceJob, progress: Progress | None = None) -> None:
        self._job, self._progress = job, progress
        self._settings = job.settings()
        self._file = VoiceFile(job.file)
        try:
            self.recording = self._recording()
        except UsageError:
            self._file.close()
            raise

    def _recording(self) -> Recording:
        job, file = self._job, self._file
        if job.channel is not None and job.channel > file.channels:
            kind = "one channel" if file.channels == 1 else f"{file.channels} channels"
            raise UsageError(f"--channel {job.channel} is wanted of {job.file}, which has {kind}")
        if job.from_s >= file.seconds:
            raise UsageError(
                f"--from {job.from_s:g} is behind the end of {job.file}, which lasts {file.seconds:.3f} s"
            )
        if job.from_s == 0 and job.to_s is None:
            return file
        rate = file.sample_rate_hz
        stop = file.size if job.to_s is None else min(file.size, round(job.to_s * rate))
        return Excerpt(file, round(job.from_s * rate), stop)

    def measure(self) -> tuple[dict[str, Any], Phonation | None]:
        """A `softphone.scorer.voice.VoiceResult`, and all that was seen; None where there is nothing to be measured.

        Raises:
            UsageError: it cannot be read to its end.
        """
        from softphone.scorer.voice import voice_result

        job = self._job
        began = time.perf_counter()
        with told_to_the_user(job.file):
            found, phonation = voice_result(
                self.recording,
                settings=self._settings,
                channel=None if job.channel is None else job.channel - 1,
                name=job.file,
                progress=self._progress,
            )
        result: dict[str, Any] = dict(found)
        result["from_s"] = job.from_s
        result["took_s"] = round(time.perf_counter() - began, 3)
        result["warnings"] = [*self._file.warnings, *result["warnings"]]
        return result, phonation

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def measure_voice(request: Mapping[str, Any]) -> dict[str, Any]:
    """The result of the job with the fields of *request*; raises as `VoiceJobFile`."""
    with VoiceJobFile(VoiceJob(**request)) as file:
        return file.measure()[0]
