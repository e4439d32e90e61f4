"""What a file of concealment must provide; for codecs whose decoder does not conceal by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dsp.registry import Registry
from dsp.types import Samples


class LossConcealer(Protocol):
    """Makes up for lost audio from what was heard before."""

    def accept(self, block: Samples) -> None:
        """Take decoded audio. The first block after a loss is joined to the concealment, in place."""

    def conceal(self, out: Samples) -> None:
        """Fill *out*, of any length, in place of lost audio."""


@dataclass(frozen=True, slots=True)
class ConcealerSpec:
    """A kind of concealment."""

    name: str
    """Registry name, lower case."""
    make_concealer: Callable[[int], LossConcealer]
    """Takes the sample rate in Hz, 8000 to 48000; raises ParameterError."""


concealers: Registry[ConcealerSpec] = Registry("concealer")
