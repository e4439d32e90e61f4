"""What can be asked of `memo`, as frozen data checked when made."""

from dataclasses import dataclass
from pathlib import Path

from softphone.config import check_range
from softphone.errors import UsageError
from softphone.voice_config import MAX_AGE, Sex

_MEASURING = ("pitch-floor", "pitch-ceiling", "formant-ceiling", "channel")
VERBS = {
    "record": ("device", "rate", "seconds", "play", "note", "tag", "live", "no-measure", *_MEASURING),
    "list": ("tag",),
    "show": (),
    "play": ("device", "filter"),
    "delete": ("yes",),
    "export": ("out", "tag", "force"),
    "import": ("note", "tag", "no-measure", *_MEASURING),
    "measure": ("tag", *_MEASURING),
    "history": ("out", "tag", "task", "baseline", "sex", "age", "force"),
}
"""What `memo` does, and the options of each beside `--folder`."""
TASKS = ("vowel", "speech")
DEFAULT_BASELINE = 9
CHARTS = (".html", ".htm", ".svg")


@dataclass(frozen=True, slots=True)
class MeasureSettings:
    """How a memo is measured, see `softphone.voice_config.VoiceOptions`."""

    pitch_floor_hz: float = 60.0
    pitch_ceiling_hz: float = 600.0
    formant_ceiling_hz: float = 5500.0
    channel: int | None = None

    def __post_init__(self) -> None:
        check_range("--channel", self.channel, 1, 64)


@dataclass(frozen=True, slots=True)
class RecordOptions(MeasureSettings):
    """A memo that is to be recorded, and measured then."""

    name: str | None = None
    """None: the time it begins."""
    folder: str | None = None
    """Of all memos; None: `softphone/memos` in the platform's folder for a user's data."""
    device: str | None = None
    """By name or number; ``null``: silence at a paced clock, ``null:tone=200`` a tone; None: the system's default."""
    sample_rate_hz: int = 48_000
    """Of the device; a file has its own."""
    seconds: float | None = None
    """End after so long; None: on Ctrl-C, or with what is played."""
    play: str | None = None
    """A sound file or ``builtin:NAME`` in place of a microphone, at its own pace."""
    note: str = ""
    tags: tuple[str, ...] = ()
    live: bool = False
    """Show level, pitch and spectrum meanwhile."""
    no_measure: bool = False

    def __post_init__(self) -> None:
        check_range("--rate", self.sample_rate_hz, 8000, 192_000, "Hz")
        check_range("--seconds", self.seconds, 0.1, 86_400, "s")
        check_range("--channel", self.channel, 1, 64)


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Memos that are to be listed."""

    folder: str | None = None
    tags: tuple[str, ...] = ()
    """Only those that have all of them."""


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """A memo that is to be told all of."""

    name: str | None = None
    """None: the newest."""
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class PlayOptions:
    """A memo that is to be heard."""

    name: str | None = None
    """None: the newest."""
    folder: str | None = None
    device: str | None = None
    """By name or number; ``null``: none; None: the system's default."""
    filter: str | None = None
    """Preset it is heard through."""


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """Memos that are to be deleted."""

    names: tuple[str, ...]
    folder: str | None = None
    yes: bool = False
    """Do not ask."""

    def __post_init__(self) -> None:
        if not self.names:
            raise UsageError(
                "memo delete wants the NAME of a memo, or several; `softphone memo list` shows them"
            )


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Memos that are to be written elsewhere."""

    names: tuple[str, ...] = ()
    """None of them: all."""
    folder: str | None = None
    out: str | None = None
    """A folder for sounds and results; or results alone as .csv or .json."""
    tags: tuple[str, ...] = ()
    force: bool = False

    def named(self) -> str:
        """Where to.

        Raises:
            UsageError: nothing was said.
        """
        if self.out is None:
            raise UsageError("memo export wants --out: a folder, or a file that ends in .csv or .json")
        return self.out


@dataclass(frozen=True, slots=True)
class ImportOptions(MeasureSettings):
    """A sound file that is to become a memo."""

    file: str = ""
    name: str | None = None
    """None: the title that the file has, else its name."""
    folder: str | None = None
    note: str = ""
    tags: tuple[str, ...] = ()
    no_measure: bool = False


@dataclass(frozen=True, slots=True)
class MeasureOptions(MeasureSettings):
    """Memos that are to be measured anew."""

    names: tuple[str, ...] = ()
    """None of them: all."""
    folder: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """A measure over time."""

    measure: str
    """Key of the figure, as `cpps_db`."""
    folder: str | None = None
    tags: tuple[str, ...] = ()
    task: str | None = None
    """Only memos of this: ``vowel`` or ``speech``; None: what most of them are."""
    baseline: int = DEFAULT_BASELINE
    """How many of the first memos are what the later ones are held against."""
    out: str | None = None
    """Chart: .html or .svg."""
    sex: Sex | None = None
    age: float | None = None
    force: bool = False

    def __post_init__(self) -> None:
        check_range("--baseline", self.baseline, 2, 1000, "memos")
        check_range("--age", self.age, 0, MAX_AGE, "years")
        if self.task is not None and self.task not in TASKS:
            raise UsageError(f"--task wants {' or '.join(TASKS)}, got {self.task!r}")
        if self.out is not None and not self.out.lower().endswith(CHARTS):
            raise UsageError(
                f"--out {Path(self.out).name} must end in {', '.join(CHARTS)} to say what it is to be"
            )
