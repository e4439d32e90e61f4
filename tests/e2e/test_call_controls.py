"""Two calls' ends of ours in one process, over loopback: hold, mute, digits, status, and calls that wait for a person."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from softphone.app.caller import placed, target_of
from softphone.app.codec_choice import chosen_codecs
from softphone.app.one_call import CallPlan, OneCall
from softphone.app.station import Station
from softphone.call.events import IncomingCall
from softphone.config import (
    AccountOptions,
    AudioOptions,
    CodecChoice,
    LineOptions,
    MediaOptions,
)
from softphone.errors import UsageError
from softphone.io.media_clock import new_media_loop

pytestmark = pytest.mark.e2e

MEDIA = MediaOptions(codecs=(CodecChoice("pcmu"),), rtp_timeout_s=1.0)
TONE = AudioOptions(tone_hz=440.0)
LOOPBACK = ("127.0.0.1", 0)


def plan_of(**changes):
    base = CallPlan(
        audio=TONE,
        media=MEDIA,
        line=LineOptions(),
        chosen=chosen_codecs(MEDIA),
        seconds=None,
        until_played=False,
    )
    return replace(base, **changes)


class Heard:
    """Level of what a call hears, block by block."""

    def __init__(self):
        self.levels = []

    def listen(self, one):
        one.leg.receive.taps.append(lambda block: self.levels.append(float(np.abs(block).max())))

    async def until(self, wanted, within_s=5.0):
        """Wait for three blocks in a row that are as *wanted*."""
        begin = len(self.levels)
        await until(
            lambda: len(self.levels) >= begin + 3 and all(wanted(level) for level in self.levels[-3:]),
            within_s,
        )


def loud(level):
    return level > 0.05


def quiet(level):
    return level < 1e-3


class TwoStations:
    """A caller and a callee that lets calls ring until the test takes them."""

    async def __aenter__(self):
        self.stop = asyncio.Event()
        self.ours = await Station.open(LOOPBACK, AccountOptions(), default_user="caller")
        self.theirs = await Station.open(LOOPBACK, AccountOptions(), default_user="callee")
        self.rang, self.tasks = asyncio.Queue(), []
        self.theirs.on_stranger = self.on_incoming
        return self

    def on_incoming(self, event):
        if isinstance(event, IncomingCall):
            one = OneCall(self.theirs, plan_of(answers=True))
            one.attach(event.call)
            self.finish(one)
            one.ring()
            self.rang.put_nowait(one)

    def finish(self, one):
        self.tasks.append(asyncio.create_task(one.finish(self.stop)))

    async def dial(self, **changes):
        target = target_of(self.theirs.uri)
        one = placed(
            self.ours,
            plan_of(**changes),
            target,
            (await self.ours.destinations(target))[0],
            account=AccountOptions(),
            ring_timeout_s=None,
        )
        self.finish(one)
        return one

    async def talk(self, **changes):
        """Both ends of a call whose audio runs both ways."""
        one = await self.dial(**changes)
        other = await asyncio.wait_for(self.rang.get(), 5)
        other.accept()
        await until(lambda: one.leg is not None and other.leg is not None)
        return one, other

    async def results(self):
        return await asyncio.wait_for(asyncio.gather(*self.tasks), 10)

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.ours.close()
        self.theirs.close()


def run(body):
    async def main():
        async with TwoStations() as both:
            await body(both)

    with asyncio.Runner(loop_factory=new_media_loop) as runner:
        runner.run(main())


async def until(condition, within_s=5.0):
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 (what is waited for is not the loop's to tell)
            await asyncio.sleep(0.01)


def test_on_hold_the_peer_hears_silence_both_ways_and_then_speech_again():
    async def body(both):
        one, other = await both.talk()
        here, there = Heard(), Heard()
        here.listen(one)
        there.listen(other)
        await asyncio.gather(here.until(loud), there.until(loud))
        one.hold(True)
        await until(lambda: one.status()["on_hold"])
        await asyncio.gather(here.until(quiet), there.until(quiet))
        assert (other.status()["peer_holds"], other.status()["on_hold"]) == (True, False)
        sent = one.leg.reading().rtp.sent.packets, other.leg.reading().rtp.sent.packets
        await asyncio.sleep(1.3)  # longer than the patience for a peer that is not heard
        assert (one.leg.reading().rtp.sent.packets, other.leg.reading().rtp.sent.packets) == sent
        with pytest.raises(UsageError, match="DTMF 1 cannot be sent while the call is on hold"):
            one.send_dtmf("1")
        one.hold(False)
        await asyncio.gather(here.until(loud), there.until(loud))
        assert not one.status()["on_hold"]
        assert not other.status()["peer_holds"]
        one.hang_up()
        for result in await both.results():
            assert (result["outcome"], result["verdict"]) == ("completed", ["ok"])
            assert result["held_s"] == pytest.approx(1.6, abs=0.5)

    run(body)


def test_the_callee_holds_as_well():
    async def body(both):
        one, other = await both.talk()
        here, there = Heard(), Heard()
        here.listen(one)
        there.listen(other)
        other.hold(True)
        await until(lambda: one.status()["peer_holds"])
        other.hold(False)
        await until(lambda: not other.status()["on_hold"])
        await until(lambda: min(sum(map(loud, each.levels)) for each in (here, there)) > 10)
        one.hang_up()
        assert [result["outcome"] for result in await both.results()] == ["completed"] * 2

    run(body)


def test_mute_is_heard_as_silence_by_the_peer_alone():
    async def body(both):
        one, other = await both.talk()
        here, there = Heard(), Heard()
        here.listen(one)
        there.listen(other)
        await there.until(loud)
        one.mute(True)
        await there.until(quiet)
        assert one.status()["muted"]
        assert loud(here.levels[-1])
        one.mute(False)
        await there.until(loud)
        assert not one.status()["muted"]

    run(body)


def test_digits_can_be_sent_at_any_time():
    async def body(both):
        one, other = await both.talk()
        one.send_dtmf("1#")
        one.send_dtmf("a")
        await until(lambda: other.status()["dtmf_received"] == "1#A")
        with pytest.raises(UsageError, match="got 'X'"):
            one.send_dtmf("x")
        with pytest.raises(UsageError, match="got none"):
            one.send_dtmf("")

    run(body)


STATUS = {
    "call", "direction", "peer", "state", "since_s", "duration_s", "muted", "on_hold", "peer_holds", "hold_refused",
    "codec", "mode", "received_mode", "modes", "sent_wire_bps", "received_wire_bps", "loss_pct", "jitter_ms",
    "playout_delay_ms", "level_dbov", "mos_cq", "r", "emodel", "airtime", "airtime_now", "cpu_ms_per_s", "dtmf_received",
    "filters",
}  # fmt: skip


def test_the_status_has_every_key_in_every_state():
    async def body(both):
        one = await both.dial()
        other = await asyncio.wait_for(both.rang.get(), 5)
        await until(lambda: one.status()["state"] == "ringing")
        states = [other.status()]
        assert (states[0]["state"], states[0]["direction"]) == ("incoming", "incoming")
        assert states[0]["codec"] is None
        for control in (other.mute, other.hold):
            with pytest.raises(UsageError, match="for a call whose audio runs"):
                control(True)
        with pytest.raises(UsageError, match="for a call whose audio runs"):
            other.send_dtmf("1")
        other.accept()
        await until(lambda: one.leg is not None and other.leg is not None)
        one.status()
        await until(lambda: one.leg.reading().rtp.received.packets > 40)
        states.append(one.status())
        running = states[-1]
        assert (running["state"], running["direction"], running["peer"]) == (
            "established",
            "outgoing",
            both.theirs.uri,
        )
        assert running["codec"] == {
            "name": "pcmu",
            "sample_rate_hz": 8000,
            "bit_rate_bps": 64000,
            "ptime_ms": 20,
        }
        # 50 packets a second of 160 + 40 bytes, and some RTCP.
        assert 60_000 < running["sent_wire_bps"] < 110_000
        assert 60_000 < running["received_wire_bps"] < 110_000
        assert running["emodel"]["model"] == "G.107"
        assert running["mos_cq"] == running["emodel"]["mos_cq"] > 4
        assert running["airtime"]["ms_per_s"] > 0
        assert running["cpu_ms_per_s"] > 0
        assert 0.5 < running["duration_s"] < 10
        one.hang_up()
        states.append(one.status())
        await both.results()
        states += [one.status(), other.status()]
        assert [each["state"] for each in states] == ["incoming", "established", "ending", "ended", "ended"]
        assert states[3]["codec"] == running["codec"], "the last figures stay"
        assert all(set(each) == STATUS for each in states)

    run(body)


def test_changes_are_told():
    async def body(both):
        told = []
        one, _ = await both.talk(on_changed=lambda call: told.append(call.status()["state"]))
        one.hold(True)
        await until(lambda: one.status()["on_hold"])
        one.hang_up()
        await both.results()
        await asyncio.sleep(0)
        assert told == ["calling", "ringing", "established", "established", "ended"]

    run(body)


def test_a_call_that_waits_for_a_person_is_refused_by_it():
    async def body(both):
        await both.dial()
        other = await asyncio.wait_for(both.rang.get(), 5)
        with pytest.raises(UsageError, match="300 to 699"):
            other.reject(200)
        other.reject()
        ours = (await both.results())[0]
        assert (ours["outcome"], ours["sip_status"]) == ("busy", 486)

    run(body)
