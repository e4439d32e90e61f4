"""Any file is read to its end, or refused with one UsageError."""

import io
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from softphone.errors import UsageError
from softphone.io.audio.wavfile import FileSource

FUZZ = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _wav() -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes((np.arange(200) * 100).astype("<i2").tobytes())
    return buffer.getvalue()


def _flac() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.linspace(-0.5, 0.5, 400), 8000, format="FLAC")
    return buffer.getvalue()


WAV, FLAC = _wav(), _flac()


def read_or_refuse(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        source = FileSource(path, 8000)
    except UsageError:
        return
    out = np.zeros(3000, dtype=np.float32)
    total = 0
    while count := source.read(out):
        total += count
        assert total <= 10 * 8000
    source.close()


@FUZZ
@given(data=st.binary(max_size=400))
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    read_or_refuse(tmp_path / "fuzz", data)
    read_or_refuse(tmp_path / "fuzz", b"RIFF\x90\x01\x00\x00WAVE" + data)


@FUZZ
@given(changes=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), min_size=1, max_size=4))
@pytest.mark.parametrize("whole", [WAV, FLAC], ids=["wav", "flac"])
def test_changed_headers(tmp_path: Path, whole: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(whole)
    for at, value in changes:
        data[at] = value
    read_or_refuse(tmp_path / "fuzz", bytes(data))


@pytest.mark.parametrize("whole", [WAV, FLAC], ids=["wav", "flac"])
def test_cut_at_each_byte_of_the_header(tmp_path: Path, whole: bytes) -> None:
    for length in range(120):
        read_or_refuse(tmp_path / "fuzz", whole[:length])
