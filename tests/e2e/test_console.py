"""The console as its users know it: a process, clients that steer it, peers that are called and call, recordings and pages."""

import contextlib
import json

import numpy as np
import pytest
import soundfile
from support.command import Calling, softphone
from support.served import Served, wait_for

from softphone.control.client import RemoteError

pytestmark = pytest.mark.e2e

QUIET = {"about": "nearly nothing", "filter": [{"type": "gain", "gain_db": -60.0}]}
HEARD_LATER_S = 0.4
"""Between what a chain is told and what the peer records: jitter buffers and a cross-fade."""


def calls(client):
    return client.ask("calls")["calls"]


def in_state(client, state, served):
    """The call that is in *state*, once one is."""
    return wait_for(
        lambda: next((each for each in calls(client) if each["state"] == state), None),
        f"a call {state}",
        served,
    )


def sent_for(client, seconds, served):
    """Wait until the call has sent *seconds* of sound; how much it is then."""

    def at_s():
        levels = client.levels(chain="sent")
        return levels is not None and levels["at_s"] >= seconds and levels["at_s"]

    return wait_for(at_s, f"{seconds} s of sound", served)


def at_least(levels, seconds):
    return levels if levels is not None and levels["at_s"] >= seconds else None


def vs_g711(call):
    return (call["airtime_now"] or {}).get("vs_g711_20ms", 1.0)


def loudest(path, start_s, end_s):
    sound, rate = soundfile.read(path)
    return float(np.abs(sound[int(start_s * rate) : int(end_s * rate)]).max())


@pytest.fixture
def console(tmp_path):
    arguments = ("--listen", "127.0.0.1:0", "--out", str(tmp_path / "rec"), "--expect", "builtin:woman")
    with Served("console", *arguments) as served:
        yield served


def test_a_call_is_dialled_steered_recorded_scored_and_shown(console, tmp_path):
    peers = tmp_path / "peer.wav"
    answering = ("--listen", "127.0.0.1:0", "--calls", "1", "--play", "builtin:woman", "--record", str(peers))
    with contextlib.ExitStack() as stack:
        peer = stack.enter_context(Served("answer", *answering))
        there, anna, bert = (
            stack.enter_context(served.client(name))
            for served, name in ((peer, "there"), (console, "Anna"), (console, "Bert"))
        )
        uri = peer.event("listening")["uri"]
        told = bert.watch("calls")
        number = anna.ask("dial", uri=uri)["call"]["call"]
        assert next(told)["calls"][0]["call"] == number
        in_state(anna, "established", console)

        # What Anna loads is heard by the peer, and Bert sees it.
        changed_s = sent_for(anna, 1.2, console)
        anna.load(QUIET, chain="sent")
        assert bert.get(chain="sent")["preset"]["filter"][0]["gain_db"] == -60.0
        back_s = sent_for(anna, changed_s + 1.0, console)
        bert.undo(chain="sent")

        assert anna.ask("mute", call=number, on=True)["call"]["muted"]
        assert not anna.ask("mute", call=number, on=False)["call"]["muted"]
        anna.ask("hold", call=number, on=True)
        wait_for(lambda: calls(anna)[0]["on_hold"], "a call on hold", console)
        anna.ask("hold", call=number, on=False)
        wait_for(lambda: not calls(anna)[0]["on_hold"], "a call that is not on hold", console)
        bert.ask("dtmf", call=number, digits="42#")
        wait_for(lambda: calls(there)[0]["dtmf_received"] == "42#", "digits at the peer", peer)

        anna.ask("mode", call=number, mode="vlr")
        green = wait_for(
            lambda: next(
                (each for each in calls(anna) if each["mode"] == each["received_mode"] == "vlr"), None
            ),
            "both directions in vlr",
            console,
        )
        assert green["codec"]["name"].startswith("vlc")
        # Opus in packets of 20 ms takes 0.65 of the airtime of G.711, vlr 0.1 (docs/modes.md): the gauge shows it in 2 s.
        gauges = wait_for(
            lambda: next((each for each in calls(anna) if vs_g711(each) < 0.3), None),
            "a green gauge",
            console,
        )
        assert gauges["airtime_now"]["ms_per_s"] > 0
        assert gauges["cpu_ms_per_s"] > 0
        anna.ask("mode", call=number, mode="normal")
        wait_for(lambda: calls(anna)[0]["mode"] == "normal", "the mode normal again", console)

        anna.ask("hangup", call=number)
        theirs = peer.result()
        ended = wait_for(lambda: "outcome" in calls(bert)[0] and calls(bert)[0], "a call that ended", console)
        assert (ended["state"], ended["outcome"], ended["recording"] is not None) == (
            "ended",
            "completed",
            True,
        )
        assert theirs["dtmf_received"] == "42#"

        def ready():
            (entry,) = anna.ask("recordings")["recordings"]
            return entry["state"] == "ready" and entry

        entry = wait_for(ready, "a recording that is scored", console)
        assert entry["score"] > 1.0
        assert (entry["reference"], entry["peer"]) == ("builtin:woman", uri)
        kind, page = console.fetch(anna.ask("report", recording=entry["recording"], timeout_s=60)["url"])
        assert kind.startswith("text/html")
        assert f"Score of {entry['recording']}".encode() in page
        assert str(tmp_path).encode() not in page
        urls = anna.ask("listen", recording=entry["recording"])
        for url in (urls["url"], urls["sent_url"]):
            kind, sound = console.fetch(url)
            assert (kind, sound[:4]) == ("audio/wav", b"RIFF")
        again = anna.ask("score", recording=entry["recording"], reference="none", timeout_s=60)["recording"]
        assert again["score"] is None

        printed = console.result()
        assert (printed["outcome"], printed["score"]["value"]) == ("completed", entry["score"])
        assert printed["peer_result"]["dtmf_received"] == "42#"
    assert loudest(peers, 0.2, changed_s - 0.1) > 0.05
    assert loudest(peers, changed_s + HEARD_LATER_S, back_s - 0.1) < 0.005  # -46 dBFS; 60 dB less than speech


