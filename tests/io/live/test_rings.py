"""The rings between callback and filtering thread: how much waits, and when."""

import numpy as np
import pytest

from dsp.types import Block, Samples
from softphone.io.live.rings import CALM_S, CUSHION_BLOCKS, Rings

RATE = 48000
N = 480


class Line:
    """A ramp that is captured, and the thread that hands back what it takes."""

    def __init__(self, channels: int = 1) -> None:
        self.rings = Rings(RATE, N, channels)
        self.channels = channels
        self.captured = 0
        self.heard: list[Block] = []

    def callback(self) -> Block:
        block = np.arange(self.captured, self.captured + N, dtype=np.float32)
        self.captured += N
        playing: Samples = np.full(N * self.channels, np.nan, dtype=np.float32)
        self.rings.exchange(block, playing)
        self.heard.append(playing.reshape(N, self.channels).T)
        return self.heard[-1]

    def work(self) -> int:
        done = 0
        while (mono := self.rings.take()) is not None:
            self.rings.give(np.repeat(mono.reshape(1, -1), self.channels, axis=0))
            done += 1
        return done

    def delay(self) -> float:
        """Of the last sample heard behind the last one captured."""
        return self.captured - 1 - float(self.heard[-1][0, -1])


def test_what_is_captured_is_played_one_block_later() -> None:
    line = Line()
    assert (line.callback() == 0.0).all()
    for turn in range(5):
        line.work()
        assert line.rings.waiting_frames == N
        np.testing.assert_array_equal(line.callback()[0], np.arange(turn * N, (turn + 1) * N))
    assert line.rings.misses == 0
    assert line.delay() == N


def test_channels_stay_apart() -> None:
    line = Line(channels=2)
    line.callback()
    line.rings.take()
    line.rings.give(np.stack((np.full(N, 0.25), np.full(N, -0.5))).astype(np.float32))
    left, right = line.callback()
    assert (left == 0.25).all()
    assert (right == -0.5).all()


def test_a_block_that_is_not_ready_in_time_is_counted_and_the_delay_shown_grows_by_just_that() -> None:
    line = Line()
    line.callback()
    assert (line.callback() == 0.0).all()  # nobody worked
    assert line.rings.misses == 1
    line.work()
    line.callback()
    assert line.rings.waiting_frames == 2 * N == line.delay()
    for _ in range(20):
        line.work()
        line.callback()
    assert line.rings.waiting_frames == 2 * N == line.delay()
    assert (line.rings.misses, line.rings.left_out) == (1, 0)


def test_after_a_long_stop_the_delay_falls_back_to_the_cushion_without_a_jump() -> None:
    line = Line()
    line.callback()
    for _ in range(20):
        line.callback()
    assert line.rings.misses == 20
    for _ in range(80):
        line.work()
        line.callback()
    assert line.rings.waiting_frames <= CUSHION_BLOCKS * N
    assert line.delay() == line.rings.waiting_frames
    assert line.rings.left_out > 0
    # Where a block was left out the ramp climbs twice as fast, at its middle with four times its slope; it never jumps.
    played = np.concatenate([each[0] for each in line.heard[21:]])
    played = played[np.flatnonzero(played)[0] :]
    assert np.diff(played).max() < 4.0


def test_a_cushion_that_is_not_needed_any_more_is_taken_back() -> None:
    line = Line()
    line.callback()
    line.callback()
    for _ in range(round(CALM_S * RATE / N) - 20):
        line.work()
        line.callback()
    assert line.delay() == 2 * N
    for _ in range(40):
        line.work()
        line.callback()
    assert line.rings.waiting_frames == N == line.delay()
    assert (line.rings.misses, line.rings.left_out) == (1, 1)


def test_a_miss_after_a_calm_makes_the_next_try_wait_twice_as_long() -> None:
    line = Line()
    line.callback()
    line.callback()
    for _ in range(round(CALM_S * RATE / N) + 20):
        line.work()
        line.callback()
    line.callback()
    for _ in range(round(CALM_S * RATE / N) + 20):
        line.work()
        line.callback()
    assert line.delay() == 2 * N
    for _ in range(round(CALM_S * RATE / N)):
        line.work()
        line.callback()
    assert line.delay() == N


@pytest.mark.parametrize("exact", [True, False])
def test_a_change_of_rate_has_room_to_round(exact: bool) -> None:
    rings = Rings(44100, 441, 1, exact=exact)
    assert rings.waiting_frames == (441 if exact else 443)
    playing = np.empty(441, dtype=np.float32)
    sizes = [440, 442, 441] if not exact else [441] * 3
    for turn in range(30):
        rings.exchange(np.zeros(441, dtype=np.float32), playing)
        rings.take()
        rings.give(np.zeros((1, sizes[turn % 3]), dtype=np.float32))
    assert rings.misses == 0


def test_a_thread_that_never_comes_loses_sound_and_nothing_else() -> None:
    line = Line()
    for _ in range(300):
        line.callback()
    assert line.rings.misses > 300  # what was to be played, and what found no room
    line.work()
