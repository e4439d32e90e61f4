"""Playout stays one packet behind while packets are lost, where the decoder can make use of it."""

import pytest

from softphone.rtp.jitter import Conceal, Gap, JitterBuffer, Play
from softphone.rtp.packet import RtpPacket

TICKS = 960
INTERVAL_S = 0.02


def heard(lost, *, packets, wanted=True, after_s=0.01):
    """What is popped *after_s* after each packet's arrival, when the packets *lost* never come."""
    buffer = JitterBuffer(48000, TICKS)
    buffer.at_hand.wanted = wanted
    steps = []
    for n in range(packets):
        if n not in lost:
            buffer.push(n, n * TICKS, TICKS, n * INTERVAL_S, RtpPacket(96, n, n * TICKS, 1, b"%d" % n))
        steps.append(buffer.pop(now=n * INTERVAL_S + after_s))
    return buffer, steps


def concealed(steps):
    return [(n, step.next_payload) for n, step in enumerate(steps) if isinstance(step, Conceal)]


def test_from_the_first_loss_on_the_gap_is_filled_with_its_successor_known():
    _, steps = heard({10, 30, 50}, packets=70)
    # The first is met with nothing at hand; it is told again, with its successor, and the delay has grown.
    assert concealed(steps) == [(10, None), (11, b"11"), (31, b"31"), (51, b"51")]
    assert steps[11].gap is steps[31].gap is Gap.LOST


def test_it_costs_one_packet_of_delay_and_no_packet():
    buffer, steps = heard({10, 30, 50, 70}, packets=90)
    played = [step.packet.sequence_number for step in steps if isinstance(step, Play)]
    assert played == [n for n in range(89) if n not in {10, 30, 50, 70}]
    assert buffer.losses.packets == 4
    assert buffer.mean_margin_s == pytest.approx(0.03, abs=0.001)


def test_a_decoder_that_makes_no_use_of_it_costs_no_delay():
    buffer, steps = heard({10, 30, 50, 70}, packets=90, wanted=False)
    assert concealed(steps) == [(10, None), (30, None), (50, None), (70, None)]
    assert buffer.mean_margin_s == pytest.approx(0.01, abs=0.001)


def test_a_burst_is_told_with_its_successor_too():
    _, steps = heard({10, 30, 31}, packets=50)
    assert concealed(steps)[-2:] == [(31, None), (32, b"32")]


def test_the_delay_is_offered_back_only_when_losses_have_ended():
    _, steps = heard({10, 30}, packets=2000, after_s=0.019)
    offered = [n * INTERVAL_S for n, step in enumerate(steps) if step.surplus_ticks]
    assert 10.0 < min(offered) < 15.0
