"""Calls that scripts drive, between parties of one process over loopback: early media, digits, codec, transfers, refusals."""

import asyncio
import contextlib
import wave

import numpy as np
import pytest

from softphone.app import answer_calls_async, exit_status, place_call_async
from softphone.config import (
    AccountOptions,
    AnswerOptions,
    AudioOptions,
    CallOptions,
    CodecChoice,
    MediaOptions,
)
from softphone.io.media_clock import new_media_loop

pytestmark = pytest.mark.e2e

MEDIA = MediaOptions(codecs=(CodecChoice("pcmu"), CodecChoice("pcma")), rtp_timeout_s=5.0)
TONE = AudioOptions(tone_hz=440.0)
QUICK = AccountOptions(sip_t1_ms=100)
"""Nobody waits long for a message that cannot get lost."""


class Party:
    """Somebody who answers."""

    def __init__(self, **options):
        options.setdefault("audio", TONE)
        media = options.pop("media", MEDIA)
        self.options = AnswerOptions(listen=("127.0.0.1", 0), media=media, account=QUICK, **options)
        self.uri = ""
        self.stop = asyncio.Event()
        self._events = asyncio.Queue()

    async def __aenter__(self):
        self.task = asyncio.create_task(
            answer_calls_async(self.options, self._events.put_nowait, stop=self.stop)
        )
        self.uri = (await self._events.get())["uri"]
        return self

    async def results(self):
        return await asyncio.wait_for(self.task, 15)

    async def __aexit__(self, *_):
        self.stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


def run(work):
    with asyncio.Runner(loop_factory=new_media_loop) as runner:
        return runner.run(asyncio.wait_for(work, 30))


async def call(uri, **options):
    options.setdefault("audio", TONE)
    media = options.pop("media", MEDIA)
    [result] = await place_call_async(CallOptions(uri, media=media, account=QUICK, **options))
    return result


@pytest.fixture
def script(tmp_path):
    """Write a script of steps, each a line or several of TOML; return its path."""
    written = []

    def write(*steps):
        path = tmp_path / f"{len(written)}.toml"
        path.write_text("".join(f"[[step]]\n{step}\n" for step in steps), encoding="utf-8")
        written.append(path)
        return str(path)

    return write


def steps(result):
    return [(each["step"], each["got"], each["ok"]) for each in result["script"]]


def test_both_sides_of_a_call_run_a_script(script):
    ours = script(
        "at = 0.2\nhold = true",
        "resume = true",
        'dtmf = "12#"',
        'expect-dtmf = "9"',
        'codec = "pcma"',
        'expect = { codec = "pcma", hold = false, state = "established" }',
        "hangup = true",
        'expect = { outcome = "completed", ended-by = "local" }',
    )
    theirs = script(
        'early-media = "builtin:woman"', "at = 0.4\nanswer = true", 'expect-dtmf = "12#"', 'dtmf = "9"'
    )

    async def both():
        async with Party(calls=1, script=theirs) as callee:
            result = await call(callee.uri, script=ours)
            return result, *await callee.results()

    here, there = run(both())
    assert all(each["ok"] for each in (*here["script"], *there["script"])), (here["script"], there["script"])
    assert [each[0] for each in steps(here)][:3] == ["hold", "resume", "dtmf 12#"]
    assert here["codec"]["name"] == there["codec"]["name"] == "pcma"
    assert (there["dtmf_received"], here["dtmf_received"]) == ("12#", "9")
    assert here["early_media_s"] == pytest.approx(0.4, abs=0.15)
    assert here["script"][0]["at_s"] == pytest.approx(0.2, abs=0.1)
    assert exit_status([here]) == exit_status([there]) == 0


def test_what_is_missed_is_the_error_and_makes_the_status_6(script):
    path = script('expect = { codec = "pcmu" }', 'expect-dtmf = "1"\nwithin = 0.9', "hangup = true")

    async def both():
        async with Party(calls=1) as callee:
            return await call(callee.uri, script=path)

    result = run(both())
    assert steps(result)[1] == ("expect-dtmf 1", "", False)
    assert result["error"] == f"{path}:4: expect-dtmf 1: wanted 1, got nothing"
    assert exit_status([result]) == 6


@pytest.mark.parametrize(("wanted", "status"), [("busy", 0), ("completed", 6)])
def test_a_refusal_that_is_expected_is_a_success(script, wanted, status):
    ours = script(f'expect = {{ outcome = "{wanted}", sip-status = 486 }}')
    theirs = script("ring = true", "after = 0.1\nreject = 486")

    async def both():
        async with Party(calls=1, script=theirs) as callee:
            return await call(callee.uri, script=ours)

    result = run(both())
    assert (result["outcome"], result["sip_status"]) == ("busy", 486)
    assert exit_status([result]) == status


def test_a_script_gives_up_before_the_answer(script):
    ours = script('expect = { state = "ringing" }', "cancel = true", 'expect = { outcome = "no-answer" }')
    theirs = script("ring = true", "wait = 9", "answer = true")

    async def both():
        async with Party(calls=1, script=theirs) as callee:
            return await call(callee.uri, script=ours), *await callee.results()

    here, there = run(both())
    assert all(each["ok"] for each in here["script"]), here["script"]
    assert there["outcome"] == "no-answer"
    assert exit_status([here]) == 0


def test_a_call_that_never_stood_ends_as_it_does_without_a_script(script):
    result = run(call("sip:bob@127.0.0.1:9", script=script("hold = true")))
    assert (result["outcome"], result["error"]) == ("unreachable", None)
    assert not result["script"][0]["ok"]
    assert exit_status([result]) == 3


