"""Calls that take the place of others: a transfer that the peer asks for (RFC 3515), and an INVITE with Replaces (RFC 3891)."""

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from softphone.app.audio import suffixed
from softphone.app.call_filters import ChainMaker
from softphone.app.media_ends import ends_of_placed, open_ends
from softphone.app.one_call import CallPlan, OneCall
from softphone.app.station import Station, now
from softphone.call.events import IncomingCall, TransferAsked
from softphone.call.state import Phase
from softphone.config import AccountOptions
from softphone.errors import SoftphoneError
from softphone.sip.errors import SipError

if TYPE_CHECKING:
    from softphone.sip.uri import SipUri

log = logging.getLogger(__name__)

DECLINED = 603
MAX_DEPTH = 10
"""Calls in a row that each took the place of the one before; more are refused."""
RING_S = 60.0
"""A successor that is not answered is given up."""
PATIENCE_S = 5.0
"""A peer that asked for a transfer ends its call when it hears that it worked; else we do, so much later."""


class Successions:
    """Gives the calls of one process their successors.

    Args:
        chains: makes the filters of a successor, if there are any.
        follows: whether we call whom a peer asks us to.
    """

    def __init__(
        self,
        station: Station,
        account: AccountOptions,
        *,
        chains: ChainMaker | None,
        follows: bool,
    ) -> None:
        self._station = station
        self._account = account
        self._chains = chains
        self._follows = follows

    def on_transfer(self, one: OneCall, event: TransferAsked) -> None:
        """The peer of *one* asks us to call somebody else."""
        transfer, manager = one.transfer, self._station.manager
        if not self._follows or not transfer.may_be_succeeded(MAX_DEPTH):
            if transfer.asked is None:
                transfer.begin(str(event.target), asked="peer")
                transfer.note(DECLINED, over=True)
            manager.reject_transfer(event.call, DECLINED, now=now())
            log.warning("the peer asks for a call to %s: refused, see --transfers", event.target)
            return
        transfer.begin(str(event.target), asked="peer")
        manager.accept_transfer(event.call, now=now())
        transfer.waits = asyncio.get_running_loop().create_task(self._follow(one, event))

    def take_over(self, event: IncomingCall) -> bool:
        """Answer a call that takes the place of one of ours, which ends then; False: it takes the place of none."""
        old = None if event.replaces is None else self._station.owners.get(event.replaces)
        if not isinstance(old, OneCall) or not old.transfer.may_be_succeeded(MAX_DEPTH):
            return False

        def on_changed(new: OneCall) -> None:
            if new.established and not old.transfer.is_over:
                old.transfer.note(200, over=True)
                old.hang_up()

        plan = replace(self._plan(old, "-replaced"), answers=True, on_changed=on_changed)
        try:
            new = OneCall(self._station, plan, open_ends(self._station, plan, caller=event.source[0]))
        except SoftphoneError as error:
            self._station.refuse(event, status=500)
            log.warning("%s", error)
            return True
        new.attach(event.call)
        old.transfer.begin(str(event.from_.uri), asked="peer")
        old.transfer.succeed(new)
        new.accept(self._account.headers)
        return True

    def _plan(self, one: OneCall, suffix: str) -> CallPlan:
        """Of the successor of *one*, whose recordings have *suffix* behind their names."""
        audio = suffixed(one.plan.audio, suffix)
        return replace(one.plan, audio=audio, chains=self._chains, on_running=None)

    async def _follow(self, one: OneCall, event: TransferAsked) -> None:
        told = Telling(self._station, one)
        try:
            successor = await self._placed(one, event.target, event.headers, told)
        except (SoftphoneError, SipError) as error:
            log.warning("no call to %s: %s", event.target, error)
            told.tell(503, "Service Unavailable", over=True)
        else:
            one.transfer.succeed(successor)
            told.on_changed(successor)

    async def _placed(
        self, one: OneCall, target: "SipUri", headers: tuple[tuple[str, str], ...], told: "Telling"
    ) -> OneCall:
        from softphone.app.caller import placed, target_of

        wanted = target_of(str(replace(target, headers=())))
        first, *others = await self._station.ways_to(wanted)
        plan = replace(self._plan(one, "-transferred"), answers=False, on_changed=told.on_changed)
        account = replace(self._account, headers=(*self._account.headers, *_fit(headers)))
        return placed(
            self._station,
            plan,
            wanted,
            first,
            alternatives=tuple(others),
            account=account,
            ring_timeout_s=RING_S,
            ends=await ends_of_placed(self._station, plan),
        )


class Telling:
    """Tells the peer of *one*, that asked for it, how the new call stands."""

    def __init__(self, station: Station, one: OneCall) -> None:
        self._station = station
        self._one = one

    def on_changed(self, new: OneCall) -> None:
        """Something of the new call may have changed."""
        if new.established:
            self.tell(200, "OK", over=True)
            asyncio.get_running_loop().call_later(PATIENCE_S, self._one.hang_up)
        elif new.ending is not None:
            status = new.ending.sip_status or 503
            self.tell(status, new.ending.reason, over=True)
        elif new.number is not None and self._station.manager.info(new.number).phase is Phase.RINGING:
            self.tell(180, "Ringing", over=False)

    def tell(self, status: int, reason: str, *, over: bool) -> None:
        """Say it once; after the last word nothing is said."""
        transfer, call = self._one.transfer, self._one.number
        if transfer.is_over or transfer.status == status or call is None:
            return
        transfer.note(status, over=over)
        self._station.manager.tell_transfer(call, status, reason, over=over, now=now())
        self._station.pump()


def _fit(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """What of a peer's words can stand in a message of ours."""
    return tuple((name, value) for name, value in headers if value.isprintable())
