"""Recordings are read in any piece, and any order, as they are from beginning to end."""

import random
from pathlib import Path

import numpy as np
import pytest
import soundfile

from softphone.errors import UsageError
from softphone.io.voice_file import VoiceFile

RATE = 22_050
KINDS = {
    "wav": {},
    "flac": {},
    "mp3": {},
    "ogg": {},
    "aiff": {"subtype": "PCM_24"},
    "w64": {"subtype": "IMA_ADPCM"},
}


def written(path: Path, seconds: float = 12.0, channels: int = 2, **how: str) -> Path:
    noise = np.random.default_rng(3).normal(0, 0.1, (round(seconds * RATE), channels))
    soundfile.write(path, noise, RATE, **how)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_in_any_order_are_those_of_the_whole(tmp_path: Path, kind: str) -> None:
    file = VoiceFile(written(tmp_path / f"a.{kind}", **KINDS[kind]))
    with file:
        assert (file.channels, file.sample_rate_hz, file.warnings) == (2, RATE, [])
        whole = file.read(0, file.size)
        assert whole.dtype == np.float32
        assert whole.shape == (2, file.size)
        rng = random.Random(5)
        ulp = (
            1.2e-7 if kind == "mp3" else 0.0
        )  # its decoder adds in another order where its memory lies otherwise
        for _ in range(25):
            start = rng.randrange(file.size)
            stop = min(file.size, start + rng.randrange(4 * RATE))
            np.testing.assert_allclose(file.read(start, stop), whole[:, start:stop], rtol=0, atol=ulp)
        assert file.read(file.size, file.size).shape == (2, 0)


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg"])
def test_of_a_file_that_is_cut_off_there_is_what_there_is(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / f"a.{kind}", **KINDS[kind])
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 5])
    with VoiceFile(path) as file:
        assert 6.0 < file.seconds < 8.0
        assert file.read(0, file.size).shape == (2, file.size)
        assert kind == "ogg" or "is cut off: its header promises" in file.warnings[0]


def test_a_bundled_recording_is_known_by_its_name() -> None:
    with VoiceFile("builtin:man") as file:
        assert (file.size, file.sample_rate_hz, file.channels) == (113_600, 16_000, 1)
    with pytest.raises(UsageError, match="no bundled speech 'builtin:dog'"):
        VoiceFile("builtin:dog")


def test_what_is_no_recording_is_refused_in_one_line(tmp_path: Path) -> None:
    empty, text, low = tmp_path / "empty.wav", tmp_path / "text.wav", tmp_path / "low.wav"
    empty.write_bytes(b"")
    text.write_text("no sound")
    soundfile.write(low, np.zeros(8000), 4000)
    silent = tmp_path / "no_sample.wav"
    soundfile.write(silent, np.zeros(0), 8000)
    for path, said in (
        (empty, "is an empty file"),
        (text, "is no sound file"),
        (low, "has 4000 samples a second: wanted 8000 or more"),
        (silent, "holds no audio"),
        (tmp_path / "none.wav", "does not exist"),
        (tmp_path, "cannot be read|is no file"),
    ):
        with pytest.raises(UsageError, match=said) as raised:
            VoiceFile(path)
        assert "\n" not in str(raised.value)


def test_a_sample_that_is_no_number_is_refused_and_its_place_told(tmp_path: Path) -> None:
    samples = np.zeros((2 * RATE, 2), dtype=np.float32)
    samples[RATE, 1] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, RATE, subtype="FLOAT")
    with VoiceFile(tmp_path / "nan.wav") as file:
        file.read(0, RATE)
        with pytest.raises(UsageError, match=r"holds nan at 1\.000 s, channel 2: wanted numbers"):
            file.read(0, file.size)


def test_a_long_recording_is_never_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = written(tmp_path / "long.mp3", seconds=120.0, channels=1)
    with VoiceFile(path) as file:
        tracemalloc.start()
        for start in range(0, file.size, RATE):
            file.read(start, min(file.size, start + RATE))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 30 * 4 * RATE  # of 120 s; 8 s are kept, and copied while they move