def test_what_rings_is_taken_by_whoever_looks_and_ctrl_c_leaves_recordings_that_play(console, tmp_path):
    uri = console.event("listening")["uri"]
    with console.client() as client, Calling(uri, "--seconds", "30", "--play", "builtin:woman") as caller:
        ringing = in_state(client, "incoming", console)
        assert ringing["direction"] == "incoming"
        client.ask("answer", call=ringing["call"])
        in_state(client, "established", console)
        sent_for(client, 1.0, console)
        console.interrupt()
        status, theirs, _ = caller.finish()
        assert (status, theirs["ended_by"]) == (0, "peer")
        printed = console.result()
        assert (printed["outcome"], printed["ended_by"]) == ("completed", "local")
        assert console.finish() == 0
    for side in ("heard", "sent"):
        (path,) = (tmp_path / "rec").glob(f"*-{side}.wav")
        sound, rate = soundfile.read(path)
        assert len(sound) / rate > 0.8
        assert np.abs(sound).max() > 0.02


def test_what_rings_can_be_refused_and_a_number_that_is_none_is_told(console):
    uri = console.event("listening")["uri"]
    with console.client() as client, Calling(uri) as caller:
        client.ask("reject", call=in_state(client, "incoming", console)["call"], status=603)
        status, theirs, _ = caller.finish()
        assert (status, theirs["outcome"], theirs["sip_status"]) == (4, "declined", 603)
        with pytest.raises(RemoteError) as caught:
            client.ask("dial", uri="bob@nowhere")
        assert caught.value.code == "not-possible"
        wait_for(lambda: calls(client)[0]["state"] == "ended", "a call that ended", console)
        assert client.ask("recordings")["recordings"] == []


