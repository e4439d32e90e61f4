"""No check of the signal alone says a word of clean speech, through any codec."""

import pytest
import soxr
from support.line_faults import CODECS, SPEAKERS, check, heard_through, identity, speech

NAMES = ("band-limit", "clipping", "comfort-noise", "dc", "gain", "hum", "level", "noise", "silence")
NEEDS_REFERENCE = {"gain"}


@pytest.mark.parametrize("codec", [None, *CODECS])
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_clean_speech_has_no_word(speaker, codec):
    samples, rate_hz = (speech(speaker), 16_000) if codec is None else heard_through(codec, speech(speaker))
    said = {name: check(name, samples, rate_hz).words for name in NAMES if name not in NEEDS_REFERENCE}
    assert not {name: words for name, words in said.items() if words}


@pytest.mark.parametrize("codec", ["pcmu", "pcma", "g722", "opus"])
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_clean_speech_beside_its_reference_has_no_word(speaker, codec):
    heard, rate_hz = heard_through(codec, speech(speaker))
    reference = soxr.resample(speech(speaker), 16_000, rate_hz)
    aligned = identity(reference, rate_hz)
    said = {name: check(name, heard, rate_hz, reference=reference, aligned=aligned).words for name in NAMES}
    assert not {name: words for name, words in said.items() if words}
