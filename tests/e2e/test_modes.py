"""Calls in the modes vlc and vlr, and under a limit on the wire: real processes, real speech, the printed result."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.codecs import names
from support.command import Answering, softphone

from softphone import (
    AnswerOptions,
    CallOptions,
    CodecChoice,
    MediaOptions,
    answer_calls_async,
    place_call_async,
)

pytestmark = pytest.mark.e2e
LOW = "vlc" if "vlc" in names() else "codec2:1300"
needs_one = pytest.mark.skipif(
    LOW.partition(":")[0] not in names(), reason="neither VLC nor libcodec2 is here"
)


def in_mode(mode):
    with Answering("--calls", "1", "--codec", f"opus,{LOW}", "--expect", "builtin:man") as callee:
        arguments = ("--codec", f"opus,{LOW}", "--mode", mode, "--seconds", "4", "--play", "builtin:man")
        status, result, err = softphone("call", callee.uri, *arguments)
        _, results, _ = callee.finish()
    return status, result, results[0], err


@needs_one
def test_two_of_ours_run_in_the_mode_that_one_of_them_asks_for():
    with ThreadPoolExecutor(2) as pool:
        (vlc_status, *vlc, vlc_err), (vlr_status, *vlr, vlr_err) = pool.map(in_mode, ("vlc", "vlr"))
    assert (vlc_status, vlr_status) == (0, 0), (vlc_err, vlr_err)
    for mode, sides in (("vlc", vlc), ("vlr", vlr)):
        for side in sides:
            assert (side["mode"], side["mode_changes"], side["verdict"]) == (mode, [], ["ok"])
            assert side["codec"]["name"] == LOW.partition(":")[0]
            assert side["codec"]["ptime_ms"] >= 144
            assert side["sent"]["packets_per_s"] < 7.2
            assert side["received"]["lost"] == side["received"]["undecodable"] == 0
            # 40 bytes of headers in packets of 144 ms are 2.2 kb/s, and reports come on top.
            assert side["sent"]["wire_bps"] < side["sent"]["payload_bps"] + 3000
            assert side["airtime"]["ms_per_s"] > 0
    # Short RTP headers and compact SIP: 10 of 12 bytes saved in most packets.
    assert vlr[0]["sent"]["bytes"]["rtp"] < 34 * vlr[0]["sent"]["packets"]
    assert vlr[0]["sent"]["bytes"]["sip"] < vlc[0]["sent"]["bytes"]["sip"]


@needs_one
def test_a_peer_that_knows_no_mode_gets_a_normal_call():
    with Answering("--calls", "1", "--codec", "pcmu") as callee:
        status, result, _ = softphone(
            "call", callee.uri, "--codec", f"pcmu,{LOW}", "--mode", "vlr", "--seconds", "1.5"
        )
    assert (status, result["mode"], result["codec"]["name"], result["verdict"]) == (
        0,
        "normal",
        "pcmu",
        ["ok"],
    )


def under_limit(limit_bps):
    codecs = f"opus,pcmu,{LOW.partition(':')[0]}"
    with Answering("--calls", "1", "--codec", codecs) as callee:
        status, result, err = softphone(
            "call", callee.uri, "--codec", codecs, "--max-wire-bps", str(limit_bps), "--seconds", "4"
        )
        _, results, _ = callee.finish()
    assert status == 0, err
    return limit_bps, result, results[0]


@needs_one
def test_a_limit_holds_in_both_directions_with_headers_and_reports():
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(under_limit, (4000, 8000, 16_000, 32_000)))
    for limit_bps, *sides in done:
        for side in sides:
            assert side["verdict"] == ["ok"], side
            for way in ("sent", "received"):
                assert 0 < side[way]["wire_bps"] <= limit_bps, (limit_bps, side[way])
            assert side["sent"]["withheld"]["limit"] <= 0.1 * side["sent"]["packets"] + 1
    payload = [one["sent"]["payload_bps"] for _, one, _ in done]
    assert payload == sorted(payload), "what a higher limit allows is used"


def test_a_limit_that_no_codec_can_keep_is_one_line():
    status, result, err = softphone(
        "call", "sip:bob@127.0.0.1:9", "--codec", "opus,pcmu", "--max-wire-bps", "5000"
    )
    assert status == 2
    assert result["error"] == (
        "--max-wire-bps 5000: no packets of opus, pcmu fit; the lowest limit that would work is 9500 b/s"
    )
    assert err.count("\n") <= 1


@needs_one
def test_the_mode_is_switched_while_the_call_stands():
    async def talk():
        media = MediaOptions(codecs=(CodecChoice("opus", 16_000), CodecChoice.parse(LOW)))
        events, tours = asyncio.Queue(), []
        listen = AnswerOptions(listen=("127.0.0.1", 0), calls=1, media=media)
        callee = asyncio.create_task(answer_calls_async(listen, events.put_nowait))
        uri = (await events.get())["uri"]

        async def tour(call):
            await asyncio.sleep(0.6)
            for mode in ("vlc", "vlr", "normal"):
                call.set_mode(mode)
                await asyncio.sleep(1.3)
            call.hang_up()

        def on_running(call):
            tours.append(asyncio.create_task(tour(call)))

        [result] = await place_call_async(CallOptions(uri, seconds=30, media=media), on_running=on_running)
        [theirs] = await callee
        return result, theirs

    result, theirs = asyncio.run(talk())
    for side in (result, theirs):
        assert side["verdict"] == ["ok"]
        assert side["received"]["lost"] == side["received"]["undecodable"] == 0
        for direction in ("sent", "received"):
            modes = [each["mode"] for each in side["mode_changes"] if each["direction"] == direction]
            assert modes[-1] == "normal"
            assert modes[0] == "vlc"
        times = [each["at_s"] for each in side["mode_changes"]]
        assert times == sorted(times)
    assert [each["mode"] for each in result["mode_changes"] if each["direction"] == "sent"] == [
        "vlc",
        "vlr",
        "normal",
    ]
    assert result["mode"] == "normal"
    assert result["codec"]["name"] == "opus"


@needs_one
def test_the_example_goes_through_the_modes(tmp_path):
    example = Path(__file__).parents[2] / "examples" / "switch_mode.py"
    done = subprocess.run(
        [sys.executable, str(example), LOW, "0.8"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=tmp_path,
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines[:4]] == ["normal", "vlc", "vlr", "normal"]
    rates = [float(line[1]) for line in lines[:4]]
    # 16 kb/s in packets of 20 ms are 32 kb/s on the wire, a VLC call 5.
    assert max(rates[1:3]) < 8000 < 25_000 < min(rates[0], rates[3])
    assert lines[4][0] == "completed"
    assert [line[2:] for line in lines[5:] if line[2] == "sent"] == [
        ["sent", "vlc", LOW.partition(":")[0]],
        ["sent", "vlr", LOW.partition(":")[0]],
        ["sent", "normal", "opus"],
    ]
