"""Riding a gain after the level of what is active: for levellers that work hop by hop.

The level is a mean of power over active hops only, with exponential forgetting; a hop is active within a margin of
that level or shortly after such a hop, which with a margin of 15.9 dB and 0.2 s is P.56's method B put recursively.
When nothing came near the level for a while it sinks, so that a softer voice is found.
"""

from dataclasses import dataclass

import numpy as np

from dsp.types import Block

AT_LEVEL = 10.0**-0.5
"""A hop is near the level when it is at most 5 dB below: in speech some of each word are."""

KEPT = 0.25
"""Share of the memory that sinking leaves."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What counts as active. All times are in hops."""

    margin_db: float
    """Active is what is at most so far below the level."""
    least_power: float
    """Never active below this."""
    hangover: int
    """How long a hop keeps those after it active."""
    memory: float
    """Time constant of the mean."""
    patience: int
    """How long nothing must have come near the level until it sinks."""
    sink_db: float
    """How much it sinks per hop then."""


class ActiveLevel:
    """Mean power of active hops."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity
        self._margin = 10.0 ** (-activity.margin_db / 10.0)
        self._sink = 10.0 ** (-activity.sink_db / 10.0)
        self._lowest = activity.least_power / self._margin
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self.power = 0.0
        """The level, as mean power; 0 as long as nothing was active."""
        self.heard = 0.0
        """Hops in the mean, at most the memory."""
        self._hangover = 0
        self._quiet = 0

    def adopt(self, previous: "ActiveLevel") -> None:
        """Take the state of *previous*."""
        self.power, self.heard = previous.power, previous.heard
        self._hangover, self._quiet = previous._hangover, previous._quiet

    def update(self, power: float, *, may_start: bool = True) -> bool:
        """Take the mean power of one hop; whether it is active.

        Args:
            may_start: False for a hop that cannot be active by itself, only in the hangover of one that is.
        """
        rules = self._activity
        self._quiet = 0 if power >= AT_LEVEL * self.power and power > 0.0 else self._quiet + 1
        if self._quiet > rules.patience:
            # Not so far that the first soft sound afterwards would be all that is known.
            self.power = min(self.power, max(self._sink * self.power, self._lowest))
            self.heard = min(self.heard, max(self._sink * self.heard, KEPT * rules.memory))
        if may_start and power >= rules.least_power and power >= self._margin * self.power:
            self._hangover = rules.hangover
        elif self._hangover > 0:
            self._hangover -= 1
        else:
            return False
        self.heard = min(self.heard + 1.0, max(1.0, rules.memory))
        self.power += (power - self.power) / self.heard
        return True


class Ramp:
    """A gain that goes from one value in dB to the next in a straight line, one piece after the other."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Be at 0 dB."""
        self._from_db = self.gain_db = 0.0
        self._length, self._at = 1, 0

    def adopt(self, previous: "Ramp") -> None:
        """Stay where *previous* stands, until told to turn."""
        share = previous._at / previous._length
        self._from_db = self.gain_db = previous._from_db + share * (previous.gain_db - previous._from_db)

    def turn(self, gain_db: float, length: int) -> None:
        """From where it has come, go to *gain_db* within *length* samples."""
        self._from_db, self.gain_db = self.gain_db, gain_db
        self._length, self._at = max(1, length), 0

    def apply(self, block: Block) -> None:
        """Change *block*, ``(channels, n)``, in place; n at most what is left of the length."""
        count = block.shape[1]
        if self._from_db == self.gain_db:
            if self.gain_db != 0.0:
                block *= np.float32(10.0 ** (self.gain_db / 20.0))
        else:
            step = (self.gain_db - self._from_db) / self._length
            gains = self._from_db + step * np.arange(self._at + 1, self._at + 1 + count)
            block *= (10.0 ** (gains / 20.0)).astype(np.float32)
        self._at += count
