"""Calls over remote control, with calls that only remember what was asked of them."""

import asyncio
from pathlib import Path

import pytest

from softphone.app.call_desk import MAX_CALLS, MAX_ENDED, TELL_S, CallDesk
from softphone.control.dispatcher import Dispatcher
from softphone.control.op import Client
from softphone.errors import UsageError

ANNA, VERA = Client(1, "Anna", "control"), Client(2, "Vera", "view")


class Call:
    """A call that does as it is told."""

    def __init__(self, state="established"):
        self.state = state
        self.asked = []
        self.refuses = None

    def status(self):
        return {"state": self.state, "call": 99, "peer": "what SIP says"}

    def __getattr__(self, name):
        def do(*given, **more):
            if self.refuses:
                raise UsageError(self.refuses)
            self.asked.append((name, *given, *more.values()))

        return do


class Board:
    """A switchboard with one call in store."""

    def __init__(self, desk):
        self.desk = desk
        self.asked = []

    def dial(self, uri):
        if uri == "sip:":
            raise UsageError("whom to call must be a SIP URI")
        return self.desk.add(Call("calling"), direction="outgoing", peer=uri).number

    def answer(self, number):
        self.asked.append(("answer", number))

    def reject(self, number, status):
        self.asked.append(("reject", number, status))


class NoPresets:
    def names(self):
        return ()


def scenario(body, *, dials=False):
    """Run *body* with a desk, and what asks it as a client would."""

    async def run():
        desk = CallDesk()
        told = []
        desk.publish = lambda topic, said: told.append((topic, said))
        if dials:
            desk.switchboard = Board(desk)
        dispatcher = Dispatcher((), NoPresets(), (desk,))

        def ask(op, client=ANNA, **given):
            from softphone.control.errors import ControlError

            try:
                request = dispatcher.parse({"id": 1, "op": op, **given})
            except ControlError as error:
                return error.code, error.message
            reply = dispatcher.handle(client, request, now=0.0)
            return (reply.error.code, reply.error.message) if reply.error else reply.result

        await body(desk, ask, told)
        desk.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("op", "given", "done"),
    [
        ("hangup", {}, ("hang_up",)),
        ("mute", {"on": True}, ("mute", True)),
        ("hold", {"on": False}, ("hold", False)),
        ("dtmf", {"digits": "12#a"}, ("send_dtmf", "12#A")),
        ("mode", {"mode": "vlr"}, ("set_mode", "vlr", "both")),
        ("mode", {"mode": "vlc", "direction": "sent"}, ("set_mode", "vlc", "sent")),
    ],
)
def test_a_call_is_steered_by_its_number(op, given, done):
    async def body(desk, ask, told):
        others, call = Call(), Call()
        desk.add(others, direction="incoming", peer="sip:a@b")
        number = desk.add(call, direction="outgoing", peer="sip:bob@b").number
        reply = ask(op, call=number, **given)
        assert call.asked == [done]
        assert others.asked == []
        assert (reply["call"]["call"], reply["call"]["peer"]) == (number, "sip:bob@b")

    scenario(body)


@pytest.mark.parametrize("op", ["hangup", "mute", "hold", "dtmf", "mode", "dial", "answer", "reject"])
def test_who_may_only_look_changes_nothing(op):
    given = {"mute": {"on": True}, "hold": {"on": True}, "dtmf": {"digits": "1"}, "mode": {"mode": "vlc"}}

    async def body(desk, ask, told):
        call = Call("incoming")
        number = desk.add(call, direction="incoming", peer="sip:a@b").number
        more = {"uri": "sip:a@b"} if op == "dial" else {"call": number, **given.get(op, {})}
        assert ask(op, VERA, **more)[0] == "forbidden"
        assert ask("calls", VERA)["calls"][0]["state"] == "incoming"
        assert call.asked == []
        assert desk.switchboard.asked == []

    scenario(body, dials=True)


