"""`softphone voice` as a user runs it: numbers, a report in a browser, rows, a stop, and what memory it takes.

Screenshots go to the folder that the environment names in SOFTPHONE_TEST_ARTEFACTS, else to the test's own.
"""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.browser import Watched, assert_fits_and_reads_well, browser, keep_picture, needs_browser
from support.command import COMMAND, softphone
from support.vowels import vowel

pytestmark = pytest.mark.e2e

KEYS = (
    "f0_mean_hz", "f0_median_hz", "f0_sd_hz", "jitter_local_pct", "jitter_rap_pct", "jitter_ppq5_pct", "shimmer_local_pct",
    "shimmer_local_db", "shimmer_apq3_pct", "shimmer_apq11_pct", "hnr_db", "nhr", "voice_breaks", "cpp_db", "cpps_db", "hpr_db",
    "ltas_db", "ltas_hz", "voiced_fraction", "settings",
)  # fmt: skip
"""What a script may count on."""
KEPT = os.environ.get("SOFTPHONE_TEST_ARTEFACTS")
MEMORY_MIB = 120
LIGHT_AND_DARK = ("light", "dark")
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("voices") / "a held vowel.wav"
    made = vowel(205.0, seconds=3.0, jitter_pct=0.6, shimmer_pct=3.0, hnr_db=22.0)
    soundfile.write(path, made.samples, made.sample_rate_hz, subtype="PCM_24")
    return path


def long_file(folder: Path, minutes: float) -> Path:
    """A vowel again and again, with pauses."""
    once = np.concatenate(
        (vowel(130.0, seconds=4.0, jitter_pct=0.5, hnr_db=25.0).samples, np.zeros(22_050, np.float32))
    )
    once = once + np.random.default_rng(1).normal(0, 1e-4, once.size).astype(np.float32)
    path = folder / "long.wav"
    with soundfile.SoundFile(path, "w", 44_100, 1, "PCM_16") as file:
        for _ in range(round(minutes * 60 / (once.size / 44_100))):
            file.write(once)
    return path


def test_a_real_recording_has_every_key_and_what_a_vowel_needs_is_null_with_a_reason() -> None:
    status, result, err = softphone("voice", "builtin:woman")
    assert (status, result["error"]) == (0, None)
    assert not set(KEYS) - set(result)
    assert 150 < result["f0_median_hz"] < 260
    assert result["task"]["kind"] == "speech"
    assert result["jitter_local_pct"] is None
    assert "vowel" in result["refused"]["jitter_local_pct"]
    assert len(result["ltas_db"]) == len(result["ltas_hz"]) > 50
    assert result["settings"]["f0"]["floor_hz"] == 60
    assert result["took_s"] > 0
    assert "Traceback" not in err


def test_a_vowel_has_all_numbers_of_a_vowel(held: Path) -> None:
    status, result, _ = softphone("voice", str(held), "--pitch-floor", "75")
    assert status == 0
    assert all(result[key] is not None for key in KEYS)
    assert result["f0_mean_hz"] == pytest.approx(205, rel=0.002)


@needs_browser
def test_the_report_fits_and_reads_well_on_every_screen(held: Path, tmp_path: Path) -> None:
    page = tmp_path / "the report.html"
    status, result, _ = softphone("voice", str(held), "--sex", "f", "--age", "35", "--report", str(page))
    assert (status, result["report"]) == (0, str(page))
    assert page.stat().st_size < 600_000
    with browser() as launched:
        watched = Watched(launched, page.as_uri())
        shown = watched.open()
        assert shown.evaluate("[...document.images].every(each => each.naturalWidth > 0)")
        for kind, (width, height) in SIZES.items():
            shown.set_viewport_size({"width": width, "height": height})
            for scheme in LIGHT_AND_DARK:
                shown.emulate_media(color_scheme=scheme)
                assert_fits_and_reads_well(shown)
                red = int(shown.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]"))
                assert (red < 64) == (scheme == "dark")
                if KEPT or (kind, scheme) == ("phone", "dark"):
                    keep_picture(shown, f"voice-report-{kind}-{scheme}", tmp_path, whole=True)
        watched.close()


def test_a_folder_becomes_rows(held: Path, tmp_path: Path) -> None:
    (held.parent / "text.wav").write_text("no sound")
    out = tmp_path / "voices.csv"
    status, done, _ = softphone("voice", str(held.parent), "--out", str(out), "--workers", "2")
    assert (status, done["rows"], done["vowels"], done["failed"]) == (0, 2, 1, 1)
    with out.open(newline="", encoding="utf-8") as file:
        rows = {Path(row["file"]).name: row for row in csv.DictReader(file)}
    assert float(rows[held.name]["f0_mean_hz"]) == pytest.approx(205, rel=0.002)
    assert "no sound file" in rows["text.wav"]["error"]
    _, again, _ = softphone("voice", str(held.parent), "--out", str(out))
    assert again["reused"] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="RSS as Linux counts it")
def test_minutes_of_sound_take_little_memory(tmp_path: Path) -> None:
    path, page = long_file(tmp_path, 1.0), tmp_path / "page.html"
    arguments = ["voice", str(path), "--report", str(page), "--json"]
    # Its own peak: that of a child counts what this process had when it was forked.
    code = (
        f"from softphone.cli import main\nstatus = main({arguments!r})\n"
        "from pathlib import Path\nimport sys\n"
        "peak = next(line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM'))\n"
        "heavy = {'scipy', 'matplotlib', 'parselmouth', 'soxr'} & set(sys.modules)\n"
        "print(status, peak.split()[1], len(heavy), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    status, peak_kib, heavy = map(int, done.stderr.split()[-3:])
    assert (status, heavy) == (0, 0)
    assert page.stat().st_size < 600_000
    assert peak_kib / 1024 <= MEMORY_MIB


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")
def test_a_long_file_shows_progress_and_ctrl_c_ends_it_in_one_line(tmp_path: Path) -> None:
    import pty

    path, page = long_file(tmp_path, 2.5), tmp_path / "page.html"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "voice", str(path), "--report", str(page)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(theirs)
    said = b""
    while b"measuring" not in said:
        said += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert (process.returncode, out) == (1, b"")
    assert said.decode().strip().endswith("interrupted before there was a result")
    assert b"Traceback" not in said
    assert [each.name for each in tmp_path.iterdir()] == ["long.wav"]


def test_the_example_measures_and_says_why_there_is_no_jitter_of_speech() -> None:
    example = Path(__file__).parents[2] / "examples" / "measure_voice.py"
    done = subprocess.run(
        [sys.executable, str(example)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    first, f0, jitter, *_ = done.stdout.splitlines()
    assert first == "speech ['ok']"
    assert 190 < float(f0.split()[1]) < 205
    assert jitter.startswith("jitter_local_pct it needs a sustained vowel")
