import pytest

from dsp.call_rating import BEST_BPL, call_rating, equipment_for, scale_of
from dsp.emodel_terms import FULLBAND, NARROWBAND, WIDEBAND
from dsp.errors import ParameterError
from dsp.metrics.emodel import Connection, rating
from dsp.metrics.emodel_fullband import FullbandConnection
from dsp.metrics.emodel_fullband import rating as fullband_rating
from dsp.metrics.emodel_wideband import WidebandConnection
from dsp.metrics.emodel_wideband import rating as wideband_rating
from dsp.metrics.equipment_derived import DERIVED


def rated(**others):
    return call_rating(**{"rtt_ms": 0, "playout_delay_ms": 60, "packet_ms": 20, **others})


def test_a_call_on_g711_is_grounded_and_its_delay_is_the_sum_of_its_parts():
    result = rated(rtt_ms=40, codec="pcmu", bit_rate_bps=64_000, sample_rate_hz=8000)
    assert result["one_way_delay_ms"] == 100
    by_hand = rating(Connection(t=100, tr=200, ta=100, bpl=25.1))
    assert (result["r"], result["mos_cq"]) == (round(by_hand.r, 2), round(by_hand.mos, 3))
    assert (result["model"], result["grounded"], result["equipment"]) == (NARROWBAND, True, "G.113")


def test_figures_given_take_the_place_of_the_tables():
    given = rated(equipment=(11.0, 19.0), loss_pct=2)
    assert (given["ie"], given["bpl"], given["grounded"], given["equipment"]) == (11, 19, True, "G.113")
    assert given["r"] == rated(codec="g729-vad", loss_pct=2)["r"]


@pytest.mark.parametrize(
    ("codec", "bit_rate", "rate", "scale"),
    [
        ("pcma", 64_000, 8000, NARROWBAND), ("vlc", 2400, 8000, NARROWBAND), ("codec2", 1200, 8000, NARROWBAND),
        ("opus", 6000, 16_000, NARROWBAND), ("opus", 11_999, 16_000, NARROWBAND), ("opus", 12_000, 16_000, WIDEBAND),
        ("opus", 24_000, 16_000, WIDEBAND), ("opus", 32_000, 48_000, FULLBAND), ("g722", 64_000, 16_000, WIDEBAND),
        ("vlc-wb", 6000, 16_000, WIDEBAND), ("l16-wb", 256_000, 16_000, WIDEBAND), ("l16", 128_000, 8000, NARROWBAND),
        ("AMR-WB", 12_650, None, WIDEBAND), ("evs", 24_400, None, FULLBAND), ("G729", None, None, NARROWBAND),
        ("unheard-of", None, None, NARROWBAND), (None, None, None, NARROWBAND), (None, None, 16_000, WIDEBAND),
    ],
)  # fmt: skip
def test_the_band_a_codec_carries_chooses_the_recommendation(codec, bit_rate, rate, scale):
    assert scale_of(codec, bit_rate, rate) == scale
    assert rated(codec=codec, bit_rate_bps=bit_rate, sample_rate_hz=rate)["model"] == scale


def test_g722_is_rated_on_the_wideband_scale_with_the_itus_ie():
    clear = rated(codec="g722", bit_rate_bps=64_000, sample_rate_hz=16_000)
    by_hand = wideband_rating(WidebandConnection(t=80, tr=160, ta=80, ie=13, bpl=clear["bpl"]))
    assert clear["r"] == round(by_hand.r, 2) > 110
    assert (clear["grounded"], clear["equipment"]) == (True, "G.113")


def test_losses_of_g722_are_rated_with_a_bpl_of_ours_and_so_marked():
    """G.113 has none for it."""
    lossy = rated(codec="g722", bit_rate_bps=64_000, sample_rate_hz=16_000, loss_pct=3)
    assert lossy["ie"] == 13
    assert (lossy["grounded"], lossy["equipment"]) == (False, "derived")


@pytest.mark.parametrize(
    ("codec", "bit_rate", "rate"),
    [
        ("opus", 16_000, 16_000),
        ("opus", 6000, 16_000),
        ("codec2", 2400, 8000),
        ("vlc", 2400, 8000),
        ("vlc-wb", 6000, 16_000),
    ],
)
def test_a_codec_no_table_holds_is_rated_by_what_we_derived_and_is_not_grounded(codec, bit_rate, rate):
    result = rated(codec=codec, bit_rate_bps=bit_rate, sample_rate_hz=rate)
    assert (result["grounded"], result["equipment"]) == (False, "derived")
    assert result["ie"] > 0


