from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.metrics import MetricRefused
from dsp.metrics.align import find_copies, find_offset, follow, refine, validate

RATE = 16000
SPEECH = Path(__file__).parents[2] / "softphone" / "data" / "speech"


def speech(name):
    return soundfile.read(SPEECH / f"{name}.wav", dtype="float32")[0]


MAN, WOMAN = speech("man"), speech("woman")


def hiss(samples, dbov=-80.0, seed=1):
    return (10 ** (dbov / 20) * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def joined(*parts):
    return np.concatenate(parts).astype(np.float32)


def mu_law(x):
    """Through 8-bit mu-law companding (mu = 255)."""
    y = np.round(np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256) * 127) / 127
    return (np.sign(y) * (256 ** np.abs(y) - 1) / 255).astype(np.float32)


@pytest.mark.parametrize("speaker", [MAN, WOMAN], ids=["man", "woman"])
@pytest.mark.parametrize("lead_s", [0, 0.0125, 8, 180])
def test_silence_in_front_is_the_offset(speaker, lead_s):
    lead = int(lead_s * RATE)
    found = find_offset(speaker, joined(hiss(lead), speaker), RATE)
    assert found.offset == lead
    assert found.polarity == 1
    assert found.correlation > 0.99


@given(
    lead=st.integers(0, 5 * RATE),
    head=st.integers(0, 2 * RATE),
    tail=st.integers(0, 2 * RATE),
    gain_db=st.floats(-40, 12),
    flip=st.sampled_from([1, -1]),
    man=st.booleans(),
)
@settings(deadline=None, max_examples=25)
def test_cut_ends_gain_and_polarity_do_not_move_the_offset(lead, head, tail, gain_db, flip, man):
    speaker = MAN if man else WOMAN
    heard = speaker[head : speaker.size - tail] * np.float32(flip * 10 ** (gain_db / 20))
    found = find_offset(speaker, joined(hiss(lead, gain_db - 80), heard), RATE)
    assert found.offset == lead - head
    assert found.polarity == flip


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
def test_any_rate_gives_the_offset_in_its_own_samples(rate):
    import soxr

    x = soxr.resample(WOMAN, RATE, rate).astype(np.float32)
    assert find_offset(x, joined(hiss(12345), x), rate).offset == 12345


def test_noise_as_loud_as_the_speech_does_not_hide_it():
    heard = joined(hiss(2 * RATE), MAN, hiss(RATE))
    assert abs(find_offset(MAN, heard + hiss(heard.size, -26, 2), RATE).offset - 2 * RATE) <= 1


