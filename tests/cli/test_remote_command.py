"""`softphone remote` against a real control server on loopback: what it prints, in which form, and its exit statuses."""

import asyncio
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
from support.control_bench import TOKEN, serving
from support.desk_bench import Bench

from softphone.cli import main
from softphone.cli.remote_text import event_line, level_line, received, shown
from softphone.cli.terminal import Terminal
from softphone.control.client import connect
from softphone.errors import UnreachableError
from softphone.io.control.announce import Found


class Served(threading.Thread):
    """A server in a loop and a thread of its own."""

    def __init__(self, web: Path, **options: Any) -> None:
        super().__init__(name="served", daemon=True)
        self.bench = Bench()
        self.at = ""
        self.view_token = ""
        self._web = web
        self._options = options
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None

    def __enter__(self) -> Self:
        self.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.join(10)

    def stop(self) -> None:
        assert self._loop is not None
        assert self._over is not None
        with suppress(RuntimeError):  # it has left by itself
            self._loop.call_soon_threadsafe(self._over.set)

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self._web, self.bench, **self._options) as server:
            self.at = f"127.0.0.1:{server.address[1]}"
            self.view_token = server.view_token
            self._ready.set()
            await self._over.wait()


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SOFTPHONE_TOKEN", TOKEN)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path) as server:
        yield server


Capture = pytest.CaptureFixture[str]


def remote(server: Served, capsys: Capture, *words: str) -> tuple[int, str, str]:
    status = main(["remote", *words, "--at", server.at])
    return status, *capsys.readouterr()


def remote_json(server: Served, capsys: Capture, *words: str) -> Any:
    status, out, err = remote(server, capsys, *words, "--json")
    assert (status, err) == (0, "")
    assert out.count("\n") == 1
    return json.loads(out)


def test_a_value_is_set_read_undone_and_redone(served: Served, capsys: Capture) -> None:
    assert remote(served, capsys, "get", "low-cut.freq_hz") == (0, "300\n", "")
    assert remote(served, capsys, "set", "low-cut.freq_hz", "0.2k") == (
        0,
        "low-cut.freq_hz = 200 (revision 1)\n",
        "",
    )
    assert served.bench.desk.preset.slots[0].params.freq_hz == 200
    assert remote(served, capsys, "undo") == (0, "low-cut.freq_hz = 300 (revision 2)\n", "")
    assert remote(served, capsys, "redo") == (0, "low-cut.freq_hz = 200 (revision 3)\n", "")
    assert remote(served, capsys, "set", "low-cut.freq_hz", "200") == (0, "nothing is new (revision 3)\n", "")
    assert remote(served, capsys, "set", "gain.gain_db", "-6")[1] == "gain.gain_db = -6 (revision 4)\n"


def test_a_whole_chain_is_a_table_and_a_filter_lines_to_type(served: Served, capsys: Capture) -> None:
    _, out, _ = remote(served, capsys, "get")
    assert out.startswith("main: telephone, revision 0\n")
    assert "low-cut.freq_hz   300" in out
    remote(served, capsys, "set", "gain.gain_db", "3")
    remote(served, capsys, "bypass", "on")
    assert remote(served, capsys, "get")[1].startswith("main: telephone, changed, revision 2, bypassed")
    assert "gain.gain_db = 3\ngain.invert = off\n" in remote(served, capsys, "get", "gain")[1]
    remote(served, capsys, "preset", "bands")
    assert "eq.bands.1.freq_hz = 3000\n" in remote(served, capsys, "get", "eq")[1]


def test_presets_are_listed_changed_to_and_saved(served: Served, capsys: Capture) -> None:
    assert remote(served, capsys, "presets") == (
        0, "telephone  Like a telephone\nlouder     Twice as loud\nbands\n", "",
    )  # fmt: skip
    assert remote(served, capsys, "preset", "louder") == (0, "preset louder (revision 1)\n", "")
    assert remote(served, capsys, "undo") == (0, "preset telephone (revision 2)\n", "")
    assert remote(served, capsys, "save", "mine") == (0, "saved as mine\n", "")
    assert remote(served, capsys, "save", "mine")[0] == 2
    assert remote(served, capsys, "save", "mine", "--force")[0] == 0
    assert "mine" in served.bench.shelf.kept


