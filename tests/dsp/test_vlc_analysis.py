"""Analysis of VLC: the twin in NumPy, and what must hold for any speech."""

import numpy as np
import pytest
from support.vlc_analysis_reference import analyse
from support.vlc_speech import speech, vowel

from dsp.codecs.vlc.analysis import FLOOR_DB, Analysis
from dsp.codecs.vlc.model import NARROW, PACKETS_MS, WIDE, Model, PacketParameters
from dsp.errors import ParameterError
from dsp.types import Samples

both = pytest.mark.parametrize("model", [NARROW, WIDE], ids=["narrow", "wide"])


def described(model: Model, signal: Samples, *, packet_ms: int = 128, hop_ms: int = 8) -> PacketParameters:
    """All packets of *signal*, one after the other."""
    analysis = Analysis(model, packet_ms=packet_ms, hop_ms=hop_ms)
    size = analysis.packet_samples
    packets = [analysis.push(signal[at : at + size]) for at in range(0, signal.size - size + 1, size)]
    return PacketParameters(
        *(np.concatenate([getattr(p, name) for p in packets]) for name in PacketParameters.__slots__)
    )


@both
@pytest.mark.parametrize(("packet_ms", "hop_ms"), [(64, 8), (96, 16), (128, 8), (144, 16)])
def test_the_kernel_and_its_twin_agree(model: Model, packet_ms: int, hop_ms: int) -> None:
    size = model.sample_rate_hz * packet_ms // 1000
    signal = speech(model, 1.4)
    signal = signal[: signal.size // size * size]
    got = described(model, signal, packet_ms=packet_ms, hop_ms=hop_ms)
    twin = analyse(model, signal, packet_ms=packet_ms, hop_ms=hop_ms)
    levels, voicing, f0 = (
        np.concatenate([getattr(p, name) for p in twin]) for name in ("levels_db", "voicing", "f0_hz")
    )
    assert np.abs(got.levels_db - levels).max() < 0.01
    # Rounding may choose another of two equal candidates, in a pause.
    same = np.abs(np.log2(got.f0_hz / f0)) < 1e-3
    assert same.mean() > 0.95
    assert np.abs(got.voicing - voicing)[same].max() < 0.02


@both
@pytest.mark.parametrize("f0_hz", [62.0, 90.0, 151.0, 260.0, 395.0])
def test_f0_of_a_vowel_is_found_and_it_is_voiced(model: Model, f0_hz: float) -> None:
    found = described(model, vowel(model, f0_hz, 1.0))
    settled = slice(16, -16)
    assert np.abs(found.f0_hz[settled] / f0_hz - 1).max() < 0.006  # a step of the comb is 0.25 %
    assert found.voiced[settled].all()
    assert found.voicing[settled, :3].min() > 0.8


@both
def test_noise_is_not_voiced(model: Model) -> None:
    noise = np.random.default_rng(5).normal(0, 0.05, 2 * model.sample_rate_hz).astype(np.float32)
    found = described(model, noise)
    assert found.voiced.mean() < 0.1
    assert found.voicing[:, 1:].mean() < 0.35
    # Mean of log of a chi-square with few degrees of freedom: the bands lie under the noise's level, the narrow ones most.
    assert np.all(np.abs(found.levels_db.mean(axis=0) + 26 + 1.5) < 1.5)


@both
def test_a_gain_moves_all_levels_alike_and_nothing_else(model: Model) -> None:
    signal = speech(model, 2.0)
    loud = described(model, signal)
    for gain_db in (-6.02059991, -24.08239965):  # powers of two: the same mantissas
        soft = described(model, signal * np.float32(10 ** (gain_db / 20)))
        assert np.abs(loud.levels_db + gain_db - soft.levels_db).max() < 0.05
        same = np.abs(np.log2(loud.f0_hz / soft.f0_hz)) < 1e-3
        assert same.mean() > 0.97
        assert np.abs(loud.voicing - soft.voicing)[same].max() < 0.02


def test_the_floor_hangs_from_the_loudest_band_and_follows_it_slowly() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000).astype(np.float32)
    signal = np.concatenate((tone, np.zeros(8000, dtype=np.float32)))
    levels = described(NARROW, signal).levels_db
    peak = levels[:100].max()
    assert peak == pytest.approx(levels[100 // 2].max(), abs=0.5)
    at_end = levels[-1]
    # 1 s at 1.5 dB/s.
    assert np.all(np.abs(at_end - (peak - FLOOR_DB - 1.4)) < 0.5)


@both
def test_silence_clipping_and_what_is_no_number_give_finite_parameters(model: Model) -> None:
    size = model.sample_rate_hz // 2
    broken = np.full(size, np.nan, dtype=np.float32)
    broken[::3], broken[1::7] = np.inf, -np.inf
    for signal in (np.zeros(size, dtype=np.float32), 40 * speech(model, 0.5), broken):
        found = described(model, signal)
        for values in (found.levels_db, found.voicing, found.f0_hz):
            assert np.all(np.isfinite(values))
        assert np.all((found.voicing >= 0) & (found.voicing <= 1))
        assert np.all((found.f0_hz >= model.f0_min_hz) & (found.f0_hz <= model.f0_max_hz))
        assert found.levels_db.max() <= 20


def test_the_delay_is_what_the_object_says() -> None:
    for model in (NARROW, WIDE):
        analysis = Analysis(model, packet_ms=64)
        click = np.zeros(4 * analysis.packet_samples, dtype=np.float32)
        at = 2 * analysis.packet_samples + analysis.packet_samples // 2
        click[at] = 1.0
        levels = described(model, click, packet_ms=64).levels_db
        loudest = int(levels.sum(axis=1).argmax())
        middle = (loudest + 0.5) * model.frame_samples()
        assert abs(middle - (at + analysis.delay_samples)) <= model.frame_samples()


def test_a_lone_flag_between_two_others_is_made_like_them() -> None:
    flags = described(NARROW, speech(NARROW, 3.0)).voiced.reshape(-1, 8, 2)
    assert np.all(flags[:, :, 0] == flags[:, :, 1])
    one = flags[:, :, 0]
    assert not np.any((one[:, :-2] == one[:, 2:]) & (one[:, 1:-1] != one[:, 2:]))


def test_after_reset_the_same_sound_gives_the_same_parameters() -> None:
    analysis = Analysis(NARROW, packet_ms=96)
    signal = speech(NARROW, 1.0)
    packets = [signal[at : at + 768] for at in range(0, 768 * 8, 768)]
    first = [analysis.push(packet).levels_db for packet in packets]
    analysis.reset()
    assert all(np.array_equal(a, analysis.push(p).levels_db) for a, p in zip(first, packets, strict=True))


def test_after_an_hour_a_sound_gives_what_it_gave_in_the_first_minute() -> None:
    analysis, fresh = (Analysis(NARROW, packet_ms=144, hop_ms=16) for _ in range(2))
    signal = speech(NARROW, 144 * 40 / 1000)
    packets = signal.reshape(40, 1152)
    for number in range(25_000):
        analysis.push(packets[number % 40])
    for _ in range(2):
        told = [(analysis.push(packet), fresh.push(packet)) for packet in packets]
    assert all(np.array_equal(one.levels_db, other.levels_db) for one, other in told)
    assert all(np.array_equal(one.f0_hz, other.f0_hz) for one, other in told)


def test_what_an_analysis_cannot_do_is_refused() -> None:
    assert 100 not in PACKETS_MS
    with pytest.raises(ParameterError, match=r"64, 96, 128, 144 ms.*got 100 and 8"):
        Analysis(NARROW, packet_ms=100)
    with pytest.raises(ParameterError, match="got 64 and 10"):
        Analysis(NARROW, packet_ms=64, hop_ms=10)
    with pytest.raises(ParameterError, match=r"must be 512 samples, got \(511,\)"):
        Analysis(NARROW, packet_ms=64).push(np.zeros(511, dtype=np.float32))
