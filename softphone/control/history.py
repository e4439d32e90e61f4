"""What a desk is at one moment, the steps that led there, and who touched what last."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from dsp.preset import Preset

MAX_STEPS = 200
"""How many steps can be undone."""
MAX_TOUCHES = 1024
"""How many paths a desk remembers the last change of."""


@dataclass(frozen=True, slots=True)
class Bypass:
    """Whether the plain sound is heard."""

    on: bool = False
    matched: bool = True
    """Whether the plain sound is made as loud as the filtered one."""
    gain_db: float = 0.0
    """What the plain sound is raised by."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A preset, and what it was when it was loaded or saved."""

    preset: Preset
    origin: Preset


@dataclass(frozen=True, slots=True)
class State:
    """All that a desk is at one moment."""

    now: Moment
    bypass: Bypass = Bypass()
    revision: int = 0
    """Rises by one with each change."""
    past: tuple[Moment, ...] = ()
    future: tuple[Moment, ...] = ()

    @property
    def preset(self) -> Preset:
        """What is wanted."""
        return self.now.preset

    @property
    def modified(self) -> bool:
        """Whether it differs from what was loaded or saved."""
        return self.now.preset.slots != self.now.origin.slots


@dataclass(slots=True)
class Touches:
    """Who changed which path last, for the rule of conflicts; the path "" is all of it."""

    last: dict[tuple[str, int], int] = field(default_factory=dict)
    """(path, client id) -> revision."""
    forgotten: int = 0
    """Of changes up to this revision it is no longer known who made them."""

    def note(self, paths: Iterable[str], client_id: int, revision: int) -> None:
        """Keep that the client changed *paths*, which made *revision*."""
        for path in paths:
            self.last.pop((path, client_id), None)
            self.last[path, client_id] = revision
        while len(self.last) > MAX_TOUCHES:
            self.forgotten = self.last.pop(next(iter(self.last)))

    def by_others(self, path: str, client_id: int, since: int) -> bool:
        """Whether anybody else changed *path*, or what holds it or is in it, after revision *since*."""
        return since < self.forgotten or any(
            revision > since
            and who != client_id
            and (not each or f"{each}.".startswith(f"{path}.") or f"{path}.".startswith(f"{each}."))
            for (each, who), revision in self.last.items()
        )