def test_bypass_is_turned_on_and_off(served: Served, capsys: Capture) -> None:
    status, out, _ = remote(served, capsys, "bypass", "on")
    assert (status, out.startswith("bypass on")) == (0, True)
    assert served.bench.desk.bypassed
    assert remote(served, capsys, "bypass", "off") == (0, "bypass off\n", "")


def test_another_chain_is_named(served: Served, capsys: Capture) -> None:
    assert remote(served, capsys, "get", "gain.gain_db", "--chain", "heard") == (0, "6\n", "")
    status, _, err = remote(served, capsys, "get", "--chain", "hear")
    assert (status, err) == (2, "softphone: no chain hear; did you mean heard?\n")


def test_the_schema_says_ranges_and_help(served: Served, capsys: Capture) -> None:
    _, out, _ = remote(served, capsys, "schema", "gain")
    assert out.splitlines()[:2] == ["gain (gain)", "  gain.bypass = off: on or off: leave this filter out"]
    assert "  gain.gain_db = 0: -120 to 60 dB: gain; -120 dB is silence\n" in out
    _, out, _ = remote(served, capsys, "schema")
    assert "main: Filter" in out
    assert "heard: Heard" in out
    assert "low-cut.freq_hz = 300" in out
    status, _, err = remote(served, capsys, "schema", "gian")
    assert (status, err) == (2, "softphone: no filter 'gian' in this preset; there are low-cut, gain, gain\n")


def test_who_is_here_is_listed(served: Served, capsys: Capture) -> None:
    _, out, _ = remote(served, capsys, "clients", "--name", "the tester")
    assert "the tester   control" in out


def test_as_json_each_verb_prints_one_object(served: Served, capsys: Capture) -> None:
    assert remote_json(served, capsys, "get", "gain.gain_db") == {"path": "gain.gain_db", "value": 0}
    assert remote_json(served, capsys, "get")["name"] == "telephone"
    assert remote_json(served, capsys, "set", "gain.gain_db", "1") == {
        "changes": {"gain.gain_db": 1},
        "revision": 1,
    }
    assert remote_json(served, capsys, "undo")["changes"] == {"gain.gain_db": 0}
    assert remote_json(served, capsys, "bypass", "on")["bypass"]["on"] is True
    assert remote_json(served, capsys, "preset", "louder")["name"] == "louder"
    assert remote_json(served, capsys, "save", "x")["name"] == "x"
    assert [each["name"] for each in remote_json(served, capsys, "presets")["presets"]] == [
        "telephone", "louder", "bands", "x",
    ]  # fmt: skip
    assert remote_json(served, capsys, "clients")["clients"][-1]["role"] == "control"
    assert {"filters", "chains", "ops", "topics"} <= remote_json(served, capsys, "schema").keys()
    assert remote_json(served, capsys, "schema", "gain")["type"] == "gain"


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (("set", "low-cut.freq_hz", "1e6"), 2, "low-cut.freq_hz must be 1 to 48000 Hz, got 1000000"),
        (("set", "low-cut.freq", "1"), 2, "no parameter low-cut.freq; did you mean low-cut.freq_hz?"),
        (("get", "low-cut.frek_hz"), 2, "no parameter low-cut.frek_hz; did you mean low-cut.freq_hz?"),
        (("preset", "telefone"), 2, "no preset telefone; did you mean telephone?"),
        (("undo",), 2, "there is nothing to undo on main"),
        (("save", "../x"), 2, "the name of a preset is 1 to 41 of a-z, 0-9 and -, the first no -; got ../x"),
    ],
)
def test_what_is_refused_is_one_line_and_with_json_an_object_with_its_code(
    served: Served, capsys: Capture, words: tuple[str, ...], status: int, line: str
) -> None:
    assert remote(served, capsys, *words) == (status, "", f"softphone: {line}\n")
    got, out, err = remote(served, capsys, *words, "--json")
    assert (got, err) == (status, f"softphone: {line}\n")
    assert json.loads(out)["error"] == line
    assert json.loads(out)["code"] in (
        "out-of-range",
        "unknown-path",
        "unknown-preset",
        "nothing-to-undo",
        "bad-value",
    )


