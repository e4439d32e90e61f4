"""Band limit: the edges are found to 200 Hz, and telephone speech in a wideband file is told."""

import numpy as np
import pytest
import soxr
from support.line_faults import SPEAKERS, check, heard_through, identity, speech

RATE_HZ = 16_000


def band(samples: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(samples.size, 1 / RATE_HZ)
    return np.fft.irfft(np.where((hz >= low_hz) & (hz <= high_hz), spectrum, 1e-4 * spectrum), samples.size)


@pytest.mark.parametrize(
    ("high_hz", "words"), [(3400, ("narrow-band",)), (4000, ("narrow-band",)), (5000, ()), (6000, ())]
)
@pytest.mark.parametrize("name", SPEAKERS)
def test_the_upper_edge_is_found(name, high_hz, words):
    found = check("band-limit", band(speech(name), 0, high_hz), RATE_HZ)
    assert found.words == words
    assert found.figures["band_high_hz"] == pytest.approx(high_hz, abs=200)


@pytest.mark.parametrize("name", SPEAKERS)
def test_the_lower_edge_is_found(name):
    assert check("band-limit", speech(name), RATE_HZ).figures["band_low_hz"] <= 150
    found = check("band-limit", band(speech(name), 400, 8000), RATE_HZ)
    assert found.figures["band_low_hz"] == pytest.approx(350, abs=100)


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("codec", ["pcmu", "codec2"])
@pytest.mark.parametrize("name", SPEAKERS)
def test_a_telephone_codec_in_a_file_that_could_hold_more_is_told(name, codec, rate_hz):
    heard, own_hz = heard_through(codec, speech(name))
    assert check("band-limit", heard, own_hz).words == ()
    wide = soxr.resample(heard, own_hz, rate_hz)
    assert check("band-limit", wide, rate_hz).words == ("narrow-band",)


@pytest.mark.parametrize("name", SPEAKERS)
def test_wideband_speech_at_48_khz_is_not(name):
    assert check("band-limit", soxr.resample(speech(name), RATE_HZ, 48_000), 48_000).words == ()


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_narrow_reference_cannot_be_heard_wide(name):
    narrow = band(speech(name), 0, 3800)
    assert (
        check("band-limit", narrow, RATE_HZ, reference=narrow, aligned=identity(narrow, RATE_HZ)).words == ()
    )
    wide = speech(name)
    assert check("band-limit", narrow, RATE_HZ, reference=wide, aligned=identity(wide, RATE_HZ)).words == (
        "narrow-band",
    )
