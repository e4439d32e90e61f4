"""ViSQOL: its scale, its order, its pieces, and what it refuses."""

import numpy as np
import pytest
from support.impairments import lossy, mnru
from support.misalign import g711
from support.suppression import SPEAKERS, speech

from dsp.metrics import MetricRefused, metrics
from dsp.metrics.visqol import matching_gain, measure, mos_of, patches

RATE = 16_000
MAN = speech("man")[: 4 * RATE]


@pytest.mark.parametrize("name", SPEAKERS)
@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
def test_equal_signals_get_the_best_value_at_every_rate(name, rate_hz):
    x = speech(name, rate_hz)[: 2 * rate_hz]
    assert measure(x, x, rate_hz) == pytest.approx(metrics.get("visqol").range[1], abs=1e-3)
    assert measure(x, (0.05 * x).astype(np.float32), rate_hz) == pytest.approx(5.0, abs=1e-2)


@pytest.mark.parametrize("name", SPEAKERS)
@pytest.mark.parametrize("rate_hz", [8000, 16_000])
def test_more_modulated_noise_is_worse_for_every_speaker(name, rate_hz):
    x = speech(name, rate_hz)
    scores = [measure(x, x, rate_hz), *(measure(x, mnru(x, rate_hz, q), rate_hz) for q in (20, 10))]
    assert scores[0] > scores[1] + 0.3 > scores[2] + 0.6


@pytest.mark.parametrize("name", SPEAKERS)
@pytest.mark.parametrize("rate_hz", [8000, 16_000])
def test_more_loss_is_worse_for_every_speaker(name, rate_hz):
    x = speech(name, rate_hz)
    scores = [measure(x, lossy(x, rate_hz, pct), rate_hz) for pct in (0, 5, 15)]
    assert scores[0] > scores[1] + 0.02 > scores[2] + 0.04


def test_what_has_nothing_to_do_with_the_reference_gets_little_and_never_less_than_1():
    noise = np.random.default_rng(1).standard_normal(MAN.size).astype(np.float32)
    assert measure(MAN, noise, RATE) == pytest.approx(1.0, abs=0.5)
    assert measure(MAN, noise, RATE) >= 1.0
    assert measure(MAN, np.roll(MAN, MAN.size // 2), RATE) < 2.5


def test_an_offset_is_not_heard():
    heard = mnru(MAN, RATE, 20)
    assert measure(MAN, (heard + np.float32(0.1)), RATE) == pytest.approx(measure(MAN, heard, RATE), abs=0.01)


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 12_000, 16_000, 22_050, 44_100, 48_000])
def test_the_rate_changes_little(rate_hz):
    x = speech("woman", rate_hz)[: 3 * rate_hz]
    rng = np.random.default_rng(1)
    noise = np.cumsum(rng.standard_normal(x.size)) * 1e-5
    assert measure(x, (x + noise - noise.mean()).astype(np.float32), rate_hz) == pytest.approx(4.9, abs=0.15)
    assert measure(x, np.clip(x, -0.1, 0.1), rate_hz) == pytest.approx(4.0, abs=0.6)


def test_a_narrowband_pair_is_judged_as_the_same_pair_sampled_up():
    narrow = speech("woman", 8000)[:32_000]
    heard = mnru(narrow, 8000, 15)
    lines = np.fft.rfft(np.stack((narrow, heard)))
    wide = np.zeros((2, 32_001), dtype=np.complex128)
    wide[:, : lines.shape[1] - 1] = 2 * lines[:, :-1]
    up = np.fft.irfft(wide).astype(np.float32)
    found = patches(narrow, heard, 8000)
    right = patches(up[0], up[1], RATE)
    assert [patch.start_s for patch in found] == [patch.start_s for patch in right]
    assert mos_of(found) == pytest.approx(mos_of(right), abs=0.02)


def test_patches_lie_where_somebody_speaks():
    x = np.zeros(6 * RATE, dtype=np.float32)
    x[3 * RATE : 5 * RATE] = MAN[: 2 * RATE]
    found = patches(x, x, RATE)
    assert found[0].start_s == pytest.approx(0.18)
    assert all(2.9 < patch.start_s < 5.4 for patch in found[1:])
    assert len(found) >= 5
    assert all(patch.stop_s - patch.start_s == pytest.approx(0.4) for patch in found)


