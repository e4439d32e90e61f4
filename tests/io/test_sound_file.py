import itertools
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.sound_file import SoundReader, SoundWriter
from softphone.io.sound_format import SoundFormat

RATE_HZ = 48_000


def noise(frames: int = 5003, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.9, 0.9, (frames, channels))


def made(path: Path, subtype: str, channels: int = 2, rate_hz: int = RATE_HZ) -> Path:
    kinds = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".rf64": "RF64"}
    soundfile.write(path, noise(channels=channels), rate_hz, subtype, format=kinds[path.suffix])
    return path


def copied(source: Path, target: Path, block: int = 1000, *, force: bool = False) -> SoundWriter:
    with SoundReader(source) as reader:
        format = SoundFormat.of(target, reader, channels=reader.channels, frames=reader.frames)
        with SoundWriter(
            target, format, sample_rate_hz=reader.sample_rate_hz, channels=reader.channels, force=force
        ) as writer:
            for each in reader.blocks(block):
                writer.write(each)
            writer.commit()
    return writer


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("in.wav", "PCM_U8"),
        ("in.wav", "PCM_16"),
        ("in.wav", "PCM_24"),
        ("in.wav", "FLOAT"),
        ("in.wav", "ULAW"),
        ("in.flac", "PCM_16"),
        ("in.flac", "PCM_24"),
        ("in.rf64", "PCM_16"),
    ],
)
def test_what_no_filter_touched_is_written_as_it_was_read(
    tmp_path: Path, name: str, subtype: str, channels: int
) -> None:
    source = made(tmp_path / name, subtype, channels)
    target = tmp_path / f"out{source.suffix}"
    assert copied(source, target).clipped == 0
    before, after = (soundfile.read(each, dtype="float64")[0] for each in (source, target))
    np.testing.assert_array_equal(after, before)
    assert soundfile.info(target).subtype == subtype


def test_32_bit_samples_keep_what_float32_holds(tmp_path: Path) -> None:
    source = made(tmp_path / "in.wav", "PCM_32")
    copied(source, tmp_path / "out.wav")
    before, after = (soundfile.read(tmp_path / each, dtype="float64")[0] for each in ("in.wav", "out.wav"))
    assert soundfile.info(tmp_path / "out.wav").subtype == "PCM_32"
    assert np.abs(after - before).max() <= 2.0**-25  # half a step of a float32 just below 1


@pytest.mark.parametrize(
    ("subtype", "name", "container", "written"),
    [
        ("FLOAT", "out.flac", "FLAC", "PCM_24"),
        ("PCM_16", "out.ogg", "OGG", "VORBIS"),
        ("PCM_16", "out.opus", "OGG", "OPUS"),
        ("PCM_24", "out.aiff", "AIFF", "PCM_24"),
        ("PCM_U8", "out.flac", "FLAC", "PCM_S8"),
        ("PCM_16", "out.WAV", "WAV", "PCM_16"),
        ("IMA_ADPCM", "out.wav", "WAV", "PCM_16"),
    ],
)
def test_the_end_of_the_name_says_what_is_written(
    tmp_path: Path, subtype: str, name: str, container: str, written: str
) -> None:
    copied(made(tmp_path / "in.wav", subtype), tmp_path / name)
    info = soundfile.info(tmp_path / name)
    assert (info.format, info.subtype) == (container, written)
    assert info.frames == soundfile.info(tmp_path / "in.wav").frames


def test_vorbis_stays_vorbis_and_becomes_16_bits_elsewhere(tmp_path: Path) -> None:
    source = made(tmp_path / "in.ogg", "VORBIS")
    copied(source, tmp_path / "out.ogg")
    copied(source, tmp_path / "out.wav")
    assert soundfile.info(tmp_path / "out.ogg").subtype == "VORBIS"
    assert soundfile.info(tmp_path / "out.wav").subtype == "PCM_16"


def test_a_name_that_says_nothing_and_a_rate_that_opus_lacks_are_refused(tmp_path: Path) -> None:
    source = made(tmp_path / "in.wav", "PCM_16", rate_hz=44_100)
    for name in ("out", "out.xyz", "out.txt"):
        with pytest.raises(UsageError, match=r"must end in \.wav"):
            copied(source, tmp_path / name)
    with pytest.raises(UsageError, match=r"Opus files are at 8000, .* got 44100 Hz"):
        copied(source, tmp_path / "out.opus")
    assert listed(tmp_path) == ["in.wav"]


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_what_is_longer_than_a_wav_can_say_becomes_an_rf64(tmp_path: Path, subtype: str) -> None:
    with SoundReader(made(tmp_path / "in.wav", subtype)) as reader:
        size = 2 if subtype == "PCM_16" else 3
        fits = (2**32 - 2**16) // (2 * size)
        kinds = [
            SoundFormat.of("out.wav", reader, channels=2, frames=frames).container
            for frames in (fits, fits + 1)
        ]
    assert kinds == ["WAV", "RF64"]


