"""The operations about one chain: read and set values, bypass, undo, response, meters."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from dsp.response import LOWEST_HZ, response
from softphone.control.desk import Desk
from softphone.control.op import CONTROL, VIEW, Argument, Client, Event, Op
from softphone.control.results import (
    ANYTHING,
    BYPASS,
    CHANGES,
    COUNT,
    FLAG,
    NUMBERS,
    PRESET,
    READINGS,
    TEXT,
    TEXTS,
)
from softphone.control.schema import MAX_PATH, value_at
from softphone.control.turning import CHAIN, IF_REVISION, MAX_CHANGES, PATH_HELP, Turning


class ChainOps(Turning):
    """What can be asked about a chain."""

    def __init__(self, desks: Mapping[str, Desk], publish: Callable[[Event], None]) -> None:
        super().__init__(desks, publish)
        self._curve: tuple[object, Mapping[str, Any]] = (
            None,
            {},
        )  # the newest response, for all who ask for it

    def ops(self) -> tuple[Op, ...]:
        """All of them, in the order of the reference."""
        return (
            Op(
                "get",
                "One value, or all there is about a chain",
                VIEW,
                "loop",
                (
                    Argument(
                        "path",
                        "text",
                        f"{PATH_HELP}; all where left out",
                        required=False,
                        low=1,
                        high=MAX_PATH,
                    ),
                    CHAIN,
                ),
                self._get,
                "with a path `path` and `value`; else `chain`, `name`, `preset`, `bypass`, `revision`, `modified`, "
                "`can_undo`, `can_redo`, `readings`",
                {"path": "low-cut.freq_hz"},
                {
                    "path": TEXT,
                    "value": ANYTHING,
                    "chain": TEXT,
                    "name": TEXT,
                    "preset": PRESET,
                    "bypass": BYPASS,
                    "revision": COUNT,
                    "modified": FLAG,
                    "can_undo": FLAG,
                    "can_redo": FLAG,
                    "readings": READINGS,
                },
            ),
            Op(
                "set",
                "Change one value; it is heard from the next block on, cross-faded",
                CONTROL,
                "chain",
                (
                    Argument("path", "text", PATH_HELP, low=1, high=MAX_PATH),
                    Argument("value", "any", "the new value, or the text that a person would type"),
                    IF_REVISION,
                    CHAIN,
                ),
                lambda client, given: self._change(client, given, {given["path"]: given["value"]}),
                "`changes`: path -> value of what is new; empty where nothing is",
                {"path": "low-cut.freq_hz", "value": 200},
                {"changes": CHANGES},
            ),
            Op(
                "patch",
                "Change several values at once: all of them or, where one is refused, none",
                CONTROL,
                "chain",
                (
                    Argument("changes", "object", "path -> new value", low=1, high=MAX_CHANGES),
                    IF_REVISION,
                    CHAIN,
                ),
                lambda client, given: self._change(client, given, given["changes"]),
                "`changes`: path -> value of what is new",
                {"changes": {"low-cut.freq_hz": 250, "low-cut.order": 2}},
                {"changes": CHANGES},
            ),
            Op(
                "bypass",
                "Hear the plain sound, or the filtered one again",
                CONTROL,
                "chain",
                (
                    Argument("on", "flag", "true: the plain sound"),
                    Argument(
                        "matched",
                        "flag",
                        "make the plain sound as loud as the filtered one was, so that louder does not win",
                        required=False,
                        default=True,
                    ),
                    CHAIN,
                ),
                self._bypass,
                "`bypass`: `on`, `matched` and `gain_db`, by which the plain sound is raised",
                {"on": True},
                {"bypass": BYPASS},
            ),
            Op(
                "undo",
                "Take the last step back, whoever made it",
                CONTROL,
                "chain",
                (CHAIN,),
                lambda client, given: self._stepped(client, given, Desk.undo),
                "`changes`: path -> value of what is new; or `preset`, the name of the other preset",
                returns={"changes": CHANGES, "preset": TEXT},
            ),
            Op(
                "redo",
                "Do again what was undone",
                CONTROL,
                "chain",
                (CHAIN,),
                lambda client, given: self._stepped(client, given, Desk.redo),
                "as `undo`",
                returns={"changes": CHANGES, "preset": TEXT},
            ),
            Op(
                "response",
                "Gain by frequency of the filters that are linear; the others are named",
                VIEW,
                "aside",
                (
                    Argument("points", "integer", "how many", required=False, default=256, low=16, high=1024),
                    CHAIN,
                ),
                self._response,
                "`hz`, `gain_db`, and `left_out`: slots whose effect depends on the sound",
                {"points": 16},
                {"chain": TEXT, "revision": COUNT, "hz": NUMBERS, "gain_db": NUMBERS, "left_out": TEXTS},
            ),
            Op(
                "reset_meters",
                "Begin anew with peaks, clip lights and integrated loudness",
                CONTROL,
                "loop",
                (CHAIN,),
                self._reset_meters,
                "nothing",
            ),
        )

    def _get(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        desk = self.desk(given["chain"])
        state = desk.state
        if given["path"] is not None:
            return {"path": given["path"], "value": value_at(state.preset, given["path"])}
        return {
            "chain": desk.name,
            "name": state.preset.name,
            "preset": state.preset.as_mapping(),
            "bypass": asdict(state.bypass),
            "revision": state.revision,
            "modified": state.modified,
            "can_undo": bool(state.past),
            "can_redo": bool(state.future),
            "readings": desk.readings(),
        }

    def _change(
        self, client: Client, given: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        desk = self.desk(given["chain"])
        if given["if_revision"] is not None:
            desk.need_revision(changes, client, given["if_revision"])
        new = desk.change(changes, client, given["now"])
        if new:
            self.tell(desk, client, {"changes": new})
        return {"changes": new}

    def _bypass(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        desk = self.desk(given["chain"])
        before = desk.revision
        body = {"bypass": asdict(desk.bypass(given["on"], given["matched"]))}
        if desk.revision != before:
            self.tell(desk, client, body)
        return body

    def _stepped(
        self,
        client: Client,
        given: Mapping[str, Any],
        step: Callable[[Desk, Client], Mapping[str, Any] | None],
    ) -> Mapping[str, Any]:
        desk = self.desk(given["chain"])
        new = step(desk, client)
        body = {"preset": desk.preset.name} if new is None else {"changes": new}
        self.tell(desk, client, body)
        return body

    def _response(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        desk = self.desk(given["chain"])
        state, setting = desk.state, desk.running_setting
        asked = state.preset, setting, given["points"]
        known, curve = self._curve
        if asked != known:
            grid = np.geomspace(LOWEST_HZ, setting.sample_rate_hz / 2, given["points"])
            found = response(state.preset, setting, grid)
            curve = {
                "hz": [round(hz, 1) for hz in found.freqs_hz.tolist()],
                "gain_db": [round(db, 2) for db in found.gain_db.tolist()],
                "left_out": list(found.left_out),
            }
            self._curve = asked, curve
        return {"chain": desk.name, "revision": state.revision, **curve}

    def _reset_meters(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        for runner in self.desk(given["chain"]).runners:
            runner.reset_meters()
        return {}
