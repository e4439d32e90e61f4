import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp._native import SpeechMeter as Kernel
from dsp.errors import ParameterError
from dsp.level import SpeechMeter, active_level, measure_level

RATE = 16000
SPEECH = Path(__file__).parents[2] / "softphone" / "data" / "speech"


def speech(name):
    samples, rate = soundfile.read(SPEECH / f"{name}.wav", dtype="float32")
    assert rate == RATE
    return samples


def tone(seconds, *, hz=1000.0, amplitude=1.0, rate=RATE):
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def noise(seconds, dbov, seed=1, rate=RATE):
    rng = np.random.default_rng(seed)
    return (10 ** (dbov / 20) * rng.standard_normal(int(seconds * rate))).astype(np.float32)


def scaled(samples, gain_db):
    return (samples * 10 ** (gain_db / 20)).astype(np.float32)


def p56_by_the_text(x, rate):
    """ITU-T P.56 method B as written: 15 thresholds, level by bisection: (dBov, activity)."""
    g = math.exp(-1 / (rate * 0.03))
    hangover = math.ceil(rate * 0.2)
    thresholds = 2.0 ** np.arange(-15, 0)
    active, hang = np.zeros(15, dtype=int), np.full(15, hangover)
    p = q = squares = 0.0
    for v in x.astype(float):
        squares += v * v
        p = g * p + (1 - g) * abs(v)
        q = g * q + (1 - g) * p
        on = q >= thresholds
        hanging = ~on & (hang < hangover)
        active += on | hanging
        hang = np.where(on, 0, hang + hanging)
    points = [
        (10 * math.log10(squares / a), 20 * math.log10(c))
        for a, c in zip(active, thresholds, strict=True)
        if a > 0
    ]
    for (a0, c0), (a1, c1) in pairwise(points):
        if a0 - c0 > 15.9 >= a1 - c1:
            for _ in range(40):
                a, c = (a0 + a1) / 2, (c0 + c1) / 2
                if a - c > 15.9:
                    a0, c0 = a, c
                else:
                    a1, c1 = a, c
            return a0, 10 ** ((10 * math.log10(squares / x.size) - a0) / 10)
    raise AssertionError("no crossing")


