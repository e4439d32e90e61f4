"""Calls in Codec2 between two processes of ours, and the command where its library is missing."""

import json
import os
import subprocess

import pytest
from support.codecs import names
from support.command import COMMAND, Answering, softphone

pytestmark = pytest.mark.e2e
needs_library = pytest.mark.skipif("codec2" not in names(), reason="libcodec2 is not installed")


@needs_library
def test_three_frames_of_1300_to_a_packet_are_four_kilobits_on_the_wire():
    with Answering("--codec", "codec2:1300", "--calls", "1") as callee:
        arguments = ("--codec", "codec2:1300", "--ptime", "120", "--seconds", "4", "--expect", "builtin:man")
        status, result, _ = softphone("call", callee.uri, *arguments)
    assert (status, result["verdict"]) == (0, ["ok"])
    for side in (result, result["peer_result"]):
        assert side["codec"] == {
            "name": "codec2", "sample_rate_hz": 8000, "bit_rate_bps": 1300, "ptime_ms": 120
        }  # fmt: skip
        assert side["sent"]["bytes"]["payload"] == 20 * side["sent"]["packets"]
        assert side["received"]["undecodable"] == 0
        # 20 bytes and 40 of headers each 120 ms are 4000 b/s, and the reports, whose moments are drawn, come on top.
        assert side["sent"]["bytes"]["rtp"] == 40 * side["sent"]["packets"]
        # A packet more or less at the ends, at most four reports.
        assert 3900 < side["sent"]["wire_bps"] < 5000
    assert result["score"]["metrics"]["stoi"] > 0.76  # measured: 0.80
    assert result["score"]["trusted"] is False  # a MOS that compares spectra flatters a codec that sends them


@needs_library
@pytest.mark.parametrize(
    ("caller", "callee", "bit_rate_bps", "ptime_ms"),
    [
        ("codec2:1300", "codec2:3200", 1300, 40),
        ("codec2:3200", "codec2:700", 700, 40),
        ("codec2", "codec2:3200", 2400, 20),
    ],
)
def test_two_modes_meet_at_the_lower(caller, callee, bit_rate_bps, ptime_ms):
    with Answering("--codec", callee, "--calls", "1") as answering:
        status, result, _ = softphone("call", answering.uri, "--codec", caller, "--seconds", "2")
    assert (status, result["verdict"]) == (0, ["ok"])
    for side in (result, result["peer_result"]):
        assert (side["codec"]["bit_rate_bps"], side["codec"]["ptime_ms"]) == (bit_rate_bps, ptime_ms)
        assert side["received"]["undecodable"] == 0
        assert side["received"]["packets"] > 0


@needs_library
def test_a_peer_without_codec2_gets_the_next_codec():
    with Answering("--codec", "pcmu", "--calls", "1") as callee:
        status, result, _ = softphone("call", callee.uri, "--codec", "codec2:700,pcmu", "--seconds", "2")
    assert (status, result["verdict"]) == (0, ["ok"])
    assert (result["codec"]["name"], result["codec"]["ptime_ms"]) == ("pcmu", 20)


@needs_library
def test_an_interval_that_cuts_a_frame_is_refused():
    arguments = ("--codec", "codec2:1300", "--ptime", "60")
    status, result, _ = softphone("call", "sip:nobody@127.0.0.1:5999", *arguments)
    assert status == 2
    assert (
        result["error"] == "packet interval of codec2 must be one of 40, 80, 120, 160 ms at 1300 b/s, got 60"
    )


def test_without_its_library_the_command_says_what_to_install():
    def run(*arguments):
        return subprocess.run(
            [*COMMAND, *arguments],
            env={**os.environ, "SOFTPHONE_CODEC2": "/nonexistent/libcodec2.so"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    done = run("call", "sip:nobody@127.0.0.1:5999", "--codec", "codec2:1300")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert 'pip install "softphone[codec2]"' in done.stderr
    listed = {one["name"]: one for one in json.loads(run("codec", "list", "--json").stdout)["codecs"]}
    assert listed["codec2"]["library"] is None
    assert "/nonexistent/libcodec2.so" in listed["codec2"]["error"]
    assert listed["pcmu"]["error"] is None
    assert run("call", "sip:nobody@127.0.0.1:5999", "--codec", "codec2:1300", "--json").returncode == 2
