"""Random calls over a bad line, in virtual time: what happens is drawn from a seed, what must hold at the end is checked.

A scenario is one to three calls between two endpoints; within them holds, updates, digits, transfers, early media, cancels,
refusals and hang-ups come from both sides at random times, over a line that loses, doubles and reorders.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from support.sip_peers import ALICE, ALICE_NAME, BOB, BOB_URI, OFFER, Address, make_endpoint, uri_of
from support.virtual_link import Line, VirtualNetwork

from softphone.sip.endpoint import SipEndpoint
from softphone.sip.errors import LocalSipError
from softphone.sip.events import (
    Acked,
    AckMissing,
    Answered,
    ByeAnswered,
    ByeReceived,
    Cancelled,
    InviteReceived,
    ReferReceived,
    Refused,
    ReinviteAnswered,
    ReinviteReceived,
    SessionExpired,
    UpdateAnswered,
    UpdateReceived,
)

BUSY_UNTIL_S = 30.0
"""Until then things happen."""
QUIET_AT_S = 150.0
"""Every timer that a lost message started has ended: 64*T1, and what that leads to."""
END_AT_S = 600.0
MAX_DATAGRAMS = 3000
"""In a scenario: what goes round and round would send more."""


@dataclass
class Side:
    """One endpoint, and what its owner knows."""

    name: str
    address: Address
    endpoint: SipEndpoint
    sessions: dict[int, bytes] = field(default_factory=dict)
    """By leg: the offer that was agreed on last."""
    known: dict[int, str] = field(default_factory=dict)
    """Call-ID of each leg."""
    standing: set[int] = field(default_factory=set)
    was: dict[int, str] = field(default_factory=dict)
    """What became of each leg: refused, over."""
    unsure: set[str] = field(default_factory=set)
    """Call-IDs of which one side gave up alone: its messages were all lost."""
    crossed: set[str] = field(default_factory=set)
    """Call-IDs of those that were cancelled and accepted at once."""
    offers: dict[int, bytes] = field(default_factory=dict)
    """By leg: what was offered last."""

    def try_to(self, command: str, leg: int, *args: Any, **options: Any) -> bool:
        """Use a command; what makes no sense in the leg's state is refused by a LocalSipError, and by nothing else."""
        try:
            getattr(self.endpoint, command)(leg, *args, **options)
        except LocalSipError:
            return False
        return True


