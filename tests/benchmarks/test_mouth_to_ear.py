"""The benchmark of mouth-to-ear delay finds a delay that is known."""

import numpy as np
import pytest

from benchmarks.mouth_to_ear import delays_ms
from benchmarks.probe import CLICK, RATE_HZ, Echo


@pytest.mark.parametrize("ptime_ms", [20, 60])
def test_a_click_that_comes_back_after_a_known_time_is_found(ptime_ms: int) -> None:
    tick = ptime_ms * RATE_HZ // 1000
    clicks_at, delay_s, codec_s = [1.0, 1.9137, 2.81], 0.1234, 0.0065
    heard = np.random.default_rng(1).standard_normal(4 * RATE_HZ // tick * tick).astype(np.float32) * 1e-4
    for at in clicks_at:
        begin = round((at + delay_s + codec_s) * RATE_HZ)
        heard[begin : begin + len(CLICK)] -= 0.4 * CLICK  # quieter, and upside down
    echo = Echo()
    for first in range(0, len(heard), tick):
        echo.samples.append(heard[first : first + tick])
        echo.arrivals.append((first, first / RATE_HZ))
    assert delays_ms(clicks_at, echo, codec_s) == pytest.approx([delay_s * 1000] * 3, abs=0.1)


def test_a_click_that_does_not_come_back_is_left_out() -> None:
    heard = np.random.default_rng(1).standard_normal(2 * RATE_HZ).astype(np.float32) * 1e-4
    echo = Echo([heard], [(0, 0.0)])
    assert delays_ms([0.5], echo, 0.0) == []
