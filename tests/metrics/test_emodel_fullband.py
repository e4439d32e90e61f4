import math

import pytest

from dsp.emodel_terms import FULLBAND, mos_of
from dsp.errors import ParameterError
from dsp.metrics.emodel import Connection
from dsp.metrics.emodel import rating as narrowband
from dsp.metrics.emodel_fullband import FullbandConnection, rating


def test_a_connection_without_impairments_rates_148_and_mos_4_5():
    """ITU-T G.107.2 (06/2019): Ro,FB 148, and R / 1.48 is mapped."""
    result = rating(FullbandConnection())
    assert (result.scale, result.r, result.mos) == (FULLBAND, 148, 4.5)


def written_elsewhere(ta: float, ppl: float, ie: float, bpl: float) -> float:
    """MOS by the equations as three public implementations have them (rtpengine's is the integer one)."""
    idd = 0.0
    if ta > 100:
        x = (math.log(ta) - math.log(100)) / math.log(2)
        idd = 1.48 * 25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
    rx = (148 - idd - (ie + (132 - ie) * ppl / (ppl + bpl))) / 1.48
    return 1 + 0.035 * rx + rx * (rx - 60) * (100 - rx) * 7e-6


@pytest.mark.parametrize(
    ("ta", "ppl", "ie", "bpl"),
    [(0, 1, 0, 4.3), (100, 0, 10.2, 4.3), (150, 5, 10.2, 4.3), (400, 2, 22.7, 13.0)],
)
def test_codec_loss_and_delay_rate_as_in_other_implementations(ta, ppl, ie, bpl):
    found = rating(FullbandConnection(ta=ta, ppl=ppl, ie=ie, bpl=bpl))
    assert found.mos == pytest.approx(written_elsewhere(ta, ppl, ie, bpl), abs=1e-9)


def test_delay_costs_1_48_times_what_it_costs_in_g107():
    assert rating(FullbandConnection(ta=250)).idd == pytest.approx(1.48 * narrowband(Connection(ta=250)).idd)


def test_all_lost_costs_132_where_nothing_conceals():
    assert rating(FullbandConnection(ie=10, ppl=100, bpl=1e-9)).ie_eff == pytest.approx(132)


def test_a_dead_line_has_mos_1():
    assert mos_of(-5, FULLBAND) == 1
    assert rating(FullbandConnection(ta=2000, ppl=100, bpl=1)).mos == 1


@pytest.mark.parametrize("wrong", [{"ta": -1}, {"ta": math.inf}, {"ppl": -1}, {"bpl": 0}])
def test_a_parameter_that_breaks_an_equation_is_refused(wrong):
    with pytest.raises(ParameterError):
        rating(FullbandConnection(**wrong))
