"""How soon a change is heard: filters that adopt a past, or are run over what has just passed, need not settle first."""

from typing import Any

import numpy as np
import pytest
from support.filters import setting
from support.tone_trace import far_from_tone_db

from dsp.chain import FilterChain
from dsp.chain_rows import FADE_MS, PAST_S
from dsp.preset import Preset
from dsp.types import Block

RATE_HZ = 48_000
BLOCK = 480


def chain(*entries: dict[str, Any], channels: int = 1) -> FilterChain:
    return FilterChain(Preset.parse({"filter": list(entries)}, "mine"), setting(RATE_HZ, channels))


def tone(seconds: float, channels: int = 1) -> Block:
    t = np.arange(round(RATE_HZ * seconds)) / RATE_HZ
    return np.tile(0.5 * np.sin(2 * np.pi * 1000 * t), (channels, 1)).astype(np.float32)


def feed(running: FilterChain, sound: Block) -> Block:
    pieces = [
        running.process(sound[:, at : at + BLOCK].copy()).copy() for at in range(0, sound.shape[1], BLOCK)
    ]
    return np.concatenate(pieces, axis=1)


def blocks_until_done(running: FilterChain, sound: Block) -> int:
    for count in range(sound.shape[1] // BLOCK):
        if not running.changing:
            return count
        running.process(sound[:, count * BLOCK : (count + 1) * BLOCK].copy())
    raise AssertionError("still changing")


DYNAMICS = [
    ({"type": "compressor"}, "compressor.threshold_db", -50),
    ({"type": "compressor"}, "compressor.makeup_db", 12),
    ({"type": "expander"}, "expander.ratio", 4),
    ({"type": "gate"}, "gate.threshold_db", -20),
    ({"type": "de-esser"}, "de-esser.threshold_db", -60),
    ({"type": "limiter"}, "limiter.gain_db", 6),
    ({"type": "limiter"}, "limiter.ceiling_dbtp", -20),
    ({"type": "agc"}, "agc.target_dbfs", -30),
    ({"type": "vad"}, "vad.range_db", 6),
]


@pytest.mark.parametrize(("entry", "path", "value"), DYNAMICS, ids=lambda each: str(each)[:40])
def test_a_change_of_dynamics_is_heard_at_once(entry: dict[str, Any], path: str, value: float) -> None:
    """The fade of 10 ms has ended within 11 ms of look-ahead and two blocks."""
    running = chain(entry)
    feed(running, tone(1.0))
    running.post(path, value)
    assert running.changing
    assert blocks_until_done(running, tone(0.1)) <= 4


@pytest.mark.parametrize("kind", ["butterworth", "chebyshev", "bessel"])
def test_a_low_cut_is_heard_at_once_once_the_chain_is_steered(kind: str) -> None:
    """Alone it takes 40 ms and more; run over what has just passed it has settled."""
    running = chain({"type": kind, "kind": "highpass", "freq_hz": 100, "order": 4})
    running.load(running.preset)
    before = feed(running, tone(1.0))
    running.post(f"{kind}.freq_hz", 60)
    assert blocks_until_done(running, tone(0.1)) == 1
    out = np.concatenate([before[:, -RATE_HZ // 2 :], feed(running, tone(0.5))], axis=1)
    # The tone was fed for one block more than is looked at: its phase goes on, 10 periods later.
    assert far_from_tone_db(out[:, : RATE_HZ // 2], RATE_HZ) < -85


def test_the_first_change_of_a_chain_that_nobody_steered_waits_until_the_filter_has_settled() -> None:
    running = chain({"type": "butterworth", "kind": "highpass", "freq_hz": 100, "order": 4})
    feed(running, tone(1.0))
    running.post("butterworth.freq_hz", 60)
    assert blocks_until_done(running, tone(1.0)) > 4


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("freq_hz", [8.0, 40.0, 200.0])
def test_a_filter_run_over_the_past_goes_on_as_one_that_always_ran(channels: int, freq_hz: float) -> None:
    """To 90 dB below the sound, also where only a part of the settling time is kept."""
    first, second = (
        {"type": "butterworth", "kind": "highpass", "freq_hz": each} for each in (300.0, freq_hz)
    )
    running = chain(first, channels=channels)
    running.load(running.preset)
    sound = 0.3 * np.random.default_rng(1).standard_normal((channels, 3 * RATE_HZ)).astype(np.float32)
    feed(running, sound[:, :RATE_HZ])
    running.post("butterworth.freq_hz", freq_hz)
    wanted = feed(chain(second, channels=channels), sound)[:, RATE_HZ:]
    got, done = [], 0
    for at in range(RATE_HZ, 3 * RATE_HZ, BLOCK):
        changing = running.changing
        out = running.process(sound[:, at : at + BLOCK].copy()).copy()
        got.append(out)
        done += BLOCK if changing else 0
    fresh = chain(second)._row.settle_samples
    kept = round(PAST_S * RATE_HZ * min(1.0, 2.0 / channels))
    fade = round(FADE_MS * RATE_HZ / 1000)
    assert done <= max(0, fresh - kept) + fade + BLOCK
    rest = np.concatenate(got, axis=1)[:, done:] - wanted[:, done:]
    assert np.abs(rest).max() < 1e-4


def test_a_chain_that_nobody_steers_keeps_no_past() -> None:
    running = chain({"type": "butterworth"}, {"type": "gain"})
    feed(running, tone(0.1))
    assert all(slot.past is None for slot in running._row._slots)
    running.load(running.preset)
    assert [slot.past is not None for slot in running._row._slots] == [True, False]


@pytest.mark.parametrize("size", [1, 333, 480, 20_000])
def test_blocks_of_any_length_are_kept(size: int) -> None:
    sound = 0.3 * np.random.default_rng(1).standard_normal((1, 30_000)).astype(np.float32)[:, : 40 * size]
    once, other = (chain({"type": "butterworth", "freq_hz": 60}) for _ in range(2))
    for running, cut in ((once, size), (other, BLOCK)):
        running.load(running.preset)
        for at in range(0, sound.shape[1], cut):
            running.process(sound[:, at : at + cut].copy())
        running.post("butterworth.freq_hz", 90)
    np.testing.assert_allclose(once.process(tone(0.1)), other.process(tone(0.1)), atol=1e-6)


def test_a_preset_with_dynamics_is_heard_within_a_tenth_of_a_second() -> None:
    """A compressor settles for 1.5 s until it is as if it had always run; it can be heard long before."""
    running = chain({"type": "gain"})
    feed(running, tone(0.5))
    running.load(
        Preset.parse(
            {"filter": [{"type": "gain"}, {"type": "compressor"}, {"type": "agc"}, {"type": "limiter"}]},
            "loud",
        )
    )
    assert blocks_until_done(running, tone(1.0)) <= 10


@pytest.mark.parametrize(
    "entry", [{"type": each} for each in ("compressor", "expander", "gate", "de-esser", "limiter", "agc")]
)
def test_a_preset_with_dynamics_comes_without_a_click(entry: dict[str, Any]) -> None:
    """As for all filters whose gain moves: -60 dB beside a tone that is made louder or softer while it is looked at."""
    running = chain({"type": "gain"})
    before = feed(running, tone(0.5))
    running.load(Preset.parse({"filter": [{"type": "gain"}, entry]}, "other"))
    after = feed(running, tone(1.0))
    assert far_from_tone_db(np.concatenate([before, after], axis=1)[:, 4800:], RATE_HZ) < -60
