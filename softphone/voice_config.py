"""What can be asked of `voice`, `voice avqi` and `voice dsi`, as frozen data checked when made."""

import math
from dataclasses import dataclass
from typing import Literal

from softphone.config import check_range
from softphone.errors import UsageError

Sex = Literal["f", "m"]
SEXES = {"f": "f", "female": "f", "woman": "f", "m": "m", "male": "m", "man": "m"}
MAX_AGE = 120


def as_sex(value: object) -> Sex:
    """``f`` or ``m``, or the word that begins so."""
    known = SEXES.get(value.strip().lower()) if isinstance(value, str) else None
    if known is None:
        raise UsageError(f"wanted f or m, whose norms to show, got {value!r}")
    return "f" if known == "f" else "m"


@dataclass(frozen=True, slots=True)
class VoiceOptions:
    """Recordings of a voice that are to be measured."""

    files: tuple[str, ...] = ()
    """Sound files and folders of them; ``builtin:NAME`` is one, too."""
    pitch_floor_hz: float = 60.0
    pitch_ceiling_hz: float = 600.0
    formant_ceiling_hz: float = 5500.0
    channel: int | None = None
    """Counted from 1; None: the loudest."""
    from_s: float = 0.0
    to_s: float | None = None
    """Measure nothing behind it; None: up to the end."""
    sex: Sex | None = None
    """Whose norms are shown; no measure depends on it."""
    age: float | None = None
    """In years, for norms."""
    report: str | None = None
    """HTML file."""
    out: str | None = None
    """CSV file with a row for each recording."""
    workers: int = 1
    dask: str | None = None
    """Address of a Dask scheduler, or ``local``."""
    force: bool = False

    def __post_init__(self) -> None:
        check_range("--workers", self.workers, 1, 1024, "processes")
        check_range("--channel", self.channel, 1, 64)
        check_range("--age", self.age, 0, MAX_AGE, "years")
        _check_span(self.from_s, self.to_s)
        if self.report is not None and not self.report.lower().endswith((".html", ".htm")):
            raise UsageError(f"--report {self.report} must end in .html or .htm")
        if self.out is not None and self.report is not None:
            raise UsageError("--report is a page about one recording: leave it out with --out")


def _check_span(from_s: float, to_s: float | None) -> None:
    if not (math.isfinite(from_s) and from_s >= 0):
        raise UsageError(f"--from must be 0 s or more, got {from_s:g}")
    if to_s is not None and not to_s > from_s:
        raise UsageError(f"--to must be behind --from ({from_s:g} s), got {to_s:g}")


@dataclass(frozen=True, slots=True)
class AvqiOptions:
    """Two recordings of one person, for the Acoustic Voice Quality Index."""

    vowel: str | None = None
    """A vowel held for 3 s or more."""
    speech: str | None = None
    """The sentences that were read."""
    language: str | None = None
    """Whose published cut-off is shown; the index does not depend on it."""

    def named(self) -> tuple[str, str]:
        """Vowel and speech.

        Raises:
            UsageError: one is missing.
        """
        if self.vowel is None or self.speech is None:
            raise _missing("voice avqi", {"--vowel FILE": self.vowel, "--speech FILE": self.speech})
        return self.vowel, self.speech


@dataclass(frozen=True, slots=True)
class DsiOptions:
    """What the Dysphonia Severity Index is made from."""

    mpt_s: float | None = None
    """Maximum phonation time."""
    low: str | None = None
    """The voice as softly as it goes."""
    high: str | None = None
    """The voice as high as it goes."""
    vowel: str | None = None
    """A vowel held for 3 s or more."""
    spl_at_0dbfs: float | None = None
    """Sound pressure level (dB) at which a recording is at full scale, told by a level meter beside the microphone."""

    def __post_init__(self) -> None:
        check_range("--mpt", self.mpt_s, 0.1, 180, "s")
        check_range("--spl-at-0dbfs", self.spl_at_0dbfs, 40, 200, "dB")

    def named(self) -> tuple[float, str, str, str, float]:
        """Phonation time, the files low, high and vowel, and the level at full scale.

        Raises:
            UsageError: one is missing.
        """
        if self.mpt_s is None or self.low is None or self.high is None or self.vowel is None:
            raise _missing(
                "voice dsi",
                {
                    "--mpt S": self.mpt_s,
                    "--low FILE": self.low,
                    "--high FILE": self.high,
                    "--vowel FILE": self.vowel,
                },
            )
        if self.spl_at_0dbfs is None:
            raise UsageError(
                "voice dsi needs a level calibration: --spl-at-0dbfs DB says how loud (dB SPL) full scale is, by a level meter "
                "held beside the microphone; without it there is no lowest intensity, and no index"
            )
        return self.mpt_s, self.low, self.high, self.vowel, self.spl_at_0dbfs


def _missing(command: str, wanted: dict[str, object]) -> UsageError:
    lacking = [name for name, value in wanted.items() if value is None]
    return UsageError(f"{command} wants {', '.join(wanted)}; got no {' and no '.join(lacking)}")
