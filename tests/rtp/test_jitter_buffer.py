import random
from itertools import pairwise

import pytest
from netsim import Link, Sent, listen, talk

from softphone.rtp.jitter import Conceal, Gap, Idle, JitterBuffer, JitterOptions, Phase, Play
from softphone.rtp.packet import RtpPacket

PAIRS = [
    (10, 20),
    (20, 20),
    (60, 20),
    (20, 60),
    (60, 60),
    (120, 20),
    (40, 60),
    (20, 120),
    (120, 120),
    (30, 20),
]


def push(buffer, index, arrival, *, ticks=960, timestamp=None, payload=b"x"):
    at = index * 960 if timestamp is None else timestamp
    buffer.push(index, at, ticks, arrival, RtpPacket(96, index & 0xFFFF, at & 0xFFFFFFFF, 1, payload))


def playing(count=1, **options):
    """A buffer of 20 ms packets and ticks that has played *count* of them; packet n arrives at n * 20 ms."""
    buffer = JitterBuffer(48000, 960, JitterOptions(**options))
    for n in range(count):
        push(buffer, n, n * 0.02)
        assert isinstance(buffer.pop(now=n * 0.02 + 0.01), Play)
    return buffer


# Starting


def test_before_anything_comes_it_is_idle():
    buffer = JitterBuffer(48000, 2880)
    assert buffer.pop(now=1.0) == Idle(2880)
    assert buffer.phase is Phase.WAITING


def test_it_starts_when_the_first_packet_has_its_margin():
    buffer = JitterBuffer(48000, 960)
    push(buffer, 5, 1.0)
    assert buffer.pop(now=1.0049) == Idle(960)
    assert buffer.pop(now=1.0051).packet.sequence_number == 5


def test_it_starts_with_the_lowest_of_the_first_packets():
    buffer = JitterBuffer(48000, 960)
    for index, arrival in ((6, 1.0), (5, 1.001), (7, 1.002)):
        push(buffer, index, arrival)
    assert [buffer.pop(now=1.02).packet.sequence_number for _ in range(3)] == [5, 6, 7]


def test_a_tick_that_takes_three_packets_waits_for_the_third():
    buffer = JitterBuffer(48000, 2880)
    push(buffer, 0, 1.0)
    assert isinstance(buffer.pop(now=1.044), Idle)
    push(buffer, 1, 1.02)
    push(buffer, 2, 1.04)
    assert [buffer.pop(now=1.046).packet.sequence_number for _ in range(3)] == [0, 1, 2]


def test_what_piled_up_before_the_first_pop_is_not_played_as_delay():
    buffer = JitterBuffer(48000, 960)
    for n in range(100):
        push(buffer, n, n * 0.02)
    first = buffer.pop(now=2.0)
    assert first.packet.sequence_number == 99
    assert buffer.overflowed == 99
    assert buffer.losses.packets == 0


@pytest.mark.parametrize("phase_ms", [0.1, 4.9, 5.1, 13, 19.9, 33, 59])
@pytest.mark.parametrize(("ptime", "interval"), PAIRS)
def test_a_perfect_line_has_no_concealment_whatever_the_sizes_and_the_phase(ptime, interval, phase_ms):
    heard = listen(
        talk(ptime_ms=ptime, seconds=15), Link(), interval_ms=interval, seconds=14.8, phase_s=phase_ms / 1000
    )
    assert heard.concealed_ms() == 0
    assert heard.played == sorted(heard.played)
    assert heard.idle_ms() <= 2 * interval + ptime
    buffer = heard.buffer
    assert (buffer.late, buffer.overflowed, buffer.losses.packets) == (0, 0, 0)
    # Start margin, the longer of packet and tick, and the spread within a tick.
    assert buffer.mean_margin_s * 1000 <= 5 + 2 * max(ptime, interval)


@pytest.mark.parametrize(("ptime", "interval"), PAIRS)
def test_the_lateness_of_ticks_does_not_make_the_delay_grow(ptime, interval):
    rng = random.Random(4)
    heard = listen(
        talk(ptime_ms=ptime, seconds=20),
        Link(),
        interval_ms=interval,
        seconds=20,
        phase_s=0.001,
        lateness=lambda tick: rng.random() * 0.018 if tick > 20 else 0.0,
    )
    assert heard.concealed_ms() == 0
    assert heard.played == list(range(1000, 1000 + len(heard.played)))