def test_a_loud_noise_before_the_call_does_not_draw_the_offset_away():
    heard = joined(hiss(RATE), hiss(RATE // 2, -15), hiss(RATE), WOMAN)
    assert find_offset(WOMAN, heard, RATE).offset == 2.5 * RATE


def test_companding_and_a_filtered_line_keep_the_offset_within_a_sample():
    from scipy.signal import butter, sosfilt

    band = sosfilt(butter(2, (300, 3400), "bandpass", fs=RATE, output="sos"), MAN)
    found = find_offset(MAN, joined(hiss(7777), mu_law(band)), RATE)
    assert abs(found.offset - 7777) <= 3  # the filter's own delay


def vocoded(x):
    """Eight bands of noise that carry the envelopes of *x* and nothing of its waveform."""
    from scipy.signal import butter, sosfiltfilt

    noise, smooth, out = hiss(x.size, 0, 3), butter(2, 40, fs=RATE, output="sos"), np.zeros(x.size)
    for low, high in pairwise(np.geomspace(120, 3700, 9)):
        band = butter(3, (low, high), "bandpass", fs=RATE, output="sos")
        carrier = sosfiltfilt(band, noise)
        out += carrier / np.std(carrier) * np.maximum(0, sosfiltfilt(smooth, np.abs(sosfiltfilt(band, x))))
    return out.astype(np.float32)


@pytest.mark.parametrize("speaker", [MAN, WOMAN], ids=["man", "woman"])
def test_speech_whose_waveform_is_lost_is_found_by_its_envelope_to_5_ms(speaker):
    found = find_offset(speaker, joined(hiss(2 * RATE, -90), vocoded(speaker)), RATE)
    assert found.correlation < 0.25
    assert abs(found.offset - 2 * RATE) <= 80


def test_zeroed_packets_do_not_move_the_offset():
    rng = np.random.default_rng(5)
    heard = WOMAN.copy()
    for start in range(0, heard.size, 960):
        if rng.random() < 0.3:
            heard[start : start + 960] = 0
    assert find_offset(WOMAN, joined(hiss(4321), heard), RATE).offset == 4321


@pytest.mark.parametrize(("start", "seconds"), [(50000, 1.25), (30000, 2)])
def test_little_more_than_a_second_is_enough(start, seconds):
    part = MAN[start : start + int(seconds * RATE)]
    assert find_offset(MAN, part, RATE).offset == -start
    assert find_offset(part, MAN, RATE).offset == start


@pytest.mark.parametrize(
    ("reference", "degraded"),
    [
        (MAN, WOMAN),
        (WOMAN, MAN),
        (MAN, joined(hiss(RATE), WOMAN, hiss(RATE))),
        (MAN, hiss(10 * RATE, -26)),
        (WOMAN, np.sin(np.arange(8 * RATE) * 0.3).astype(np.float32) * 0.1),
        (MAN[:40000], MAN[60000:]),
        (MAN, WOMAN[20000:45000]),
    ],
    ids=["other speaker", "and back", "padded", "noise", "tone", "other words", "short"],
)
def test_audio_that_does_not_hold_the_reference_is_refused(reference, degraded):
    with pytest.raises(MetricRefused, match="not found"):
        find_offset(reference, degraded, RATE)


@pytest.mark.parametrize(
    ("reference", "degraded", "why"),
    [
        (MAN, np.zeros(5 * RATE, np.float32), "degraded signal is silent"),
        (np.zeros(5 * RATE, np.float32), MAN, "reference is silent"),
        (MAN, hiss(5 * RATE, -85), "silent"),
        (MAN, MAN[: RATE - 1], r"1 s or more, got 1\.000 s"),
        (MAN[:0], MAN, r"0\.000 s"),
        (np.stack([MAN, MAN]), MAN, "mono"),
        (MAN, joined(MAN, [np.nan]), "finite"),
    ],
)
def test_what_cannot_be_aligned_is_refused_with_a_reason(reference, degraded, why):
    with pytest.raises(MetricRefused, match=why):
        validate(reference, degraded, RATE)
    with pytest.raises(MetricRefused, match=why):
        find_offset(reference, degraded, RATE)


def test_a_loop_is_found_copy_by_copy_with_the_first_one_cut():
    heard = joined(WOMAN[50000:], WOMAN, WOMAN, WOMAN[:40000], hiss(3 * RATE))
    offsets = [copy.offset for copy in find_copies(WOMAN, heard, RATE)]
    assert offsets == [-50000 + n * WOMAN.size for n in range(4)]


def test_a_loop_that_drifts_is_still_followed():
    pause = hiss(240)
    heard = joined(MAN, pause, MAN, pause, MAN)
    offsets = [copy.offset for copy in find_copies(MAN, heard, RATE)]
    assert offsets == [n * (MAN.size + 240) for n in range(3)]


def test_a_reference_played_once_has_one_copy():
    assert len(find_copies(MAN, joined(hiss(RATE), MAN, hiss(20 * RATE, -60)), RATE)) == 1


def test_pieces_cover_the_overlap_once_and_keep_a_steady_offset():
    heard = joined(hiss(5000), MAN[3000:])
    pieces = list(follow(MAN, heard, RATE, find_offset(MAN, heard, RATE)))
    assert pieces[0].start == 0
    assert pieces[-1].stop == MAN.size
    assert all(a.stop == b.start for a, b in pairwise(pieces))
    assert {p.offset for p in pieces} == {2000}


def test_pieces_follow_a_delay_that_grows_and_shrinks():
    heard = joined(hiss(RATE), MAN[:40000], MAN[39040:80000], MAN[80400:])
    pieces = list(follow(MAN, heard, RATE, find_offset(MAN, heard, RATE)))
    offsets = [p.offset for p in pieces]
    assert list(dict.fromkeys(offsets)) == [RATE, RATE + 960, RATE + 560]


def test_a_piece_stays_inside_both_signals():
    heard = joined(MAN[:40000], MAN[40800:])[:-10]
    for piece in follow(MAN, heard, RATE, find_offset(MAN, heard, RATE)):
        assert 0 <= piece.start < piece.stop <= MAN.size
        assert 0 <= piece.start + piece.offset < piece.stop + piece.offset <= heard.size


def test_refine_finds_a_stretch_only_within_its_search():
    heard = joined(hiss(3000), MAN)
    near = refine(MAN[20000:40000], heard, RATE, expected=23100, search_s=0.01)
    assert near is not None
    assert near[0] == 23000
    assert near[1] > 0.99
    far = refine(MAN[20000:40000], heard, RATE, expected=26000, search_s=0.01)
    assert far is None or far[1] < 0.5
    assert refine(MAN[:20000], heard, RATE, expected=heard.size, search_s=0.01) is None