def test_a_console_beside_a_live_filter_has_a_desk_for_it(tmp_path):
    arguments = (
        "--listen",
        "127.0.0.1:0",
        "--no-record",
        "--live",
        "telephone",
        "--in-device",
        "null:tone=1000",
    )
    with Served("console", *arguments) as console, console.client() as client:
        assert [each["name"] for each in client.welcome["chains"]] == ["main", "sent", "heard"]
        assert client.get()["name"] == "telephone"
        wait_for(lambda: (client.levels() or {}).get("at_s", 0) > 0.2, "a filter that runs", console)
        with pytest.raises(RemoteError) as caught:
            client.ask("recordings")
        assert caught.value.code == "unknown-op"
        console.interrupt()
        assert console.finish() == 0


def test_answer_and_call_are_steered_while_they_run():
    with contextlib.ExitStack() as stack:
        answering = stack.enter_context(Served("answer", "--listen", "127.0.0.1:0", "--calls", "1"))
        uri = answering.event("listening")["uri"]
        calling = stack.enter_context(
            Served("call", uri, "--seconds", "20", "--filter", "voice-clear", serving_on_stdout=False)
        )
        callee, caller = (stack.enter_context(each.client()) for each in (answering, calling))
        assert caller.get(chain="sent")["name"] == "voice-clear"
        here = in_state(callee, "established", answering)
        there = in_state(caller, "established", calling)
        assert (here["direction"], there["direction"]) == ("incoming", "outgoing")
        callee.ask("hold", call=here["call"], on=True)
        wait_for(lambda: calls(caller)[0]["peer_holds"], "a peer that holds", calling)
        callee.ask("hold", call=here["call"], on=False)
        wait_for(lambda: not calls(caller)[0]["peer_holds"], "a peer that holds no more", calling)
        callee.preset("telephone", chain="heard")
        wait_for(lambda: calls(callee)[0]["filters"]["heard"] == "telephone", "another filter", answering)
        sent_for(caller, 2.0, calling)
        with pytest.raises(RemoteError) as caught:
            callee.ask("dial", uri="sip:bob@127.0.0.1")
        assert caught.value.code == "unknown-op"
        caller.ask("hangup", call=there["call"])
        assert calling.finish() == answering.finish() == 0
        result = calling.result()
        assert result["outcome"] == "completed"
        assert result["filter"] == {"sent": "voice-clear", "heard": None}


def test_a_file_is_steered_in_real_time_and_nobody_is_told_where_anything_lies(tmp_path):
    rate = 16_000
    tone, hall = np.sin(2 * np.pi * 1000 / rate * np.arange(3 * rate)) / 2, np.array([1.0])
    for name, sound in (("in", tone), ("hall", hall)):
        soundfile.write(tmp_path / f"{name}.wav", sound, rate)
    (tmp_path / "room.toml").write_text('[[filter]]\ntype = "convolve"\nfile = "hall.wav"\n')
    files = [str(tmp_path / name) for name in ("room.toml", "in.wav", "out.wav")]
    with Served("filter", *files, "--realtime", serving_on_stdout=False) as served, served.client() as client:
        levels = wait_for(lambda: at_least(client.levels(), 1.0), "a second of sound", served)
        told = [levels, client.get(), client.schema(), client.presets(), client.welcome]
        assert client.get("convolve.file") == "hall.wav"
        assert str(tmp_path) not in json.dumps(told)
        with pytest.raises(RemoteError) as caught:
            client.set("convolve.file", str(tmp_path / "in.wav"))
        assert caught.value.code == "not-possible"
        client.load({"filter": [{"type": "gain", "gain_db": -60.0}]})
        changed_s = client.levels()["at_s"]
        assert served.finish() == 0
        assert served.line()["changed"]
    assert loudest(tmp_path / "out.wav", 0.2, 0.9) > 0.2
    assert loudest(tmp_path / "out.wav", changed_s + HEARD_LATER_S, 3.0) < 0.001


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("--record", "x.wav"), "--out"),
        (("--out", "x", "--no-record"), "--no-record"),
        (("--serve", "0.0.0.0"), "--allow-lan"),
        (("--filter", "nosuch"), "nosuch"),
        (("--live", "nosuch"), "nosuch"),
        (("--out-device", "null"), "--live"),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2(arguments, wanted):
    status, printed, _ = softphone("console", "--listen", "127.0.0.1:0", *arguments)
    assert status == 2
    assert wanted in printed["error"]
