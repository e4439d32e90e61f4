"""What can be asked of `ladder`, as frozen data checked when made."""

from dataclasses import dataclass

from softphone.errors import UsageError


@dataclass(frozen=True, slots=True)
class LadderOptions:
    """A trace or a capture that is to be drawn."""

    trace: str
    """A trace's text, or a capture."""
    svg: str | None = None
    """Where a drawing goes."""
    call: str | None = None
    """Number or Call-ID of the one that is wanted, or ``all``; None: all, where they are few."""
    force: bool = False
    """Replace a drawing that exists."""

    def __post_init__(self) -> None:
        if self.svg is not None and not self.svg.lower().endswith(".svg"):
            raise UsageError(f"--svg {self.svg} must end in .svg")
