"""The plain sound of a bypassed chain: as late as the filtered one and as loud as is asked, without a click."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.probe_filter import FADE, chain, fade, preset, register, run
from support.tone_trace import far_from_tone_db

from dsp.chain import FilterChain
from dsp.errors import ParameterError
from dsp.filters import Setting
from dsp.preset import Preset
from dsp.types import Block

RATE_HZ = 48_000
LATE: dict[str, Any] = {"type": "fir", "points": [[20, 0], [20_000, 0]], "resolution_hz": 400}
"""Passes all as it is, later."""
LATER: dict[str, Any] = {**LATE, "resolution_hz": 100}


@pytest.fixture(autouse=True)
def _probes(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def real(*entries: dict[str, Any], channels: int = 1) -> FilterChain:
    return FilterChain(Preset.parse({"filter": list(entries)}, "real"), Setting(RATE_HZ, channels))


def tone(seconds: float = 1.0) -> Block:
    t = np.arange(round(RATE_HZ * seconds)) / RATE_HZ
    return np.sin(2 * np.pi * 1000 * t).astype(np.float32)[np.newaxis]


def through(running: FilterChain, sound: Block, at: dict[int, Any], size: int = 480) -> Block:
    """*sound* in blocks of *size*; what *at* holds for a block is called before it."""
    out = []
    for number, start in enumerate(range(0, sound.shape[1], size)):
        if number in at:
            at[number]()
        out.append(running.process(sound[:, start : start + size].copy()).copy())
    return np.concatenate(out, axis=1)


def test_plain_and_filtered_sound_stand_at_the_same_place_in_time() -> None:
    """Through a filter that only delays, nothing at all is heard of a bypass and of the way back."""
    running = real(LATE)
    delay = running.delay_samples
    assert delay > 100
    sound = 0.3 * np.random.default_rng(1).standard_normal((1, RATE_HZ)).astype(np.float32)
    out = through(running, sound, {30: lambda: running.bypass(True), 60: lambda: running.bypass(False)})
    straight = through(real(LATE), sound, {})
    np.testing.assert_allclose(out, straight, atol=1e-4)
    plain = slice(35 * 480, 59 * 480)
    np.testing.assert_array_equal(out[0, plain], sound[0, plain.start - delay : plain.stop - delay])


@pytest.mark.parametrize("size", [1, 7, 160, 4000])
def test_the_pieces_equal_the_whole_while_it_is_bypassed(size: int) -> None:
    sound = np.random.default_rng(2).standard_normal((2, 4000)).astype(np.float32)
    running = real(LATE, channels=2)
    running.bypass(True, gain_db=-3.0)
    whole = real(LATE, channels=2)
    whole.bypass(True, gain_db=-3.0)
    np.testing.assert_allclose(through(running, sound, {}, size), whole.process(sound.copy()), atol=1e-5)


def test_the_plain_sound_comes_with_the_gain_asked_for() -> None:
    running = chain(1)
    running.bypass(True, gain_db=20.0)
    out = run(running, FADE + 5)[0]
    np.testing.assert_allclose(out[:FADE], 1 + 9 * fade(), rtol=1e-5)
    assert (out[FADE:] == 10).all()
    assert running.bypass_gain_db == 20.0


def test_another_gain_is_faded_in_while_it_is_bypassed() -> None:
    running = chain(1)
    running.bypass(True)
    run(running, FADE)
    running.bypass(True, gain_db=20.0)
    assert running.changing
    out = run(running, FADE + 5)[0]
    np.testing.assert_allclose(out[:FADE], 1 + 9 * fade(), rtol=1e-5)
    assert not running.changing
    running.bypass(True, gain_db=20.0)
    assert not running.changing, "that is what it has"


def test_of_several_gains_that_wait_the_newest_wins() -> None:
    running = chain(1)
    running.bypass(True)
    run(running, FADE)
    for gain_db in (20.0, 40.0, 0.0, 6.0):
        running.bypass(True, gain_db=gain_db)
        out = run(running, 10)[0]
    assert out.max() < 10
    for _ in range(2):
        run(running, FADE)
    np.testing.assert_allclose(run(running, 2), 10 ** (6 / 20), rtol=1e-6)
    assert not running.changing


def test_a_gain_means_nothing_to_a_chain_that_is_heard() -> None:
    running = chain(2)
    running.bypass(False, gain_db=12.0)
    assert not running.changing
    assert (run(running, 5) == 2).all()


@pytest.mark.parametrize("gain_db", [61.0, -61.0, float("nan"), float("inf")])
def test_a_gain_out_of_range_is_refused(gain_db: float) -> None:
    running = chain(2)
    with pytest.raises(ParameterError, match="the gain of the plain sound must be -60 to 60 dB, got"):
        running.bypass(True, gain_db=gain_db)
    assert not running.bypassed
    assert not running.changing


def test_the_plain_sound_follows_a_preset_of_another_delay() -> None:
    running = real(LATE)
    running.bypass(True)
    sound = np.random.default_rng(3).standard_normal((1, RATE_HZ)).astype(np.float32)
    later = Preset.parse({"filter": [LATER, {"type": "gain"}]}, "later")
    delays = [running.delay_samples]
    out = through(running, sound, {30: lambda: running.load(later)})
    delays.append(running.delay_samples)
    assert delays[1] > delays[0] + 480
    for part, delay in ((slice(10 * 480, 30 * 480), delays[0]), (slice(40 * 480, 100 * 480), delays[1])):
        np.testing.assert_array_equal(out[0, part], sound[0, part.start - delay : part.stop - delay])


def test_a_change_that_was_on_its_way_counts_for_the_plain_sound() -> None:
    running = real(LATE)
    running.post("fir.resolution_hz", 100)
    running.bypass(True)
    sound = np.random.default_rng(3).standard_normal((1, RATE_HZ)).astype(np.float32)
    out = through(running, sound, {})
    assert not running.changing
    delay = running.delay_samples
    assert delay == real(LATER).delay_samples
    np.testing.assert_array_equal(out[0, -9600:], sound[0, -9600 - delay : -delay])


def to_and_fro(running: FilterChain) -> dict[int, Any]:
    return {
        10: lambda: running.bypass(True, gain_db=-6.0),
        20: lambda: running.bypass(True, gain_db=3.0),
        30: lambda: running.load(Preset.parse({"filter": [LATER, {"type": "gain"}]}, "later")),
        45: lambda: running.load(Preset.parse({"filter": [LATE]}, "sooner")),
        55: lambda: running.bypass(False),
        65: lambda: running.bypass(True),
        66: lambda: running.bypass(True, gain_db=-9.0),
        67: lambda: running.bypass(False),
        69: lambda: running.post("fir.points", "20:-6,20000:-6"),
        70: lambda: running.bypass(True, gain_db=9.0),
        71: lambda: running.load(Preset.parse({"filter": [LATER]}, "later")),
        80: lambda: running.bypass(False),
    }


@pytest.mark.parametrize("size", [480, 333])
def test_nothing_done_to_a_bypassed_chain_clicks(size: int) -> None:
    """-85 dB beside the tone, as for any change of a linear filter."""
    running = real({**LATE, "points": [[20, 6], [20_000, 6]]})
    out = through(running, tone(1.2), to_and_fro(running), size)
    louder_db = 20 * np.log10(float(np.abs(out).max()))
    assert far_from_tone_db(out[:, 4800:], RATE_HZ) < louder_db - 85


def test_a_reset_empties_the_plain_sound() -> None:
    running = real(LATE)
    running.bypass(True)
    through(running, tone(0.2), {})
    running.bypass(True, gain_db=6.0)
    running.load(Preset.parse({"filter": [LATER]}, "later"))
    running.reset()
    assert not running.changing
    out = through(running, tone(0.2), {})
    delay = running.delay_samples
    assert delay == real(LATER).delay_samples
    assert not out[:, :delay].any()
    np.testing.assert_allclose(out[:, delay:], 10 ** (6 / 20) * tone(0.2)[:, :-delay], rtol=1e-6)


def test_any_sequence_of_bypasses_and_presets_ends_lined_up() -> None:
    """Fuzz: whatever was asked for, the plain sound ends as late as the chain, with the gain asked for last."""
    rng = np.random.default_rng(11)

    def late(samples: int) -> Preset:
        return preset({"type": "probe", "level": 3, "delay": samples}, *([1] * int(rng.integers(0, 2))))

    for _ in range(40):
        running = FilterChain(late(int(rng.integers(0, 200))), Setting(8000))
        sound: list[NDArray[np.float32]] = []
        out: list[NDArray[np.float32]] = []

        def go(count: int, running: FilterChain = running, sound: Any = sound, out: Any = out) -> None:
            block = rng.standard_normal((1, count)).astype(np.float32)
            sound.append(block[0].copy())
            out.append(running.process(block)[0].copy())

        for _ in range(int(rng.integers(1, 20))):
            match int(rng.integers(0, 3)):
                case 0:
                    running.bypass(bool(rng.integers(0, 2)), gain_db=float(rng.integers(-9, 9)))
                case 1:
                    running.load(late(int(rng.integers(0, 200))))
                case _:
                    go(int(rng.integers(0, 150)))
        running.bypass(True, gain_db=2.0)
        for _ in range(60):
            go(50)
        assert not running.changing
        delay = running.delay_samples
        before = np.concatenate(sound)
        wanted = before[before.size - 100 - delay : before.size - delay] * np.float32(10**0.1)
        np.testing.assert_allclose(np.concatenate(out)[-100:], wanted, rtol=1e-6)
