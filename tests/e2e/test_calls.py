"""Calls between two processes of ours, beyond what the demo shows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import Answering, Calling, softphone

pytestmark = pytest.mark.e2e


def test_digits_are_heard_and_are_no_dropouts():
    with Answering("--calls", "1") as callee:
        status, result, _ = softphone("call", callee.uri, "--seconds", "3", "--dtmf", "159D#")
        _, results, _ = callee.finish()
    assert status == 0
    assert results[0]["dtmf_received"] == result["peer_result"]["dtmf_received"] == "159D#"
    assert results[0]["verdict"] == ["ok"]


def test_without_seconds_the_call_ends_when_what_is_played_ends():
    with Answering("--calls", "1") as callee:
        status, result, _ = softphone("call", callee.uri, "--play", "builtin:man")
    assert status == 0
    assert result["duration_s"] == pytest.approx(7.1 + 0.3, abs=0.2)  # builtin:man and the tail after it


def test_an_echo_returns_what_was_sent(tmp_path):
    heard = tmp_path / "heard.wav"
    with Answering("--echo", "--calls", "1", "--codec", "opus") as callee:
        arguments = ("--play", "builtin:woman", "--expect", "builtin:woman", "--record", str(heard))
        status, result, _ = softphone("call", callee.uri, *arguments)
    assert status == 0
    assert result["score"]["metrics"]["stoi"] > 0.85  # through Opus twice at 16 kb/s; 0.95 was measured
    assert result["score"]["value"] > 3.5


@pytest.mark.parametrize("codec", ["pcmu", "pcma", "g722", "l16", "l16-wb", "opus:32000"])
def test_every_codec_carries_a_call(codec):
    with Answering("--codec", codec, "--calls", "1") as callee:
        status, result, _ = softphone(
            "call", callee.uri, "--seconds", "2", "--codec", codec, "--expect", "builtin:man"
        )
    assert status == 0, result
    assert result["codec"]["name"] == codec.partition(":")[0]
    assert result["score"]["value"] > 3.5
    assert result["score"]["metrics"]["stoi"] > 0.9
    assert result["recording"] is None


@pytest.mark.parametrize("ptime_ms", [10, 40, 120])
def test_packet_intervals_of_opus(ptime_ms):
    with Answering("--calls", "1") as callee:
        status, result, _ = softphone("call", callee.uri, "--seconds", "2.4", "--ptime", str(ptime_ms))
    assert (status, result["verdict"]) == (0, ["ok"])
    # The callee names no interval of its own and follows the caller's.
    for side in (result, result["peer_result"]):
        assert side["codec"]["ptime_ms"] == ptime_ms
        assert side["sent"]["packets"] == pytest.approx(2400 / ptime_ms, rel=0.1)


def test_the_sides_may_send_at_different_intervals():
    with Answering("--ptime", "20", "--calls", "1") as callee:
        status, result, _ = softphone("call", callee.uri, "--seconds", "2.4", "--ptime", "60")
    assert status == 0
    assert result["verdict"] == result["peer_result"]["verdict"] == ["ok"]
    assert result["codec"]["ptime_ms"] == 60
    assert result["peer_result"]["codec"]["ptime_ms"] == 20


def test_a_bad_line_acts_on_both_directions_and_is_the_same_for_the_same_seed():
    def lost(seed):
        with Answering("--calls", "1") as callee:
            arguments = ("--codec", "pcmu", "--loss", "10", "--delay", "50", "--jitter", "5", "--seed", seed)
            status, result, _ = softphone("call", callee.uri, "--seconds", "4", *arguments)
        assert status == 0
        return result

    result = lost("3")
    assert 4 < result["received"]["loss_pct"] < 18
    assert 4 < result["peer_result"]["received"]["loss_pct"] < 18
    # 50 ms each way, and a queueing delay of 2 * 5 ms on average.
    assert 100 < result["rtt_ms"] < 160
    assert 2 < result["received"]["jitter_ms"] < 12
    assert result["emodel"]["mos_cq"] < 4.0
    assert result["emodel"]["grounded"] is True
    again = lost("3")
    assert (
        abs(again["received"]["lost"] - result["received"]["lost"]) <= 2
    )  # the last packets may or may not make it


def test_several_calls_at_once_in_one_process(tmp_path):
    heard = tmp_path / "heard.wav"
    with Answering("--calls", "3", "--record", str(heard)) as callee:
        with (
            Calling(callee.uri, "--seconds", "2") as one,
            Calling(callee.uri, "--seconds", "2") as two,
            Calling(callee.uri, "--seconds", "2") as three,
        ):
            ends = [caller.finish() for caller in (one, two, three)]
        _, results, _ = callee.finish()
    assert [status for status, _, _ in ends] == [0, 0, 0]
    assert {result["recording"] for result in results} == {
        str(tmp_path / name) for name in ("heard.wav", "heard-2.wav", "heard-3.wav")
    }


def test_repeated_calls_end_with_the_worst_status():
    with Answering("--calls", "2") as callee:
        status, results, _ = softphone(
            "call", callee.uri, "--seconds", "1", "--repeat", "2", "--every", "1.5"
        )
    assert status == 0
    assert [each["outcome"] for each in results["calls"]] == ["completed", "completed"]


def test_a_running_call_imports_neither_scipy_nor_files_nor_tables():
    program = """
import asyncio, json, sys
from softphone import AnswerOptions, CallOptions, answer_calls_async, place_call_async

async def main():
    events = asyncio.Queue()
    callee = asyncio.create_task(answer_calls_async(AnswerOptions(listen=("127.0.0.1", 0), calls=1), events.put_nowait))
    [result] = await place_call_async(CallOptions((await events.get())["uri"], seconds=1))
    await callee
    unwanted = ("scipy", "matplotlib", "pystoi", "soundfile", "soxr", "rich", "sounddevice", "opuslib_next",
                "dsp.chain", "dsp.filters", "dsp.phonation", "dsp.voice", "sqlite3", "websockets", "softphone.control")
    print(json.dumps([result["outcome"], [name for name in unwanted if name in sys.modules]]))

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout) == ["completed", []]


def test_the_example_runs(tmp_path):
    example = Path(__file__).parents[2] / "examples" / "test_call.py"
    done = subprocess.run(
        [sys.executable, str(example)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[:2] == ["completed", "['ok']"]
    assert "'visqol'" in lines[3]
    assert (tmp_path / "heard.wav").exists()


def test_a_call_over_ipv6_counts_its_longer_headers():
    with Answering("--listen", "[::1]:0", "--calls", "1") as callee:
        status, result, _ = softphone("call", callee.uri, "--seconds", "1.5")
    assert (status, result["verdict"]) == (0, ["ok"])
    # Header bytes of RTP packets: IPv6 40, UDP 8, RTP 12.
    assert result["sent"]["bytes"]["rtp"] == 60 * result["sent"]["packets"]
