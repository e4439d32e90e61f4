"""Keeps out what the guard has a concern about: counted, told, and hardly ever answered."""

from collections.abc import Callable

from softphone.sip.events import Address
from softphone.sip.guard import STANDING_KEPT_S, Concern, Guard
from softphone.sip.message import Request
from softphone.sip.stateless import StatelessAnswers
from softphone.sip.stats import SipStats

Standing = Callable[[], tuple[frozenset[str], frozenset[str]]]
"""Returns hosts and Call-IDs of those who are heard while all others are not."""


class Door:
    """Asks *guard*, before a message is parsed and after.

    Args:
        guard: who judges.
        stats: where concerns are counted.
        answers: how a stranger is answered.
        standing: asked seldom, and only when a message is to be refused.
        drop: counts and tells a message of no use.
    """

    def __init__(
        self,
        guard: Guard,
        stats: SipStats,
        answers: StatelessAnswers,
        *,
        standing: Standing,
        drop: Callable[[str, Address], None],
    ) -> None:
        self._guard = guard
        self._stats = stats
        self._answers = answers
        self._standing = standing
        self._drop = drop

    def hears(self, data: bytes, source: Address, *, now: float) -> bool:
        """Whether *data* is to be read."""
        guard = self._guard
        concern = guard.concern(data, source, now=now)
        if concern is None:
            return True
        if concern is not Concern.SCANNER:
            if now - guard.standing_since >= STANDING_KEPT_S:
                guard.know(*self._standing(), now=now)
            if guard.reserves(data, source, now=now):
                return True
        match concern:
            case Concern.SCANNER:
                self._stats.scanners += 1
            case Concern.LIMITED:
                self._stats.limited += 1
            case _:
                self._stats.flooded += 1
        self._tell(concern, source, now)
        return False

    def admits(self, request: Request, source: Address, *, now: float) -> bool:
        """Whether *request* asks for somebody who is here."""
        if self._guard.is_here(request):
            return True
        self._stats.strangers += 1
        if self._guard.answers_stranger(source, now=now):
            self._answers.answer(request, 404, source)  # section 21.4.5
        self._tell(Concern.STRANGER, source, now)
        return False

    def _tell(self, concern: Concern, source: Address, now: float) -> None:
        """Count a message that was not heard, and tell it where that was not done lately."""
        if self._guard.tells(concern, source, now=now):
            self._drop(concern.value, source)
        else:
            self._stats.dropped += 1
