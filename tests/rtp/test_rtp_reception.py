import random

import pytest

from softphone.rtp.stats import DUPLICATE, JUMPED, Reception


class AppendixA:
    """RFC 3550 A.1, A.3 and A.8 word for word in C's integer manner: the twin."""

    def __init__(self, seq):
        self.base_seq = self.max_seq = seq
        self.cycles = 0
        self.received = 1
        self.transit = None
        self.jitter = 0.0

    def update(self, seq):
        delta = (seq - self.max_seq) & 0xFFFF
        if delta < 3000:
            if seq < self.max_seq:
                self.cycles += 65536
            self.max_seq = seq
        self.received += 1

    def arrive(self, timestamp, arrival_ticks):
        transit = arrival_ticks - timestamp
        if self.transit is not None:
            self.jitter += (abs(transit - self.transit) - self.jitter) / 16
        self.transit = transit

    @property
    def lost(self):
        return self.cycles + self.max_seq - self.base_seq + 1 - self.received


@pytest.mark.parametrize("seed", range(5))
def test_loss_and_jitter_are_those_of_appendix_a_across_wraps(seed):
    rng = random.Random(seed)
    start, timestamp = 65000, 2**32 - 48000
    mine, twin = Reception(9, 48000, start, 1 << 16), AppendixA(start)
    sequence = [n for n in range(1, 70_000 if seed == 0 else 3000) if rng.random() > 0.03]
    arrived = 1
    for n in sequence:
        index = mine.track((start + n) & 0xFFFF)
        twin.update((start + n) & 0xFFFF)
        arrived += 1
        assert index == (1 << 16) + n
        at = n * 0.02 + rng.random() * 0.03
        assert mine.extend((timestamp + n * 960) & 0xFFFFFFFF, at) == timestamp + n * 960
        twin.arrive(timestamp + n * 960, at * 48000)
    assert mine.received == arrived
    assert mine.lost == mine.cumulative_lost == twin.lost == sequence[-1] + 1 - arrived
    assert mine.jitter_ticks == pytest.approx(twin.jitter, rel=1e-6)
    assert mine.extended_highest_sequence_number == twin.cycles + twin.max_seq == start + sequence[-1]


def test_reordered_packets_are_not_lost_and_duplicates_count_apart():
    r = Reception(1, 8000, 10, 1 << 16)
    assert [r.track(n) - (1 << 16) for n in (12, 11, 13)] == [2, 1, 3]
    assert [r.track(n) for n in (11, 13, 10)] == [DUPLICATE] * 3
    assert (r.expected, r.received, r.lost, r.duplicates) == (4, 4, 0, 3)
    # Appendix A.3 counts duplicates as received.
    assert r.cumulative_lost == -3


def test_a_packet_before_the_first_moves_the_start():
    r = Reception(1, 8000, 0, 1 << 16)
    assert r.track(0xFFFE) == (1 << 16) - 2
    assert (r.expected, r.lost) == (3, 1)
    assert r.extended_highest_sequence_number == 0xFFFE + 2


def test_a_jump_is_told_and_not_counted():
    r = Reception(1, 8000, 10, 1 << 16)
    assert r.track(10 + 3000) == JUMPED
    assert r.track((10 - 101) & 0xFFFF) == JUMPED
    assert (r.expected, r.received) == (1, 1)
    assert r.track(10 + 2999) == (1 << 16) + 2999
    assert r.lost == 2998


def test_fraction_lost_is_since_the_last_report_and_reading_the_rest_changes_nothing():
    r = Reception(1, 8000, 0, 1 << 16)
    for n in (1, 2, 4, 5, 7):
        r.track(n)
    before = (r.lost, r.expected, r.jitter_ticks, r.delay_variation_ms(95))
    assert (r.lost, r.expected, r.jitter_ticks, r.delay_variation_ms(95)) == before
    assert r.arrived_since_report
    assert r.fraction_lost() == 2 * 256 // 8
    assert not r.arrived_since_report
    r.track(8)
    assert r.arrived_since_report
    assert r.fraction_lost() == 0
    r.track(8)
    assert r.fraction_lost() == 0


def test_delay_variation_is_the_percentile_above_the_least_delay():
    r = Reception(1, 8000, 0, 1 << 16)
    for n in range(100):
        r.extend(n * 160, n * 0.02 + 5 + n * 0.001)
    assert r.delay_variation_ms(95) == pytest.approx(94)
    assert r.delay_variation_ms(50) == pytest.approx(49)
    assert r.delay_variation_ms(100) == pytest.approx(99)


def test_a_jump_of_the_timestamps_does_not_spoil_the_jitter():
    r = Reception(1, 8000, 0, 1 << 16)
    for n in range(50):
        r.extend(n * 160, n * 0.02)
    for n in range(50, 100):
        r.extend((n * 160 + 3_000_000_000) & 0xFFFFFFFF, n * 0.02)
    assert r.jitter_ticks == pytest.approx(0)
    assert r.delay_variation_ms(95) == pytest.approx(0, abs=1e-3)


def test_another_clock_rate_keeps_the_jitter_in_time():
    r = Reception(1, 8000, 0, 1 << 16)
    for n in range(100):
        r.extend(n * 160, n * 0.02 + (n % 2) * 0.01)
    jitter_s = r.jitter_ticks / 8000
    r.change_clock(48000)
    assert r.jitter_ticks / 48000 == pytest.approx(jitter_s)
    assert r.extend(77, 50.0) == 77
