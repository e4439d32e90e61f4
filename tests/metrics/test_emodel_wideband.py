import itertools
import math

import pytest

from dsp.emodel_terms import WIDEBAND, mos_of, rating_of
from dsp.errors import ParameterError
from dsp.metrics.emodel import Connection
from dsp.metrics.emodel import rating as narrowband
from dsp.metrics.emodel_wideband import WidebandConnection, rating


def delayed(ms, **others):
    return WidebandConnection(t=ms, tr=2 * ms, ta=ms, **others)


def test_a_connection_without_impairments_rates_129_and_mos_4_5():
    """ITU-T G.107.1 equations 7-2 and A-2; of listener echo 0.154 remains, as WEPL is not infinite."""
    result = rating(WidebandConnection())
    assert (result.scale, result.ro, result.i_s) == (WIDEBAND, 129, 0)
    assert result.r == pytest.approx(128.846315, abs=1e-5)
    assert result.mos == pytest.approx(4.499152, abs=1e-5)


@pytest.mark.parametrize(
    ("ie", "value"),
    [(0, 4.5), (1, 4.4940), (8, 4.4206), (13, 4.3371), (41, 3.5123), (56, 2.9220)],
)
def test_mos_of_the_modes_of_amr_wb(ie, value):
    """Vectors of G.107.1 equations 7-1, A-1 and A-2 that sipnab publishes beside G.113 tables IV.1 and IV.3."""
    assert mos_of(129 - ie, WIDEBAND) == pytest.approx(value, abs=5e-4)


def test_loss_of_amr_wb_at_12_65_kb_s():
    """Ie,WB 20 and Bpl 4.3 at 2 %: Ie,eff 43.8095, MOS 3.4062, published by sipnab (equation 7-15: 95, not 129)."""
    found = rating(WidebandConnection(ie=20, bpl=4.3, ppl=2))
    assert found.ie_eff == pytest.approx(43.8095, abs=1e-4)
    assert mos_of(129 - found.ie_eff, WIDEBAND) == pytest.approx(3.4062, abs=5e-4)


def test_delay_costs_1_29_times_what_it_costs_in_g107():
    """Equation 7-13; at 200 ms X is 1: 3.044414 and 3.927294 (loom, emodel_test.go)."""
    wide, narrow = rating(delayed(200)).idd, narrowband(Connection(ta=200)).idd
    assert (wide, narrow) == pytest.approx((3.927294, 3.044414), abs=1e-6)


def test_delay_is_free_up_to_100_ms():
    assert rating(WidebandConnection(ta=100)).idd == 0
    assert rating(WidebandConnection(ta=101)).idd > 0


@pytest.mark.parametrize(("ms", "idle"), [(50, 0.652075), (150, 1.012266)])
def test_listener_echo_is_that_of_g107_on_the_wider_scale(ms, idle):
    """Equations 7-11 and 7-12, values of loom's tests."""
    assert rating(delayed(ms)).idle == pytest.approx(idle, abs=1e-5)


def g1070_quality(ms: float, telr: float, ppl: float, ie: float, bpl: float) -> float:
    """Wideband speech quality index of ITU-T G.1070, which takes its terms from G.107.1, written from its description."""
    ieeff = ie + (95 - ie) * ppl / (ppl + bpl)
    k = 18 if ms >= 100 else 0.08 * ms + 10
    terv = telr + k - 40 * math.log10((1 + ms / 10) / (1 + ms / 150)) + 6 * math.exp(-0.3 * ms * ms)
    re = 80 + 3 * (terv - 14)
    idte = ((129 - re) / 2 + math.sqrt((129 - re) ** 2 / 4 + 100) - 1) * (1 - math.exp(-ms))
    return 129 - idte - ieeff


@pytest.mark.parametrize(
    ("ms", "telr", "ppl"), [(20, 65, 0), (50, 40, 1), (99, 30, 5), (100, 40, 1), (300, 20, 20)]
)
def test_talker_echo_is_that_of_g1070(ms, telr, ppl):
    found = rating(WidebandConnection(t=ms, telr=telr, ie=1, bpl=4.3, ppl=ppl))
    assert found.ro - found.idte - found.ie_eff == pytest.approx(
        g1070_quality(ms, telr, ppl, 1, 4.3), abs=1e-9
    )


def test_the_terms_of_an_echo_path_of_150_ms_by_hand():
    """K = 18, TERV = 46.876, Re = 178.63, so (129 - 178.63) / 2 = -24.81 and Idte = -24.81 + 26.75 - 1."""
    assert rating(delayed(150)).idte == pytest.approx(math.hypot(24.814, 10) - 24.814 - 1, abs=0.002)


def test_r_falls_with_delay_loss_and_equipment():
    def falls(values):
        return all(a > b for a, b in itertools.pairwise(values))

    assert falls([rating(delayed(ms)).r for ms in (20, 100, 150, 200, 300, 500, 900)])
    assert falls([rating(WidebandConnection(ppl=p, bpl=10)).r for p in (0, 1, 5, 20, 100)])
    assert falls([rating(WidebandConnection(ie=ie)).r for ie in (0, 13, 40)])


def test_the_way_back_from_mos_to_r_ends_at_129():
    assert rating_of(4.5, WIDEBAND) == pytest.approx(129)
    assert rating_of(mos_of(100, WIDEBAND), WIDEBAND) == pytest.approx(100, abs=0.02)


@pytest.mark.parametrize("wrong", [{"ta": -1}, {"t": math.nan}, {"ppl": 101}, {"bpl": 0}, {"ie": math.inf}])
def test_a_parameter_that_breaks_an_equation_is_refused(wrong):
    with pytest.raises(ParameterError):
        rating(WidebandConnection(**wrong))
