"""`softphone radio` as it is typed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from softphone.cli import main
from softphone.options import OPTIONS
from softphone.radio import airtime, radios

DOCUMENT = Path(__file__).parents[2] / "docs" / "airtime.md"
SHOWN = re.findall(
    r"^\$ softphone radio (.*)\n((?:.*\n)*?)```", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE
)


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["radio", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_flow_is_reckoned_on_the_radio_named(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, "--packets", "16.7", "--bytes", "140", "--radio", "wifi-n:65")
    assert found == {"packets_per_s": 16.7, "wire_bytes": 140, "airtime": airtime(16.7, 140, "wifi-n:65")}


def test_a_flow_is_shown_with_its_gauge(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["radio", "--packets", "50", "--bytes", "200"]) == 0
    out = capsys.readouterr().out
    assert "20 ms/s ▕████▏ 1.00 x G.711" in out
    assert "49.1 mW" in out


def test_the_file_and_the_command_line_say_which_radio(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "radio.toml"
    file.write_text('[media]\nradio = "lte"\n', encoding="utf-8")
    flow = ("--packets", "7", "--bytes", "76", "--config", str(file))
    assert printed(capsys, *flow)["airtime"]["technology"] == "lte"
    assert printed(capsys, *flow, "--radio", "gprs")["airtime"]["technology"] == "gprs"


def test_the_list_has_every_technology_with_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, "--list")["technologies"]
    assert [one["name"] for one in found] == list(radios.names())
    assert all(one["constants"] and one["rates_mbps"] for one in found)
    assert printed(capsys, "--show", "lte") == next(one for one in found if one["name"] == "lte")


def test_what_is_assumed_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["radio", "--show", "wifi-n"]) == 0
    out = capsys.readouterr().out
    assert "IEEE 802.11-2020 section 19.4.3" in out
    assert "assumed: " in out


def test_codecs_are_compared_on_every_technology(capsys: pytest.CaptureFixture[str]) -> None:
    flows = printed(capsys, "compare", "--packets", "1", "--bytes", "100")["flows"]
    assert flows[0]["name"].startswith("G.711")
    assert {one["vs_g711_20ms"] for one in flows[0]["airtime"]} == {1.0}
    assert flows[-1]["name"] == "as given"
    assert {one["technology"] for one in flows[-1]["airtime"]} == set(radios.names())


def test_turns_tell_each_saving(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, "turns", "--bitrate", "1600", "--ptime", "96")
    assert (found["bit_rate_bps"], found["ptime_ms"]) == (1600, 96)
    assert found["steps"][0]["vs_g711_20ms"] == {"wifi-n:6.5": 1.0, "wifi-n:65": 1.0}
    assert found["steps"][1]["name"] == "1.6 kb/s in 96 ms packets"
    assert found["steps"][1]["packets_per_s"] == 10.42


def test_idle_follows_the_lifetime_of_the_registration(capsys: pytest.CaptureFixture[str]) -> None:
    hour, ten = (printed(capsys, "idle", "--expires", one)["rows"][0] for one in ("3600", "600"))
    assert ten["wakeups_per_h"] == pytest.approx(6 * hour["wakeups_per_h"], rel=0.02)


@pytest.mark.parametrize("arguments", [["compare"], ["turns"], ["idle"], ["--list"]])
def test_tables_fit_into_a_hundred_columns(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["radio", *arguments]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "radio wants --packets and --bytes, or compare, turns, idle"),
        (["--packets", "5"], "radio wants --packets and --bytes"),
        (["--packets", "5", "--bytes", "3"], "--bytes must be 20 to 65535 bytes, got 3"),
        (["--packets", "many", "--bytes", "30"], "--packets: wanted a number, got 'many'"),
        (["idle", "--radio", "wifi-x"], "no radio technology named 'wifi-x'; known: gprs"),
        (["idle", "--radio", "lte:9"], "rate of lte must be one of 0.208, 0.68, 1.384 Mb/s, got '9'"),
        (["idle", "--expires", "1"], "--expires must be 60 to 1000000 s, got 1"),
        (["--show", "wifi-x"], "--show: no radio technology named 'wifi-x'"),
        (["idle", "--list"], "wanted idle or a listing, got both"),
        (["idel"], "invalid choice: 'idel'"),
        (["--packet=5"], "the nearest is --packets"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["radio", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert says in err


def test_a_call_refuses_a_radio_that_nobody_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", "sip:bob@127.0.0.1:5070", "--radio", "wifi-z"]) == 2
    assert "--radio: no radio technology named 'wifi-z'" in capsys.readouterr().err


def test_help_names_each_option_and_ends_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["radio", "--help"])
    assert left.value.code == 0
    out = capsys.readouterr().out
    own = {"--" + option.name for option in OPTIONS if "radio" in option.commands}
    assert own == {"--packets", "--bytes", "--radio", "--bitrate", "--ptime", "--expires"}
    assert all(one in out for one in {*own, "--list", "--show", "--json", "--config"})
    assert out.splitlines()[-1].strip().startswith("softphone radio")


def test_the_document_shows_flows_codecs_turns_and_a_registration() -> None:
    assert {command.split()[0] for command, _ in SHOWN} == {"--packets", "compare", "turns", "idle"}


@pytest.mark.parametrize(("command", "shown"), [pair for pair in SHOWN if pair[0] != "idle"])
def test_the_document_shows_what_the_command_prints(
    command: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["radio", *command.split()]) == 0
    assert capsys.readouterr().out.rstrip() == shown.rstrip()
