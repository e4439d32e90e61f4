"""Clock and devices when the packet interval of a running call changes."""

import asyncio

import numpy as np

from softphone.io.media_clock import MediaClock, new_media_loop
from softphone.media.device import EchoDevice
from softphone.media.ring_device import RingDevice


def test_the_new_interval_goes_on_from_the_last_tick_of_the_old_one():
    async def change():
        clock = MediaClock()
        first = clock.join(20, tick)
        clock.leave(20, tick)
        assert clock.join(144, tick, since=first + 0.5) == first + 0.5
        other = clock.join(144, other_tick, since=first + 0.7)
        assert other == first + 0.5, "who joins a group takes its grid"
        clock.leave(144, tick)
        clock.leave(144, other_tick)

    def tick(now):
        return False

    def other_tick(now):
        return False

    with asyncio.Runner(loop_factory=new_media_loop) as runner:
        runner.run(change())
    asyncio.run(change())


def test_a_sound_card_gets_as_much_ahead_as_its_longer_tick_needs():
    class Ring(list):
        def read(self, out):
            return 0

        def write(self, block):
            self.extend(block)
            return block.size

    device = RingDevice(Ring(), playback := Ring(), target_samples=160 + 240 + 160)
    assert device.playback_wanted(now=0.0) == 560
    device.change_interval(160, 1152)
    assert device.playback_wanted(now=0.0) == 1152 + 240 + 1152
    playback.write(np.zeros(1000))
    device.change_interval(1152, 160)
    assert device.playback_wanted(now=0.0) == 0


def test_an_echo_goes_on_through_the_change():
    device = EchoDevice(8000, now=0.0)
    heard = []
    for number in range(100):
        size = 160 if number < 50 else 800
        if number == 50:
            device.change_interval(160, 800)
        device.play(np.full(size, number, dtype=np.float32))
        out = np.empty(size, dtype=np.float32)
        now = (50 * 160 + (number - 49) * 800) / 8000 if number >= 50 else (number + 1) * 160 / 8000
        assert device.capture(out, now=now)
        heard.append(out)
    assert [block[0] for block in heard] == list(range(100))
