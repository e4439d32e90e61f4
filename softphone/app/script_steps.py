"""What each step of a script does to a call, and what came of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from softphone.app.caller import target_of
from softphone.app.one_call import OneCall
from softphone.app.station import Station, now
from softphone.script_config import Step

POLL_S = 0.02
"""How often a step looks whether what it waits for has come."""
AGREED_S = 4.0
"""A peer has so long to agree to a change, where a step says nothing else."""
DTMF_S = 10.0
STATE_S = 2.0
TRANSFER_S = 30.0


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a step."""

    expected: Any
    got: Any
    ok: bool

    @classmethod
    def of(cls, expected: Any, got: Any) -> "Came":
        """It is as expected, or not."""
        return cls(expected, got, expected == got)


DONE = Came(None, None, True)
"""What a step without any expectation comes to."""


class CallSteps:
    """Does steps to *one*, a call of *station*.

    Args:
        headers: more headers of the 200.
        others: calls by name.
    """

    def __init__(
        self, station: Station, one: OneCall, headers: tuple[tuple[str, str], ...], others: dict[str, OneCall]
    ) -> None:
        self.one = one
        self._station = station
        self._headers = headers
        self._others = others
        self._keyed = 0
        """Digits of the peer that earlier steps have expected."""

    async def do(self, step: Step) -> Came:
        """Do *step*; raises UsageError where the call is not there for it."""
        one, value = self.one, step.value
        match step.verb:
            case "ring":
                one.ring()
            case "early-media":
                one.send_early()
            case "reject":
                one.reject(value)
            case "cancel" | "hangup":
                return await self._ended(step)
            case "answer":
                one.accept(self._headers)
                await self._until(lambda: one.established, step.within_s or AGREED_S)
                return Came.of("established", self._state())
            case "hold" | "resume":
                return await self._held(step)
            case "mute":
                one.mute(value)
            case "dtmf":
                one.send_dtmf(value)
                await self._until(lambda: not one.dtmf_pending, step.within_s or DTMF_S + 0.2 * len(value))
                if one.dtmf_refused is not None:
                    return Came(value, f"refused: {one.dtmf_refused}", ok=False)
            case "expect-dtmf":
                return await self._keys(step)
            case "mode":
                one.set_mode(value)
                await self._until(
                    lambda: one.leg is not None and one.leg.mode == value, step.within_s or STATE_S
                )
                return Came.of(value, None if one.leg is None else one.leg.mode)
            case "codec":
                one.set_codec(value)
                await self._until(
                    lambda: self._codec() == value or one.change_refused is not None,
                    step.within_s or AGREED_S,
                )
                return Came.of(value, self._codec() if one.change_refused is None else one.change_refused)
            case "play" | "say":
                one.announce(step.sound)
                await self._until(lambda: not one.is_announcing, step.within_s)
            case "transfer" | "transfer-to":
                target = target_of(value) if step.verb == "transfer" else self._others[value]
                one.transfer_to(target)
                await self._until(lambda: one.transfer.is_over, step.within_s or TRANSFER_S)
                return Came.of(200, one.transfer.status)
            case "wait":
                await self._until(lambda: False, value)
            case "expect":
                return await self._as_expected(step)
        return DONE

    async def _ended(self, step: Step) -> Came:
        if self.one.ended.done():
            return Came("a call", self._state(), ok=False)
        self.one.hang_up()
        await self._until(lambda: False, step.within_s or DTMF_S)
        return DONE if self.one.ended.done() else Came("ended", self._state(), ok=False)

    async def _held(self, step: Step) -> Came:
        one, on = self.one, step.verb == "hold"
        one.hold(on)
        await self._until(
            lambda: self._info().on_hold is on or one.hold_refused is not None, step.within_s or AGREED_S
        )
        words = {True: "on hold", False: "not on hold"}
        return Came.of(words[on], one.hold_refused or words[self._info().on_hold])

    async def _keys(self, step: Step) -> Came:
        one, begin = self.one, self._keyed
        await self._until(lambda: len(one.digits) >= begin + len(step.value), step.within_s or DTMF_S)
        got = one.digits[begin : begin + len(step.value)]
        self._keyed += len(got)
        return Came.of(step.value, got)

    async def _as_expected(self, step: Step) -> Came:
        wanted = step.value
        await self._until(lambda: self.facts(wanted) == wanted, step.within_s or STATE_S)
        return Came.of(wanted, self.facts(wanted))

    def facts(self, keys: "dict[str, Any]") -> dict[str, Any]:
        """How the call stands, of *keys*."""
        info, leg = self._info(), self.one.leg
        known: dict[str, Callable[[], Any]] = {
            "codec": self._codec,
            "mode": lambda: None if leg is None else leg.mode,
            "hold": lambda: info.on_hold,
            "peer-holds": lambda: info.peer_holds,
            "state": lambda: info.phase.value,
            "dtmf": lambda: self.one.digits,
            "transfer": lambda: self.one.transfer.status,
        }
        return {key: known[key]() for key in keys}

    def _codec(self) -> str | None:
        leg = self.one.leg
        return None if leg is None else leg.codec.spec.name

    def _info(self) -> Any:
        assert self.one.number is not None
        return self._station.manager.info(self.one.number)

    def _state(self) -> str:
        ending = self.one.ending
        if ending is not None:
            return f"{ending.outcome.value}: {ending.reason}"
        return "established" if self.one.established else str(self._info().phase.value)

    async def _until(self, condition: Callable[[], bool], within_s: float | None) -> None:
        """Wait until *condition* holds, the call has ended, or *within_s* is over."""
        deadline = None if within_s is None else now() + within_s
        while not condition() and not self.one.ended.done():
            if deadline is not None and now() >= deadline:
                return
            await asyncio.sleep(POLL_S)
