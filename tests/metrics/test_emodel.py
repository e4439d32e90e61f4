import math

import pytest

from dsp.emodel_terms import mos_of, rating_of
from dsp.errors import ParameterError
from dsp.metrics.emodel import Connection, rating


def delayed(ms, **others):
    return Connection(t=ms, tr=2 * ms, ta=ms, **others)


def test_the_defaults_rate_93_2_and_mos_4_41():
    """ITU-T G.107, default values and annex B."""
    result = rating(Connection())
    assert round(result.r, 1) == 93.2
    assert round(result.mos, 2) == 4.41


def test_the_terms_of_the_defaults_by_hand():
    """Noise of -75.744, -83.357, -62 and -70 dBm0p adds up to -61.179; R of 93.2 then leaves 1.4 for Is."""
    result = rating(Connection())
    no = 10 * math.log10(sum(10 ** (n / 10) for n in (-75.744, -83.357, -62, -70)))
    assert result.ro == pytest.approx(15 - 1.5 * (8 + no), abs=0.001)
    assert result.i_s == pytest.approx(1.41, abs=0.01)
    assert (result.idte, result.idd, result.ie_eff) == (0, 0, 0)


@pytest.mark.parametrize(("r", "value"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)])
def test_mos_of_the_category_bounds(r, value):
    """ITU-T G.107 annex B, lower limits of the user satisfaction classes."""
    assert mos_of(r) == pytest.approx(value, abs=0.007)


def test_mos_stays_within_1_and_4_5_and_never_falls():
    ratings = [-50, -1, 0, 1, 3, 6.5, 10, *range(20, 101, 5), 120]
    values = [mos_of(r) for r in ratings]
    assert values == sorted(values)
    assert values[:4] == [1, 1, 1, 1]
    assert values[-1] == 4.5


@pytest.mark.parametrize("ms", [25, 50, 100, 150, 177, 200, 250, 300])
def test_delay_costs_what_cole_and_rosenbluth_read_off_the_model(ms):
    """Id = 0.024 d + 0.11 (d - 177.3) H(d - 177.3), ACM SIGCOMM CCR 31(2), 2001: with T = Ta = Tr / 2."""
    fit = 0.024 * ms + 0.11 * max(0.0, ms - 177.3)
    assert rating(Connection()).r - rating(delayed(ms)).r == pytest.approx(fit, abs=1.0)


def test_beyond_300_ms_the_linear_fit_overstates_the_loss():
    fit = 0.024 * 600 + 0.11 * (600 - 177.3)
    assert rating(Connection()).r - rating(delayed(600)).r < fit - 10


@pytest.mark.parametrize(
    ("ie", "bpl", "row"),
    [
        (11, 19, {0: 11, 0.5: 13, 1: 15, 1.5: 17, 2: 19, 3: 23, 4: 26, 8: 36, 16: 49}),
        (15, 16.1, {0: 15, 0.5: 17, 1: 19, 1.5: 22, 2: 24, 3: 27, 4: 32, 8: 41, 16: 55}),
    ],
    ids=["G.729A+VAD", "G.723.1+VAD 6.3 kb/s"],
)
def test_random_loss_gives_the_measured_impairments_of_g113(ie, bpl, row):
    """ITU-T G.113 appendix I (05/2002): its figure at each loss, against its Ie and Bpl."""
    for ppl, measured in row.items():
        assert rating(Connection(ie=ie, bpl=bpl, ppl=ppl)).ie_eff == pytest.approx(measured, abs=1.6)


def test_loss_with_and_without_concealment_of_g711():
    with_plc = rating(Connection(bpl=25.1, ppl=2)).ie_eff
    without = rating(Connection(bpl=4.3, ppl=2)).ie_eff
    assert with_plc == pytest.approx(95 * 2 / 27.1)
    assert without == pytest.approx(95 * 2 / 6.3)


def test_loss_in_bursts_is_worse_than_the_same_loss_at_random():
    at_random, in_bursts = (rating(Connection(bpl=25.1, ppl=10, burst_r=b)).r for b in (1.0, 3.0))
    assert in_bursts < at_random - 5


def test_talker_echo_at_100_ms_by_hand():
    """TERV = 65 - 40 log10(11 / (5 / 3)) = 32.22; Re = 80 + 2.5 * 18.22 = 125.55; Roe = 94.77."""
    terv = 65 - 40 * math.log10(11 / (5 / 3))
    half = (94.769 - (80 + 2.5 * (terv - 14))) / 2
    assert rating(delayed(100)).idte == pytest.approx(half + math.hypot(half, 10) - 1, abs=0.01)


