"""The picture of what a filter did: what is measured for it, and that it is written whole."""

import builtins
import tracemalloc
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dsp.filters import Setting
from dsp.preset import Preset
from dsp.types import Block
from softphone.app import filter_plot
from softphone.app.filter_measure import (
    MOST_COLUMNS,
    estimated_response,
    is_linear,
    measured_response,
    response,
    spectrogram,
)
from softphone.app.filter_plot import plot
from softphone.errors import EnvironmentProblem, UsageError

RATE_HZ = 16_000
drawn = pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed")
PNG = b"\x89PNG\r\n\x1a\n"


def preset(*entries: dict[str, Any]) -> Preset:
    return Preset.parse({"about": "For a test", "filter": list(entries)}, "mine")


def tone(freq_hz: float, amplitude: float = 1.0, seconds: float = 2.0, channels: int = 1) -> Block:
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.tile(amplitude * np.sin(2 * np.pi * freq_hz * t), (channels, 1)).astype(np.float32)


def noise(seconds: float = 4.0) -> Block:
    count = round(seconds * RATE_HZ)
    return 0.1 * np.random.default_rng(1).standard_normal((1, count)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_full_scale_sine_is_0_db_at_its_frequency(channels: int) -> None:
    found = spectrogram([tone(1000, channels=channels)], RATE_HZ)
    row = int(found.mean_power.argmax())
    assert found.freqs_hz[row] == 1000
    assert 10 * np.log10(found.mean_power[row]) == pytest.approx(0.0, abs=0.05)
    assert (found.seconds, found.channels) == (2.0, channels)


def test_a_spectrogram_does_not_depend_on_the_blocks() -> None:
    sound = noise(3.0)
    cuts = [0, 1, 500, 20_000, 20_000, 47_999]
    pieces = np.split(sound, cuts, axis=1)
    whole = spectrogram([sound], RATE_HZ)
    cut = spectrogram(pieces, RATE_HZ)
    np.testing.assert_allclose(cut.power, whole.power, rtol=1e-4, atol=1e-12)
    np.testing.assert_allclose(cut.times_s, whole.times_s)


def test_a_sound_that_is_far_too_loud_has_a_spectrogram() -> None:
    found = spectrogram([np.full((1, 8000), 1e29, dtype=np.float32)], 8000)
    assert np.isfinite(found.mean_power).all()
    assert found.mean_power.max() > 1e20


def test_a_click_is_shown_where_it_is() -> None:
    sound = np.zeros((1, 10 * RATE_HZ), dtype=np.float32)
    sound[0, 7 * RATE_HZ] = 1.0
    found = spectrogram([sound], RATE_HZ)
    column = int(found.power.sum(axis=0).argmax())
    assert found.times_s[column] == pytest.approx(7.0, abs=0.05)


@pytest.mark.parametrize("blocks", [[], [np.zeros((1, 0), dtype=np.float32)], [noise(0.001)]])
def test_a_sound_of_almost_nothing_has_a_spectrogram(blocks: list[Block]) -> None:
    found = spectrogram(blocks, RATE_HZ)
    assert found.power.shape == (found.freqs_hz.size, found.times_s.size)
    assert np.isfinite(found.power).all()


def test_the_memory_for_an_hour_is_that_for_a_minute() -> None:
    second = noise(1.0)

    def hour() -> Iterator[Block]:
        for number in range(450):
            yield (second if number < 225 else second * np.float32(0.1))

    tracemalloc.start()
    found = spectrogram(hour(), 2000)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 24 * 2**20
    assert MOST_COLUMNS <= found.times_s.size < 2 * MOST_COLUMNS
    assert found.seconds == 3600
    loud = 10 * np.log10(found.power.mean(axis=0))
    np.testing.assert_allclose(loud[: loud.size // 2 - 2] - loud[-1], 20.0, atol=1.0)
    assert found.times_s[-1] == pytest.approx(found.seconds, rel=0.01)


def test_the_response_of_a_gain_is_its_gain() -> None:
    found = measured_response(preset({"type": "gain", "gain_db": -6}), Setting(RATE_HZ))
    assert found.measured
    np.testing.assert_allclose(found.gains_db[""], -6.0, atol=1e-4)


def test_the_response_of_a_drawn_filter_is_as_drawn() -> None:
    drawn = preset({"type": "fir", "points": [[100, -20], [1000, 6]], "resolution_hz": 20})
    found = measured_response(drawn, Setting(48_000, 2))
    assert list(found.gains_db) == [""], "both channels are alike"
    at = np.interp(np.log([50, 100, 1000, 10_000]), np.log(found.freqs_hz), found.gains_db[""])
    np.testing.assert_allclose(at, [-20, -20, 6, 6], atol=0.5)


def test_a_filter_that_is_switched_off_has_no_part_in_the_response() -> None:
    off = preset({"type": "gain", "gain_db": -6, "bypass": True})
    np.testing.assert_allclose(measured_response(off, Setting(RATE_HZ)).gains_db[""], 0.0, atol=1e-4)


def test_channels_that_differ_have_a_curve_each() -> None:
    sides = preset({"type": "channel-matrix", "rows": [{"gains": [1, 0]}, {"gains": [0, 0.5]}]})
    found = measured_response(sides, Setting(RATE_HZ, 2))
    assert list(found.gains_db) == ["channel 1", "channel 2"]
    np.testing.assert_allclose(found.gains_db["channel 2"], -6.02, atol=0.01)


def test_a_chain_that_is_not_linear_is_estimated_from_the_sound() -> None:
    squeezed = preset({"type": "gain"}, {"type": "compressor"})
    assert not is_linear(squeezed)
    assert is_linear(preset({"type": "gain"}, {"type": "compressor", "bypass": True}))
    before, after = spectrogram([noise()], RATE_HZ), spectrogram([0.5 * noise()], RATE_HZ)
    found = response(squeezed, before, after, RATE_HZ, Setting(RATE_HZ).resources)
    assert not found.measured
    np.testing.assert_allclose(found.gains_db[""], -6.02, atol=0.01)


def test_an_estimate_says_nothing_of_what_was_not_there() -> None:
    before = spectrogram([tone(1000, 0.5, 4.0)], RATE_HZ)
    after = spectrogram([tone(1000, 0.25, 4.0)], RATE_HZ)
    found = estimated_response(before, after)
    known = found.freqs_hz[np.isfinite(found.gains_db[""])]
    assert known.min() > 700
    assert known.max() < 1400
    np.testing.assert_allclose(found.gains_db[""][np.isfinite(found.gains_db[""])], -6.02, atol=0.1)


@drawn
@pytest.mark.parametrize(("rate_hz", "linear"), [(8000, True), (44_100, False), (48_000, True)])
def test_a_picture_is_written(rate_hz: int, linear: bool, tmp_path: Path) -> None:
    what = {"type": "gain", "gain_db": -6} if linear else {"type": "compressor"}
    target = tmp_path / "a.png"
    plot(preset(what), noise(1.0), [noise(0.3), noise(0.4)], rate_hz, target)
    data = target.read_bytes()
    assert data.startswith(PNG)
    assert int.from_bytes(data[16:20], "big") >= 1000, "wide enough to read"
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]


@drawn
def test_a_picture_is_made_from_files_of_any_length_and_channels(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", tone(300, 0.5, 1.0, 2).T, RATE_HZ)
    soundfile.write(tmp_path / "out.flac", tone(300, 0.1, 0.7, 1).T, RATE_HZ)
    plot(preset(), tmp_path / "in.wav", str(tmp_path / "out.flac"), RATE_HZ, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)


@drawn
@pytest.mark.parametrize("sound", [np.zeros((1, RATE_HZ), dtype=np.float32), np.zeros(0, dtype=np.float32)])
def test_silence_and_nothing_at_all_make_a_picture(sound: Block, tmp_path: Path) -> None:
    for what in ({"type": "compressor"}, {"type": "gain", "gain_db": -120}):
        plot(preset(what), sound, sound, RATE_HZ, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)


@drawn
@pytest.mark.parametrize("name", ["$x_1$ \\frac{", "日本語", "line\nbreak", "long " * 60])
def test_any_name_can_be_written_above_it(name: str, tmp_path: Path) -> None:
    plot(Preset(name), noise(0.2), noise(0.2), RATE_HZ, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)


@drawn
def test_the_picture_is_another_where_the_sound_is(tmp_path: Path) -> None:
    for name, gain in (("a", 1.0), ("b", 0.1)):
        plot(preset(), noise(0.2), np.float32(gain) * noise(0.2), RATE_HZ, tmp_path / name)
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


@drawn
def test_where_it_cannot_be_written_it_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot write .*missing.*a\.png: No such file"):
        plot(preset(), noise(0.1), noise(0.1), RATE_HZ, tmp_path / "missing" / "a.png")
    (tmp_path / "a.png").mkdir()
    with pytest.raises(UsageError, match=r"cannot write .*a\.png"):
        plot(preset(), noise(0.1), noise(0.1), RATE_HZ, tmp_path / "a.png")
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(EnvironmentProblem) as caught:
        plot(preset(), noise(0.1), noise(0.1), RATE_HZ, tmp_path / "a.png")
    assert str(caught.value) == 'plots need matplotlib: pip install "softphone[plots]"'


def test_matplotlib_is_imported_only_to_draw() -> None:
    assert not hasattr(filter_plot, "matplotlib")
    assert not hasattr(filter_plot, "Figure")
