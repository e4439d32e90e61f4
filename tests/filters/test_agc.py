"""AGC: real speech of any level comes out at the target (P.56), pauses and noise are not raised."""

import numpy as np
import pytest
from numpy.typing import NDArray
from support.dynamics import SPEAKERS, make, run, speech

from dsp.level import measure_level
from dsp.riding import ActiveLevel, Activity, Ramp

RATE_HZ = 16_000


def active_dbfs(sound: NDArray[np.float32]) -> float:
    level = measure_level(np.ascontiguousarray(sound), RATE_HZ).level_dbov
    assert level is not None
    return level


def at_level(speaker: str, dbfs: float) -> NDArray[np.float32]:
    """Speech at an active level, twice in a row."""
    voice = np.tile(speech(speaker, RATE_HZ), 2)
    return (voice * 10 ** ((dbfs - active_dbfs(voice)) / 20)).astype(np.float32)


def noise(dbfs: float, seconds: float, seed: int = 3) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return (10 ** (dbfs / 20) * rng.standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


@pytest.mark.parametrize("speaker", SPEAKERS)
@pytest.mark.parametrize("dbfs", [-40.0, -26.0, -10.0])
def test_speech_of_any_level_comes_out_at_the_target(speaker: str, dbfs: float) -> None:
    out = run(make("agc", RATE_HZ), at_level(speaker, dbfs))[0]
    assert active_dbfs(out[3 * RATE_HZ :]) == pytest.approx(-23.0, abs=2.0)


def test_a_soft_beginning_does_not_make_the_first_word_overload() -> None:
    """0.2 s of breath at -47 dBFS, for which the gain rises by 18 dB, before a word of -14 dBFS (measured: +0.3 dBFS)."""
    out = run(make("agc", RATE_HZ), speech("man", RATE_HZ))[0]
    assert 20 * np.log10(np.abs(out).max()) < 1.5


def test_its_meter_reads_the_active_level() -> None:
    for dbfs in (-40.0, -15.0):
        running = make("agc", RATE_HZ, memory_s=20.0)
        run(running, at_level("woman", dbfs))
        assert running.readings()["level_dbfs"] == pytest.approx(dbfs, abs=1.5)


def test_a_speaker_who_turns_soft_is_found_again() -> None:
    sound = np.concatenate((at_level("man", -15.0), at_level("woman", -40.0)))
    out = run(make("agc", RATE_HZ), sound)[0]
    assert active_dbfs(out[-7 * RATE_HZ :]) == pytest.approx(-23.0, abs=2.5)


def test_noise_in_a_long_pause_is_not_raised() -> None:
    voice = at_level("man", -30.0)
    sound = np.concatenate((voice, np.zeros(10 * RATE_HZ, dtype=np.float32))) + noise(
        -52.0, voice.size / RATE_HZ + 10
    )
    running = make("agc", RATE_HZ)
    gains = []
    for piece in np.split(sound[np.newaxis].astype(np.float32), np.arange(1600, sound.size, 1600), axis=1):
        running.process(np.ascontiguousarray(piece))
        gains.append(running.readings()["gain_db"])
    pause = np.array(gains[-90:])
    assert running.readings()["active"] == 0.0
    assert np.ptp(pause) < 0.1
    assert pause[-1] == pytest.approx(7.0, abs=2.5)


def test_after_a_long_pause_it_goes_on_where_it_was() -> None:
    voice = at_level("woman", -30.0)
    running = make("agc", RATE_HZ)
    run(running, voice)
    before = running.readings()["gain_db"]
    run(running, np.zeros(30 * RATE_HZ, dtype=np.float32))
    assert running.readings()["gain_db"] == pytest.approx(before, abs=0.01)
    gains = []
    for piece in np.split(voice[np.newaxis, : 5 * RATE_HZ], 50, axis=1):
        running.process(np.ascontiguousarray(piece))
        gains.append(running.readings()["gain_db"])
    assert max(gains) < before + 4


def test_noise_alone_is_left_alone() -> None:
    running = make("agc", RATE_HZ)
    run(running, noise(-45.0, 10))
    assert abs(running.readings()["gain_db"]) < 0.5


def test_gain_and_cut_end_at_their_limits() -> None:
    raised, lowered = make("agc", RATE_HZ, max_gain_db=6.0), make("agc", RATE_HZ, max_cut_db=4.0)
    run(raised, at_level("man", -40.0))
    run(lowered, at_level("man", -10.0))
    assert raised.readings()["gain_db"] == pytest.approx(6.0, abs=0.1)
    assert lowered.readings()["gain_db"] == pytest.approx(-4.0, abs=0.1)


def test_the_gain_is_the_same_for_pieces_of_any_length_and_for_a_successor() -> None:
    sound = at_level("woman", -35.0)
    whole = make("agc", RATE_HZ)
    wanted = run(whole, sound)
    pieces = make("agc", RATE_HZ)
    cuts = np.cumsum([1, 159, 160, 161, 7, 50_000])
    out = [pieces.process(np.ascontiguousarray(each)) for each in np.split(sound[np.newaxis], cuts, axis=1)]
    np.testing.assert_allclose(np.concatenate(out, axis=1), wanted, atol=1e-6)
    heir = make("agc", RATE_HZ, target_dbfs=-20.0)
    heir.adopt(whole)
    assert heir.readings()["gain_db"] == pytest.approx(whole.readings()["gain_db"], abs=0.2)


def test_an_active_level_is_the_mean_of_what_is_active_and_sinks_when_nothing_is() -> None:
    rules = Activity(margin_db=10.0, least_power=1e-6, hangover=2, memory=50.0, patience=5, sink_db=1.0)
    level = ActiveLevel(rules)
    assert not level.update(1e-7)
    assert [level.update(power) for power in (1.0, 1.0, 0.2, 1.0)] == [True] * 4
    assert level.power == pytest.approx(0.8)
    pause = [level.update(0.01) for _ in range(12)]
    assert pause == [True, True] + [False] * 10
    assert level.power == pytest.approx(3.22 / 6 * 10**-0.7)
    assert level.update(0.012)
    assert not ActiveLevel(rules).update(1.0, may_start=False)


def test_a_ramp_is_straight_in_decibels_and_continuous() -> None:
    ramp = Ramp()
    ramp.turn(6.0, 100)
    ones = np.ones((1, 100), dtype=np.float32)
    ramp.apply(ones[:, :30])
    heir = Ramp()
    heir.adopt(ramp)
    ramp.apply(ones[:, 30:])
    np.testing.assert_allclose(20 * np.log10(ones[0]), 0.06 * np.arange(1, 101), atol=1e-5)
    more = np.ones((1, 1000), dtype=np.float32)
    heir.apply(more)
    np.testing.assert_allclose(20 * np.log10(more), 1.8, atol=1e-5)
