"""`codec list` and `devices`."""

import json
import re
from pathlib import Path

import pytest

from dsp.codecs import codecs
from softphone.cli import main
from softphone.errors import EnvironmentProblem
from softphone.io.audio import portaudio

DEVICE = {
    "index": 3, "name": "Headset [x]", "host_api": "ALSA", "inputs": 1, "outputs": 2, "sample_rate_hz": 44100,
    "default_input": True, "default_output": False,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_codec_list_as_json_describes_every_codec(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codec", "list", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    listed = {one["name"]: one for one in json.loads(out)["codecs"]}
    assert tuple(sorted(listed)) == codecs.names()
    pcmu = listed["pcmu"]
    assert (pcmu["sdp_name"].upper(), pcmu["payload_type"], pcmu["clock_rate_hz"]) == ("PCMU", 0, 8000)
    assert pcmu["sample_rates_hz"] == [8000]
    assert pcmu["bit_rates_bps"] == {"min": 64000, "default": 64000, "max": 64000}
    assert 20 in pcmu["ptimes_ms"]
    opus = listed["opus"]
    assert (opus["clock_rate_hz"], opus["channels"], opus["sample_rates_hz"]) == (48000, 2, [16000, 48000])
    assert (opus["library"] is None) != (opus["error"] is None)


def test_codec_list_as_a_table_names_every_codec(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codec", "list"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for name in codecs.names():
        assert name in out


def test_codec_list_with_a_library_that_is_none_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codec", "list", "--json", "--opus-library", "/nowhere/libopus.so"]) == 2
    assert "/nowhere/libopus.so" in json.loads(capsys.readouterr().out)["error"]


def test_devices_as_json_and_as_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(portaudio, "list_devices", lambda: [DEVICE])
    assert main(["devices", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"devices": [DEVICE]}
    assert main(["devices"]) == 0
    out, err = capsys.readouterr()
    row = next(line for line in out.splitlines() if "Headset" in line)
    assert re.split(" {2,}", row) == [
        "3", "Headset [x]", "1", "2", "44.1 kHz", "ALSA", "input",
    ]  # fmt: skip
    assert err == ""


def test_no_devices_are_an_empty_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(portaudio, "list_devices", list)
    assert main(["devices"]) == 0
    assert capsys.readouterr().out == "no sound devices\n"


def test_devices_without_portaudio_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def list_devices() -> list[object]:
        raise EnvironmentProblem("sound devices need the PortAudio library: apt install libportaudio2")

    monkeypatch.setattr(portaudio, "list_devices", list_devices)
    assert main(["devices", "--json"]) == 2
    out, err = capsys.readouterr()
    assert "apt install libportaudio2" in json.loads(out)["error"]
    assert err.count("\n") == 1


def test_codec_list_takes_its_library_from_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[media]\nopus-library = "/nowhere/libopus.so"\nptime = 60\n')
    assert main(["codec", "list", "--json", "--config", str(file)]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert f"{file} [media] opus-library" in error
    assert "/nowhere/libopus.so" in error