def test_a_lost_word_costs_the_patches_in_which_it_was():
    heard = MAN.copy()
    heard[2 * RATE : round(2.4 * RATE)] = 0
    gain = matching_gain(MAN, MAN)
    hit = {round(patch.start_s, 2): patch.similarity for patch in patches(MAN, heard, RATE, gain=gain)}
    assert min(hit, key=lambda start: hit[start]) in (1.78, 2.18)
    far = [similarity for start, similarity in hit.items() if start < 1.3 or start > 2.5]
    assert far == pytest.approx([1.0] * len(far), abs=0.01)


def test_pieces_with_the_gain_of_the_whole_give_the_score_of_the_whole():
    x = speech("woman")
    y = (0.3 * g711(x, RATE)).astype(np.float32)
    gain, cut = matching_gain(x, y), 4 * RATE
    whole = mos_of(patches(x, y, RATE))
    parts = patches(x[:cut], y[:cut], RATE, gain=gain) + patches(x[cut:], y[cut:], RATE, gain=gain)
    assert mos_of(parts) == pytest.approx(whole, abs=0.05)


def test_a_piece_that_was_lost_is_judged_where_the_gain_is_known():
    silence = np.zeros_like(MAN)
    assert mos_of(patches(MAN, silence, RATE, gain=1.0)) < 1.5
    with pytest.raises(MetricRefused, match="degraded signal is silent"):
        patches(MAN, silence, RATE)


def test_a_moved_sample_at_the_edge_of_the_search_is_still_found():
    late = np.concatenate((np.zeros(160, dtype=np.float32), MAN[:-160]))
    later = np.concatenate((np.zeros(320, dtype=np.float32), MAN[:-320]))
    assert measure(MAN, late, RATE) > 4.0
    assert measure(MAN, later, RATE) > 4.9


REFUSED = {
    "one sample": (MAN[:1], MAN[:1], RATE, "needs 0.64 s"),
    "nothing": (MAN[:0], MAN[:0], RATE, "needs 0.64 s"),
    "half a second": (MAN[:8000], MAN[:8000], RATE, r"got 0\.50 s"),
    "two lengths": (MAN, MAN[:-1], RATE, "one length"),
    "stereo": (MAN.reshape(2, -1), MAN.reshape(2, -1), RATE, "mono"),
    "a silent reference": (np.zeros_like(MAN), MAN, RATE, "reference is silent"),
    "a silent recording": (MAN, np.zeros_like(MAN), RATE, "degraded signal is silent"),
    "NaN": (MAN, np.where(np.arange(MAN.size) == 9, np.nan, MAN).astype(np.float32), RATE, "finite"),
    "infinity": (np.where(np.arange(MAN.size) == 9, np.inf, MAN).astype(np.float32), MAN, RATE, "finite"),
    "a low rate": (MAN, MAN, 4000, "8000 to 48000 Hz"),
    "a high rate": (MAN, MAN, 96_000, "8000 to 48000 Hz"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_judged_is_refused_and_gets_no_number(case):
    reference, degraded, rate_hz, why = REFUSED[case]
    with pytest.raises(MetricRefused, match=why):
        measure(reference, degraded, rate_hz)


@pytest.mark.parametrize("gain", [0.0, -1.0, np.inf, np.nan])
def test_a_gain_that_is_none_is_refused(gain):
    with pytest.raises(MetricRefused, match="gain"):
        patches(MAN, MAN, RATE, gain=gain)


def test_no_patches_are_no_score():
    with pytest.raises(MetricRefused, match="no speech"):
        mos_of([])


def test_the_least_length_gives_a_score():
    assert measure(MAN[RATE : RATE + 10_240], MAN[RATE : RATE + 10_240], RATE) == pytest.approx(5.0, abs=1e-3)


def test_it_says_that_it_misleads_on_codecs_that_send_parameters():
    spec = metrics.get("visqol")
    assert not spec.parametric
    assert spec.needs_reference
    assert spec.unit == "MOS-LQO"
