import pytest

from softphone.sip.errors import LocalSipError
from softphone.sip.timers import Timer, Timers

T1, T2, T4 = 0.5, 4.0, 5.0

# RFC 3261 table 4 with RFC 6026: unreliable, reliable; None where the timer is not started.
TABLE = {
    Timer.A: (T1, None),
    Timer.B: (64 * T1, 64 * T1),
    Timer.D: (32.0, 0.0),
    Timer.E: (T1, None),
    Timer.F: (64 * T1, 64 * T1),
    Timer.G: (T1, None),
    Timer.H: (64 * T1, 64 * T1),
    Timer.I: (T4, 0.0),
    Timer.J: (64 * T1, 0.0),
    Timer.K: (T4, 0.0),
    Timer.L: (64 * T1, 64 * T1),
    Timer.M: (64 * T1, 64 * T1),
    Timer.TRYING: (0.2, 0.2),
}


@pytest.mark.parametrize("timer", Timer)
def test_values_are_those_of_table_4(timer):
    assert (Timers().seconds(timer), Timers(reliable=True).seconds(timer)) == TABLE[timer]


def test_timer_a_doubles_without_end():
    assert Timers().retransmissions(Timer.A, within=32.0) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]


def test_timers_e_and_g_double_up_to_t2():
    expected = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert Timers().retransmissions(Timer.E, within=32.0) == expected
    assert Timers().retransmissions(Timer.G, within=32.0) == expected


def test_a_reliable_transport_has_no_retransmissions():
    assert Timers(reliable=True).retransmissions(Timer.A, within=32.0) == []


def test_timer_d_is_32_s_even_with_a_short_t1():
    assert Timers(t1=0.05).seconds(Timer.D) == 32.0
    assert Timers(t1=1.0).seconds(Timer.D) == 64.0


def test_a_t1_above_t2_repeats_at_t1():
    assert Timers(t1=10.0).retransmissions(Timer.E, within=45.0) == [10.0, 20.0, 30.0, 40.0]


@pytest.mark.parametrize("t1", [0.0, -1.0, 61.0])
def test_a_t1_that_cannot_be_is_refused(t1):
    with pytest.raises(LocalSipError, match="T1 must be above 0"):
        Timers(t1=t1)
