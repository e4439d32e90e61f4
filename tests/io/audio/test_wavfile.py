"""Sound files as sources: the standard library's way, soundfile's way, and what is not a sound file."""

import builtins
import errno
import struct
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dsp.types import Samples
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.audio import wavfile
from softphone.io.audio.wavfile import FileSource, open_source

RATE_HZ = 16000


def sine(rate_hz: int, seconds: float, frequency_hz: float = 440.0) -> Samples:
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    return (0.25 * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32)


def write_wav(path: Path, samples: Samples, rate_hz: int = RATE_HZ) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.round(samples * 32768).astype("<i2").tobytes())
    return path


def read_all(source: FileSource, block: int = 320, limit: int = 10_000_000) -> Samples:
    out = np.full(block, np.nan, dtype=np.float32)
    blocks: list[Samples] = []
    while (count := source.read(out)) and len(blocks) * block < limit:
        blocks.append(out[:count].copy())
    return np.concatenate(blocks)


@pytest.fixture
def no_soundfile(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if soundfile and soxr were not installed."""
    real = builtins.__import__

    def importing(name: str, *args: Any, **options: Any) -> Any:
        if name in ("soundfile", "soxr"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", importing)


@pytest.mark.parametrize("block", [1, 320, 961, 16000, 50000])
def test_a_plain_wav_is_read_by_the_standard_library_alone(
    tmp_path: Path, no_soundfile: None, block: int
) -> None:
    samples = sine(RATE_HZ, 0.3 if block == 1 else 2.7)
    source = FileSource(write_wav(tmp_path / "plain.wav", samples), RATE_HZ)
    assert source.duration_s == samples.size / RATE_HZ
    got = read_all(source, block)
    np.testing.assert_array_equal(got, np.round(samples * 32768) / 32768)
    assert source.read(np.zeros(10, dtype=np.float32)) == 0
    source.close()


def test_full_scale_maps_to_one(tmp_path: Path) -> None:
    path = tmp_path / "extremes.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(struct.pack("<3h", -32768, 0, 32767))
    source = FileSource(path, RATE_HZ)
    np.testing.assert_array_equal(read_all(source), np.float32([-1.0, 0.0, 32767 / 32768]))
    source.close()


def test_the_last_read_is_short_and_leaves_the_rest_of_the_block_alone(tmp_path: Path) -> None:
    source = FileSource(write_wav(tmp_path / "short.wav", np.zeros(100, np.float32)), RATE_HZ)
    out = np.ones(160, dtype=np.float32)
    assert source.read(out) == 100
    assert (out[100:] == 1.0).all()
    source.close()


@pytest.mark.parametrize(
    ("name", "subtype", "rate_hz", "channels"),
    [
        ("float.wav", "FLOAT", 16000, 1),
        ("high.wav", "PCM_16", 48000, 1),
        ("cd.wav", "PCM_16", 44100, 2),
        ("low.wav", "PCM_16", 8000, 1),
        ("ulaw.wav", "ULAW", 8000, 1),
        ("deep.wav", "PCM_24", 96000, 2),
        ("packed.flac", "PCM_16", 44100, 1),
    ],
)
def test_any_rate_and_channel_count_comes_out_mono_at_the_rate_asked(
    tmp_path: Path, name: str, subtype: str, rate_hz: int, channels: int
) -> None:
    samples = sine(rate_hz, 2.5)
    soundfile.write(tmp_path / name, np.repeat(samples[:, None], channels, axis=1), rate_hz, subtype)
    source = FileSource(tmp_path / name, RATE_HZ)
    assert source.duration_s == pytest.approx(2.5, abs=1e-4)
    got, wanted = read_all(source), sine(RATE_HZ, 2.5)
    source.close()
    assert abs(got.size - wanted.size) <= 1
    error = got[800:39000] - wanted[800:39000]
    assert np.abs(error).max() < (0.02 if subtype == "ULAW" else 1e-3)


def test_channels_are_averaged(tmp_path: Path) -> None:
    for subtype in ("FLOAT", "PCM_16"):
        soundfile.write(tmp_path / "two.wav", np.tile(np.float32([0.5, -0.25]), (1000, 1)), RATE_HZ, subtype)
        source = FileSource(tmp_path / "two.wav", RATE_HZ)
        got = read_all(source)
        assert got.size == 1000
        np.testing.assert_allclose(got, 0.125)
        source.close()


def test_pieces_of_a_resampled_file_equal_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_wav(tmp_path / "a.wav", sine(44100, 1.3), 44100)
    whole = FileSource(path, RATE_HZ)
    expected = read_all(whole, 40000)
    whole.close()
    monkeypatch.setattr(wavfile, "CHUNK_S", 0.02)
    pieces = FileSource(path, RATE_HZ)
    np.testing.assert_allclose(read_all(pieces, 77), expected, atol=1e-6)
    pieces.close()


@pytest.mark.parametrize("rate_hz", [16000, 48000])
def test_a_loop_starts_anew_at_the_end(tmp_path: Path, rate_hz: int) -> None:
    samples = sine(rate_hz, 0.25, 480.0)
    source = FileSource(write_wav(tmp_path / "loop.wav", samples, rate_hz), RATE_HZ, loop=True)
    assert source.duration_s is None
    out = np.empty(9000, dtype=np.float32)
    assert source.read(out) == 9000
    np.testing.assert_allclose(out[4000:8000], out[:4000], atol=1e-6)
    source.close()
    assert source.read(out) == 0


def test_a_file_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wavfile, "CHUNK_S", 0.1)
    for rate_hz in (RATE_HZ, 48000):
        source = FileSource(write_wav(tmp_path / f"{rate_hz}.wav", sine(rate_hz, 5.0), rate_hz), RATE_HZ)
        source.read(np.empty(320, dtype=np.float32))
        assert source._chunk.size <= 0.4 * RATE_HZ
        source.close()


def test_builtin_speech_needs_no_soundfile_at_sixteen_kilohertz(no_soundfile: None) -> None:
    source = open_source("builtin:woman", 16000)
    assert source.duration_s is not None
    assert read_all(source).size == round(source.duration_s * 16000)
    source.close()


@pytest.mark.parametrize("rate_hz", [8000, 48000])
def test_builtin_speech_comes_at_other_rates(rate_hz: int) -> None:
    source = open_source("builtin:man", rate_hz)
    assert source.duration_s is not None
    assert abs(read_all(source).size - source.duration_s * rate_hz) <= 1
    source.close()


def bad_file(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / f"{kind}.wav"
    match kind:
        case "missing":
            pass
        case "folder":
            path.mkdir()
        case "empty":
            path.touch()
        case "text":
            path.write_text("this is no sound\n" * 50)
        case "cut":
            write_wav(path, sine(RATE_HZ, 0.1))
            path.write_bytes(path.read_bytes()[:20])
        case "no-samples":
            write_wav(path, np.zeros(0, np.float32))
        case "no-samples-at-other-rate":
            write_wav(path, np.zeros(0, np.float32), 44100)
    return path


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "does not exist: give the path"),
        ("folder", "cannot be read"),
        ("empty", "is an empty file: wanted"),
        ("text", "is no sound file: wanted"),
        ("cut", "is no sound file: wanted"),
        ("no-samples", "holds no audio: wanted"),
        ("no-samples-at-other-rate", "holds no audio: wanted"),
    ],
)
def test_what_is_no_sound_is_refused_in_one_line_that_names_it(tmp_path: Path, kind: str, said: str) -> None:
    path = bad_file(tmp_path, kind)
    with pytest.raises(UsageError) as caught:
        FileSource(path, RATE_HZ)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert said in message
    assert "WAV, FLAC" in message
    assert "\n" not in message


def test_a_file_that_can_be_opened_once_and_not_again_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "speech.wav"
    write_wav(path, sine(RATE_HZ, 0.1))

    def exhausted(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(wave, "open", exhausted)
    with pytest.raises(UsageError, match="cannot be read \\(Too many open files\\)"):
        FileSource(path, RATE_HZ)


@pytest.mark.parametrize("suffix", [".raw", ".wav", ".txt", ""])
def test_a_name_misleads_nobody(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(UsageError, match="is no sound file"):
        FileSource(path, RATE_HZ)


def test_a_missing_package_is_named_with_the_way_to_get_it(tmp_path: Path, no_soundfile: None) -> None:
    soundfile.write(tmp_path / "a.flac", sine(RATE_HZ, 0.1), RATE_HZ)
    with pytest.raises(EnvironmentProblem, match="pip install soundfile"):
        FileSource(tmp_path / "a.flac", RATE_HZ)
    with pytest.raises(EnvironmentProblem, match="pip install soxr"):
        FileSource(write_wav(tmp_path / "a.wav", sine(48000, 0.1), 48000), RATE_HZ)


def test_a_missing_resampler_is_named_only_when_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    soundfile.write(tmp_path / "same.flac", sine(RATE_HZ, 0.1), RATE_HZ)
    FileSource(tmp_path / "same.flac", RATE_HZ).close()
    soundfile.write(tmp_path / "other.flac", sine(48000, 0.1), 48000)
    with pytest.raises(EnvironmentProblem, match="pip install soxr"):
        FileSource(tmp_path / "other.flac", RATE_HZ)


def test_a_header_that_claims_too_much_is_not_believed(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "piped.wav", sine(RATE_HZ, 0.5))
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    source = FileSource(path, RATE_HZ)
    assert source.duration_s == pytest.approx(0.5, abs=0.002)
    assert read_all(source).size == 8000
    source.close()


def test_a_file_cut_short_while_it_plays_just_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wavfile, "CHUNK_S", 0.1)
    for rate_hz in (RATE_HZ, 48000):
        path = write_wav(tmp_path / "cut.wav", sine(rate_hz, 5.0), rate_hz)
        source = FileSource(path, RATE_HZ)
        out = np.empty(1600, dtype=np.float32)
        assert source.read(out) == 1600
        with path.open("r+b") as file:
            file.truncate(30000)
        assert read_all(source).size < 5.0 * RATE_HZ
        source.close()