def test_steps_of_a_call_that_is_over_are_missed(script):
    ours = script("at = 0.6\nhold = true")

    async def both():
        async with Party(calls=1, seconds=0.3) as callee:
            return await call(callee.uri, script=ours)

    result = run(both())
    assert not result["script"][0]["ok"]
    assert exit_status([result]) == 6


def test_digits_by_info():
    media = MediaOptions(codecs=MEDIA.codecs, dtmf_by="info")

    async def both():
        async with Party(calls=1) as callee:
            await call(callee.uri, media=media, dtmf="159D#", seconds=1.2)
            return await callee.results()

    [there] = run(both())
    assert there["dtmf_received"] == "159D#"


def test_early_media_is_heard_and_recorded_before_the_answer(tmp_path):
    heard = tmp_path / "heard.wav"

    async def both():
        async with Party(calls=1, ring_s=0.8, early_media="builtin:woman") as callee:
            audio = AudioOptions(tone_hz=440.0, record=str(heard))
            return await call(callee.uri, audio=audio, seconds=0.4), *await callee.results()

    here, there = run(both())
    assert here["early_media_s"] == pytest.approx(0.8, abs=0.2)
    assert here["duration_s"] == pytest.approx(1.2, abs=0.3)
    with wave.open(str(heard)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16) / 32768.0
        before = samples[: round(0.7 * file.getframerate())]
    spectrum = np.abs(np.fft.rfft(before * np.hanning(before.size)))
    tone = spectrum[round(440 * before.size / file.getframerate())]
    assert np.abs(before).max() > 0.05, "somebody speaks"
    assert tone < 0.5 * spectrum.max(), "and it is not the tone that comes after the answer"
    assert (here["outcome"], there["outcome"]) == ("completed", "completed")


def test_a_refused_call_may_have_had_early_media(script):
    theirs = script('early-media = "builtin:woman"', "after = 0.4\nreject = 603")

    async def both():
        async with Party(calls=1, script=theirs) as callee:
            return await call(callee.uri)

    result = run(both())
    assert (result["outcome"], result["early_media_s"]) == ("declined", pytest.approx(0.4, abs=0.15))
    assert result["received"]["packets"] > 5


def test_more_calls_than_are_wanted_at_a_time_are_told_that_we_are_busy():
    async def several():
        async with Party(calls=3, max_calls=1) as callee:
            first = asyncio.create_task(call(callee.uri, seconds=0.8))
            await asyncio.sleep(0.3)
            second = await call(callee.uri, seconds=0.2)
            return await first, second, await call(callee.uri, seconds=0.2)

    results = run(several())
    assert [(each["outcome"], each["sip_status"]) for each in results] == [
        ("completed", 200),
        ("busy", 486),
        ("completed", 200),
    ]


def test_a_blind_transfer_is_followed_by_who_was_told_to(script):
    async def three():
        async with Party(calls=1, seconds=0.5) as carol, Party(calls=1, transfers="follow") as bob:
            path = script(f'at = 0.3\ntransfer = "{carol.uri}"', 'expect = { outcome = "completed" }')
            here = await call(bob.uri, script=path)
            return here, *await bob.results(), *await carol.results()

    here, bob, carol = run(three())
    assert here["script"][0]["got"] == 200
    assert here["transfer"] == {"asked": "local", "target": carol["local"], "status": 200, "result": None}
    assert (bob["transfer"]["asked"], bob["transfer"]["status"]) == ("peer", 200)
    assert bob["transfer"]["result"]["peer"] == carol["local"]
    assert bob["transfer"]["result"]["outcome"] == carol["outcome"] == "completed"
    assert exit_status([here]) == exit_status([bob]) == 0


def test_a_transfer_is_refused_unless_it_was_allowed(script):
    path = script('transfer = "sip:carol@127.0.0.1:9"', "at = 1\nhangup = true")

    async def both():
        async with Party(calls=1) as callee:
            return await call(callee.uri, script=path), *await callee.results()

    here, there = run(both())
    assert steps(here)[0] == ("transfer sip:carol@127.0.0.1:9", 603, False)
    assert there["transfer"] == {
        "asked": "peer",
        "target": "sip:carol@127.0.0.1:9",
        "status": 603,
        "result": None,
    }
    assert (here["outcome"], there["outcome"]) == ("completed", "completed")


def test_a_transfer_to_nobody_leaves_the_call_as_it_was(script):
    path = script('transfer = "sip:carol@127.0.0.1:9"', 'expect = { state = "established" }', "hangup = true")

    async def both():
        async with Party(calls=1, transfers="follow") as callee:
            return await call(callee.uri, script=path), *await callee.results()

    here, there = run(both())
    assert steps(here)[0][1:] == (503, False)
    assert steps(here)[1][2]
    assert there["transfer"]["result"]["outcome"] == "unreachable"


def test_an_attended_transfer_joins_two_peers(script):
    async def three():
        async with Party(calls=1, seconds=0.6) as carol, Party(calls=1, transfers="follow") as bob:
            path = script(
                "hold = true",
                f'call = "{carol.uri}"\nname = "second"',
                'after = 0.2\ntransfer-to = "second"',
                'expect = { outcome = "completed" }',
                'on = "second"\nexpect = { outcome = "completed", ended-by = "peer" }',
            )
            here = await call(bob.uri, script=path)
            return here, *await bob.results(), *await carol.results()

    here, bob, carol = run(three())
    assert all(each["ok"] for each in here["script"]), here["script"]
    assert here["other_calls"]["second"]["outcome"] == "completed"
    for side in (bob, carol):
        assert side["transfer"]["asked"] == "peer"
        assert side["transfer"]["result"]["outcome"] == "completed"
        assert side["transfer"]["result"]["received"]["packets"] > 10
    assert exit_status([here]) == 0
