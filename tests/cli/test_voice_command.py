"""What `softphone voice` takes, refuses and prints."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.vowels import vowel

from softphone.cli import main
from softphone.options import OPTIONS

VERBS = ("voice", "avqi", "dsi")


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("voices") / "held.wav"
    made = vowel(200.0, seconds=2.0, jitter_pct=0.5, shimmer_pct=2.0, hnr_db=25.0)
    soundfile.write(path, made.samples, made.sample_rate_hz, subtype="PCM_24")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["voice", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_help_names_every_option_and_ends_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["voice", "--help"])
    assert left.value.code == 0
    out = capsys.readouterr().out
    own = {option.name for option in OPTIONS if set(VERBS) & set(option.commands)}
    assert set(re.findall(r"^  --([a-z0-9-]+)", out, re.MULTILINE)) == own | {"json", "config"}
    assert out.splitlines()[-1].strip().startswith("softphone voice")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "voice wants a recording"),
        (("none.wav",), "none.wav does not exist"),
        (("builtin:dog",), "no bundled speech 'builtin:dog'"),
        (("builtin:man", "builtin:woman"), "got 2: give --out VOICES.csv"),
        (("builtin:man", "--workers", "2"), "--workers shares a list"),
        (("builtin:man", "--pitch-floor", "5"), "pitch floor must be 30 to 300 Hz, got 5"),
        (("builtin:man", "--pitch-ceiling", "100"), "pitch ceiling must be 120 to 2000 Hz, got 100"),
        (("builtin:man", "--pitch-floor", "high"), "--pitch-floor: wanted a number, got 'high'"),
        (("builtin:man", "--channel", "2"), "--channel 2 is wanted of builtin:man, which has one channel"),
        (("builtin:man", "--channel", "0"), "--channel must be 1 to 64"),
        (("builtin:man", "--from", "60"), "--from 60 is behind the end of builtin:man, which lasts 7.100 s"),
        (("builtin:man", "--from", "3", "--to", "2"), "--to must be behind --from (3 s), got 2"),
        (("builtin:man", "--from", "nan"), "--from must be 0 s or more"),
        (("builtin:man", "--sex", "x"), "--sex: wanted f or m"),
        (("builtin:man", "--age", "200"), "--age must be 0 to 120 years"),
        (("builtin:man", "--report", "page.txt"), "must end in .html"),
        (("builtin:man", "--report", "a.html", "--out", "a.csv"), "leave it out with --out"),
        (("builtin:man", "--mpt", "3"), "--mpt is for `voice dsi`"),
        (("builtin:man", "--vowel", "a.wav"), "--vowel is for `voice avqi` and `voice dsi`"),
        (("avqi", "--age", "3"), "--age is for `softphone voice`"),
        (("avqi", "--vowel", "a.wav"), "voice avqi wants --vowel FILE, --speech FILE; got no --speech FILE"),
        (("avqi", "a.wav"), "takes its recordings by options, got 'a.wav'; a file called avqi is ./avqi"),
        (("dsi", "--mpt", "3"), "got no --low FILE and no --high FILE and no --vowel FILE"),
        (("--pitch-flor", "3"), "the nearest is --pitch-floor"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err


def test_no_index_without_a_calibrated_level(capsys: pytest.CaptureFixture[str]) -> None:
    files = [word for name in ("low", "high", "vowel") for word in (f"--{name}", "builtin:man")]
    status, out, err = run(capsys, "dsi", "--mpt", "12", *files, "--json")
    assert status == 2
    assert "needs a level calibration: --spl-at-0dbfs" in json.loads(out)["error"]
    assert err.count("\n") == 1


def test_a_folder_needs_a_file_for_its_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, str(tmp_path))
    assert status == 2
    assert "is a folder: give one recording, or --out VOICES.csv" in err
    status, _, err = run(capsys, str(tmp_path), "--out", str(tmp_path / "a.csv"))
    assert status == 2
    assert "holds no sound files" in err


def test_a_recording_called_as_a_verb_is_reached_by_its_path(
    held: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "avqi").write_bytes(held.read_bytes())
    monkeypatch.chdir(tmp_path)
    status, out, _ = run(capsys, "./avqi", "--json")
    assert status == 0
    assert json.loads(out)["file"] == "./avqi"


def test_the_table_of_a_vowel_fits_a_terminal_and_says_what_it_is_not(
    held: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, str(held), "--sex", "f", "--age", "30")
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines()[1:])) <= 80
    titles = [
        line.strip()
        for line in out.splitlines()
        if re.fullmatch(r"  [a-z].*", line) and "  " not in line.strip()
    ]
    wanted = [
        "pitch",
        "perturbation",
        "noise",
        "cepstrum",
        "spectrum",
        "formants",
        "exploratory, without norms",
    ]
    assert [title for title in titles if title in wanted] == wanted
    assert re.search(r"jitter \(local\) +0\.\d+ %", out)
    assert "no diagnosis" in " ".join(out.split())


def test_below_44_khz_perturbation_is_flagged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = vowel(200.0, seconds=2.0, sample_rate_hz=16_000, hnr_db=30.0)
    soundfile.write(tmp_path / "low.wav", made.samples, 16_000)
    status, out, _ = run(capsys, str(tmp_path / "low.wav"))
    assert status == 0
    assert re.search(r"jitter \(local\) +\d+\.\d+\*%", out)
    assert "  * " in out


def test_speech_is_told_why_it_has_no_jitter_and_is_measured_else(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "builtin:woman")
    assert status == 0
    assert "connected speech" in out
    text = " ".join(out.partition("not measured")[2].split())
    assert re.search(r"jitter.*vowel", text)
    assert re.search(r"F0 \(median\) +\d", out)


def test_a_chord_is_not_called_a_vowel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = np.arange(2 * 44100) / 44100
    notes = [np.sin(2 * np.pi * hz * k * at) / k for hz in (220.0, 277.2, 329.6) for k in range(1, 9)]
    path = tmp_path / "chord.wav"
    soundfile.write(path, 0.05 * np.sum(notes, axis=0), 44100)
    assert main(["voice", str(path)]) == 0
    said = capsys.readouterr().out
    assert "several-voices" in said
    assert "what it is  a held sound: " in said
    assert "one steady vowel" not in said


def test_silence_is_one_line_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(44_100), 44_100)
    status, out, err = run(capsys, str(tmp_path / "silent.wav"))
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "silent" in err
    status, out, _ = run(capsys, str(tmp_path / "silent.wav"), "--json")
    assert status == 2
    assert "silent" in json.loads(out)["error"]


def test_settings_are_taken_from_the_file_and_echoed(
    held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "my.toml"
    config.write_text('[voice]\npitch-floor = 75\nsex = "f"\n\n[avqi]\nlanguage = "dutch"\n')
    status, out, _ = run(capsys, str(held), "--config", str(config), "--pitch-ceiling", "500", "--json")
    assert status == 0
    result = json.loads(out)
    assert (result["settings"]["f0"]["floor_hz"], result["settings"]["f0"]["ceiling_hz"]) == (75, 500)


def test_an_excerpt_is_measured_as_a_recording_of_its_own(
    held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples, rate = soundfile.read(held, dtype="float32")
    soundfile.write(tmp_path / "part.wav", samples[rate // 2 : rate * 3 // 2], rate, subtype="PCM_24")
    _, out, _ = run(capsys, str(held), "--from", "0.5", "--to", "1.5", "--json")
    _, part, _ = run(capsys, str(tmp_path / "part.wav"), "--json")
    got, wanted = json.loads(out), json.loads(part)
    assert got["seconds"] == wanted["seconds"] == 1.0
    assert got["jitter_local_pct"] == wanted["jitter_local_pct"] is not None
    assert got["cpps_db"] == wanted["cpps_db"]


def test_a_channel_is_chosen_and_counted_from_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voices = [vowel(f0, seconds=1.5, seed=3) for f0 in (120.0, 220.0)]
    soundfile.write(tmp_path / "two.flac", np.stack([each.samples for each in voices], axis=1), 44_100)
    for channel, f0 in ((1, 120.0), (2, 220.0)):
        _, out, _ = run(capsys, str(tmp_path / "two.flac"), "--channel", str(channel), "--json")
        result = json.loads(out)
        assert (result["channel"], result["channels"]) == (channel, 2)
        assert result["f0_mean_hz"] == pytest.approx(f0, rel=0.002)


def test_a_report_is_not_written_over_the_recording_or_another_file(
    held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    page.write_text("mine")
    status, _, err = run(capsys, str(held), "--report", str(page))
    assert status == 2
    assert "exists: give --force" in err
    status, out, _ = run(capsys, str(held), "--report", str(page), "--force")
    assert status == 0
    assert out.splitlines()[-1] == f"report: {page}"
    assert page.read_text().startswith("<!doctype html>")
