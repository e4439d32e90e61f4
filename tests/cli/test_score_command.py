"""`softphone score`: what is printed, exit statuses, thresholds, refusals."""

import json

import numpy as np
import pytest
import soundfile

from softphone.cli import main
from softphone.io.speech import speech_path

RATE = 16000
CONTRACT = {
    "mos_lqo", "metrics", "delay_ms", "delay_changes", "skew_ppm", "gain_db", "verdict", "segments", "seconds", "took_s",
}  # fmt: skip
MAN = soundfile.read(speech_path("builtin:man"), dtype="float32")[0]


def run(capsys, *arguments):
    status = main(["score", "--config", "/dev/null", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, out, err


def run_json(capsys, *arguments):
    status, out, err = run(capsys, *arguments, "--json")
    assert out.count("\n") == 1
    return status, json.loads(out), err


@pytest.fixture
def noisy(tmp_path):
    path = tmp_path / "noisy line.wav"
    noise = 0.01 * np.random.default_rng(1).standard_normal(MAN.size)
    soundfile.write(path, np.concatenate((np.zeros(8000), MAN + noise)), RATE)
    return path


@pytest.fixture
def silent(tmp_path):
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(5 * RATE), RATE)
    return path


def test_json_has_the_keys_of_the_contract(capsys, noisy):
    status, result, _ = run_json(capsys, noisy, "--reference", "builtin:man", "--metrics", "stoi")
    assert status == 0
    assert set(result) >= CONTRACT | {"metric", "value", "unit", "max", "trusted", "checks", "worst", "trace"}
    assert set(result["metrics"]) == {"visqol", "stoi"}
    assert 2 < result["mos_lqo"] < 4
    assert result["delay_ms"] == pytest.approx(500, abs=1)
    assert "noise" in result["verdict"]
    assert result["error"] is None


def test_the_table_says_it_in_words(capsys, noisy):
    status, out, err = run(capsys, noisy, "--reference", "builtin:man", "--metrics", "stoi")
    assert status == 0
    assert err == ""
    for text in (
        "of 5 MOS-LQO, ",
        "verdict",
        "noise",
        "delay",
        "500.0 ms",
        "clock skew",
        "gain",
        "worst parts",
    ):
        assert text in out


def test_without_a_reference_there_are_checks_and_what_is_missing_is_said(capsys, noisy, monkeypatch):
    from softphone.io import judges

    monkeypatch.setattr(judges, "missing", lambda names: {name: f"{name} needs a package" for name in names})
    status, result, _ = run_json(capsys, noisy)
    assert (status, result["mos_lqo"]) == (0, None)
    assert "noise" in result["verdict"]
    assert result["refused"]["dnsmos"] == "dnsmos needs a package"
    _, out, _ = run(capsys, noisy)
    assert "none: it needs a reference" in out
    assert "dnsmos needs a package" in out


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (("--reference", "builtin:man", "--min-mos", "1.5"), 0, None),
        (("--reference", "builtin:man", "--min-mos", "4.5"), 6, "wanted at least 4.5"),
        (
            ("--reference", "builtin:man", "--min-mos", "1.5", "--codec", "codec2:1300"),
            2,
            "cannot be trusted|can be trusted",
        ),
        (("--min-mos", "3"), 2, "needs a score"),
        (("--reference", "builtin:woman", "--min-mos", "3"), 6, "unrelated"),
    ],
    ids=["kept", "missed", "not trusted", "no reference", "somebody else"],
)
def test_a_threshold_is_kept_missed_or_cannot_be_tested(capsys, noisy, monkeypatch, arguments, status, why):
    from softphone.io import judges

    monkeypatch.setattr(judges, "missing", lambda names: dict.fromkeys(names, "not here"))
    got, result, err = run_json(
        capsys, noisy, *arguments, *(("--metrics", "stoi") if "--reference" in arguments else ())
    )
    assert got == status
    if why is None:
        assert result["error"] is None
    else:
        assert result["exit_status"] == status
        assert any(part in result["error"] for part in why.split("|"))
        assert result["error"] in err


