"""All legs of an endpoint, and the engine that runs their machine."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping

from softphone.sip.agenda import Agenda
from softphone.sip.errors import LocalSipError
from softphone.sip.events import Address, SipEvent
from softphone.sip.leg import LEG, ON_THE_WAY_OUT, Cause, Leg, LegAction, LegInput, LegState
from softphone.sip.message import Request
from softphone.sip.transaction import Account

MAX_LEGS = 1024
"""Legs at a time; further INVITEs are answered 503."""
MAX_HALF_OPEN = 96
"""Calls we answered whose ACK is still out; further INVITEs are answered 503. Each has its audio running: a flood of INVITEs
from forged addresses must not start more of that than a processor carries."""
MAX_HALF_OPEN_OF_ONE = 72
"""The same of one host: half a second of a test caller's 150 a second."""
UNPROVEN = frozenset({LegState.INCOMING, LegState.ANSWER_WAITING, LegState.ANSWERED})
"""Of such a leg the caller's address may be forged."""
MAX_RECORDS = 256
"""Legs whose Call-ID and byte counts are kept, ended ones included."""

Handler = Callable[[Leg, Cause, float], None]
Closer = Callable[[Leg, float], None]


class LegBook:
    """Finds legs, feeds their machine, and lets the user agent's halves carry out its actions."""

    def __init__(self, events: deque[SipEvent], *, max_legs: int = MAX_LEGS) -> None:
        self.events = events
        self.max_legs = max_legs
        self._legs: dict[int, Leg] = {}
        self._by_dialog: dict[tuple[str, str], Leg] = {}
        self._records: dict[int, tuple[str, Account]] = {}
        self._handlers: dict[LegAction, Handler] = {}
        self._closers: list[Closer] = []
        self._agenda: Agenda[Leg] = Agenda()
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._legs)

    def __iter__(self) -> Iterator[Leg]:
        return iter(self._legs.values())

    def is_full(self, source: Address) -> bool:
        """Whether no further leg of *source* is to be taken on: too many there are, or wait for the ACK of our answer."""
        if len(self._legs) >= self.max_legs:
            return True
        waiting = [leg.peer[0] for leg in self._legs.values() if leg.state is LegState.ANSWERED]
        return len(waiting) >= MAX_HALF_OPEN or waiting.count(source[0]) >= MAX_HALF_OPEN_OF_ONE

    def standing(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return hosts and Call-IDs of the calls that stand, and of those we place ourselves."""
        legs = [leg for leg in self._legs.values() if leg.state not in UNPROVEN]
        return frozenset(leg.peer[0] for leg in legs), frozenset(leg.invite.call_id for leg in legs)

    def serve(self, handlers: Mapping[LegAction, Handler]) -> None:
        """Let *handlers* carry out the actions they name."""
        self._handlers.update(handlers)

    def at_end(self, closer: Closer) -> None:
        """Let *closer* tidy up when a leg has ended."""
        self._closers.append(closer)

    def new_id(self) -> int:
        """Return a number never used before, for a leg or another errand of the owner."""
        self._last_id += 1
        return self._last_id

    def add(self, leg: Leg) -> None:
        """Take up *leg*."""
        self._legs[leg.id] = leg
        self._by_dialog[leg.invite.call_id, leg.local_tag] = leg
        self._agenda.schedule(leg)
        self._records[leg.id] = (leg.invite.call_id, leg.account)
        while len(self._records) > MAX_RECORDS:
            del self._records[next(iter(self._records))]

    def account(self, leg_id: int) -> Account:
        """Return the byte counts of a leg, even after its end.

        Raises:
            LocalSipError: if there never was such a leg, or too long ago.
        """
        return self._record(leg_id)[1]

    def call_id(self, leg_id: int) -> str:
        """Return the Call-ID of a leg, even after its end.

        Raises:
            LocalSipError: if there never was such a leg, or too long ago.
        """
        return self._record(leg_id)[0]

    def _record(self, leg_id: int) -> tuple[str, Account]:
        if (leg := self._legs.get(leg_id)) is not None:
            return leg.invite.call_id, leg.account
        try:
            return self._records[leg_id]
        except KeyError:
            raise LocalSipError(f"no leg has the number {leg_id}") from None

    def of_request(self, request: Request) -> Leg | None:
        """Return the leg whose dialog *request* of the peer is in (section 12.2.2)."""
        leg = self._by_dialog.get((request.call_id, request.to.tag or ""))
        return leg if leg is not None and leg.dialog_with(request.from_.tag) is not None else None

    def of_dialog(self, call_id: str, local_tag: str, remote_tag: str) -> Leg | None:
        """Return the leg that has a dialog of this name."""
        leg = self._by_dialog.get((call_id, local_tag))
        return leg if leg is not None and leg.dialog_with(remote_tag) is not None else None

    def of_owner(self, leg_id: int) -> Leg | None:
        """Return the leg the owner names; None if it has ended.

        Raises:
            LocalSipError: if there never was such a leg.
        """
        leg = self._legs.get(leg_id)
        if leg is None and not 0 < leg_id <= self._last_id:
            raise LocalSipError(f"no leg has the number {leg_id}")
        return leg

    def command(self, leg_id: int, signal: LegInput, cause: Cause, *, now: float) -> None:
        """Feed an input of the owner.

        Raises:
            LocalSipError: if the leg cannot do that, now or ever.
        """
        leg = self.of_owner(leg_id)
        if leg is None or self.fire(leg, signal, cause, now=now) or leg.state in ON_THE_WAY_OUT:
            return
        raise LocalSipError(f"leg {leg_id} is {leg.state.value}: cannot {signal.value}")

    def fire(self, leg: Leg, signal: LegInput, cause: Cause, *, now: float) -> bool:
        """Feed an input; False if the leg's state has no use for it."""
        entry = LEG.get((leg.state, signal))
        if entry is None:
            return False
        leg.state, actions = entry
        for action in actions:
            self._handlers[action](leg, cause, now)
        if leg.state is LegState.ENDED:
            for closer in self._closers:
                closer(leg, now)
            leg.deadlines.clear()
            self._agenda.discard(leg)
            self._legs.pop(leg.id, None)
            self._by_dialog.pop((leg.invite.call_id, leg.local_tag), None)
        else:
            self._agenda.schedule(leg)
        return True

    def schedule(self, leg: Leg) -> None:
        """Take note that the deadlines of *leg* have changed other than by `fire`."""
        self._agenda.schedule(leg)

    def next_timeout(self) -> float | None:
        """When a leg is due next."""
        return self._agenda.next_timeout()

    def handle_timeout(self, *, now: float) -> None:
        """Fire the deadlines of all legs due."""
        while (leg := self._agenda.pop_due(now=now)) is not None:
            for signal in sorted(leg.deadlines, key=leg.deadlines.__getitem__):
                if leg.deadlines.get(signal, now + 1.0) <= now:
                    del leg.deadlines[signal]
                    self.fire(leg, signal, Cause(), now=now)
            self._agenda.schedule(leg)
