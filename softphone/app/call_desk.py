"""Calls over remote control: what runs, what it costs and how it sounds, and who may take hold of it.

A `CallDesk` lists calls that somebody else runs (`softphone call --serve`, `softphone answer --serve`), and steers them. With a
`Switchboard` (`softphone console`) it places and takes calls as well. Everybody with the role control may do everything;
everybody else may look.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from dsp.errors import DspError
from softphone.call.errors import LocalCallError
from softphone.config import MODES
from softphone.control.errors import ControlError
from softphone.control.op import CONTROL, VIEW, Argument, Client, Op
from softphone.errors import SoftphoneError
from softphone.rtp.errors import LocalRtpError

TOPIC = "calls"
MAX_CALLS = 8
"""Calls at once, ringing ones included."""
MAX_ENDED = 10
"""Calls that have ended and are still listed."""
TELL_S = 0.5
"""From one event to the next while calls run and somebody is told."""
MAX_DIGITS = 32
"""Of one request."""
DIGITS = "0123456789*#ABCD"
"""RFC 4733 section 3.2, events 0 to 15."""
ENDED = "ended"


class DeskCall(Protocol):
    """A call as a desk needs it: `softphone.app.one_call.OneCall`."""

    def status(self) -> dict[str, Any]:
        """What is known of it now; ``state`` is there always."""

    def hang_up(self) -> None:
        """End it, whatever state it is in."""

    def mute(self, on: bool) -> None:
        """Send silence."""

    def hold(self, on: bool) -> None:
        """Put the peer on hold, or take it back; raises UsageError."""

    def send_dtmf(self, digits: str) -> None:
        """Send digits; raises UsageError."""

    def set_mode(self, mode: str, *, direction: str = "both") -> None:
        """See `softphone.app.leg.MediaLeg.set_mode`; raises UsageError."""


class Switchboard(Protocol):
    """What places and takes calls; each call it makes is added to the desk by it."""

    def dial(self, uri: str) -> int:
        """Call *uri*; the number that the desk gave the call. Raises SoftphoneError."""

    def answer(self, number: int) -> None:
        """Take the call *number*, which is ringing here; raises SoftphoneError."""

    def reject(self, number: int, status: int) -> None:
        """Refuse it."""


@dataclass(slots=True)
class Entry:
    """One call of the list."""

    number: int
    direction: str
    """``outgoing`` or ``incoming``."""
    peer: str
    call: DeskCall | None
    """None before it is there (its peer's name is being looked up), and when it has ended."""
    recording: str | None = None
    """Its name, where there is one."""
    last: dict[str, Any] = field(default_factory=dict)
    """What was known of it last."""


class CallDesk:
    """A `softphone.control.Domain`; belongs to the event loop that the calls run in."""

    def __init__(self) -> None:
        self.publish: Callable[[str, Mapping[str, Any]], None] = lambda topic, body: None
        self.is_wanted: Callable[[str], bool] = lambda topic: False
        """Whether anybody is told of a topic; asked before each event that only brings new figures."""
        self.switchboard: Switchboard | None = None
        """Places and takes calls; None: others do."""
        self.uri: str | None = None
        """Where it is called at; None: nobody calls here."""
        self.folders: set[str] = set()
        """Of this machine, which nobody is told of: they are left out of why a call ended."""
        self._loop = asyncio.get_running_loop()
        self._entries: dict[int, Entry] = {}
        self._ended: deque[Entry] = deque(maxlen=MAX_ENDED)
        self._numbers = 0
        self._timer: asyncio.TimerHandle | None = None
        self._telling = False

    @property
    def running(self) -> int:
        """How many calls there are that have not ended."""
        return len(self._entries)

    def add(self, call: DeskCall | None, *, direction: str, peer: str, recording: str | None = None) -> Entry:
        """Take a call into the list."""
        self._numbers += 1
        entry = Entry(self._numbers, direction, peer, call, recording)
        self._entries[entry.number] = entry
        self.changed()
        return entry

    def end(self, entry: Entry, result: Mapping[str, Any]) -> None:
        """Note that a call has ended.

        Args:
            result: its RESULT as far as it is known; may be told again when more is. Of ``diagnosis`` one line is kept, ``why``.
        """
        told = ("outcome", "ended_by", "sip_status", "reason", "duration_s", "verdict", "error")
        entry.last = self._status(entry) | {key: result[key] for key in told if key in result}
        if found := result.get("diagnosis"):
            entry.last["why"] = "; ".join(filter(None, (found["why"], found["try"])))
        for key in {"reason", "error", "why"} & entry.last.keys():
            for folder in sorted(self.folders, key=len, reverse=True):
                why = entry.last[key] or ""
                entry.last[key] = why.replace(folder + os.sep, "").replace(folder, "the folder") or None
        score = result.get("score")
        entry.last["score"] = (
            None
            if score is None
            else {key: score[key] for key in ("metric", "value", "unit", "max", "trusted")}
        )
        entry.last["state"] = ENDED
        if self._entries.pop(entry.number, None) is not None:
            entry.call = None
            self._ended.append(entry)
        self.changed()

    def changed(self) -> None:
        """Tell of what is new, once this turn of the loop is over."""
        if not self._telling:
            self._telling = True
            self._loop.call_soon(self._tell)

    def close(self) -> None:
        """Tell no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._telling = True

    def ops(self) -> Sequence[Op]:
        """Operations of this domain: those of the switchboard only where there is one."""
        return (*self._steering(), *(self._placing() if self.switchboard is not None else ()))

    def topics(self) -> Mapping[str, str]:
        """What is published."""
        return {
            TOPIC: "the calls, as `calls` lists them: at each change of a state, and twice a second while one runs"
        }

    def snapshot(self, topic: str) -> Mapping[str, Any] | None:
        """What a new subscriber is told."""
        if topic != TOPIC:
            return None
        self._wind()
        return self._listed()

    def _steering(self) -> tuple[Op, ...]:
        which = Argument("call", "integer", "number of a call, as `calls` lists it", low=1)
        on = Argument("on", "flag", "whether it shall be so")
        one = "`call`: as `calls` lists it"
        return (
            Op(
                "calls",
                "calls that run, and those that ended last",
                VIEW,
                "loop",
                (),
                lambda client, given: self._listed(),
                "`calls`: each with its number, direction, peer, state and figures; `can_dial`: whether calls are placed here; "
                "`uri`: where they are taken, or null",
            ),
            self._op(
                "hangup",
                "end a call, whatever state it is in",
                (which,),
                lambda call, given: call.hang_up(),
                one,
            ),
            self._op(
                "mute",
                "send silence instead of what is captured",
                (which, on),
                lambda call, given: call.mute(given["on"]),
                one,
                on=True,
            ),
            self._op(
                "hold",
                "put the peer on hold (a re-INVITE), or take it back",
                (which, on),
                lambda call, given: call.hold(given["on"]),
                one,
                on=True,
            ),
            self._op(
                "dtmf",
                "send digits (RFC 4733)",
                (which, Argument("digits", "text", "of 0-9 * # A-D", low=1, high=MAX_DIGITS)),
                lambda call, given: call.send_dtmf(_digits(given["digits"])),
                one,
                digits="12#",
            ),
            self._op(
                "mode",
                "change how a running call is sent: vlc takes the least CPU (yellow), vlr the least airtime (green)",
                (
                    which,
                    Argument("mode", "text", "of the call", options=MODES),
                    Argument(
                        "direction",
                        "text",
                        "what changes",
                        required=False,
                        default="both",
                        options=("both", "sent", "received"),
                    ),
                ),
                lambda call, given: call.set_mode(given["mode"], direction=given["direction"]),
                one,
                mode="vlr",
            ),
        )

    def _placing(self) -> tuple[Op, ...]:
        which = Argument("call", "integer", "number of a call that rings here", low=1)
        one = "`call`: as `calls` lists it"
        return (
            Op(
                "dial",
                "call somebody",
                CONTROL,
                "loop",
                (Argument("uri", "text", "a SIP URI", low=5, high=300),),
                self._dial,
                one,
                {"uri": "sip:bob@192.0.2.7:5060"},
            ),
            Op(
                "answer",
                "take a call that rings here",
                CONTROL,
                "loop",
                (which,),
                self._answer,
                one,
                {"call": 1},
            ),
            Op(
                "reject",
                "refuse a call that rings here",
                CONTROL,
                "loop",
                (
                    which,
                    Argument(
                        "status", "integer", "SIP status", required=False, default=486, low=400, high=699
                    ),
                ),
                self._reject,
                one,
                {"call": 1},
            ),
        )

    def _op(
        self,
        name: str,
        help: str,
        arguments: tuple[Argument, ...],
        do: Callable[[DeskCall, Mapping[str, Any]], None],
        result: str,
        **example: Any,
    ) -> Op:
        """An operation on one call that is there."""

        def run(client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
            entry = self._entry(given["call"])
            if entry.call is None:
                raise ControlError("not-possible", f"call {entry.number} is not there yet")
            with _refusals():
                do(entry.call, given)
            self.changed()
            return {"call": self._status(entry)}

        return Op(name, help, CONTROL, "loop", arguments, run, result, {"call": 1, **example})

    def _dial(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self.switchboard is not None
        if self.running >= MAX_CALLS:
            raise ControlError("too-many", f"{MAX_CALLS} calls run already: end one of them")
        with _refusals():
            number = self.switchboard.dial(given["uri"])
        return {"call": self._status(self._entry(number))}

    def _answer(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self.switchboard is not None
        entry = self._ringing(given["call"])
        with _refusals():
            self.switchboard.answer(entry.number)
        self.changed()
        return {"call": self._status(entry)}

    def _reject(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self.switchboard is not None
        entry = self._ringing(given["call"])
        with _refusals():
            self.switchboard.reject(entry.number, given["status"])
        self.changed()
        return {"call": self._status(entry)}

    def _ringing(self, number: int) -> Entry:
        entry = self._entry(number)
        state = self._status(entry)["state"]
        if state != "incoming":
            raise ControlError("not-possible", f"call {number} does not ring here, it is {state}")
        return entry

    def _entry(self, number: int) -> Entry:
        entry = self._entries.get(number)
        if entry is None:
            known = ", ".join(map(str, self._entries)) or "none"
            over = any(each.number == number for each in self._ended)
            raise ControlError(
                "unknown-call", f"call {number} is over" if over else f"no call {number}; there is {known}"
            )
        return entry

    def _listed(self) -> dict[str, Any]:
        entries = [*self._entries.values(), *reversed(self._ended)]
        return {
            "calls": [self._status(each) for each in entries],
            "can_dial": self.switchboard is not None,
            "uri": self.uri,
            "most": MAX_CALLS,
        }

    def _status(self, entry: Entry) -> dict[str, Any]:
        if entry.call is not None:
            entry.last = entry.call.status()
        return {
            "state": "calling",
            **entry.last,
            "call": entry.number,
            "direction": entry.direction,
            "peer": entry.peer,
            "recording": entry.recording,
        }

    def _tell(self) -> None:
        self._telling = False
        self.publish(TOPIC, self._listed())
        self._wind()

    def _wind(self) -> None:
        if self._timer is None and self._entries:
            self._timer = self._loop.call_later(TELL_S, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        if self._entries and self.is_wanted(TOPIC):
            self._tell()


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what a call refuses into an answer."""
    try:
        yield
    except (SoftphoneError, DspError, LocalRtpError, LocalCallError) as error:
        raise ControlError("not-possible", str(error)) from None


def _digits(text: str) -> str:
    digits = text.upper()
    strangers = sorted(set(digits) - set(DIGITS))
    if strangers:
        raise ControlError(
            "bad-value", f"digits must be of 0-9 * # A-D, got {''.join(strangers)!r}", argument="digits"
        )
    return digits
