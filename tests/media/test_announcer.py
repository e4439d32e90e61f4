"""What is sent in place of what a device captures, block by block, on a clock that the test moves."""

import numpy as np
import pytest

from softphone.media.announcer import Announcer
from softphone.media.device import EchoDevice, PacedDevice
from softphone.media.ring_device import RingDevice

RATE_HZ, BLOCK = 8000, 160


class Constant:
    """A source of one value; *samples* of it, or without end."""

    def __init__(self, value, samples=None):
        self.value, self.left = value, samples

    def read(self, out):
        count = out.size if self.left is None else min(out.size, self.left)
        out[:count] = self.value
        if self.left is not None:
            self.left -= count
        return count


def captured(device, ticks, *, first=1):
    """What each tick of 20 ms captures: the values in the block."""
    found = []
    for tick in range(first, first + ticks):
        block = np.zeros(BLOCK, dtype=np.float32)
        while device.capture(block, now=tick * 0.02):
            found.append(sorted(set(block.tolist())))
    return found


def test_before_the_answer_something_else_is_sent_and_the_source_waits():
    source = Constant(1.0, samples=2 * BLOCK)
    device = Announcer(PacedDevice(source, RATE_HZ, now=0.0), RATE_HZ, before=Constant(0.5), now=0.0)
    assert captured(device, 50) == [[0.5]] * 50
    assert source.left == 2 * BLOCK
    device.begin(1.0)
    assert captured(device, 3, first=51) == [[1.0], [1.0], [0.0]]
    assert device.source_ended


@pytest.mark.parametrize("waited_s", [0.3, 5.0])
def test_however_long_it_waited_nothing_is_caught_up(waited_s):
    paced = PacedDevice(Constant(1.0), RATE_HZ, now=0.0)
    device = Announcer(paced, RATE_HZ, before=Constant(0.0), now=0.0)
    ticks = round(waited_s / 0.02)
    captured(device, ticks)
    device.begin(waited_s)
    assert captured(device, 10, first=ticks + 1) == [[1.0]] * 10
    assert paced.skips == 0


def test_an_announcement_is_sent_once_and_then_the_source_again():
    device = Announcer(PacedDevice(Constant(1.0), RATE_HZ, now=0.0), RATE_HZ, now=0.0)
    captured(device, 1)
    device.announce(Constant(-1.0, samples=BLOCK + 40))
    assert device.is_announcing
    assert captured(device, 3, first=2) == [[-1.0], [-1.0, 1.0], [1.0]]
    assert not device.is_announcing


def test_a_new_announcement_takes_the_place_of_one_that_runs():
    device = Announcer(PacedDevice(Constant(1.0), RATE_HZ, now=0.0), RATE_HZ, now=0.0)
    device.announce(Constant(0.25))
    captured(device, 1)
    device.announce(Constant(0.75))
    assert captured(device, 1, first=2) == [[0.75]]


def test_the_end_of_the_source_waits_for_the_announcement():
    device = Announcer(PacedDevice(Constant(1.0, samples=0), RATE_HZ, now=0.0), RATE_HZ, now=0.0)
    device.announce(Constant(0.5, samples=2 * BLOCK))
    captured(device, 2)
    assert not device.source_ended
    captured(device, 1, first=3)
    assert device.source_ended


def test_what_was_heard_before_the_answer_is_not_sent_back_after_it():
    echo = EchoDevice(RATE_HZ, now=0.0)
    device = Announcer(echo, RATE_HZ, before=Constant(0.0), now=0.0)
    device.play(np.full(4 * BLOCK, 0.9, dtype=np.float32))
    captured(device, 4)
    device.begin(0.08)
    assert captured(device, 2, first=5) == [[0.0], [0.0]]
    device.play(np.full(BLOCK, 0.5, dtype=np.float32))
    assert captured(device, 1, first=7) == [[0.5]]


class Ring(list):
    def read(self, out):
        out[:] = self[: out.size]
        del self[: out.size]
        return out.size

    def write(self, block):
        self.extend(block.tolist())
        return block.size


def test_what_a_card_captured_before_the_answer_is_left_out():
    card = Ring([0.1] * 1000)
    device = Announcer(RingDevice(card, Ring(), target_samples=320), RATE_HZ, before=Constant(0.0), now=0.0)
    device.begin(0.0)
    card.write(np.full(BLOCK, 0.5, dtype=np.float32))
    assert captured(device, 1) == [[0.5]]


def test_what_is_heard_goes_to_the_device_all_the_time():
    paced = PacedDevice(Constant(1.0), RATE_HZ, now=0.0)
    device = Announcer(paced, RATE_HZ, before=Constant(0.0), now=0.0)
    assert device.playback_wanted(now=0.02) == BLOCK
    device.play(np.zeros(BLOCK, dtype=np.float32))
    assert device.playback_wanted(now=0.02) == 0
