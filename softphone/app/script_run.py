"""A script that runs beside its call: when each step is done, on which call, and what of it goes into the RESULT."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from softphone.app.audio import suffixed
from softphone.app.call_plan import CallPlan
from softphone.app.caller import placed, target_of
from softphone.app.media_ends import ends_of_placed
from softphone.app.one_call import OneCall
from softphone.app.result import Result, mark
from softphone.app.script_steps import POLL_S, CallSteps, Came
from softphone.app.station import Station, now
from softphone.config import AccountOptions
from softphone.errors import SoftphoneError
from softphone.script_config import AT_THE_END, BEFORE_ANSWER, FIRST, Script, Step
from softphone.sip.errors import SipError

MISSED = 6
"""Exit status of a script of which something was not as expected."""
RING_S = 30.0
"""A second call that is not answered so long is given up, where the step says nothing else."""


class ScriptRun:
    """Runs *script* on *one*, from when it is placed or has come in.

    Args:
        plan: of that call; others are made after it.
        stop: when set, no further step is done.
    """

    def __init__(
        self,
        script: Script,
        one: OneCall,
        station: Station,
        plan: CallPlan,
        account: AccountOptions,
        stop: asyncio.Event,
    ) -> None:
        self._script = script
        self._station = station
        self._plan = plan
        self._account = account
        self._stop = stop
        self._calls: dict[str, OneCall] = {}
        self._steps: dict[str, CallSteps] = {}
        self._results: dict[str, asyncio.Task[Result]] = {}
        self._entries: list[tuple[Step, dict[str, Any] | None]] = []
        """What was done; of what is known at the end only, None."""
        self._began_at = now()
        self._add(FIRST, one)
        self._one = one
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def conclude(self, result: Result) -> None:
        """Wait for what still runs, and note in the *result* of the call what was expected and what came."""
        await self._task
        others = {name: await task for name, task in self._results.items()}
        result["other_calls"] = others or None
        result["script"] = [
            self._entry(step, entry, {FIRST: result, **others}) for step, entry in self._entries
        ]
        says_how_it_ends = any(entry is None for _, entry in self._entries)
        if not self._one.established and not says_how_it_ends:
            return  # it never stood: that is the news
        missed = next((at for at, entry in enumerate(result["script"]) if not entry["ok"]), None)
        if missed is not None:
            step, entry = self._entries[missed][0], result["script"][missed]
            wanted, got = _shown(entry["expected"]), _shown(entry["got"])
            mark(
                result, f"{self._script.where(step)}: {step}: wanted {wanted}, got {got}", exit_status=MISSED
            )
        elif says_how_it_ends and result["error"] is None:
            result["exit_status"] = 0  # it ended as it was to end

    def cancel(self) -> None:
        """Do nothing more."""
        for task in (self._task, *self._results.values()):
            task.cancel()

    async def _run(self) -> None:
        for step in self._script.steps:
            if step.verb == "expect" and AT_THE_END & set(step.value):
                self._entries.append((step, None))
                continue
            if not await self._is_due(step):
                break
            at_s = round(now() - self._base(), 2)
            came = await self._do(step)
            self._entries.append(
                (
                    step,
                    {
                        "at_s": at_s,
                        "step": str(step),
                        "expected": came.expected,
                        "got": came.got,
                        "ok": came.ok,
                    },
                )
            )
        await self._leave()

    async def _leave(self) -> None:
        """Hang up, as nothing more is to be done: calls that were placed, unless they have a length of their own."""
        if not self._plan.answers:
            await self._poll(lambda: self._one.established or self._one.ended.done())
        for name, one in self._calls.items():
            if self._plan.seconds is None and not (name == FIRST and self._plan.answers):
                one.hang_up()

    async def _do(self, step: Step) -> Came:
        steps = self._steps[step.on]
        try:
            if step.verb == "call":
                return await self._call(step)
            return await steps.do(step)
        except (SoftphoneError, SipError) as error:
            return Came("done", str(error), ok=False)

    async def _call(self, step: Step) -> Came:
        """Place a second call, and wait for its answer."""
        target = target_of(step.value)
        first, *more = await self._station.ways_to(target)
        audio = suffixed(self._plan.audio, f"-{step.name}")
        plan = replace(
            self._plan, audio=audio, answers=False, until_played=False, on_running=None, on_changed=None
        )
        ring_s = RING_S if step.within_s is None else step.within_s
        one = placed(
            self._station,
            plan,
            target,
            first,
            alternatives=tuple(more),
            account=self._account,
            ring_timeout_s=ring_s,
            ends=await ends_of_placed(self._station, plan),
        )
        self._add(step.name, one)
        self._results[step.name] = asyncio.get_running_loop().create_task(one.finish(self._stop))
        await self._poll(lambda: one.established or one.ended.done())
        ending = one.ending
        return Came.of(
            "established", "established" if ending is None else f"{ending.outcome.value}: {ending.reason}"
        )

    def _add(self, name: str, one: OneCall) -> None:
        self._calls[name] = one
        self._steps[name] = CallSteps(self._station, one, self._account.headers, self._calls)

    async def _is_due(self, step: Step) -> bool:
        """Wait until it is time for *step*; False if nothing more is to be done."""
        any_time = step.verb in BEFORE_ANSWER or step.verb in ("wait", "expect")
        if not any_time and not self._one.established:
            if self._plan.answers and not any(each.verb in BEFORE_ANSWER for each in self._script.steps):
                self._one.accept(self._account.headers)
            await self._poll(lambda: self._one.established or self._one.ended.done())
        at = now() + step.after_s if step.at_s is None else self._base() + step.at_s
        await self._poll(lambda: now() >= at or (step.on == FIRST and self._one.ended.done()))
        return not self._stop.is_set()

    def _base(self) -> float:
        """What times of steps count from."""
        answered_at = self._one.established_at
        return self._began_at if answered_at is None else answered_at

    async def _poll(self, condition: Callable[[], bool]) -> None:
        while True:
            if condition() or self._stop.is_set():
                return
            await asyncio.sleep(POLL_S)

    @staticmethod
    def _entry(step: Step, entry: dict[str, Any] | None, results: dict[str, Result]) -> dict[str, Any]:
        if entry is not None:
            return entry
        result = results.get(step.on)
        got = {key: None if result is None else result[key.replace("-", "_")] for key in step.value}
        ok = all(_matches(key, wanted, got[key]) for key, wanted in step.value.items())
        at_s = None if result is None else _talk_s(result)
        return {"at_s": at_s, "step": str(step), "expected": _plain(step.value), "got": got, "ok": ok}


def _talk_s(result: Result) -> float | None:
    """How long a call stood from its answer."""
    if result["duration_s"] is None:
        return None
    return round(float(result["duration_s"]) - float(result["early_media_s"] or 0.0), 2)


def _matches(key: str, wanted: Any, got: Any) -> bool:
    """Whether the call ended in one of the outcomes wanted, with exactly the verdict wanted, and so on."""
    if key == "outcome":
        return got in wanted
    if key == "verdict":
        return set(wanted) == set(got or ())
    return bool(wanted == got)


def _plain(wanted: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value[0] if isinstance(value, tuple) and len(value) == 1 and key == "outcome" else value
        for key, value in wanted.items()
    }


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return " and ".join(map(str, value)) or "none"
    return "nothing" if value in (None, "") else str(value)
