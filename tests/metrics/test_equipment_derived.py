"""The derived figures are what the tool makes of the measurements that are committed."""

import importlib
import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dsp.emodel_terms import NARROWBAND, effective_equipment, mos_of
from dsp.metrics.equipment_derived import ANCHORS, DERIVED

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def tool():
    sys.path.insert(0, str(ROOT))
    try:
        yield importlib.import_module("tools.derive_equipment")
    finally:
        sys.path.remove(str(ROOT))


@pytest.fixture(scope="module")
def derived(tool):
    rows = tool.read_rows(tool.MEASURED)
    assert len(rows) > 400
    return tool.derive(rows)


def test_the_table_is_what_the_fit_gives(derived):
    fitted = [replace(each.equipment, source="") for each in derived.codecs]
    assert [replace(each, source="") for each in DERIVED] == fitted
    assert len(fitted) > 40


def test_the_anchors_are_those_of_the_fit(derived):
    for shown, found in zip(ANCHORS, derived.anchors, strict=True):
        assert shown[1] == found.condition
        assert shown[2:] == pytest.approx((found.loss_pct, found.published, found.derived), abs=0.051)


def test_the_page_shows_the_fit(tool, derived):
    assert tool.page_text(derived) in tool.PAGE.read_text(encoding="utf-8")


def test_every_figure_says_that_it_is_derived_and_is_one_the_models_take():
    for each in DERIVED:
        assert not each.published
        assert "derived" in each.source
        assert 0 <= each.ie < 95
        assert each.bpl is not None
        assert each.bpl > 0
        assert each.packet_ms


def test_the_highest_bit_rate_of_a_codec_costs_less_than_the_lowest():
    codecs = {(each.codec, each.scale, each.packet_ms) for each in DERIVED}
    for kind in codecs:
        rows = [each for each in DERIVED if (each.codec, each.scale, each.packet_ms) == kind]
        rows.sort(key=lambda each: each.bit_rate_bps)
        assert len(rows) == 1 or rows[-1].ie < rows[0].ie - 3, kind


def test_anchors_without_loss_come_out_near_what_the_itu_says():
    """The root mean squares that docs/e-model.md prints, rounded up."""
    for scale, most in (("G.107", 5.0), ("G.107.1", 3.5)):
        residuals = [row[4] - row[3] for row in ANCHORS if row[0] == scale and row[2] == 0]
        assert len(residuals) >= 7
        assert math.sqrt(sum(each**2 for each in residuals) / len(residuals)) < most


def synthetic(tool, ie, bpl):
    """Measurements that anchors and one codec would give if PESQ were the E-model itself."""
    rows_module = importlib.import_module("tools.equipment_rows")
    fit = importlib.import_module("tools.equipment_fit")

    def row(condition, loss, impairment):
        mos = mos_of(93.2 - impairment, NARROWBAND)
        stretched = 1 + (mos - 1) * (fit.BEST_MOS["pesq_nb"] - 1) / 3.5
        return rows_module.Measured("pesq_nb", "narrowband", condition, loss, loss, stretched, 0.0, 1)

    anchors = [
        row(each, 0.0, fit.published_of("narrowband", each, 0.0)) for each in fit.PUBLISHED["narrowband"]
    ]
    codec = [
        row("x:1000@20", loss, effective_equipment(ie, bpl, loss))
        for loss in (0.0, 1.0, 2.0, 4.0, 7.0, 12.0, 20.0)
    ]
    return fit, [*anchors, *codec]


@pytest.mark.parametrize(("ie", "bpl"), [(0, 25.1), (11, 19), (30, 5)])
def test_the_fit_finds_again_what_measurements_were_made_with(tool, ie, bpl):
    fit, rows = synthetic(tool, ie, bpl)
    fit_scales = {"narrowband": NARROWBAND}
    raw = fit.raw_impairments(rows)
    pairs = [
        (raw["narrowband", each, 0.0], fit.published_of("narrowband", each, 0.0))
        for each in fit.PUBLISHED["narrowband"]
    ]
    assert all(measured == pytest.approx(said, abs=0.05) for measured, said in pairs)
    found = fit.fitted(rows, "narrowband", "x:1000@20", fit.Line(1.0, 0.0))
    assert (found.equipment.ie, found.equipment.scale) == (
        pytest.approx(ie, abs=0.1),
        fit_scales["narrowband"],
    )
    assert found.equipment.bpl == pytest.approx(bpl, rel=0.03)
    assert found.rms < 0.2