def runs(marks):
    """(begin, end) of each run of true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], marks.astype(int), [0]))))
    return list(zip(edges[::2], edges[1::2], strict=True))


def twin(x, rate, silence_dbov=-60.0):
    """What the kernel reads out, but for the sums that need no twin, from the whole signal at once."""
    from scipy.signal import lfilter

    bad = ~np.isfinite(x)
    x = np.where(bad, 0, x).astype(float)
    sub = round(rate / 1000)
    frames = x[: x.size // (20 * sub) * 20 * sub].reshape(-1, 20 * sub)
    loud = np.flatnonzero(np.mean(frames**2, axis=1) >= 10 ** (silence_dbov / 10))
    clip = [
        end - begin
        for side in (1, -1)
        for begin, end in runs(side * x >= np.float32(0.98))
        if end - begin >= 3
    ]
    gaps = [
        end - begin
        for begin, end in runs(np.abs(x) <= np.float32(3e-4))
        if 5 * sub <= end - begin <= rate
        and end < x.size
        and np.max(np.abs(x[max(0, begin // sub - 3) * sub : begin]), initial=0) >= np.float32(0.01)
    ]
    g = math.exp(-1 / (rate * 0.03))
    q = lfilter([1 - g], [1, -g], lfilter([1 - g], [1, -g], np.abs(x)))
    place = np.arange(x.size)
    hangover = round(rate * 0.2)
    ladder = []
    for threshold in [m * 2.0**e for e in range(-18, 4) for m in (1, 1.5)]:
        last = np.maximum.accumulate(np.where(q >= threshold, place, -(10**9)), axis=0)
        ladder.append((threshold, int(np.sum(place - last <= hangover))))
    return {
        "count": x.size,
        "sum": x.sum(),
        "squares": (x * x).sum(),
        "peak": np.max(np.abs(x), initial=0),
        "not_finite": bad.sum(),
        "clipped": sum(clip),
        "clip_runs": len(clip),
        "frames": len(frames),
        "silent": len(frames) - loud.size,
        "first": loud[0] * 20 * sub if loud.size else -1,
        "last": (loud[-1] + 1) * 20 * sub if loud.size else -1,
        "gaps": len(gaps),
        "gap_samples": sum(gaps),
        "ladder": ladder,
    }


def assert_equals_twin(x, rate):
    meter = Kernel(rate)
    meter.process(x)
    got = dict(zip(twin(x[:0], rate), meter.read(), strict=True))
    want = twin(x, rate)
    got_ladder, want_ladder = np.array(got.pop("ladder")), np.array(want.pop("ladder"))
    assert got == pytest.approx(want, rel=1e-9, abs=1e-9)
    np.testing.assert_array_equal(got_ladder[:, 0], want_ladder[:, 0])
    np.testing.assert_allclose(got_ladder[:, 1], want_ladder[:, 1], atol=2)


def eventful(rate, seed=0):
    """Speech-like bursts with gaps, clipping, zeros, NaN and infinities in it."""
    rng = np.random.default_rng(seed)
    x = noise(2.5, -30, seed, rate) * (1 + np.sin(2 * np.pi * 3 * np.arange(int(2.5 * rate)) / rate))
    x[rate // 2 : rate // 2 + rate // 50] = 0
    x[rate : rate + rate // 4] *= 40
    np.clip(x, -1, 1, out=x)
    x[rate + rate // 2 : 2 * rate] = 1e-4
    x[rng.integers(0, x.size, 20)] = np.nan
    x[rng.integers(0, x.size, 20)] = -np.inf
    return x.astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_kernel_equals_its_numpy_twin_at_any_rate(rate):
    assert_equals_twin(eventful(rate), rate)


@pytest.mark.parametrize("name", ["man", "woman"])
def test_kernel_equals_its_numpy_twin_on_speech(name):
    assert_equals_twin(speech(name), RATE)


@given(cuts=st.lists(st.integers(0, 2 * RATE), max_size=30))
@settings(deadline=None, max_examples=40)
def test_the_pieces_equal_the_whole(cuts):
    x = eventful(RATE, 3)[: 2 * RATE]
    whole, pieces = Kernel(RATE), Kernel(RATE)
    whole.process(x)
    for piece in np.split(x, sorted(cuts)):
        pieces.process(piece)
    assert pieces.read() == whole.read()


@given(st.binary(max_size=4000))
@settings(deadline=None, max_examples=60)
def test_any_bits_give_a_finite_report(data):
    x = np.frombuffer(data[: len(data) // 4 * 4], dtype=np.float32)
    report = measure_level(x, RATE)
    for value in (report.level_dbov, report.long_term_dbov, report.dc, report.activity, report.peak):
        assert value is None or math.isfinite(value)
    assert report.not_finite == np.sum(~np.isfinite(x))


def test_a_full_scale_sine_is_minus_3_01_dbov():
    report = measure_level(tone(20), RATE)
    assert report.long_term_dbov == pytest.approx(-3.0103, abs=1e-3)
    assert report.level_dbov == pytest.approx(-3.0103, abs=0.01)  # the envelope takes 20 ms to rise
    assert report.activity == pytest.approx(1, abs=0.002)
    assert report.peak == pytest.approx(1)


def test_the_active_level_does_not_fall_with_pauses_but_the_long_term_level_does():
    burst = tone(2, amplitude=0.1)
    report = measure_level(np.concatenate([burst, np.zeros(8 * RATE, np.float32)]), RATE)
    # P.56 counts the hangover of 0.2 s and the decay of the envelope as active: 2.3 s of 10.
    assert report.level_dbov == pytest.approx(-23.01, abs=0.7)
    assert report.long_term_dbov == pytest.approx(-30.0, abs=0.01)
    assert report.activity == pytest.approx(0.23, abs=0.01)


@pytest.mark.parametrize("name", ["man", "woman"])
def test_level_of_speech_agrees_with_p56_done_by_its_text(name):
    x = speech(name)[: 3 * RATE]
    level, activity = p56_by_the_text(x, RATE)
    report = measure_level(x, RATE)
    assert report.level_dbov == pytest.approx(level, abs=0.05)
    assert report.activity == pytest.approx(activity, abs=0.05)


@pytest.mark.parametrize("name", ["man", "woman"])
@pytest.mark.parametrize("gain_db", [-40, -33.3, -9.1, 0, 4.7, 11])
def test_bundled_speech_at_minus_26_dbov_stays_so_at_every_gain(name, gain_db):
    report = measure_level(scaled(speech(name), gain_db), RATE)
    assert report.level_dbov - gain_db == pytest.approx(-26, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_the_sample_rate_does_not_change_the_level(rate):
    x = speech("man").astype(np.float64)
    resampled = soxr.resample(x, RATE, rate).astype(np.float32)
    assert measure_level(resampled, rate).level_dbov == pytest.approx(-26, abs=0.15)


def test_silence_before_speech_changes_nothing_but_the_times():
    x = speech("woman")
    report = measure_level(np.concatenate([np.zeros(30 * RATE, np.float32), x]), RATE)
    assert report.level_dbov == pytest.approx(-26, abs=0.1)
    assert 30 <= report.first_sound_s < 30.5
    assert 37 < report.last_sound_s < 38
    assert report.silence_share > 0.75


def test_nothing_heard_has_no_level():
    for x in (np.zeros(0, np.float32), np.zeros(RATE, np.float32)):
        report = measure_level(x, RATE)
        assert (report.level_dbov, report.long_term_dbov) == (None, None)
        assert (report.activity, report.silence_share, report.sounding_s) == (0, 1, 0)
        assert (report.first_sound_s, report.last_sound_s) == (None, None)


def test_a_level_below_the_ladder_is_none_and_above_it_is_a_number():
    assert measure_level(scaled(tone(1), -120), RATE).level_dbov is None
    assert measure_level(scaled(tone(1), 60), RATE).level_dbov == pytest.approx(57, abs=0.3)
    assert active_level(0.0, ()) == (None, 0.0)


def test_a_nan_is_measured_as_zero_and_counted():
    clean = speech("man")
    dirty = clean.copy()
    clean[5000:5003] = 0
    dirty[5000:5003] = (np.nan, np.inf, -np.inf)
    want, got = measure_level(clean, RATE), measure_level(dirty, RATE)
    assert got.not_finite == 3
    assert got.level_dbov == want.level_dbov
    assert got.peak == want.peak


def test_dc_is_the_mean():
    assert measure_level(tone(2, amplitude=0.1) + np.float32(0.02), RATE).dc == pytest.approx(0.02, abs=1e-5)


def test_a_run_of_three_at_full_scale_is_clipped_and_two_are_not():
    x = noise(1, -40)
    x[100:102] = 1.0
    x[200:203] = -1.0
    x[300:310] = 0.99
    x[400:404] = (1.0, -1.0, 1.0, -1.0)
    report = measure_level(x, RATE)
    assert (report.clipped_samples, report.clip_runs) == (13, 2)


def test_speech_18_db_too_loud_is_clipped_and_speech_10_db_louder_is_hardly():
    for name in ("man", "woman"):
        loud = np.clip(scaled(speech(name), 18), -1, 1)
        assert measure_level(loud, RATE).clipped_share > 0.02
        assert measure_level(scaled(speech(name), 10), RATE).clipped_share < 0.001


def test_clipping_in_g711_is_seen_although_its_largest_value_is_below_full_scale():
    loud = np.clip(scaled(speech("man"), 18), -32124 / 32768, 32124 / 32768).astype(np.float32)
    assert measure_level(loud, RATE).clipped_share > 0.02


def cut_out(x, begin_s, ms, floor=0.0):
    y = x.copy()
    y[int(begin_s * RATE) : int(begin_s * RATE) + ms * RATE // 1000] = floor
    return y


def test_a_lost_packet_played_as_zeros_is_a_dropout_of_its_length():
    loud = int(np.argmax(np.abs(speech("man"))))
    report = measure_level(cut_out(speech("man"), (loud + 1) / RATE, 60), RATE)
    assert report.dropouts == 1
    assert report.dropout_ms == pytest.approx(60, abs=0.2)


def test_a_dropout_filled_with_a_laws_smallest_value_is_seen():
    loud = int(np.argmax(np.abs(speech("woman"))))
    assert measure_level(cut_out(speech("woman"), (loud + 1) / RATE, 20, 8 / 32768), RATE).dropouts == 1


@pytest.mark.parametrize("name", ["man", "woman"])
def test_clean_speech_has_no_dropout_even_with_digital_silence_in_its_pauses(name):
    x = speech(name)
    assert measure_level(x, RATE).dropouts == 0
    frames = x[: x.size // 320 * 320].reshape(-1, 320).copy()
    frames[np.sqrt(np.mean(frames**2, axis=1)) < 10 ** (-55 / 20)] = 0  # a gate 29 dB under the speech
    assert measure_level(frames.ravel(), RATE).dropouts == 0


def test_the_end_of_a_transmission_is_no_dropout_nor_is_a_pause_over_a_second():
    x = tone(1, amplitude=0.2)
    still = np.zeros(RATE + 1, np.float32)
    assert measure_level(np.concatenate([x, still]), RATE).dropouts == 0
    assert measure_level(np.concatenate([x, still, x]), RATE).dropouts == 0
    assert measure_level(np.concatenate([x, still[: RATE // 2], x]), RATE).dropouts == 1


def test_a_gap_shorter_than_5_ms_is_no_dropout():
    x = tone(1, hz=440, amplitude=0.2)
    assert measure_level(cut_out(x, 0.5, 4), RATE).dropouts == 0
    assert measure_level(cut_out(x, 0.5, 6), RATE).dropouts == 1


def test_the_silence_level_is_the_callers():
    x = noise(2, -50)
    assert measure_level(x, RATE).silence_share == 0
    assert measure_level(x, RATE, silence_dbov=-45).silence_share == 1


def test_reading_changes_nothing_and_reset_forgets_all():
    meter = SpeechMeter(RATE)
    fresh = meter.result()
    meter.process(speech("man"))
    assert meter.result() == meter.result()
    meter.reset()
    assert meter.result() == fresh


def test_what_is_no_float32_line_of_samples_is_refused():
    meter = SpeechMeter(RATE)
    with pytest.raises(TypeError):
        meter.process(np.zeros(10))
    with pytest.raises(TypeError):
        meter.process([0.0])
    with pytest.raises(ValueError, match="contiguous"):
        meter.process(np.zeros(10, np.float32)[::2])
    with pytest.raises(ValueError, match="one dimension"):
        meter.process(np.zeros((2, 5), np.float32))
    assert meter.result().seconds == 0


@pytest.mark.parametrize("rate", [0, -1, 7999, 96001, 1 << 40])
def test_a_rate_out_of_range_is_refused(rate):
    with pytest.raises(ParameterError):
        SpeechMeter(rate)


def test_a_silence_level_that_is_no_number_is_refused():
    with pytest.raises(ParameterError, match="finite"):
        SpeechMeter(RATE, silence_dbov=math.nan)


def test_a_minute_of_zeros_after_speech_leaves_no_activity_behind():
    meter = SpeechMeter(RATE)
    meter.process(speech("man"))
    before = meter.result()
    meter.process(np.zeros(60 * RATE, np.float32))
    after = meter.result()
    assert after.level_dbov == pytest.approx(before.level_dbov, abs=0.2)
    assert after.last_sound_s == before.last_sound_s