def test_silence_is_a_verdict_and_misses_every_threshold(capsys, silent):
    status, result, _ = run_json(capsys, silent, "--reference", "builtin:man")
    assert (status, result["mos_lqo"]) == (0, None)
    assert "silent" in result["verdict"]
    assert "silent" in result["refused"]["visqol"]
    assert run_json(capsys, silent, "--reference", "builtin:man", "--min-mos", "1")[0] == 6


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "score wants a recording"),
        (("a.wav", "b.wav"), "takes one recording, got 2"),
        (("/nowhere/a.wav",), "/nowhere/a.wav does not exist"),
        (("builtin:man", "--reference", "builtin:nobody"), "no bundled speech"),
        (("builtin:man", "--reference", "/nowhere/b.wav"), "does not exist"),
        (("builtin:man", "--metrics", "beauty"), "--metrics must be of"),
        (("builtin:man", "--codec", "wax"), "--codec wants the codec that made the recording"),
        (("builtin:man", "--min-mos", "6"), "--min-mos must be 1 to 5"),
        (("builtin:man", "--report", "page.txt"), "must end in .html"),
        (("builtin:man", "--pairs", "p.csv", "--out", "s.csv"), "leave out a recording"),
        (("--pairs", "p.csv"), "needs --out"),
        (("builtin:man", "--out", "s.csv"), "leave it out for a recording"),
        (("--pairs", "/nowhere/p.csv", "--out", "s.csv"), "cannot be read"),
        (("--pairs", "p.csv", "--out", "s.csv", "--workers", "0"), "--workers must be"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(capsys, arguments, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, result, err = run_json(capsys, *arguments)
    assert status == 2
    assert why in result["error"]
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.write_text("this is no sound"), "no sound file"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: soundfile.write(path, MAN[:6000], 6000), "6000 samples a second"),
        (
            lambda path: soundfile.write(path, np.full(RATE, np.nan), RATE, subtype="FLOAT"),
            "holds nan at 0.000 s",
        ),
        (lambda path: path.write_bytes(speech_path("builtin:man").read_bytes()[:30]), "no sound file"),
    ],
    ids=["text", "empty", "6 kHz", "NaN", "header"],
)
def test_what_cannot_be_read_is_refused_with_status_2(capsys, tmp_path, make, why):
    path = tmp_path / "bad file \u00fc.wav"
    make(path)
    status, result, _ = run_json(capsys, path, "--reference", "builtin:man")
    assert status == 2
    assert why in result["error"]


def test_a_report_is_written_once_and_not_over_another_file(capsys, noisy, tmp_path):
    page = tmp_path / "page.html"
    arguments = (noisy, "--reference", "builtin:man", "--metrics", "stoi", "--report", page)
    status, result, _ = run_json(capsys, *arguments)
    assert (status, result["report"]) == (0, str(page))
    assert f"{result['mos_lqo']:.2f}" in page.read_text(encoding="utf-8")
    status, result, _ = run_json(capsys, *arguments)
    assert status == 2
    assert "exists" in result["error"]
    assert run_json(capsys, *arguments, "--force")[0] == 0
    assert "input and output" in run_json(capsys, page, "--report", page, "--force")[1]["error"]


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    out = capsys.readouterr().out
    for name in (
        "reference",
        "far",
        "codec",
        "metrics",
        "min-mos",
        "report",
        "pairs",
        "out",
        "workers",
        "dask",
        "force",
        "json",
    ):
        assert f"--{name}" in out
    assert out.splitlines()[-1].strip().startswith("softphone score")


def test_options_come_from_the_file_too(capsys, noisy, tmp_path):
    file = tmp_path / "c.toml"
    file.write_text(
        '[media]\ncodec = "vlc"\n[score]\nreference = "builtin:man"\nmetrics = ["stoi"]\nmin-mos = 4.9\n'
    )
    status = main(["score", str(noisy), "--config", str(file), "--json"])
    assert status == 6
    assert set(json.loads(capsys.readouterr().out)["metrics"]) == {"visqol", "stoi"}


def test_of_a_stereo_file_the_table_says_which_channel_and_what_the_words_mean(capsys, tmp_path):
    path = tmp_path / "two.wav"
    soundfile.write(path, np.stack((MAN, 0.1 * MAN), axis=1), RATE)
    status, out, _ = run(capsys, path, "--reference", "builtin:man", "--metrics", "stoi")
    assert status == 0
    assert "2 of 2, the worst" in out
    assert "attenuated: the line made the speech much quieter than it was." in out


def test_a_folder_of_recordings_is_told_of_lists(capsys, tmp_path):
    status, out, err = run(capsys, tmp_path)
    assert (status, out) == (2, "")
    assert "is a folder" in err
    assert "--pairs" in err
    assert err.count("\n") == 1


def test_where_no_reference_of_a_folder_is_found_the_reason_is_that(capsys, tmp_path):
    soundfile.write(tmp_path / "other.wav", soundfile.read(speech_path("builtin:woman"))[0], RATE)
    cut = tmp_path.parent / f"{tmp_path.name}-cut.wav"
    soundfile.write(cut, MAN, RATE)
    cut.write_bytes(cut.read_bytes()[:150_000])  # which is a warning of its own
    status, result, _ = run_json(capsys, cut, "--reference", tmp_path, "--metrics", "stoi")
    assert status == 0
    assert result["refused"]["visqol"].startswith("none of the 1 references")