def test_a_wrong_token_and_the_wrong_role_are_status_4(
    served: Served, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOFTPHONE_TOKEN", served.view_token)
    assert remote(served, capsys, "get", "gain.gain_db") == (0, "0\n", "")
    status, out, err = remote(served, capsys, "set", "gain.gain_db", "1")
    assert (status, out) == (4, "")
    assert "needs the role control" in err
    monkeypatch.setenv("SOFTPHONE_TOKEN", "not-the-token")
    status, out, err = remote(served, capsys, "get")
    assert (status, out) == (4, "")
    assert err.startswith("softphone: wrong token")
    assert "not-the-token" not in err


def test_nobody_there_is_status_3(capsys: Capture) -> None:
    assert main(["remote", "get", "--at", "127.0.0.1:9"]) == 3
    assert "nobody answers at 127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "remote wants one of get, set, "),
        (("gett",), "got 'gett'"),
        (("set", "a"), "remote: wanted set PATH VALUE"),
        (("get", "--at", "http://[x/"), "wanted HOST:PORT or the URL that was printed"),
        (("get", "--tls-ca", "/nowhere.pem"), "--tls-ca /nowhere.pem is no PEM file with a certificate"),
        (("get", "--tls-fingerprint", "12"), "--tls-fingerprint must be SHA-256"),
        (("get", "--token", "short"), "the token must have 8 to 128 characters, got 5"),
    ],
)
def test_wrong_usage_is_status_2_and_one_line(capsys: Capture, words: tuple[str, ...], line: str) -> None:
    assert main(["remote", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert line in err
    assert err.count("\n") == 1


def test_without_a_token_it_says_where_one_is_looked_for(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOFTPHONE_TOKEN")
    assert main(["remote", "get"]) == 2
    assert (
        "remote wants a token: set SOFTPHONE_TOKEN, or give --token-env VAR, or --at and the URL"
        in capsys.readouterr().err
    )


def test_the_url_that_was_printed_is_enough_and_another_variable_and_an_open_token(
    served: Served, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOFTPHONE_TOKEN")
    assert main(["remote", "get", "gain.gain_db", "--at", f"http://{served.at}/#token={TOKEN}"]) == 0
    out, err = capsys.readouterr()
    assert out == "0\n"
    assert err.startswith("softphone: warning: others can read a token given openly")
    assert TOKEN not in err
    monkeypatch.setenv("OTHER", TOKEN)
    assert remote(served, capsys, "get", "gain.gain_db", "--token-env", "OTHER") == (0, "0\n", "")
    status, _, err = remote(served, capsys, "get", "gain.gain_db", "--token", TOKEN)
    assert status == 0
    assert err.startswith("softphone: warning: others can read a token given openly")
    assert TOKEN not in err


def test_a_certificate_is_trusted_by_its_fingerprint_or_by_itself_and_not_without(
    tmp_path: Path, capsys: Capture
) -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    from softphone.io.control.tls import CERT_NAME, KEY_NAME, self_signed_identity

    identity = self_signed_identity(tmp_path / "tls", ["127.0.0.1"])
    cert, key = str(tmp_path / "tls" / CERT_NAME), str(tmp_path / "tls" / KEY_NAME)
    with Served(tmp_path, tls_cert=cert, tls_key=key) as served:
        get = ("get", "gain.gain_db")
        assert remote(served, capsys, *get, "--tls-fingerprint", identity.fingerprint) == (0, "0\n", "")
        assert remote(served, capsys, *get, "--tls-ca", cert) == (0, "0\n", "")
        status, _, err = remote(served, capsys, *get, "--tls")
        assert (status, "certificate that is not trusted" in err) == (3, True)
        status, _, err = remote(served, capsys, *get, "--tls-fingerprint", "00" * 32)
        assert (status, "another certificate" in err) == (3, True)


def watch_while(served: Served, turn: Any, *words: str) -> int:
    """Run `remote watch`, let somebody else do *turn* when it is there, and then the server leave."""

    def others() -> None:
        with connect(served.at, token=TOKEN, name="Anna") as anna:
            for event in anna.watch("clients"):
                if any(each["name"] == "watcher" for each in event["clients"]):
                    break
            while not [key for client in served.bench.dispatcher.sessions.clients if client.name == "watcher"
                       for key in served.bench.dispatcher.sessions.wanted(client) if key[0] == "changes"]:  # fmt: skip
                anna.get("gain.gain_db")
            turn(anna)
        served.stop()

    thread = threading.Thread(target=others)
    thread.start()
    status = main(["remote", "watch", "--at", served.at, "--name", "watcher", *words])
    thread.join(20)
    return status


def test_watch_prints_what_others_change_and_levels_and_ends_when_the_server_does(
    served: Served, capsys: Capture
) -> None:
    def turn(anna: Any) -> None:
        anna.set("gain.gain_db", 3)
        anna.preset("louder")

    assert watch_while(served, turn, "--every", "0.05") == 3
    out, err = capsys.readouterr()
    assert "Anna: gain.gain_db = 3 (main, revision 1)\n" in out
    assert "Anna: preset louder (main, revision 2)\n" in out
    assert "level " in out
    assert "here: " in out
    assert "the connection to" in err
    assert "was lost" in err


def test_watch_as_json_prints_a_line_for_each_event(served: Served, capsys: Capture) -> None:
    assert watch_while(served, lambda anna: anna.set("gain.gain_db", 3), "--json") == 3
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"levels", "clients", "changes"} <= {each["event"] for each in events[:-1]}
    changes = [each for each in events if each.get("event") == "changes"]
    assert changes[0]["who"] == "Anna"
    assert changes[0]["changes"] == {"gain.gain_db": 3}
    assert events[-1]["code"] == "away"


def test_ctrl_c_ends_watch_with_status_0(
    served: Served, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Terminal, "print_json", lambda self, value: signal.raise_signal(signal.SIGINT))
    assert remote(served, capsys, "watch", "--json") == (0, "", "")


def test_on_a_terminal_the_levels_are_a_live_line(
    served: Served, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown_lines: list[str] = []

    def show(self: Terminal, line: str) -> None:
        shown_lines.append(line)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Terminal, "is_watched", property(lambda self: True))
    monkeypatch.setattr(Terminal, "show", show)
    status, out, _ = remote(served, capsys, "watch")
    assert status == 0
    assert shown_lines[0].startswith("level ")
    assert "level " not in out


def test_what_others_wrote_does_not_steer_the_terminal(
    served: Served, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = served.bench.shelf.kept
    kept["louder"] = replace(kept["louder"], about="\x1b]0;title\x07 loud")
    status, out, _ = remote(served, capsys, "presets")
    assert status == 0
    assert "?]0;title? loud" in out
    call = {"call": 1, "peer": "sip:\x1b[2J@b", "state": "incoming"}
    assert event_line(received({"event": "calls", "calls": [call]})) == "calls: 1 sip:?[2J@b incoming"
    assert received({"a": [1, None, {"b\x07": "c\x9b"}]}) == {"a": [1, None, {"b?": "c?"}]}

    async def find() -> list[Found]:
        return [Found("Studio\x1b[2J", "192.0.2.5", 8765, secure=True)]

    monkeypatch.setattr("softphone.io.control.announce.find", find)
    assert main(["remote", "find"]) == 0
    assert "Studio?[2J" in capsys.readouterr().out


def test_find_lists_who_announces_a_server(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Found("Studio 1", "192.0.2.5", 8765, secure=True)]

    async def find() -> list[Found]:
        return found

    monkeypatch.delenv("SOFTPHONE_TOKEN")
    monkeypatch.setattr("softphone.io.control.announce.find", find)
    assert main(["remote", "find"]) == 0
    assert "Studio 1   192.0.2.5:8765   yes" in capsys.readouterr().out
    assert main(["remote", "find", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "servers": [{"name": "Studio 1", "host": "192.0.2.5", "port": 8765, "secure": True}]
    }
    found.clear()
    assert main(["remote", "find"]) == 0
    assert capsys.readouterr().out == "nobody on the local network announces a server\n"


def test_a_name_is_looked_up_and_what_looks_like_an_address_is_not(
    served: Served, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def look_up(name: str) -> Found:
        asked.append(name)
        return Found(name, "127.0.0.1", int(served.at.rpartition(":")[2]), secure=False)

    monkeypatch.setattr("softphone.io.control.announce.look_up", look_up)
    assert main(["remote", "get", "gain.gain_db", "--at", "Studio 1"]) == 0
    assert capsys.readouterr() == ("0\n", f"softphone: Studio 1 is at {served.at}\n")
    assert main(["remote", "get", "gain.gain_db", "--at", "studio"]) == 0
    for at in ("localhost:9", "127.0.0.1:9", "[::1]:9", "http://127.0.0.1:9/#token=abcdefgh"):
        assert main(["remote", "get", "--at", at]) == 3
    assert asked == ["Studio 1", "studio"]


@pytest.mark.parametrize(
    ("found", "warned"),
    [(Found("S", "192.0.2.5", 1, secure=False), True), (Found("S", "192.0.2.5", 1, secure=True), False)],
)
def test_a_name_of_somebody_on_the_network_is_not_taken_for_proof(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, found: Found, warned: bool
) -> None:
    monkeypatch.setattr("softphone.io.control.announce.look_up", lambda name: found)

    async def connect_async(at: str, **_: Any) -> None:
        raise UnreachableError(at)

    monkeypatch.setattr("softphone.control.client.connect_async", connect_async)
    assert main(["remote", "get", "--at", "S"]) == 3
    err = capsys.readouterr().err
    assert ("warning: anybody on this network can announce that name" in err) is warned
    assert f"{'https' if found.secure else 'http'}://192.0.2.5:1" in err


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "auto"), (True, "on"), (False, "off"), (200.0, "200"), (-0.125, "-0.125"), ([1, 2.5], "1,2.5"),
        ([[100, -3], [1000, 2]], "100:-3,1000:2"), ("highpass", "highpass"), ([], ""),
    ],
)  # fmt: skip
def test_values_are_shown_as_they_are_typed(value: object, text: str) -> None:
    assert shown(value) == text


def test_lines_of_events_say_who_did_what() -> None:
    base = {"event": "changes", "chain": "main", "revision": 4, "who": "", "client": 1}
    assert event_line(base | {"changes": {"a.b": 1.5}}) == "somebody: a.b = 1.5 (main, revision 4)"
    bypass = {"on": True, "matched": True, "gain_db": 2.04}
    assert event_line(base | {"bypass": bypass}) == (
        "somebody: bypass on, the plain sound by +2.0 dB (main, revision 4)"
    )
    assert event_line({"event": "calls", "calls": [{"call": 1, "peer": "sip:a@h", "state": "ringing"}]}) == (
        "calls: 1 sip:a@h ringing"
    )
    assert event_line({"event": "closing"}) == "closing"


def test_a_level_line_says_silence_clipping_and_what_a_filter_takes_off() -> None:
    meter = dict.fromkeys(("rms_dbfs", "peak_dbfs", "short_term_lufs")) | {"clipped": 0}
    levels: dict[str, Any] = {"in": meter, "out": meter, "gain_reduction_db": {}}
    assert level_line(levels) == "level silence -> silence dBFS   peak silence -> silence"
    loud = {"rms_dbfs": -3.0, "peak_dbfs": 0.0, "short_term_lufs": -6.0, "clipped": 7}
    line = level_line(
        {"in": meter, "out": loud, "gain_reduction_db": {"limiter": -2.5}, "xruns": 1, "running": False}
    )
    assert line == (
        "level silence -> -3.0 dBFS   peak silence -> 0.0   -6.0 LUFS   clipped 7   limiter -2.5 dB   xruns 1   not running"
    )
