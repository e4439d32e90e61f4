import numpy as np
import pytest

from dsp.mains import MainsTracker

HARMONICS = (1.0, 0.5, 0.7, 0.3, 0.5, 0.2, 0.3, 0.2, 0.1, 0.1)


def hum(rate_hz, seconds, mains_hz, drift=0.0, amplitudes=HARMONICS):
    """Mains hum, its fundamental of amplitude 0.01 (-40 dBFS) beside noise at -80 dBFS, and its frequency."""
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    phase = 2 * np.pi * (mains_hz * t + drift * t * t / 2)
    sound = 0.01 * sum(each * np.sin(k * phase + k) for k, each in enumerate(amplitudes, 1))
    sound = sound + 1e-4 * np.random.default_rng(1).standard_normal(t.size)
    return sound.astype(np.float32)[np.newaxis], mains_hz + drift * t


def looks(tracker, sound):
    """What it says after each look."""
    found = []
    for start in range(0, sound.shape[1] - tracker.hop_samples + 1, tracker.hop_samples):
        tracker.hear(sound[:, start : start + tracker.hop_samples])
        tracker.update()
        found.append(tracker.frequency_hz)
    return np.array(found)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("mains_hz", [49.2, 50.0, 50.31, 59.87, 60.5])
def test_it_finds_the_frequency_within_2_s_to_a_hundredth_of_a_hertz(mains_hz, rate_hz):
    found = looks(MainsTracker(rate_hz), hum(rate_hz, 5, mains_hz)[0])
    np.testing.assert_allclose(found[3:], mains_hz, atol=0.01)


@pytest.mark.parametrize("drift", [-0.05, 0.02, 0.05])
def test_it_keeps_up_with_a_drift(drift):
    tracker = MainsTracker(8000)
    sound, freqs = hum(8000, 12, 50.1, drift)
    found = looks(tracker, sound)
    now = freqs[tracker.hop_samples - 1 :: tracker.hop_samples][: found.size]
    assert np.abs(found - now)[8:].max() < 0.3 * abs(drift)  # without its trend it is 1.1 s behind


@pytest.mark.parametrize("amplitudes", [(1.0,), (0.0, 1.0, 0.0, 0.5, 0.0, 0.3), (1.0, 0.0, 0.5, 0.0, 0.3)])
def test_it_does_with_some_of_the_harmonics(amplitudes):
    found = looks(MainsTracker(8000), hum(8000, 5, 50.2, amplitudes=amplitudes)[0])
    np.testing.assert_allclose(found[-4:], 50.2, atol=0.01)


def test_hum_out_of_phase_in_two_channels_is_heard():
    sound = hum(8000, 4, 60.1)[0]
    found = looks(MainsTracker(8000, 2), np.concatenate([sound, -sound]))
    assert found[-1] == pytest.approx(60.1, abs=0.01)


def test_the_pieces_equal_the_whole():
    sound = hum(16_000, 3, 50.2)[0]
    whole, pieces = MainsTracker(16_000), MainsTracker(16_000)
    expected = looks(whole, sound)
    found = []
    for start in range(0, sound.shape[1], pieces.hop_samples):
        hop = sound[:, start : start + pieces.hop_samples]
        for piece in np.split(hop, [0, 1, 2, 333, 4000], axis=1):
            pieces.hear(piece)
        pieces.update()
        found.append(pieces.frequency_hz)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["silence", "noise", "clicks", "dial tone"])
def test_what_is_no_hum_is_not_taken_for_it(kind):
    n = 8 * 8000
    sound = np.zeros(n)
    if kind == "noise":
        sound = np.random.default_rng(2).standard_normal(n)
    elif kind == "clicks":
        sound[np.random.default_rng(3).integers(0, n, 20)] = 100.0
    elif kind == "dial tone":  # of North America; 350 Hz is seven times 50 Hz
        t = np.arange(n) / 8000
        sound = 0.1 * (np.sin(2 * np.pi * 350 * t) + np.sin(2 * np.pi * 440 * t))
    assert not looks(MainsTracker(8000), sound.astype(np.float32)[np.newaxis]).any()


def test_where_hum_ends_the_last_frequency_stays():
    tracker, sound = MainsTracker(8000), hum(8000, 6, 50.3)[0]
    sound[:, 4 * 8000 :] = 0.0
    found = looks(tracker, sound)
    assert found[-1] == pytest.approx(50.3, abs=0.05)
    tracker.reset()
    assert tracker.frequency_hz == tracker.nominal_found_hz == 0.0


def test_the_other_mains_must_be_heard_for_a_while_before_it_is_believed():
    tracker = MainsTracker(8000)
    sound = np.concatenate([hum(8000, 4, 50.0)[0], hum(8000, 8, 60.0)[0]], axis=1)
    found = looks(tracker, sound)
    assert np.all(np.abs(found[3:8] - 50.0) < 0.05)
    assert np.all(np.abs(found[10:12] - 50.0) < 1.0)
    assert found[-1] == pytest.approx(60.0, abs=0.01)
    assert tracker.nominal_found_hz == 60.0


def test_one_nominal_frequency_keeps_to_it():
    found = looks(MainsTracker(8000, 1, (50.0,)), hum(8000, 5, 60.0)[0])
    assert not found.any()


def test_it_adopts_what_another_one_knows():
    old = MainsTracker(8000)
    looks(old, hum(8000, 5, 50.3)[0])
    new, other = MainsTracker(8000, 1, (50.0,)), MainsTracker(8000, 1, (60.0,))
    new.adopt(old)
    other.adopt(old)
    assert new.frequency_hz == old.frequency_hz
    assert other.frequency_hz == 0.0
