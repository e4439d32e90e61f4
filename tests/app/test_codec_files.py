"""Every codec to a file of packets and back."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dsp.alignment import align
from dsp.codecs import codecs
from dsp.errors import LibraryMissing
from dsp.track import ArrayTrack
from softphone.app.codec_files import decode_file, encode_file
from softphone.app.codec_measure import read_sound
from softphone.app.codec_named import named_codec
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.packet_file import PacketFileHeader, PacketFileWriter
from softphone.measure_config import SpectralChange

LEAST_CORRELATION = {"codec2": 0.0, "vlc": 0.0, "vlc-wb": 0.0}
"""A vocoder keeps no waveform."""


@pytest.mark.parametrize("name", codecs.names())
def test_what_was_encoded_comes_back_as_long_and_in_its_place(tmp_path: Path, name: str) -> None:
    try:
        codec = named_codec(name)
    except (EnvironmentProblem, LibraryMissing) as error:
        pytest.skip(str(error))
    shares: list[float] = []
    done = encode_file(codec, "builtin:man", tmp_path / "x.bin", progress=shares.append)
    assert all(0 <= share <= 1 for share in shares)
    assert done.packets * codec.packet_samples >= done.seconds * codec.sample_rate_hz
    assert done.wire_bps == pytest.approx(done.payload_bps + 320_000 / codec.settings.ptime_ms, rel=0.01)
    back = decode_file(tmp_path / "x.bin", tmp_path / "x.wav")
    sound = read_sound("builtin:man", codec.sample_rate_hz)
    heard, rate_hz = soundfile.read(tmp_path / "x.wav", dtype="float32")
    assert (rate_hz, heard.size) == (codec.sample_rate_hz, sound.size)
    assert back.seconds == done.seconds
    if name in LEAST_CORRELATION:
        return
    (found,) = align(ArrayTrack(sound, rate_hz), ArrayTrack(np.ascontiguousarray(heard), rate_hz)).stretches
    assert abs(found.offset) <= 1
    assert found.correlation > 0.75  # Opus at 16 kb/s gives 0.9 and more


def test_a_packet_that_is_none_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with PacketFileWriter(tmp_path / "x.bin", PacketFileHeader("opus", 16_000, 60, 16_000)) as writer:
        writer.write(b"\x03\x00")  # RFC 6716 section 3.2.5: code 3 with no frame
        writer.commit(960)
    with pytest.raises(UsageError, match="packet 1 is none of opus:16000"):
        decode_file(tmp_path / "x.bin", tmp_path / "x.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["x.bin"]


def test_a_header_that_promises_more_than_there_is_and_a_codec_nobody_has_are_refused(tmp_path: Path) -> None:
    encode_file(named_codec("pcmu@20"), "builtin:man", tmp_path / "x.bin")
    data = (tmp_path / "x.bin").read_bytes()
    samples = (56_800).to_bytes(8, "big")
    assert samples in data
    (tmp_path / "more.bin").write_bytes(data.replace(samples, (99_999).to_bytes(8, "big")))
    (tmp_path / "none.bin").write_bytes(data.replace(b"\x04pcmu", b"\x04none"))
    for name, said in (("more", "samples less than its header says"), ("none", "no codec named 'none'")):
        with pytest.raises(UsageError, match=said):
            decode_file(tmp_path / f"{name}.bin", tmp_path / "x.wav")
    with pytest.raises(UsageError, match="is input and output"):
        decode_file(tmp_path / "x.bin", tmp_path / "x.bin", force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["more.bin", "none.bin", "x.bin"]


def test_files_of_vlc_have_the_container_of_vlc(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    encode_file(named_codec("vlc:2400@128"), "builtin:man", path)
    data = path.read_bytes()
    assert data.startswith(b"SVLC\x01")
    done = decode_file(path, tmp_path / "x.wav")
    assert (done.codec, done.bit_rate_bps, done.ptime_ms) == ("vlc", None, 128)
    for damaged, said in (
        (data[:4] + b"\x02" + data[5:], "version 2: this program reads version 1"),
        (data[: len(data) // 2], "samples less than its header says"),
        (data[:7], "its header alone takes"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(UsageError, match=said):
            decode_file(path, tmp_path / "y.wav")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["x.bin", "x.wav"]


def test_a_codec_is_named_with_rate_and_packet_interval() -> None:
    codec = named_codec("opus:6000@120")
    assert (codec.name, codec.settings.ptime_ms) == ("opus:6000", 120)
    assert named_codec("pcmu").settings.ptime_ms == 60
    assert named_codec("codec2:1200", ptime_ms=60).settings.ptime_ms == 40
    for text, said in (
        ("opus:5", "450 to 1000000"),
        ("opus:5000", "must be 6000 to 510000"),
        ("opus@7", "must be one of 10, 20, 40, 60, 120 ms"),
        ("opus@x", "whole number of ms"),
        ("none", "no codec named 'none'"),
        ("amr", "no codec named 'amr'"),
    ):
        with pytest.raises(UsageError, match=said):
            named_codec(text)
    with pytest.raises(UsageError, match="must be one of"):
        named_codec("opus", ptime_ms=30, exact=True)


def power_db(samples: np.ndarray, low_hz: float, high_hz: float, rate_hz: int) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    at = np.fft.rfftfreq(samples.size, 1 / rate_hz)
    return float(10 * np.log10(power[(at >= low_hz) & (at < high_hz)].sum()))


def test_a_decoder_of_vlc_equalises_on_the_way(tmp_path: Path) -> None:
    encode_file(named_codec("vlc:6000"), "builtin:man", tmp_path / "x.bin")
    decode_file(tmp_path / "x.bin", tmp_path / "plain.wav")
    change = SpectralChange(equaliser_db=((1000, 0), (1500, -12)))
    decode_file(tmp_path / "x.bin", tmp_path / "changed.wav", change=change)
    plain, rate_hz = soundfile.read(tmp_path / "plain.wav")
    changed, _ = soundfile.read(tmp_path / "changed.wav")
    for low_hz, high_hz, gain_db in ((100, 900, 0), (1700, 3500, -12)):
        got = power_db(changed, low_hz, high_hz, rate_hz) - power_db(plain, low_hz, high_hz, rate_hz)
        assert got == pytest.approx(gain_db, abs=1)


@pytest.mark.parametrize(
    ("codec", "change", "words"),
    [
        ("pcmu", SpectralChange(pitch_ratio=1.5), "are for vlc and vlc-wb, got pcmu"),
        ("vlc", SpectralChange(pitch_ratio=3), "pitch ratio"),
        ("vlc", SpectralChange(equaliser_db=((9000, 3),)), "equaliser frequency"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_nothing_is_written(
    tmp_path: Path, codec: str, change: SpectralChange, words: str
) -> None:
    encode_file(named_codec(codec), "builtin:man", tmp_path / "x.bin")
    with pytest.raises(UsageError, match=words):
        decode_file(tmp_path / "x.bin", tmp_path / "x.wav", change=change)
    assert not (tmp_path / "x.wav").exists()