def test_fullband_opus_has_no_figures_and_is_rated_as_the_line_alone():
    result = rated(codec="opus", bit_rate_bps=48_000, sample_rate_hz=48_000, loss_pct=1)
    by_hand = fullband_rating(FullbandConnection(ta=80, bpl=BEST_BPL[FULLBAND], ppl=1))
    assert (result["r"], result["grounded"], result["equipment"]) == (round(by_hand.r, 2), False, "none")


def test_a_stranger_is_rated_as_g711_with_concealment():
    unknown, known = rated(loss_pct=3), rated(codec="pcmu", bit_rate_bps=64_000, loss_pct=3)
    assert unknown["r"] == known["r"]
    assert (unknown["grounded"], unknown["equipment"]) == (False, "none")


def test_a_published_ie_without_bpl_is_grounded_only_while_nothing_is_lost():
    clear, lossy = (rated(codec="gsm", bit_rate_bps=13_000, loss_pct=loss) for loss in (0, 2))
    assert (clear["ie"], clear["grounded"], clear["equipment"]) == (20, True, "G.113")
    assert (lossy["ie"], lossy["grounded"], lossy["equipment"]) == (20, False, "none")


def test_between_two_bit_rates_figures_are_in_proportion_and_beyond_them_the_nearest():
    low, mid, high = (equipment_for("opus", WIDEBAND, rate, 60) for rate in (12_000, 14_000, 16_000))
    assert mid.ie == pytest.approx((low.ie + high.ie) / 2)
    assert mid.bpl == pytest.approx((low.bpl + high.bpl) / 2)
    assert equipment_for("vlc", NARROWBAND, 900, 128).ie == equipment_for("vlc", NARROWBAND, 1200, 128).ie
    assert equipment_for("opus", FULLBAND, 32_000) is None


def test_figures_are_those_of_the_nearest_packet_interval():
    intervals = {each.packet_ms for each in DERIVED if each.codec == "vlc"}
    assert equipment_for("vlc", NARROWBAND, 2400, 144).packet_ms == max(intervals)
    assert equipment_for("vlc", NARROWBAND, 2400, 64).packet_ms == min(intervals)


def test_burst_r_counts_in_g107_only_and_only_as_far_as_it_is_defined():
    """Table 3 of G.107: 1 to 2, and up to 8 where less than 2 % are lost; G.107.1 and G.107.2 have none."""
    narrow = {"codec": "pcmu", "bit_rate_bps": 64_000}
    assert [rated(loss_pct=5, burst_r=b, **narrow)["burst_r"] for b in (0.2, 1.5, 3)] == [1, 1.5, 2]
    assert [rated(loss_pct=1.9, burst_r=b, **narrow)["burst_r"] for b in (3, 20)] == [3, 8]
    assert rated(loss_pct=5, burst_r=2, **narrow)["r"] < rated(loss_pct=5, **narrow)["r"]
    for codec, rate in (("g722", 16_000), ("opus", 48_000)):
        wide = {"codec": codec, "bit_rate_bps": 64_000, "sample_rate_hz": rate, "loss_pct": 5}
        assert rated(burst_r=3, **wide) == rated(burst_r=1, **wide)
        assert rated(burst_r=3, **wide)["burst_r"] == 1


def test_loss_and_discard_count_alike_and_together():
    lost, late, both = (rated(loss_pct=a, discard_pct=b)["r"] for a, b in ((4, 0), (0, 4), (2, 2)))
    assert lost == late == both < 85


def test_what_a_call_has_not_measured_counts_as_nothing():
    bare = call_rating(rtt_ms=None, playout_delay_ms=None, packet_ms=20, loss_pct=None, discard_pct=None)
    assert bare["r"] == round(rating(Connection(t=20, tr=40, ta=20, bpl=25.1)).r, 2)


def test_a_dead_line_still_has_a_mos():
    for rate in (8000, 16_000, 48_000):
        result = rated(rtt_ms=5000, packet_ms=120, loss_pct=70, discard_pct=60, sample_rate_hz=rate)
        assert result["mos_cq"] >= 1


def test_a_negative_delay_is_refused():
    with pytest.raises(ParameterError):
        rated(playout_delay_ms=-500)
