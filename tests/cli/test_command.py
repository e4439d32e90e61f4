"""What is typed, what comes back on which stream, and with which exit status; only the app is faked."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from softphone import app
from softphone.app import console as console_app
from softphone.cli import main
from softphone.config import AnswerOptions, CallOptions, CodecChoice, DemoOptions
from softphone.errors import EnvironmentProblem, SoftphoneError, UnreachableError
from softphone.serve_config import ServeOptions, Serving

URI = "sip:bob@127.0.0.1:5070"


def result(
    outcome: str = "completed", status: int | None = 200, reason: str = "OK", **more: Any
) -> dict[str, Any]:
    return {
        "schema": 1, "call_id": "c", "started_at": "2026-01-01T12:00:00Z", "local": "sip:a@h", "peer": URI,
        "outcome": outcome, "ended_by": "local", "sip_status": status, "reason": reason, "setup_s": 0.04,
        "codec": {"name": "opus", "sample_rate_hz": 16000, "bit_rate_bps": 16000, "ptime_ms": 60},
        "received": {"packets": 133, "loss_pct": 1.25, "level_dbov": -26.1}, "emodel": None, "score": None,
        "verdict": ["ok"], "duration_s": 8.0, "peer_result": None, "error": None, **more,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before[0], before[1]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Fake `place_call`: remembers its options, returns or raises what `answer` holds."""
    seen: dict[str, Any] = {"answer": [result()]}

    def place_call(
        options: CallOptions, on_progress: object, *, on_serving: object, on_result: Callable[[Any], None]
    ) -> list[dict[str, Any]]:
        seen.update(options=options, on_progress=on_progress)
        if isinstance(seen["answer"], BaseException):
            raise seen["answer"]
        for each in seen["answer"]:
            on_result(each)
        return list(seen["answer"])

    monkeypatch.setattr(app, "place_call", place_call)
    return seen


def only_object(text: str) -> dict[str, Any]:
    assert text.count("\n") == 1
    assert text.endswith("\n")
    value = json.loads(text)
    assert isinstance(value, dict)
    return value


def test_call_prints_one_object_and_nothing_else(
    calls: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["call", URI, "--json"]) == 0
    out, err = capsys.readouterr()
    assert only_object(out) == result()
    assert err == ""


def test_call_hands_the_app_what_was_typed(calls: dict[str, Any]) -> None:
    main(
        ["call", URI, "--codec", "opus:16000", "--ptime", "60", "--loss", "5", "--header", "X-A: 1", "--echo"]
    )
    options = calls["options"]
    assert options.uri == URI
    assert options.media.codecs == (CodecChoice("opus", 16000),)
    assert (options.media.ptime_ms, options.line.loss_pct, options.audio.echo) == (60, 5, True)
    assert options.account.headers == (("X-A", "1"),)
    assert calls["on_progress"] is None, "in a pipe nobody watches"


@pytest.mark.parametrize(
    ("outcome", "sip_status", "reason", "exit_status"),
    [
        ("busy", 486, "Busy Here", 4),
        ("declined", 603, "Decline", 4),
        ("unauthorized", 401, "Unauthorized", 4),
        ("incompatible", 488, "Not Acceptable Here", 4),
        ("no-answer", 408, "Request Timeout", 3),
        ("unreachable", None, "no response", 3),
        ("no-audio", 200, "OK", 5),
        ("dropped", 200, "nothing was heard", 5),
        ("failed", 500, "fault", 1),
    ],
)
def test_a_call_that_failed_says_so_in_status_object_and_one_line(
    calls: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    outcome: str,
    sip_status: int | None,
    reason: str,
    exit_status: int,
) -> None:
    calls["answer"] = [result(outcome, sip_status, reason)]
    assert main(["call", URI, "--json"]) == exit_status
    out, err = capsys.readouterr()
    assert only_object(out)["outcome"] == outcome
    assert err == f"softphone: {outcome}: {'' if sip_status is None else f'{sip_status} '}{reason}\n"


