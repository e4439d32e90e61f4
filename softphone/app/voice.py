"""The commands `voice`, `voice avqi` and `voice dsi`: one recording, or several of one person."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from softphone.errors import UsageError
from softphone.io.part_file import write_whole
from softphone.io.speech import speech_path
from softphone.io.target import check_apart, check_target
from softphone.io.voice_job import VoiceJob, VoiceJobFile
from softphone.voice_config import VoiceOptions

Progress = Callable[[float], None]


def job_of(options: VoiceOptions, file: str) -> VoiceJob:
    """What is asked of *file*.

    Raises:
        UsageError: a setting out of range.
    """
    job = VoiceJob(
        file,
        pitch_floor_hz=options.pitch_floor_hz,
        pitch_ceiling_hz=options.pitch_ceiling_hz,
        formant_ceiling_hz=options.formant_ceiling_hz,
        channel=options.channel,
        from_s=options.from_s,
        to_s=options.to_s,
    )
    job.settings()
    return job


def measure(options: VoiceOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Measure one recording, and write the report that was asked for.

    Returns:
        A `softphone.scorer.voice.VoiceResult` with ``report`` and ``took_s``, with ``exit_status`` where nothing at all can be
        measured: ``error`` then says why.

    Raises:
        UsageError: not one recording, or one that cannot be read.
        EnvironmentProblem: something is not installed, or the report cannot be written.
    """
    began = time.perf_counter()
    (file,) = options.files
    if Path(file).is_dir():
        raise UsageError(
            f"{file} is a folder: give one recording, or --out VOICES.csv for a row for each in it"
        )
    job = job_of(options, file)
    if options.report is not None:
        check_target(options.report, force=options.force)
        check_apart(speech_path(file), options.report)
    with VoiceJobFile(job, progress) as recording:
        result, phonation = recording.measure()
        if options.report is not None and phonation is not None:
            from softphone.scorer.voice_report import voice_report

            page = voice_report(
                result, phonation, recording.recording, name=file, sex=options.sex, age=options.age
            )
            write_whole(options.report, page, force=options.force)
    result["report"] = None if phonation is None else options.report
    if result["error"] is not None:
        result["error"] = f"{file}: {result['error']}"
        result["exit_status"] = UsageError.exit_status
    result["took_s"] = round(time.perf_counter() - began, 3)
    return result