def test_samples_are_rounded_to_the_nearest_and_silence_stays_silence(tmp_path: Path) -> None:
    made(tmp_path / "in.wav", "PCM_16", 1)
    steps = np.array([[0.0, 0.4, 0.6, -0.4, -0.6, 1.4, 1.6, 32767.0]], dtype=np.float32) / 32768
    with SoundReader(tmp_path / "in.wav") as reader:
        format = SoundFormat.of("out.wav", reader, channels=1, frames=8)
        with SoundWriter(tmp_path / "out.wav", format, sample_rate_hz=8000, channels=1) as writer:
            writer.write(steps)
            writer.write(np.zeros((1, 0), dtype=np.float32))
            writer.commit()
    values = soundfile.read(tmp_path / "out.wav", dtype="int16")[0]
    assert values.tolist() == [0, 0, 1, 0, -1, 1, 2, 32767]


@pytest.mark.parametrize(("subtype", "clipped"), [("PCM_16", 2), ("PCM_24", 2), ("FLOAT", 0), ("DOUBLE", 0)])
def test_what_is_too_loud_is_clipped_and_counted(tmp_path: Path, subtype: str, clipped: int) -> None:
    made(tmp_path / "in.wav", subtype, 1)
    loud = np.array([[1.0, -1.0, 1.5, -2.0, 0.5]], dtype=np.float32)
    with SoundReader(tmp_path / "in.wav") as reader:
        format = SoundFormat.of("out.wav", reader, channels=1, frames=5)
        with SoundWriter(tmp_path / "out.wav", format, sample_rate_hz=8000, channels=1) as writer:
            writer.write(loud)
            writer.commit()
    assert (writer.clipped, writer.peak) == (clipped, 2.0)
    found = soundfile.read(tmp_path / "out.wav", dtype="float64")[0]
    expected = loud[0] if not clipped else np.array([1.0, -1.0, 1.0, -1.0, 0.5])
    np.testing.assert_allclose(found, expected, atol=1 / 32768)


def test_it_can_be_read_again_from_the_start(tmp_path: Path) -> None:
    for name, subtype in (("in.wav", "PCM_16"), ("in.ogg", "OPUS")):
        with SoundReader(made(tmp_path / name, subtype)) as reader:
            first, second = (
                np.concatenate([each.copy() for each in reader.blocks(4096)], axis=1) for _ in range(2)
            )
        assert first.shape == (2, 5003)
        assert first.flags.c_contiguous
        np.testing.assert_array_equal(first, second)


def test_blocks_are_contiguous_and_cover_the_file(tmp_path: Path) -> None:
    with SoundReader(made(tmp_path / "in.wav", "PCM_16")) as reader:
        sizes = []
        for block in reader.blocks(1000):
            assert block.flags.c_contiguous
            assert block.dtype == np.float32
            sizes.append(block.shape)
    assert sizes == [(2, 1000)] * 5 + [(2, 3)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist"),
        (b"", "is an empty file"),
        (b"this is text\n" * 50, "is no sound file"),
        (b"RIFF\x24\0\0\0WAVE", "is no sound file"),
    ],
)
@pytest.mark.parametrize("name", ["in.wav", "in.flac", "in.raw"])
def test_what_is_no_sound_is_told_in_one_line(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=words) as told:
        SoundReader(tmp_path / name)
    assert "\n" not in str(told.value)
    assert name in str(told.value)


def test_a_folder_a_file_without_samples_and_a_nul_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), 8000)
    for path, words in (
        (tmp_path, "cannot be read"),
        (tmp_path / "none.wav", "holds no audio"),
        ("a\0b", "read"),
    ):
        with pytest.raises(UsageError, match=words):
            SoundReader(path)


def test_a_file_that_breaks_off_gives_what_there_is(tmp_path: Path) -> None:
    source = made(tmp_path / "in.wav", "PCM_16")
    source.write_bytes(source.read_bytes()[:9000])
    with SoundReader(source) as reader:
        count = sum(each.shape[1] for each in reader.blocks(512))
    assert count == (9000 - 44) // 4


def interrupted(target: Path, format: SoundFormat) -> None:
    with SoundWriter(target, format, sample_rate_hz=RATE_HZ, channels=2, force=True) as writer:
        writer.write(np.ones((2, 10), dtype=np.float32))
        raise KeyboardInterrupt


