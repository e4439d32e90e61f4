"""What cannot be aligned is refused with the reason, and nothing is made up."""

import numpy as np
import pytest
from support.heard import RATE, bundled, coded, noisy
from support.misalign import g711, line_noise

from dsp.alignment import align
from dsp.errors import MetricRefused
from dsp.track import ArrayTrack

MAN, WOMAN = bundled("man"), bundled("woman")


def tone(seconds):
    return (0.1 * np.sin(np.arange(int(seconds * RATE)) * 0.3)).astype(np.float32)


@pytest.mark.parametrize(
    ("reference", "degraded"),
    [
        (MAN, WOMAN),
        (WOMAN, MAN),
        (MAN, np.concatenate((line_noise(RATE), g711(WOMAN, RATE), line_noise(RATE)))),
        (MAN, line_noise(10 * RATE, dbov=-26)),
        (WOMAN, tone(8)),
        (MAN[:45000], MAN[60000:]),
        (WOMAN[:60000], g711(WOMAN, RATE)[64000:]),
        (MAN, WOMAN[20000:45000]),
        (MAN, np.ascontiguousarray(MAN[::-1])),
        (MAN, np.tile(WOMAN, 6)),
        (MAN[:45000], noisy(MAN[60000:], 10)),
    ],
    ids=[
        "other speaker", "and back", "padded", "noise", "tone", "other words", "her other words", "short", "backwards",
        "a minute of somebody else", "other words in noise",
    ],
)  # fmt: skip
def test_audio_that_does_not_hold_the_reference_is_refused(reference, degraded):
    with pytest.raises(MetricRefused, match="not found"):
        align(ArrayTrack(reference, RATE), ArrayTrack(degraded, RATE))


@pytest.mark.parametrize("speaker", ["man", "woman"])
def test_other_words_through_a_vocoder_are_refused(speaker):
    speech = bundled(speaker)
    half = speech.size // 2
    with pytest.raises(MetricRefused, match="not found"):
        align(ArrayTrack(speech[:half], RATE), ArrayTrack(coded(speech[half:], RATE, "vlc", 128), RATE))


@pytest.mark.parametrize(
    ("reference", "degraded", "why"),
    [
        (MAN, np.zeros(5 * RATE, np.float32), "the degraded signal is silent"),
        (np.zeros(5 * RATE, np.float32), MAN, "the reference is silent"),
        (MAN, line_noise(5 * RATE, dbov=-85), "silent"),
        (MAN, MAN[: RATE - 1], r"1 s or more to be aligned, got 1\.000 s"),
        (MAN[:0], MAN, r"got 0\.000 s"),
        (MAN[:1], MAN, r"1 s or more"),
        (np.concatenate((MAN[30000:34000], np.zeros(RATE, np.float32))), MAN, r"0\.5 s of speech"),
        (MAN, np.concatenate((MAN, np.array([np.nan], np.float32))), "must be numbers"),
        (np.where(np.arange(MAN.size) == 9, np.float32(np.inf), MAN), MAN, "must be numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_aligned_is_refused_with_a_reason(reference, degraded, why):
    with pytest.raises(MetricRefused, match=why):
        align(ArrayTrack(reference, RATE), ArrayTrack(degraded, RATE))


@pytest.mark.parametrize("rates", [(16000, 8000), (4000, 4000)])
def test_two_rates_and_too_low_ones_are_refused(rates):
    with pytest.raises(MetricRefused, match="one rate, 8000 Hz or more"):
        align(ArrayTrack(MAN, rates[0]), ArrayTrack(MAN, rates[1]))