class Scenario:
    """One run of seed *seed*."""

    def __init__(self, seed: int, *, loss: float | None = None) -> None:
        self.seed = seed
        self.rng = rng = random.Random(seed)
        line = Line(
            delay_s=rng.choice((0.005, 0.05, 0.2)),
            jitter_s=rng.choice((0.0, 0.1, 0.6)),
            loss=rng.choice((0.0, 0.1, 0.3, 0.3)) if loss is None else loss,
            duplicate=rng.choice((0.0, 0.2)),
        )
        self.net = VirtualNetwork(seed=seed, line=line)
        reliable = {"reliable_provisional": rng.random() < 0.7}
        self.sides = tuple(
            Side(name, address, make_endpoint(name, address, rng=random.Random(f"{seed} {name}"), **reliable))
            for name, address in (("alice", ALICE), ("bob", BOB))
        )
        self.alice, self.bob = self.sides
        self.did: Counter[str] = Counter()
        self._changes = 0
        for side in self.sides:
            self.net.attach(side.address, side.endpoint, lambda event, side=side: self.on_event(side, event))

    def run(self) -> Counter[str]:
        """Run to the end and check it; return what happened how often."""
        for _ in range(self.rng.randint(1, 3)):
            self.at(self.rng.uniform(0.0, 5.0), self.place)
        self.net.run_until(QUIET_AT_S)
        self.check_quiet()
        for side in self.sides:
            for leg in side.endpoint.legs:
                side.try_to("bye", leg, now=self.net.now) or side.try_to("reject", leg, 480, now=self.net.now)
        self.net.run_until(END_AT_S)
        self.check_over()
        return self.did

    def at(self, at: float, work: Any) -> None:
        """Do *work* at a time."""
        self.net.call_at(at, work)

    def place(self) -> None:
        """Alice or Bob calls."""
        caller = self.alice if self.rng.random() < 0.7 else self.bob
        other = self.bob if caller is self.alice else self.alice
        leg = caller.endpoint.invite(
            BOB_URI if other is self.bob else uri_of("alice", ALICE),
            from_=ALICE_NAME,
            body=OFFER,
            destination=other.address,
            now=self.net.now,
        )
        self.did["calls"] += 1
        caller.known[leg] = caller.endpoint.call_id(leg)
        caller.offers[leg] = OFFER
        if self.rng.random() < 0.25:
            self.later(self.rng.uniform(0.0, 6.0), caller, "cancel", leg)
        self.plan(caller, leg)

    def plan(self, side: Side, leg: int) -> None:
        """What this side will do in the call."""
        for _ in range(self.rng.randint(0, 4)):
            action = self.rng.choice((self.hold, self.hold, self.update, self.info, self.refer))
            self.at(
                self.net.now + self.rng.uniform(1.0, BUSY_UNTIL_S / 2),
                lambda action=action: action(side, leg),
            )
        if self.rng.random() < 0.6:
            self.later(self.rng.uniform(0.0, BUSY_UNTIL_S), side, "bye", leg)

    def later(self, delay: float, side: Side, command: str, leg: int) -> None:
        """Use a command that wants nothing but the leg."""

        def work() -> None:
            self.did[command] += side.try_to(command, leg, now=self.net.now)

        self.at(self.net.now + delay, work)

    def hold(self, side: Side, leg: int) -> None:
        """Change the session by a re-INVITE."""
        self.change(side, "reinvite", leg)

    def update(self, side: Side, leg: int) -> None:
        """Change the session by an UPDATE."""
        self.change(side, "update", leg)

    def change(self, side: Side, command: str, leg: int) -> None:
        """Offer something that nobody offered before."""

        def offer() -> bytes:
            self._changes += 1
            side.offers[leg] = OFFER + b"a=%s:%d\r\n" % (side.name.encode(), self._changes)
            return side.offers[leg]

        self.did[command] += side.try_to(command, leg, offer, now=self.net.now)

    def info(self, side: Side, leg: int) -> None:
        """Send a digit."""
        self.did["info"] += side.try_to(
            "info", leg, b"Signal=5\r\n", "application/dtmf-relay", now=self.net.now
        )

    def refer(self, side: Side, leg: int) -> None:
        """Ask for a transfer to nobody in particular."""
        self.did["refer"] += side.try_to("refer", leg, uri_of("carol", ("192.0.2.3", 5060)), now=self.net.now)

    def on_event(self, side: Side, event: Any) -> None:
        """Do as an owner does, in one of the ways there are."""
        now, rng = self.net.now, self.rng
        match event:
            case InviteReceived(leg=leg, request=request):
                side.known[leg] = request.call_id
                side.offers[leg] = request.body
                self.on_invite(side, leg)
            case Answered(leg=leg):
                side.standing.add(leg)
                side.sessions[leg] = side.offers[leg]
                side.was[leg] = "over"
            case Acked(leg=leg):
                side.standing.add(leg)
            case AckMissing(leg=leg):
                side.unsure.add(side.known[leg])
            case Refused(leg=leg, status=status, local=local):
                side.was.setdefault(leg, "refused")
                if (
                    local and status == 487
                ):  # a 200 that crossed our CANCEL: the other side had a call, for a moment
                    side.crossed.add(side.known[leg])
                elif local:
                    side.unsure.add(side.known[leg])
            case Cancelled(leg=leg):
                side.was[leg] = "refused"
            case ReinviteReceived(leg=leg, request=request):
                if rng.random() < 0.15:
                    side.try_to("reject_reinvite", leg, 488, now=now)
                elif side.try_to("answer_reinvite", leg, body=b"answer", now=now):
                    side.sessions[leg] = request.body
            case UpdateReceived(leg=leg, request=request):
                if rng.random() < 0.15:
                    side.try_to("reject_update", leg, 488, now=now)
                elif side.try_to("answer_update", leg, body=b"answer", now=now) and request.body:
                    side.sessions[leg] = request.body
            case ReinviteAnswered(leg=leg) | UpdateAnswered(leg=leg):
                side.sessions[leg] = side.offers[leg]
            case ReferReceived(leg=leg):
                self.on_refer(side, leg)
            case ByeReceived(leg=leg):
                side.standing.discard(leg)
                side.try_to("answer_bye", leg, now=now)
            case ByeAnswered(leg=leg, response=response):
                side.standing.discard(leg)
                if response is None:
                    side.unsure.add(side.known[leg])
            case SessionExpired(leg=leg):
                side.unsure.add(side.known[leg])
            case _:
                self.did[type(event).__name__] += 1

    def on_invite(self, side: Side, leg: int) -> None:
        """Ring, answer, refuse, or let it ring."""
        rng, now = self.rng, self.net.now
        if rng.random() < 0.6:
            side.try_to("ring", leg, now=now)
        if rng.random() < 0.2:
            self.did["early media"] += side.try_to("progress", leg, 183, body=b"early", now=now)
        match rng.choices(("answer", "reject", "nothing"), (0.75, 0.15, 0.1))[0]:
            case "answer":
                self.at(now + rng.choice((0.0, rng.uniform(0.0, 4.0))), lambda: self.answer(side, leg))
                self.plan(side, leg)
            case "reject":
                side.was[leg] = "refused"
                side.try_to("reject", leg, rng.choice((486, 603, 404)), now=now)
            case _:
                # Nobody is at home: the caller gives up, or this side does.
                self.later(rng.uniform(5.0, 20.0), side, "bye", leg)
                self.at(now + 25.0, lambda: self.give_up(side, leg))

    def answer(self, side: Side, leg: int) -> None:
        """Answer what may have been cancelled meanwhile."""
        if leg in side.endpoint.legs and side.try_to("answer", leg, body=b"answer", now=self.net.now):
            side.sessions[leg] = side.offers[leg]
            if side.was.get(leg) != "refused":
                side.was[leg] = "over"

    def give_up(self, side: Side, leg: int) -> None:
        """Refuse what nobody answered."""
        if leg in side.endpoint.legs and side.try_to("reject", leg, 480, now=self.net.now):
            side.was.setdefault(leg, "refused")

    def on_refer(self, side: Side, leg: int) -> None:
        """Follow a transfer, or refuse it."""
        now = self.net.now
        if self.rng.random() < 0.3:
            side.try_to("reject_refer", leg, 603, now=now)
        elif side.try_to("accept_refer", leg, now=now):
            self.at(
                now + 1.0,
                lambda: side.try_to("notify_refer", leg, 180, "Ringing", over=False, now=self.net.now),
            )
            self.at(
                now + 2.0, lambda: side.try_to("notify_refer", leg, 200, "OK", over=True, now=self.net.now)
            )

    def check_quiet(self) -> None:
        """A call stands on both sides, with the same session, or on neither."""
        unsure = self.alice.unsure | self.bob.unsure
        alive = [{side.known[leg]: leg for leg in side.endpoint.legs} for side in self.sides]
        for call_id in alive[0].keys() ^ alive[1].keys():
            assert call_id in unsure, f"seed {self.seed}: {call_id} stands on one side only"
        for call_id in alive[0].keys() & alive[1].keys():
            agreed = [side.sessions.get(legs[call_id]) for side, legs in zip(self.sides, alive, strict=True)]
            assert agreed[0] == agreed[1], f"seed {self.seed}: {call_id} has two sessions: {agreed}"
            self.did["standing at the end"] += 1

    def check_over(self) -> None:
        """Nothing is left, and both sides say the same of each call."""
        for side in self.sides:
            left = side.endpoint.legs, side.endpoint.transactions, side.endpoint.next_timeout()
            assert left == ((), 0, None), f"seed {self.seed}: {side.name} has {left} left"
        assert len(self.net.log) <= MAX_DATAGRAMS, f"seed {self.seed}: {len(self.net.log)} datagrams"
        said = [{side.known[leg]: was for leg, was in side.was.items()} for side in self.sides]
        unsure = self.alice.unsure | self.bob.unsure
        for call_id in said[0].keys() | said[1].keys():
            pair = said[0].get(call_id), said[1].get(call_id)
            if call_id not in unsure | self.alice.crossed | self.bob.crossed and None not in pair:
                assert pair[0] == pair[1], f"seed {self.seed}: of {call_id} they say {pair}"
            self.did[f"ended {pair[0]}/{pair[1]}"] += 1
        self.did["one side gave up alone"] += len(unsure)
        self.did["datagrams"] += len(self.net.log)
        self.did["lost"] += self.net.lost
