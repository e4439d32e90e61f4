"""The commands `voice avqi` and `voice dsi`: one number from several recordings of one person."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from dsp.phonation.phonation import Phonation
from dsp.phonation.section import Recording
from dsp.types import Block
from dsp.voice_norms import AVQI_TASK, Norm, norms
from softphone.errors import UsageError
from softphone.io.dsp_faults import told_to_the_user
from softphone.io.voice_job import Excerpt, VoiceJob, VoiceJobFile
from softphone.voice_config import AvqiOptions, DsiOptions

Progress = Callable[[float], None]
Result = dict[str, Any]

WANTED = {"vowel": "a sustained vowel", "speech": "connected speech"}
"""What has to be in a recording, by what the program sees in it."""
MOST_AROUND_S = 0.25
"""So much before or behind a vowel is left to it."""


@dataclass(frozen=True, slots=True)
class OneChannel:
    """A channel of a recording, as a recording of its own."""

    recording: Recording
    channel: int

    @property
    def sample_rate_hz(self) -> int:
        """Its rate."""
        return self.recording.sample_rate_hz

    @property
    def channels(self) -> int:
        """One."""
        return 1

    @property
    def size(self) -> int:
        """Samples."""
        return self.recording.size

    def read(self, start: int, stop: int) -> Block:
        """Samples *start* to *stop*, ``(1, stop - start)``."""
        return self.recording.read(start, stop)[self.channel : self.channel + 1]


def measure_avqi(options: AvqiOptions, progress: Progress | None = None) -> Result:
    """The Acoustic Voice Quality Index of a vowel and read speech.

    Raises:
        UsageError: a recording is missing, cannot be read, or is not what the index is made from; no norm for the language.
        EnvironmentProblem: soundfile is not installed.
    """
    began = time.perf_counter()
    vowel, speech = options.named()
    known = _norms_of_avqi(options.language)
    from dsp.avqi import avqi

    files = {"vowel": vowel, "speech": speech}
    kinds = {"vowel": "vowel", "speech": "speech"}
    with _recordings(files, kinds, progress) as (heard, warnings), told_to_the_user("voice avqi"):
        found = avqi(heard["vowel"], heard["speech"])
    result = asdict(found)
    return {"schema": 1, "index": "avqi", "avqi": result.pop("value")} | _told(
        result, files, warnings, known, began
    )


def measure_dsi(options: DsiOptions, progress: Progress | None = None) -> Result:
    """The Dysphonia Severity Index of a soft voice, a high one, a vowel and a maximum phonation time.

    Raises:
        UsageError: a recording or the calibration of the level is missing, or cannot be used.
        EnvironmentProblem: soundfile is not installed.
    """
    began = time.perf_counter()
    mpt_s, low, high, vowel, spl_at_0dbfs = options.named()
    from dsp.dsi import dsi

    files = {"low": low, "high": high, "vowel": vowel}
    with _recordings(files, {"vowel": "vowel"}, progress) as (heard, warnings), told_to_the_user("voice dsi"):
        found = dsi(mpt_s, heard["low"], heard["high"], heard["vowel"], spl_at_0dbfs)
    return {"schema": 1, "index": "dsi"} | _told(asdict(found), files, warnings, norms("dsi"), began)


def _norms_of_avqi(language: str | None) -> tuple[Norm, ...]:
    known = norms("avqi", task=AVQI_TASK, language=language)
    if not known:
        languages = sorted({norm.language for norm in norms("avqi") if norm.language})
        raise UsageError(
            f"--language {language}: no cut-off of AVQI 03.01 is known for it; there are {', '.join(languages)}, or leave it out"
        )
    return known


@contextmanager
def _recordings(
    files: Mapping[str, str], kinds: Mapping[str, str], progress: Progress | None
) -> Iterator[tuple[dict[str, Recording], list[str]]]:
    """The channel with the voice of each of *files*, and what is to be said of them.

    Args:
        files: by what they are for.
        kinds: what has to be in them, where that matters; of a vowel what lies around it is left out.
        progress: told the share that is done.
    """
    warnings: list[str] = []
    heard: dict[str, Recording] = {}
    with ExitStack() as stack:
        for number, (what, name) in enumerate(files.items()):

            def tell(share: float, number: int = number) -> None:
                if progress is not None:
                    progress((number + share) / (len(files) + 1))

            file = stack.enter_context(VoiceJobFile(VoiceJob(name), tell))
            result, seen = file.measure()
            if result["error"] is not None:
                raise UsageError(f"--{what} {name}: {result['error']}")
            task, wanted = result["task"], kinds.get(what)
            if task["kind"] == "none" or (wanted is not None and task["kind"] != wanted):
                raise UsageError(
                    f"--{what} {name} must be {WANTED.get(wanted or '', 'a voice')}, there is "
                    f"{WANTED.get(task['kind'], 'no voice')} in it: {task['reason']}"
                )
            warnings += [f"{what}: {text}" for text in result["warnings"] if not _is_meant(what, text, seen)]
            voice: Recording = OneChannel(file.recording, result["channel"] - 1)
            if wanted == "vowel":
                voice, said = _vowel(voice, task["spans"])
                warnings += [f"{what}: {text}" for text in said]
            heard[what] = voice
        yield heard, warnings


def _is_meant(what: str, warning: str, seen: Phonation | None) -> bool:
    """Whether *warning* says of the softest voice that it is soft."""
    if what != "low" or seen is None:
        return False
    suitable = seen.suitability
    return ("too-quiet", warning) in zip(suitable.words, suitable.sentences, strict=True)


def _vowel(recording: Recording, spans: list[list[float]]) -> tuple[Recording, list[str]]:
    """The longest of *spans*, where something else is before or behind it; and that it is."""
    rate = recording.sample_rate_hz
    start_s, stop_s = max(spans, key=lambda span: span[1] - span[0])
    start_s, stop_s = max(0.0, start_s - MOST_AROUND_S), min(recording.size / rate, stop_s + MOST_AROUND_S)
    start, stop = round(start_s * rate), min(recording.size, round(stop_s * rate))
    if start == 0 and stop == recording.size:
        return recording, []
    return Excerpt(recording, start, stop), [
        f"taken from {start_s:.2f} to {stop_s:.2f} s, where the vowel is"
    ]


def _told(
    found: Result, files: Mapping[str, str], warnings: list[str], known: tuple[Norm, ...], began: float
) -> Result:
    """*found* as JSON has it, with what it was made from."""
    return {
        **found,
        "files": dict(files),
        "warnings": [*warnings, *found["warnings"]],
        "norms": [
            {key: getattr(norm, key) for key in ("text", "source", "low", "high", "language")}
            for norm in known
        ],
        "took_s": round(time.perf_counter() - began, 3),
        "error": None,
    }
