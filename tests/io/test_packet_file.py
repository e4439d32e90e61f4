"""The container of `codec encode`: what is written is read, what is damaged is refused in one line, nothing is lost."""

from pathlib import Path

import pytest

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.packet_file import MAGIC, PacketFileHeader, PacketFileReader, PacketFileWriter

HEADER = PacketFileHeader("opus", 6000, 60, 16_000)
PAYLOADS = [b"abc", b"", bytes(300), b"\x00"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.bin"
    with PacketFileWriter(path, HEADER) as writer:
        for payload in PAYLOADS:
            writer.write(payload)
        writer.commit(3333)
    return path


def test_what_was_written_is_read(file: Path) -> None:
    with PacketFileReader(file) as reader:
        assert reader.header == PacketFileHeader("opus", 6000, 60, 16_000, 3333, 4)
        assert list(reader.packets()) == PAYLOADS


def test_the_bytes_are_those_of_the_table(file: Path) -> None:
    start = "8953504b0d0a1a0a0104" + b"opus".hex() + "00001770003c00003e800000000000000d0500000004"
    assert file.read_bytes().hex() == start + "0003616263" + "0000" + "012c" + "00" * 300 + "000100"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: b"RIFF" + data, "is no file of packets"),
        (lambda data: b"", "is no file of packets"),
        (lambda data: data[:8] + b"\x02" + data[9:], "of version 2 .* reads version 1"),
        (lambda data: data[:12], "damaged header"),
        (lambda data: data[:9] + b"\x00" + data[10:], "damaged header"),
        (lambda data: data[:-3], "cut off: it ends in packet 4 of 4"),
        (lambda data: data[:60], "cut off: it ends in packet 3 of 4"),
        (lambda data: data.replace(b"\r\n", b"\n"), "is no file of packets"),
    ],
)
def test_damage_is_told_in_one_line(file: Path, damage: object, said: str) -> None:
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    with pytest.raises(UsageError, match=said) as caught, PacketFileReader(file) as reader:
        list(reader.packets())
    assert "\n" not in str(caught.value)


def test_any_bytes_are_read_or_refused(file: Path, tmp_path: Path) -> None:
    import random

    whole = file.read_bytes()
    rng = random.Random(1)
    for _ in range(200):
        data = bytearray(whole[: rng.randrange(len(whole))])
        for _ in range(rng.randrange(4)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        file.write_bytes(data)
        try:
            with PacketFileReader(file) as reader:
                assert len(list(reader.packets())) == reader.header.packets
        except UsageError:
            pass


def test_a_file_that_exists_stays_unless_forced_and_a_failure_leaves_nothing(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(UsageError, match="give --force"):
        PacketFileWriter(file, HEADER)
    with PacketFileWriter(file, HEADER, force=True) as writer:
        writer.write(b"half")
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["x.bin"]
    with pytest.raises(EnvironmentProblem, match="cannot be written"):
        PacketFileWriter(file.parent / "none" / "y.bin", HEADER)


def test_the_magic_tells_text_from_bytes() -> None:
    assert MAGIC[0] > 127
    assert b"\r\n" in MAGIC
