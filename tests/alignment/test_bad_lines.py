"""One delay stays one delay: losses, noise, low rates and vocoders make no jumps and no skew."""

import numpy as np
import pytest
from support.codecs import names
from support.heard import RATE, bundled, coded, noisy
from support.impairments import lossy
from support.misalign import g711, line_noise

from dsp.alignment import align
from dsp.track import ArrayTrack

LEAD = 5333
LINES = {
    "clean": (lambda x: x, 0.0, True),
    "G.711": (lambda x: g711(x, RATE), 0.0, True),
    "A-law at -40 dB, upside down": (lambda x: -0.01 * g711(x, RATE, name="pcma"), 0.0, True),
    "5 % loss": (lambda x: lossy(x, RATE, 5), 0.0, True),
    "15 % loss": (lambda x: lossy(x, RATE, 15), 0.0, True),
    "noise 10 dB below": (lambda x: noisy(x, 10), 0.0, True),
    "noise as loud": (lambda x: noisy(x, 0), 0.0, True),
    "constant offset": (lambda x: g711(x, RATE) + 0.1, 0.0, True),
    "hum": (lambda x: g711(x, RATE) + 0.05 * np.sin(2 * np.pi * 50 * np.arange(x.size) / RATE), 0.0, True),
    "Opus at 6 kb/s": (lambda x: coded(x, RATE, "opus", 60, 6000), 6.47, True),
    # The delays of vocoders were measured here; what was found in 42 clips lies within 3.5 ms of them.
    "VLC": (lambda x: coded(x, RATE, "vlc", 128), 32.0, False),
    "Codec2 at 2400 bit/s": (lambda x: coded(x, RATE, "codec2", 20, 2400), 20.0, False),
    "Codec2 at 700 bit/s": (lambda x: coded(x, RATE, "codec2", 40, 700), 30.0, False),
}
NEEDS = {"Opus at 6 kb/s": "opus", "Codec2 at 2400 bit/s": "codec2", "Codec2 at 700 bit/s": "codec2"}


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("speaker", ["man", "woman"])
def test_one_delay_and_nothing_else_is_found(speaker, line):
    if line in NEEDS and NEEDS[line] not in names():
        pytest.skip(f"{NEEDS[line]} is not installed")
    speech = bundled(speaker)
    through, delay_ms, kept = LINES[line]
    heard = np.concatenate((line_noise(LEAD), through(speech))).astype(np.float32)
    found = align(ArrayTrack(speech, RATE), ArrayTrack(heard, RATE))
    (stretch,) = found.stretches
    assert found.waveform_kept == kept
    assert found.polarity == (-1 if "upside" in line else 1)
    assert (found.changes, found.skew_ppm, found.copies) == ((), 0.0, 1)
    within_ms = 0.1 if kept else 4.0
    assert 1000 * (stretch.offset - LEAD) / RATE == pytest.approx(delay_ms, abs=within_ms)
    if delay_ms == 0.0 and "noise" not in line:
        assert stretch.offset == LEAD  # whole, so that nothing need be interpolated


@pytest.mark.parametrize("rate", [8000, 11025, 12000, 24000, 44100, 48000])
def test_any_rate_gives_positions_in_its_own_samples(rate):
    import soxr

    speech = soxr.resample(bundled("woman"), RATE, rate).astype(np.float32)
    heard = np.concatenate((line_noise(12345), speech))
    (stretch,) = align(ArrayTrack(speech, rate), ArrayTrack(heard, rate)).stretches
    assert (stretch.start, stretch.stop, stretch.offset) == (0, speech.size, 12345)


@pytest.mark.parametrize("by_ms", [100, -100, 200, -200])
@pytest.mark.parametrize("codec", ["vlc", "codec2"])
def test_jumps_are_found_in_what_a_vocoder_made(codec, by_ms):
    if codec not in names():
        pytest.skip(f"{codec} is not installed")
    speech, at, by = bundled("woman"), 60000, by_ms * RATE // 1000
    coded_speech = coded(speech, RATE, codec, 128 if codec == "vlc" else 20)
    parts = (
        (coded_speech[:at], line_noise(by), coded_speech[at:])
        if by > 0
        else (coded_speech[:at], coded_speech[at - by :])
    )
    found = align(ArrayTrack(speech, RATE), ArrayTrack(np.concatenate(parts), RATE))
    (change,) = found.changes
    assert change.by == pytest.approx(by, abs=0.005 * RATE)
    expected = at + max(0, by)
    assert change.at == pytest.approx(expected, abs=0.05 * RATE)


def test_a_filtered_line_keeps_the_delay_within_its_own():
    from scipy.signal import butter, sosfilt

    speech = bundled("man")
    band = sosfilt(butter(2, (300, 3400), "bandpass", fs=RATE, output="sos"), speech)
    heard = np.concatenate((line_noise(7777), g711(band.astype(np.float32), RATE)))
    (stretch,) = align(ArrayTrack(speech, RATE), ArrayTrack(heard, RATE)).stretches
    assert 0 < stretch.offset - 7777 < 16  # the filter's own delay, up to 1 ms at its lower edge
