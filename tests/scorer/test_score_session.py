from pathlib import Path

import numpy as np
import pytest
import soundfile
from pystoi import stoi

from dsp.codecs import CodecSettings, codecs
from dsp.errors import UnknownName
from dsp.metrics import MetricRefused
from softphone.scorer.session import score

RATE = 16000
SPEECH = Path(__file__).parents[2] / "softphone" / "data" / "speech"


def speech(name):
    return soundfile.read(SPEECH / f"{name}.wav", dtype="float32")[0]


MAN, WOMAN = speech("man"), speech("woman")


def hiss(samples, dbov=-80.0, seed=1):
    return (10 ** (dbov / 20) * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def joined(*parts):
    return np.concatenate(parts).astype(np.float32)


def test_a_perfect_line_scores_1_with_its_delay_and_gain():
    result = score(WOMAN, joined(hiss(3 * RATE, -90), WOMAN * 0.5, hiss(RATE, -90)), RATE)
    assert (result["metric"], result["unit"], result["max"], result["trusted"]) == ("stoi", "STOI", 1.0, True)
    assert result["value"] > 0.999
    assert result["delay_ms"] == 3000
    assert result["gain_db"] == pytest.approx(-6.02, abs=0.02)
    assert result["seconds"] == pytest.approx(WOMAN.size / RATE, abs=0.001)
    assert result["delay_changes"] == []


def test_the_score_is_that_of_pystoi_on_the_aligned_pair():
    noisy = MAN + hiss(MAN.size, -30)
    result = score(MAN, joined(hiss(12345, -30, 2), noisy), RATE)
    want = stoi((MAN - MAN.mean()).astype(float), (noisy - noisy.mean()).astype(float), RATE)
    assert result["value"] == pytest.approx(want, abs=0.001)


def test_a_minute_and_a_half_of_silence_in_front_changes_nothing():
    noisy = MAN + hiss(MAN.size, -30)
    near, far = score(MAN, noisy, RATE), score(MAN, joined(hiss(90 * RATE, -90), noisy), RATE)
    assert far["value"] == pytest.approx(near["value"], abs=1e-3)
    assert far["delay_ms"] == 90000


def test_a_worse_line_scores_lower():
    values = [score(MAN, MAN + hiss(MAN.size, level), RATE)["value"] for level in (-60, -35, -26, -18)]
    assert values == sorted(values, reverse=True)
    assert values[0] - values[-1] > 0.3


def test_lost_packets_cost():
    heard = WOMAN.copy()
    for start in range(0, heard.size, 4800):
        heard[start : start + 960] = 0
    assert score(WOMAN, heard, RATE)["value"] < 0.9


def test_a_reference_cut_by_the_end_of_the_call_is_scored_on_what_was_heard():
    result = score(MAN, joined(hiss(RATE, -90), MAN[: 3 * RATE]), RATE)
    assert result["value"] > 0.999
    assert result["seconds"] == pytest.approx(3, abs=0.01)


def test_a_recording_that_begins_late_has_a_negative_delay():
    result = score(MAN, MAN[RATE:], RATE)
    assert result["delay_ms"] == -1000
    assert result["value"] > 0.999


def test_a_reference_played_in_a_loop_is_scored_over_all_its_copies():
    good, bad = WOMAN, WOMAN + hiss(WOMAN.size, -26)
    result = score(WOMAN, joined(hiss(RATE, -90), good, bad, good[:40000]), RATE)
    assert result["seconds"] == pytest.approx((2 * WOMAN.size + 40000) / RATE, abs=0.1)
    assert result["value"] < score(WOMAN, good, RATE)["value"] - 0.03
    assert result["delay_changes"] == []


def test_a_delay_that_moves_in_the_call_is_followed_and_told():
    heard = joined(hiss(RATE, -90), MAN[:40000], MAN[39040:80000], MAN[80400:])
    result = score(MAN, heard, RATE)
    assert [change["by_ms"] for change in result["delay_changes"]] == [60, -25]
    assert [change["at_s"] for change in result["delay_changes"]] == pytest.approx([3.5, 6.0], abs=0.7)
    assert result["value"] > 0.93


def test_an_upside_down_line_is_not_worse():
    assert score(MAN, -MAN, RATE)["value"] > 0.999


@pytest.mark.parametrize("ppm", [-300, 100])
def test_a_clock_that_runs_fast_or_slow_is_followed(ppm):
    there = np.arange(int(MAN.size * (1 + ppm * 1e-6))) / (1 + ppm * 1e-6)
    heard = np.interp(there, np.arange(MAN.size), MAN).astype(np.float32)
    result = score(MAN, joined(hiss(RATE, -90), heard, heard), RATE)
    assert result["value"] > 0.995
    assert result["delay_changes"] == []


def test_a_constant_offset_of_a_sound_card_changes_neither_score_nor_gain():
    result = score(MAN, joined(hiss(RATE, -90), MAN) + np.float32(0.1), RATE)
    assert result["value"] > 0.999
    assert result["gain_db"] == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(
    ("bit_rate_bps", "low", "high"), [(6000, 0.84, 0.95), (16000, 0.965, 0.995)], ids=["6k", "16k"]
)
def test_opus_in_60_ms_packets_scores_what_it_is_known_to(bit_rate_bps, low, high):
    """STOI 0.89 and 0.98 at 6 and 16 kb/s, means over 18 utterances with pystoi 0.4.1 and libopus 1.5."""
    spec, wanted = codecs.get("opus"), CodecSettings(bit_rate_bps=bit_rate_bps, ptime_ms=60)
    encoder, decoder = spec.make_encoder(wanted), spec.make_decoder(wanted)
    rate = spec.sample_rate_hz(wanted)
    assert rate == RATE
    heard = np.zeros(WOMAN.size // 960 * 960, np.float32)
    for start in range(0, heard.size, 960):
        decoder.decode(encoder.encode(WOMAN[start : start + 960]), heard[start:])
    result = score(WOMAN, heard, RATE)
    assert low < result["value"] < high
    assert result["delay_ms"] == pytest.approx(1000 * spec.delay_samples(wanted) / rate, abs=1)


def test_at_8_khz_too():
    assert score(MAN[::2], joined(hiss(4000, -90), MAN[::2]), 8000)["delay_ms"] == 500


def test_a_score_the_caller_distrusts_says_so():
    assert score(MAN, MAN, RATE, trusted=False)["trusted"] is False


@pytest.mark.parametrize(
    ("degraded", "why"),
    [
        (np.zeros(8 * RATE, np.float32), "silent"),
        (WOMAN, "not found"),
        (MAN[:8000], "1 s or more"),
        (np.full(8 * RATE, np.nan, np.float32), "finite"),
        (np.where(MAN > 0.3, np.inf, MAN).astype(np.float32), "finite"),
        (MAN[:0], "1 s or more"),
    ],
)
def test_what_cannot_be_scored_is_refused(degraded, why):
    with pytest.raises(MetricRefused, match=why):
        score(MAN, degraded, RATE)


def test_an_unknown_metric_is_named():
    with pytest.raises(UnknownName, match=r"no metric named 'none'; known: .*stoi"):
        score(MAN, MAN, RATE, metric="none")
