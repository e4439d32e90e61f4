"""A call that comes in while a server has still to tell our address: refused if it does not, let go if the caller gives up."""

import asyncio
from typing import Any

import pytest
from support.media_calls import LOOPBACK, MEDIA

from softphone.app.callee import answer
from softphone.app.caller import call
from softphone.app.result import Result
from softphone.config import AccountOptions, AnswerOptions, AudioOptions, CallOptions
from softphone.errors import UnreachableError
from softphone.io.media_clock import new_media_loop
from softphone.io.rtp_socket import RtpSocket

pytestmark = pytest.mark.e2e

TONE = AudioOptions(tone_hz=440.0)
ASKS = AccountOptions(stun="127.0.0.1:9")


async def _dial(*, linger_s: float = 0.0, **more: Any) -> tuple[list[Result], list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []
    listening, stop = asyncio.Event(), asyncio.Event()

    def on_event(event: dict[str, Any]) -> None:
        told.append(event)
        listening.set()

    options = AnswerOptions(listen=LOOPBACK, audio=TONE, media=MEDIA, account=ASKS)
    answering = asyncio.create_task(answer(options, on_event, stop=stop))
    await asyncio.wait_for(listening.wait(), 10)
    calling = CallOptions(told[0]["uri"], audio=TONE, media=MEDIA, **more)
    results = await asyncio.wait_for(call(calling, stop=asyncio.Event()), 20)
    await asyncio.sleep(linger_s)
    stop.set()
    return results, await asyncio.wait_for(answering, 10)


def dial(**more: Any) -> tuple[Result, list[dict[str, Any]]]:
    """The caller's RESULT, and those of the callee, who asks a server for each call."""
    with asyncio.Runner(loop_factory=new_media_loop) as runner:
        (result,), theirs = runner.run(_dial(**more))
    return result, theirs


def test_a_call_is_taken_when_the_server_has_told_our_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async def told(pair: RtpSocket, server: Any) -> Any:
        await asyncio.sleep(0.1)
        return tuple(("127.0.0.1", port) for port in pair.ports)

    monkeypatch.setattr(RtpSocket, "mapped_by", told)
    result, theirs = dial(seconds=0.5)
    assert (result["outcome"], len(theirs)) == ("completed", 1)


def test_a_call_is_refused_when_the_server_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def silent(*_: Any) -> Any:
        raise UnreachableError("STUN server 127.0.0.1:9 did not tell our address within 3 s")

    monkeypatch.setattr(RtpSocket, "mapped_by", silent)
    result, theirs = dial(seconds=0.5)
    assert (result["sip_status"], theirs) == (500, [])
    assert "a call is refused: STUN server" in caplog.text


def test_a_caller_who_gives_up_meanwhile_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(pair: RtpSocket, server: Any) -> Any:
        await asyncio.sleep(0.6)
        return tuple(("127.0.0.1", port) for port in pair.ports)

    monkeypatch.setattr(RtpSocket, "mapped_by", slow)
    result, theirs = dial(ring_timeout_s=0.3, linger_s=0.5)
    assert (result["ended_by"], result["received"], theirs) == ("local", None, [])
