"""The demo as a new user runs it: two processes, real speech both ways, recorded, scored."""

import json
import subprocess
import wave

import pytest
from support.command import COMMAND

pytestmark = pytest.mark.e2e

# CONTRACT of the RESULT: these keys are there whatever happened.
RESULT_KEYS = {
    "schema", "call_id", "started_at", "local", "peer", "outcome", "ended_by", "sip_status", "reason", "srd_s", "setup_s",
    "first_rtp_s", "duration_s", "codec", "mode", "encryption", "sent", "received", "remote", "rtt_ms", "emodel", "verdict",
    "score", "airtime", "cost", "dtmf_received", "recording", "peer_result", "error",
}  # fmt: skip
SENT_KEYS = {"packets", "packets_per_s", "payload_bps", "wire_bps", "bytes"}
RECEIVED_KEYS = SENT_KEYS | {
    "lost", "loss_pct", "discard_pct", "concealed_ms", "jitter_ms", "pdv_p95_ms", "playout_delay_ms", "level_dbov",
}  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    command = [*COMMAND, "demo", "--seconds", "8", "--out", str(folder), "--json"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout), done


def test_it_prints_one_object_and_nothing_else(demo):
    _, both, done = demo
    assert set(both) == {"caller", "callee"}
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_each_result_has_every_key_and_a_good_call_in_it(demo, side):
    result = demo[1][side]
    assert set(result) >= RESULT_KEYS
    assert set(result["sent"]) >= SENT_KEYS
    assert set(result["received"]) >= RECEIVED_KEYS
    assert set(result["sent"]["bytes"]) == {"sip", "payload", "rtp", "rtcp"}
    assert (result["outcome"], result["verdict"], result["error"]) == ("completed", ["ok"], None)
    assert result["codec"] == {"name": "opus", "sample_rate_hz": 16000, "bit_rate_bps": 16000, "ptime_ms": 60}
    assert result["duration_s"] == pytest.approx(8, abs=0.3)
    assert result["received"]["loss_pct"] == 0
    assert result["received"]["level_dbov"] == pytest.approx(-26, abs=2)  # bundled speech is at -26 dBov
    assert result["received"]["packets"] == pytest.approx(8 / 0.06, abs=5)
    # Header bytes of RTP packets: IPv4 20, UDP 8, RTP 12.
    assert result["sent"]["bytes"]["rtp"] == 40 * result["sent"]["packets"]
    # 16.7 frames of 36 + 4 * 88 us or less (a payload of 120 bytes on average), as many acknowledgements of 44 us, and SIP.
    assert result["airtime"]["technology"] == "wifi-n"
    assert 3 < result["airtime"]["ms_per_s"] < 8 < result["airtime"]["occupancy_ms_per_s"] < 20
    assert 0.2 < result["airtime"]["vs_g711_20ms"] < 0.4
    assert result["emodel"]["model"] == "G.107.1"
    assert result["emodel"]["equipment"] == "derived"
    assert result["emodel"]["grounded"] is False
    assert result["cost"]["wakeups_per_s"] is None or result["cost"]["wakeups_per_s"] < 40


def test_who_hung_up_is_told_alike_on_both_sides(demo):
    assert demo[1]["caller"]["ended_by"] == "local"
    assert demo[1]["callee"]["ended_by"] == "peer"


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_the_score_is_a_mos_and_says_so(demo, side):
    score = demo[1][side]["score"]
    assert (score["metric"], score["unit"], score["max"]) == ("visqol", "MOS-LQO", 5.0)
    assert score["trusted"] is True
    assert score["value"] > 3.8  # 4.75 was measured; a busy machine conceals now and then
    assert score["metrics"]["stoi"] > 0.85
    assert score["segments"]
    assert score["skew_ppm"] == pytest.approx(0, abs=30)


def test_both_results_travelled_in_the_bye_exchange(demo):
    _, both, _ = demo
    peer = both["caller"]["peer_result"]
    assert peer["call_id"] == both["callee"]["call_id"]
    assert peer["received"]["packets"] == both["callee"]["received"]["packets"]
    assert both["callee"]["peer_result"]["sent"]["packets"] == both["caller"]["sent"]["packets"]


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_both_directions_are_recorded(demo, side):
    folder, both, _ = demo
    assert both[side]["recording"] == str(folder / f"{side}-heard.wav")
    for name in (f"{side}-heard.wav", f"{side}-sent.wav"):
        with wave.open(str(folder / name), "rb") as recording:
            assert (recording.getframerate(), recording.getnchannels()) == (16000, 1)
            assert recording.getnframes() / 16000 == pytest.approx(8, abs=0.3)