@pytest.mark.parametrize(("ptime", "interval"), PAIRS)
def test_a_tick_that_fell_behind_by_several_intervals_catches_up_without_loss(ptime, interval):
    behind = max(2, 360 // interval)

    def lateness(tick):
        # Of each hundred ticks some wait for the last of them.
        return (behind - tick % 100) * interval / 1000 if tick % 100 < behind and tick > 100 else 0.0

    heard = listen(
        talk(ptime_ms=ptime, seconds=60),
        Link(),
        interval_ms=interval,
        seconds=59.5,
        phase_s=0.011,
        lateness=lateness,
    )
    assert heard.concealed_ms() == 0
    assert heard.buffer.discarded == 0
    assert heard.played == list(range(1000, 1000 + len(heard.played)))


# Loss


def test_a_lost_packet_is_concealed_with_the_next_payload_for_its_redundancy():
    buffer = playing(1)
    push(buffer, 2, 0.04, payload=b"next")
    assert buffer.pop(now=0.05) == Conceal(960, b"next", gap=Gap.LOST)
    played = buffer.pop(now=0.07)
    assert (played.packet.sequence_number, played.lost, played.suppressed_ticks) == (2, 1, 0)
    assert (buffer.losses.packets, buffer.losses.bursts) == (1, 1)


def test_only_the_last_of_several_lost_packets_has_the_next_payload():
    buffer = playing(1)
    push(buffer, 4, 0.05, payload=b"next")
    assert [buffer.pop(now=0.06) for _ in range(3)] == [
        *[Conceal(960, None, gap=Gap.LOST)] * 2,
        Conceal(960, b"next", gap=Gap.LOST),
    ]
    assert buffer.pop(now=0.06).packet.sequence_number == 4
    assert (buffer.losses.packets, buffer.losses.bursts) == (3, 1)


def test_loss_found_while_nothing_waits_is_not_concealed_twice():
    buffer = playing(1)
    assert buffer.pop(now=0.03) == Conceal(960, None)
    push(buffer, 2, 0.04)
    assert buffer.pop(now=0.05).packet.sequence_number == 2
    assert (buffer.losses.packets, buffer.losses.bursts, buffer.late) == (1, 1, 0)


def test_the_rest_of_a_long_packet_is_concealed_when_its_successor_comes():
    buffer = JitterBuffer(48000, 960)
    push(buffer, 0, 0.0, ticks=2880)
    assert isinstance(buffer.pop(now=0.01), Play)
    assert buffer.pop(now=0.07) == Conceal(960, None)
    push(buffer, 2, 0.08, timestamp=5760, ticks=2880)
    assert buffer.pop(now=0.09) == Conceal(1920, None, gap=Gap.LOST)
    assert buffer.pop(now=0.13).packet.sequence_number == 2


@pytest.mark.parametrize(("ptime", "interval"), PAIRS)
@pytest.mark.parametrize(("loss", "burst"), [(0.02, 1), (0.1, 1), (0.1, 3), (0.3, 2)])
def test_on_a_lossy_line_every_packet_that_came_is_played_and_every_lost_one_counted(
    ptime, interval, loss, burst
):
    link = Link(seed=7, loss=loss, burst=burst)
    packets = talk(ptime_ms=ptime, seconds=30)
    heard = listen(packets, link, interval_ms=interval, seconds=31, phase_s=0.007)
    arrived, known = heard.balance()
    assert arrived == known
    assert heard.buffer.played == len(packets) - link.lost
    # Lost before the first or after the last that came cannot be seen.
    missing = heard.played[-1] - heard.played[0] + 1 - len(heard.played)
    assert heard.buffer.losses.packets == missing
    assert heard.buffer.late == heard.buffer.overflowed == 0


def test_burst_ratio_is_one_on_random_loss_and_more_on_bursts():
    def ratio(burst):
        packets = talk(ptime_ms=20, seconds=400)
        link = Link(seed=2, loss=0.1, burst=burst)
        buffer = listen(packets, link, interval_ms=20, seconds=400, phase_s=0.007).buffer
        return buffer.losses.burst_ratio(buffer.played)

    # Gilbert's model: mean burst is b, of random loss 1 / (1 - p).
    assert ratio(1 / 0.9) == pytest.approx(1.0, rel=0.03)
    assert ratio(3) == pytest.approx(3 * 0.9, rel=0.05)


# Late packets


def test_a_late_packet_is_played_after_its_concealment_and_the_delay_has_grown():
    buffer = playing(1)
    assert buffer.pop(now=0.03) == Conceal(960, None)
    push(buffer, 1, 0.035)
    push(buffer, 2, 0.04)
    assert buffer.pop(now=0.05).packet.sequence_number == 1
    assert buffer.pop(now=0.07).packet.sequence_number == 2
    assert (buffer.late, buffer.losses.packets) == (0, 0)


def test_late_by_less_than_a_packet_costs_one_tick_of_concealment():
    buffer = JitterBuffer(48000, 960)
    push(buffer, 0, 0.0, ticks=2880)
    buffer.pop(now=0.01)
    assert buffer.pop(now=0.07) == Conceal(960, None)
    push(buffer, 1, 0.08, timestamp=2880, ticks=2880)
    assert isinstance(buffer.pop(now=0.09), Play)


def test_the_second_packet_that_comes_after_its_successors_makes_room_for_the_third():
    buffer = playing(1)
    seen = []
    for n in range(1, 41):
        if n % 5:
            push(buffer, n, n * 0.02)
        if n % 5 == 2 and n > 5:
            # Every fifth packet comes 35 ms after it was wanted, when its successor has been played.
            push(buffer, n - 2, (n - 2) * 0.02 + 0.045)
        seen.append(buffer.pop(now=n * 0.02 + 0.01))
    assert buffer.late == 2
    # One for each of the two, then 35 ms in steps of a packet.
    assert [n for n, p in enumerate(seen, 1) if isinstance(p, Conceal)] == [5, 10, 12, 13]
    played = [p.packet.sequence_number for p in seen if isinstance(p, Play)]
    assert played == [n for n in range(1, 39) if n not in (5, 10)]


@pytest.mark.parametrize(("ptime", "interval"), PAIRS)
@pytest.mark.parametrize("jitter_ms", [10, 40, 80, 150])
@pytest.mark.parametrize("in_order", [True, False])
def test_on_a_jittery_line_the_delay_grows_until_hardly_a_packet_is_late(
    ptime, interval, jitter_ms, in_order
):
    packets = talk(ptime_ms=ptime, seconds=60)
    link = Link(seed=11, jitter_s=jitter_ms / 1000, in_order=in_order)
    heard = listen(packets, link, interval_ms=interval, seconds=60.5, phase_s=0.003)
    arrived, known = heard.balance()
    assert arrived == known
    buffer = heard.buffer
    assert buffer.overflowed == 0
    if in_order:
        assert buffer.late == 0
    else:
        assert buffer.late <= max(4, 0.005 * len(packets))
    # After ten seconds it has learnt the line; at the end of talk it conceals up to its limit.
    assert heard.concealed_ms(10, 60) <= 0.01 * 50_000
    assert buffer.mean_margin_s * 1000 <= 2 * jitter_ms + 2 * max(ptime, interval) + 10


def late_ones(buffer, *groups):
    """Let each group of packets come 45 ms after its last was wanted; what was popped after that."""
    missing = {n for group in groups for n in group}
    pops, n = [], 1
    for group in groups:
        while n < group[-1] + 3:
            if n not in missing:
                push(buffer, n, n * 0.02)
            pops.append(buffer.pop(now=n * 0.02 + 0.01))
            n += 1
        for index in group:
            push(buffer, index, group[-1] * 0.02 + 0.055)
        pops.clear()
    for m in range(n, n + 8):
        push(buffer, m, m * 0.02)
        pops.append(buffer.pop(now=m * 0.02 + 0.01))
    return pops


def test_packets_held_up_together_make_room_once():
    buffer = playing(1)
    pops = late_ones(buffer, [5], [10, 11, 12])
    assert buffer.late == 4
    # Packet 10 was wanted 40 ms before packet 12, which came 45 ms late: five steps of 20 ms hold 85 ms.
    assert [type(p) for p in pops] == [Conceal] * 5 + [Play] * 3


def test_room_made_while_nothing_waits_is_not_made_again():
    buffer = playing(1)
    for n in range(1, 12):
        if n not in (5, 10):
            push(buffer, n, n * 0.02)
        buffer.pop(now=n * 0.02 + 0.01)
        if n == 7:
            push(buffer, 5, 0.155)
    push(buffer, 10, 0.235)
    assert buffer.late == 2
    # Two steps of room are due, and are made by what has to be concealed anyway.
    assert [buffer.pop(now=at) for at in (0.25, 0.27)] == [Conceal(960, None)] * 2
    push(buffer, 12, 0.28, timestamp=16 * 960)
    pops = [buffer.pop(now=0.29 + n * 0.02) for n in range(5)]
    assert [type(p) for p in pops] == [Idle] * 4 + [Play]


def test_a_restart_forgets_the_lateness_of_before():
    buffer = playing(1)
    late_ones(buffer, [5])
    buffer.restart()
    pops = late_ones(buffer, [20])
    assert buffer.late == 2
    assert [type(p) for p in pops[:3]] == [Play] * 3


def test_slowness_is_judged_by_the_window_before_too():
    buffer = playing(1, max_delay_ms=60)
    n = 1
    while n * 0.02 + 0.01 < 3.01:
        push(buffer, n, n * 0.02)
        buffer.pop(now=n * 0.02 + 0.01)
        n += 1
    for m in range(n, n + 5):
        assert isinstance(buffer.pop(now=m * 0.02 + 0.01), Conceal)
    push(buffer, n, n * 0.02 + 0.1)
    assert buffer.late == 1


def test_a_packet_slower_than_the_limit_is_discarded_and_the_delay_stays():
    buffer = playing(1, max_delay_ms=60)
    for n in range(2, 7):
        push(buffer, n, n * 0.02)
        buffer.pop(now=n * 0.02 + 0.01)
    push(buffer, 1, 0.2)
    assert buffer.late == 1
    margin = buffer.mean_margin_s
    for n in range(7, 30):
        push(buffer, n, n * 0.02)
        assert isinstance(buffer.pop(now=n * 0.02 + 0.01), Play)
    assert buffer.mean_margin_s <= margin + 0.021


# Shrinking


def test_a_surplus_is_offered_after_a_window_and_the_delay_comes_down_without_running_dry():
    link = Link(stalls=((5.0, 5.15),))
    heard = listen(talk(ptime_ms=20, seconds=30), link, interval_ms=20, seconds=29.9, phase_s=0.011)
    grown = [p for p in heard.between(5, 6) if isinstance(p, Conceal)]
    assert len(grown) in (7, 8)
    assert not any(p.surplus_ticks for p in heard.between(0, 8))
    assert heard.shortened_ticks / 48 == pytest.approx(135, abs=25)
    assert heard.concealed_ms(6, 29.9) == 0
    assert heard.buffer.mean_margin_s * 1000 <= 25 + 20
    assert (heard.buffer.late, heard.buffer.losses.packets) == (0, 0)


@pytest.mark.parametrize(("ptime", "interval"), PAIRS)
def test_taking_every_surplus_never_runs_the_buffer_dry(ptime, interval):
    heard = listen(
        talk(ptime_ms=ptime, seconds=60),
        Link(stalls=((5.0, 5.19),)),
        interval_ms=interval,
        seconds=59.8,
        phase_s=0.011,
    )
    assert heard.concealed_ms(6, 59.8) == 0
    assert heard.idle_ms(1, 59.8) == 0
    assert heard.buffer.late == 0


def test_a_surplus_is_not_offered_again_before_what_was_taken_shows():
    buffer = playing(1, window_s=0.2)
    for n in range(1, 40):
        push(buffer, n, n * 0.02)
    surplus = [buffer.pop(now=n * 0.02 + 0.4).surplus_ticks for n in range(1, 39)]
    first = next(n for n, ticks in enumerate(surplus) if ticks)
    assert surplus[first] == pytest.approx((400 - 20 - 5) * 48, abs=2)
    assert [ticks > 0 for ticks in surplus[first:]] == [(n % 2) == 0 for n in range(len(surplus) - first)]


def test_a_buffer_nobody_shortens_stays_bounded():
    packets = talk(ptime_ms=20, seconds=100, skew_ppm=20_000)
    heard = listen(packets, Link(), interval_ms=20, seconds=98, phase_s=0.011, shorten=False)
    assert max(heard.buffer.mean_margin_s, 0) <= 0.5
    assert heard.buffer.overflowed > 0
    arrived = sum(p.at + 0.02 <= heard.pops[-1][0] for p in packets)
    buffer = heard.buffer
    assert arrived == buffer.played + buffer.discarded + buffer.waiting_packets


# Clocks


@pytest.mark.parametrize("skew_ppm", [-200, 200])
@pytest.mark.parametrize(("ptime", "interval"), [(20, 20), (60, 60), (20, 60), (60, 20)])
def test_skewed_clocks_lose_no_packet_in_ten_minutes(ptime, interval, skew_ppm):
    seconds = 600
    heard = listen(
        talk(ptime_ms=ptime, seconds=seconds, skew_ppm=skew_ppm),
        Link(seed=5, jitter_s=0.002),
        interval_ms=interval,
        seconds=seconds - 1,
        phase_s=0.011,
    )
    drift_ms = seconds * abs(skew_ppm) / 1000
    buffer = heard.buffer
    assert (buffer.late, buffer.overflowed, buffer.losses.packets) == (0, 0, 0)
    if skew_ppm > 0:
        assert heard.concealed_ms() == 0
        assert heard.shortened_ticks / 48 <= drift_ms + 2 * max(ptime, interval)
    else:
        assert heard.concealed_ms() <= drift_ms + 2 * max(ptime, interval)
    assert buffer.mean_margin_s <= 0.15


# Pauses and outages


def test_a_pause_in_the_timestamps_is_idle_and_not_loss():
    buffer = playing(3)
    pops = [buffer.pop(now=n * 0.02 + 0.01) for n in range(3, 23)]
    assert [type(p) for p in pops] == [Conceal] * 10 + [Idle] * 10
    push(buffer, 3, 23 * 0.02, timestamp=23 * 960)
    assert buffer.pop(now=23 * 0.02 + 0.01).packet.timestamp == 23 * 960
    assert (buffer.losses.packets, buffer.losses.bursts, buffer.late) == (0, 0, 0)


def test_the_delay_is_the_same_after_a_pause():
    packets = talk(ptime_ms=20, seconds=20, pauses=[(5.0, 6.0), (10.0, 13.0)])
    heard = listen(packets, Link(), interval_ms=20, seconds=20.5, phase_s=0.011)
    assert heard.played == [p.index for p in packets]
    delays = {round(at - p.packet.timestamp / 48000, 3) for at, p in heard.pops if isinstance(p, Play)}
    assert len(delays) == 1


@pytest.mark.parametrize(("ptime", "interval"), PAIRS)
def test_pauses_and_jitter_together_lose_nothing(ptime, interval):
    packets = talk(ptime_ms=ptime, seconds=40, pauses=[(k + 0.6, k + 1.5) for k in range(0, 38, 2)])
    link = Link(seed=3, jitter_s=0.015, in_order=True)
    heard = listen(packets, link, interval_ms=interval, seconds=41, phase_s=0.007)
    assert heard.played == [p.index for p in packets]
    assert heard.buffer.losses.packets == 0


def test_a_pause_known_in_advance_is_idle_up_to_its_end():
    buffer = playing(1)
    push(buffer, 1, 0.1, timestamp=5 * 960)
    assert [buffer.pop(now=0.11) for _ in range(4)] == [Idle(960, gap=Gap.SUPPRESSED)] * 4
    assert buffer.pop(now=0.11).packet.sequence_number == 1


@pytest.mark.parametrize(("ptime", "interval"), PAIRS)
def test_after_an_outage_of_five_seconds_playout_goes_on_with_the_delay_of_before(ptime, interval):
    packets = talk(ptime_ms=ptime, seconds=30)
    link = Link(outages=((10.0, 15.0),))
    heard = listen(packets, link, interval_ms=interval, seconds=30.5, phase_s=0.011, shorten=False)
    assert heard.buffer.played == len(packets) - link.lost
    assert (heard.buffer.late, heard.buffer.losses.packets, heard.buffer.losses.bursts) == (0, link.lost, 1)
    assert heard.concealed_ms(9, 20) <= 200 + max(ptime, interval)

    def delay(start, end):
        return max(
            at - p.packet.timestamp / 48000
            for at, p in heard.pops
            if isinstance(p, Play) and start <= at < end
        )

    assert delay(16, 30) <= delay(2, 9) + 0.001 * max(ptime, interval)


@pytest.mark.parametrize(("ptime", "interval"), PAIRS)
def test_what_five_seconds_of_standstill_held_up_is_not_played_late(ptime, interval):
    packets = talk(ptime_ms=ptime, seconds=30)
    heard = listen(packets, Link(stalls=((10.0, 15.0),)), interval_ms=interval, seconds=30.5, phase_s=0.011)
    arrived, known = heard.balance()
    assert arrived == known
    assert heard.buffer.late == pytest.approx(5000 / ptime, abs=2 + 200 / ptime)
    assert heard.buffer.mean_margin_s * 1000 <= 5 + 2 * max(ptime, interval)
    assert heard.concealed_ms(16, 29) == 0


def test_playout_that_stood_still_for_two_seconds_does_not_keep_the_delay():
    buffer = playing(10)
    for n in range(10, 130):
        push(buffer, n, n * 0.02)
    assert buffer.pop(now=129 * 0.02 + 0.01).packet.sequence_number >= 127
    assert buffer.overflowed >= 115


def test_a_pause_during_which_nobody_popped_is_not_sat_out():
    buffer = playing(10)
    push(buffer, 10, 60.0, timestamp=3000 * 960)
    pops = [buffer.pop(now=60.01 + n * 0.02) for n in range(3)]
    assert any(isinstance(p, Play) for p in pops)


# Jumps


@pytest.mark.parametrize("jump", [-(10**9), -500_000, 500_000, 10**9])
def test_a_jump_of_the_timestamps_loses_nothing(jump):
    buffer = playing(20)
    seen = []
    for n in range(20, 60):
        push(buffer, n, n * 0.02, timestamp=n * 960 + jump)
        seen.append(buffer.pop(now=n * 0.02 + 0.01))
    assert sum(isinstance(p, Play) for p in seen) >= 39
    assert (buffer.late, buffer.losses.packets) == (0, 0)
    assert buffer.mean_margin_s <= 0.031


def test_timestamps_that_stood_still_in_a_pause_are_not_late_for_ever():
    buffer = playing(20)
    seen = []
    for n in range(20, 60):
        now = n * 0.02 + 10
        push(buffer, n, now)
        seen.append(buffer.pop(now=now + 0.01))
    for _ in range(3):
        assert isinstance(seen.pop(), Play)
    assert buffer.late <= 5


def test_idle_time_then_timestamps_that_stood_still():
    buffer = playing(20)
    for n in range(500):
        buffer.pop(now=0.41 + n * 0.02)
    seen = []
    for n in range(20, 60):
        now = n * 0.02 + 10
        push(buffer, n, now)
        seen.append(buffer.pop(now=now + 0.01))
    assert sum(isinstance(p, Play) for p in seen) >= 33
    assert buffer.late == 4


def test_a_restarted_source_is_played_after_what_waits():
    buffer = playing(20)
    push(buffer, 20, 0.4)
    push(buffer, 21, 0.42)
    buffer.restart()
    for n in range(22, 40):
        push(buffer, n, 0.421 + (n - 22) * 0.02, timestamp=10**6 + n * 960)
    played = [buffer.pop(now=0.43 + n * 0.02) for n in range(20)]
    assert [p.packet.sequence_number for p in played] == list(range(20, 40))


def test_a_restarted_source_with_nothing_waiting_gets_its_start_margin():
    buffer = playing(20)
    buffer.restart()
    push(buffer, 20, 0.4, timestamp=5)
    assert isinstance(buffer.pop(now=0.401), Idle)
    assert isinstance(buffer.pop(now=0.421), Play)


def test_ticks_of_another_length_change_nothing_that_waits():
    buffers = playing(20), playing(20)
    for buffer, factor in zip(buffers, (1, 3), strict=True):
        push(buffer, 20, 0.4)
        push(buffer, 22, 0.44)
        if factor > 1:
            buffer.rescale(factor)
        push(buffer, 23, 0.46, timestamp=23 * 960 * factor, ticks=960 * factor)
        pops = [buffer.pop(now=0.47) for _ in range(5)]
        assert [type(p) for p in pops] == [Play, Conceal, Play, Play, Conceal]
        assert [p.ticks for p in pops] == [960 * factor] * 5
        assert [p.lost for p in pops if isinstance(p, Play)] == [0, 1, 0]
    assert buffers[0].mean_margin_s == pytest.approx(buffers[1].mean_margin_s)
    assert buffers[1].clock_rate_hz == 144_000


# What a gap was


def test_a_gap_of_the_timestamps_alone_is_told_as_suppressed():
    buffer = playing(2)
    push(buffer, 2, 0.1, timestamp=5 * 960)
    pops = [buffer.pop(now=0.11) for _ in range(4)]
    assert [p.gap for p in pops[:3]] == [Gap.SUPPRESSED] * 3
    assert (pops[3].lost, pops[3].suppressed_ticks) == (0, 3 * 960)


def test_what_was_lost_and_what_was_suppressed_in_one_gap_are_told_apart():
    buffer = playing(2)
    push(buffer, 4, 0.16, timestamp=8 * 960)
    pops = [buffer.pop(now=0.17) for _ in range(7)]
    assert [p.gap for p in pops[:6]] == [Gap.LOST] * 2 + [Gap.SUPPRESSED] * 4
    assert (pops[6].lost, pops[6].suppressed_ticks) == (2, 4 * 960)


def test_what_is_not_known_when_it_is_concealed_is_told_with_the_next_packet():
    for index, lost, suppressed in ((3, 1, 0), (2, 0, 960)):
        buffer = playing(2)
        assert buffer.pop(now=0.05).gap is Gap.UNKNOWN
        push(buffer, index, 0.06, timestamp=3 * 960)
        played = buffer.pop(now=0.07)
        assert (played.lost, played.suppressed_ticks) == (lost, suppressed)
        push(buffer, index + 1, 0.08, timestamp=4 * 960)
        played = buffer.pop(now=0.09)
        assert (played.lost, played.suppressed_ticks) == (0, 0)


def test_the_time_of_digits_is_neither_lost_nor_suppressed():
    buffer = playing(2)
    for n in (2, 3):
        buffer.skip(n)
    push(buffer, 4, 0.08, timestamp=5 * 960)
    pops = [buffer.pop(now=0.09) for _ in range(4)]
    assert [p.gap for p in pops[:3]] == [Gap.OTHER] * 3
    assert (pops[3].lost, pops[3].suppressed_ticks) == (0, 960)
    push(buffer, 6, 0.14, timestamp=7 * 960)
    assert buffer.pop(now=0.15).gap is Gap.LOST
    assert buffer.pop(now=0.17).lost == 1


def test_a_restart_is_no_gap():
    buffer = playing(20)
    push(buffer, 20, 0.4)
    buffer.restart()
    push(buffer, 21, 0.42, timestamp=10**8)
    pops = [buffer.pop(now=0.44) for _ in range(2)]
    assert [(p.lost, p.suppressed_ticks) for p in pops if isinstance(p, Play)] == [(0, 0)] * 2


def test_every_gap_on_a_lossy_line_is_told_exactly():
    link = Link(seed=4, loss=0.1, burst=2)
    packets = talk(ptime_ms=20, seconds=60, pauses=[(n, n + 0.06) for n in range(1, 59)])
    heard = listen(packets, link, interval_ms=20, seconds=60, phase_s=0.007)
    at = {packet.index: packet.timestamp for packet in packets}
    plays = [p for _, p in heard.pops if isinstance(p, Play)]
    for before, play in pairwise(plays):
        one, two = before.packet.ssrc, play.packet.ssrc  # netsim keeps the index there
        assert play.lost == two - one - 1
        assert play.suppressed_ticks == at[two] - at[one] - 960 * (two - one)
    assert sum(p.suppressed_ticks for p in plays) == 58 * 3 * 960


@pytest.mark.parametrize("ptimes", [(20, 144), (144, 20), (60, 144), (64, 20)])
@pytest.mark.parametrize("interval", [20, 144])
def test_a_change_of_the_packet_duration_costs_its_difference_in_delay_and_no_packet(ptimes, interval):
    first, second = ptimes
    packets = talk(ptime_ms=first, seconds=10)
    end, stamp = packets[-1].at, packets[-1].timestamp + packets[-1].ticks
    index = packets[-1].index + 1
    ticks = second * 48
    for n in range(10_000 // second):
        packets.append(Sent(index + n, stamp + n * ticks, ticks, end + (n + 1) * second / 1000))
    heard = listen(packets, Link(), interval_ms=interval, seconds=19.9, phase_s=0.007)
    assert heard.buffer.discarded == 0
    assert heard.buffer.losses.packets == 0
    assert heard.played == [p.index for p in packets[: len(heard.played)]]
    # A longer packet comes later by what it is longer, and playout waits for whole intervals.
    assert heard.concealed_ms() <= max(0, second - first) + max(interval, second)


def test_the_first_long_packet_after_a_pause_is_played():
    buffer = playing(5)
    for n in range(50):
        buffer.pop(now=0.11 + n * 0.02)
    # What it holds began 100 ms before what would be played now.
    push(buffer, 5, 1.145, timestamp=50 * 960, ticks=144 * 48)
    assert isinstance(buffer.pop(now=1.25), Play)


def test_concealment_lasts_as_long_as_is_asked_for():
    buffer = playing(2)
    buffer.conceal_limit_ms = 720.0
    assert [type(buffer.pop(now=0.06 + 0.02 * n)) for n in range(37)] == [Conceal] * 36 + [Idle]


def test_a_tick_of_another_interval_takes_pauses_of_its_own_length():
    buffer = playing(2)
    buffer.change_interval(6912)
    for n in range(10):
        buffer.pop(now=0.06 + 0.02 * n)
    assert buffer.pop(now=0.4) == Idle(6912)


# Other packets and bounds


def test_packets_without_audio_are_neither_lost_nor_concealed():
    buffer = playing(3)
    for n in range(3, 6):
        buffer.skip(n)
        assert isinstance(buffer.pop(now=n * 0.02 + 0.01), Idle)
    push(buffer, 6, 0.12)
    assert buffer.pop(now=0.13).packet.sequence_number == 6
    assert buffer.losses.packets == 0


def test_a_loss_beside_a_packet_without_audio_is_counted():
    buffer = playing(3)
    buffer.skip(4)
    buffer.skip(6)
    push(buffer, 7, 0.14)
    while not isinstance(buffer.pop(now=0.15), Play):
        pass
    assert (buffer.losses.packets, buffer.losses.bursts) == (2, 2)


def test_a_flood_is_bounded():
    buffer = playing(1)
    for n in range(1, 5000):
        push(buffer, n, 0.02 + n * 1e-6)
    for n in range(5000, 9000):
        buffer.skip(n)
    assert buffer.waiting_packets <= 256
    assert buffer.overflowed == 4999 - 256


@pytest.mark.parametrize("seed", range(30))
def test_whatever_comes_every_pop_has_audio_and_every_packet_one_fate(seed):
    rng = random.Random(seed)
    interval = rng.choice((160, 960, 2880, 5760))
    buffer = JitterBuffer(48000, interval)
    now, index, timestamp, pushed = 0.0, 1000, 0, 0
    seen = set()
    for _ in range(3000):
        now += rng.choice((0.0, 0.001, 0.02, 0.02, 0.06, rng.random() * 0.3))
        kind = rng.random()
        if kind < 0.5:
            step = rng.choice((1, 1, 1, 1, 2, 3, -1, -2, rng.randrange(-50, 200)))
            index += step
            timestamp += step * 960 + (rng.randrange(-(10**8), 10**8) if rng.random() < 0.01 else 0)
            if index not in seen:
                seen.add(index)
                if rng.random() < 0.1:
                    buffer.skip(index)
                else:
                    push(buffer, index, now, timestamp=timestamp)
                    pushed += 1
        elif kind < 0.505:
            buffer.restart()
            index += 100
        else:
            playout = buffer.pop(now=now)
            assert 0 < playout.ticks <= max(interval, 960)
            assert playout.surplus_ticks >= 0
    silent = buffer.waiting_packets
    assert buffer.played + buffer.discarded <= pushed <= buffer.played + buffer.discarded + silent
    assert buffer.losses.burst_ratio(buffer.played) >= 1.0


def test_sent_is_what_the_simulation_says():
    packets = talk(ptime_ms=60, seconds=1, pauses=[(0.3, 0.5)])
    assert packets[0] == Sent(1000, 500_000, 2880, 0.06)
    assert [p.index for p in packets] == list(range(1000, 1000 + len(packets)))
