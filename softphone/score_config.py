"""What can be asked of `score`, as frozen data checked when made."""

from dataclasses import dataclass

from softphone.errors import UsageError


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """A recording, or a list of them, that is to be scored."""

    degraded: str | None = None
    """A sound file or a capture."""
    reference: str | None = None
    """A sound file, a folder of them, or ``builtin:NAME``."""
    far: str | None = None
    """What the listener's own side sent meanwhile."""
    report: str | None = None
    """HTML file."""
    min_mos: float | None = None
    metrics: tuple[str, ...] | None = None
    """Names, or ``all``; None: what is always there."""
    codec: str | None = None
    """What made the recording: it decides whether the metrics can be trusted. Of a capture ``PT=NAME[,PT=NAME]``."""
    pairs: str | None = None
    """CSV file that names recordings and their references."""
    out: str | None = None
    """CSV file for their scores; of a capture a folder for what each direction sounds like."""
    workers: int = 1
    dask: str | None = None
    """Address of a Dask scheduler, or ``local``."""
    force: bool = False

    def __post_init__(self) -> None:
        if self.min_mos is not None and not 1 <= self.min_mos <= 5:
            raise UsageError(f"--min-mos must be 1 to 5, got {self.min_mos:g}")
        if not 1 <= self.workers <= 1024:
            raise UsageError(f"--workers must be 1 to 1024 processes, got {self.workers}")
        if self.report is not None and not self.report.lower().endswith((".html", ".htm")):
            raise UsageError(f"--report {self.report} must end in .html or .htm")
        if self.pairs is None:
            return
        if self.out is None:
            raise UsageError("--pairs PAIRS.csv needs --out SCORES.csv for the scores")
        both = [
            name
            for name, value in (
                ("a recording", self.degraded),
                ("--reference", self.reference),
                ("--far", self.far),
                ("--report", self.report),
            )
            if value is not None
        ]
        if both:
            raise UsageError(f"--pairs names the files itself: leave out {' and '.join(both)}")
