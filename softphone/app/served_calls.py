"""Calls that others may steer: a desk for what they send, one for what they hear, and a `CallDesk` that lists them."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsp.filters import Setting
from dsp.preset import Preset
from softphone.app.call_desk import CallDesk, Entry
from softphone.app.call_filters import CallFilters, Side
from softphone.app.chain_runner import EMPTY, FollowedChains, Wanted
from softphone.app.control_room import ControlRoom
from softphone.app.one_call import CallPlan, OneCall
from softphone.app.preset_store import FolderPresets
from softphone.app.serving import OnServing
from softphone.control.desk import Desk
from softphone.control.op import CONTROL, Domain, Event
from softphone.io.control.tickets import Tickets
from softphone.io.dsp_faults import told_to_the_user
from softphone.media.filter_stage import FilterStage
from softphone.serve_config import ServeOptions

log = logging.getLogger(__name__)

CHECKED_RATE_HZ = 16_000
"""What a preset is tried at while no call runs: the rate of most calls here."""
LABELS: Mapping[Side, str] = {"sent": "What is sent", "heard": "What is heard"}


class ServedCalls:
    """What steers the calls of one process, open from `open` to `close`.

    Args:
        filters: what `--filter` and `--filter-in` name; None: the desks hold nothing yet.

    Raises:
        UsageError, EnvironmentProblem: a preset that cannot be.
    """

    def __init__(self, filters: CallFilters | None) -> None:
        self.presets = FolderPresets()
        self.calls = CallDesk()
        self.desks: dict[Side, Desk] = {}
        asked: dict[Side, Preset | None] = {"sent": None, "heard": None}
        if filters is not None:
            asked = {"sent": filters.sent, "heard": filters.heard}
        with told_to_the_user():
            for side, label in LABELS.items():
                preset = self.presets.hidden(asked[side] or EMPTY)
                setting = Setting(CHECKED_RATE_HZ, 1, self.presets.resources())
                self.desks[side] = Desk(side, label, preset, setting)
        self.room: ControlRoom | None = None
        self._chains: list[FollowedChains] = []

    async def open(
        self,
        serve: ServeOptions,
        *,
        on_serving: OnServing | None,
        desks: Sequence[Desk] = (),
        domains: Sequence[Domain] = (),
        tickets: Tickets | None = None,
        title: str = "softphone",
    ) -> ControlRoom:
        """Let others in; raises as `ControlRoom.open`.

        Args:
            desks: more of them, which stand first.
            domains: more of them.
        """
        self.room = await ControlRoom.open(
            serve,
            desks=(*desks, *self.desks.values()),
            presets=self.presets,
            domains=(self.calls, *domains),
            tickets=tickets,
            on_serving=on_serving,
            title=title,
        )
        self.room.on_event(self._on_event)
        self.room.on_wanted(self._watch)
        return self.room

    def plan(self, plan: CallPlan, *, entry: Entry | None = None, recording: str | None = None) -> CallPlan:
        """*plan* for one call, which is listed and whose filters follow the desks.

        Args:
            entry: of the call, where it is in the list already.
            recording: the name of its recording.
        """
        assert self.room is not None
        for path in filter(None, (plan.audio.record, plan.audio.record_sent)):
            folder = Path(path).parent
            if folder.name:
                self.calls.folders.add(str(folder))
        chains = FollowedChains(self.desks, self.room.in_chain_thread, self.presets.resources())
        watch = _Watch(self, chains, plan, entry, recording)
        return replace(plan, chains=chains.make, on_running=watch.on_running, on_changed=watch.on_changed)

    def _wanted(self) -> dict[Side, Wanted]:
        """The meters that are needed now.

        Who may steer may bypass filters, and what is heard then is as loud as they were: where there are any, levels are
        measured for that, too.
        """
        room = self.room
        if room is None:
            return {}
        steered = any(client.role == CONTROL for client in room.server.clients)
        return {
            side: Wanted(
                levels=room.is_wanted("levels", side) or (steered and bool(desk.preset.slots)),
                spectrum=room.is_wanted("spectrum", side),
            )
            for side, desk in self.desks.items()
        }

    def _watch(self) -> None:
        wanted = self._wanted()
        for chains in self._chains:
            chains.watch(wanted)

    async def close(self) -> None:
        """Say good-bye to all who steer; the calls have ended by then."""
        self.calls.close()
        if self.room is not None:
            await self.room.close()

    def _on_event(self, event: Event) -> None:
        if event.topic in ("clients", "changes"):
            self._watch()
        if event.topic != "changes":
            return
        for side in self.desks:
            if event.body.get("chain") == side:
                for chains in self._chains:
                    chains.desk_changed(side)


class _Watch:
    """Keeps list and desks up with one call."""

    def __init__(
        self,
        served: ServedCalls,
        chains: FollowedChains,
        plan: CallPlan,
        entry: Entry | None,
        recording: str | None,
    ) -> None:
        self._served = served
        self._chains = chains
        self._plan = plan
        self._entry = entry
        self._recording = recording
        self._over = False

    def on_running(self, one: OneCall) -> None:
        """Its audio runs."""
        leg = one.leg
        if leg is not None:
            self._served._chains.append(self._chains)
            self._chains.watch(self._served._wanted())
            stages: dict[Side, FilterStage | None] = {"sent": leg.transmit.stage, "heard": leg.receive.stage}
            for side, stage in stages.items():
                if stage is not None:
                    self._chains.follow(side, stage, lambda: _figures(one))
        if self._plan.on_running is not None:
            self._plan.on_running(one)

    def on_changed(self, one: OneCall) -> None:
        """Something of it has changed."""
        calls = self._served.calls
        if self._entry is None:
            status = one.status()
            self._entry = calls.add(
                one, direction=status["direction"], peer=status["peer"], recording=self._recording
            )
        elif self._entry.call is None and not self._over:
            self._entry.call = one
        ending = one.ending
        if ending is None:
            calls.changed()
        elif not self._over:
            self._over = True
            self._chains.end()
            if self._chains in self._served._chains:
                self._served._chains.remove(self._chains)
            calls.end(
                self._entry,
                {
                    "outcome": ending.outcome.value,
                    "ended_by": ending.ended_by,
                    "sip_status": ending.sip_status,
                    "reason": ending.reason,
                },
            )
        if self._plan.on_changed is not None:
            self._plan.on_changed(one)


def _figures(one: OneCall) -> dict[str, Any]:
    """What the meters of a call show besides."""
    leg = one.leg
    if leg is None:
        return {"running": False}
    return {"block_ms": leg.codec.settings.ptime_ms, "running": leg.transmit.enabled}