@pytest.mark.parametrize(
    ("op", "given", "code"),
    [
        ("hangup", {"call": 7}, "unknown-call"),
        ("hangup", {"call": "1"}, "bad-value"),
        ("hangup", {}, "bad-message"),
        ("dtmf", {"call": 1, "digits": "12x"}, "bad-value"),
        ("dtmf", {"call": 1, "digits": ""}, "out-of-range"),
        ("dtmf", {"call": 1, "digits": "1" * 33}, "out-of-range"),
        ("mode", {"call": 1, "mode": "loud"}, "bad-value"),
        ("mode", {"call": 1, "mode": "vlc", "direction": "up"}, "bad-value"),
        ("mute", {"call": 1, "on": 1}, "bad-value"),
        ("dial", {"uri": "sip:bob@b"}, "unknown-op"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_code(op, given, code):
    async def body(desk, ask, told):
        call = Call()
        desk.add(call, direction="outgoing", peer="sip:bob@b")
        assert ask(op, **given)[0] == code
        assert call.asked == []

    scenario(body)


def test_what_the_call_refuses_is_told_in_its_words():
    async def body(desk, ask, told):
        call = Call()
        call.refuses = "hold is for a call whose audio runs"
        number = desk.add(call, direction="outgoing", peer="sip:bob@b").number
        assert ask("hold", call=number, on=True) == ("not-possible", call.refuses)

    scenario(body)


def test_a_switchboard_dials_and_takes_what_rings():
    async def body(desk, ask, told):
        ringing = desk.add(Call("incoming"), direction="incoming", peer="sip:a@b").number
        running = desk.add(Call(), direction="incoming", peer="sip:a@b").number
        assert ask("dial", uri="sip:bob@b")["call"]["state"] == "calling"
        assert ask("dial", uri="sip:")[0] == "out-of-range"
        assert ask("answer", call=ringing)["call"]["call"] == ringing
        assert ask("reject", call=ringing, status=603)["call"]["call"] == ringing
        assert ask("answer", call=running)[0] == "not-possible"
        assert desk.switchboard.asked == [("answer", ringing), ("reject", ringing, 603)]
        assert ask("reject", call=ringing, status=200)[0] == "out-of-range"

    scenario(body, dials=True)


def test_no_more_calls_than_the_limit_are_dialled():
    async def body(desk, ask, told):
        for _ in range(MAX_CALLS):
            ask("dial", uri="sip:bob@b")
        assert ask("dial", uri="sip:bob@b")[0] == "too-many"
        assert desk.running == MAX_CALLS

    scenario(body, dials=True)


def test_a_call_that_ended_is_listed_with_how_and_the_oldest_are_forgotten():
    async def body(desk, ask, told):
        for number in range(MAX_ENDED + 2):
            entry = desk.add(Call(), direction="outgoing", peer=f"sip:{number}@b")
            desk.end(entry, {"outcome": "completed", "reason": "OK"})
        score = {
            "metric": "visqol",
            "value": 4.0,
            "unit": "MOS-LQO",
            "max": 5.0,
            "trusted": True,
            "segments": [],
        }
        desk.end(entry, {"outcome": "completed", "score": score})  # told again when it is scored
        listed = ask("calls")["calls"]
        assert len(listed) == MAX_ENDED
        assert (listed[0]["peer"], listed[0]["state"]) == (f"sip:{MAX_ENDED + 1}@b", "ended")
        assert listed[0]["score"]["value"] == 4.0
        assert "segments" not in listed[0]["score"]
        code, message = ask("hangup", call=entry.number)
        assert (code, message) == ("unknown-call", f"call {entry.number} is over")

    scenario(body)


def test_why_a_call_ended_names_no_folder_of_this_machine():
    async def body(desk, ask, told):
        desk.folders.add(str(Path("/home/anna/calls")))
        entry = desk.add(Call(), direction="outgoing", peer="sip:bob@192.0.2.7")
        why = f"recording {Path('/home/anna/calls/20260101-120000-heard.wav')} cannot be written"
        desk.end(
            entry,
            {"outcome": "failed", "reason": why, "error": f"{Path('/home/anna/calls')} cannot be written"},
        )
        ended = ask("calls", VERA)["calls"][0]
        assert ended["reason"] == "recording 20260101-120000-heard.wav cannot be written"
        assert ended["error"] == "the folder cannot be written"

    scenario(body)


def test_a_call_that_failed_says_why_and_what_to_try_in_one_line():
    async def body(desk, ask, told):
        entry = desk.add(Call(), direction="outgoing", peer="sip:bob@192.0.2.7")
        found = {"cause": "not-found", "why": "the peer knows no such user", "try": "check the user"}
        desk.end(entry, {"outcome": "declined", "diagnosis": found})
        assert ask("calls", VERA)["calls"][0]["why"] == "the peer knows no such user; check the user"

    scenario(body)


def test_each_change_is_told_once_when_the_loop_has_turned():
    async def body(desk, ask, told):
        entry = desk.add(Call(), direction="outgoing", peer="sip:bob@b")
        ask("mute", call=entry.number, on=True)
        assert told == []
        await asyncio.sleep(0)
        assert [topic for topic, _ in told] == ["calls"]
        desk.end(entry, {"outcome": "completed"})
        await asyncio.sleep(0)
        assert told[-1][1]["calls"][0]["outcome"] == "completed"

    scenario(body)


def test_figures_are_told_twice_a_second_while_a_call_runs_and_somebody_listens():
    async def body(desk, ask, told):
        loop = asyncio.get_running_loop()
        timers = []
        desk._loop = type("Loop", (), {"call_soon": loop.call_soon})()
        desk._loop.call_later = lambda delay, what: (
            timers.append((delay, what)) or asyncio.Handle(what, (), loop)
        )
        entry = desk.add(Call(), direction="outgoing", peer="sip:bob@b")
        await asyncio.sleep(0)
        assert [delay for delay, _ in timers] == [TELL_S]
        timers.pop()[1]()
        assert len(told) == 1  # nobody listens: not told, and not waited for again
        assert timers == []
        assert desk.snapshot("calls")["calls"][0]["peer"] == "sip:bob@b"  # somebody begins to
        desk.is_wanted = lambda topic: topic == "calls"
        timers.pop()[1]()
        assert len(told) == 2
        assert len(timers) == 1
        desk.end(entry, {"outcome": "completed"})
        timers.pop()[1]()
        assert timers == []

    scenario(body)