def test_a_refusal_that_a_script_expected_is_no_complaint(
    calls: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    calls["answer"] = [{**result("busy", 486, "Busy Here"), "exit_status": 0}]
    assert main(["call", URI]) == 0
    out, err = capsys.readouterr()
    assert "busy (486 Busy Here)" in out
    assert err == ""


def test_several_calls_are_one_object_and_the_worst_status(
    calls: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    calls["answer"] = [result(), result("busy", 486, "Busy Here"), result()]
    assert main(["call", URI, "--json", "--repeat", "3"]) == 4
    out, err = capsys.readouterr()
    got = only_object(out)
    assert (got["schema"], got["completed"], [one["outcome"] for one in got["calls"]]) == (
        1, 2, ["completed", "busy", "completed"],
    )  # fmt: skip
    assert err == ""


def test_several_calls_without_json_are_a_table_of_a_line_each(
    calls: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    calls["answer"] = [result(), result("busy", 486, "Busy Here")]
    assert main(["call", URI, "--repeat", "2"]) == 4
    out, err = capsys.readouterr()
    assert out.count("2026-01-01T12:00:00Z") == 2
    assert err == "softphone: call 2: busy: 486 Busy Here\n"


def test_without_json_a_table_is_printed_without_control_characters(
    calls: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    score = {"metric": "visqol", "value": 3.97, "unit": "MOS-LQO", "max": 5.0, "trusted": False}
    calls["answer"] = [
        result(score=score, peer_result={"outcome": "completed", "received": {"loss_pct": 2.5}})
    ]
    assert main(["call", URI]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out
    for words in (
        "completed (200 OK)",
        "opus 16000 b/s, 60 ms",
        "1.2 %",
        "2.5 %",
        "-26.1 dBov",
        "3.97 of 5 MOS-LQO, not to be trusted",
    ):
        assert words in out
    assert "here" in out
    assert "peer" in out
    assert err == ""


def test_any_json_as_peer_result_is_printed(
    calls: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    odd = {
        "outcome": ["x"],
        "received": "[bold]",
        "codec": 3,
        "verdict": {},
        "emodel": [],
        "setup_s": {"a": 1},
    }
    calls["answer"] = [result(peer_result=odd)]
    assert main(["call", URI]) == 0
    assert "['x']" in capsys.readouterr().out


def test_a_figure_that_is_no_number_is_null(
    calls: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    calls["answer"] = [result(rtt_ms=float("nan"), received={"level_dbov": float("-inf")})]
    main(["call", URI, "--json"])
    got = only_object(capsys.readouterr().out)
    assert got["rtt_ms"] is None
    assert got["received"]["level_dbov"] is None


def test_a_missed_threshold_is_told_once(calls: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    calls["answer"] = [result(error="MOS heard here is 2.10, wanted at least 3.5", exit_status=6)]
    assert main(["call", URI, "--json", "--min-mos", "3.5"]) == 6
    out, err = capsys.readouterr()
    assert only_object(out)["error"] == "MOS heard here is 2.10, wanted at least 3.5"
    assert err == "softphone: MOS heard here is 2.10, wanted at least 3.5\n"


@pytest.mark.parametrize(
    ("error", "status", "cause"),
    [
        (UnreachableError("no route to 192.0.2.1"), 3, "unreachable"),
        (EnvironmentProblem("port 5060 is taken:\nuse another"), 2, None),
        (SoftphoneError("it broke"), 1, None),
    ],
)
def test_an_error_is_one_line_and_an_object(
    calls: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    error: SoftphoneError,
    status: int,
    cause: str | None,
) -> None:
    calls["answer"] = error
    assert main(["call", URI, "--json"]) == status
    out, err = capsys.readouterr()
    line = " ".join(str(error).split())
    got = only_object(out)
    assert got.pop("diagnosis", {}).get("cause") == cause
    assert got == {"error": line}
    assert err == f"softphone: {line}\n"
    assert main(["call", URI]) == status
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"softphone: {line}\n")


def test_our_own_fault_is_one_line_unless_a_traceback_is_asked_for(
    calls: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    calls["answer"] = ZeroDivisionError("division by zero")
    assert main(["call", URI, "--json", "-v"]) == 1
    out, err = capsys.readouterr()
    assert only_object(out)["error"].startswith("internal error: ZeroDivisionError: division by zero")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    with pytest.raises(ZeroDivisionError):
        main(["call", URI, "-vv"])


def test_an_interrupt_before_there_is_a_result_is_one_line(
    calls: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    calls["answer"] = KeyboardInterrupt()
    assert main(["call", URI, "--json"]) == 1
    out, err = capsys.readouterr()
    assert only_object(out) == {"error": "interrupted before there was a result"}
    assert err == "softphone: interrupted before there was a result\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "a command is wanted"),
        (["cull", URI], "invalid choice: 'cull'"),
        (["call"], "required: URI"),
        (["call", URI, "--lossy", "3"], "call does not know '--lossy'; the nearest is --loss"),
        (["call", URI, "--loss"], "expected one argument"),
        (["call", URI, "--loss", "many"], "--loss: wanted a number, got 'many'"),
        (["call", URI, "--loss", "101"], "--loss must be 0 to 100 percent, got 101"),
        (["call", "bob"], "must be a SIP URI like sip:bob@127.0.0.1:5060, got 'bob'"),
        (["call", URI, "--calls", "3"], "call does not know '--calls'"),
        (["call", URI, "--codec", "opus:much"], "--codec: codec 'opus:much'"),
        (["call", URI, "--config", "/nowhere/x.toml"], "--config: no file /nowhere/x.toml"),
        (["call", URI, "--password-env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE holds no password"),
        (["demo", "--play", "x"], "demo does not know '--play'"),
        (["answer", "--reject", "200"], "--reject must be 400 to 699, got 200"),
        (["codec"], "required: VERB"),
    ],
)
def test_wrong_usage_is_one_line_an_object_and_status_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("softphone: ")
    assert err.count("\n") == 1
    assert words in err
    if arguments not in ([], ["codec"]):  # which know no --json of their own
        assert (
            main([*arguments, "--json"] if words != "expected one argument" else ["--json", *arguments]) == 2
        )
        assert "error" in only_object(capsys.readouterr().out)


def test_an_open_password_is_warned_of(calls: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", URI, "--user", "a", "--password", "hunter2", "--json"]) == 0
    out, err = capsys.readouterr()
    assert only_object(out)["outcome"] == "completed"
    assert err.startswith("softphone: warning: ")
    assert "hunter2" not in err
    assert calls["options"].account.password == "hunter2"


@pytest.mark.parametrize(("flags", "shown"), [([], "w"), (["-v"], "iw"), (["-vv"], "diw")])
def test_logs_go_to_standard_error_as_far_as_asked_for(
    flags: list[str], shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def place_call(options: CallOptions, on_progress: object, **_: object) -> list[dict[str, Any]]:
        log = logging.getLogger("softphone.app")
        log.debug("d")
        log.info("i")
        log.warning("w")
        return [result()]

    monkeypatch.setattr(app, "place_call", place_call)
    assert main(["call", URI, "--json", *flags]) == 0
    out, err = capsys.readouterr()
    only_object(out)
    assert err == "".join(f"softphone: {letter}\n" for letter in shown)


def fake_answer(events: list[dict[str, Any]]) -> Callable[..., list[dict[str, Any]]]:
    def answer_calls(
        options: AnswerOptions, on_event: Callable[[Mapping[str, Any]], None], *, on_serving: object
    ) -> list[dict[str, Any]]:
        for event in events:
            on_event(event)
        return [event for event in events if "event" not in event]

    return answer_calls


def test_answer_prints_json_lines_as_they_come(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listening = {"event": "listening", "uri": "sip:answer@127.0.0.1:5070"}
    monkeypatch.setattr(app, "answer_calls", fake_answer([listening, result(), result("no-audio")]))
    assert main(["answer", "--json", "--calls", "2"]) == 5
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [listening, result(), result("no-audio")]
    assert err == "softphone: no-audio: 200 OK\n"


@pytest.mark.parametrize("command", ["answer", "console"])
def test_what_is_served_is_told_with_its_token_on_standard_error_alone(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listening = {"event": "listening", "uri": "sip:answer@127.0.0.1:5070"}
    serving = Serving(
        ("http://127.0.0.1:1/",), "http://127.0.0.1:1/#token=secret", "http://127.0.0.1:1/#token=look"
    )

    def served(
        options: Any, on_event: Callable[[Any], None], *, on_serving: Callable[[Serving], None]
    ) -> list[Any]:
        assert options.serve.address == ("127.0.0.1", 1)
        on_serving(serving)
        on_event(listening)
        on_event({"event": "error", "error": "a call failed"})
        return []

    monkeypatch.setattr(app, "answer_calls", served)
    monkeypatch.setattr(console_app, "run_console", served)
    assert main([command, "--serve", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["serving", "listening", "error"]
    assert "token" not in out
    assert err == (
        "softphone: steer at http://127.0.0.1:1/#token=secret\n"
        "softphone: look only: http://127.0.0.1:1/#token=look\nsoftphone: a call failed\n"
    )
    assert main([command, "--serve", "1"]) == 0
    assert capsys.readouterr() == ("listening at sip:answer@127.0.0.1:5070\n", err)


def test_call_with_json_prints_one_object_though_it_serves(
    calls: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def place_call(
        options: CallOptions, on_progress: object, *, on_serving: Callable[[Serving], None], on_result: object
    ) -> list[Any]:
        assert options.serve == ServeOptions()
        on_serving(Serving(("http://127.0.0.1:1/",), "http://127.0.0.1:1/#token=secret", ""))
        return [result()]

    monkeypatch.setattr(app, "place_call", place_call)
    assert main(["call", URI, "--serve", "--json"]) == 0
    out, err = capsys.readouterr()
    assert only_object(out) == result()
    assert "#token=secret" in err


def test_answer_without_calls_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "answer_calls", fake_answer([{"event": "listening", "uri": "sip:answer@h"}]))
    assert main(["answer"]) == 0
    assert capsys.readouterr() == ("listening at sip:answer@h\n", "")


def test_a_reader_that_leaves_causes_no_traceback() -> None:
    code = (
        "import sys; from softphone import app; from softphone.cli import main\n"
        "app.place_call = lambda o, p, **more: [{'outcome': 'completed', 'reason': 'x' * 200000}]\n"
        "app.exit_status = lambda r: 0\n"
        f"sys.exit(main(['call', '{URI}', '--json']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(20) == 0


def test_demo_prints_both_sides_in_one_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[DemoOptions] = []

    def run_demo(options: DemoOptions, on_progress: Callable[[str], None]) -> dict[str, Any]:
        seen.append(options)
        on_progress("callee listens")
        return {"caller": result(), "callee": result("no-audio")}

    monkeypatch.setattr(app, "run_demo", run_demo)
    assert main(["demo", "--json", "--seconds", "3", "--out", "x"]) == 5
    out, err = capsys.readouterr()
    assert only_object(out) == {"caller": result(), "callee": result("no-audio")}
    assert err == "softphone: callee: no-audio: 200 OK\n"
    assert seen == [DemoOptions(seconds=3, out="x")]
    assert main(["demo", "-v"]) == 5
    out, err = capsys.readouterr()
    assert "caller" in out
    assert err.startswith("softphone: callee listens\n")


class FakeTty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_live_line_stands_until_the_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    err = FakeTty()
    monkeypatch.setattr(sys, "stderr", err)

    def place_call(
        options: CallOptions, on_progress: Callable[[dict[str, Any]], None], **_: object
    ) -> list[dict[str, Any]]:
        on_progress({"elapsed_s": 3.2, "total_s": 8.0, "loss_pct": 0.5, "level_dbov": -26.0})
        logging.getLogger("softphone").warning("bumpy")
        return [result()]

    monkeypatch.setattr(app, "place_call", place_call)
    assert main(["call", URI, "--json"]) == 0
    clear = "\r\x1b[2K"
    talking = "talking 3 of 8 s   loss 0.5 %   level -26.0 dBov"
    assert err.getvalue() == f"{clear}calling {URI} ...{clear}{talking}{clear}softphone: bumpy\n"
    only_object(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--json"], "a command is wanted"),
        (["--json", "call", URI], "call does not know '--json'; options stand behind the command"),
        (["devices", "--config", "x"], "devices does not know '--config'; see --help"),
        (["codec", "list", "--opus-libary", "x"], "the nearest is --opus-library"),
        (["answer", "--listen", "[::1"], "wanted HOST:PORT, got '[::1'"),
    ],
)
def test_no_hint_names_what_was_typed(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert words in capsys.readouterr().err
