"""Hold and resume with real peers: our re-INVITE to them, and theirs to us."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.peers import Baresip, SippCallee, missing, read_wav

from softphone.app import place_call_async
from softphone.config import AudioOptions, CallOptions, CodecChoice, MediaOptions
from softphone.io.media_clock import new_media_loop

pytestmark = pytest.mark.interop

ANSWER = """\
      v=0
      o=- 1 {version} IN IP4 [local_ip]
      s=-
      c=IN IP4 [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 0
      a={direction}
"""


def _answer(status: str, *, version: int = 0, direction: str = "", tag: str = "") -> str:
    body = ANSWER.format(version=version, direction=direction) if version else ""
    kind = "\n      Content-Type: application/sdp" if body else ""
    return f"""
  <send{' retrans="500"' if version else ""}><![CDATA[
      SIP/2.0 {status}
      [last_Via:]
      [last_From:]
      [last_To:]{tag}
      [last_Call-ID:]
      [last_CSeq:]
      Contact: <sip:[local_ip]:[local_port]>{kind}
      Content-Length: [len]

{body}  ]]></send>
"""


def _invite(direction: str) -> str:
    """Wait for a re-INVITE that offers *direction*; another one fails the scenario."""
    return f"""
  <recv request="INVITE"><action>
    <ereg regexp="a={direction}" search_in="body" check_it="true" assign_to="1"/><log message="[$1]"/>
  </action></recv>
"""


ACK = """
  <recv request="ACK"/>
"""
SCENARIO = (
    '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="held">'
    '\n  <recv request="INVITE"/>'
    + _answer("200 OK", version=1, direction="sendrecv", tag=";tag=sipp")
    + ACK
    + _invite("sendonly")
    + _answer("491 Request Pending")
    + ACK
    + _invite("sendonly")
    + _answer("200 OK", version=2, direction="recvonly")
    + ACK
    + _invite("sendrecv")
    + _answer("488 Not Acceptable Here")
    + ACK
    + _invite("sendrecv")
    + _answer("200 OK", version=3, direction="sendrecv")
    + ACK
    + '\n  <recv request="BYE"/>'
    + _answer("200 OK")
    + "</scenario>\n"
)
"""A callee that crosses our hold once (491), takes it, refuses to be taken back (488), and agrees in the end."""

MEDIA = MediaOptions(codecs=(CodecChoice("pcmu"),))
Script = Callable[[Any], Awaitable[None]]


def call(uri: str, script: Script, *, record: Path | None = None) -> dict[str, Any]:
    """Call *uri*, send a tone, do what *script* says with the running call, hang up; its RESULT."""

    async def main() -> dict[str, Any]:
        running: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        audio = AudioOptions(tone_hz=440.0, record=None if record is None else str(record))
        options = CallOptions(uri, seconds=20, audio=audio, media=MEDIA)
        calling = asyncio.create_task(place_call_async(options, on_running=running.set_result))
        one = await asyncio.wait_for(running, 10)
        try:
            await script(one)
        finally:
            one.hang_up()
        (result,) = await asyncio.wait_for(calling, 10)
        return result

    with asyncio.Runner(loop_factory=new_media_loop) as runner:
        return runner.run(main())


async def until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 (what is waited for is not the loop's to tell)
            await asyncio.sleep(0.02)


def sounding(path: Path) -> list[tuple[bool, float]]:
    """Stretches of a recording, each with whether it sounds and for how long (s); those below 0.3 s are left out."""
    samples, rate_hz = read_wav(path)
    block = rate_hz // 50
    loud = np.abs(samples[: samples.size // block * block]).reshape(-1, block).max(axis=1) > 0.01
    edges = np.flatnonzero(np.diff(loud)) + 1
    pieces = np.split(loud, edges)
    found: list[tuple[bool, float]] = []
    for piece in pieces:
        seconds = piece.size / 50
        if seconds < 0.3:
            continue
        if found and found[-1][0] == piece[0]:
            found[-1] = (bool(piece[0]), found[-1][1] + seconds)
        else:
            found.append((bool(piece[0]), seconds))
    return found


async def hold_and_resume(one: Any) -> None:
    await asyncio.sleep(1.0)
    one.hold(True)
    await until(lambda: one.status()["on_hold"])
    await asyncio.sleep(0.3)
    sent = one.progress()["sent_wire_bytes"]
    await asyncio.sleep(1.0)
    assert one.progress()["sent_wire_bytes"] - sent < 500, "reports alone are sent"
    one.hold(False)
    await until(lambda: not one.status()["on_hold"])
    await asyncio.sleep(1.0)


@pytest.mark.feature("baresip 1.0", "hold and resume, by either side")
@pytest.mark.skipif(missing("baresip") is not None, reason=str(missing("baresip")))
def test_baresip_is_held_and_taken_back(tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    with Baresip(codecs=("pcmu",)) as bob:
        result = call(bob.uri, hold_and_resume, record=heard)
    assert (result["outcome"], result["sip_status"]) == ("completed", 200)
    assert result["held_s"] == pytest.approx(1.35, abs=0.4)
    (_, before), (silent, pause), (_, after) = sounding(heard)[-3:]
    assert (silent, before > 0.5, after > 0.5) == (False, True, True), "the tone stops and comes back"
    assert pause == pytest.approx(1.3, abs=0.4)


@pytest.mark.feature("baresip 1.0", "hold and resume, by either side")
@pytest.mark.skipif(missing("baresip") is not None, reason=str(missing("baresip")))
def test_baresip_holds_us_and_takes_us_back() -> None:
    with Baresip(codecs=("pcmu",)) as bob:

        async def script(one: Any) -> None:
            await asyncio.sleep(0.5)
            bob.say("/hold")
            await until(lambda: one.status()["peer_holds"])
            one.hold(True)  # both hold
            await until(lambda: one.status()["on_hold"])
            one.hold(False)
            await until(lambda: not one.status()["on_hold"])
            assert one.status()["peer_holds"]
            bob.say("/resume")
            await until(lambda: not one.status()["peer_holds"])

        result = call(bob.uri, script)
    assert result["outcome"] == "completed"


class ScriptedCallee(SippCallee):
    """sipp that follows `SCENARIO`."""

    def command(self) -> list[str]:
        """Return the command line."""
        (self.folder / "held.xml").write_text(SCENARIO, encoding="latin-1")
        return ["sipp", "-sf", "held.xml", *self._common, *self._echo]


@pytest.mark.feature("sipp 3.6", "re-INVITEs that cross (491), are refused, are agreed on")
@pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp")))
def test_sipp_crosses_refuses_and_agrees() -> None:
    with ScriptedCallee() as callee:

        async def script(one: Any) -> None:
            one.hold(True)
            await until(lambda: one.status()["on_hold"], 8)  # a 491: we placed the call and wait 2.1 to 4 s
            one.hold(False)
            await until(lambda: one.status()["hold_refused"] is not None)
            assert one.status()["hold_refused"] == "488 Not Acceptable Here"
            assert one.status()["on_hold"]
            one.hold(False)
            await until(lambda: not one.status()["on_hold"])

        result = call(f"sip:service@{callee.host}:{callee.port}", script)
        assert callee.wait(10) == 0, callee.messages
    assert (result["outcome"], result["sip_status"]) == ("completed", 200)