def test_no_talker_echo_is_rated_below_1_ms():
    assert rating(Connection(t=0.99)).idte == 0
    assert rating(Connection(t=1.5, telr=20)).idte > 0


def test_echo_matters_more_the_louder_and_later_it_is():
    weak, loud = (rating(delayed(50, telr=telr)).r for telr in (65, 40))
    late = rating(delayed(100, telr=40)).r
    assert weak > loud + 5 > late + 10


def test_sidetone_shifts_the_weight_of_talker_echo():
    """Below 9 dB the sidetone impairment masks the echo (7-23), above 20 dB it adds to it (7-24)."""
    masked, plain, added = (rating(delayed(100, telr=45, stmr=s)).idte for s in (7, 15, 25))
    assert masked < plain < added


def test_listener_echo_counts_with_a_low_weighted_echo_path_loss():
    assert rating(Connection(tr=300, wepl=20)).idle > 10 > rating(Connection(tr=300)).idle


def test_absolute_delay_is_free_up_to_100_ms_and_starts_without_a_step():
    assert rating(Connection(ta=100)).idd == 0
    assert 0 <= rating(Connection(ta=101)).idd < 0.01


def test_idd_at_200_and_400_ms_by_hand():
    """X = 1 and X = 2: sixth roots of 2, of 1 + 3^-6, of 65 and of 1 + (2/3)^6."""
    assert rating(Connection(ta=200)).idd == pytest.approx(
        25 * (2 ** (1 / 6) - 3 * (1 + 3**-6) ** (1 / 6) + 2)
    )
    assert rating(Connection(ta=400)).idd == pytest.approx(
        25 * (65 ** (1 / 6) - 3 * (1 + (2 / 3) ** 6) ** (1 / 6) + 2)
    )


def test_less_sensitive_conversations_suffer_less_from_delay():
    default, low, very_low = (
        rating(Connection(ta=400, st=st, mt=mt)).idd for st, mt in ((1, 100), (0.55, 120), (0.4, 150))
    )
    assert default > low > very_low > 0


def test_room_noise_and_quantizing_distortion_cost():
    base = rating(Connection()).r
    assert rating(Connection(pr=60)).r < base - 3
    assert rating(Connection(qdu=8)).r < base - 3
    assert rating(Connection(a=10)).r == pytest.approx(base + 10)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ta": -1},
        {"t": math.nan},
        {"ppl": 101},
        {"ppl": -0.1},
        {"bpl": 0},
        {"burst_r": 0},
        {"qdu": 0},
        {"stmr": 0},
        {"tr": math.inf},
    ],
)
def test_a_parameter_that_breaks_an_equation_is_refused(wrong):
    with pytest.raises(ParameterError):
        rating(Connection(**wrong))


@pytest.mark.parametrize("r", [6.6, 20, 50, 60, 70, 80, 90, 93.2, 99])
def test_the_way_back_from_mos_to_r_is_that_of_appendix_i(r):
    """ITU-T G.107 appendix I holds for R of 6.5 to 100."""
    assert rating_of(mos_of(r)) == pytest.approx(r, abs=0.02)


def test_a_mos_beyond_the_scale_is_taken_for_its_end():
    assert (rating_of(0.5), rating_of(4.9)) == pytest.approx((6.5, 100), abs=0.02)


@pytest.mark.parametrize(
    ("ms", "idte", "idle", "idd", "r"),
    [
        (100, 1.963791, 0.727733, 0.0, 90.663730), (150, 2.811844, 0.840747, 0.163531, 89.539132),
        (250, 4.242856, 1.018587, 8.916710, 79.177101),
    ],
)  # fmt: skip
def test_terms_of_delay_are_those_of_another_implementation(ms, idte, idle, idd, r):
    """Golden values of github.com/bgrewell/loom, core/quality/emodel/emodel_test.go (G.107 06/2015)."""
    found = rating(delayed(ms, bpl=25.1))
    assert (found.idte, found.idle, found.idd) == pytest.approx((idte, idle, idd), abs=1e-5)
    assert found.r == pytest.approx(r, abs=1e-5)


@pytest.mark.parametrize(
    ("ie", "bpl", "ppl", "burst_r", "ie_eff"),
    [(0, 25.1, 5, 2, 17.210145), (0, 4.3, 2, 2, 35.849057), (11, 19, 2, 1, 19)],
)
def test_burst_loss_by_hand(ie, bpl, ppl, burst_r, ie_eff):
    """95 * 5 / (5 / 2 + 25.1); 95 * 2 / (2 / 2 + 4.3); 11 + 84 * 2 / 21."""
    assert rating(Connection(ie=ie, bpl=bpl, ppl=ppl, burst_r=burst_r)).ie_eff == pytest.approx(
        ie_eff, abs=1e-6
    )
