import pytest

from dsp.codecs import codecs
from dsp.emodel_terms import FULLBAND, NARROWBAND, WIDEBAND
from dsp.metrics.equipment import CALLED, G113, equipment_of


@pytest.mark.parametrize(
    ("codec", "bit_rate", "ie", "bpl"),
    [("pcmu", 64_000, 0, 25.1), ("G729", 8000, 10, None), ("g729ab", 8000, 11, 19.0), ("g723", 6300, 15, 16.1),
     ("gsm-efr", 12_200, 5, 10.0), ("G726-32", None, 7, None), ("g726", 16_000, 50, None), ("g711-unconcealed", None, 0, 4.3)],
)  # fmt: skip
def test_narrowband_rows_are_those_of_appendix_i(codec, bit_rate, ie, bpl):
    """ITU-T G.113 (09/2024) tables I.1 and I.4."""
    found = equipment_of(codec, bit_rate)
    assert (found.ie, found.bpl, found.scale) == (ie, bpl, NARROWBAND)


@pytest.mark.parametrize(
    ("kbps", "monotic", "diotic", "bpl"),
    [(6.6, 41, 56, None), (8.85, 26, 41, None), (12.65, 13, 20, 4.3), (14.25, 10, None, None), (15.85, 7, 17, None),
     (18.25, 5, None, None), (19.85, 3, None, None), (23.05, 1, 8, 4.6), (23.85, 8, 10, 4.9)],
)  # fmt: skip
def test_rows_of_amr_wb_are_those_of_appendix_iv(kbps, monotic, diotic, bpl):
    """ITU-T G.113 (09/2024) tables IV.1, IV.3 and IV.4; 23.85 kb/s does worse than 23.05 there."""
    rate = round(1000 * kbps)
    assert equipment_of("amr-wb", rate, listening="monotic").ie == monotic
    both = equipment_of("amr-wb", rate, listening="diotic")
    assert (both and both.ie, both and both.bpl) == (diotic, bpl)
    assert equipment_of("AMR-WB", rate).bpl == bpl
    assert equipment_of("AMR-WB", rate).scale == WIDEBAND


@pytest.mark.parametrize(
    ("kbps", "ie", "bpl"),
    [
        (9.6, 22.7, 13.0),
        (13.2, 17.1, 11.7),
        (16.4, 10.8, 10.3),
        (24.4, 7.2, 11.4),
        (32, 8.7, 9.3),
        (48, 10.2, 9.6),
    ],
)
def test_rows_of_evs_are_those_of_appendix_v(kbps, ie, bpl):
    """ITU-T G.113 (09/2024) tables V.1 and V.3 with erratum 1, which makes 32 of 2 kb/s."""
    found = equipment_of("EVS", round(1000 * kbps))
    assert (found.ie, found.bpl, found.scale) == (ie, bpl, FULLBAND)


def test_codecs_without_a_row_have_none():
    assert [equipment_of(name, 12_200) for name in ("amr", "opus", "codec2", "vlc", "speex")] == [None] * 5
    assert equipment_of("amr-wb") is None
    assert equipment_of("g722", 32_000) is None


def test_a_rate_that_was_measured_leads_to_the_row_that_is_near():
    assert equipment_of("g722", 63_100).bit_rate_bps == 64_000
    assert equipment_of("evs", 12_900).bit_rate_bps == 13_200
    assert equipment_of("pcmu", 31_000).bpl == 25.1, "it has one rate; the rest was silence not sent"


def test_names_are_ours_where_we_have_the_codec_and_lead_to_a_row():
    rows = {each.codec for each in G113}
    assert {"pcmu", "pcma", "g722"} <= rows & set(codecs.names())
    for name, target in CALLED.items():
        codec, _, rate = target.partition(":")
        assert codec in rows, name
        assert not rate or equipment_of(name) is not None


def test_every_figure_is_possible_and_no_row_stands_twice():
    keys = [(each.codec, each.bit_rate_bps, each.listening) for each in G113]
    assert len(keys) == len(set(keys)) > 40
    assert all(0 <= each.ie < 95 and (each.bpl is None or 0 < each.bpl < 50) for each in G113)
    assert all(each.published and each.source.startswith("ITU-T G.113") for each in G113)
