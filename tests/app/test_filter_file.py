"""A file through a preset: what comes out, how it lines up, what is measured, and in how much memory."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import probe_filter

import softphone
from dsp.preset import Preset
from softphone.app import filter_file
from softphone.app.filtering import BLOCK_SAMPLES
from softphone.errors import EnvironmentProblem, SoftphoneError, UsageError

RATE_HZ = 16_000
FRAMES = 3 * BLOCK_SAMPLES + 77
"""Several blocks and a piece of one."""


def sound(frames: int = FRAMES, channels: int = 1, seed: int = 1) -> np.ndarray:
    """Noise at -20 dBFS."""
    return 0.1 * np.random.default_rng(seed).standard_normal((frames, channels))


def written(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ, subtype: str = "FLOAT") -> Path:
    soundfile.write(path, samples, rate_hz, subtype)
    return path


def preset(*filters: dict[str, object]) -> Preset:
    return Preset.parse({"filter": list(filters)}, "test")


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_preset_without_filters_changes_nothing(tmp_path: Path, channels: int) -> None:
    source = written(tmp_path / "in.wav", sound(channels=channels), subtype="PCM_16")
    done = filter_file("no-filter", source, tmp_path / "out.wav")
    np.testing.assert_array_equal(read(tmp_path / "out.wav"), read(source))
    assert (done.channels, done.sample_rate_hz, done.delay_ms) == (channels, RATE_HZ, 0.0)
    assert done.level_before_dbfs == done.level_after_dbfs
    assert done.clipped_samples == 0
    assert done.warnings == ()


def test_levels_are_those_of_the_sound(tmp_path: Path) -> None:
    time_s = np.arange(RATE_HZ) / RATE_HZ
    source = written(tmp_path / "in.wav", 0.5 * np.sin(2 * np.pi * 1000 * time_s))
    done = filter_file(preset({"type": "gain", "gain_db": -6.0}), source, tmp_path / "out.wav")
    assert done.level_before_dbfs == pytest.approx(-6.02 - 3.01, abs=0.01)
    assert done.level_after_dbfs == pytest.approx(-12.02 - 3.01, abs=0.01)
    assert done.peak_before_dbfs == pytest.approx(-6.02, abs=0.01)
    assert done.peak_after_dbfs == pytest.approx(-12.02, abs=0.01)
    assert done.seconds == 1.0
    assert done.times_real_time == pytest.approx(1.0 / done.took_s)


def test_of_silence_no_level_is_told(tmp_path: Path) -> None:
    source = written(tmp_path / "in.wav", np.zeros(1000))
    done = filter_file("no-filter", source, tmp_path / "out.wav")
    assert (done.level_before_dbfs, done.peak_after_dbfs) == (None, None)


def test_a_filters_delay_is_taken_off(tmp_path: Path) -> None:
    """A limiter that has nothing to limit only looks ahead."""
    quiet = written(tmp_path / "in.wav", sound())
    done = filter_file(
        preset({"type": "limiter", "ceiling_dbtp": 0.0, "lookahead_ms": 5.0}), quiet, tmp_path / "out.wav"
    )
    assert done.delay_ms >= 5.0
    out = read(tmp_path / "out.wav")
    assert out.shape == (FRAMES, 1)
    np.testing.assert_allclose(out, read(quiet), atol=1e-6)


def test_what_rings_on_behind_the_end_is_kept(tmp_path: Path) -> None:
    response = np.zeros(3001)
    response[0], response[3000] = 1.0, 0.5
    written(tmp_path / "room.wav", response)
    source = written(tmp_path / "in.wav", sound())
    room = {"type": "convolve", "file": str(tmp_path / "room.wav"), "normalise": "none"}
    done = filter_file(preset(room), source, tmp_path / "out.wav")
    out, dry = read(tmp_path / "out.wav")[:, 0], read(source)[:, 0]
    assert out.size == FRAMES + 3000
    assert done.seconds == out.size / RATE_HZ
    expected = np.concatenate([dry, np.zeros(3000)])
    expected[3000:] += 0.5 * dry
    np.testing.assert_allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize("delay", [0, 5, BLOCK_SAMPLES + 3, FRAMES + 10])
def test_the_length_is_right_for_any_delay_and_tail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, delay: int
) -> None:
    probe_filter.register(monkeypatch)
    source = written(tmp_path / "in.wav", sound())
    late = preset({"type": "probe", "delay": delay, "tail": 40})
    filter_file(late, source, tmp_path / "out.wav")
    out, dry = read(tmp_path / "out.wav"), read(source)
    assert len(out) == FRAMES + 40
    # The probe only says that it is late, so that what is taken off is the beginning of the sound.
    kept = max(0, FRAMES - delay)
    np.testing.assert_array_equal(out[:kept], dry[delay:])
    assert not out[kept:].any()


def test_a_filter_that_changes_the_length_changes_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe_filter.register(monkeypatch)
    source = written(tmp_path / "in.wav", sound())
    filter_file(preset({"type": "rubber", "stretch": 3}), source, tmp_path / "out.wav")
    np.testing.assert_array_equal(read(tmp_path / "out.wav"), np.repeat(read(source), 3, axis=0))


def test_channels_may_become_others(tmp_path: Path) -> None:
    source = written(tmp_path / "in.wav", sound(channels=2))
    done = filter_file("mono", source, tmp_path / "out.wav")
    assert done.channels == 1
    np.testing.assert_allclose(read(tmp_path / "out.wav")[:, 0], read(source).mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("name", ["out.wav", "out.flac", "out.ogg"])
def test_any_rate_goes_into_any_container(tmp_path: Path, rate_hz: int, name: str) -> None:
    source = written(tmp_path / "in.wav", sound(5000), rate_hz, "PCM_16")
    low_cut = {"type": "butterworth", "kind": "highpass", "freq_hz": 100}
    filter_file(preset(low_cut), source, tmp_path / name)
    info = soundfile.info(tmp_path / name)
    assert (info.samplerate, info.frames) == (rate_hz, 5000)


def test_the_far_signal_reaches_the_echo_canceller_whatever_its_rate_and_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe_filter.register(monkeypatch)
    source = written(tmp_path / "in.wav", np.zeros(FRAMES))
    ear = preset({"type": "ear"})
    time_s = np.arange(FRAMES) / RATE_HZ
    for rate_hz in (RATE_HZ, 8000):
        there = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)
        far = written(tmp_path / "far.wav", np.stack([there, there], axis=1), rate_hz)
        filter_file(ear, source, tmp_path / "out.wav", far=far, force=True)
        out = read(tmp_path / "out.wav")[:, 0]
        expected = 0.5 * np.sin(2 * np.pi * 440 * time_s)
        middle = slice(1000, RATE_HZ - 1000)
        np.testing.assert_allclose(out[middle], expected[middle], atol=1e-3)
        assert not out[RATE_HZ + 100 :].any()


def test_a_far_signal_missing_or_without_use_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe_filter.register(monkeypatch)
    source, far = (written(tmp_path / f"{n}.wav", sound(100)) for n in ("in", "far"))
    with pytest.raises(UsageError, match="ear of preset test needs what the loudspeaker played"):
        filter_file(preset({"type": "ear"}), source, tmp_path / "out.wav")
    with pytest.raises(UsageError, match="is for an echo canceller: preset no-filter has none"):
        filter_file("no-filter", source, tmp_path / "out.wav", far=far)
    filter_file(preset({"type": "ear", "bypass": True}), source, tmp_path / "out.wav")
    ear = preset({"type": "ear"})
    with pytest.raises(UsageError, match="is input and output"):
        filter_file(ear, source, far, far=far, force=True)
    with pytest.raises(UsageError, match=r"none\.wav does not exist"):
        filter_file(ear, source, tmp_path / "out.wav", far=tmp_path / "none.wav", force=True)


def test_loudness_is_measured_first_behind_the_filters_before_it(tmp_path: Path) -> None:
    """A 1 kHz sine of peak p dBFS on one channel is p - 3.01 LUFS (BS.1770); it is measured after the gain."""
    time_s = np.arange(5 * 48_000) / 48_000
    source = written(tmp_path / "in.wav", 0.1 * np.sin(2 * np.pi * 1000 * time_s), 48_000)
    shares: list[float] = []
    done = filter_file(
        preset({"type": "gain", "gain_db": -10.0}, {"type": "loudness", "target_lufs": -23.0}),
        source,
        tmp_path / "out.wav",
        progress=shares.append,
    )
    assert done.measured == {"loudness.measured_lufs": pytest.approx(-20 - 10 - 3.01, abs=0.05)}
    assert done.readings["loudness.integrated_lufs"] == pytest.approx(-23.0, abs=0.1)
    out = read(tmp_path / "out.wav")[:, 0]
    level_db = 20 * np.log10(np.sqrt(2 * np.mean(out**2)))
    assert level_db == pytest.approx(-23.0 + 3.01, abs=0.05)
    assert shares == sorted(shares)


@pytest.mark.parametrize("samples", [np.zeros(48_000), 0.1 * np.ones(19_000)], ids=["silent", "short"])
def test_a_loudness_that_cannot_be_measured_is_told(tmp_path: Path, samples: np.ndarray) -> None:
    """A gating block of BS.1770 is 0.4 s long."""
    source = written(tmp_path / "in.wav", samples, 48_000)
    done = filter_file("loudness-ebu", source, tmp_path / "out.wav")
    assert done.measured == {}
    assert len(done.warnings) == 1
    assert "cannot be measured" in done.warnings[0]


def test_what_was_measured_by_hand_is_not_measured_again(tmp_path: Path) -> None:
    source = written(tmp_path / "in.wav", sound(48_000), 48_000)
    known = preset({"type": "loudness", "measured_lufs": -30.0})
    assert filter_file(known, source, tmp_path / "out.wav").measured == {}
    bypassed = preset({"type": "loudness", "bypass": True})
    assert filter_file(bypassed, source, tmp_path / "two.wav").measured == {}


def test_clipping_is_counted_and_told(tmp_path: Path) -> None:
    source = written(tmp_path / "in.wav", sound(1000), subtype="PCM_16")
    done = filter_file("no-filter", source, tmp_path / "a.wav")
    assert done.warnings == ()
    done = filter_file(preset({"type": "gain", "gain_db": 40}), source, tmp_path / "out.wav")
    loud = int(np.count_nonzero(np.abs(read(source) * 100) > 1))
    assert done.clipped_samples == pytest.approx(loud, abs=1)
    assert len(done.warnings) == 1
    assert "were clipped" in done.warnings[0]


def test_a_file_shorter_than_it_says_is_filtered_and_told(tmp_path: Path) -> None:
    source = written(tmp_path / "in.flac", sound(), subtype="PCM_16")
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) // 2])
    try:
        done = filter_file("no-filter", source, tmp_path / "out.wav")
    except UsageError as error:  # libsndfile's FLAC reader tells of it, depending on its version
        assert "cannot be read further" in str(error)  # noqa: PT017
        assert not (tmp_path / "out.wav").exists()
        return
    assert 0 < done.seconds < 0.6 * FRAMES / RATE_HZ
    assert "its header says" in done.warnings[0]


def test_filters_that_run_away_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe_filter.register(monkeypatch)
    source = written(tmp_path / "in.wav", sound(100))
    away = preset(*({"type": "probe", "slot": f"p{n}", "level": 1000.0} for n in range(20)))
    with pytest.raises(UsageError, match=r"^preset test: its filters run away"):
        filter_file(away, source, tmp_path / "out.wav")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav"]


def test_what_a_filter_refuses_is_told_as_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe_filter.register(monkeypatch)
    source, target = written(tmp_path / "in.wav", sound(100)), tmp_path / "out.wav"
    with pytest.raises(UsageError, match=r"^preset test: probe: level must not be 13$"):
        filter_file(preset({"type": "probe", "level": 13}), source, target)
    with pytest.raises(EnvironmentProblem, match="engine is not installed"):
        filter_file(preset({"type": "probe", "missing": True}), source, target)
    with pytest.raises(UsageError, match=r"did you mean gain_db"):
        filter_file(preset({"type": "gain"}), source, target, changes={"gain.gain_bd": 1})
    with pytest.raises(UsageError, match=r"gain\.gain_db must be -120 to 60 dB, got 61"):
        filter_file(preset({"type": "gain"}), source, target, changes={"gain.gain_db": 61})
    assert not target.exists()


def test_gains_beyond_all_numbers_are_told_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = written(tmp_path / "in.wav", sound(1000))
    loud = preset(*({"type": "gain", "gain_db": 60, "slot": f"g{n}"} for n in range(20)))
    with pytest.raises(UsageError, match="run away"):
        filter_file(loud, source, tmp_path / "out.wav")
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "out.wav").exists()


def test_the_level_of_what_is_far_too_loud_is_still_a_number(tmp_path: Path) -> None:
    source = written(tmp_path / "in.wav", np.ones(1000))
    loud = preset(*({"type": "gain", "gain_db": 60, "slot": f"g{n}"} for n in range(10)))
    done = filter_file(loud, source, tmp_path / "out.wav")
    assert done.level_after_dbfs == pytest.approx(600.0, abs=0.01)


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    source = written(tmp_path / "in.wav", sound())
    (tmp_path / "out.wav").write_text("mine")

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("softphone.app.filtering.PROGRESS_S", 0.0)
        with pytest.raises(KeyboardInterrupt):
            filter_file("no-filter", source, tmp_path / "out.wav", force=True, progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "out.wav"]
    assert (tmp_path / "out.wav").read_text() == "mine"


def test_input_and_output_must_differ_even_through_a_link(tmp_path: Path) -> None:
    source = written(tmp_path / "in.wav", sound(100))
    (tmp_path / "link.wav").hardlink_to(source)
    for target in (source, tmp_path / "link.wav"):
        with pytest.raises(UsageError, match="is input and output"):
            filter_file("no-filter", source, target, force=True)


def test_changes_are_made_in_their_order(tmp_path: Path) -> None:
    source = written(tmp_path / "in.wav", sound(1000))
    changes = {"gain.gain_db": "-20", "gain.invert": True}
    filter_file(preset({"type": "gain"}), source, tmp_path / "out.wav", changes=changes)
    np.testing.assert_allclose(read(tmp_path / "out.wav"), -0.1 * read(source), rtol=1e-5)


def test_progress_tells_shares_that_rise_to_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softphone.app.filtering.PROGRESS_S", 0.0)
    source = written(tmp_path / "in.wav", sound())
    shares: list[float] = []
    filter_file("no-filter", source, tmp_path / "out.wav", progress=shares.append)
    assert len(shares) == 4
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_it_is_public() -> None:
    assert softphone.filter_file is filter_file
    assert softphone.FilteredFile.__name__ == "FilteredFile"
    assert issubclass(UsageError, SoftphoneError)


def test_the_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(Path(__file__).parents[2] / "examples" / "filter_file.py"))
    assert "dBFS" in capsys.readouterr().out
    assert soundfile.info(tmp_path / "clear.wav").frames > RATE_HZ


_CHILD = """
import json, re, sys
from softphone.app import filter_file
done = filter_file(sys.argv[1], sys.argv[2], sys.argv[3], force=True)
peak_kib = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
heavy = ("asyncio", "rich", "scipy", "softphone.call", "softphone.sip", "dsp.codecs", "soxr")
print(json.dumps({"mib": peak_kib / 1024, "loaded": [name for name in heavy if name in sys.modules]}))
"""


def child(*arguments: object) -> dict[str, object]:
    command = [sys.executable, "-P", "-c", _CHILD, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process alone is told by /proc")
def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    """48 kHz stereo; measured: 34 MiB for 30 s, for 3 minutes and for two hours."""
    one = sound(48_000, 2).astype(np.float32)
    found = {}
    for seconds in (30, 180):
        with soundfile.SoundFile(tmp_path / f"{seconds}.wav", "w", 48_000, 2, "PCM_16") as file:
            for _ in range(seconds):
                file.write(one)
        found[seconds] = child("voice-clear", tmp_path / f"{seconds}.wav", tmp_path / "out.wav")
    assert found[180]["mib"] - found[30]["mib"] < 4
    assert found[180]["mib"] < 100
    assert found[30]["loaded"] == []


def test_samples_that_are_no_numbers_are_silence_and_counted(tmp_path: Path) -> None:
    samples = sound()
    samples[500], samples[700], samples[BLOCK_SAMPLES + 9] = np.nan, np.inf, -1e30
    source = written(tmp_path / "in.wav", samples)
    done = filter_file("no-filter", source, tmp_path / "out.wav")
    found = read(tmp_path / "out.wav")
    assert np.isfinite(found).all()
    assert found[500] == found[700] == 0
    assert len(done.warnings) == 1
    assert done.warnings[0].startswith("3 samples of ")


def test_a_loudness_that_peaks_forbid_is_told(tmp_path: Path) -> None:
    source = written(tmp_path / "in.wav", sound(RATE_HZ * 2))
    done = filter_file("loudness-ebu", source, tmp_path / "out.wav", changes={"loudness.target_lufs": -6.0})
    assert any("LUFS came out, wanted -6" in each for each in done.warnings)
    assert filter_file("loudness-ebu", source, tmp_path / "2.wav").warnings == ()


def test_digits_that_were_heard_are_told(tmp_path: Path) -> None:
    source = written(tmp_path / "in.wav", 0.001 * sound(RATE_HZ * 3))
    heard = preset({"type": "dtmf", "digits": "159D*#"}, {"type": "dtmf-detect"})
    done = filter_file(heard, source, tmp_path / "out.wav")
    assert done.readings["dtmf-detect.digits"] == "159D*#"
    assert done.readings["dtmf-detect.count"] == 6


@pytest.mark.parametrize("name", ["out.flac", "out.wav", "out.ogg"])
def test_title_and_artist_are_kept(tmp_path: Path, name: str) -> None:
    source = tmp_path / "in.flac"
    with soundfile.SoundFile(source, "w", RATE_HZ, 1, "PCM_16") as file:
        file.title, file.artist = "A title", "Somebody"
        file.write(sound())
    filter_file("no-filter", source, tmp_path / name)
    with soundfile.SoundFile(tmp_path / name) as file:
        assert {"title": "A title", "artist": "Somebody"}.items() <= file.copy_metadata().items()
