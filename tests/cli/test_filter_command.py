"""What `filter` lists, shows, describes and says of a run; what it refuses, and with which exit status."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dsp.filters import filters
from dsp.params import fields_of
from softphone.cli import main
from softphone.errors import EnvironmentProblem
from softphone.options import OPTIONS
from softphone.settings import load_settings

OWN = 'about = "My own"\n[[filter]]\ntype = "gain"\ngain_db = -6.0\n'


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> str:
    noise = 0.1 * np.random.default_rng(1).standard_normal((16_000, 2))
    soundfile.write(tmp_path / "in.wav", noise, 16_000, "PCM_16")
    return "in.wav"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The user's folder of presets."""
    folder = tmp_path / "config" / "softphone" / "presets"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(OWN)
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["filter", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    status, out, err = run(capsys, *arguments, "--json")
    assert out.count("\n") == 1
    return status, json.loads(out), err


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that is said, in both ways, with status 2."""
    status, out, err = run(capsys, *arguments)
    assert status == 2, err
    assert out == ""
    assert err.startswith("softphone: ")
    assert err.count("\n") == 1
    status, value, again = run_json(capsys, *arguments)
    assert (status, again) == (2, err)
    assert value == {"error": err.removeprefix("softphone: ").rstrip("\n")}
    return str(value["error"])


def test_a_file_is_filtered_and_a_person_is_told(capsys: pytest.CaptureFixture[str], source: str) -> None:
    status, out, err = run(capsys, "no-filter", source, "out.wav")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "no-filter: in.wav -> out.wav"
    assert re.search(r"length +1\.00 s, 2 channels, 16000 Hz", out)
    assert re.search(r"level +-20\.\d -> -20\.\d dBFS", out)
    assert soundfile.info("out.wav").subtype == "PCM_16"


def test_json_holds_what_was_done(capsys: pytest.CaptureFixture[str], source: str) -> None:
    status, done, err = run_json(
        capsys, "voice-clear", source, "out.flac", "--set", "limiter.ceiling_dbtp=-20"
    )
    assert (status, err) == (0, "")
    assert done["preset"] == "voice-clear"
    assert (done["input"], done["output"]) == ("in.wav", "out.flac")
    assert (done["seconds"], done["sample_rate_hz"], done["channels"]) == (1.0, 16_000, 2)
    assert done["delay_ms"] > 0
    assert done["times_real_time"] == pytest.approx(1.0 / done["took_s"], rel=0.1)
    assert done["level_after_dbfs"] < done["level_before_dbfs"] == pytest.approx(-20, abs=0.2)
    assert done["peak_after_dbfs"] <= -19.9
    assert done["clipped_samples"] == 0
    assert "limiter.gain_reduction_db" in done["readings"]
    assert (done["plot"], done["warnings"], done["measured"]) == (None, [], {})


def test_files_may_stand_before_between_and_behind_options(
    capsys: pytest.CaptureFixture[str], source: str, own: Path
) -> None:
    for number, words in enumerate(
        (
            ["mine", source, "OUT", "--set", "gain.gain_db=-3"],
            ["mine", "--set", "gain.gain_db=-3", source, "OUT"],
            ["--set", "gain.gain_db=-3", "mine", source, "OUT"],
            ["mine", source, "--set=gain.gain_db=-3", "OUT", "--force"],
        )
    ):
        words = [word.replace("OUT", f"{number}.wav") for word in words]
        status, done, _ = run_json(capsys, *words)
        assert status == 0
        assert done["level_after_dbfs"] == pytest.approx(done["level_before_dbfs"] - 3, abs=0.01)


def test_presets_are_listed_with_what_they_are_for(capsys: pytest.CaptureFixture[str], own: Path) -> None:
    (own / "broken.toml").write_text("about = 3")
    (own / "no-filter.toml").write_text(OWN)
    status, value, err = run_json(capsys, "--list")
    assert (status, err) == (0, "")
    found = {each["name"]: each for each in value["presets"]}
    assert list(found) == sorted(found)
    assert found["telephone"]["origin"] == "packaged"
    assert found["telephone"]["about"]
    assert found["telephone"]["expect"]
    assert found["mine"]["filters"] == [{"slot": "gain", "type": "gain"}]
    assert found["mine"]["origin"] == "user"
    assert found["mine"]["replaces"] is None
    assert found["no-filter"]["replaces"].endswith("no-filter.toml")
    assert "about must be one line of text" in found["broken"]["error"]
    status, out, _ = run(capsys, "--list")
    assert status == 0
    assert re.search(r"^telephone +\S", out, re.MULTILINE)
    assert re.search(r"^no-filter +My own \(your own, instead of the packaged one: ", out, re.MULTILINE)
    assert re.search(r"^mine +My own \(your own: ", out, re.MULTILINE)
    assert re.search(r"^broken +error: ", out, re.MULTILINE)


def test_a_preset_of_ones_own_says_that_it_goes_before_the_packaged_one(
    capsys: pytest.CaptureFixture[str], source: str, own: Path
) -> None:
    (own / "no-filter.toml").write_text(OWN)
    status, done, err = run_json(capsys, "no-filter", source, "out.wav")
    assert status == 0
    assert done["level_after_dbfs"] == pytest.approx(done["level_before_dbfs"] - 6, abs=0.01)
    assert (
        err
        == f"softphone: preset no-filter is your own {own / 'no-filter.toml'}, which goes before the packaged one\n"
    )


def test_a_preset_is_shown_as_it_lies(capsys: pytest.CaptureFixture[str], own: Path) -> None:
    text = "# mine\n" + OWN
    (own / "mine.toml").write_text(text)
    status, out, _ = run(capsys, "--show", "mine")
    assert (status, out) == (0, text)
    status, value, _ = run_json(capsys, "--show", "mine")
    assert value["toml"] == text
    assert value["preset"]["filter"][0]["gain_db"] == -6.0
    assert (value["name"], value["origin"]) == ("mine", "user")


def test_a_changed_preset_is_shown_as_a_file_that_does_the_same(
    capsys: pytest.CaptureFixture[str], own: Path, source: str
) -> None:
    status, out, _ = run(capsys, "--show", "mine", "--set", "gain.gain_db=-9.5", "--set", "gain.invert=on")
    assert status == 0
    gain = tomllib.loads(out)["filter"][0]
    assert (gain["gain_db"], gain["invert"]) == (-9.5, True)
    Path("changed.toml").write_text(out)
    status, done, _ = run_json(capsys, "changed.toml", source, "out.wav")
    assert done["level_after_dbfs"] == pytest.approx(done["level_before_dbfs"] - 9.5, abs=0.01)


def test_every_packaged_preset_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _, value, _ = run_json(capsys, "--list")
    for each in value["presets"]:
        status, out, _ = run(capsys, "--show", each["name"])
        assert status == 0
        assert tomllib.loads(out)["about"] == each["about"]


def test_filters_are_described_with_units_and_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    status, value, _ = run_json(capsys, "--describe")
    assert status == 0
    assert {each["name"] for each in value["filters"]} == set(filters.names())
    gain = next(each for each in value["filters"] if each["name"] == "gain")
    assert gain["category"] == "level"
    assert gain["source"]
    one = gain["parameters"][0]
    assert (one["name"], one["unit"], one["min"], one["max"]) == ("gain_db", "dB", -120.0, 60.0)
    status, out, _ = run(capsys, "--describe")
    assert status == 0
    for name in filters.names():
        assert f"{name} (" in out
        for parameter in fields_of(filters.get(name).params):
            assert f"  {parameter}: " in out


def test_one_filter_is_described_alone(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--describe", "gain", "parametric-eq")
    assert status == 0
    assert out.startswith("gain (level): ")
    assert "  gain_db: -120 to 60 dB (default 0): gain; -120 dB is silence\n" in out
    assert "  invert: on or off (default off): " in out
    assert re.search(r"^  bands\.N\.freq_hz: [\d.]+ to \d+ Hz \(default 1000\): ", out, re.MULTILINE)
    assert "compressor" not in out
    assert "did you mean gain?" in refusal(capsys, "--describe", "gian")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], r"wanted PRESET IN OUT.*got nothing"),
        (["telephone", "in.wav"], r"wanted PRESET IN OUT.*got telephone in\.wav"),
        (["a", "b", "c", "d"], r"wanted PRESET IN OUT"),
        (["telefone", "in.wav", "out.wav"], r"no preset 'telefone'; did you mean telephone\?"),
        (["none.toml", "in.wav", "out.wav"], r"none\.toml does not exist"),
        (["no-filter", "none.wav", "out.wav"], r"none\.wav does not exist"),
        (["no-filter", "text.wav", "out.wav"], r"text\.wav is no sound file"),
        (["no-filter", "empty.wav", "out.wav"], r"empty\.wav is an empty file"),
        (["no-filter", "silent.wav", "out.wav"], r"silent\.wav holds no audio"),
        (["no-filter", ".", "out.wav"], r"\. cannot be read"),
        (["no-filter", "in.wav", "in.wav", "--force"], r"in\.wav is input and output"),
        (["no-filter", "in.wav", "text.wav"], r"text\.wav exists: give --force"),
        (["no-filter", "in.wav", "out.xyz"], r"out\.xyz must end in \.wav, "),
        (["no-filter", "in.wav", "none/out.wav"], r"none/out\.wav cannot be written \(No such file"),
        (["no-filter", "in.wav", "."], r"\. is no file"),
        (["mine", "in.wav", "out.wav", "--set", "gain.gain_db"], r"--set: wanted PATH=VALUE"),
        (["mine", "in.wav", "out.wav", "--set", "gain.gain_db=61"], r"gain\.gain_db must be -120 to 60 dB, got 61"),
        (["mine", "in.wav", "out.wav", "--set", "gain.gain_db=nan"], r"gain\.gain_db must be -120 to 60 dB, got nan"),
        (["mine", "in.wav", "out.wav", "--set", "gain.gain_bd=1"], r"gain\.gain_bd is unknown; did you mean gain_db"),
        (["mine", "in.wav", "out.wav", "--set", "gian.gain_db=1"], r"no filter 'gian' in preset mine; did you mean gain"),
        (["mine", "in.wav", "out.wav", "--far", "in.wav"], r"--far\) is for an echo canceller"),
        (["mine", "-in.wav", "out.wav"], r"filter does not know '-in\.wav'; for a file of that name write \./-in\.wav"),
        (["mine", "in.wav", "out.wav", "--frobnicate"], r"filter does not know '--frobnicate'"),
        (["--list", "in.wav"], r"--list and --show take no files"),
        (["--show", "telefone"], r"did you mean telephone"),
        (["--show", "mine", "--set", "gain.x=1"], r"gain\.x is unknown"),
        (["--list", "--describe"], r"not allowed with argument"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, source: str, own: Path, words: list[str], said: str
) -> None:
    (tmp_path / "text.wav").write_text("text")
    (tmp_path / "empty.wav").touch()
    soundfile.write(tmp_path / "silent.wav", np.zeros((0, 1)), 8000)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert re.search(said, refusal(capsys, *words))
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_design_that_cannot_be_at_this_rate_is_said(
    capsys: pytest.CaptureFixture[str], source: str
) -> None:
    Path("high.toml").write_text('[[filter]]\ntype = "butterworth"\nkind = "highpass"\nfreq_hz = 20000\n')
    said = refusal(capsys, "high.toml", source, "out.wav")
    assert said.startswith("preset high: butterworth: freq_hz")
    assert "Hz" in said
    assert not Path("out.wav").exists()


def test_an_output_that_exists_is_replaced_by_force(capsys: pytest.CaptureFixture[str], source: str) -> None:
    Path("out.wav").write_text("mine")
    assert "give --force" in refusal(capsys, "no-filter", source, "out.wav")
    assert Path("out.wav").read_text() == "mine"
    status, _, _ = run_json(capsys, "no-filter", source, "out.wav", "--force")
    assert status == 0
    assert soundfile.info("out.wav").frames == 16_000


def test_clipping_is_warned_of_beside_the_result(
    capsys: pytest.CaptureFixture[str], source: str, own: Path
) -> None:
    status, done, err = run_json(capsys, "mine", source, "out.wav", "--set", "gain.gain_db=30")
    assert status == 0
    assert done["clipped_samples"] > 100
    assert err == f"softphone: warning: {done['warnings'][0]}\n"


def test_the_file_of_settings_counts_where_the_command_line_is_silent(
    capsys: pytest.CaptureFixture[str], source: str, own: Path
) -> None:
    Path("config.toml").write_text('[filter]\nset = ["gain.gain_db=-12"]\nforce = true\n')
    Path("out.wav").touch()
    status, done, _ = run_json(capsys, "mine", source, "out.wav", "--config", "config.toml")
    assert status == 0
    assert done["level_after_dbfs"] == pytest.approx(done["level_before_dbfs"] - 12, abs=0.01)
    status, done, _ = run_json(
        capsys, "mine", source, "out.wav", "--config", "config.toml", "--set", "gain.gain_db=-1"
    )
    assert done["level_after_dbfs"] == pytest.approx(done["level_before_dbfs"] - 1, abs=0.01)
    Path("config.toml").write_text("[filter]\nsett = 1\n")
    assert "no option 'sett', the nearest is 'set'" in refusal(
        capsys, "mine", source, "out.wav", "--config", "config.toml"
    )
    assert load_settings("filter", None).values == {}


def test_values_of_the_configuration_file_count_one_by_one_unless_the_command_line_has_that_one(
    capsys: pytest.CaptureFixture[str], source: str
) -> None:
    Path("two.toml").write_text('[[filter]]\ntype = "gain"\n\n[[filter]]\ntype = "gain"\nslot = "after"\n')
    for text in (
        "[filter.set]\ngain.gain_db = -4\nafter.gain_db = -2\n",
        '[filter.set]\n"gain.gain_db" = -4.0\n"after.gain_db" = "-2"\n',
        '[filter]\nset = ["gain.gain_db=-4", "after.gain_db=-2"]\n',
        "[filter]\nset = [{ gain = { gain_db = -4 } }, { after.gain_db = -2 }]\n",
    ):
        Path("config.toml").write_text(text)
        config = ("--config", "config.toml")
        for more, db in (((), -6), (("--set", "gain.gain_db=-1"), -3), (("--set", "after.bypass=on"), -4)):
            _, done, _ = run_json(capsys, "two.toml", source, "out.wav", "--force", *config, *more)
            assert done["level_after_dbfs"] == pytest.approx(done["level_before_dbfs"] + db, abs=0.01), (
                text,
                more,
            )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[filter.set]\ngain.gain_db = 99\n", "gain.gain_db must be -120 to 60 dB, got 99"),
        ("[filter.set]\ngian.gain_db = 1\n", "gian"),
        (
            "[filter.set]\ngain.gain_db = 1979-05-27\n",
            "[filter] set: wanted a number, text, true, false or a list",
        ),
        ("[filter]\nset = 3\n", "[filter] set: wanted text, got 3"),
    ],
)
def test_a_wrong_value_in_the_configuration_file_is_one_line(
    capsys: pytest.CaptureFixture[str], source: str, text: str, words: str
) -> None:
    Path("one.toml").write_text('[[filter]]\ntype = "gain"\n')
    Path("config.toml").write_text(text)
    assert words in refusal(capsys, "one.toml", source, "out.wav", "--config", "config.toml")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--serve",), "--serve is for what is heard as it runs: add --live or --realtime"),
        (("--in-device", "x"), "--in-device is for what is heard as it runs: add --live or --realtime"),
        (("--block", "5"), "--block is for what is heard as it runs"),
        (("--seconds", "5"), "--seconds is for what is heard as it runs"),
        (("--realtime", "--plot", "x.png"), "--plot is for files that are filtered at once"),
        (("--realtime", "--allow-lan"), "--allow-lan is for --serve: give it, too"),
        (("--realtime", "--in-device", "x"), "--in-device and --out-device are for --live"),
        (("--realtime", "--block", "500"), "--block must be 1 to 100 ms, got 500"),
        (("--realtime", "--rate", "100"), "--rate must be 8000 to 192000 Hz, got 100"),
        (
            ("--realtime", "--serve", "0.0.0.0:80"),
            "--serve 0.0.0.0 would let others on the network in: add --allow-lan",
        ),
        (("--realtime", "--serve", "70000"), "--serve port must be 0 to 65535, got 70000"),
    ],
)
def test_options_that_do_not_go_together_are_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], source: str, arguments: tuple[str, ...], words: str
) -> None:
    assert words in refusal(capsys, "telephone", source, "out.wav", *arguments)
    assert not Path("out.wav").exists()


def test_a_plot_is_refused_before_any_work(
    capsys: pytest.CaptureFixture[str], source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["no-filter", source, "out.wav", "--plot"]
    Path("there.png").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: object())
        assert "there.png exists" in refusal(capsys, *words, "there.png")
        assert "x.jpg must end in .png" in refusal(capsys, *words, "x.jpg")
        Path("out.png").symlink_to("out.wav")
        assert "is the sound file" in refusal(capsys, *words, "out.png")
        assert "none/x.png cannot be written" in refusal(capsys, *words, "none/x.png")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert refusal(capsys, *words, "x.png") == '--plot needs matplotlib: pip install "softphone[plots]"'
    assert issubclass(EnvironmentProblem, ValueError)
    assert not Path("out.wav").exists()


def test_a_plot_is_drawn(capsys: pytest.CaptureFixture[str], source: str) -> None:
    pytest.importorskip("matplotlib")
    status, done, _ = run_json(capsys, "voice-clear", source, "out.wav", "--plot", "x.png")
    assert (status, done["plot"]) == (0, "x.png")
    assert Path("x.png").read_bytes().startswith(b"\x89PNG")


def test_a_terminal_sees_a_bar_and_a_pipe_none(
    capsys: pytest.CaptureFixture[str], source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("softphone.app.filtering.PROGRESS_S", 0.0)

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    assert main(["filter", "no-filter", source, "out.wav", "--json"]) == 0
    assert "filtering" in screen.getvalue()
    assert "100%" in screen.getvalue()
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    assert main(["filter", "no-filter", source, "out.wav", "--json", "--force"]) == 0
    assert pipe.getvalue() == ""


@pytest.mark.skipif(os.name != "posix", reason="a process cannot send itself these signals elsewhere")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_leaves_one_line_and_no_file(
    capsys: pytest.CaptureFixture[str], source: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from softphone.io.sound_file import SoundWriter

    def write(self: SoundWriter, block: object) -> None:
        assert any(path.name.endswith(".part") for path in Path().iterdir())
        signal.raise_signal(getattr(signal, name))

    monkeypatch.setattr(SoundWriter, "write", write)
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    status, out, err = run(capsys, "no-filter", source, "out.wav")
    assert (status, out, err) == (1, "", "softphone: interrupted before there was a result\n")
    assert sorted(path.name for path in Path().iterdir()) == ["in.wav"]
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == handlers


def test_help_names_every_option_and_ends_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["filter", "--help"])
    assert left.value.code == 0
    out = capsys.readouterr().out
    shown = set(re.findall(r"^  --([a-z0-9-]+)", out, re.MULTILINE))
    own = {option.name for option in OPTIONS if "filter" in option.commands}
    assert own >= {
        "set",
        "far",
        "plot",
        "force",
        "live",
        "realtime",
        "in-device",
        "out-device",
        "serve",
        "allow-lan",
    }
    assert shown == own | {"json", "config", "list", "show", "describe"}
    assert out.splitlines()[-1].strip().startswith("softphone filter ")
    assert "softphone filter --list | --show PRESET" in out


def test_help_and_a_refused_command_line_load_nothing_heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # back to the folder of the tests
    heavy = ("numpy", "soundfile", "dsp", "rich", "asyncio", "softphone.app", "softphone.io", "tomllib")
    for arguments in (["filter", "--help"], ["filter", "x"]):
        code = (
            "import sys; from softphone.cli import main\n"
            f"try: main({arguments!r})\n"
            "except SystemExit: pass\n"
            f"print([n for n in {heavy!r} if n in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=30, check=True
        )
        assert done.stdout.splitlines()[-1] == "[]"