def test_nothing_has_the_final_name_before_it_is_whole(tmp_path: Path) -> None:
    source, target = made(tmp_path / "in.wav", "PCM_16"), tmp_path / "out.wav"
    with SoundReader(source) as reader:
        format = SoundFormat.of(target, reader, channels=2, frames=10)
        with SoundWriter(target, format, sample_rate_hz=RATE_HZ, channels=2) as writer:
            writer.write(np.zeros((2, 10), dtype=np.float32))
            assert not target.exists()
            assert len(listed(tmp_path)) == 2
            writer.commit()
            assert target.exists()
        with pytest.raises(KeyboardInterrupt):
            interrupted(target, format)
    assert listed(tmp_path) == ["in.wav", "out.wav"]
    assert not soundfile.read(target)[0].any()


def test_a_file_that_exists_is_replaced_only_by_force_and_keeps_its_mode(tmp_path: Path) -> None:
    source, target = made(tmp_path / "in.wav", "PCM_16"), tmp_path / "out.wav"
    target.write_text("mine")
    target.chmod(0o640)
    with pytest.raises(UsageError, match="--force"):
        copied(source, target)
    assert target.read_text() == "mine"
    copied(source, target, force=True)
    assert soundfile.info(target).frames == 5003
    if os.name == "posix":
        assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert listed(tmp_path) == ["in.wav", "out.wav"]


@pytest.mark.skipif(os.name != "posix", reason="links want a privilege elsewhere")
def test_a_link_is_followed(tmp_path: Path) -> None:
    source, target = made(tmp_path / "in.wav", "PCM_16"), tmp_path / "real.wav"
    target.touch()
    (tmp_path / "link.wav").symlink_to(target)
    copied(source, tmp_path / "link.wav", force=True)
    assert (tmp_path / "link.wav").is_symlink()
    assert soundfile.info(target).frames == 5003


def test_folders_devices_and_missing_folders_are_no_targets(tmp_path: Path) -> None:
    source = made(tmp_path / "in.wav", "PCM_16")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(UsageError, match="is no file"):
        copied(source, tmp_path / "folder.wav", force=True)
    with pytest.raises(EnvironmentProblem, match="No such file"):
        copied(source, tmp_path / "none" / "out.wav")
    with pytest.raises(EnvironmentProblem, match="cannot be written"):
        copied(source, tmp_path / "in.wav" / "out.wav")
    assert listed(tmp_path) == ["folder.wav", "in.wav"]


_FULL = """
import resource, sys
import numpy as np
from softphone.errors import EnvironmentProblem
from softphone.io.sound_file import SoundReader, SoundWriter
from softphone.io.sound_format import SoundFormat
source, target, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
with SoundReader(source) as reader:
    format = SoundFormat.of(target, reader, channels=2, frames=reader.frames)
    try:
        with SoundWriter(target, format, sample_rate_hz=reader.sample_rate_hz, channels=2) as writer:
            for block in reader.blocks(500):
                writer.write(block)
            writer.commit()
    except EnvironmentProblem as error:
        print(error)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits on file sizes are POSIX")
@pytest.mark.parametrize("name", ["out.wav", "out.flac", "out.ogg"])
def test_a_full_disk_leaves_nothing_whenever_it_fills(tmp_path: Path, name: str) -> None:
    """At the start, in the middle, and with the last bytes, which libsndfile writes when it closes."""
    source = made(tmp_path / "in.wav", "PCM_16")
    copied(source, tmp_path / name)
    size = (tmp_path / name).stat().st_size
    (tmp_path / name).unlink()
    for limit in (0, size // 2, size - 1):
        code = [sys.executable, "-P", "-c", _FULL, str(source), str(tmp_path / name), str(limit)]
        done = subprocess.run(code, capture_output=True, text=True, timeout=60, check=True)
        assert "cannot be written (File too large)" in done.stdout, (limit, done.stdout, done.stderr)
        assert done.stdout.count("\n") == 1
        assert listed(tmp_path) == ["in.wav"]


def test_many_writers_do_not_meet(tmp_path: Path) -> None:
    source = made(tmp_path / "in.wav", "PCM_16")
    with SoundReader(source) as reader:
        format = SoundFormat.of("out.wav", reader, channels=2, frames=10)
        writers = [
            SoundWriter(tmp_path / f"{n}.wav", format, sample_rate_hz=RATE_HZ, channels=2) for n in range(3)
        ]
    for one, other in itertools.pairwise(writers):
        assert one.path != other.path
    for writer in writers:
        writer.write(np.zeros((2, 10), dtype=np.float32))
        writer.commit()
    assert listed(tmp_path) == ["0.wav", "1.wav", "2.wav", "in.wav"]
