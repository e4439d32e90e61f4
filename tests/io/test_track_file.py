"""Sound files as tracks: every kind that is read, and every kind that is refused with a reason."""

import os
import sys

import numpy as np
import pytest
import soundfile
import soxr

from softphone.errors import UsageError
from softphone.io import track_file
from softphone.io.speech import speech_path
from softphone.io.track_file import MixedTrack, SpooledTrack, TrackFile, mixed

MAN = soundfile.read(speech_path("builtin:man"), dtype="float32")[0]


def read(path, *rates):
    with TrackFile(path) as file:
        return file.read(*rates), file.warnings


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_U8", "PCM_24", "FLOAT", "DOUBLE", "ULAW"])
def test_every_kind_of_sample_is_read(tmp_path, subtype):
    path = tmp_path / "a.wav"
    soundfile.write(path, MAN, 16000, subtype=subtype)
    ((track,),), warnings = read(path, 16000)
    assert (track.sample_rate_hz, track.size, warnings) == (16000, MAN.size, [])
    error = np.sqrt(np.mean((track.read(0, track.size) - MAN) ** 2))
    assert error < (0.02 if subtype in ("PCM_U8", "ULAW") else 1e-4)


def test_a_file_is_brought_to_several_rates_at_once(tmp_path):
    path = tmp_path / "a.flac"
    wide = soxr.resample(MAN, 16000, 44100)
    soundfile.write(path, wide, 44100)
    ((low,), (own,)), _ = read(path, 16000, 44100)
    assert own.size == wide.size
    assert low.size == pytest.approx(MAN.size, abs=1)
    got = low.read(0, MAN.size)
    assert np.sqrt(np.mean((got - MAN) ** 2)) < 0.02 * np.sqrt(np.mean(MAN**2))


def test_channels_are_tracks_and_equal_ones_are_one(tmp_path):
    path = tmp_path / "two.wav"
    soundfile.write(path, np.stack([MAN, MAN * 0.5], axis=1), 16000)
    ((left, right),), _ = read(path, 16000)
    assert np.max(np.abs(left.read(0, MAN.size) - 2 * right.read(0, MAN.size))) < 1e-3
    soundfile.write(path, np.stack([MAN, MAN], axis=1), 16000)
    ((left, right),), _ = read(path, 16000)
    assert left is right


def test_the_mean_of_channels_is_a_track(tmp_path):
    path = tmp_path / "two.wav"
    soundfile.write(path, np.stack([MAN, -MAN], axis=1), 16000, subtype="FLOAT")
    (tracks,), _ = read(path, 16000)
    both = mixed(tracks)
    assert isinstance(both, MixedTrack)
    assert (both.size, both.sample_rate_hz) == (MAN.size, 16000)
    assert np.all(both.read(-5, 1000) == 0)
    assert mixed(tracks[:1]) is tracks[0]


def test_a_long_file_lies_in_a_temporary_file_that_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(track_file, "SPOOL_S", 2.0)
    monkeypatch.setattr(track_file, "_BLOCK", 7000)
    spools = []
    make = track_file.tempfile.TemporaryFile

    def noted(**options):
        spools.append(make(**options))
        return spools[-1]

    monkeypatch.setattr(track_file.tempfile, "TemporaryFile", noted)
    path = tmp_path / "long.wav"
    soundfile.write(path, MAN, 16000, subtype="FLOAT")
    with TrackFile(path) as file:
        ((track,),) = file.read(16000)
        assert isinstance(track, SpooledTrack)
        assert track.size == MAN.size
        assert np.array_equal(track.read(0, MAN.size), MAN)
        assert np.array_equal(track.read(-3, 4), np.concatenate((np.zeros(3, np.float32), MAN[:4])))
        assert np.array_equal(track.read(MAN.size - 2, MAN.size + 2)[2:], np.zeros(2, np.float32))
        assert track.read(10, 5).size == 0
        assert len(spools) == 1
    assert spools[0].closed


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_refused_with_its_place(tmp_path, bad):
    samples = np.stack([MAN, MAN], axis=1)
    samples[24000, 1] = bad
    path = tmp_path / "bad.wav"
    soundfile.write(path, samples, 16000, subtype="FLOAT")
    with pytest.raises(UsageError, match=rf"holds {bad} at 1\.500 s, channel 2"):
        read(path, 16000)


def test_a_file_that_is_cut_off_is_read_with_a_warning(tmp_path):
    path = tmp_path / "cut.wav"
    path.write_bytes(speech_path("builtin:man").read_bytes()[:100_044])
    ((track,),), warnings = read(path, 16000)
    assert track.size == 50_000
    assert len(warnings) == 1
    assert "cut off" in warnings[0]


def test_a_flac_that_is_cut_off_is_read_with_a_warning(tmp_path):
    whole, path = tmp_path / "whole.flac", tmp_path / "cut.flac"
    soundfile.write(whole, MAN, 16000)
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    ((track,),), warnings = read(path, 16000)
    assert 0.2 * MAN.size < track.size < 0.8 * MAN.size
    assert len(warnings) == 1
    assert "cut.flac" in warnings[0]


@pytest.mark.parametrize("size", [0, 1, 20, 43])
def test_a_header_that_is_cut_off_is_refused(tmp_path, size):
    path = tmp_path / "head.wav"
    path.write_bytes(speech_path("builtin:man").read_bytes()[:size])
    with pytest.raises(UsageError, match=r"head\.wav"):
        read(path, 16000)


def test_what_is_no_sound_file_is_refused(tmp_path):
    text, slow, nothing = tmp_path / "text.wav", tmp_path / "slow.wav", tmp_path / "nothing.wav"
    text.write_text("not audio")
    soundfile.write(slow, MAN[:6000], 6000)
    soundfile.write(nothing, np.zeros(0), 16000)
    for path, why in ((text, "no sound file"), (slow, "6000 samples a second"), (nothing, "no audio"),
                      (tmp_path, "cannot be read"), (tmp_path / "none.wav", "does not exist")):  # fmt: skip
        with pytest.raises(UsageError, match=why):
            TrackFile(path)


def test_a_path_may_have_spaces_and_any_letters(tmp_path):
    path = tmp_path / "zwei Wörter \u8a71.wav"
    soundfile.write(path, MAN, 16000)
    ((track,),), _ = read(path, 16000)
    assert track.size == MAN.size


@pytest.mark.skipif(sys.platform != "linux", reason="only here a name may be any bytes")
def test_a_name_need_not_be_utf_8(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    path.write_bytes(speech_path("builtin:man").read_bytes())
    ((track,),), _ = read(path, 16000)
    assert track.size == MAN.size


def test_one_sample_is_a_track(tmp_path):
    path = tmp_path / "one.wav"
    soundfile.write(path, np.array([0.5]), 16000)
    ((track,),), _ = read(path, 16000)
    assert track.size == 1


def test_reading_tells_its_progress(tmp_path, monkeypatch):
    monkeypatch.setattr(track_file, "_BLOCK", 20_000)
    shares = []
    with TrackFile(speech_path("builtin:man")) as file:
        file.read(16000, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) == -(-MAN.size // 20_000)


def test_no_more_is_read_than_asked_for(tmp_path):
    with TrackFile(speech_path("builtin:man")) as file:
        ((track,),) = file.read(16000, limit_s=2.0)
    assert track.size == 32_000
    assert file.warnings == []


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(track_file, "SPOOL_S", 1.0)

    def full(**options):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(track_file.tempfile, "TemporaryFile", full)
    with pytest.raises(UsageError, match="needs room"), TrackFile(speech_path("builtin:man")) as file:
        file.read(16000)
